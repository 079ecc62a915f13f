"""The protocols by name: every module of the folder above that has a PROTOCOL, found by where it lies."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache

from ...errors import InputError, unknown
from .protocol import Protocol


@cache
def protocols() -> dict[str, Protocol]:
    """Name -> protocol, by name."""
    return collect(_built_in())


def find(name: str) -> Protocol:
    """The protocol; InputError with the nearest name."""
    if name not in protocols():
        raise unknown("protocol", name, protocols())
    return protocols()[name]


def collect(found: Iterable[Protocol]) -> dict[str, Protocol]:
    """By name. InputError for two of one name; a third party's protocols would be added here."""
    named: dict[str, Protocol] = {}
    for protocol in found:
        if protocol.name in named:
            modules = f"{named[protocol.name].split.__module__} and {protocol.split.__module__}"
            raise InputError(f"two protocols are called '{protocol.name}': {modules}; rename one")
        named[protocol.name] = protocol
    return dict(sorted(named.items()))


def _built_in() -> Iterator[Protocol]:
    package = __name__.rsplit(".", 2)[0]
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        found = getattr(importlib.import_module(info.name), "PROTOCOL", None)
        if isinstance(found, Protocol):
            yield found
