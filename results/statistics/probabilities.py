"""The metrics that need the probability of every class: ranking, calibration, and when to abstain.

Each is one function of true classes (n,) and probabilities (n, C). A model without log-probabilities has none of
them, and the reason is given in their place. `EVERY` holds these and the metrics of the confusion matrix.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from ...errors import unknown
from .metrics import METRICS, Metric

ECE_BINS = 15  # of equal width on [0, 1], as in Guo et al. 2017


@dataclass(frozen=True, slots=True)
class ProbabilityMetric:
    """A metric of probabilities, and what must be known to read it.

    ``function(truth, probabilities)`` takes true classes (n,) as numbers and probabilities (n, C). ``chance(C)`` is
    its value for 1/C for every class and row (the least number of the equal classes is chosen), the classes being
    equally frequent. ``range`` may depend on nothing; ``better`` says which end is good.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    formula: str
    range: tuple[float, float]
    better: str
    chance: Callable[[int], float]
    function: Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, slots=True)
class Finding:
    """A value, or the reason why there is none."""

    value: float | None
    reason: str | None = None


def auc_per_class(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """AUC (C,) of every class against the rest: the chance that a row of the class is ranked above another one.

    Equal probabilities count half (Mann-Whitney). NaN for a class without rows, or without any other.

    >>> auc_per_class(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]])).round(2)
    array([0.5, 0.5])
    """
    n_classes = probabilities.shape[1]
    of_class = truth[:, None] == np.arange(n_classes)  # (n, C)
    positive = of_class.sum(0)
    pairs = positive * (len(truth) - positive)
    ranks = scipy.stats.rankdata(probabilities, axis=0)
    wins = (ranks * of_class).sum(0) - positive * (positive + 1) / 2
    return np.where(pairs > 0, wins / np.maximum(pairs, 1), np.nan)


def auc(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the ROC curve, one class against the rest, mean over the classes with rows (Hand and Till 2001).

    >>> auc(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]]))
    1.0
    """
    areas = auc_per_class(truth, probabilities)
    return float(areas[~np.isnan(areas)].mean()) if (~np.isnan(areas)).any() else float("nan")


def brier(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Brier score of all classes: mean over rows of the sum over classes of (p - [class is true])² (Brier 1950).

    >>> round(brier(np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]])), 3)  # (2 · 0.2² + 2 · 0.4²) / 2
    0.2
    """
    true = truth[:, None] == np.arange(probabilities.shape[1])
    return float(((probabilities - true) ** 2).sum(1).mean())


def reliability(truth: np.ndarray, probabilities: np.ndarray, bins: int = ECE_BINS) -> pd.DataFrame:
    """Rows by the probability of the chosen class, in bins of equal width: ``low, high, n, confidence, accuracy``.

    Bin b holds (b/bins, (b+1)/bins], the first one 0 too. Means are NaN in an empty bin.

    >>> reliability(np.array([0, 1]), np.array([[0.8, 0.2], [0.7, 0.3]]), 2)["accuracy"].tolist()
    [nan, 0.5]
    """
    sure = probabilities.max(1)
    right = probabilities.argmax(1) == truth
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    n = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence, accuracy = (np.bincount(place, values, bins) / n for values in (sure, right.astype(float)))
    edges = np.arange(bins + 1) / bins
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "n": n, "confidence": confidence, "accuracy": accuracy})


