"""Intervals over test speakers for the metrics of probabilities: AUC, Brier, ECE, area under the risk-coverage curve.

A resample gives every speaker a weight, the number of times that he or she is drawn; each metric is a function of
these weights (`weighted_metrics`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from .many_models import Estimate, expanded_tails
from .probabilities import ProbabilityMetric, probabilities_of
from .speakers import BOOTSTRAP, BOOTSTRAP_FROM, STUDENT, STUDENT_FROM, Interval, mean_known
from .weighted_metrics import WEIGHTED, RunRows

REPS = 2_000
#: metrics that are larger in any sample than in all speakers: |accuracy - confidence| of bins with few rows. A resample
#: has the excess twice; an interval moved down by it covered, at 95 %, 84 to 94 % in one design and 66 to 83 % in
#: others (6 to 24 speakers), so there is none
BIASED = frozenset({"ece"})
EXCESS = "ECE is larger in samples than it is, by an amount that they do not tell: no interval holds"
_BLOCK = 2_000_000  # numbers of one block of resamples; bounds the memory


@dataclass(frozen=True)
class ProbabilityRows:
    """The rows of every run; speakers are numbered alike in all of them, -1 is unknown."""

    speakers: tuple[str, ...]
    runs: tuple[RunRows, ...]

    @property
    def n_speakers(self) -> int:
        """Known speakers."""
        return len(self.speakers)


def rows_of(rows: pd.DataFrame, classes: Sequence[str]) -> tuple[ProbabilityRows | None, str]:
    """Rows with ``seed, repeat, speaker, truth, log_probability`` by run; or None with the reason."""
    values, reason = probabilities_of(rows["log_probability"], len(classes))
    if values is None:
        return None, reason or ""
    run = rows.groupby(["seed", "repeat"]).ngroup().to_numpy()
    speaker, names = pd.factorize(rows["speaker"], sort=True)
    truth = pd.Index(classes).get_indexer(pd.Index(rows["truth"]))
    runs = tuple(RunRows(truth[run == r], values[run == r], speaker[run == r]) for r in range(run.max() + 1))
    return ProbabilityRows(tuple(map(str, names)), runs), ""


def estimate(rows: ProbabilityRows, metric: ProbabilityMetric, rng: np.random.Generator, reps: int = REPS) -> Estimate:
    """The metric, averaged over runs, with its 95 % interval over speakers, of the trained models.

    Six speakers or more: bootstrap, the same resample for all runs, expanded percentile. Three to five: Student t over
    the values of the speakers, centered on the pooled value and clipped to the range of the metric; none for ECE.
    """
    value = float(mean_known(np.array([metric.function(r.truth, r.probabilities) for r in rows.runs]), 0))
    if np.isnan(value):
        return Estimate(None, Interval(None, None, None, "one class only has rows"))
    if reason := _no_interval(rows, metric):
        return Estimate(value, Interval(None, None, None, reason))
    if rows.n_speakers < BOOTSTRAP_FROM:
        half = _half_width(_by_speaker(rows, metric))
        low, high = np.clip([value - half, value + half], *metric.range)
        return Estimate(value, Interval(float(low), float(high), STUDENT, None, "trained models"))
    return Estimate(value, _percentiles(_resampled(rows, metric, rng, reps), rows.n_speakers))


def difference(
    a: ProbabilityRows, b: ProbabilityRows, metric: ProbabilityMetric, rng: np.random.Generator, reps: int = REPS
) -> Estimate:
    """The metric of ``a`` minus that of ``b`` on the same test rows, with the interval of `estimate`."""
    values = [mean_known(np.array([metric.function(r.truth, r.probabilities) for r in x.runs]), 0) for x in (a, b)]
    value = float(values[0] - values[1])
    if a.speakers != b.speakers or not _same_rows(a, b):
        return Estimate(None, Interval(None, None, None, "the two are not tested on the same rows"))
    if np.isnan(value):
        return Estimate(None, Interval(None, None, None, "one class only has rows"))
    if reason := _no_interval(a, metric):
        return Estimate(value, Interval(None, None, None, reason))
    if a.n_speakers < BOOTSTRAP_FROM:
        half = _half_width(_by_speaker(a, metric) - _by_speaker(b, metric))
        return Estimate(value, Interval(value - half, value + half, STUDENT, None, "trained models"))
    state = rng.bit_generator.state
    first = _resampled(a, metric, rng, reps)
    rng.bit_generator.state = state  # the same resamples
    return Estimate(value, _percentiles(first - _resampled(b, metric, rng, reps), a.n_speakers))


def _same_rows(a: ProbabilityRows, b: ProbabilityRows) -> bool:
    """Whether the runs of both test the same rows, in order; with unequally many runs: each of them all rows."""
    one, two = ([sorted(zip(r.speaker, r.truth, strict=True)) for r in x.runs] for x in (a, b))
    return all(run == one[0] for run in (*one, *two)) if len(one) != len(two) else one == two


def _no_interval(rows: ProbabilityRows, metric: ProbabilityMetric) -> str:
    unknown = sum(int((r.speaker < 0).sum()) for r in rows.runs)
    if unknown:
        return f"the speaker of {unknown} rows is unknown"
    if metric.name in BIASED:
        return EXCESS
    n = rows.n_speakers
    return "" if n >= STUDENT_FROM else f"{n} test speaker{'s' * (n != 1)}, {STUDENT_FROM} are needed for an interval"


def _by_speaker(rows: ProbabilityRows, metric: ProbabilityMetric) -> np.ndarray:
    """Values (speakers,), averaged over runs; NaN where a speaker has rows of one class only."""
    values = np.full((len(rows.runs), rows.n_speakers), np.nan)
    for of_run, r in zip(values, rows.runs, strict=True):
        for s in np.unique(r.speaker):  # a run that is going on may have no row of some
            of_run[s] = metric.function(r.truth[r.speaker == s], r.probabilities[r.speaker == s])
    return mean_known(values, 0)


def _half_width(values: np.ndarray) -> float:
    there = values[~np.isnan(values)]
    n = len(there)
    if n < STUDENT_FROM:
        return float("inf")
    return float(special.stdtrit(n - 1, 0.975) * there.std(ddof=1) / np.sqrt(n))


def _percentiles(samples: np.ndarray, n: int) -> Interval:
    """Of samples of a value."""
    low, high = np.quantile(samples[~np.isnan(samples)], expanded_tails(n))
    return Interval(float(low), float(high), BOOTSTRAP, None, "trained models")


def _resampled(rows: ProbabilityRows, metric: ProbabilityMetric, rng: np.random.Generator, reps: int) -> np.ndarray:
    """Values (reps,) of samples of speakers drawn with replacement."""
    n = rows.n_speakers
    functions = [WEIGHTED[metric.name](r, n) for r in rows.runs]
    step = max(1, _BLOCK // n)
    parts = []
    for start in range(0, reps, step):
        size = min(step, reps - start)
        draws = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        weights = np.bincount(draws.ravel(), minlength=size * n).reshape(size, n).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):  # a run that is going on may have no drawn speaker yet
            parts.append(mean_known(np.stack([function(weights) for function in functions]), 0))
    return np.concatenate(parts)
