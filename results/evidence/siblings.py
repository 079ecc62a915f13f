"""Test rows with and without a sibling in training: another row of the same utterance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..statistics.metrics import Metric
from ..statistics.speakers import Interval, PairedTest, mean_known, paired_t, speaker_interval
from .groups import confusions_by_speaker

NAME = "paired t over speakers, rows with minus rows without a sibling in training"


@dataclass(frozen=True)
class SiblingPart:
    """Rows of one kind: how many, of how many speakers, their score with its interval over speakers."""

    n: int
    n_speakers: int
    score: float | None
    interval: Interval


@dataclass(frozen=True)
class Siblings:
    """Scores of test rows that training has a sibling of, and of the others; the difference is by speaker."""

    having: SiblingPart
    lacking: SiblingPart
    difference: PairedTest


def by_sibling(
    rows: pd.DataFrame, siblings: pd.DataFrame, classes: Sequence[str], metric: Metric, rng: np.random.Generator
) -> Siblings | None:
    """Split rows (columns of `statistics.PAIRED_COLUMNS`) by what ``siblings`` (fold_hash, row, siblings) counts.

    None where no row has a sibling. The metric is over the classes with rows of the kind; the difference is over
    speakers who have rows of both kinds.
    """
    copied = siblings.loc[siblings["siblings"] > 0, ["fold_hash", "row"]]
    pairs = pd.MultiIndex.from_frame(rows[["fold_hash", "row"]])
    has = pairs.isin(pd.MultiIndex.from_frame(copied)) if len(copied) else np.zeros(len(rows), dtype=bool)
    if not has.any() or rows["speaker"].isna().any():
        return None
    parts = [rows[has], rows[~has]]
    values = []
    for part in parts:
        scores = mean_known(metric.of(confusions_by_speaker(part, classes)), 0) if len(part) else np.zeros(0)
        values.append(pd.Series(scores, index=sorted(part["speaker"].unique())))
    difference = (values[0] - values[1]).dropna().to_numpy(float)
    having, lacking = (_part(part, classes, metric, rng) for part in parts)
    return Siblings(having, lacking, paired_t(difference, NAME))


def _part(rows: pd.DataFrame, classes: Sequence[str], metric: Metric, rng: np.random.Generator) -> SiblingPart:
    if not len(rows):
        return SiblingPart(0, 0, None, Interval(None, None, None, "no rows"))
    confusions = confusions_by_speaker(rows, classes)
    score = float(mean_known(metric.of(confusions.sum(1)), 0))
    interval = speaker_interval(confusions, metric, rng, reps=2_000)
    return SiblingPart(rows["row"].nunique(), rows["speaker"].nunique(), score, interval)
