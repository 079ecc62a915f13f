"""What a leak is worth: one model on the same utterances, under arms or protocols that leak less and less.

The one comparison over leaks that is made, always under the name "effect of protocol": of the utterances that both
steps test, over speakers and trainings.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ..evidence.arms import BASE
from ..evidence.groups import interval_of
from ..evidence.parts import parts_of
from ..evidence.pools import ByCell
from ..evidence.results import Result, by_name, results_of
from ..evidence.siblings import Siblings, by_sibling
from ..statistics.metrics import Metric
from ..statistics.speakers import Interval, PairedTest, paired_of, refused, refused_of
from ..statistics.uncertainty import contrast

NAME = "effect of protocol"


@dataclass(frozen=True)
class Drop:
    """This step minus the one it is held against, on the utterances that both test.

    ``score`` and ``other`` are of those utterances; ``left_out`` counts utterances that only one of the two tests.
    """

    against: str
    n_utterances: int
    left_out: int
    score: float | None
    other: float | None
    test: PairedTest


@dataclass(frozen=True)
class LadderStep:
    """A step: its score with the interval over test speakers, what it costs, and what siblings in training are worth.

    ``name`` is that of the arm or protocol; ``n`` counts test utterances. ``drop`` is None for the first step.
    ``siblings`` is None where no test row has any.
    """

    name: str
    leaks: tuple[str, ...]
    train: str
    n: int
    score: float | None
    interval: Interval
    drop: Drop | None
    siblings: Siblings | None


@dataclass(frozen=True)
class Ladder:
    """The steps of one model on one test corpus; ``held``: against the step before, or all against the first."""

    protocols: tuple[str, ...]
    model: str
    test: str
    label_map: str
    classes: tuple[str, ...]
    consecutive: bool
    steps: tuple[LadderStep, ...]
    role: str = "model"

    @property
    def chance(self) -> float:
        """Of guessing every class equally often."""
        return 1 / len(self.classes)


def ladders(
    records: pd.DataFrame,
    predictions: pd.DataFrame,
    metric: Metric,
    siblings: pd.DataFrame | None = None,
    order: Sequence[str] = (),
    level: float = 0.95,
) -> list[Ladder]:
    """Every ladder of clean scores: arms of a protocol that leak differently, and protocols that do.

    ``order`` of arms, and of protocols; what it does not name is sorted from leaky to honest. Arms with a ``base`` are
    all held against it. ``siblings``: fold_hash, row, siblings.
    """
    every = [
        e for e in by_name(results_of(records)) if len(e.records) and e.mixed is None and e.setup.condition == "clean"
    ]
    place = {name: i for i, name in enumerate(order)}
    groups = []
    for steps in _of_arms(every):
        steps = sorted(steps, key=lambda e: (e.arm != BASE, place.get(e.arm, len(place)), _leakiest(e), e.arm))
        groups.append((steps, steps[0].arm != BASE))
    for steps in _of_protocols(every):
        groups.append((sorted(steps, key=lambda e: (place.get(e.setup.protocol, len(place)), _leakiest(e))), True))
    about = (metric, siblings, level)
    by_cell = ByCell(predictions)
    return [_ladder(steps, consecutive, by_cell, about) for steps, consecutive in groups]


def _of_arms(every: Iterable[Result]) -> list[list[Result]]:
    """Arms of one protocol, model and test corpus that leak differently, or are trained on different corpora."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for e in every:
        groups.setdefault((e.setup.protocol, e.setup.label_map, e.setup.test, e.model), []).append(e)
    return [
        results for results in groups.values() if len({e.arm for e in results}) == len(results) > 1 and _differ(results)
    ]


def _differ(results: Sequence[Result]) -> bool:
    return len({e.setup.leaks for e in results}) > 1


def _of_protocols(every: Iterable[Result]) -> list[list[Result]]:
    """The base of a model under protocols that leak and one that does not; of several alike the first."""
    groups: dict[tuple[object, ...], dict[tuple[str, ...], Result]] = {}
    for e in sorted(every, key=lambda e: (e.setup.protocol != "speaker-independent", e.setup.protocol)):
        honest = not e.setup.leaks and e.setup.train == e.setup.test
        # without a leak and within one corpus, all protocols ask for the same: new speakers
        step = ("new speakers",) if honest else (e.setup.protocol, e.setup.train)
        if e.arm == BASE:
            groups.setdefault((e.setup.test, e.classes, e.label), {}).setdefault(step, e)
    kept = [list(results.values()) for results in groups.values()]
    return [
        results for results in kept if any(e.setup.leaks for e in results) and any(not e.setup.leaks for e in results)
    ]


