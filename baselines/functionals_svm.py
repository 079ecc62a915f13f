"""``functionals-svm``: statistics of MFCC over time and a support vector machine. The plain opponent of every network.

The recipe is the textbook one: functionals of low-level descriptors (Schuller et al., Interspeech 2009 challenge),
standardized on train, then an SVM with a radial kernel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .parts import acoustics, svm
from .parts.acoustics import Group
from .parts.card import always
from .parts.svm import Svm, SvmSettings
from .registry import Task, Variant, model

COEFFICIENTS, MEL_BANDS = 20, 40
PERCENTILES = (10, 25, 50, 75, 90)


@dataclass(frozen=True)
class Settings(SvmSettings):
    """The defaults are profile ``clean``."""

    features: tuple[Group, ...] = ("mfcc", "delta")

    def __post_init__(self) -> None:
        """Refuse no features, or one twice."""
        super().__post_init__()
        acoustics.check(self)


class FunctionalsSvm(Svm):
    """Functionals of a clip -> a class."""

    def __init__(self, settings: Settings, rate_hz: int) -> None:
        super().__init__(settings)
        self.features, self.rate_hz = settings.features, rate_hz
        self.front_key: dict[str, Any] = {"features": sorted(settings.features)}

    def front(self, waveform: np.ndarray) -> np.ndarray:
        """Mean, deviation and percentiles over time of the features: 7 for each row, by default 280."""
        return functionals(waveform, self.rate_hz, self.features)


def functionals(waveform: np.ndarray, rate_hz: int, groups: Sequence[Group] = ("mfcc", "delta")) -> np.ndarray:
    """Mean, deviation and percentiles over time of every row of the feature groups: (N,) -> (7 * rows,) float32.

    By default 20 MFCC and 20 deltas, so (280,). Frames of 25 ms every 10 ms; the deltas are slopes over 9 frames, at
    the edges of the nearest frame. A clip shorter than a frame is padded with zeros to one. What only voiced frames
    have (F0, jitter, shimmer, harmonics-to-noise) is summed up over these, and 0 without any.
    """
    import librosa

    frame = _bins(rate_hz)
    if len(waveform) < frame:
        waveform = np.pad(waveform, (0, frame - len(waveform)))
    hop = round(0.010 * rate_hz)
    spectrum = librosa.stft(waveform, n_fft=frame, hop_length=hop, win_length=round(0.025 * rate_hz))
    mels = _mel_filters(rate_hz) @ np.abs(spectrum) ** 2
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mels), n_mfcc=COEFFICIENTS)  # (20, T)
    tracks = acoustics.stacked(mfcc, waveform, rate_hz, hop, groups)  # (rows, T)
    complete = np.isfinite(tracks).all(axis=1)
    statistics = np.empty((2 + len(PERCENTILES), len(tracks)), dtype=np.float32)
    statistics[:, complete] = _statistics(tracks[complete])
    for row in np.flatnonzero(~complete):
        values = tracks[row, np.isfinite(tracks[row])]
        statistics[:, row] = _statistics(values[None])[:, 0] if len(values) else 0
    return statistics.ravel()


def _statistics(tracks: np.ndarray) -> np.ndarray:
    """Mean, deviation and percentiles over time: (K, T) -> (7, K)."""
    return np.stack([tracks.mean(axis=1), tracks.std(axis=1), *np.percentile(tracks, PERCENTILES, axis=1)])


def _bins(rate_hz: int) -> int:
    """The power of two that holds a frame of 25 ms."""
    return 1 << (round(0.025 * rate_hz) - 1).bit_length()


@cache
def _mel_filters(rate_hz: int) -> np.ndarray:
    import librosa

    filters: np.ndarray = librosa.filters.mel(sr=rate_hz, n_fft=_bins(rate_hz), n_mels=MEL_BANDS)
    return filters


@model(
    kind="classical",
    settings=Settings(),
    variants={
        **acoustics.variants(("mfcc", "delta")),
        "mfcc-only": Variant("MFCC without their slopes", {"features": ("mfcc",)}),
    },
    origin="reference",
    explain={
        "features": acoustics.EXPLAIN,
        **svm.EXPLAIN,
    },
    adapts=always,
    seeded=False,
)
def functionals_svm(settings: Settings, task: Task) -> FunctionalsSvm:
    """Statistics over time of MFCC and deltas, or of other features, standardized, and an SVM with a radial kernel."""
    return FunctionalsSvm(settings, task.rate_hz)
