"""One side of a comparison: a result with its rows, and what is computed of them once, whomever it meets."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..statistics.confusions import Parts
from ..statistics.metrics import Metric
from ..statistics.speakers import unit_scores, unpaired
from .parts import parts_of
from .pools import ByCell
from .results import Result


@dataclass(frozen=True)
class Side:
    """A result with its rows; ``rows`` has the columns of `speakers.PAIRED_COLUMNS`."""

    result: Result
    rows: pd.DataFrame
    metric: Metric

    @property
    def label(self) -> str:
        """The model with its arm."""
        return self.result.label

    @cached_property
    def facts(self) -> pd.DataFrame:
        """What both sides must agree in, by place: the fold, speaker and true class of every row."""
        where = ["repeat", "fold", "row"]
        return self.rows.drop_duplicates(where).set_index(where)[["fold_hash", "speaker", "truth"]].sort_index()

    @cached_property
    def tested(self) -> pd.DataFrame:
        """Speaker and true class of every row, whatever fold it is tested in."""
        return self.rows.drop_duplicates("row").set_index("row")[["speaker", "truth"]].sort_index()

    @cached_property
    def fault(self) -> str | None:
        """Why the rows cannot be paired with any, or None."""
        return unpaired(self.rows, self.rows)

    @cached_property
    def parts(self) -> Parts:
        """Its confusions by run, training and cluster."""
        return parts_of(self.rows, self.result.classes)

    @cached_property
    def by_speaker(self) -> pd.Series:
        """Each speaker's own score, averaged over seeds and repeats: what a typical speaker gets."""
        scores = unit_scores(self.rows, self.result.classes, self.metric, "speaker")
        return scores.groupby("speaker")["score"].mean()

    @cached_property
    def by_fold(self) -> pd.Series:
        """Score by repeat, fold and seed."""
        scores = unit_scores(self.rows, self.result.classes, self.metric, "fold")
        return scores.set_index(["repeat", "fold", "seed"])["score"]

    @cached_property
    def pooled(self) -> float:
        """The score of the tables: pooled over folds, mean over repeats within a seed, then over seeds."""
        return self.parts.score(self.metric)

    @cached_property
    def first_run(self) -> np.ndarray:
        """Whether each row is right (n,) under the first seed and repeat, rows by name."""
        part = self.rows[self.rows["seed"] == self.rows["seed"].min()]
        part = part[part["repeat"] == part["repeat"].min()].sort_values("row")
        right: np.ndarray = part["truth"].astype(str).to_numpy() == part["guess"].astype(str).to_numpy()
        return right

    @cached_property
    def speakers_cross(self) -> bool:
        """Whether a speaker is tested in several folds of one repeat: folds of utterances."""
        pairs = self.rows[["repeat", "fold", "speaker"]].drop_duplicates()
        return bool(pairs.duplicated(["repeat", "speaker"]).any())


def side(result: Result, predictions: ByCell, metric: Metric) -> Side:
    """The side of a result, its rows picked from all predictions."""
    return Side(result, predictions.rows(result.records), metric)


def why_unpaired(a: Side, b: Side) -> str | None:
    """Why the rows of two sides cannot be paired, or None when they can.

    Two arms of a protocol may train on other rows, or be repeated more often: only what they test must be the same.
    """
    if a.result.arm != b.result.arm and not a.fault and not b.fault:
        if a.tested.equals(b.tested):
            return None
        alone = len(a.tested.index.symmetric_difference(b.tested.index))
        return f"{alone} rows are tested in one arm only" if alone else "speakers or true classes of rows differ"
    if a.fault is None and b.fault is None and a.facts.equals(b.facts):
        return None
    return unpaired(a.rows, b.rows)


def fold_differences_of(a: Side, b: Side, seeds_apart: bool = False) -> np.ndarray:
    """Differences (J,), one for each fold and repeat; seeds are averaged, and repeats that one side lacks."""
    alike = {*a.rows["repeat"].unique()} == {*b.rows["repeat"].unique()}
    by = [*(["repeat"] if alike else []), "fold", *(["seed"] if seeds_apart else [])]
    one, two = (side.by_fold.groupby(level=by).mean() for side in (a, b))
    both: np.ndarray = (one - two).dropna().to_numpy(float)
    return both
