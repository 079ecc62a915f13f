"""What noise and other conditions cost: paired degradation, the area under the SNR curve, SNR50.

A curve has confusions (levels, seeds, speakers, C, C): the same seeds and speakers at every level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from .confusions import Parts
from .many_models import Estimate, expanded_tails
from .metrics import Metric
from .speakers import BOOTSTRAP, BOOTSTRAP_FROM, STUDENT, STUDENT_FROM, Interval, mean_known
from .uncertainty import Uncertainty, contrast


@dataclass(frozen=True, slots=True)
class Degradation:
    """Condition minus clean, and the share of the clean score above chance that is kept.

    ``kept`` is null where clean is not above chance.
    """

    change: Uncertainty
    kept: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Area under the SNR curve (mean score over the range of levels) and SNR50, each with its interval.

    SNR50 is the lowest level, in dB, down to which at least half of the clean score above chance is kept, with
    straight lines between the levels.
    """

    area: Estimate
    snr50: Estimate


def speaker_scores(confusions: np.ndarray, metric: Metric) -> np.ndarray:
    """Scores (..., speakers) of confusions (..., seeds, speakers, C, C), averaged over seeds."""
    return mean_known(metric.of(confusions), -2)


def degradation(clean: Parts, condition: Parts, metric: Metric, chance: float) -> Degradation:
    """What a condition costs, of the same trainings and rows, clean and under it."""
    whole, rest = (parts.score(metric) - chance for parts in (clean, condition))
    change = contrast([(1.0, condition), (-1.0, clean)], metric)
    return Degradation(change, rest / whole if whole > 0 else None)


def area_under(levels: Sequence[float], scores: np.ndarray) -> np.ndarray:
    """Mean score (...) over the range of levels: trapezoids of scores (..., levels), divided by the range.

    >>> float(area_under([0.0, 10.0, 20.0], np.array([0.2, 0.6, 0.8])))  # (4 + 7) / 20
    0.55
    """
    order = np.argsort(levels)
    at = np.asarray(levels, dtype=float)[order]
    area: np.ndarray = np.trapezoid(scores[..., order], at, axis=-1) / (at[-1] - at[0])
    return area


def snr_where_half(levels: Sequence[float], scores: np.ndarray, clean: float, chance: float) -> float:
    """SNR50 in dB; NaN where clean is not above chance, or half of it is not crossed within the levels.

    >>> snr_where_half([0.0, 10.0, 20.0], np.array([0.25, 0.5, 0.75]), clean=0.75, chance=0.0)  # half is 0.375
    5.0
    """
    order = np.argsort(levels)[::-1]  # from mild to strong
    at, kept = np.asarray(levels, dtype=float)[order], np.asarray(scores)[order]
    half = chance + (clean - chance) / 2
    below = np.flatnonzero(kept < half)
    if clean <= chance or not len(below) or below[0] == 0:
        return float("nan")
    k = below[0]
    return float(at[k] + (half - kept[k]) / (kept[k - 1] - kept[k]) * (at[k - 1] - at[k]))


def snr_curve(
    levels: Sequence[float],
    noisy: np.ndarray,
    clean: np.ndarray,
    metric: Metric,
    chance: float,
    rng: np.random.Generator,
    reps: int = 2_000,
) -> Curve:
    """Area and SNR50 of noisy (levels, seeds, speakers, C, C) and clean confusions (seeds, speakers, C, C).

    Scores are pooled over the speakers. Intervals as everywhere: bootstrap over six or more speakers, the same
    resample at every level; Student t over the areas of three to five (SNR50 has none then).
    """
    both = np.concatenate([clean[None], noisy])  # (1 + levels, seeds, speakers, C, C)

    def pooled(weights: np.ndarray) -> np.ndarray:
        return mean_known(metric.of(np.tensordot(both, weights, (2, 0))), 1)  # (1 + levels,)

    def half(scores: np.ndarray) -> float:
        return snr_where_half(levels, scores[1:], float(scores[0]), chance)

    n = both.shape[2]
    if len(levels) < 2:
        none = Estimate(None, Interval(None, None, None, f"{len(levels)} levels, 2 are needed for a curve"))
        return Curve(none, none)
    value = pooled(np.ones(n))
    area, at_half = float(area_under(levels, value[1:])), half(value)
    samples = []
    if n >= BOOTSTRAP_FROM:
        samples = [pooled(np.bincount(rng.integers(0, n, n), minlength=n).astype(float)) for _ in range(reps)]
    return Curve(
        Estimate(area, _area_interval(levels, samples, noisy, metric, area)), _half_estimate(at_half, samples, half, n)
    )


def _area_interval(
    levels: Sequence[float], samples: list[np.ndarray], noisy: np.ndarray, metric: Metric, area: float
) -> Interval:
    n = noisy.shape[2]
    if samples:
        low, high = np.quantile([float(area_under(levels, s[1:])) for s in samples], expanded_tails(n))
        return Interval(float(low), float(high), BOOTSTRAP)
    if n < STUDENT_FROM:
        return Interval(None, None, None, f"{n} test speakers, {STUDENT_FROM} are needed for an interval")
    areas = area_under(levels, speaker_scores(noisy, metric).T)  # (speakers,)
    half = special.stdtrit(n - 1, 0.975) * areas.std(ddof=1) / np.sqrt(n)
    return Interval(float(area - half), float(area + half), STUDENT)


def _half_estimate(value: float, samples: list[np.ndarray], half: Callable[[np.ndarray], float], n: int) -> Estimate:
    if np.isnan(value):
        return Estimate(None, Interval(None, None, None, "the curve does not cross half of clean within the levels"))
    if not samples:
        return Estimate(value, Interval(None, None, None, f"{n} speakers, {BOOTSTRAP_FROM} are needed for an interval"))
    values = np.array([half(s) for s in samples])
    outside = float(np.isnan(values).mean())
    if outside > 0.01:
        reason = f"{100 * outside:.0f} % of the resamples do not cross half of clean within the levels"
        return Estimate(value, Interval(None, None, None, reason))
    low, high = np.quantile(values[~np.isnan(values)], expanded_tails(n))
    return Estimate(value, Interval(float(low), float(high), BOOTSTRAP))
