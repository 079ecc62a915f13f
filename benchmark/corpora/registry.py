"""The registry: all corpora that can be read from a folder, built in and from plugins, by name.

A corpus is an adapter and its facts. A built-in adapter is a file of this folder in which a line begins with
``ADAPTER = `` (crema_d.py), its facts lie in data/ (crema-d.toml). A plugin's adapter is what an entry point of group
``serbench.corpora`` names, its facts lie beside that module. Both are found, not listed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from ... import plugins
from ...errors import InputError, at_home, unknown
from ...protocols.parts.labels import CorpusLabels
from . import synthetic, user_table
from .facts import Facts, read_facts
from .folder import Adapter, Reading
from .settle import nobody, one_class

GROUP = "serbench.corpora"
_HERE = Path(__file__).parent
_DATA = _HERE / "data"


@dataclass(frozen=True)
class CorpusCard:
    """A corpus: how it is read, what is known about it, the folder of its facts, its module and who brings it."""

    adapter: Adapter
    facts: Facts
    folder: Path
    module: str
    provider: str


def cards() -> dict[str, CorpusCard]:
    """Name -> card of every corpus that is installed, by name. A name that two of them use is an InputError."""
    return dict(_installed()[0])


def broken() -> dict[str, str]:
    """Name of a corpus that cannot be used -> why, in one line."""
    return dict(_installed()[1])


def find(name: str) -> CorpusCard:
    """The card of a corpus; InputError with the nearest name, or with what is wrong with it."""
    installed, errors = _installed()
    if name in installed:
        return installed[name]
    if name in errors:
        raise InputError(f"corpus '{name}': {errors[name]}")
    raise unknown("corpus", name, [*installed, *errors])


def fates() -> dict[str, CorpusLabels]:
    """What each corpus says of its classes, for label maps."""
    return {name: card.facts.labels for name, card in _installed()[0].items()}


def read(name: str, source: Path) -> Reading:
    """Utterance table of a corpus, and a line for whatever was left out.

    A corpus that is installed is read from its folder in the original layout; any other name from a CSV or Parquet
    table, or a folder that holds ``utterances.csv`` or ``utterances.parquet``. Raises InputError when that cannot be.
    """
    installed, errors = _installed()
    if name in installed or name in errors:
        card = find(name)
        return nobody(card.adapter.read(source), name, card.facts.unknown_speakers)
    file = user_table.find_table(source)
    if file is None and not at_home(source).exists():
        raise InputError(f"{name}: there is no file or folder {source}")
    if file is None:
        raise InputError(
            f"{unknown('corpus', name, installed)}; a corpus of your own is a CSV or Parquet table, or a folder with "
            f"utterances.csv, which {source} is not"
        )
    return one_class(nobody(user_table.read(name, file), name), name)


@cache
def _installed() -> tuple[dict[str, CorpusCard], dict[str, str]]:
    """Cards, and what is wrong with the others; looked for once per process."""
    errors: dict[str, str] = {}
    by_name: dict[str, CorpusCard] = {}
    origins = dict.fromkeys(synthetic.NAMES, f"{synthetic.__name__} (serbench)")
    for name, card in (*_built_in(), *_plugins()):
        if isinstance(card, str):
            errors[name] = card
            continue
        origin = f"{card.module} ({card.provider})"
        if name in origins:
            raise InputError(f"two corpora are called '{name}': {origins[name]} and {origin}; uninstall or rename one")
        origins[name] = origin
        by_name[name] = card
    return {name: by_name[name] for name in sorted(by_name)}, errors


def _built_in() -> Iterator[tuple[str, CorpusCard | str]]:
    """Adapters of this folder with their facts; facts without an adapter are named too."""
    left = {path.stem for path in _DATA.glob("*.toml")}
    for path in sorted(_HERE.glob("*.py")):
        if re.search(r"^ADAPTER = ", path.read_text(encoding="utf-8"), re.MULTILINE):
            module = f"{__package__}.{path.stem}"
            loaded = plugins.built_in(module)
            name = path.stem.replace("_", "-") if isinstance(loaded, str) else loaded.ADAPTER.name
            left.discard(name)
            yield name, loaded if isinstance(loaded, str) else _card(loaded.ADAPTER, _DATA, module, "serbench")
    for name in sorted(left):
        file = _HERE / f"{name.replace('-', '_')}.py"
        yield name, f"no adapter for {_DATA / name}.toml; write {file} with a line ADAPTER = ..."


def _plugins() -> Iterator[tuple[str, CorpusCard | str]]:
    for point in plugins.points_of(GROUP):
        yield point.name, _plugin(point)


def _plugin(point: EntryPoint) -> CorpusCard | str:
    """The card of what an entry point names, or why there is none, in one line."""
    adapter = plugins.load(point, Adapter, "adapter")
    if isinstance(adapter, str):
        return adapter
    spec = find_spec(point.module)
    folder = Path(spec.origin if spec and spec.origin else ".").parent
    return _card(adapter, folder, point.module, plugins.origin_of(point))


def _card(adapter: Adapter, folder: Path, module: str, provider: str) -> CorpusCard | str:
    try:
        return CorpusCard(adapter, read_facts(adapter.name, folder), folder, module, provider)
    except InputError as error:
        return str(error)
