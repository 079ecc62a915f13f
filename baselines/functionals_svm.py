"""``functionals-svm``: statistics of MFCC over time and a support vector machine. The plain opponent of every network.

The recipe is the textbook one: functionals of low-level descriptors (Schuller et al., Interspeech 2009 challenge),
standardized on train, then an SVM with a radial kernel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from . import acoustics
from .acoustics import Group
from .card import require
from .registry import Task, Variant, model

COEFFICIENTS, MEL_BANDS = 20, 40
PERCENTILES = (10, 25, 50, 75, 90)


@dataclass(frozen=True)
class Settings:
    """The defaults are profile ``clean``."""

    features: tuple[Group, ...] = ("mfcc", "delta")
    costs: tuple[float, ...] = (1.0, 3.0, 10.0)
    class_weights: Literal["none", "balanced"] = "balanced"

    def __post_init__(self) -> None:
        """Refuse no or repeated features, an empty grid and costs that no SVM can have."""
        acoustics.check(self)
        require(self, "one or more numbers above 0", lambda costs: bool(costs) and min(costs) > 0, "costs")


class FunctionalsSvm:
    """Functionals of a clip -> a class. It has no probabilities: an SVM's margins are none."""

    def __init__(self, settings: Settings, rate_hz: int) -> None:
        self.settings, self.rate_hz = settings, rate_hz
        self.front_key: dict[str, Any] = {"features": sorted(settings.features)}
        self.learned: dict[str, np.ndarray] = {}
        self.svm: Any = None

    def front(self, waveform: np.ndarray) -> np.ndarray:
        """Mean, deviation and percentiles over time of the features: 7 for each row, by default 280."""
        return functionals(waveform, self.rate_hz, self.settings.features)

    def fit(
        self, train: np.ndarray, truth: np.ndarray, dev: np.ndarray, dev_truth: np.ndarray, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Train with every cost and keep the one with the best UAR on dev; of equals, and without dev, the smallest."""
        from sklearn.metrics import recall_score

        mean, deviation = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
        deviation[deviation == 0] = 1
        self.learned = {"mean": mean, "deviation": deviation, "truth": truth, "rows": (train - mean) / deviation}
        costs = sorted(self.settings.costs)
        scores: dict[float, float] = {}
        for cost in costs if len(dev) else ():
            self._train(cost)
            guess = self.predict(dev)[0]
            scores[cost] = float(recall_score(dev_truth, guess, labels=np.unique(dev_truth), average="macro"))
        best = max(costs, key=lambda cost: scores.get(cost, 0.0))  # the first of equals
        self._train(best)
        return {"cost": best, "dev_uar": scores.get(best), "support_vectors": int(self.svm.n_support_.sum())}

    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, None]:
        """Classes by one against one; no probabilities."""
        return self.svm.predict((rows - self.learned["mean"]) / self.learned["deviation"]), None

    def state(self) -> dict[str, np.ndarray]:
        """The standardized training rows and the cost: training again on them gives the same machine."""
        return dict(self.learned)

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Undo ``state``."""
        self.learned = dict(state)
        self._train(state["cost"].item())

    def _train(self, cost: float) -> None:
        from sklearn.svm import SVC

        weights = "balanced" if self.settings.class_weights == "balanced" else None
        self.svm = SVC(C=cost, kernel="rbf", gamma="scale", class_weight=weights)
        self.svm.fit(self.learned["rows"], self.learned["truth"])
        self.learned["cost"] = np.array([cost])


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
    whole = np.isfinite(tracks).all(axis=1)
    statistics = np.empty((2 + len(PERCENTILES), len(tracks)), dtype=np.float32)
    statistics[:, whole] = _statistics(tracks[whole])
    for row in np.flatnonzero(~whole):
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
        "costs": "costs C of the SVM; dev chooses one",
        "class_weights": "none, or balanced: costs times inverse frequency in train",
    },
)
def functionals_svm(settings: Settings, task: Task) -> FunctionalsSvm:
    """Statistics over time of MFCC and deltas, or of other features, standardized, and an SVM with a radial kernel."""
    return FunctionalsSvm(settings, task.rate_hz)
