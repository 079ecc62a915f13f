"""More than two models: ranks on blocks (speakers or corpora), trends over ordered levels, robust means.

A matrix of scores is (blocks, models), seeds averaged; or, where runs matter, (blocks, seeds) per model.
Sources: Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 1-30; Page 1963,
"Ordered Hypotheses for Multiple Treatments", JASA 58, 216-230; Agarwal et al. 2021, "Deep Reinforcement Learning at
the Edge of the Statistical Precipice", NeurIPS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy import special

from .speakers import BOOTSTRAP, BOOTSTRAP_FROM, Interval


@dataclass(frozen=True, slots=True)
class Ranking:
    """Friedman and Nemenyi on blocks, and what a critical-difference diagram draws. Rank 1 is the best.

    ``models`` by mean rank, best first, as ``ranks`` and the lines and columns of ``p`` (Nemenyi, pairwise).
    ``groups`` are runs of models (first, last position) whose ranks are within ``critical_difference``: they cannot
    be told apart. ``attainable_p`` is the least p that Friedman's test has for so many blocks.
    """

    models: tuple[str, ...]
    ranks: tuple[float, ...]
    n_blocks: int
    chi2: float | None
    df: int | None
    friedman_p: float | None
    critical_difference: float | None
    groups: tuple[tuple[int, int], ...]
    p: np.ndarray | None
    attainable_p: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Trend:
    """Page's test that scores rise along the given order of levels; ``L`` is its statistic."""

    L: float | None
    p: float | None
    n_blocks: int
    n_levels: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval."""

    value: float | None
    interval: Interval


def rank_models(scores: np.ndarray, models: Sequence[str], level: float = 0.95) -> Ranking:
    """Friedman's test with Nemenyi's pairwise one; scores (blocks, models), higher is better.

    Refused with fewer than three models, or so few blocks that the test cannot reach the level. The chi² is
    corrected for ties; Nemenyi's p is that of the studentized range with infinite degrees of freedom.
    """
    n, k = scores.shape
    ranks = np.apply_along_axis(scipy.stats.rankdata, 1, -np.round(scores, 12)) if n else np.zeros((0, k))
    mean = ranks.mean(0) if n else np.full(k, np.nan)
    order = np.lexsort((np.array(models), mean))
    names, sorted_ranks = tuple(models[i] for i in order), tuple(float(mean[i]) for i in order)
    least = float(special.chdtrc(k - 1, n * (k - 1))) if k > 1 else 1.0
    if np.isnan(scores).any():
        reason = "some blocks lack the score of a model"
    elif k < 3:
        reason = f"{k} models: ranks are for three or more, compare two with the paired tests"
    elif least > 1 - level:
        reason = f"{n} blocks of {k} models: Friedman's test cannot be below p = {least:.2g}"
    else:
        return _ranking(ranks, order, names, sorted_ranks, (least, level))
    return Ranking(names, sorted_ranks, n, None, None, None, None, (), None, least, reason)


def _ranking(
    ranks: np.ndarray, order: np.ndarray, names: tuple[str, ...], mean: tuple[float, ...], about: tuple[float, float]
) -> Ranking:
    n, k = ranks.shape
    least, level = about
    squares = (ranks**2).sum() - n * k * (k + 1) ** 2 / 4
    # all models equal in every block: nothing to tell apart
    chi2 = float(n * n * (k - 1) * ((ranks.mean(0) - (k + 1) / 2) ** 2).sum() / squares) if squares > 0 else 0.0
    unit = np.sqrt(k * (k + 1) / (6 * n))
    gap = float(scipy.stats.studentized_range.ppf(level, k, np.inf) / np.sqrt(2) * unit)
    sorted_mean = np.array(mean)
    apart = np.abs(sorted_mean[:, None] - sorted_mean[None])
    p = scipy.stats.studentized_range.sf(apart / unit * np.sqrt(2), k, np.inf)
    p_friedman = float(special.chdtrc(k - 1, chi2))
    return Ranking(names, mean, n, chi2, k - 1, p_friedman, gap, tied_groups(sorted_mean, gap), p, least)


def tied_groups(ranks: np.ndarray, critical_difference: float) -> tuple[tuple[int, int], ...]:
    """Longest runs (first, last) of sorted mean ranks that differ by less than the critical difference.

    >>> tied_groups(np.array([1.0, 1.5, 2.2, 4.0]), 1.0)
    ((0, 1), (1, 2))
    """
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + critical_difference)) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return tuple(groups)


def page_trend(scores: np.ndarray, level: float = 0.95) -> Trend:
    """Page's L for scores (blocks, levels), levels in the order in which scores are expected to rise."""
    n, k = scores.shape
    least = float(1 / special.factorial(k)) ** n  # all blocks in perfect order
    if k < 3:
        return Trend(None, None, n, k, f"{k} levels: a trend needs three or more")
    if np.isnan(scores).any():
        return Trend(None, None, n, k, "some blocks lack the score of a level")
    if n < 2 or least > 1 - level:
        return Trend(None, None, n, k, f"{n} blocks of {k} levels: no trend can be below p = {least:.2g}")
    result = scipy.stats.page_trend_test(np.round(scores, 12))
    return Trend(float(result.statistic), float(result.pvalue), n, k)


def interquartile_mean(scores: np.ndarray, rng: np.random.Generator, reps: int = 2_000) -> Estimate:
    """Mean of the middle half of all scores (blocks, seeds), with the interval over blocks (Agarwal et al. 2021)."""
    return _over_blocks(middle_mean, scores, rng, reps)


def middle_mean(scores: np.ndarray) -> np.ndarray:
    """Interquartile mean (...) of scores (..., blocks, seeds): a quarter of them, rounded down, is cut at each end.

    >>> float(middle_mean(np.array([[1.0, 2.0], [4.0, 90.0]])))
    3.0
    """
    flat = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    cut = flat.shape[-1] // 4
    mean: np.ndarray = flat[..., cut : flat.shape[-1] - cut].mean(-1)
    return mean


def probability_of_improvement(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, reps: int = 2_000) -> Estimate:
    """Chance that a run of ``a`` beats one of ``b`` on a block, ties half; (blocks, seeds) each, mean over blocks."""
    wins = (np.sign(a[:, :, None] - b[:, None, :]).mean((1, 2)) + 1) / 2
    return _over_blocks(lambda chosen: chosen.mean((-2, -1)), wins[:, None], rng, reps)


def _over_blocks(
    function: Callable[[np.ndarray], np.ndarray], values: np.ndarray, rng: np.random.Generator, reps: int
) -> Estimate:
    """A statistic (...) of values (..., blocks, seeds), with its expanded-percentile bootstrap interval over blocks."""
    n = len(values)
    if n == 0 or np.isnan(values).any():
        return Estimate(None, Interval(None, None, None, "some blocks have no score" if n else "no blocks"))
    value = float(function(values))
    if n < BOOTSTRAP_FROM:
        return Estimate(value, Interval(None, None, None, f"{n} blocks, {BOOTSTRAP_FROM} are needed for an interval"))
    samples = function(values[rng.integers(0, n, (reps, n))])
    low, high = np.quantile(samples, expanded_tails(n))
    return Estimate(value, Interval(float(low), float(high), BOOTSTRAP))


def expanded_tails(n: int, level: float = 0.95) -> tuple[float, float]:
    """The two quantiles of a bootstrap over ``n`` units that cover ``level`` in small samples (Hesterberg 2015)."""
    tail = float(special.ndtr(np.sqrt(n / (n - 1)) * special.stdtrit(n - 1, (1 - level) / 2)))
    return tail, 1 - tail
