"""Feature groups: what one can hear in a frame beside its MFCC. Fixed, per clip, in frames centered on every hop.

- ``mfcc``: what the model gives; ``delta``, ``delta2``: their first and second slopes over 9 frames
  (Furui, IEEE Trans. ASSP 34, 1986)
- ``energy``: mean square in dB
- ``f0``: fundamental frequency in semitones above 55 Hz, and voicing: how like itself the signal is a period later
  (Boersma 1993, `pitch`)
- ``voice``: jitter and shimmer in percent, and harmonics-to-noise ratio in dB. Jitter (local) is the mean difference of
  neighboring periods over the mean period, shimmer (local) the same of their amplitudes; both of the periods within
  50 ms of the frame, leaving out pairs that differ by more than a factor of 1.3 in length or 1.6 in amplitude, the
  limits in Praat's manual. The ratio is r / (1 - r), r the voicing (Boersma 1993, eq. 4), within -20 to 40 dB.
- ``zcr``: changes of sign per sample, and root mean square
- ``chroma``: power of the 12 pitch classes, from C, over that of the strongest (Bartsch & Wakefield, WASPAA 2001), for
  the concert pitch of 440 Hz

F0, jitter, shimmer and the ratio are NaN in frames that have none.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from .card import Variant, require

if TYPE_CHECKING:
    from .pitch import Pitch

Group = Literal["mfcc", "delta", "delta2", "energy", "f0", "voice", "zcr", "chroma"]
#: rows of each group, in the order in which they are stacked
SIZES: dict[Group, int] = {
    "mfcc": 20, "delta": 20, "delta2": 20, "energy": 1, "f0": 2, "voice": 3, "zcr": 2, "chroma": 12,
}  # fmt: skip
EXPLAIN = (
    "groups of frame-wise features, at least one of: mfcc; delta, delta2 (their slopes); energy; f0 (and voicing); "
    "voice (jitter, shimmer, harmonics-to-noise); zcr (zero crossings, RMS); chroma"
)
SPECTRAL: tuple[Group, ...] = ("mfcc", "delta", "delta2")
REACH_S = 0.050  # periods so near a frame count for its jitter
PERIOD_FACTOR, AMPLITUDE_FACTOR = 1.3, 1.6
WINDOW_S = 0.025  # of energy, crossings and RMS


#: group of the ablation -> (what it adds, its groups)
_ADDED: Mapping[str, tuple[str, tuple[Group, ...]]] = {
    "with-deltas": ("first and second slopes of the MFCC", ("delta", "delta2")),
    "with-energy": ("energy", ("energy",)),
    "with-f0": ("fundamental frequency and voicing", ("f0",)),
    "with-voice": ("jitter, shimmer, harmonics-to-noise ratio", ("voice",)),
    "with-zcr": ("zero crossings and RMS", ("zcr",)),
    "with-chroma": ("pitch classes", ("chroma",)),
    "with-all": ("every group of features", get_args(Group)),
}


def variants(default: tuple[Group, ...]) -> dict[str, Variant]:
    """The ablation of features: what each adds to the default groups."""
    return {
        name: Variant(f"adds {words}", {"features": tuple(g for g in get_args(Group) if g in (*default, *more))})
        for name, (words, more) in _ADDED.items()
    }


def check(settings: object) -> None:
    """Refuse a setting ``features`` that names no group, or one twice."""
    require(settings, "a list of different groups", lambda groups: 0 < len(groups) == len(set(groups)), "features")


def rows(groups: Sequence[Group]) -> int:
    """How many rows the groups have together."""
    return sum(SIZES[group] for group in groups)


def stacked(mfcc: np.ndarray, waveform: np.ndarray, rate_hz: int, hop: int, groups: Sequence[Group]) -> np.ndarray:
    """The groups of one clip in the order of `SIZES`: MFCC (20, T), waveform (N,) -> (K, T), T = 1 + N // hop."""
    import librosa

    slopes = {"delta": 1, "delta2": 2}
    features: dict[str, np.ndarray] = {"mfcc": mfcc}
    for name, order in slopes.items():
        if name in groups:
            features[name] = librosa.feature.delta(mfcc, order=order, mode="nearest")
    features |= contours(waveform, rate_hz, hop, [group for group in groups if group not in SPECTRAL])
    return np.concatenate([features[group] for group in get_args(Group) if group in groups]).astype(np.float32)


