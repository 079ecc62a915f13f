"""`worst_recall`: the recall of the class that is found least often; what a mean over classes can hide."""

import numpy as np

from serbench.results.statistics.metrics import Metric, Tally, class_recall


def worst_recall(t: Tally) -> np.ndarray:
    """Least recall (...) of the classes with test rows; NaN where there are no rows."""
    recall = class_recall(t)
    return np.where(t.support.sum(-1) > 0, np.nanmin(np.where(t.support > 0, recall, np.inf), -1), np.nan)


WORST_RECALL = Metric(
    name="worst_recall",
    title="worst recall",
    aliases=("minimum recall",),
    formula="min over classes c with rows: n(c guessed as c) / n(c)",
    range=(0.0, 1.0),
    chance=lambda support: 1 / len(support),
    function=worst_recall,
    column="worst\nrecall",
)
