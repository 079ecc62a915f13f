"""Fundamental frequency of a voice, and its single periods: what jitter, shimmer and harmonicity are made of.

The tracker follows P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise
ratio of a sampled sound", Proc. Institute of Phonetic Sciences Amsterdam 17 (1993): the autocorrelation of a windowed
frame over that of the window, its highest maxima as candidates, and the cheapest path through them. Periods are found
in the way that Praat's manual describes for cross-correlation: from the strongest point of a voiced stretch outwards,
always to where the signal is most like the last period.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import fft
from scipy.ndimage import maximum_filter1d

FLOOR_HZ, CEILING_HZ = 75.0, 600.0
WINDOW_PERIODS = 3  # of the floor
CANDIDATES = 6
FINER = 4  # points per sample at which a correlation is read
SILENCE, VOICING = 0.03, 0.45  # voiced is what is louder, relative to the clip's peak, and more like itself
OCTAVE_COST, JUMP_COST, SWITCH_COST = 0.01, 0.35, 0.14  # per octave below the ceiling; per octave and switch in 10 ms
LEAST_LIKE = 0.3  # correlation with the last period below which a voice has ended


@dataclass(frozen=True)
class Pitch:
    """Per frame: F0 in Hz, 0 where unvoiced, and how like itself the signal is a period later, 0 to 1."""

    f0_hz: np.ndarray
    strength: np.ndarray
    hop: int


@dataclass(frozen=True)
class Period:
    """Two periods in a row: the sample where they meet, their lengths in samples, their amplitudes."""

    time: float
    lengths: tuple[float, float]
    amplitudes: tuple[float, float]


def track(waveform: np.ndarray, rate_hz: int, hop: int) -> Pitch:
    """F0 of one clip in frames centered on every ``hop``-th sample: (N,) -> 1 + N // hop frames."""
    waveform = waveform - waveform.mean()
    f0, height = _candidates(*_correlations(waveform, rate_hz, hop), rate_hz)  # (T, 6) each
    voiced = height - OCTAVE_COST * np.log2(CEILING_HZ / f0)
    unvoiced = VOICING + np.maximum(0, 2 - _loudness(waveform, rate_hz, hop) * (1 + VOICING) / SILENCE)
    path = _cheapest(np.c_[f0, np.zeros(len(f0))], np.c_[voiced, unvoiced], 0.010 * rate_hz / hop)
    frames, chosen = np.arange(len(f0)), np.minimum(path, CANDIDATES - 1)
    is_voiced = path < CANDIDATES
    strength = np.where(is_voiced, height[frames, chosen], height.max(axis=1))
    return Pitch(np.where(is_voiced, f0[frames, chosen], 0.0), np.clip(strength, 0, 1), hop)


