"""What a comparison can see before it is run: the minimum detectable difference of two models.

The main test is the paired t over test speakers, so its power depends on their number and on the deviation of the
speakers' differences, which comes from stored runs, or from pilot runs on acted corpora.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from ..metrics import Metric
from .entries import blocks
from .speakers import STUDENT_FROM

POWER = 0.8
LEVEL = 0.95
#: deviation over test speakers of the UAR difference of two models, one seed; pooled over the corpora below
PILOT_SD = 0.135
PILOT_SOURCE = "pilot: functionals-svm and mfcc-attention:tiny on EMO-DB, EMOVO and RAVDESS, new speakers"


@dataclass(frozen=True, slots=True)
class Detectable:
    """The least true difference that a two-sided test finds with probability ``power``; or the reason for none."""

    difference: float | None
    n: int
    sd: float
    power: float
    reason: str | None = None


def power_of(difference: float, sd: float, n: int, level: float = LEVEL) -> float:
    """Power of a two-sided paired t test of n differences with this deviation against this true mean."""
    df, shift = n - 1, abs(difference) / sd * np.sqrt(n)
    critical = float(special.stdtrit(df, (1 + level) / 2))
    # the other tail by its complement, and a tail of nothing: scipy gives NaN for chances too small to compute
    found = 1 - np.nan_to_num(special.nctdtr(df, shift, critical))
    return float(found + 1 - special.nctdtr(df, -shift, critical))


def minimum_detectable(n: int, sd: float, power: float = POWER, level: float = LEVEL) -> Detectable:
    """Minimum detectable difference over ``n`` test speakers whose differences have the deviation ``sd``.

    >>> round(minimum_detectable(10, 0.08).difference, 3)
    0.08
    """
    if n < STUDENT_FROM:
        reason = f"{n} test speakers, {STUDENT_FROM} are needed for a test"
        return Detectable(None, n, sd, power, reason)
    low, high = 0.0, 1.0  # in deviations
    while power_of(high, 1.0, n, level) < power:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power_of(middle, 1.0, n, level) < power else (low, middle)
    return Detectable(high * sd, n, sd, power)


def pooled_sd(differences: Iterable[np.ndarray]) -> float | None:
    """Deviation of speaker differences pooled over pairs of models and tasks; None where none has two speakers."""
    known = [d[~np.isnan(d)] for d in differences]
    known = [d for d in known if len(d) > 1]
    df = sum(len(d) - 1 for d in known)
    return float(np.sqrt(sum((len(d) - 1) * d.var(ddof=1) for d in known) / df)) if df else None


def stored_sd(records: pd.DataFrame, predictions: pd.DataFrame, metric: Metric) -> float | None:
    """`pooled_sd` of the clean speaker differences of all pairs of models that a run holds, ``majority`` apart.

    None where there are no two models on the same rows.
    """
    chosen = records[(records["condition"] == "clean") & (records["model"] != "majority")]
    found = []
    for block in blocks(chosen.reset_index(drop=True), predictions):
        table = block.table(metric)
        found += [(table[a] - table[b]).to_numpy() for a, b in combinations(table.columns, 2)]
    return pooled_sd(found)
