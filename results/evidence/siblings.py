"""Test rows with and without a sibling in training: another row of the same utterance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..statistics.metrics import Metric
from ..statistics.speakers import Interval, PairedTest, paired_of, refused, refused_of
from ..statistics.uncertainty import contrast
from .groups import interval_of
from .parts import parts_of

NAME = "rows with minus rows without a sibling in training"


@dataclass(frozen=True)
class SiblingPart:
    """Rows of one kind: how many, of how many speakers, their score with its interval over speakers."""

    n: int
    n_speakers: int
    score: float | None
    interval: Interval


@dataclass(frozen=True)
class Siblings:
    """Scores of test rows that training has a sibling of, and of the others, and their difference."""

    having: SiblingPart
    lacking: SiblingPart
    difference: PairedTest


def by_sibling(rows: pd.DataFrame, siblings: pd.DataFrame, classes: Sequence[str], metric: Metric) -> Siblings | None:
    """Split rows (columns of `statistics.PAIRED_COLUMNS`) by what ``siblings`` (fold_hash, row, siblings) counts.

    None where no row has a sibling. The metric is over the classes with rows of the kind.
    """
    copied = siblings.loc[siblings["siblings"] > 0, ["fold_hash", "row"]]
    pairs = pd.MultiIndex.from_frame(rows[["fold_hash", "row"]])
    has = pairs.isin(pd.MultiIndex.from_frame(copied)) if len(copied) else np.zeros(len(rows), dtype=bool)
    if not has.any() or rows["speaker"].isna().any():
        return None
    parts = [rows[has], rows[~has]]
    difference = refused(NAME, 0, "all rows have a sibling")
    if len(parts[1]):
        u = contrast([(1.0, parts_of(parts[0], classes)), (-1.0, parts_of(parts[1], classes))], metric)
        trained = u.about == "trained models" and not u.reason
        difference = refused_of(NAME, u) if trained else paired_of(NAME, u)
    having, lacking = (_part(part, classes, metric) for part in parts)
    return Siblings(having, lacking, difference)


def _part(rows: pd.DataFrame, classes: Sequence[str], metric: Metric) -> SiblingPart:
    if not len(rows):
        return SiblingPart(0, 0, None, Interval(None, None, None, "no rows"))
    interval = interval_of(rows, classes, metric)
    return SiblingPart(
        rows["row"].nunique(), rows["speaker"].nunique(), parts_of(rows, classes).score(metric), interval
    )
