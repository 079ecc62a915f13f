"""Do the samples of two clips agree? The correlation of their waveforms at the best lag and speed.

Takes of one word by one speaker may have the same peaks of the spectrum; the same samples they never have. What is done
to a copy (gain, noise, lossy codecs, another rate, a cut, another speed and pitch with it) leaves them where they were.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft, signal

from .decode import resample

LONGEST_S = 1.0  # that is compared: samples that agree so long agree by no chance
MARGIN_S = 0.3  # of the other clip before and behind that
LEAST_S = 0.1  # of either clip: less says nothing
LEAST_IN_COMMON = 0.6  # of the shorter clip
SURE = 0.9  # at the same speed: then no other is tried
HOPELESS = 0.35  # of the slow waves at the best speed: then it is not refined
_NEEDED, _NEEDED_SHORT, _PER_SECOND = 0.75, 0.9, 0.15  # score of a copy: at least; with no sound at all; less for more
_CLOSE = 0.05
_SLOW_HZ = 1_000  # rate of the slow waves, below 500 Hz, by which the speed is searched
_REACH = 0.0175  # how far it may be from what the peaks tell, as a share
_STEP_S = 0.0005  # what a clip of a second drifts from one speed to the next
_FINEST_S = 0.00006  # and what of it is left
_EMPHASIS = 0.9  # of high frequencies, in which other takes differ most
_QUIET = 1e-3  # of the power: overlaps that are softer say nothing


class Agreement(NamedTuple):
    """Correlation ``score`` of waveforms in [0, 1] over ``seconds`` in common, the first ``speed`` times as fast."""

    score: float
    seconds: float
    speed: float

    @property
    def same(self) -> bool:
        """Whether these are the same samples: of less sound more is asked."""
        return self.score >= self._needed

    @property
    def close(self) -> bool:
        """Whether they nearly are."""
        return self.score >= self._needed - _CLOSE

    @property
    def _needed(self) -> float:
        return max(_NEEDED, _NEEDED_SHORT - _PER_SECOND * self.seconds)


def agreement(a: np.ndarray, b: np.ndarray, rate_hz: int, speed: float = 1.0, later_s: float = 0.0) -> Agreement:
    """How well samples (N,) agree where ``a`` is about ``later_s`` later than ``b`` and ``speed`` times as fast.

    The same speed is tried, too. Of long clips the loudest part of ``a`` is looked for in ``b``.
    """
    a, b = _parts(a, b, rate_hz, speed, round(later_s * rate_hz))
    if min(len(a), len(b)) < LEAST_S * rate_hz:
        return Agreement(0.0, 0.0, speed)
    first, double = _emphasised(a), signal.resample_poly(_emphasised(b), 2, 1)
    unmoved = _at(first, double, 1.0, rate_hz)
    if unmoved.score >= SURE:
        return unmoved
    best, hope = _roughly(a, b, rate_hz, speed)
    if hope < HOPELESS:
        return unmoved
    found = {best: _at(first, double, best, rate_hz)}
    step = _STEP_S * rate_hz / len(a)
    while step > _FINEST_S * rate_hz / len(a):
        step /= 2
        for near in (best - step, best + step):
            found.setdefault(near, _at(first, double, near, rate_hz))
        best = max((best - step, best, best + step), key=lambda one: found[one].score)
    return max(unmoved, found[best])


def _parts(a: np.ndarray, b: np.ndarray, rate_hz: int, speed: float, later: int) -> tuple[np.ndarray, np.ndarray]:
    """The loudest part of ``a``, and where it must lie in ``b``; both whole where they are short."""
    size, margin = int(LONGEST_S * rate_hz), int(MARGIN_S * rate_hz)
    first, start = np.asarray(a, dtype=np.float32), 0
    if len(a) > size:
        power = np.append(0.0, np.cumsum(np.square(a, dtype=np.float64)))
        start = int(np.argmax(power[size:] - power[:-size]))
        first = first[start : start + size]
    begin, end = sorted((start - later) * one for one in (speed, 1.0))
    low, high = int(begin) - margin, int(end + len(first) * max(speed, 1.0)) + margin
    return first, np.asarray(b, dtype=np.float32)[max(0, low) : max(high, 1)]


def _emphasised(sound: np.ndarray) -> np.ndarray:
    return np.append(sound[:1], sound[1:] - np.float32(_EMPHASIS) * sound[:-1])


def _at(a: np.ndarray, double: np.ndarray, speed: float, rate_hz: int) -> Agreement:
    """At one speed, the best lag: of ``a`` and of another clip that has twice its rate."""
    at = np.arange(0, len(double) - 1, 2 * speed)
    moved = np.interp(at, np.arange(len(double)), double)
    scores, common = correlations(a, moved[None], 2)
    i = int(np.argmax(scores[0]))
    return Agreement(float(scores[0, i]), float(common[i]) / rate_hz, speed)


def _roughly(a: np.ndarray, b: np.ndarray, rate_hz: int, speed: float) -> tuple[float, float]:
    """The speed near ``speed`` or 1 at which the slow waves agree best, and their correlation there."""
    slow_a, slow_b = (resample(x, rate_hz, _SLOW_HZ) for x in (a, b))
    step = _STEP_S * rate_hz / len(a)
    reach = np.arange(-_REACH, _REACH + step, step)
    centres = (speed, 1.0) if abs(speed - 1) > _REACH else (speed,)
    speeds = np.concatenate([centre * (1 + reach) for centre in centres])
    at = np.arange(int(len(slow_b) / speeds.min()) + 1) * speeds[:, None]
    moved = np.interp(at, np.arange(len(slow_b)), slow_b, right=0.0)
    best = correlations(slow_a, moved)[0].max(axis=1)
    i = int(np.argmax(best))
    return float(speeds[i]), float(best[i])


def correlations(a: np.ndarray, b: np.ndarray, per_sample: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Correlation in [0, 1] of ``a`` (N,) with each of ``b`` (k, M) at all lags with enough in common, (k, lags).

    And how many samples (lags,) that is; ``per_sample`` lags lie in one. Zero where what is in common is too soft.
    """
    n, m = len(a), b.shape[1]
    size = fft.next_fast_len(n + m, real=True)
    spectrum = fft.rfft(a, size) * fft.rfft(b, size).conj()
    product = per_sample * fft.irfft(spectrum, per_sample * size)
    steps = np.arange(per_sample * (1 - m), per_sample * n)
    lags = np.clip(steps // per_sample, 1 - m, n - 1)
    low, high = np.maximum(lags, 0), np.minimum(n, lags + m)
    enough = high - low >= LEAST_IN_COMMON * min(n, m)
    steps, lags, low, high = steps[enough], lags[enough], low[enough], high[enough]
    of_a = np.append(0.0, np.cumsum(np.square(a, dtype=np.float64)))
    of_b = np.concatenate([np.zeros((len(b), 1)), np.cumsum(np.square(b, dtype=np.float64), axis=1)], axis=1)
    power_a, power_b = of_a[high] - of_a[low], of_b[:, high - lags] - of_b[:, low - lags]
    heard = (power_a > _QUIET * of_a[-1]) & (power_b > _QUIET * of_b[:, -1:])
    scores = np.abs(product[:, steps]) / np.sqrt(np.where(heard, power_a * power_b, np.inf))
    return np.minimum(scores, 1.0), high - low
