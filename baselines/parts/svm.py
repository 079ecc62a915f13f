"""The support vector machine behind every vector of functionals: standardized on train, its cost chosen on dev."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .card import require


@dataclass(frozen=True)
class SvmSettings:
    """What the machine leaves open."""

    costs: tuple[float, ...] = (1.0, 3.0, 10.0)
    class_weights: Literal["none", "balanced"] = "balanced"

    def __post_init__(self) -> None:
        """Refuse an empty grid and costs that no SVM can have."""
        require(self, "one or more numbers above 0", lambda costs: bool(costs) and min(costs) > 0, "costs")


#: a line for every field of `SvmSettings`
EXPLAIN = {
    "costs": "costs C of the SVM; dev chooses one",
    "class_weights": "none, or balanced: costs times inverse frequency in train",
}


class Svm:
    """Vectors -> a class, with a radial kernel. It has no probabilities: an SVM's margins are none."""

    def __init__(self, settings: SvmSettings) -> None:
        self.svm_settings = settings
        self.arrays: dict[str, np.ndarray] = {}
        self.svm: Any = None

    def fit(
        self, train: np.ndarray, truth: np.ndarray, dev: np.ndarray, dev_truth: np.ndarray, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Train with every cost and keep the one with the best UAR on dev; of equals, and without dev, the smallest."""
        from sklearn.metrics import recall_score

        self.arrays = {**_statistics(train), "truth": truth}
        self.arrays["rows"] = (train - self.arrays["mean"]) / self.arrays["deviation"]
        costs = sorted(self.svm_settings.costs)
        scores: dict[float, float] = {}
        for cost in costs if len(dev) else ():
            self._train(cost)
            guess = self.predict(dev)[0]
            scores[cost] = float(recall_score(dev_truth, guess, labels=np.unique(dev_truth), average="macro"))
        best = max(costs, key=lambda cost: scores.get(cost, 0.0))  # the first of equals
        self._train(best)
        support = int(self.svm.n_support_.sum())
        return {"cost": best, "dev_uar": scores.get(best), "support_vectors": support, "tried": len(scores)}

    def adapt(self, rows: np.ndarray) -> None:
        """Standardize by ``rows``, the test rows, instead of train: transductive, so tables must say it."""
        self.arrays |= _statistics(rows)

    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, None]:
        """Classes by one against one; no probabilities."""
        return self.svm.predict((rows - self.arrays["mean"]) / self.arrays["deviation"]), None

    def state(self) -> dict[str, np.ndarray]:
        """The standardized training rows and the cost: training again on them gives the same machine."""
        return dict(self.arrays)

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Undo ``state``."""
        self.arrays = dict(state)
        self._train(state["cost"].item())

    def _train(self, cost: float) -> None:
        from sklearn.svm import SVC

        weights = "balanced" if self.svm_settings.class_weights == "balanced" else None
        self.svm = SVC(C=cost, kernel="rbf", gamma="scale", class_weight=weights)
        self.svm.fit(self.arrays["rows"], self.arrays["truth"])
        self.arrays["cost"] = np.array([cost])


def _statistics(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and deviation of every value (n, D) -> (D,); 1 for the deviation of a constant."""
    deviation = rows.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1
    return {"mean": rows.mean(axis=0, dtype=np.float64), "deviation": deviation}
