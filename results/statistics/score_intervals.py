"""The interval of a score over speakers and trainings, which also holds near 0 and 1.

Wilson's interval (1927, JASA 22, 209-212) at the number of independent clips that would give the score its variance,
with Student's quantile in place of the normal one (Korn and Graubard 1998, "Confidence Intervals for Proportions with
Small Expected Number of Positive Counts", Survey Methodology 24, 193-201). Where few answers are wrong, or few right,
their spread says little, and that number is not above the clips there are.
"""

from collections.abc import Sequence

import numpy as np
from scipy import special

from .confusions import Parts
from .metrics import Metric, Tally, class_recall, tally
from .slopes import gradient
from .speakers import Interval
from .uncertainty import Uncertainty, contrast

FEW = 10  # clips with wrong, or right, answers; with fewer, their spread is not taken to be below that of single clips
METHOD = {
    "algorithms": "of the algorithm, over test speakers and trainings",
    "trained models": "of the trained models, over test speakers",
}


def score_intervals(parts: Parts, metrics: Sequence[Metric], level: float = 0.95) -> dict[str, Interval]:
    """Of several metrics, by name; of the algorithm where its trainings allow it, else of the trained models."""
    return {metric.name: score_interval(parts, metric, level) for metric in metrics}


def score_interval(parts: Parts, metric: Metric, level: float = 0.95) -> Interval:
    """Of one metric, as `score_intervals`."""
    return wilson(contrast([(1.0, parts)], metric), metric.range, clips(parts, metric), len(parts.weight), level)


def recall_of(classes: Sequence[str], label: str) -> Metric:
    """The recall of one class as a metric."""
    k = list(classes).index(label)

    def function(t: Tally) -> np.ndarray:
        return class_recall(t)[..., k]

    return Metric(f"recall of {label}", f"recall of {label}", (), "n(c guessed as c) / n(c)", (0.0, 1.0),
                  lambda support: 1 / len(support), function)  # fmt: skip


def clips(parts: Parts, metric: Metric) -> float:
    """How many independent clips would give a score the variance that it has where all answers are independent."""
    pooled = Tally(*(parts.weight @ part.reshape(len(part), -1) for part in tally(parts.by_run)))
    slope = gradient(metric, pooled)[0] / (metric.range[1] - metric.range[0])
    variance = float((slope**2 * pooled.support).sum())
    return 1 / variance if variance > 0 else float(pooled.support.sum())


def wilson(u: Uncertainty, range_: tuple[float, float], most: float, runs: int = 1, level: float = 0.95) -> Interval:
    """Of an estimate in a range; ``most``: the clips there are, each answered in so many runs."""
    if u.error is None or u.df is None:
        return Interval(None, None, None, u.reason, u.about)
    low, width = range_[0], range_[1] - range_[0]
    share = min(max((u.estimate - low) / width, 0.0), 1.0)
    own = share * (1 - share)
    variance = (u.error / width) ** 2
    answers = most * runs * max(1.0, most * min(share, 1 - share) / FEW)
    n = min(own / variance, answers) if variance > 0 and own > 0 else most
    q = float(special.stdtrit(u.df, (1 + level) / 2))
    center = (share + q**2 / (2 * n)) / (1 + q**2 / n)
    half = q / (1 + q**2 / n) * np.sqrt(own / n + q**2 / (4 * n**2))
    edges = [float(low + width * min(max(edge, 0.0), 1.0)) for edge in (center - half, center + half)]
    return Interval(edges[0], edges[1], METHOD[u.about], None, u.about)
