"""What a score, or a contrast of scores, may be off by: over speakers and over trainings.

A score is pooled over its folds and averaged over its runs. Its first-order changes with the rows of each cluster
(speaker, dyad) and of each training add up to two variances; what a training does to a single cluster is in both, and
is taken off once. Sources: Cameron, Gelbach and Miller 2011, "Robust Inference with Multiway Clustering", J. Bus. Econ.
Stat. 29, 238-249; Bell and McCaffrey 2002, "Bias Reduction in Standard Errors for Linear Regression with Multi-Stage
Samples", Survey Methodology 28, 169-181 (bias and degrees of freedom under a working model, here of clusters that
differ alike in all their recalls); Satterthwaite 1946, Biometrics Bulletin 2, 110-114.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .confusions import Parts, sums
from .metrics import Metric

About = Literal["algorithms", "trained models"]
LEAST_TRAININGS = 3  # whose spread is measured
LEAST_CLUSTERS = 3
LEAST_GROUPS = 6  # of clusters with trainings of their own, where the trainings are too few to measure their spread
_NOTHING = 1e-14  # a variance that is what numeric slopes are off by


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """A contrast of scores with its standard error; ``df``: degrees of freedom of Student's t.

    ``speakers`` and ``trainings`` are the two variances. ``deviation``: of a cluster's own value. ``n_clusters`` of
    ``unit``, and how many equally heavy ones are worth as much (``effective``). ``n_trainings``: the fewest of a fold,
    None where none has luck. ``about``: the algorithms, or only the models as they were trained. With ``reason``
    nothing is known but the estimate.
    """

    estimate: float
    error: float | None
    df: float | None
    about: About = "algorithms"
    speakers: float = 0.0
    trainings: float = 0.0
    deviation: float = 0.0
    n_clusters: int = 0
    effective: float = 0.0
    n_trainings: int | None = None
    unit: str = "speakers"
    reason: str | None = None

    def interval(self, level: float = 0.95) -> tuple[float | None, float | None]:
        """Student's interval."""
        if self.error is None or self.df is None:
            return None, None
        half = float(special.stdtrit(self.df, (1 + level) / 2)) * self.error
        return self.estimate - half, self.estimate + half

    def above(self, value: float = 0.0) -> float | None:
        """Student's chance that the truth is above ``value``: one minus the one-sided p of "not above"."""
        if self.error is None or self.df is None:
            return None
        gap = self.estimate - value
        if self.error == 0:
            return 0.5 if gap == 0 else float(gap > 0)
        return float(special.stdtr(self.df, gap / self.error))

    def p(self, value: float = 0.0) -> float | None:
        """Two-sided p of the contrast being ``value``."""
        above = self.above(value)
        return None if above is None else 2 * min(above, 1 - above)


Term = tuple[float, Parts]  # a coefficient and what it is of


def contrast(terms: Sequence[Term], metric: Metric) -> Uncertainty:
    """A sum of scores by coefficients, with its uncertainty over clusters and trainings.

    Terms that hold the same training (conditions, test corpora) are added up within it before its luck is measured.
    Where a fold has fewer than `LEAST_TRAININGS`, clusters that trainings have in common count as one, if
    `LEAST_GROUPS` of these are left; else the result is about the trained models.
    """
    estimate = float(sum(factor * parts.score(metric) for factor, parts in terms))
    changes, unit = _Changes.of(terms, metric), terms[0][1].unit
    if not changes.known(estimate):
        return Uncertainty(
            estimate, None, None, unit=unit, reason=f"{metric.title} does not tell how answers change it"
        )
    if not changes.unmeasured.any():
        return changes.uncertainty(estimate, unit)
    groups = changes.joined()
    if len(groups.weight) >= LEAST_GROUPS:
        return groups.uncertainty(estimate, "folds")
    return replace(changes.without_luck().uncertainty(estimate, unit, changes.fewest), about="trained models")


def _placed(values: np.ndarray, place: np.ndarray, n: int) -> np.ndarray:
    """Lines (m, k) at their places (m,) among n, the others 0."""
    lines = np.zeros((n, values.shape[1]))
    lines[place] = values
    return lines