def _correlations(waveform: np.ndarray, rate_hz: int, hop: int) -> tuple[np.ndarray, int]:
    """Autocorrelation of every frame at quarters of a sample, (T, lags) with 1 at lag 0, and the first lag."""
    width = round(WINDOW_PERIODS / FLOOR_HZ * rate_hz) | 1
    first, last = int(rate_hz / CEILING_HZ) - 1, int(rate_hz / FLOOR_HZ) + 2
    size = fft.next_fast_len(width + last, real=True)
    window, own = _window(width, size)
    around = np.pad(waveform.astype(np.float32), (width // 2, width // 2 + 1))
    frames = np.lib.stride_tricks.sliding_window_view(around, width)[::hop]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    power = np.square(np.abs(fft.rfft(frames, size, axis=1)))
    fine = fft.irfft(power, FINER * size, axis=1)[:, : FINER * last]
    with np.errstate(invalid="ignore", divide="ignore"):
        heights = fine / fine[:, :1] / own[: FINER * last]
    heights[fine[:, 0] <= 1e-12 * width] = 0  # digital silence is like nothing
    return heights[:, FINER * first :], FINER * first


@cache
def _window(width: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A Hann window and its autocorrelation at quarters of a sample."""
    window = np.hanning(width + 2)[1:-1]
    own = fft.irfft(np.square(np.abs(fft.rfft(window, size))), FINER * size)
    return window.astype(np.float32), (own / own[0]).astype(np.float32)


def _candidates(heights: np.ndarray, first: int, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """F0 in Hz and height of the highest maxima, (T, 6) each; a missing one has the ceiling's F0 and height -1."""
    inner = heights[:, 1:-1]
    lags = first + 1 + np.arange(inner.shape[1])
    f0 = rate_hz * FINER / lags
    is_top = (inner > heights[:, :-2]) & (inner >= heights[:, 2:]) & (f0 <= CEILING_HZ) & (f0 >= FLOOR_HZ) & (inner > 0)
    worth = np.where(is_top, inner - OCTAVE_COST * np.log2(CEILING_HZ / f0), -np.inf)
    best = np.argpartition(-worth, CANDIDATES, axis=1)[:, :CANDIDATES]
    left, mid, right = (np.take_along_axis(heights, best + shift, axis=1) for shift in (0, 1, 2))
    exists = np.take_along_axis(is_top, best, axis=1)
    shift, height = _summit(left, mid, right)
    height = np.where(height > 1, 1 / np.maximum(height, 1), height)  # short of the sinc's own overshoot (Boersma)
    lag = (lags[best] + shift) / FINER
    return np.where(exists, np.clip(rate_hz / lag, FLOOR_HZ, CEILING_HZ), CEILING_HZ), np.where(exists, height, -1.0)


def _summit(left: np.ndarray, mid: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place, -0.5 to 0.5, and height of the top of a parabola through three neighbors, the middle one highest."""
    bend = left - 2 * mid + right
    shift = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1), 0.0)
    shift = np.clip(shift, -0.5, 0.5)
    return shift, mid - 0.25 * (left - right) * shift


def _loudness(waveform: np.ndarray, rate_hz: int, hop: int) -> np.ndarray:
    """Peak of every frame over that of the clip, (T,)."""
    size = np.abs(waveform)
    peak = float(size.max(initial=0))
    around = maximum_filter1d(np.append(size, 0), round(WINDOW_PERIODS / FLOOR_HZ * rate_hz) | 1, mode="constant")
    loudness: np.ndarray = around[: len(waveform) + 1 : hop] / (peak or 1.0)
    return loudness


def _cheapest(f0: np.ndarray, worth: np.ndarray, scale: float) -> np.ndarray:
    """Index of the candidate per frame, the last being unvoiced (F0 0), on the path of largest worth (Viterbi)."""
    octaves = np.log2(np.where(f0 > 0, f0, 1.0))
    voiced = f0 > 0
    total = worth[0].astype(np.float64)
    back = np.zeros(f0.shape, dtype=np.int64)
    jumps = JUMP_COST * np.abs(octaves[1:, None, :] - octaves[:-1, :, None])  # (T - 1, from, to)
    both, either = voiced[1:, None, :] & voiced[:-1, :, None], voiced[1:, None, :] | voiced[:-1, :, None]
    costs = scale * np.where(both, jumps, np.where(either, SWITCH_COST, 0.0))
    for frame, cost in enumerate(costs, start=1):
        ways = total[:, None] - cost
        back[frame] = ways.argmax(axis=0)
        total = ways.max(axis=0) + worth[frame]
    path = np.empty(len(f0), dtype=np.int64)
    path[-1] = total.argmax()
    for frame in range(len(f0) - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path


def periods(waveform: np.ndarray, rate_hz: int, pitch: Pitch) -> list[Period]:
    """Pairs of neighboring periods of all voiced stretches, in order of time."""
    signal = waveform.astype(np.float64) - waveform.mean(dtype=np.float64)
    pairs: list[Period] = []
    voiced = np.flatnonzero(pitch.f0_hz)
    for run in np.split(voiced, np.flatnonzero(np.diff(voiced) > 1) + 1):
        if len(run):
            points = np.array(_points(signal, rate_hz, pitch, run))
            if len(points) >= 3:
                pairs += _pairs(signal, points)
    return pairs


def _points(signal: np.ndarray, rate_hz: int, pitch: Pitch, run: np.ndarray) -> list[float]:
    """One point per period of a voiced stretch, in order."""
    times, f0 = run * pitch.hop, pitch.f0_hz[run]
    start, end = float(times[0] - pitch.hop / 2), float(times[-1] + pitch.hop / 2)
    middle = (start + end) / 2
    half = round(rate_hz / float(np.interp(middle, times, f0)) / 2)
    low = max(0, round(middle) - half)
    piece = np.abs(signal[low : round(middle) + half + 1])
    origin = float(low + int(piece.argmax()))

    def walk(direction: int) -> Iterator[float]:
        point = origin
        while True:
            step = _step(signal, point, rate_hz / float(np.interp(point, times, f0)), direction)
            if step is None or not start <= point + direction * step <= end:
                return
            point += direction * step
            yield point

    return [*reversed(list(walk(-1))), origin, *walk(1)]


def _step(signal: np.ndarray, point: float, period: float, direction: int) -> float | None:
    """Samples to where the signal is most like the period around a point; None at its end."""
    center, half = round(point), round(period / 2)
    near, far = int(0.8 * period), int(np.ceil(1.2 * period))
    low = center + (near if direction > 0 else -far) - half - 1
    high = center + (far if direction > 0 else -near) + half + 2
    if low < 0 or high > len(signal) or center - half < 0 or center + half + 1 > len(signal):
        return None
    template = signal[center - half : center + half + 1]
    windows = np.lib.stride_tricks.sliding_window_view(signal[low:high], len(template))
    norms = np.sqrt(np.einsum("ij,ij->i", windows, windows) * (template @ template))
    likeness = np.divide(windows @ template, norms, out=np.zeros(len(windows)), where=norms > 0)
    best = int(likeness[1:-1].argmax()) + 1
    if likeness[best] < LEAST_LIKE:
        return None
    shift, _ = _summit(*likeness[best - 1 : best + 2])
    return abs(low + half + best + float(shift) - center)


def _pairs(signal: np.ndarray, points: np.ndarray) -> list[Period]:
    """Neighboring periods between at least three points."""
    lengths = np.diff(points)
    spans = np.minimum(np.append(lengths, lengths[-1]), np.append(lengths[0], lengths))
    sizes = [_amplitude(signal, point, 0.2 * span) for point, span in zip(points, spans, strict=True)]
    return [
        Period(float(points[i + 1]), (float(lengths[i]), float(lengths[i + 1])), (sizes[i], sizes[i + 1]))
        for i in range(len(lengths) - 1)
    ]


def _amplitude(signal: np.ndarray, point: float, reach: float) -> float:
    """Root mean square around a point under a Hann window of two reaches."""
    at = np.arange(max(0, int(np.ceil(point - reach))), min(len(signal), int(point + reach) + 1))
    weight = 0.5 + 0.5 * np.cos(np.pi * (at - point) / reach)
    return float(np.sqrt(weight @ np.square(signal[at]) / weight.sum()))
