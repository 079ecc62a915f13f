"""The verdict on a published number: what one run of ours would give under the same protocol, and where it lies.

The prediction interval. A published number is one run y of a system. Of k runs of ours with mean m and standard
deviation s, all drawn from one normal distribution, y - m has variance sigma² (1 + 1/k), and s² (k - 1) / sigma² is
chi-squared with k - 1 degrees of freedom, independent of m. So (y - m) / (s sqrt(1 + 1/k)) follows Student's t with
k - 1 degrees, and m ± t(0.975, k - 1) s sqrt(1 + 1/k) holds a further run of the same system with 95 %. It covers what
differs between our runs: the seed, which decides initial weights, order and training augmentation, and the split where
several were drawn. It does not cover another machine.

The width of the interval only withholds "reproduced": to let it decide whether a value lies outside would pick the
samples whose deviation is small by luck. `RATES` says how often the rule is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

WIDEST = 0.10  # of a prediction interval within which a value is called reproduced
LEAST_SEEDS = 2
ENOUGH_SPLITS = 5  # that are asked for where the published one cannot be had

Word = Literal[
    "reproduced", "only with the leak", "below", "above", "inconclusive", "our recipe, published split",
    "not comparable", "not run yet", "not trained",
]  # fmt: skip
#: what says something about the paper
JUDGED: tuple[Word, ...] = ("reproduced", "only with the leak", "below", "above", "inconclusive")
OUR_RECIPE: Word = "our recipe, published split"
#: what the words mean, for the foot of a table
MEANING: dict[Word, str] = {
    "reproduced": "the published value lies in the 95 % prediction interval of one run under the replayed protocol",
    "only with the leak": "reproduced there, and above the prediction interval of one run with new speakers",
    "below": "the published value lies below that interval, however wide it is",
    "above": "the published value lies above that interval, however wide it is",
    "inconclusive": "the published value lies in an interval that is wider than 10 points, or there is none",
    OUR_RECIPE: "another network or training than the published one, so no verdict on the paper",
    "not comparable": "other data, classes or rules",
    "not trained": "ours did not learn its training rows: UAR there below guessing + 5 points, or one class for all",
    "not run yet": "no run under the replayed protocol is complete",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """How often the rule is wrong, in % of all replays, simulated for 2 to 10 runs.

    ``fixed``: the most in which a system that is the published one is called above or below, with one split and with
    several, where the number of runs was fixed before; ``added``: where runs are added one by one until they decide;
    ``leak``: the most in which it is called reproduced only with the leak where new speakers cost nothing. All as
    `results/measured/verdicts.md` has them, rounded up.
    """

    fixed: float
    added: float
    leak: float

    @property
    def text(self) -> str:
        """For the foot of a table with verdicts."""
        return (
            f"a run of the same system is called above or below in at most {self.fixed:g} % of replays whose number of "
            f"runs was fixed before ({self.added:g} % with runs added until they decide), and only with the leak in at "
            f"most {self.leak:g} % where new speakers cost nothing"
        )


RATES = Rates(fixed=6, added=14, leak=2)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean of our runs and the 95 % prediction interval of one more, in [0, 1]; without one, ``reason`` says why."""

    mean: float
    low: float | None
    high: float | None
    n_runs: int
    reason: str = ""

    @property
    def width(self) -> float | None:
        """Of the interval."""
        return None if self.low is None or self.high is None else self.high - self.low


@dataclass(frozen=True, slots=True)
class ClaimVerdict:
    """One of the words, and why."""

    word: Word
    reason: str


