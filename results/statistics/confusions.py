"""The parts that a score is made of: confusions by run, training and cluster."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from .metrics import Metric, tally


@dataclass(frozen=True, eq=False)
class Parts:
    """The confusions that a score is made of, one matrix for every run, training and cluster.

    ``confusions`` (n, C, C); ``run, training, fold, cluster`` (n,) say of what. A run is a seed and repeat, and
    ``weight`` (runs,) is its share in the score. Trainings of one ``fold`` (of a repeat) differ in their seeds only.
    ``fixed``: training has no luck, since the model has none or all of its runs are identical. ``unit``: what clusters
    are called.
    """

    confusions: np.ndarray
    run: np.ndarray
    training: np.ndarray
    fold: np.ndarray
    cluster: np.ndarray
    weight: np.ndarray
    fixed: bool = False
    unit: str = "speakers"

    @cached_property
    def by_run(self) -> np.ndarray:
        """Confusions (runs, C, C)."""
        return sums(self.confusions, self.run, len(self.weight))

    @cached_property
    def tallies(self) -> np.ndarray:
        """Of each part the numbers (n, 3, C) that metrics are made of, as they weigh in the score."""
        weighted: np.ndarray = np.stack(tally(self.confusions), axis=-2) * self.weight[self.run][:, None, None]
        return weighted

    @cached_property
    def first(self) -> np.ndarray:
        """The first part of every training in every fold."""
        training, fold = (pd.factorize(names)[0] for names in (self.training, self.fold))
        positions: np.ndarray = np.unique(training * (fold.max(initial=0) + 1) + fold, return_index=True)[1]
        return positions

    def score(self, metric: Metric) -> float:
        """The score of the tables."""
        return float(self.weight @ metric.of(self.by_run))


def sums(values: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
    """Sums (n, ...) of values (m, ...) by group (m,)."""
    columns = values.reshape(len(values), -1).T
    return np.stack([np.bincount(group, column, n) for column in columns], axis=1).reshape(n, *values.shape[1:])
