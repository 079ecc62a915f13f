"""Several models in the order of their scores, and which of them are not told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .confusions import Parts
from .metrics import Metric
from .speakers import OVER_BOTH, paired_of, refused_of
from .two_models import holm
from .uncertainty import Term, Uncertainty, contrast


@dataclass(frozen=True, slots=True)
class Order:
    """Models by score, best first, mean over corpora where there are several.

    ``differences`` of every two, first minus second position, with Holm's ``p`` over all of them. ``groups`` are runs
    of models (first, last position) that are not told apart. With ``reason`` there are neither p nor groups.
    """

    models: tuple[str, ...]
    scores: tuple[float, ...]
    differences: dict[tuple[int, int], Uncertainty]
    p: dict[tuple[int, int], float | None]
    groups: tuple[tuple[int, int], ...]
    n_speakers: int
    reason: str | None = None


def order_models(parts: Sequence[Sequence[Parts]], models: Sequence[str], metric: Metric, level: float = 0.95) -> Order:
    """Order of ``models``, of whose confusions there are some for every corpus: parts[corpus][model]."""
    scores = np.array([[one.score(metric) for one in corpus] for corpus in parts]).mean(0)
    place = np.lexsort((np.array(models), -scores))
    names, sorted_scores = tuple(models[k] for k in place), tuple(float(scores[k]) for k in place)
    share = 1 / len(parts)
    differences = {}
    for one, two in combinations(range(len(models)), 2):
        terms: list[Term] = []
        for corpus in parts:
            terms += [(share, corpus[place[one]]), (-share, corpus[place[two]])]
        differences[one, two] = contrast(terms, metric)
    every = list(differences.values())
    n = max((u.n_clusters for u in every), default=0)
    trained = next((u for u in every if u.about == "trained models" and not u.reason), None)
    reason = refused_of(OVER_BOTH, trained).reason if trained else next((u.reason for u in every if u.reason), None)
    if reason:
        return Order(names, sorted_scores, differences, {}, (), n, reason)
    corrected = holm([paired_of(OVER_BOTH, u).p for u in every])
    p = dict(zip(differences, corrected, strict=True))
    apart = {pair for pair, u in differences.items() if _told_apart(u, p[pair], level)}
    return Order(names, sorted_scores, differences, p, tied_runs(len(models), apart), n)


def _told_apart(u: Uncertainty, p: float | None, level: float) -> bool:
    """Also where all clusters differ by the same, which no test takes."""
    return p < 1 - level if p is not None else u.error == 0 and u.estimate != 0


def tied_runs(n: int, apart: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Longest runs (first, last) of two or more of n positions that hold no pair which is told apart.

    >>> tied_runs(4, {(0, 2), (0, 3), (1, 3), (2, 3)})
    ((0, 1), (1, 2))
    """
    runs: list[tuple[int, int]] = []
    for first in range(n):
        last = first
        while last + 1 < n and not any((k, last + 1) in apart for k in range(first, last + 1)):
            last += 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return tuple(runs)
