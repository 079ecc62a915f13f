"""What every statistic was checked against, in three tables: python tests/measure/statistics_agreement.py [RUNS].

Agreement: ours and an independent reference on the same seeded cases, and the largest difference. Simulations: how
often tests cry wolf, and intervals hold a truth that is known, in RUNS simulated experiments each (2,000). Printed as
Markdown; the exit status is 1 where something is further apart than it may be, or out of its bounds by more than two
Monte-Carlo errors. Not a test: it takes minutes.
"""

import platform
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from scipy import stats

from serbench.results.statistics.power import over_both
from serbench.seeds import stream
from serbench.tests.measure import agreement_of_scores, agreement_of_tests
from serbench.tests.results.test_probability_intervals import coverage as probability_coverage
from serbench.tests.support.agreement import Check, apart
from serbench.tests.support.simulations import (
    ReplayDesign,
    cross_validations,
    outside,
    rank_alarms,
    replay_words,
    score_coverage,
    speakers,
)

RUNS = 2_000  # simulated experiments for each figure
#: what has no second library: what it was checked by, and where
OTHERWISE = (
    ("chance level of every metric", "uniform guesses on 100,000 rows; equal probabilities", "metrics, probabilities"),
    ("risk-coverage curve where rows are equally sure", "by hand; any order of them", "probabilities"),
    ("intervals of AURC", "property: a resample is the metric of the repeated rows; simulated",
     "probability_intervals"),
    ("a contrast's estimate is the difference of two cells of the table", "properties: any predictions, any seeds",
     "uncertainty"),
    ("its uncertainty where clips are unequal, UAR and WA", "derivatives of the score in the weights of speakers",
     "uncertainty"),
    ("trainings that conditions or test corpora share", "variance of the differences within them", "uncertainty"),
    ("order of rows, names, the first model, copies of a run", "properties: nothing changes but the sign",
     "uncertainty"),
    ("slopes of every metric", "formulas of UAR and WA; differences in random directions", "uncertainty"),
    ("intervals of scores", "properties: in the range, around the score, never a point, wider at a higher level",
     "score_intervals"),
    ("components of folds of unequal size", "by hand; found again in simulated scores", "variance"),
    ("Page where scores are tied", "scipy is what computes it; the example of its manual", "many_models"),
    ("groups of Demšar's example at 10 %", "figure 1 (a) of the paper", "many_models"),
    ("share of clean kept; SNR50 of curves that cross twice or never", "by hand", "robustness"),
    ("interaction, effect of protocol, fold trend, preceding class",
     "scipy's t, Page and binomial tests of differences formed anew with pandas", "answers, ladder"),
    ("refusals: unpaired, few speakers or folds, other folds or data, leaks", "one wrong input each, with its reason",
     "uncertainty, statistics, compare, answers"),
    ("rules of verdicts; distance of two confusion matrices", "properties; by hand; simulated below", "verdicts"),
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """How often something happened in so many runs, and between which shares it should."""

    what: str
    asked: str
    low: float
    high: float
    runs: int
    value: float

    @property
    def error(self) -> float:
        """Of the simulation, at the bound that is nearer; or as found, where there is none."""
        at = min((b for b in (self.low, self.high) if 0 < b < 1), key=lambda b: abs(b - self.value), default=self.value)
        return float(np.sqrt(at * (1 - at) / self.runs))

    @property
    def inside(self) -> bool:
        """Whether it is where it should be, but for two such errors."""
        return self.low - 2 * self.error <= self.value <= self.high + 2 * self.error


ALARMS, HELD = ("≤ 7 %", 0.0, 0.07), ("92–98 %", 0.92, 0.98)
ANY = ("", 0.0, 1.0)


def simulated(runs: int) -> Iterator[Share]:
    """Every share in so many runs."""
    for what, asked, value in (*_of_tests(runs), *_of_intervals(runs)):
        yield Share(what, *asked, runs, value)
    least = over_both(10, 10, 1, 0.08, 0.0).difference
    p = stats.ttest_1samp(np.random.default_rng(0).normal(least, 0.08, (runs, 10)), 0, axis=1).pvalue
    yield Share("the detectable difference is found, 10 speakers", "80 %", 0.8, 0.8, runs, float(np.mean(p < 0.05)))
    for k, sd in ((3, 0.3), (5, 1.0), (10, 4.0)):
        wrong = outside(replay_words(ReplayDesign(k, sd), runs))
        yield Share(f"verdict above or below, identical system, {k} runs, sd {sd:g}", *ALARMS, runs, wrong)


def _of_tests(runs: int) -> Iterator[tuple[str, tuple[str, float, float], float]]:
    """False alarms."""
    corrected, plain = cross_validations(runs, 8)
    yield "false alarms, 5 × 3 folds: Nadeau-Bengio", ALARMS, corrected
    yield "false alarms, 5 × 3 folds: plain t", ANY, plain
    for n in (6, 10, 20):
        for one in (False, True):
            luck = "one training a seed, which deviates by 4 points" if one else "leave one speaker out"
            shares = speakers(runs, 14, n, seeds=3, luck=0.04, one_training=one)
            where = f"{n} speakers, 3 seeds, {luck}"
            yield f"false alarms, {where}: main test", ALARMS, shares["main"]
            yield f"false alarms, {where}: plain t over folds × seeds", ANY, shares["plain t"]
            yield f"false alarms, {where}: McNemar on one seed", ANY, shares["mcnemar"]
    yield "false alarms, Friedman, 10 blocks, 4 models", ALARMS, rank_alarms(runs, 1, 10, 4)


def _of_intervals(runs: int) -> Iterator[tuple[str, tuple[str, float, float], float]]:
    """Intervals that hold the truth."""
    for n in (3, 4, 6, 10, 20):
        yield f"interval of a UAR holds the truth, {n} speakers", HELD, score_coverage(n, runs)
    for name in ("AUC", "Brier"):
        what = f"interval of {name} holds the truth, 10 speakers"
        yield what, HELD, probability_coverage(name.lower(), 10, max(runs // 4, 1), 2)


def checks() -> list[Check]:
    """All of them, as they stand in their files."""
    files = (agreement_of_scores, agreement_of_tests)
    return [found for file in files for found in vars(file).values() if isinstance(found, Check)]


def agreement() -> bool:
    """Print the first table; whether all is as near as it should be."""
    print("| statistic | checked against | cases | largest difference |\n| --- | --- | --: | --: |")
    near = True
    for one in checks():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of references, where a class has no rows
            gap = max(apart(one.pair(stream("agreement", one.statistic, one.against, k))) for k in range(one.cases))
        near &= gap <= one.within
        print(f"| {one.statistic} | {one.against} | {one.cases} | {gap:.1e} |".replace("0.0e+00", "0"), flush=True)
    return near


def otherwise() -> None:
    """Print what is checked by known answers and properties alone."""
    print("| statistic | checked by | tests |\n| --- | --- | --- |")
    for what, how, where in OTHERWISE:
        print(f"| {what} | {how} | {', '.join(f'test_{name}.py' for name in where.split(', '))} |")


def simulations(runs: int) -> bool:
    """Print the third table; whether every share is in its bounds."""
    print("| what | asked | found (%) | Monte-Carlo error |\n| --- | --- | --: | --: |")
    inside = True
    for one in simulated(runs):
        inside &= one.inside
        mark = "" if one.inside else " **out**"
        print(f"| {one.what} | {one.asked or '–'} | {100 * one.value:.1f}{mark} | {100 * one.error:.1f} |", flush=True)
    return inside


ABOUT = """# What every statistic was checked against

    python tests/measure/statistics_agreement.py

{versions}. Made with serbench {ours}.

## Agreement

The largest absolute difference between ours and the reference over seeded random cases; relative where it says so. \
Published values are printed with few decimals, and a difference of half a unit of the last one is none."""
SIMULATED = """Truth is known: two models are equally good (false alarms at a nominal 5 %), or a value is that of all \
speakers there are (intervals at a nominal 95 %); {runs:,} simulated experiments for each figure, a quarter of them \
for the metrics of probabilities. Folds: linear discriminants on two independent sets of 10 features, 60 rows, 5 folds \
× 3 repeats. Speakers: 50 clips each, two models that suit each speaker differently (deviation 8 points)."""


def main(arguments: Sequence[str]) -> int:
    """All tables, with what they were made with."""
    names = ("numpy", "scipy", "scikit-learn", "statsmodels", "baycomp", "scikit-posthocs", "networkx")
    versions = f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}"
    print(ABOUT.format(versions=versions, ours=version("serbench")), end="\n\n")
    near = agreement()
    print("\n## Known answers and properties, where no second library has it\n")
    otherwise()
    runs = int(arguments[0]) if arguments else RUNS
    print(f"\n## Simulations\n\n{SIMULATED.format(runs=runs)}\n")
    return 0 if simulations(runs) and near else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
