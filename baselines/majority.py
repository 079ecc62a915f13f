"""``majority``: always the most frequent class of train. The floor under every table."""

from typing import Any

import numpy as np

from .registry import NoSettings, Task, model


class Majority:
    """Waveforms are not looked at; of equally frequent classes the first in the order of the task."""

    def __init__(self, n_classes: int) -> None:
        self.counts = np.zeros(n_classes, dtype=np.int64)

    def front(self, waveform: np.ndarray) -> np.ndarray:
        """Nothing: (0,)."""
        return np.zeros(0, dtype=np.float32)

    def fit(
        self, train: np.ndarray, truth: np.ndarray, dev: np.ndarray, dev_truth: np.ndarray, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Count the classes of train."""
        self.counts = np.bincount(truth, minlength=len(self.counts))
        return {"counts": self.counts.tolist()}

    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The most frequent class, and the shares of train with one clip added to every class (Laplace)."""
        shares = (self.counts + 1) / (self.counts + 1).sum()
        return np.full(len(rows), self.counts.argmax()), np.tile(np.log(shares), (len(rows), 1))

    def state(self) -> dict[str, np.ndarray]:
        """The counts."""
        return {"counts": self.counts}

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Undo ``state``."""
        self.counts = state["counts"]


@model(kind="classical", origin="reference", role="floor", seeded=False)
def majority(settings: NoSettings, task: Task) -> Majority:
    """Always the most frequent class of train."""
    return Majority(len(task.classes))
