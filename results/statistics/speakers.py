"""Statistics on arrays and frames: the interval over test speakers, and tests of paired differences.

Pure functions; a generator is passed in where one is needed. What cannot be said is refused with the reason.
Sources: Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American Statistician 69, 371-386
(expanded percentile); Nadeau and Bengio 2003, "Inference for the Generalization Error", Machine Learning 52, 239-281
(corrected resampled t).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from .metrics import Metric, counts
from .uncertainty import LEAST_TRAININGS, About, Uncertainty

BOOTSTRAP_FROM = 6  # test speakers; with fewer, even the expanded percentile covers too little
STUDENT_FROM = 3
ROUNDING = 1e-12  # differences that are none
BOOTSTRAP = "bootstrap over 6 or more speakers, expanded percentile"
STUDENT = "Student t over 3 to 5 speakers"
OVER_BOTH = "t over speakers and trainings"
TRAINED = "t over speakers, of these trained models"
TYPICAL = "typical speaker: paired t of speakers' own scores, of these trained models"
OVER_FOLDS = "Nadeau-Bengio corrected t over folds"

#: columns of the rows of a model that another one's are paired with
PAIRED_COLUMNS = (
    "seed",
    "repeat",
    "fold",
    "fold_hash",
    "training",
    "seeded",
    "row",
    "speaker",
    "cluster",
    "truth",
    "guess",
)


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval for a score, with how it was made; without one, ``reason`` says why.

    ``about``: the score of the algorithms, over speakers and trainings, or that of the trained models alone.
    """

    low: float | None
    high: float | None
    method: str | None
    reason: str | None = None
    about: About = "algorithms"


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of a difference (first minus second), ``mean``, against 0, over ``n`` of ``units``.

    ``low`` and ``high`` bound it. A test that is refused has no ``t``, ``df``, ``p`` and no interval, but the
    reason. ``attainable_p`` is the least p that a test on the ranks or signs of ``n`` differences can reach.
    ``about``: what it is a statement on. ``error``: the standard error of the difference.
    """

    name: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    t: float | None
    df: float | None
    p: float | None
    attainable_p: float | None
    reason: str | None = None
    about: About = "algorithms"
    units: str = "speakers"
    error: float | None = None


def paired_of(name: str, u: Uncertainty, level: float = 0.95) -> PairedTest:
    """The test of a contrast."""
    least = 2.0 ** (1 - u.n_clusters) if u.n_clusters else None
    reason = u.reason
    if u.error == 0 and abs(u.estimate) > ROUNDING:
        reason = f"all {u.n_clusters} {u.unit} differ by the same: no spread to hold the difference against"
    if reason or u.error is None:
        nothing = refused(name, u.n_clusters, reason or "")
        return replace(nothing, mean=u.estimate, about=u.about, units=u.unit)
    low, high = u.interval(level)
    t = u.estimate / u.error if u.error else 0.0
    return PairedTest(name, u.n_clusters, u.estimate, low, high, t, u.df, u.p(), least, None, u.about, u.unit, u.error)


def refused_of(name: str, u: Uncertainty) -> PairedTest:
    """The refusal of a test of the algorithms, with what would allow it."""
    n = u.n_trainings or 0
    trained = "1 training scores" if n == 1 else f"{n} trainings score"
    reason = (
        f"{trained} several {u.unit}, so that the luck of training cannot be measured; {LEAST_TRAININGS} seeds allow a "
        f"test of the algorithms"
    )
    return replace(refused(name, u.n_clusters, reason), mean=u.estimate, units=u.unit)


def mean_known(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean over an axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    n = there.sum(axis)
    mean: np.ndarray = np.where(n > 0, np.where(there, values, 0).sum(axis) / np.maximum(n, 1), np.nan)
    return mean


def unknown_speakers(n: int) -> Interval:
    """None, for n predictions of which the speaker is unknown."""
    return Interval(None, None, None, f"the speaker of {n} predictions is unknown")


def refused(name: str, n: int, reason: str) -> PairedTest:
    """A test that is not made, and why."""
    return PairedTest(name, n, None, None, None, None, None, None, 2.0 ** (1 - n) if n else None, reason)


def paired_t(differences: np.ndarray, name: str, level: float = 0.95) -> PairedTest:
    """Student t of paired differences (n,), which are taken to be independent.

    Over folds × seeds this is what papers print; there it is too sure of itself, since folds share training rows.
    """
    return _t_test(differences, name, level, 1 / max(len(differences), 1))


def nadeau_bengio(estimate: float, by_fold: np.ndarray, n_train: float, n_test: float) -> Uncertainty:
    """A pooled difference with the standard error of the corrected resampled t, df J − 1.

    ``by_fold`` (J,): differences, one per (repeat, fold), seeds averaged; their variance s² gives that of the pooled
    difference, (1/J + n_test/n_train) s². ``n_train`` are the rows trained on, without dev; means over folds.
    """
    n = len(by_fold)
    nothing = Uncertainty(estimate, None, None, n_clusters=n, effective=n, unit="folds")
    if n < STUDENT_FROM:
        return replace(nothing, reason=f"{n} folds, {STUDENT_FROM} are needed")
    spread = float(np.std(by_fold, ddof=1))
    error = float(np.sqrt(1 / n + n_test / n_train)) * (spread if spread > ROUNDING else 0.0)
    return replace(nothing, error=error, df=n - 1, deviation=spread)


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

    Both are frames with `PAIRED_COLUMNS`. Every seed must cover all rows; the models may differ in their seeds. Of one
    frame with itself: why it cannot be paired with any.
    """
    if not len(a) or not len(b):
        return "one of the models has no predictions"
    where = ["repeat", "fold", "row"]
    for label, frame in (("first", a),) if a is b else (("first", a), ("second", b)):
        if frame.duplicated(["seed", *where]).any():
            return f"the {label} model has rows that are scored twice under one seed"
        counts = frame.groupby("seed").size()
        n = len(frame[where].drop_duplicates())
        if (counts < n).any():
            seed = counts.idxmin()
            return f"seed {seed} of the {label} model lacks {n - counts[seed]} of {n} rows"
    if a is b:
        return None
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
