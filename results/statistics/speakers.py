"""Statistics on arrays and frames: the interval over test speakers, and tests of paired differences.

Pure functions; a generator is passed in where one is needed. What cannot be said is refused with the reason.
Sources: Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American Statistician 69, 371-386
(expanded percentile); Nadeau and Bengio 2003, "Inference for the Generalization Error", Machine Learning 52, 239-281
(corrected resampled t).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from .metrics import Metric, Tally, counts, tally

BOOTSTRAP_FROM = 6  # test speakers; with fewer, even the expanded percentile covers too little
STUDENT_FROM = 3
BOOTSTRAP = "bootstrap over 6 or more speakers, expanded percentile"
STUDENT = "Student t over 3 to 5 speakers"
OVER_SPEAKERS = "paired t over speakers"
OVER_FOLDS = "Nadeau-Bengio corrected t over folds"
_BLOCK = 4_000_000  # numbers of one block of replicates; bounds the memory

#: columns of the rows of a model that another one's are paired with
PAIRED_COLUMNS = ("seed", "repeat", "fold", "fold_hash", "row", "speaker", "truth", "guess")


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval for a score, with how it was made; without one, ``reason`` says why."""

    low: float | None
    high: float | None
    method: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of the mean of ``n`` paired differences (first minus second) against 0.

    ``low`` and ``high`` bound the mean. A test that is refused has no ``t``, ``df``, ``p`` and no interval, but the
    reason. ``attainable_p`` is the least p that a test on the ranks or signs of ``n`` differences can reach.
    """

    name: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    t: float | None
    df: int | None
    p: float | None
    attainable_p: float | None
    reason: str | None = None


def mean_known(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean over an axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    n = there.sum(axis)
    mean: np.ndarray = np.where(n > 0, np.where(there, values, 0).sum(axis) / np.maximum(n, 1), np.nan)
    return mean


def unknown_speakers(n: int) -> Interval:
    """None, for n predictions of which the speaker is unknown."""
    return Interval(None, None, None, f"the speaker of {n} predictions is unknown")


def speaker_interval(
    confusions: np.ndarray, metric: Metric, rng: np.random.Generator, level: float = 0.95, reps: int = 10_000
) -> Interval:
    """Interval of a score over test speakers; confusions (seeds, speakers, C, C).

    The score is the mean over seeds of the metric of the pooled confusions. Six speakers or more: bootstrap over
    speakers, the same resample for all seeds, expanded percentile. Three to five: Student t over the scores of the
    speakers (averaged over seeds), centered on the pooled score and clipped to the range of the metric.
    """
    return speaker_intervals(confusions, [metric], rng, level, reps)[metric.name]


def speaker_intervals(
    confusions: np.ndarray,
    metrics: Sequence[Metric],
    rng: np.random.Generator,
    level: float = 0.95,
    reps: int = 10_000,
) -> dict[str, Interval]:
    """`speaker_interval` of several metrics by name, on the same resamples."""
    confusions = confusions[:, confusions.sum((0, 2, 3)) > 0]
    n = confusions.shape[1]
    if n < STUDENT_FROM:
        reason = f"{n} test speaker{'' if n == 1 else 's'}, {STUDENT_FROM} are needed for an interval"
        return {m.name: Interval(None, None, None, reason) for m in metrics}
    if n < BOOTSTRAP_FROM:
        return {m.name: _student(confusions, m, level) for m in metrics}
    tail = special.ndtr(np.sqrt(n / (n - 1)) * special.stdtrit(n - 1, (1 - level) / 2))
    replicates = _replicates(confusions, metrics, rng, reps)
    bounds = {name: np.quantile(values, [tail, 1 - tail]) for name, values in replicates.items()}
    return {name: Interval(float(low), float(high), BOOTSTRAP) for name, (low, high) in bounds.items()}


def _student(confusions: np.ndarray, metric: Metric, level: float) -> Interval:
    n = confusions.shape[1]
    center = float(mean_known(metric.of(confusions.sum(1)), 0))
    speakers = mean_known(metric.of(confusions), 0)  # (speakers,)
    half = special.stdtrit(n - 1, (1 + level) / 2) * speakers.std(ddof=1) / np.sqrt(n)
    low, high = np.clip([center - half, center + half], *metric.range)
    return Interval(float(low), float(high), STUDENT)


def _replicates(
    confusions: np.ndarray, metrics: Sequence[Metric], rng: np.random.Generator, reps: int
) -> dict[str, np.ndarray]:
    """Scores (reps,) of samples of speakers drawn with replacement, by metric."""
    seeds, n, n_classes, _ = confusions.shape
    parts = tally(confusions.astype(float))  # each (seeds, speakers, C)
    step = max(1, _BLOCK // max(n, 3 * seeds * n_classes))
    scores: dict[str, list[np.ndarray]] = {m.name: [] for m in metrics}
    for start in range(0, reps, step):
        size = min(step, reps - start)
        draws = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        weights = np.bincount(draws.ravel(), minlength=size * n).reshape(size, n).astype(float)
        sample = Tally(*(np.tensordot(weights, part, (1, 1)) for part in parts))  # each (size, seeds, C)
        for m in metrics:
            scores[m.name].append(mean_known(m.function(sample), 1))
    return {name: np.concatenate(blocks) for name, blocks in scores.items()}


def refused(name: str, n: int, reason: str) -> PairedTest:
    """A test that is not made, and why."""
    return PairedTest(name, n, None, None, None, None, None, None, 2.0 ** (1 - n) if n else None, reason)


def paired_t(differences: np.ndarray, name: str, level: float = 0.95) -> PairedTest:
    """Student t of paired differences (n,), which are taken to be independent.

    Over folds × seeds this is what papers print; there it is too sure of itself, since folds share training rows.
    """
    return _t_test(differences, name, level, 1 / max(len(differences), 1))


def nadeau_bengio(differences: np.ndarray, n_train: float, n_test: float, level: float = 0.95) -> PairedTest:
    """Corrected resampled t of differences (J,), one per (repeat, fold), seeds averaged first.

    The variance of the mean is (1/J + n_test/n_train) s², df J − 1. ``n_train`` are the rows trained on, without
    dev; means over folds where they differ.
    """
    share = 1 / max(len(differences), 1) + n_test / n_train
    return _t_test(differences, OVER_FOLDS, level, share)


def _t_test(differences: np.ndarray, name: str, level: float, share: float) -> PairedTest:
    """t of the mean of differences, whose variance is taken as ``share`` times that of a difference."""
    n = len(differences)
    if n < STUDENT_FROM:
        floor = f"; no test of the signs of {n} can be below p = {2.0 ** (1 - n):g}" if n else ""
        return refused(name, n, f"{n} paired differences, {STUDENT_FROM} are needed{floor}")
    mean, spread = float(np.mean(differences)), float(np.std(differences, ddof=1))
    floor_p = 2.0 ** (1 - n)
    if spread <= 1e-12:  # rounding of equal differences
        if abs(mean) <= 1e-12:
            return PairedTest(name, n, 0.0, 0.0, 0.0, 0.0, n - 1, 1.0, floor_p)
        return refused(name, n, f"all {n} differences are equal ({mean:g}): no spread to hold the mean against")
    error = float(np.sqrt(share)) * spread
    t = mean / error
    half = float(special.stdtrit(n - 1, (1 + level) / 2)) * error
    return PairedTest(
        name, n, mean, mean - half, mean + half, t, n - 1, float(2 * special.stdtr(n - 1, -abs(t))), floor_p
    )


def unpaired(a: pd.DataFrame, b: pd.DataFrame) -> str | None:
    """Why the rows of two models cannot be paired, or None when they can.

    Both are frames with `PAIRED_COLUMNS`. Every seed must cover all rows; the models may differ in their seeds.
    """
    if not len(a) or not len(b):
        return "one of the models has no predictions"
    where = ["repeat", "fold", "row"]
    for label, frame in (("first", a), ("second", b)):
        if frame.duplicated(["seed", *where]).any():
            return f"the {label} model has rows that are scored twice under one seed"
        counts = frame.groupby("seed").size()
        n = len(frame[where].drop_duplicates())
        if (counts < n).any():
            seed = counts.idxmin()
            return f"seed {seed} of the {label} model lacks {n - counts[seed]} of {n} rows"
    facts = ["fold_hash", "speaker", "truth"]
    one, two = (f.drop_duplicates(where).set_index(where)[facts] for f in (a, b))
    alone = one.index.symmetric_difference(two.index)
    if len(alone):
        _, fold, row = alone[0]
        return f"{len(alone)} rows are scored by one model only, or in other folds (first: {row}, fold {fold})"
    two = two.loc[one.index]
    for column, what in zip(facts, ("folds", "speakers", "true classes"), strict=True):
        left, right = one[column].astype(object), two[column].astype(object)
        differ = (left != right) & ~(left.isna() & right.isna())
        if differ.any():
            return f"the {what} of {int(differ.sum())} rows differ (first: {one.index[differ][0][2]})"
    return None


def unit_scores(frame: pd.DataFrame, classes: Sequence[str], metric: Metric, unit: str) -> pd.DataFrame:
    """Scores by (seed, repeat, unit): columns ``seed, repeat, <unit>, score``, each over all rows of the unit.

    ``unit`` is a column: ``speaker``, ``fold``, or another.
    """
    groups = frame.groupby(["seed", "repeat", unit], sort=True)
    keys = groups.size().index.to_frame(index=False)
    confusions = counts(groups.ngroup().to_numpy(), frame["truth"], frame["guess"], len(keys), classes)
    return keys.assign(score=metric.of(confusions))
