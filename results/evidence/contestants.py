"""Who is compared with whom: the results of a run sorted into groups of one set-up, with a base and an order."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ...errors import InputError, unknown
from .arms import BASE
from .results import Result, Setup, label_of

Kind = Literal["arms", "models", "conditions"]
_KINDS: dict[str, Kind] = {"arms": "arms", "models": "models", "conditions": "conditions"}


@dataclass(frozen=True)
class Group:
    """Entries that answer one question: arms of a model, models under an arm, or conditions of both.

    ``setup`` is what they share; what differs in it (leaks, or the condition) is that of the first. ``members`` in
    order; ``base`` is one of them, or None: every pair is meant. ``names`` are those of the members, without what
    they share.
    """

    kind: Kind
    setup: Setup
    about: str
    members: tuple[Result, ...]
    base: Result | None

    @property
    def names(self) -> tuple[str, ...]:
        """What tells a member from the others."""
        return tuple(map(self.name, self.members))

    def name(self, result: Result) -> str:
        """One member, as printed."""
        if self.kind == "conditions":
            return result.setup.condition
        return result.arm if self.kind == "arms" else result.model if self.about else result.label

    @property
    def where(self) -> str:
        """Corpora and condition, and what all members are of."""
        condition = self.setup.condition
        parts = [self.setup.where, condition if condition != "clean" and self.kind != "conditions" else "", self.about]
        return ", ".join(filter(None, parts))


def groups(
    every: Sequence[Result],
    order: Mapping[str, int],
    base: str = "",
    levels: Sequence[str] = (),
    kind: Kind | None = None,
) -> list[Group]:
    """Sort what a run holds into groups, ``order`` as `order_of` has it. InputError for a base or level not there.

    ``base`` and ``levels`` are arms, models, labels (``model [arm]``) or, for levels, conditions; levels limit and
    order the members. Without them: arms against ``base`` where a model has several, without those that are the base
    over again, else all models, and the order is that of the plan. ``kind`` forces one.
    """
    words = [*levels, *([base] if base else [])]
    every = every if levels else without_copies(every)
    named = _kind_of(every, words) if words and kind is None else kind
    swept = _swept(every)
    members_of: dict[tuple[object, ...], list[Result]] = {}
    for result in every:
        chosen = named or ("arms" if result.setup.protocol in swept else "models")
        if not levels or _called(result, chosen, words):
            members_of.setdefault((chosen, *_shared(result, chosen, words)), []).append(result)
    sorted_groups = [_group(_KINDS[str(of)], members, base, levels, order) for (of, *_), members in members_of.items()]
    return [group for group in sorted_groups if len(group.members) > 1 and not (base and group.base is None)]


def without_copies(every: Sequence[Result]) -> list[Result]:
    """Without the points of a sweep that are its base: the same settings and changes, so the same trainings."""
    bases = {_twin(e) for e in every if e.arm == BASE}
    return [e for e in every if e.arm == BASE or not e.factors or _twin(e) not in bases]


def _twin(e: Result) -> tuple[object, ...]:
    facts = [json.dumps(e.records[name].iloc[0], sort_keys=True, default=list) for name in ("settings", "options")]
    return (*e.setup, e.model, *facts, *sorted(e.records["training"]))


def _swept(every: Sequence[Result]) -> set[str]:
    """The protocols under which a model has several arms."""
    arms: dict[tuple[str, str], set[str]] = {}
    for e in every:
        arms.setdefault((e.setup.protocol, e.model), set()).add(e.arm)
    return {protocol for (protocol, _), names in arms.items() if len(names) > 1}


def _kind_of(every: Sequence[Result], words: Sequence[str]) -> Kind:
    """What the words name, all of them the same kind of thing."""
    kinds: dict[Kind, set[str]] = {
        "models": {e.model for e in every} | {_plain(e.label) for e in every},
        "arms": {e.arm for e in every},
        "conditions": {e.setup.condition for e in every},
    }
    for kind, names in kinds.items():
        if all(word in names or _plain(word) in names for word in words):
            return kind
    everything = sorted(set().union(*({e.label for e in every}, kinds["arms"], kinds["conditions"])))
    lost = [word for word in words if not any(word in names or _plain(word) in names for names in kinds.values())]
    if lost:
        raise unknown("arm, model or condition", lost[0], everything)
    raise InputError(f"{', '.join(words)}: some are arms, some models, some conditions; name one kind")


def _plain(label: str) -> str:
    return label.replace(" ", "")


def _words_of(result: Result, kind: Kind) -> tuple[str, ...]:
    """How a result may be called."""
    if kind == "models":
        return (result.label, _plain(result.label), result.model)
    return (result.arm,) if kind == "arms" else (result.setup.condition,)


def _called(result: Result, kind: Kind, words: Sequence[str]) -> bool:
    return any(word in words or _plain(word) in map(_plain, words) for word in _words_of(result, kind))


def _shared(result: Result, kind: Kind, words: Sequence[str]) -> tuple[object, ...]:
    """What the members of a group have in common: for arms all but leaks and arm, for models all but the model."""
    setup = result.setup
    if kind == "arms":
        return (*setup._replace(leaks=()), result.model)
    if kind == "conditions":
        return (*setup.under(), result.label)
    labelled = any(_plain(word) == _plain(result.label) != result.model for word in words)
    return (*setup, "" if labelled or not words else result.arm)


def _group(kind: Kind, members: list[Result], base: str, levels: Sequence[str], order: Mapping[str, int]) -> Group:
    def place(result: Result) -> tuple[object, ...]:
        named = [i for i, level in enumerate(levels) if _called(result, kind, [level])]
        if named or levels:
            return (0, named[0] if named else -1, "")
        if kind == "conditions":
            return (1, *result.setup.order[-1])
        return (1, order.get(label_of(result.model, result.arm), len(order)), result.label)

    ordered = sorted(members, key=place)
    first = ordered[0]
    usual = BASE if kind == "arms" else "clean" if kind == "conditions" else ""
    bases = [e for e in ordered if (base or usual) and _called(e, kind, [base or usual])]
    alike = kind == "models" and len({e.arm for e in ordered}) == 1 and first.arm != BASE
    about = first.model if kind == "arms" else first.label if kind == "conditions" else first.arm if alike else ""
    return Group(kind, first.setup, about, tuple(ordered), bases[0] if bases else None)


def order_of(plan: pd.DataFrame, records: pd.DataFrame) -> dict[str, int]:
    """Label -> its place in what was asked for."""
    frames = [frame for frame in (plan, records) if len(frame)]
    pairs = [pair for frame in frames for pair in zip(frame["model"], frame["arm"], strict=True)]
    return {label_of(*pair): place for place, pair in enumerate(dict.fromkeys(pairs))}
