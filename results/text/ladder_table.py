"""The leak ladder as a table below that of the scores: a line per step, what it costs, what siblings are worth."""

from collections.abc import Sequence

import pandas as pd

from ..evidence.results import FLOOR
from ..evidence.scores import Value
from ..evidence.siblings import SiblingPart
from ..questions.ladder import Ladder, LadderStep, ladders
from ..statistics.metrics import METRICS
from ..statistics.two_models import holm
from .comparison_text import interval, p_value
from .grids import POINT, Document, Grid, Lines
from .words import NONE, percent, with_interval

NOTE = (
    "minus: score of this step minus {against}, in points, of the utterances that both test (effect of protocol), over "
    "speakers and trainings; p corrected by Holm over the steps of the table"
)
SIBLINGS = "sibling: test rows of which training has another row of the same utterance, and the others"


def found(records: pd.DataFrame, predictions: pd.DataFrame, plan: pd.DataFrame, siblings: pd.DataFrame) -> list[Ladder]:
    """The ladders of a run, those of the floor only where there are no others."""
    order = tuple(dict.fromkeys(plan["arm"]))
    every = ladders(records, predictions, METRICS["uar"], siblings, order)
    return [one for one in every if one.role != FLOOR] or every


def document(every: Sequence[Ladder]) -> Document:
    """A table for each ladder, its notes below."""
    return Document(lambda width: [(grid(one), Lines(tuple(notes(one)), POINT)) for one in every])


def grid(one: Ladder) -> Grid:
    """A line per step."""
    split = any(step.siblings for step in one.steps)
    minus = "minus the\nstep before [95 %]" if one.consecutive else "minus\nthe first [95 %]"
    header = ("step", "UAR [95 %]", minus, "p", "Holm", *(("with a\nsibling", "\nwithout") if split else ()))
    corrected = holm([step.drop.test.p if step.drop else None for step in one.steps])
    rows = tuple(_row(one, step, p, split) for step, p in zip(one.steps, corrected, strict=True))
    protocols = " and ".join(one.protocols)
    title = f"{protocols}: {one.model}, tested on {one.test}, {len(one.classes)} classes, chance {percent(one.chance)}"
    return Grid(title, header, rows, left=1)


def _row(one: Ladder, step: LadderStep, corrected: float | None, split: bool) -> tuple[str, ...]:
    trained = "" if step.train == one.test else f" (trained on {step.train})"
    score = with_interval(Value(step.score, None, step.interval.low, step.interval.high))
    drop = step.drop
    minus, p = (NONE, NONE) if drop is None else (interval(drop.test), p_value(drop.test.p))
    if drop is not None and drop.test.reason:
        minus = "refused"
    parts = (_part(step.siblings.having), _part(step.siblings.lacking)) if step.siblings else (NONE, NONE)
    return (step.name + trained, score, minus, p, p_value(corrected), *(parts if split else ()))


def _part(part: SiblingPart) -> str:
    return f"{percent(part.score)} ({part.n})"


def notes(one: Ladder) -> list[str]:
    """How to read it, and why something is refused."""
    against = "the one before" if one.consecutive else "the first"
    reasons = dict.fromkeys(f"refused: {s.drop.test.reason}" for s in one.steps if s.drop and s.drop.test.reason)
    left = [f"{s.drop.left_out} ({s.name})" for s in one.steps if s.drop and s.drop.left_out]
    unpaired = [f"utterances that only one of two steps tests are left out: {', '.join(left)}"] if left else []
    leaks: dict[str, list[str]] = {}
    for step in one.steps:
        leaks.setdefault(", ".join(step.leaks) or "none", []).append(step.name)
    by_leaks = [f"leaks: {names_of_leaks}, in {'; '.join(names)}" for names_of_leaks, names in leaks.items()]
    siblings = [SIBLINGS] if any(s.siblings for s in one.steps) else []
    return [*by_leaks, NOTE.format(against=against), *siblings, *unpaired, *reasons]
