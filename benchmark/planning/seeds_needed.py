"""How many seeds a test needs, so that it may say something about the algorithms and not of their trainings alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from ...results.statistics.speakers import STUDENT_FROM
from ...results.statistics.uncertainty import LEAST_GROUPS, LEAST_TRAININGS

#: tests of differences of scores over speakers and trainings: without a measure of training luck they are refused
OVER_TRAININGS = frozenset(
    {
        "main", "two-way-t", "bayes", "tost", "order", "trend", "factors", "degradation", "interaction",
        "protocol-effect", "fold-trend",
    }
)  # fmt: skip
#: those that are over folds where speakers are in several
_OVER_FOLDS = frozenset({"main", "bayes", "tost"})


@dataclass(frozen=True, slots=True)
class FoldLayout:
    """Of one train -> test: its folds, test speakers, whether all are known, and whether any is in several folds."""

    folds: int
    speakers: int
    known: bool
    crossed: bool


def seeds_needed(test: str, layouts: Iterable[FoldLayout]) -> int | None:
    """The fewest seeds with which no layout has the test refused for the luck of training; None: none will do."""
    needs = [_needed(test, layout) for layout in layouts]
    allowed = [n for n in needs if n is not None]
    return max(allowed) if allowed else None


def _needed(test: str, at: FoldLayout) -> int | None:
    if test not in OVER_TRAININGS or (at.crossed and test in _OVER_FOLDS):
        return 1
    if not at.known or at.speakers < STUDENT_FROM:
        return None
    own = not at.crossed and (at.folds >= at.speakers or at.folds >= LEAST_GROUPS)
    return 1 if own else LEAST_TRAININGS
