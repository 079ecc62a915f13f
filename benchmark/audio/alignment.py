"""Do the samples of two clips agree? The correlation of their waveforms at the best lag and speed.

Takes of one word by one speaker may have the same peaks of the spectrum; the same samples they never have. What is done
to a copy (gain, noise, lossy codecs, another rate, a cut, another speed and pitch with it) leaves them where they were.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft

from .decode import resample

RATE_HZ = 6_000  # everything is compared at this rate
FINER = 4  # times it, between samples
LONGEST_S = 0.8  # that is compared: samples that agree so long agree by no chance
MARGIN_S = 0.3  # of the other clip before and behind that
LEAST_S = 0.1  # of either clip: less says nothing
LEAST_IN_COMMON = 0.6  # of the shorter clip
SURE = 0.9  # at the same speed: then no other is tried
HOPELESS = 0.35  # of the slow waves at the best speed: then it is not refined
_NEEDED = ((0.6, 0.8), (0.93, 0.85))  # seconds in common, and score of a copy that has so many: less for more
_CLOSE = 0.05  # below it
WEAKEST, PIECE_S = 0.55, 0.1  # correlation of every piece of a copy, and how long pieces are
SOFT = 0.1  # of the mean power: pieces below say nothing
SUSPECT = 0.6  # correlation below which pieces are not asked
_SLOW_HZ = 1_000  # rate of the slow waves, below 500 Hz, by which the speed is searched
_REACH = 0.0175  # how far it may be from what the peaks tell, as a share
_STEP_S = 0.0005  # what a clip of a second drifts from one speed to the next
_FINEST_S = 0.00002  # and what of it is left
_EMPHASIS = 0.9  # of high frequencies, in which other takes differ most
_QUIET = 1e-3  # of the power: overlaps that are softer say nothing


class Agreement(NamedTuple):
    """Correlation ``score`` of waveforms in [0, 1] over ``seconds`` in common, the first ``speed`` times as fast.

    ``weakest``: of the pieces that are loud enough, in [-1, 1]: words that share a syllable agree in that alone.
    """

    score: float
    seconds: float
    speed: float
    weakest: float = 1.0

    @property
    def same(self) -> bool:
        """Whether these are the same samples: of less sound more is asked."""
        return self.score >= self._needed and self.weakest >= WEAKEST

    @property
    def close(self) -> bool:
        """Whether they nearly are."""
        return self.score >= self._needed - _CLOSE

    @property
    def _needed(self) -> float:
        return float(np.interp(self.seconds, *_NEEDED))


def agreement(a: np.ndarray, b: np.ndarray, rate_hz: int, speed: float = 1.0, later_s: float = 0.0) -> Agreement:
    """How well samples (N,) agree where ``a`` is about ``later_s`` later than ``b`` and ``speed`` times as fast.

    The same speed is tried, too. Of long clips the loudest part of ``a`` is looked for in ``b``.
    """
    a, b = (resample(np.asarray(x, dtype=np.float32), rate_hz, RATE_HZ) for x in (a, b))
    if len(a) > len(b):
        turned = agreement(b, a, RATE_HZ, 1 / speed, -later_s)
        return turned._replace(speed=1 / turned.speed)
    part, near = _parts(a, b, speed, round(later_s * RATE_HZ))
    if min(len(part), len(near)) < LEAST_S * RATE_HZ:
        return Agreement(0.0, 0.0, speed, 0.0)
    first = _emphasised(part)
    unmoved = _at(first, _finer(b), 1.0)
    if unmoved.score >= SURE:
        return unmoved
    rough, hope = _roughly(part, near, speed)
    return unmoved if hope < HOPELESS else max(unmoved, _refined(first, _finer(near), rough))


def _refined(a: np.ndarray, finer: np.ndarray, speed: float) -> Agreement:
    """The best agreement near a speed: waves of high frequencies agree in a narrow range only."""
    step = _STEP_S * RATE_HZ / len(a)
    found = [_at(a, finer, speed + step * k / 4) for k in range(-6, 7)]
    best, step = max(found), step / 8
    while step > _FINEST_S * RATE_HZ / len(a):
        best = max(best, *(_at(a, finer, best.speed + k * step) for k in (-1, 1)))
        step /= 2
    return best


def _parts(a: np.ndarray, b: np.ndarray, speed: float, later: int) -> tuple[np.ndarray, np.ndarray]:
    """The loudest part of ``a``, and where it must lie in ``b``; both whole where they are short."""
    size, margin = int(LONGEST_S * RATE_HZ), int(MARGIN_S * RATE_HZ)
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


def _finer(sound: np.ndarray) -> np.ndarray:
    from scipy import signal  # half a second to import: only for pairs that are looked at

    return np.asarray(signal.resample_poly(_emphasised(np.asarray(sound, dtype=np.float32)), FINER, 1))


def _at(a: np.ndarray, finer: np.ndarray, speed: float) -> Agreement:
    """At one speed, the best lag: of ``a`` and of another clip that has `FINER` times its rate."""
    at = np.arange(0, len(finer) - 1, FINER * speed)
    moved = np.interp(at, np.arange(len(finer)), finer)
    scores, lags = correlations(a, moved[None], FINER)
    i = int(np.argmax(scores[0]))
    score, lag = float(scores[0, i]), int(lags[i])
    whole = -(-lag // FINER)
    if lag % FINER:
        moved = np.interp(at[:-1] + speed * (whole * FINER - lag), np.arange(len(finer)), finer)
    start, end = max(whole, 0), min(len(a), whole + len(moved))
    weakest = _weakest(a[start:end], moved[start - whole : end - whole]) if score >= SUSPECT else -1.0
    return Agreement(score, (end - start) / RATE_HZ, speed, weakest)


def _weakest(a: np.ndarray, b: np.ndarray) -> float:
    """The lowest correlation of the pieces of two waveforms (N,) that are loud enough in both."""
    n = max(1, int(len(a) / (PIECE_S * RATE_HZ)))
    pairs = zip(np.array_split(a, n), np.array_split(b, n), strict=True)
    cross, power_a, power_b = np.array([(x @ y, x @ x, y @ y) for x, y in pairs], dtype=np.float64).T
    loud = np.minimum(power_a / power_a.mean(), power_b / power_b.mean()) > SOFT
    if not loud.any():
        return -1.0
    local = np.sign(cross.sum()) * cross[loud] / np.sqrt(power_a[loud] * power_b[loud])
    return float(local.min())


def _roughly(a: np.ndarray, b: np.ndarray, speed: float) -> tuple[float, float]:
    """The speed near ``speed`` or 1 at which the slow waves agree best, and their correlation there."""
    slow_a, slow_b = (resample(x, RATE_HZ, _SLOW_HZ) for x in (a, b))
    step = _STEP_S * RATE_HZ / len(a)
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

    And the lags (lags,): a[i + lag] lies on b[i]; ``per_sample`` of them are one sample. Zero where what is in common
    is too soft.
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
    return np.minimum(scores, 1.0), steps
