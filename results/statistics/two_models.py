"""Two models, beside the main test: Bayesian t, effect size, equivalence, signed ranks, McNemar, Holm.

The first three say more of the same difference with the same standard error as the main test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy import special

from .speakers import PairedTest, refused
from .uncertainty import Uncertainty

ROPE = 0.01  # one point: differences within it are taken as none
WILCOXON = "typical speaker: Wilcoxon signed-rank over speakers, of these trained models"


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the evidence says of a difference: probabilities that it is below, within and above ±``rope``."""

    below: float | None
    within: float | None
    above: float | None
    rope: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference in deviations of the speakers' own differences, d_z (Cohen 1988, 2.3.5), with its interval."""

    mean: float | None
    sd: float | None
    d_z: float | None
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests of |difference| >= margin; a small ``p`` says: no difference beyond the margin.

    ``least`` is the smallest margin that the evidence rules out at its level: the end of the interval farther from 0.
    """

    margin: float
    p: float | None
    reason: str | None = None
    least: float | None = None


@dataclass(frozen=True, slots=True)
class McNemar:
    """Rows that only one model gets right, and the exact p of an even split."""

    only_a: int
    only_b: int
    p: float


def posterior(u: Uncertainty, rope: float = ROPE) -> Posterior:
    """Student's t around the difference, as the correlated t of Corani and Benavoli 2015 (eq. 6), flat priors."""
    above, not_below = u.above(rope), u.above(-rope)
    if above is None or not_below is None:
        return Posterior(None, None, None, rope, u.reason)
    return Posterior(1 - not_below, not_below - above, above, rope)


def effect(u: Uncertainty, level: float = 0.95) -> Effect:
    """d_z with the interval of a noncentral t (Cumming and Finch 2001, Educ. Psychol. Meas. 61, 532-574)."""
    if u.error is None or u.df is None or u.deviation <= 1e-12 or u.error <= 1e-12:
        return Effect(u.estimate, u.deviation if u.error is not None else None, None, u.n_clusters)
    unit = u.error / u.deviation  # of t, in d_z
    t = u.estimate / u.error
    ends = (special.nctdtrinc(u.df, tail, t) for tail in ((1 + level) / 2, (1 - level) / 2))
    low, high = (float(end) * unit for end in ends)
    return Effect(u.estimate, u.deviation, t * unit, u.n_clusters, low, high)


def equivalence(u: Uncertainty, margin: float = ROPE, level: float = 0.95) -> Equivalence:
    """Two one-sided tests for "no difference beyond the margin" (Schuirmann 1987); p is the larger of the two."""
    above, not_below = u.above(margin), u.above(-margin)
    low, high = u.interval(2 * level - 1)
    if above is None or not_below is None or low is None or high is None:
        return Equivalence(margin, None, u.reason)
    return Equivalence(margin, max(above, 1 - not_below), None, max(abs(low), abs(high)))


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
    ranks = np.rint(2 * scipy.stats.rankdata(np.abs(np.round(moved, 12)))).astype(
        int
    )  # doubled: mid-ranks become whole
    ways = np.zeros(ranks.sum() + 1)
    ways[0] = 1.0
    for rank in ranks:  # the number of sign patterns with each sum of positive ranks, as shares of 2^n
        shifted = np.zeros_like(ways)
        shifted[rank:] = ways[: len(ways) - rank]
        ways = (ways + shifted) / 2
    positive = int(ranks[moved > 0].sum())
    tail = min(ways[: positive + 1].sum(), ways[positive:].sum())
    p = min(1.0, 2 * float(tail))
    return PairedTest(WILCOXON, n, float(differences.mean()), None, None, None, None, p, least, about="trained models")


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """Exact McNemar test of two models on the same rows (n,), True where right. It takes rows as independent."""
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p = min(1.0, 2 * float(scipy.stats.binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)))
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