def ece(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error: mean over rows of |accuracy - confidence| of their bin (Guo et al. 2017).

    15 bins of equal width, of the probability of the chosen class.

    >>> round(ece(np.array([0, 1]), np.array([[0.81, 0.19], [0.82, 0.18]])), 3)  # half right, 81.5 % sure
    0.315
    """
    table = reliability(truth, probabilities)
    table = table[table["n"] > 0]
    return float((table["n"] * (table["accuracy"] - table["confidence"]).abs()).sum() / table["n"].sum())


def risk_coverage(truth: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Share of wrong rows (``risk``) among the surest ``coverage`` of them; one line per row (Geifman 2017).

    Rows that are equally sure enter together: each of them gets the mean risk over all orders among them.

    >>> risk_coverage(np.array([0, 0]), np.array([[0.9, 0.1], [0.4, 0.6]]))["risk"].tolist()
    [0.0, 0.5]
    """
    sure, wrong = probabilities.max(1), (probabilities.argmax(1) != truth).astype(float)
    _, level = np.unique(-sure, return_inverse=True)  # 0: the surest
    mean_wrong = np.bincount(level, wrong) / np.bincount(level)
    order = np.argsort(level, kind="stable")
    n = np.arange(1, len(truth) + 1)
    return pd.DataFrame({"coverage": n / len(truth), "risk": np.cumsum(mean_wrong[level[order]]) / n})


def aurc(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the risk-coverage curve: the mean risk over all coverages 1/n, 2/n, ..., 1 (Geifman 2019).

    >>> aurc(np.array([0, 0]), np.array([[0.9, 0.1], [0.4, 0.6]]))
    0.25
    """
    return float(risk_coverage(truth, probabilities)["risk"].mean())


PROBABILITY_METRICS: dict[str, ProbabilityMetric] = {
    metric.name: metric
    for metric in (
        ProbabilityMetric(
            "auc", "AUC", ("AUROC", "ROC AUC", "macro AUC"),
            "mean over classes c with rows: P(p_c of a row of c > p_c of another row), ties count half",
            (0.0, 1.0), "high", lambda n: 0.5, auc,
        ),
        ProbabilityMetric(
            "brier", "Brier", ("Brier score",), "mean over rows of the sum over classes: (p_c - [c is true])²",
            (0.0, 2.0), "low", lambda n: 1 - 1 / n, brier,
        ),
        ProbabilityMetric(
            "ece", "ECE", ("expected calibration error", "calibration error"),
            f"sum over {ECE_BINS} equal bins of the chosen class's probability: n(b)/n · |accuracy(b) - mean p(b)|",
            (0.0, 1.0), "low", lambda n: 0.0, ece,
        ),
        ProbabilityMetric(
            "aurc", "AURC", ("area under the risk-coverage curve",),
            "mean over k = 1..n of the share of wrong rows among the k surest ones",
            (0.0, 1.0), "low", lambda n: 1 - 1 / n, aurc,
        ),
    )
}  # fmt: skip

#: every metric of a set of rows by name
EVERY: dict[str, Metric | ProbabilityMetric] = {**METRICS, **PROBABILITY_METRICS}


def find_any(name: str) -> Metric | ProbabilityMetric:
    """The metric of that name or alias, of either kind. Raises InputError with the nearest name."""
    names = {alias.casefold(): m for m in EVERY.values() for alias in (m.name, m.title, *m.aliases)}
    if name.casefold() not in names:
        raise unknown("metric", name, EVERY)
    return names[name.casefold()]


def probabilities_of(log_probability: pd.Series, n_classes: int) -> tuple[np.ndarray | None, str | None]:
    """Probabilities (n, C) of stored log-probabilities, or None with the reason."""
    lacking = int(log_probability.isna().sum())
    if lacking or not len(log_probability):
        whole = lacking == len(log_probability)
        return None, "the model gives no probabilities" if whole else f"{lacking} rows have no probabilities"
    if (log_probability.map(len) != n_classes).any():
        return None, f"rows without one probability for each of {n_classes} classes"
    values = np.exp(np.array(log_probability.tolist(), dtype=float))
    if not np.isfinite(values).all() or (np.abs(values.sum(1) - 1) > 1e-3).any():
        return None, "the probabilities of some rows do not add up to 1"
    return values, None


def score_probabilities(truth: Sequence[str], log_probability: pd.Series, classes: Sequence[str]) -> dict[str, Finding]:
    """Every metric of `PROBABILITY_METRICS` by name; null with the reason where it cannot be."""
    values, reason = probabilities_of(log_probability, len(classes))
    if values is None:
        return {name: Finding(None, reason) for name in PROBABILITY_METRICS}
    codes = pd.Index(classes).get_indexer(pd.Index(truth))
    scores = {name: metric.function(codes, values) for name, metric in PROBABILITY_METRICS.items()}
    return {
        name: Finding(None, "one class only has rows") if np.isnan(value) else Finding(value)
        for name, value in scores.items()
    }


def probability_scores(rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, Finding]:
    """`score_probabilities` by seed and repeat, averaged; rows have ``seed, repeat, truth, log_probability``."""
    runs = [
        score_probabilities(part["truth"].tolist(), part["log_probability"], classes)
        for _, part in rows.groupby(["seed", "repeat"])
    ]
    scores = {}
    for name in PROBABILITY_METRICS:
        values = [run[name].value for run in runs]
        reasons = [run[name].reason for run in runs if run[name].reason]
        numbers = [v for v in values if v is not None]
        scores[name] = Finding(None, reasons[0]) if reasons else Finding(float(np.mean(numbers)))
    return scores
