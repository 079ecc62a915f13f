"""Share of answers that stay the same when the test audio is changed, against the clean audio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from ...seeds import stream
from ..evidence.pools import ByCell
from ..evidence.results import Result, Setup, by_name, results_of
from ..statistics.metrics import METRICS
from ..statistics.speakers import Interval, speaker_interval

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


def share_unchanged(
    pairs: pd.DataFrame, classes: Sequence[str], rng: np.random.Generator, reps: int = 10_000
) -> tuple[float | None, Interval]:
    """Share of equal answers with its interval over test speakers; columns ``seed, repeat, speaker, clean, guess``.

    Six speakers or more: bootstrap over speakers; three to five: Student t. Refused with the reason where no answer
    changed, since resamples of equal answers are all alike, and where a speaker is unknown.
    """
    if pairs.empty:
        return None, Interval(None, None, None, "no answers to compare yet")
    n = len(classes)
    run = pairs.groupby(["seed", "repeat"]).ngroup().to_numpy()
    speaker, names = pd.factorize(pairs["speaker"], sort=True)
    clean, guess = (pd.Index(classes).get_indexer(pairs[c]) for c in ("clean", "guess"))
    shape = (run.max() + 1, len(names) + 1, n, n)  # the last speaker is the unknown one
    flat = np.ravel_multi_index((run, np.where(speaker < 0, len(names), speaker), clean, guess), shape)
    confusions = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    share = float(AGREEMENT.of(confusions.sum(1)).mean())
    if (speaker < 0).any():
        return share, Interval(None, None, None, f"the speaker of {int((speaker < 0).sum())} answers is unknown")
    if share == 1:
        return share, Interval(None, None, None, f"no answer of {len(pairs)} changed")
    return share, speaker_interval(confusions, AGREEMENT, rng, reps=reps)


def paired_answers(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``second`` that the first has too, under the same seed, repeat and fold; its answer is ``clean``.

    Both have the columns of `statistics.PAIRED_COLUMNS`.
    """
    theirs = first[[*_PAIR, "guess"]].rename(columns={"guess": "clean"})
    return second.merge(theirs, on=_PAIR, validate="one_to_one")


def stability(
    records: pd.DataFrame, predictions: pd.DataFrame, rng_for: Callable[..., np.random.Generator] | None = None
) -> list[Stability]:
    """Every model under every condition but clean, paired with its clean answers by row, seed, repeat and fold.

    Frames as `Evidence` has them. ``rng_for(*facts)`` gives the generator of the intervals: the same for every
    model and condition of a setup, so that all have the same resamples; by default the stream ``interval``.
    """
    rng_for = rng_for or partial(stream, "interval")
    every = by_name(results_of(records))
    by_cell = ByCell(predictions)
    clean = {(e.setup, e.label): e for e in every if e.setup.condition == "clean"}
    shares = []
    for result in every:
        partner = clean.get((result.setup.under("clean"), result.label))
        if partner is not None and partner is not result:
            t = result.setup
            shares.append(_one(partner, result, by_cell, rng_for(t.protocol, t.train, t.test, t.label_map)))
    return shares


def _one(clean: Result, result: Result, predictions: ByCell, rng: np.random.Generator) -> Stability:
    mixed = clean.mixed or result.mixed
    if mixed or clean.classes != result.classes:
        reason = mixed or "the classes differ from those of the clean answers"
        return Stability(result.setup, result.label, 0, 0, None, Interval(None, None, None, reason), result.role)
    first, second = (predictions.rows(e.records) for e in (clean, result))
    pairs = paired_answers(first, second)
    share, interval = share_unchanged(pairs, result.classes, rng)
    return Stability(result.setup, result.label, len(pairs), len(first), share, interval, result.role)
