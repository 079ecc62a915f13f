"""Ours beside an independent reference: what a check is, and what the checks of `statistics_agreement` share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

Rng = np.random.Generator
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Check:
    """``pair`` gives ours and theirs of one case; they should be ``within`` this of each other."""

    statistic: str
    against: str
    cases: int
    within: float
    pair: Callable[[Rng], Pair]


def check(
    statistic: str, against: str, cases: int = 500, within: float = 1e-9
) -> Callable[[Callable[[Rng], Pair]], Check]:
    """Make a check of a function that gives one case."""
    return lambda pair: Check(statistic, against, cases, within, pair)


def flat(*parts: Any) -> np.ndarray:
    """Numbers of all parts in a row; None is NaN."""
    return np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts])


def apart(pair: Pair) -> float:
    """The largest difference; infinite where only one of the two is a number."""
    ours, theirs = pair
    gaps = np.where(np.isnan(ours) & np.isnan(theirs), 0.0, np.abs(ours - theirs))
    return float(np.where(np.isnan(gaps), np.inf, gaps).max())


def resampled(statistic: Callable[[np.ndarray], float], n: int, rng: Rng, reps: int) -> np.ndarray:
    """Bounds of scipy's percentile bootstrap over n units, at the level that the expanded percentile asks for."""
    level = 1 - 2 * stats.norm.cdf(np.sqrt(n / (n - 1)) * stats.t.ppf(0.025, n - 1))
    found = stats.bootstrap(
        (np.arange(n),), lambda chosen: statistic(chosen.astype(int)), n_resamples=reps, confidence_level=level,
        method="percentile", vectorized=False, rng=rng,
    )  # fmt: skip
    return flat(found.confidence_interval)


def same_draws(rng: Rng) -> tuple[Rng, Rng]:
    """Two generators alike."""
    seed = rng.integers(10**9)
    return np.random.default_rng(seed), np.random.default_rng(seed)


def balanced_accuracy(rows: pd.DataFrame) -> float:
    return float(balanced_accuracy_score(rows.truth, rows.guess))