def predict(
    values: np.ndarray, seeds: np.ndarray, draws: Sequence[np.ndarray], step: float, level: float = 0.95
) -> Prediction:
    """The interval for one more run, from the scores (runs,) of runs with these seeds.

    ``draws``: what else may differ between runs, as numbers (runs,): repeats, splits. A further run has a seed and
    draws of its own, while ours share theirs. k is then the smallest number of different seeds or draws where there is
    more than one (1 / sum of squared shares, where some have more runs), and s² is the sum of squares / runs · k /
    (k - 1): not below the variance of a run on average, whether seeds and draws are crossed or nested. ``step`` is the
    least difference of two scores (1 / test rows): its rounding variance step²/12 is added, and the interval has at
    least a step to each side, so that runs that happen to be equal do not claim to know the next one exactly. It is
    cut at 0 and 1.
    """
    measured = ~np.isnan(values)
    values = values[measured]
    if not len(values):
        return Prediction(float("nan"), None, None, 0, "no run has rows to score")
    counts = [np.unique(source[measured], return_counts=True)[1] for source in (seeds, *draws)]
    mean = float(values.mean())
    if len(counts[0]) < LEAST_SEEDS:
        few = "one run has no spread" if len(values) == 1 else f"all {len(values)} runs have one seed"
        return Prediction(mean, None, None, len(values), f"{few}: run 5 or more seeds")
    k = min(len(values) ** 2 / float((n**2).sum()) for n in counts if len(n) > 1)
    variance = values.var() * k / (k - 1) + step**2 / 12
    half = float(special.stdtrit(k - 1, (1 + level) / 2) * np.sqrt(variance * (1 + 1 / k)))
    half = max(half, step)
    return Prediction(mean, max(mean - half, 0.0), min(mean + half, 1.0), len(values))


def side(value: float, rounding: float, prediction: Prediction) -> Literal["below", "inside", "above"] | None:
    """Where a value printed to ± ``rounding`` lies; None without an interval. The rounding favors the value."""
    if prediction.low is None or prediction.high is None:
        return None
    slack = rounding + 1e-12
    if value + slack < prediction.low:
        return "below"
    return "above" if value - slack > prediction.high else "inside"


def judge(value: float, rounding: float, replayed: Prediction, honest: Prediction | None, leaks: bool) -> ClaimVerdict:
    """The verdict from our runs under the published protocol and, where there are some, under the honest one.

    ``leaks``: whether the replayed protocol permits a leak that the honest one does not. Only a value above what honest
    runs give needs the leak; one below it is reproduced. A value outside the interval is above or below at any width;
    one inside an interval wider than `WIDEST` is inconclusive.
    """
    where = side(value, rounding, replayed)
    if where is None or replayed.width is None:
        return ClaimVerdict("inconclusive", replayed.reason)
    if where != "inside":
        return ClaimVerdict(where, "")
    if replayed.width > WIDEST + 1e-12:
        runs = f"{replayed.n_runs} runs"
        return ClaimVerdict(
            "inconclusive", f"the interval of {runs} is {100 * replayed.width:.1f} points wide: run more"
        )
    if not leaks:
        return ClaimVerdict("reproduced", "")
    if honest is None or honest.low is None:
        return ClaimVerdict(
            "reproduced", "not known how much is the leak: run the honest protocol with 2 or more seeds"
        )
    return ClaimVerdict("only with the leak" if side(value, rounding, honest) == "above" else "reproduced", "")


def matrix_distance(published: np.ndarray, ours: np.ndarray) -> float | None:
    """Distance in [0, 1] of two confusion matrices (C, C) with the same classes, true class by chosen class.

    Rows are normalized; per true class half the sum of absolute differences (total variation), then the mean weighted
    by the published rows of the class: the least share of the published answers that would have to change to agree
    with ours. None where a class with published rows has none of ours.

    >>> matrix_distance(np.array([[3, 1], [0, 4]]), np.array([[2, 2], [0, 4]]))  # 3/4 and 1/2 in one row
    0.125
    """
    support = published.sum(1)
    rows = ours.sum(1)
    if ((support > 0) & (rows == 0)).any() or not support.sum():
        return None
    p, q = (m / np.maximum(m.sum(1, keepdims=True), 1) for m in (published, ours))
    return float((support / support.sum()) @ (np.abs(p - q).sum(1) / 2))
