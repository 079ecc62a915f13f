"""Share of answers that stay the same when the test audio is changed, against the clean audio."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ..evidence.parts import parts_of
from ..evidence.pools import ByCell
from ..evidence.results import Result, Setup, by_name, results_of
from ..statistics.metrics import METRICS
from ..statistics.score_intervals import score_interval
from ..statistics.speakers import Interval

AGREEMENT = METRICS["wa"]  # of the clean answer, taken as the truth, and the other one
_PAIR = ["seed", "repeat", "fold", "row"]


@dataclass(frozen=True, slots=True)
class Stability:
    """One model under one condition: ``share`` of the ``n`` answers that are those to the clean audio.

    ``share`` is the mean over seeds and repeats. ``n_clean``: answers to the clean audio, more than ``n`` while a run
    goes on.
    """

    setup: Setup
    label: str
    n: int
    n_clean: int
    share: float | None
    interval: Interval
    role: str = "model"


def share_unchanged(pairs: pd.DataFrame, classes: Sequence[str]) -> tuple[float | None, Interval]:
    """Share of equal answers with its interval over test speakers; columns as `paired_answers` gives.

    Refused with the reason where a speaker is unknown.
    """
    if pairs.empty:
        return None, Interval(None, None, None, "no answers to compare yet")
    answers = pairs.assign(truth=pairs["clean"])
    parts = parts_of(answers, classes)
    share = parts.score(AGREEMENT)
    if n := int(pairs["speaker"].isna().sum()):
        return share, Interval(None, None, None, f"the speaker of {n} answers is unknown")
    return share, score_interval(parts, AGREEMENT)


def paired_answers(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``second`` that the first has too, under the same seed, repeat and fold; its answer is ``clean``.

    Both have the columns of `statistics.PAIRED_COLUMNS`.
    """
    theirs = first[[*_PAIR, "guess"]].rename(columns={"guess": "clean"})
    return second.merge(theirs, on=_PAIR, validate="one_to_one")


def stability(records: pd.DataFrame, predictions: pd.DataFrame) -> list[Stability]:
    """Every model under every condition but clean, paired with its clean answers by row, seed, repeat and fold.

    Frames as `Evidence` has them.
    """
    every = by_name(results_of(records))
    clean = {(e.setup, e.label): e for e in every if e.setup.condition == "clean"}
    partners = [(clean.get((e.setup.under("clean"), e.label)), e) for e in every]
    pairs = [(partner, e) for partner, e in partners if partner is not None and partner is not e]
    if not pairs:
        return []
    by_cell = ByCell(predictions)
    return [_one(partner, result, by_cell) for partner, result in pairs]


def _one(clean: Result, result: Result, predictions: ByCell) -> Stability:
    mixed = clean.mixed or result.mixed
    if mixed or clean.classes != result.classes:
        reason = mixed or "the classes differ from those of the clean answers"
        return Stability(result.setup, result.label, 0, 0, None, Interval(None, None, None, reason), result.role)
    first, second = (predictions.rows(e.records) for e in (clean, result))
    pairs = paired_answers(first, second)
    share, interval = share_unchanged(pairs, result.classes)
    return Stability(result.setup, result.label, len(pairs), len(first), share, interval, result.role)
