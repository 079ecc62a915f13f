"""What a comparison can see before it is run: the minimum detectable difference of two models.

For new speakers the main test is over speakers and trainings, so its power depends on the number of speakers, folds and
seeds, and on two deviations: of the speakers' differences, and of what a training does to the score of its fold. They
come from stored runs, or from pilot runs on acted corpora. For folds of utterances it is Nadeau-Bengio over folds; the
deviation of folds' differences depends on how many rows a fold tests, so it comes from stored runs only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import special

from .speakers import STUDENT_FROM
from .uncertainty import LEAST_GROUPS, LEAST_TRAININGS

POWER = 0.8
LEVEL = 0.95
#: deviation over test speakers of the UAR difference of two models, one seed, pooled: EMO-DB (10 speakers) 12.8 points,
#: EMOVO (6) 9.9, RAVDESS (24) 11.3; `stored_sd` of `serbench run --protocol speaker-independent --model functionals-svm
#: --model mfcc-attention:tiny --corpus emodb --corpus emovo --corpus ravdess` of version 0.1.0
PILOT_SD = 0.115
#: deviation over 24 seeds of the UAR of mfcc-attention:tiny, one training for all test speakers: EMO-DB to RAVDESS 3.1
#: points, RAVDESS to EMO-DB 3.6 (`results/measured/validity.md`)
PILOT_LUCK = 0.033
PILOT_SOURCE = "pilot: functionals-svm and mfcc-attention:tiny on EMO-DB, EMOVO and RAVDESS, new speakers"


@dataclass(frozen=True, slots=True)
class LeastDifference:
    """The least true difference that a two-sided test finds with probability ``power``; or the reason for none."""

    difference: float | None
    n: int
    sd: float
    power: float
    reason: str | None = None


def power_of(difference: float, error: float, df: float, level: float = LEVEL) -> float:
    """Power of a two-sided t test with this standard error and degrees of freedom against this true difference."""
    shift = abs(difference) / error
    critical = float(special.stdtrit(df, (1 + level) / 2))
    # the other tail by its complement, and a tail of nothing: scipy gives NaN for chances too small to compute
    upper = 1 - np.nan_to_num(special.nctdtr(df, shift, critical))
    return float(upper + 1 - special.nctdtr(df, -shift, critical))


def detectable(error: float, df: float, power: float = POWER, level: float = LEVEL) -> float:
    """The least difference that a t test with this standard error finds.

    >>> round(detectable(0.08 / 10**0.5, 9), 3)
    0.08
    """
    low, high = 0.0, 1.0  # in standard errors
    while power_of(high, 1.0, df, level) < power:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(middle, 1.0, df, level) < power else (low, middle)
    return high * error


def over_both(
    n: int, folds: int, seeds: int, sd: float, luck: float, power: float = POWER, level: float = LEVEL
) -> LeastDifference:
    """Of the test over ``n`` speakers in disjoint ``folds``, each trained anew under each of the ``seeds``.

    ``sd``: of speakers' differences, ``luck``: deviation over seeds of the score of a fold, of either model.
    """
    if n < STUDENT_FROM:
        return LeastDifference(None, n, sd, power, f"{n} test speakers, {STUDENT_FROM} are needed for a test")
    speakers = sd**2 / n
    trainings = 2 * luck**2 / (folds * seeds)
    if folds >= n:  # a speaker's difference has the luck of its training in it
        return LeastDifference(detectable(float(np.sqrt(speakers)), n - 1, power, level), n, sd, power)
    error = float(np.sqrt(speakers + trainings))
    if seeds >= LEAST_TRAININGS:
        df = error**4 / (speakers**2 / (n - 1) + trainings**2 / (2 * folds * (seeds - 1)))
        return LeastDifference(detectable(error, df, power, level), n, sd, power)
    if folds >= LEAST_GROUPS:
        return LeastDifference(detectable(error, folds - 1, power, level), n, sd, power)
    reason = (
        f"{seeds} seed{'' if seeds == 1 else 's'}: a training scores several speakers, and its luck cannot be "
        f"measured; {LEAST_TRAININGS} seeds allow a test of the algorithms"
    )
    return LeastDifference(None, n, sd, power, reason)


def over_folds(n: int, share: float, sd: float, power: float = POWER, level: float = LEVEL) -> LeastDifference:
    """Of Nadeau and Bengio's test over ``n`` folds; ``share``: 1/n + n_test/n_train."""
    if n < STUDENT_FROM:
        return LeastDifference(None, n, sd, power, f"{n} folds, {STUDENT_FROM} are needed for a test")
    return LeastDifference(detectable(float(np.sqrt(share)) * sd, n - 1, power, level), n, sd, power)


def pooled_sd(differences: Iterable[np.ndarray]) -> float | None:
    """Deviation of speaker differences pooled over pairs of models and tasks; None where none has two speakers."""
    samples = [d[~np.isnan(d)] for d in differences]
    samples = [d for d in samples if len(d) > 1]
    df = sum(len(d) - 1 for d in samples)
    return float(np.sqrt(sum((len(d) - 1) * d.var(ddof=1) for d in samples) / df)) if df else None