def contours(waveform: np.ndarray, rate_hz: int, hop: int, groups: Sequence[Group]) -> dict[str, np.ndarray]:
    """Group -> its rows (K, T), T = 1 + N // hop, of every group that is not of MFCC."""
    from . import pitch

    features: dict[str, np.ndarray] = {}
    if "energy" in groups or "zcr" in groups:
        power = _windowed(np.square(waveform, dtype=np.float64), rate_hz, hop)
        features["energy"] = 10 * np.log10(np.maximum(power, 1e-10))[None]
        features["zcr"] = np.stack([_windowed(_crossings(waveform), rate_hz, hop), np.sqrt(power)])
    if "f0" in groups or "voice" in groups:
        track = pitch.track(waveform, rate_hz, hop)
        hz = np.where(track.f0_hz > 0, track.f0_hz, np.nan)
        features["f0"] = np.stack([12 * np.log2(hz / 55), track.strength])
        if "voice" in groups:
            features["voice"] = _voice(waveform, rate_hz, track)
    if "chroma" in groups:
        features["chroma"] = _chroma(waveform, rate_hz, hop)
    return {group: features[group] for group in groups}


def _voice(waveform: np.ndarray, rate_hz: int, track: "Pitch") -> np.ndarray:
    """Jitter and shimmer in percent, harmonics-to-noise in dB: (3, T), NaN where unvoiced."""
    from .pitch import periods

    cycles = periods(waveform, rate_hz, track)
    lengths = np.array([period.lengths for period in cycles]).reshape(-1, 2)
    amplitudes = np.array([period.amplitudes for period in cycles]).reshape(-1, 2)
    even = _ratio(lengths) <= PERIOD_FACTOR
    steady = even & (_ratio(amplitudes) <= AMPLITUDE_FACTOR)
    times = np.array([period.time for period in cycles])
    frames, reach = np.arange(len(track.f0_hz)) * track.hop, REACH_S * rate_hz
    jitter = _local(lengths[even], times[even], frames, reach)
    shimmer = _local(amplitudes[steady], times[steady], frames, reach)
    share = np.clip(track.strength, 1e-6, 1 - 1e-6)
    harmonic = np.clip(10 * np.log10(share / (1 - share)), -20, 40)
    features: np.ndarray = np.where(track.f0_hz > 0, np.stack([jitter, shimmer, harmonic]), np.nan)
    return features


def _ratio(pairs: np.ndarray) -> np.ndarray:
    """The larger over the smaller of each pair, (n, 2) -> (n,)."""
    ratio: np.ndarray = pairs.max(axis=1, initial=0) / np.maximum(pairs.min(axis=1, initial=np.inf), 1e-12)
    return ratio


def _local(pairs: np.ndarray, times: np.ndarray, frames: np.ndarray, reach: float) -> np.ndarray:
    """Percent by which neighbors differ, over the pairs near each frame: (n, 2) -> (T,), NaN without a pair."""
    first, end = np.searchsorted(times, frames - reach), np.searchsorted(times, frames + reach)
    sums = np.cumsum([[0, 0], *np.c_[np.abs(pairs[:, 0] - pairs[:, 1]), pairs.mean(axis=1)]], axis=0)
    difference, size = (sums[end] - sums[first]).T
    share = np.full(len(frames), np.nan)
    np.divide(difference, size, out=share, where=(end > first) & (size > 0))
    return 100 * share


def _crossings(waveform: np.ndarray) -> np.ndarray:
    """1 where the sign differs from that of the sample before; 0 counts as positive."""
    negative = np.signbit(waveform) & (waveform != 0)
    changes: np.ndarray = np.append(False, negative[1:] != negative[:-1]).astype(np.float64)
    return changes


def _windowed(values: np.ndarray, rate_hz: int, hop: int) -> np.ndarray:
    """Mean over a window around every hop-th sample, zeros outside the clip: (N,) -> (T,)."""
    half = round(WINDOW_S * rate_hz / 2)
    sums = np.cumsum(np.pad(values, (half + 1, half + 1)))
    centers = np.arange(0, len(values) + 1, hop)
    means: np.ndarray = np.maximum(sums[centers + 2 * half] - sums[centers], 0) / (2 * half)
    return means


def _chroma(waveform: np.ndarray, rate_hz: int, hop: int) -> np.ndarray:
    """12 pitch classes, (12, T); 0 in silence."""
    import librosa

    n_fft = 1 << (round(0.090 * rate_hz) - 1).bit_length()  # long enough to tell semitones apart from 200 Hz upwards
    longer = np.pad(waveform, (0, max(0, n_fft - len(waveform))))
    power = np.square(np.abs(librosa.stft(longer, n_fft=n_fft, hop_length=hop)))
    classes: np.ndarray = librosa.feature.chroma_stft(S=power, sr=rate_hz, n_fft=n_fft, tuning=0.0)
    return classes[:, : 1 + len(waveform) // hop]
