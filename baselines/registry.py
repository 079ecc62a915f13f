"""The registry: one decorator that makes a card, and the cards of built-in files and of plugins by name.

A built-in model is a file of this folder in which a line begins with ``@model(`` or ``name = model(``; a plugin is an
entry point of group ``serbench.models`` that names its card. Both are found, not listed; a card imports no torch.
"""

import ast
import importlib
import pkgutil
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, resolve_name
from typing import Any, Literal, cast, get_args, get_origin

from ..errors import InputError, unknown
from .card import RECIPE, Card, Classical, Kind, NoSettings, Recipe, Task, Variant, never, nothing
from .settings import change, hints, parse

__all__ = [
    "GROUP",
    "RECIPE",
    "Card",
    "Classical",
    "Kind",
    "ModelChoice",
    "NoSettings",
    "Recipe",
    "Task",
    "Variant",
    "broken",
    "cards",
    "choose",
    "find",
    "model",
    "modules_of",
    "provider",
    "settings_of",
    "text_of",
]  # fmt: skip

GROUP = "serbench.models"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def model(
    *,
    name: str | None = None,
    version: int = 1,
    kind: Kind = "network",
    settings: Any = None,
    profiles: Mapping[str, Mapping[str, Any]] | None = None,
    variants: Mapping[str, Variant] | None = None,
    explain: Mapping[str, str] | None = None,
    origin: str = "",
    summary: str | None = None,
    sources: tuple[str, ...] = (),
    modalities: tuple[str, ...] = ("audio",),
    min_seconds: float = 0.0,
    companions: frozenset[str] = frozenset(),
    idle: frozenset[str] = frozenset(),
    needs: Callable[[Any], str | None] = nothing,
    recurrent: Callable[[Any], bool] = never,
    adapts: Callable[[Any], bool] = never,
) -> Callable[[Callable[[Any, Task], Any]], Card]:
    """Turn ``build(settings, task)`` into a `Card`; the fields are explained there.

    The name is the function's with ``-`` for ``_``, the summary the first line of its docstring, the settings those
    of `Recipe` where serbench trains it and none otherwise, unless given. Raises InputError for a name, profile,
    variant or explanation that does not fit.
    """

    def decorate(build: Callable[[Any, Task], Any]) -> Card:
        given = (Recipe() if kind == "network" else NoSettings()) if settings is None else settings
        card = Card(
            name=name or build.__name__.replace("_", "-"),
            version=version,
            kind=kind,
            summary=summary or (build.__doc__ or "").strip().partition("\n")[0],
            origin=origin,
            settings=given,
            build=build,
            module=build.__module__,
            profiles={"clean": {}, **(profiles or {})},
            variants=variants or {},
            explain={**RECIPE, **(explain or {})},
            modalities=modalities,
            sources=sources,
            min_seconds=min_seconds,
            companions=companions,
            idle=idle,
            needs=needs,
            recurrent=recurrent,
            adapts=adapts,
        )
        _check(card)
        return card

    return decorate


def cards() -> dict[str, Card]:
    """Name -> card of every model that is installed, by name. A name that two of them use is an InputError."""
    return dict(_found()[0])


def broken() -> dict[str, str]:
    """Name of a plugin that cannot be loaded -> why, in one line."""
    return dict(_found()[1])


def provider(card: Card) -> str:
    """Who brings the model: ``serbench`` or the plugin's package and version."""
    return _found()[2][card.name]


def find(name: str) -> Card:
    """The card of a model; InputError with the nearest name, or with the error of a broken plugin."""
    found, errors, _ = _found()
    if name in found:
        return found[name]
    if name in errors:
        raise InputError(f"model '{name}': its plugin does not load: {errors[name]}")
    raise unknown("model", name, [*found, *errors])


@dataclass(frozen=True)
class ModelChoice:
    """A model with its profile, variants and settings; ``spec`` is how it is written."""

    card: Card
    profile: str
    variants: tuple[str, ...]
    settings: Any

    @property
    def spec(self) -> str:
        """The one way to write it: ``name``, ``name:profile``, ``name+variant``, ``name:profile+a+b``."""
        profile = "" if self.profile == "clean" else f":{self.profile}"
        return "+".join((self.card.name + profile, *self.variants))


def choose(spec: str, overrides: Mapping[str, str] = {}) -> ModelChoice:
    """Read ``name:profile+variant`` and set ``overrides`` (setting -> text) on top.

    Two variants, or a variant and an override, that set the same setting contradict each other: InputError, as for
    everything unknown and for values of the wrong type.
    """
    head, *names = spec.split("+")
    name, colon, profile = head.partition(":")
    card = find(name)
    profile = profile if colon else "clean"
    settings = settings_of(card, profile)
    values = parse(settings, overrides, name)
    owner = dict.fromkeys(values, "an override")
    for variant in names:
        if variant not in card.variants:
            raise unknown(f"variant of {name}", variant, card.variants)
        for setting in card.variants[variant].settings:
            if setting in owner:
                raise InputError(f"'{spec}': {owner[setting]} and variant '{variant}' both set '{setting}'; keep one")
            owner[setting] = f"variant '{variant}'"
        values |= card.variants[variant].settings
    return ModelChoice(card, profile, tuple(sorted(names)), change(settings, values, spec))


def settings_of(card: Card, profile: str) -> Any:
    """The settings of a profile; InputError for one that the model does not have."""
    if profile not in card.profiles:
        raise _no_profile(card, profile)
    return change(card.settings, card.profiles[profile], f"{card.name}:{profile}")


