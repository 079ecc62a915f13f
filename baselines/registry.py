"""The registry: one decorator that makes a card, and all cards by name: built in, of plugins, and of a file.

All are found, not listed (`discovery`); a card imports no torch.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ..errors import InputError, unknown
from . import discovery
from .discovery import GROUP, parts_of
from .parts.card import RECIPE, Card, Classical, Kind, NoSettings, Recipe, Role, Task, Variant, never, nothing
from .parts.changes import change, hints, parse
from .parts.identity import modules_of, text_of

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
    role: Role = "model",
    seeded: bool = True,
) -> Callable[[Callable[[Any, Task], Any]], Card]:
    """Turn ``build(settings, task)`` into a `Card`; the fields are explained there.

    The name is the function's with ``-`` for ``_``, the summary the first line of its docstring, the settings those
    of `Recipe` where serbench trains it and none otherwise, unless given. Raises InputError for a name, profile,
    variant or explanation that does not fit.
    """

    def decorate(build: Callable[[Any, Task], Any]) -> Card:
        defaults = (Recipe() if kind == "network" else NoSettings()) if settings is None else settings
        card = Card(
            name=name or build.__name__.replace("_", "-"),
            version=version,
            kind=kind,
            summary=summary or (build.__doc__ or "").strip().partition("\n")[0],
            origin=origin,
            settings=defaults,
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
            role=role,
            seeded=seeded,
        )
        _check(card)
        return card

    return decorate


def cards() -> dict[str, Card]:
    """Name -> card of every model that is installed, by name. A name that two of them use is an InputError."""
    return dict(discovery.installed()[0])


def broken() -> dict[str, str]:
    """Name of a model that cannot be used -> why, in one line."""
    return dict(discovery.installed()[1])


def provider(card: Card) -> str:
    """Who brings the model: ``serbench``, the plugin's package and version, or the name of its file."""
    return discovery.origin_of(card)


def find(name: str) -> Card:
    """The card of a model by its name, or by ``FILE.py:NAME``; then its name alone finds it too, in this process.

    InputError with the nearest name, or with the error of a broken plugin or file.
    """
    file, rest = parts_of(name)
    if file:
        return discovery.from_file(Path(file), rest)
    models, errors, _ = discovery.installed()
    models = models | {card.name: card for card in discovery.in_files()}
    if name in models:
        return models[name]
    if name in errors:
        raise InputError(f"model '{name}': {errors[name]}")
    raise unknown("model", name, [*models, *errors])


def name_of(spec: str) -> str:
    """The name of the model in ``[FILE.py:]NAME[:PROFILE][+VARIANT]``; nothing is looked up."""
    return parts_of(spec)[1].partition("+")[0].partition(":")[0]


def anywhere(spec: str) -> str:
    """A spec that means the same in every folder and process: with the whole path of its file, where it has one."""
    file, rest = parts_of(spec)
    return f"{Path(file).absolute()}:{rest}" if file else spec


@dataclass(frozen=True)
class ModelChoice:
    """A model with its profile, variants and settings; ``spec`` is how tables call it."""

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
    """Read ``[FILE.py:]name:profile+variant`` and set ``overrides`` (setting -> text) on top.

    Two variants, or a variant and an override, that set the same setting contradict each other: InputError, as for
    everything unknown and for values of the wrong type.
    """
    file, rest = parts_of(spec)
    head, *names = rest.split("+")
    name, colon, profile = head.partition(":")
    card = find(f"{file}:{name}" if file else name)
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
    fields = hints(card.settings)
    for name in card.explain:
        if name not in fields and name not in RECIPE:
            raise unknown(f"setting explained by {where}", name, fields)
    for profile in card.companions - card.profiles.keys():
        raise unknown(f"profile in companions of {where}", profile, card.profiles)
    if card.profiles["clean"]:
        raise InputError(f"{where}: profile 'clean' is the defaults of the settings; it changes nothing")
    if card.kind not in get_args(Kind):
        raise InputError(f"{where}: kind '{card.kind}' is none of {', '.join(get_args(Kind))}")
