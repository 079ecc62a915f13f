"""What a comparison can see before it is run: the minimum detectable difference of two models.

For new speakers the main test is the paired t over test speakers, so its power depends on their number and on the
deviation of the speakers' differences, which comes from stored runs, or from pilot runs on acted corpora. For folds of
utterances it is Nadeau-Bengio over folds; the deviation of folds' differences depends on how many rows a fold tests,
so it comes from stored runs only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import special

from .speakers import STUDENT_FROM

POWER = 0.8
LEVEL = 0.95
#: deviation over test speakers of the UAR difference of two models, one seed, pooled: EMO-DB (10 speakers) 12.8 points,
#: EMOVO (6) 9.9, RAVDESS (24) 11.3; `stored_sd` of `serbench run --protocol speaker-independent --model functionals-svm
#: --model mfcc-attention:tiny --corpus emodb --corpus emovo --corpus ravdess` of version 0.1.0
PILOT_SD = 0.115
PILOT_SOURCE = "pilot: functionals-svm and mfcc-attention:tiny on EMO-DB, EMOVO and RAVDESS, new speakers"


@dataclass(frozen=True, slots=True)
class LeastDifference:
    """The least true difference that a two-sided test finds with probability ``power``; or the reason for none."""

    difference: float | None
    n: int
    sd: float
    power: float
    reason: str | None = None


def power_of(difference: float, sd: float, n: int, level: float = LEVEL, share: float | None = None) -> float:
    """Power of a two-sided paired t test of n differences with this deviation against this true mean.

    ``share``: variance of the mean over that of a difference, as in `two_models`; by default 1/n.
    """
    df, shift = n - 1, abs(difference) / sd / np.sqrt(1 / n if share is None else share)
    critical = float(special.stdtrit(df, (1 + level) / 2))
    # the other tail by its complement, and a tail of nothing: scipy gives NaN for chances too small to compute
    upper = 1 - np.nan_to_num(special.nctdtr(df, shift, critical))
    return float(upper + 1 - special.nctdtr(df, -shift, critical))


def minimum_detectable(
    n: int, sd: float, power: float = POWER, level: float = LEVEL, share: float | None = None
) -> LeastDifference:
    """Minimum detectable difference over ``n`` test speakers whose differences have the deviation ``sd``.

    Or over n folds, with the ``share`` 1/n + n_test/n_train of Nadeau and Bengio.

    >>> round(minimum_detectable(10, 0.08).difference, 3)
    0.08
    """
    if n < STUDENT_FROM:
        reason = f"{n} {'test speakers' if share is None else 'folds'}, {STUDENT_FROM} are needed for a test"
        return LeastDifference(None, n, sd, power, reason)
    low, high = 0.0, 1.0  # in deviations
    while power_of(high, 1.0, n, level, share) < power:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(middle, 1.0, n, level, share) < power else (low, middle)
    return LeastDifference(high * sd, n, sd, power)


def pooled_sd(differences: Iterable[np.ndarray]) -> float | None:
    """Deviation of speaker differences pooled over pairs of models and tasks; None where none has two speakers."""
    samples = [d[~np.isnan(d)] for d in differences]
    samples = [d for d in samples if len(d) > 1]
    df = sum(len(d) - 1 for d in samples)
    return float(np.sqrt(sum((len(d) - 1) * d.var(ddof=1) for d in samples) / df)) if df else None