def _no_profile(card: Card, word: str) -> InputError:
    """For a word that is no profile: what it is instead, or the nearest profile."""
    if word in card.variants:
        return InputError(f"'{word}' is a variant of {card.name}, not a profile; write {card.name}+{word}")
    for setting, hint in hints(card.settings).items():
        if get_origin(hint) is Literal and word in get_args(hint):
            now = " (its default)" if getattr(card.settings, setting) == word else ""
            return InputError(
                f"'{word}' is a value of the setting {setting} of {card.name}{now}, not a profile; "
                f"write --set {card.name}.{setting}={word}. Profiles: {', '.join(card.profiles)}"
            )
    return unknown(f"profile of {card.name}", word, card.profiles)


def modules_of(card: Card) -> tuple[str, ...]:
    """The modules whose text is the model's identity: its own, and what they import from its package, sorted.

    Found by reading import statements, also those inside functions; nothing is imported but packages. The registry,
    the data types and what lies outside the model's top-level package (for built-ins: this folder) do not count.
    """
    package = __package__ or ""
    home = package if card.module.startswith(f"{package}.") else card.module.partition(".")[0]
    ours = {f"{package}.{name}" for name in ("registry", "card", "settings")}
    seen: set[str] = set()
    todo = [card.module, *(resolve_name(name, card.module.rpartition(".")[0]) for name in card.sources)]
    while todo:
        module = todo.pop()
        if module in seen or module in ours or not f"{module}.".startswith(f"{home}."):
            continue
        seen.add(module)
        todo += _imports(module)
    return tuple(sorted(seen))


def text_of(module: str) -> str:
    """The source text of a module, without importing it; InputError where it has none."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    text = getattr(spec.loader, "get_source", lambda name: None)(module) if spec else None
    if text is None:
        raise InputError(f"module {module}: its source text cannot be read, so its model has no identity")
    return cast(str, text)


def _imports(module: str) -> Iterator[str]:
    """Modules that the import statements of a module name and that exist."""
    spec = find_spec(module)
    package = module if spec and spec.submodule_search_locations is not None else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(text_of(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            inside = find_spec(base) if base.partition(".")[0] == package.partition(".")[0] else None
            yield base
            if inside and inside.submodule_search_locations is not None:
                yield from (f"{base}.{alias.name}" for alias in node.names if find_spec(f"{base}.{alias.name}"))


@cache
def _found() -> tuple[dict[str, Card], dict[str, str], dict[str, str]]:
    """Cards, errors of plugins, and who brings each card; looked for once per process."""
    errors: dict[str, str] = {}
    found: list[tuple[Card, str]] = [(card, "serbench") for card in _built_in()]
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        card = _plugin(point)
        if isinstance(card, Card):
            found.append((card, f"{point.dist.name} {point.dist.version}" if point.dist else point.value))
        else:
            errors[point.name] = card
    origins: dict[str, tuple[Card, str]] = {}
    for card, origin in found:
        if card.name in origins:
            first, by = origins[card.name]
            raise InputError(
                f"two models are called '{card.name}': {first.module} ({by}) and {card.module} ({origin}); "
                "uninstall or rename one"
            )
        origins[card.name] = (card, origin)
    names = sorted(origins)
    return {name: origins[name][0] for name in names}, errors, {name: origins[name][1] for name in names}


def _built_in() -> Iterator[Card]:
    package = __package__ or ""
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if not info.ispkg and re.search(r"^(@|\w+ = )model\(", text_of(info.name), re.MULTILINE):
            values = vars(importlib.import_module(info.name)).values()
            yield from (value for value in values if isinstance(value, Card) and value.module == info.name)


def _plugin(point: EntryPoint) -> Card | str:
    """The card that an entry point names, or why there is none, in one line."""
    try:
        card = point.load()
    except (Exception, SystemExit) as error:  # whatever a stranger's module does at import
        return " ".join("".join(traceback.format_exception_only(error)).split())
    if not isinstance(card, Card):
        return f"{point.value} is not a model's card; decorate its build function with @model(...)"
    if card.name != point.name:
        return f"{point.value} is called '{card.name}', its entry point '{point.name}'; give both one name"
    return card


def _check(card: Card) -> None:
    """Refuse a card that contradicts itself, when its file is imported."""
    where = f"model '{card.name}'"
    if isinstance(card.settings, type) or not is_dataclass(card.settings):
        raise InputError(f"{where}: its settings are {card.settings!r}: an instance of a frozen dataclass was expected")
    for word in (card.name, *card.profiles, *card.variants):
        if not _NAME.fullmatch(word):
            raise InputError(f"{where}: '{word}' is not a name: small letters and digits, joined by '-'")
    for profile, values in card.profiles.items():
        change(card.settings, values, f"{where}: profile '{profile}'")
    for name, variant in card.variants.items():
        change(card.settings, variant.settings, f"{where}: variant '{name}'")
    known = hints(card.settings)
    for name in card.explain:
        if name not in known and name not in RECIPE:
            raise unknown(f"setting explained by {where}", name, known)
    for profile in card.companions - card.profiles.keys():
        raise unknown(f"profile in companions of {where}", profile, card.profiles)
    if card.profiles["clean"]:
        raise InputError(f"{where}: profile 'clean' is the defaults of the settings; it changes nothing")
    if card.kind not in get_args(Kind):
        raise InputError(f"{where}: kind '{card.kind}' is none of {', '.join(get_args(Kind))}")
