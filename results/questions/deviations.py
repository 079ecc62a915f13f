"""How much the differences of two models deviate in what a run holds already: what a plan counts its power with."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from ..evidence.pools import ByCell
from ..evidence.results import FLOOR, Setup, by_name, results_of
from ..evidence.sides import Side, fold_differences_of, side, why_unpaired
from ..statistics.confusions import Parts
from ..statistics.metrics import Metric
from ..statistics.power import pooled_sd
from ..statistics.uncertainty import contrast


@dataclass(frozen=True, slots=True)
class Deviations:
    """Of two models' differences over speakers and over folds of utterances, and of what a training does to the score
    of its fold, pooled over the models that there are; None where nothing tells it."""

    speakers: float | None = None
    luck: float | None = None
    folds: float | None = None


def stored_deviations(records: pd.DataFrame, predictions: pd.DataFrame, metric: Metric) -> Deviations:
    """Of the clean scores that a run holds, the floor apart.

    ``speakers`` and ``folds`` take two models on the same rows, ``luck`` takes two seeds of a model whose trainings
    score several speakers.
    """
    differences = []
    for a, b in _pairs(records, predictions, metric):
        u = contrast([(1.0, a.parts), (-1.0, b.parts)], metric)
        if u.error is not None and u.unit != "folds":
            differences.append((u.deviation**2, u.n_clusters - 1))
    lucks = [luck for one in _sides(records, predictions, metric) if (luck := _luck(one.parts, metric))]
    folds = [fold_differences_of(a, b) for a, b in _pairs(records, predictions, metric)]
    return Deviations(_pooled(differences), _pooled(lucks), pooled_sd(folds))


def _luck(parts: Parts, metric: Metric) -> tuple[float, int] | None:
    """Variance over seeds of the score of a fold, mean over folds, and its degrees of freedom."""
    folds = []
    for fold in pd.unique(parts.fold):
        here = parts.fold == fold
        runs = np.unique(parts.run[here])
        by_run = np.stack([parts.confusions[here & (parts.run == run)].sum(0) for run in runs])
        if len(runs) > 1 and len(pd.unique(parts.cluster[here])) > 1:
            folds.append((float(metric.of(by_run).var(ddof=1)), len(runs) - 1))
    return None if not folds else (float(np.mean([v for v, _ in folds])), sum(n for _, n in folds))


def _pooled(variances: Sequence[tuple[float, int]]) -> float | None:
    """The deviation pooled over variances with their degrees of freedom."""
    n = sum(df for _, df in variances)
    return float(np.sqrt(sum(v * df for v, df in variances) / n)) if n else None


def _pairs(records: pd.DataFrame, predictions: pd.DataFrame, metric: Metric) -> list[tuple[Side, Side]]:
    """All pairs of models on the same rows of a set-up."""
    setups: dict[Setup, list[Side]] = {}
    for one in _sides(records, predictions, metric):
        setups.setdefault(one.result.setup, []).append(one)
    pairs = [pair for sides in setups.values() for pair in combinations(sides, 2)]
    return [pair for pair in pairs if why_unpaired(*pair) is None]


def _sides(records: pd.DataFrame, predictions: pd.DataFrame, metric: Metric) -> list[Side]:
    """Of all models, the floor apart, under clean audio."""
    by_cell = ByCell(predictions)
    every = [e for e in by_name(results_of(_chosen(records))) if len(e.records) and e.mixed is None]
    sides = [side(e, by_cell, metric) for e in every]
    return [one for one in sides if one.rows["speaker"].notna().all()]


def _chosen(records: pd.DataFrame) -> pd.DataFrame:
    return records[(records["condition"] == "clean") & (records["role"] != FLOOR)].reset_index(drop=True)
