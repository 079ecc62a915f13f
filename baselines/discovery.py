"""Where models come from: files of this folder, plugins that are installed, and a file that somebody names.

A built-in model is a file of this folder in which a line begins with ``@model(`` or ``name = model(``; a plugin is an
entry point of group ``serbench.models`` that names its card; ``FILE.py`` holds cards as a plugin's module does.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from .. import plugins
from ..errors import InputError, unknown
from .parts.card import Card
from .parts.identity import text_of

GROUP = "serbench.models"
BUILT_IN = "serbench"  # who brings the models of this folder
_FILE = re.compile(r"(?P<file>.*\.py)(?::(?P<rest>.*))?", re.DOTALL)


@cache
def installed() -> tuple[dict[str, Card], dict[str, str], dict[str, str]]:
    """Name -> card by name, name of another -> why it cannot be used, and name -> who brings it; once per process.

    A name that two models use is an InputError.
    """
    errors: dict[str, str] = {}
    origins: dict[str, tuple[Card, str]] = {}
    for name, card, origin in (*_built_in(), *_plugins()):
        if isinstance(card, str):
            errors[name] = card
            continue
        if card.name in origins:
            raise _clash(*origins[card.name], card, origin)
        origins[card.name] = (card, origin)
    names = sorted(origins)
    return {name: origins[name][0] for name in names}, errors, {name: origins[name][1] for name in names}


def _clash(first: Card, by: str, second: Card, other: str) -> InputError:
    return InputError(
        f"two models are called '{first.name}': {first.module} ({by}) and {second.module} ({other}); "
        "uninstall or rename one"
    )


def _built_in() -> Iterator[tuple[str, Card | str, str]]:
    package = __package__ or ""
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if not info.ispkg and re.search(r"^(@|\w+ = )model\(", text_of(info.name), re.MULTILINE):
            module = plugins.built_in(info.name)
            if isinstance(module, str):
                yield info.name.rpartition(".")[2].replace("_", "-"), module, BUILT_IN
            else:
                yield from ((card.name, card, BUILT_IN) for card in _cards_in(module))


def _cards_in(module: ModuleType) -> Iterator[Card]:
    """The cards that a module makes, without those that it imports."""
    values = vars(module).values()
    yield from (value for value in values if isinstance(value, Card) and value.module == module.__name__)


def _plugins() -> Iterator[tuple[str, Card | str, str]]:
    for point in plugins.points_of(GROUP):
        card = plugins.load(point, Card, "card of a model", "decorate its build function with @model(...)")
        yield point.name, card, plugins.origin_of(point)


def parts_of(spec: str) -> tuple[str, str]:
    """``FILE.py:REST`` -> (``FILE.py``, ``REST``); ('', spec) for a model that is installed. ``REST`` may be empty."""
    match = _FILE.fullmatch(spec)
    return (match["file"], match["rest"] or "") if match else ("", spec)


def from_file(path: Path, name: str) -> Card:
    """The card of that name in a file that is not installed; the file is executed once, and again when it changes.

    Its module is named by the file alone, so that a key does not depend on the folder. InputError for a file that is
    missing, broken or without such a model, and for a name that another model has.
    """
    module = plugins.module_of(path)
    cards = list(_cards_in(module))
    if not cards:
        raise InputError(f"{path}: holds no model; decorate a build function with @model(...)")
    names = [card.name for card in cards]
    if not name:
        raise InputError(f"{path}: which model? write {' or '.join(f'{path}:{each}' for each in names)}")
    if name not in names:
        raise unknown(f"model in {path}", name, names)
    card = cards[names.index(name)]
    if names.count(name) > 1:
        raise InputError(f"{path}: two models are called '{name}'; rename one")
    for other in (*installed()[0].values(), *in_files()):
        if other.name == name and other.module != card.module:
            by = f"{other.module} ({origin_of(other)})"
            raise InputError(f"two models are called '{name}': {by} and that in {path}; rename one")
    return card


def in_files() -> list[Card]:
    """The cards of all files that this process has executed."""
    return [card for module in plugins.executed() for card in _cards_in(module)]


def origin_of(card: Card) -> str:
    """Who brings a model: ``serbench``, a plugin's package and version, or the name of a file."""
    return plugins.file_of(card.module) or installed()[2][card.name]
