"""The parts that a score is made of: confusions by run, training and cluster."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from .metrics import Metric, Tally, tally
from .slopes import STEP, gradient


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
    def clusters(self) -> tuple[np.ndarray, np.ndarray]:
        """The cluster of each part as a number (n,), and the names of the clusters."""
        codes, names = pd.factorize(self.cluster)
        return codes, names

    @cached_property
    def first(self) -> np.ndarray:
        """The first part of every training in every fold."""
        training, fold = (pd.factorize(names)[0] for names in (self.training, self.fold))
        positions: np.ndarray = np.unique(training * (fold.max(initial=0) + 1) + fold, return_index=True)[1]
        return positions

    def changes(self, metric: Metric) -> "ScoreChanges":
        """How the score changes with what it is made of; computed once, since a report asks for it in every pair."""
        if metric not in self._changes:
            self._changes[metric] = ScoreChanges.of(self, metric)
        return self._changes[metric]

    @cached_property
    def _changes(self) -> dict[Metric, "ScoreChanges"]:
        return {}

    def score(self, metric: Metric) -> float:
        """The score of the tables."""
        return float(self.weight @ metric.of(self.by_run))


@dataclass(frozen=True, eq=False)
class ScoreChanges:
    """First-order changes of a score: ``value`` (n,) with the rows of each part; of each cluster the rest.

    ``weight`` (clusters,): what a rise of all its recalls does. Where the recalls of cluster h rise by s, the change of
    cluster g moves by s times ``tallies`` g · ``slopes`` h, (clusters, k) each, beside its weight where g is h.
    """

    value: np.ndarray
    weight: np.ndarray
    tallies: np.ndarray
    slopes: np.ndarray

    @classmethod
    def of(cls, parts: Parts, metric: Metric) -> "ScoreChanges":
        """Of a score, by small steps."""
        codes, names = parts.clusters
        rows = parts.tallies
        total = rows.sum(0)
        of_cluster = sums(rows, codes, len(names))
        slope = gradient(metric, Tally(*total))
        raised = of_cluster[:, 1] * STEP  # hits that a cluster gains
        moved = total + np.stack([raised, 0 * raised, 0 * raised], axis=-2)
        change = (gradient(metric, Tally(*np.moveaxis(moved, -2, 0))) - slope) / STEP
        return cls(
            value=np.einsum("nij,ij->n", rows, slope),
            weight=of_cluster[:, 1] @ slope[0],
            tallies=of_cluster.reshape(len(names), -1),
            slopes=change.reshape(len(names), -1),
        )


def sums(values: np.ndarray, group: np.ndarray, n: int) -> np.ndarray:
    """Sums (n, ...) of values (m, ...) by group (m,)."""
    columns = values.reshape(len(values), -1).T
    return np.stack([np.bincount(group, column, n) for column in columns], axis=1).reshape(n, *values.shape[1:])
