"""The protocols by name: files of the folder above, plugins that are installed, and a file that somebody names.

A built-in protocol is a module of the folder above that has a ``PROTOCOL``; a plugin is an entry point of group
``serbench.protocols`` that names one; ``FILE.py`` holds one as its ``PROTOCOL``.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ... import plugins
from ...errors import InputError, unknown
from .protocol import Protocol

GROUP = "serbench.protocols"
BUILT_IN = "serbench"  # who brings the protocols of the folder above


def protocols() -> dict[str, Protocol]:
    """Name -> protocol of every one that is installed, by name. A name that two of them use is an InputError."""
    return dict(_installed()[0])


def broken() -> dict[str, str]:
    """Name of a protocol that cannot be used -> why, in one line."""
    return dict(_installed()[1])


def origin_of(protocol: Protocol) -> str:
    """Who brings a protocol: ``serbench``, a plugin's package and version, or the name of its file."""
    return _installed()[2].get(protocol.name) or next(p for p, held in _in_files() if held.name == protocol.name)


def find(name: str) -> Protocol:
    """The protocol by its name, or by ``FILE.py``; then its name alone finds it too, in this process.

    InputError with the nearest name, or with what is wrong with a plugin or file.
    """
    if name.endswith(".py"):
        return from_file(Path(name))
    installed, errors, _ = _installed()
    by_name = installed | {protocol.name: protocol for _, protocol in _in_files()}
    if name in by_name:
        return by_name[name]
    if name in errors:
        raise InputError(f"protocol '{name}': {errors[name]}")
    raise unknown("protocol", name, [*by_name, *errors])


def from_file(path: Path) -> Protocol:
    """The ``PROTOCOL`` of a file that is not installed. InputError where there is none, or its name is taken."""
    module = plugins.module_of(path)
    protocol = getattr(module, "PROTOCOL", None)
    if not isinstance(protocol, Protocol):
        raise InputError(f"{path}: holds no protocol; write PROTOCOL = Protocol(...)")
    taken = {other.name: origin for origin, other in _in_files() if other is not protocol} | _installed()[2]
    if protocol.name in taken:
        raise InputError(f"two protocols are called '{protocol.name}': {taken[protocol.name]} and {path}; rename one")
    return protocol


@cache
def _installed() -> tuple[dict[str, Protocol], dict[str, str], dict[str, str]]:
    """Protocols, what is wrong with others, and who brings each; looked for once per process."""
    return collect([*_built_in(), *_plugins()])


def collect(
    sources: list[tuple[str, Protocol | str, str]],
) -> tuple[dict[str, Protocol], dict[str, str], dict[str, str]]:
    """From (name, protocol or what is wrong with it, origin) to those by name. InputError for two of one name."""
    by_name: dict[str, Protocol] = {}
    errors: dict[str, str] = {}
    origins: dict[str, str] = {}
    for name, protocol, origin in sources:
        if isinstance(protocol, str):
            errors[name] = protocol
            continue
        if name in by_name:
            modules = [f"{p.split.__module__} ({o})" for p, o in ((by_name[name], origins[name]), (protocol, origin))]
            raise InputError(f"two protocols are called '{name}': {' and '.join(modules)}; uninstall or rename one")
        by_name[name], origins[name] = protocol, origin
    return {name: by_name[name] for name in sorted(by_name)}, errors, origins


def _built_in() -> Iterator[tuple[str, Protocol | str, str]]:
    package = __name__.rsplit(".", 2)[0]
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        module = plugins.built_in(info.name)
        protocol = getattr(module, "PROTOCOL", None)
        if isinstance(module, str):
            yield info.name.rpartition(".")[2].replace("_", "-"), module, BUILT_IN
        elif isinstance(protocol, Protocol):
            yield protocol.name, protocol, BUILT_IN


def _plugins() -> Iterator[tuple[str, Protocol | str, str]]:
    for point in plugins.points_of(GROUP):
        yield point.name, plugins.load(point, Protocol, "protocol"), plugins.origin_of(point)


def _in_files() -> Iterator[tuple[str, Protocol]]:
    for module in plugins.executed():
        protocol = getattr(module, "PROTOCOL", None)
        if isinstance(protocol, Protocol):
            yield plugins.file_of(module.__name__), protocol