def _leakiest(e: Result) -> tuple[object, ...]:
    return (not e.setup.leaks, -len(e.setup.leaks), e.setup.train != e.setup.test, e.setup.protocol, e.setup.train)


def _ladder(
    results: Sequence[Result],
    consecutive: bool,
    predictions: ByCell,
    about: tuple[Metric, pd.DataFrame | None, float],
) -> Ladder:
    first = results[0]
    across = len({e.setup.protocol for e in results}) > 1
    rows = [predictions.rows(e.records) for e in results]
    steps = []
    for k, result in enumerate(results):
        other = None if not k else k - 1 if consecutive else 0
        drop = None if other is None else _drop((result, results[other]), (rows[k], rows[other]), across, about)
        steps.append(_step(result, rows[k], drop, across, about))
    return Ladder(
        tuple(dict.fromkeys(e.setup.protocol for e in results)), first.model, first.setup.test, first.setup.label_map,
        first.classes, consecutive, tuple(steps), first.role,
    )  # fmt: skip


def _name(result: Result, across: bool) -> str:
    return result.setup.protocol if across else result.arm


def _step(
    result: Result,
    rows: pd.DataFrame,
    drop: Drop | None,
    across: bool,
    about: tuple[Metric, pd.DataFrame | None, float],
) -> LadderStep:
    metric, siblings, level = about
    setup = result.setup
    interval = interval_of(rows, result.classes, metric, level)
    split = None if siblings is None or not setup.leaks else by_sibling(rows, siblings, result.classes, metric)
    n = _utterances(rows).nunique()
    return LadderStep(
        _name(result, across), setup.leaks, setup.train, n, _pooled(rows, result, metric), interval, drop, split
    )


def _utterances(rows: pd.DataFrame) -> pd.Series:
    """Of each row: what it is itself, or a copy of."""
    return rows["row"].str.rpartition("#")[0]


def _pooled(rows: pd.DataFrame, result: Result, metric: Metric) -> float | None:
    """As tables have it: pooled over folds, mean over repeats within a seed, then over seeds."""
    if not len(rows):
        return None
    return parts_of(rows, result.classes).score(metric)


def _drop(
    pair: tuple[Result, Result],
    rows: tuple[pd.DataFrame, pd.DataFrame],
    across: bool,
    about: tuple[Metric, pd.DataFrame | None, float],
) -> Drop:
    metric, _, level = about
    names = [_utterances(part) for part in rows]
    common = set(names[0]) & set(names[1])
    left_out = len(set(names[0]) | set(names[1])) - len(common)
    a, b = (part[name.isin(common)] for part, name in zip(rows, names, strict=True))
    against = _name(pair[1], across)
    if reason := _why_not(pair, (a, b)):
        return Drop(against, len(common), left_out, None, None, refused(NAME, 0, reason))
    scores = [_pooled(part, result, metric) for part, result in zip((a, b), pair, strict=True)]
    if set(a["speaker"]) != set(b["speaker"]):
        reason = "the speakers of some utterances differ"
        return Drop(against, len(common), left_out, scores[0], scores[1], refused(NAME, 0, reason))
    u = contrast([(1.0, parts_of(a, pair[0].classes)), (-1.0, parts_of(b, pair[1].classes))], metric)
    test = refused_of(NAME, u) if u.about == "trained models" and not u.reason else paired_of(NAME, u, level)
    return Drop(against, len(common), left_out, scores[0], scores[1], test)


def _why_not(pair: tuple[Result, Result], rows: tuple[pd.DataFrame, pd.DataFrame]) -> str | None:
    a, b = pair
    if _tested(a) != _tested(b) or a.classes != b.classes:
        return "different data or classes"
    if not len(rows[0]):
        return "no utterance is tested under both"
    if rows[0]["speaker"].isna().any() or rows[1]["speaker"].isna().any():
        return "the speaker of some rows is unknown"
    if a.setup.protocol != b.setup.protocol and a.identity.settings != b.identity.settings:
        return "the model has different settings under the two protocols"
    return None


def _tested(result: Result) -> str:
    """Fingerprint of the test corpus."""
    data: Mapping[str, str] = json.loads(result.identity.data)
    return data.get(result.setup.test, "")
