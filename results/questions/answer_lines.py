"""What a test says, as plain data: a line per comparison, with the reason where it is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

import numpy as np
import pandas as pd

from ...seeds import stream
from ..evidence.contestants import Group, Kind, groups, order_of
from ..evidence.evidence import Evidence
from ..evidence.groups import interval_of
from ..evidence.pools import ByCell
from ..evidence.results import FLOOR, Result, Setup, by_name, results_of
from ..evidence.sides import Side, side
from ..statistics.metrics import Metric
from ..statistics.probabilities import ProbabilityMetric
from ..statistics.speakers import OVER_BOTH, Interval, PairedTest, paired_of, refused_of
from ..statistics.two_models import ROPE, holm
from ..statistics.uncertainty import Uncertainty
from ..statistics.variance import Spread, spread

OF_INTERVALS = partial(stream, "interval")  # the generator of a setup's intervals, from its facts
Block = Literal["speaker", "corpus"]  # what is ranked as one
Unit = Literal["points", "%", "sd", "dB", "rank", ""]


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One comparison, or one estimate.

    ``where``: the data, ``what``: the comparison. ``estimate``, ``low``, ``high`` are differences, shares or deviations
    in [-1, 1], shown in points or percent; with unit dB, rank or none they are shown as they are. ``p`` of the test,
    ``holm`` corrected over the answer. ``n`` of ``units`` (speakers, folds). ``reason``: why a test or interval is not
    there. ``note``: what else must be known.
    """

    where: str
    what: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    holm: float | None = None
    n: int | None = None
    units: str = "speakers"
    unit: Unit = "points"
    reason: str = ""
    note: str = ""

    @property
    def counted(self) -> str:
        """``n`` with its units, as 6 speakers or 1 seed; empty where nothing is counted."""
        if self.n is None:
            return ""
        one = "corpus" if self.units == "corpora" else self.units.removesuffix("s")
        return f"{self.n} {one if self.n == 1 else self.units}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The lines of one test, its name, what it does in a line, what must be known to read them, level of intervals.

    ``family``: how many p are corrected together, of this answer and of others. ``margin``: of equivalence.
    """

    test: str
    summary: str
    metric: str
    lines: tuple[AnswerLine, ...]
    notes: tuple[str, ...] = ()
    level: float = 0.95
    family: int = 0
    margin: float = ROPE


@dataclass(frozen=True)
class Question:
    """What a test works on: the evidence, the metric, and what is compared.

    ``probability``: the metric of probabilities that is asked for, None: all of them.
    ``blocks``: what ranks and trends are within. ``base`` and ``levels`` as `contestants.groups` takes them.
    ``margin``: of equivalence, and what a Bayesian chance takes as none.
    """

    evidence: Evidence
    metric: Metric
    base: str = ""
    levels: tuple[str, ...] = ()
    probability: ProbabilityMetric | None = None
    rng_for: Callable[..., np.random.Generator] = OF_INTERVALS
    level: float = 0.95
    blocks: Block = "speaker"
    margin: float = ROPE

    @property
    def records(self) -> pd.DataFrame:
        """Of all cells."""
        return self.evidence.records

    @property
    def predictions(self) -> pd.DataFrame:
        """Of all finished cells."""
        return self.evidence.predictions

    @property
    def plan(self) -> pd.DataFrame:
        """A line for every cell that was asked for."""
        return self.evidence.plan

    @cached_property
    def by_cell(self) -> ByCell:
        """The predictions, to pick from."""
        return ByCell(self.predictions)

    @cached_property
    def _sides(self) -> dict[tuple[Setup, str], Side]:
        return {}

    def side(self, result: Result) -> Side:
        """The side of a result, made once however often the result is compared."""
        at = (result.setup, result.label)
        if at not in self._sides:
            self._sides[at] = side(result, self.by_cell, self.metric)
        return self._sides[at]

    @cached_property
    def _spreads(self) -> dict[tuple[Setup, str], tuple[Spread, Interval]]:
        return {}

    def spread(self, result: Result) -> tuple[Spread, Interval]:
        """The deviations of a result, and the interval of its mean, computed once."""
        at = (result.setup, result.label)
        if at not in self._spreads:
            rows = self.side(result).rows
            deviations = spread(rows, result.classes, self.metric)
            self._spreads[at] = (deviations, interval_of(rows, result.classes, self.metric))
        return self._spreads[at]

    @cached_property
    def results(self) -> list[Result]:
        """Every model on every setup that has a finished cell."""
        return [e for e in by_name(results_of(self.records)) if len(e.records)]

    def groups(self, kind: Kind | None = None) -> list[Group]:
        """Who is compared with whom, as asked."""
        return self.grouped(kind, self.base, self.levels)

    def grouped(self, kind: Kind | None = None, base: str = "", levels: Sequence[str] = ()) -> list[Group]:
        """Who is compared with whom; arms and conditions of the floor only where there is nothing else."""
        every = groups(self.results, order_of(self.plan, self.records), base, levels, kind)
        others = [g for g in every if g.kind == "models" or g.members[0].role != FLOOR]
        return others or every


def of_test(where: str, what: str, test: PairedTest, units: str = "", note: str = "") -> AnswerLine:
    """The line of a paired test."""
    return AnswerLine(
        where, what, test.mean, test.low, test.high, test.p, None, test.n, units or test.units,
        reason=test.reason or "", note=note,
    )  # fmt: skip


def of_contrast(where: str, what: str, u: Uncertainty, level: float, note: str = "") -> AnswerLine:
    """The line of a contrast of scores; without p where it holds of the trained models only, and says so."""
    if u.about == "algorithms" or u.reason:
        return of_test(where, what, paired_of(OVER_BOTH, u, level), note=note)
    return of_test(where, what, refused_of(OVER_BOTH, u), note="; ".join(filter(None, (note, of_trained(u, level)))))


def of_trained(u: Uncertainty, level: float) -> str:
    """What holds of the trained models alone."""
    low, high = u.interval(level)
    if low is None or high is None:
        return ""
    return f"these trained models alone: {100 * u.estimate:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}], p {u.p():.3f}"


def of_interval(
    where: str, what: str, value: float | None, interval: Interval, n: int | None, note: str = ""
) -> AnswerLine:
    """The line of an estimate with its interval."""
    return AnswerLine(
        where, what, value, interval.low, interval.high, n=n, unit="%", reason=interval.reason or "", note=note
    )


def corrected(lines: Sequence[AnswerLine]) -> tuple[AnswerLine, ...]:
    """The lines with p corrected by Holm over all of them that have none yet: they are one family."""
    family = [None if line.holm is not None else line.p for line in lines]
    of_family = holm(family)
    return tuple(replace(x, holm=p) if x.holm is None else x for x, p in zip(lines, of_family, strict=True))


def corrected_together(answers: Sequence[Answer]) -> list[Answer]:
    """Answers with the p of all their lines corrected by Holm as one family, whatever each was corrected over."""
    family = [line.p for each in answers for line in each.lines]
    of_family, size = iter(holm(family)), sum(p is not None for p in family)
    return [
        replace(each, lines=tuple(replace(line, holm=next(of_family)) for line in each.lines), family=size)
        for each in answers
    ]