@dataclass(frozen=True, eq=False)
class _Changes:
    """First-order changes (n,) of a contrast with the rows of each part; ``cluster`` and ``training`` as numbers.

    ``training`` is -1 where it has no luck. ``stratum`` (trainings,): trainings of one number differ in their seeds
    only. Where all recalls of cluster h rise by s, the change of cluster g moves by s times ``weight`` g, where g is h,
    plus ``tallies`` g · ``slopes`` h, (clusters, k) each.
    """

    value: np.ndarray
    cluster: np.ndarray
    training: np.ndarray
    stratum: np.ndarray
    weight: np.ndarray
    tallies: np.ndarray
    slopes: np.ndarray

    @classmethod
    def of(cls, terms: Sequence[Term], metric: Metric) -> "_Changes":
        """Of the terms of a contrast."""
        names = np.concatenate([parts.clusters[1] for _, parts in terms])
        of_name = np.split(pd.factorize(names)[0], np.cumsum([len(parts.clusters[1]) for _, parts in terms])[:-1])
        cluster = np.concatenate([of[parts.clusters[0]] for of, (_, parts) in zip(of_name, terms, strict=True)])
        of_training = [np.full(len(p.training), None, object) if p.fixed else p.training for _, p in terms]
        training = pd.factorize(np.concatenate(of_training))[0]
        n, start = int(cluster.max()) + 1, 0
        weight, values, tallies, slopes = np.zeros(n), [], [], []
        folds: dict[int, set[tuple[int, Hashable]]] = {}
        for k, (place, (factor, parts)) in enumerate(zip(of_name, terms, strict=True)):
            here = slice(start, start := start + len(parts.cluster))
            changes = parts.changes(metric)
            values.append(factor * changes.value)
            weight[place] += abs(factor) * changes.weight
            tallies.append(_placed(changes.tallies, place, n))
            slopes.append(_placed(abs(factor) * changes.slopes, place, n))
            firsts = (training[here][parts.first].tolist(), parts.fold[parts.first].tolist())
            for t, fold in zip(*firsts, strict=True):
                folds.setdefault(t, set()).add((k, fold))
        codes: dict[tuple[tuple[int, Hashable], ...], int] = {}
        alike = [tuple(sorted(folds[t], key=repr)) for t in range(int(training.max()) + 1)]
        stratum = np.array([codes.setdefault(key, len(codes)) for key in alike], int)
        return cls(
            np.concatenate(values), cluster, training, stratum, weight, np.concatenate(tallies, 1),
            np.concatenate(slopes, 1),
        )  # fmt: skip

    def known(self, estimate: float) -> bool:
        """Whether all numbers are, and hits change the score."""
        numbers = (self.value, self.slopes.ravel(), self.weight, [estimate])
        return bool(np.isfinite(np.concatenate(numbers)).all() and self.weight.any())

    @cached_property
    def sizes(self) -> np.ndarray:
        """Trainings (strata,) of each."""
        return np.bincount(self.stratum, minlength=0)

    @property
    def fewest(self) -> int | None:
        """The trainings of the stratum that has fewest; None where there is no luck."""
        return int(self.sizes.min()) if len(self.sizes) else None

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Change (pairs,), cluster and training of every two that meet, of trainings with luck."""
        lucky, n = self.training >= 0, max(len(self.stratum), 1)
        codes, place = np.unique(self.cluster[lucky] * n + self.training[lucky], return_inverse=True)
        return np.bincount(place, self.value[lucky], len(codes)), *np.divmod(codes, n)

    @cached_property
    def shared(self) -> np.ndarray:
        """Whether a stratum (strata,) has several clusters; else its luck is in the variance over clusters already."""
        _, cluster, training = self.pairs
        met = np.unique(self.stratum[training] * len(self.weight) + cluster)
        return np.bincount(met // len(self.weight), minlength=len(self.sizes)) > 1

    @property
    def unmeasured(self) -> np.ndarray:
        """Strata (strata,) whose luck is not in the variance over clusters, with too few trainings to measure it."""
        return self.shared & (self.sizes < LEAST_TRAININGS)

    def without_luck(self) -> "_Changes":
        """The same of the models as they are."""
        return replace(self, training=np.full(len(self.training), -1), stratum=np.zeros(0, int))

    def joined(self) -> "_Changes":
        """The same with clusters joined that unmeasured trainings have in common."""
        _, cluster, training = self.pairs
        stratum = self.stratum[training]
        kept = self.unmeasured[stratum]
        n = len(self.weight)
        links = (np.ones(int(kept.sum())), (cluster[kept], n + stratum[kept]))
        nodes = n + len(self.sizes)
        labels = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)[1][:n]
        group = np.unique(labels, return_inverse=True)[1]
        weight, tallies, slopes = (
            sums(values, group, int(group.max()) + 1) for values in (self.weight, self.tallies, self.slopes)
        )
        return replace(self, cluster=group[self.cluster], weight=weight, tallies=tallies, slopes=slopes)

    def uncertainty(self, estimate: float, unit: str, fewest: int | None = None) -> Uncertainty:
        """Both variances together, with Satterthwaite's degrees of freedom."""
        n = int((self.weight > 0).sum())
        effective = float(self.weight.sum() ** 2 / (self.weight**2).sum()) if n else 0.0
        fewest = self.fewest if fewest is None else fewest
        nothing = Uncertainty(estimate, None, None, n_clusters=n, effective=effective, n_trainings=fewest, unit=unit)
        if n < LEAST_CLUSTERS:
            return replace(nothing, reason=f"{n} test {unit if n != 1 else unit[:-1]}, {LEAST_CLUSTERS} are needed")
        share, df = self._working()
        if share <= 1e-9 * float((self.weight**2).sum()):
            return replace(nothing, reason=f"every class is held by one of the {unit}: their spread cannot be told")
        squares = float((np.bincount(self.cluster, self.value) ** 2).sum())
        speakers = squares / share * float((self.weight**2).sum())
        lucks, twice = self._lucks()
        trainings = float(lucks.sum())
        variance = max(speakers + trainings - twice, speakers, trainings)
        spread = speakers**2 / df + float((lucks**2 / np.maximum(self.sizes - 1, 1)).sum())
        return replace(
            nothing,
            error=float(np.sqrt(variance)) if variance > _NOTHING else 0.0,
            df=(speakers + trainings) ** 2 / spread if spread > 0 else df,
            speakers=speakers,
            trainings=trainings,
            deviation=float(np.sqrt(speakers * effective)),
        )

    def _working(self) -> tuple[float, float]:
        """Expected sum of squares per unit of variance, and its degrees of freedom, where clusters differ alike.

        With the matrix M = diag(weight) + tallies slopesᵀ of the changes: tr MᵀM and (tr MᵀM)² / tr (MᵀM)².
        """
        w, t, s = self.weight, self.tallies, self.slopes
        left = np.concatenate([w[:, None] * t, s, s @ (t.T @ t)], axis=1)  # MᵀM = diag(w²) + left rightᵀ
        right = np.concatenate([s, w[:, None] * t, s], axis=1)
        own, both = np.einsum("gk,gk->g", left, right), right.T @ left
        trace = float((w**2).sum() + own.sum())
        of_square = float((w**4).sum() + 2 * (w**2 * own).sum() + (both * both.T).sum())
        return trace, trace**2 / of_square if of_square > 0 else 1.0

    def _lucks(self) -> tuple[np.ndarray, float]:
        """Variance (strata,) of what trainings add, and the part of it that the variance over clusters has too."""
        if not len(self.sizes):
            return np.zeros(0), 0.0
        value, cluster, training = self.pairs
        by_training = np.bincount(training, value, len(self.stratum))
        factor = np.where(self.shared, self.sizes / np.maximum(self.sizes - 1, 1), 0.0)
        lucks = factor * self._squares(by_training, self.stratum, self.sizes)
        stratum = self.stratum[training]
        cells, place = np.unique(stratum * len(self.weight) + cluster, return_inverse=True)
        of_cell = cells // len(self.weight)
        twice = factor[of_cell] * self._squares(value, place, self.sizes[of_cell])
        return lucks, float(twice.sum())

    @staticmethod
    def _squares(values: np.ndarray, group: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Sums (groups,) of squares of values around the mean of their group, absent ones being 0."""
        total = np.bincount(group, values, len(sizes))
        squares: np.ndarray = np.maximum(np.bincount(group, values**2, len(sizes)) - total**2 / sizes, 0.0)
        return squares
