"""Where models come from: files of this folder, plugins that are installed, and a file that somebody names.

A built-in model is a file of this folder in which a line begins with ``@model(`` or ``name = model(``; a plugin is an
entry point of group ``serbench.models`` that names its card; ``FILE.py`` holds cards as a plugin's module does.
"""

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from ..errors import InputError, unknown
from .parts.card import Card
from .parts.identity import text_of

GROUP = "serbench.models"
BUILT_IN = "serbench"  # who brings the models of this folder
_FILE = re.compile(r"(?P<file>.*\.py)(?::(?P<rest>.*))?", re.DOTALL)
_PREFIX = "serbench_file_"  # of the module that a file becomes; the rest is the file's name, wherever it lies


@cache
def installed() -> tuple[dict[str, Card], dict[str, str], dict[str, str]]:
    """Name -> card by name, name of a plugin -> why it does not load, and name -> who brings it; once per process.

    A name that two models use is an InputError.
    """
    errors: dict[str, str] = {}
    sources: list[tuple[Card, str]] = [(card, BUILT_IN) for card in _built_in()]
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        card = _plugin(point)
        if isinstance(card, Card):
            sources.append((card, f"{point.dist.name} {point.dist.version}" if point.dist else point.value))
        else:
            errors[point.name] = card
    origins: dict[str, tuple[Card, str]] = {}
    for card, origin in sources:
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


def _built_in() -> Iterator[Card]:
    package = __package__ or ""
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if not info.ispkg and re.search(r"^(@|\w+ = )model\(", text_of(info.name), re.MULTILINE):
            yield from _cards_in(importlib.import_module(info.name))


def _cards_in(module: ModuleType) -> Iterator[Card]:
    """The cards that a module makes, without those that it imports."""
    values = vars(module).values()
    yield from (value for value in values if isinstance(value, Card) and value.module == module.__name__)


def _plugin(point: EntryPoint) -> Card | str:
    """The card that an entry point names, or why there is none, in one line."""
    try:
        card = point.load()
    except (Exception, SystemExit) as error:  # whatever a stranger's module does at import
        return _in_one_line(error)
    if not isinstance(card, Card):
        return f"{point.value} is not a model's card; decorate its build function with @model(...)"
    if card.name != point.name:
        return f"{point.value} is called '{card.name}', its entry point '{point.name}'; give both one name"
    return card


def _in_one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def parts_of(spec: str) -> tuple[str, str]:
    """``FILE.py:REST`` -> (``FILE.py``, ``REST``); ('', spec) for a model that is installed. ``REST`` may be empty."""
    match = _FILE.fullmatch(spec)
    return (match["file"], match["rest"] or "") if match else ("", spec)


def from_file(path: Path, name: str) -> Card:
    """The card of that name in a file that is not installed; the file is executed once, and again when it changes.

    Its module is named by the file alone, so that a key does not depend on the folder. InputError for a file that is
    missing, broken or without such a model, and for a name that another model has.
    """
    module = _module_of(path.absolute())
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
    return [card for key in list(sys.modules) if key.startswith(_PREFIX) for card in _cards_in(sys.modules[key])]


def origin_of(card: Card) -> str:
    """Who brings a model: ``serbench``, a plugin's package and version, or the name of a file."""
    if card.module.startswith(_PREFIX):
        return Path(sys.modules[card.module].__file__ or "").name
    return installed()[2][card.name]


def _module_of(path: Path) -> ModuleType:
    """The module that a file becomes. InputError where it is missing or broken, or imports a file beside it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or 'is no text'}") from None
    name = _PREFIX + re.sub(r"\W", "_", path.stem)
    before = sys.modules.get(name)
    if before is not None and Path(before.__file__ or "").resolve() != path.resolve():
        raise InputError(f"two files of models have one name: {before.__file__} and {path}; rename one")
    if before is not None and vars(before)["__text__"] == text:
        return before
    spec = spec_from_file_location(name, path)
    if spec is None:
        raise InputError(f"{path}: is no Python file")
    module = module_from_spec(spec)
    vars(module)["__text__"] = text
    sys.modules[name] = module  # type hints of its settings are looked up there
    try:
        _refuse_neighbours(path, text)
        exec(compile(text, str(path), "exec"), vars(module))  # no kept bytecode: it may be that of an older text
    except (Exception, SystemExit) as error:  # whatever a stranger's file does
        del sys.modules[name]
        reason = str(error) if isinstance(error, InputError) else f"does not load: {_in_one_line(error)}"
        raise InputError(f"{path}: {reason}") from error
    return module


def _refuse_neighbours(path: Path, text: str) -> None:
    """InputError for a file that imports another one beside it, whose text would be in no key."""
    for node in ast.walk(ast.parse(text, path.name)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for top in (name.partition(".")[0] for name in names):
            if top and ((path.parent / f"{top}.py").is_file() or (path.parent / top / "__init__.py").is_file()):
                raise InputError(f"imports {top}, which lies beside it; a model of several files must be a plugin")
