"""Two models, beside the main test of `statistics`: Bayesian t, effect size, equivalence, ranks, McNemar, Holm.

All take paired differences (n,), first minus second, or counts. ``share`` is the variance of the mean difference over
that of one difference: 1/n for independent ones (speakers), 1/J + n_test/n_train for folds (Nadeau-Bengio).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from .speakers import STUDENT_FROM, PairedTest, refused

ROPE = 0.01  # one point: differences within it are taken as none
WILCOXON = "Wilcoxon signed-rank over speakers"


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the differences say of their mean: probabilities that it is below, within and above ±``rope``."""

    below: float | None
    within: float | None
    above: float | None
    rope: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Mean difference, deviation of the differences, and d_z = mean / deviation (Cohen 1988, 2.3.5)."""

    mean: float | None
    sd: float | None
    d_z: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided t tests of |mean| >= margin; a small ``p`` says: no difference beyond the margin."""

    margin: float
    p: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class McNemar:
    """Rows that only one model gets right, and the exact p of an even split."""

    only_a: int
    only_b: int
    p: float


def _spread(differences: np.ndarray, share: float) -> tuple[float, float, str | None]:
    """Mean, standard error of the mean, and why nothing can be said of it."""
    n = len(differences)
    if n < STUDENT_FROM:
        return np.nan, np.nan, f"{n} paired differences, {STUDENT_FROM} are needed"
    spread = float(differences.std(ddof=1))
    if spread <= 1e-12:
        return np.nan, np.nan, f"all {n} differences are equal"
    return float(differences.mean()), float(np.sqrt(share)) * spread, None


def bayesian_t(differences: np.ndarray, share: float | None = None, rope: float = ROPE) -> Posterior:
    """Bayesian correlated t (Corani and Benavoli 2015, eq. 6; Benavoli et al. 2017): flat priors on mean and variance.

    The posterior of the mean is a Student t with n - 1 degrees of freedom, the mean of the differences as location
    and sqrt(share) times their deviation as scale.
    """
    mean, error, reason = _spread(differences, 1 / max(len(differences), 1) if share is None else share)
    if reason:
        return Posterior(None, None, None, rope, reason)
    df = len(differences) - 1
    below, not_above = (float(special.stdtr(df, (edge - mean) / error)) for edge in (-rope, rope))
    return Posterior(below, not_above - below, 1 - not_above, rope)


def effect(differences: np.ndarray) -> Effect:
    """Mean difference and d_z; null where the number or spread of differences does not give them."""
    n = len(differences)
    mean = float(differences.mean()) if n else None
    sd = float(differences.std(ddof=1)) if n > 1 else None
    return Effect(mean, sd, None if sd is None or mean is None or sd <= 1e-12 else mean / sd, n)


def tost(differences: np.ndarray, margin: float = ROPE, share: float | None = None) -> Equivalence:
    """Two one-sided tests for "no difference beyond the margin" (Schuirmann 1987); p is the larger of the two."""
    mean, error, reason = _spread(differences, 1 / max(len(differences), 1) if share is None else share)
    if reason:
        return Equivalence(margin, None, reason)
    p = special.stdtr(len(differences) - 1, (abs(mean) - margin) / error)
    return Equivalence(margin, float(p))


def worse_than(differences: np.ndarray, margin: float, share: float | None = None) -> tuple[float | None, str | None]:
    """One-sided p of: the mean of (candidate - base) is below -margin; or None with the reason.

    Equal differences have no spread: then the mean decides, p 0 or 1.
    """
    n = len(differences)
    if n >= STUDENT_FROM and differences.std(ddof=1) <= 1e-12:
        return float(differences.mean() >= -margin), None
    mean, error, reason = _spread(differences, 1 / max(n, 1) if share is None else share)
    return (None, reason) if reason else (float(special.stdtr(n - 1, (mean + margin) / error)), None)


def wilcoxon(differences: np.ndarray, level: float = 0.95) -> PairedTest:
    """Signed-rank test, exact with ties too: all 2^n signs of the mid-ranks (Wilcoxon 1945; zeros are left out).

    ``mean`` is that of all differences; there is no t and no interval. Refused when even n equal signs could not
    reach the level: with five differences the least p is 0.0625.
    """
    moved = differences[np.abs(differences) > 1e-12]
    n = len(moved)
    least = 2.0 ** (1 - n) if n else 1.0
    if least > 1 - level:
        return refused(WILCOXON, n, f"{n} differences that are not 0: no signed-rank test can be below p = {least:g}")
    ranks = np.rint(2 * stats.rankdata(np.abs(np.round(moved, 12)))).astype(int)  # doubled: mid-ranks become whole
    ways = np.zeros(ranks.sum() + 1)
    ways[0] = 1.0
    for rank in ranks:  # the number of sign patterns with each sum of positive ranks, as shares of 2^n
        shifted = np.zeros_like(ways)
        shifted[rank:] = ways[: len(ways) - rank]
        ways = (ways + shifted) / 2
    positive = int(ranks[moved > 0].sum())
    tail = min(ways[: positive + 1].sum(), ways[positive:].sum())
    return PairedTest(WILCOXON, n, float(differences.mean()), None, None, None, None, min(1.0, 2 * float(tail)), least)


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """Exact McNemar test of two models on the same rows (n,), True where right. It takes rows as independent."""
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p = min(1.0, 2 * float(stats.binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)))
    return McNemar(only_a, only_b, p)


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction of a family (Holm 1979); tests without p stay without and do not count.

    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    ranked = sorted((value, i) for i, value in enumerate(p) if value is not None)
    corrected: list[float | None] = [None] * len(p)
    largest = 0.0
    for step, (value, i) in enumerate(ranked):
        largest = max(largest, min(1.0, (len(ranked) - step) * value))
        corrected[i] = largest
    return corrected
