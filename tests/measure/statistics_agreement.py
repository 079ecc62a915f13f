"""What every statistic was checked against, in three tables: python tests/measure/statistics_agreement.py [--short].

Agreement: ours and an independent reference on the same seeded cases, and the largest difference. Simulations: how
often tests cry wolf, and intervals hold a truth that is known; ``--short`` has fewer runs. Printed as Markdown; the
exit status is 1 where something is further apart than it may be, or out of its bounds. Not a test: it takes minutes.
"""

import platform
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from scipy import stats

from serbench.results.statistics.power import minimum_detectable
from serbench.seeds import stream
from serbench.tests.measure import agreement_of_scores, agreement_of_tests
from serbench.tests.results.test_probability_intervals import coverage as probability_coverage
from serbench.tests.results.test_statistics import coverage
from serbench.tests.results.test_verdicts import words
from serbench.tests.support.agreement import Check, apart
from serbench.tests.support.simulations import cross_validations, rank_alarms, speakers

#: what has no second library: what it was checked by, and where
OTHERWISE = (
    ("chance level of every metric", "uniform guesses on 100,000 rows; equal probabilities", "metrics, probabilities"),
    ("risk-coverage curve where rows are equally sure", "by hand; any order of them", "probabilities"),
    ("intervals of AURC", "property: a resample is the metric of the repeated rows; simulated",
     "probability_intervals"),
    ("mixed model of crossed factors", "cell means and two-way mean squares; unbalanced: only what statsmodels fits",
     "variance"),
    ("components of folds of unequal size", "by hand; found again in simulated scores", "variance"),
    ("Page where scores are tied", "scipy is what computes it; the example of its manual", "many_models"),
    ("groups of Demšar's example at 10 %", "figure 1 (a) of the paper", "many_models"),
    ("share of clean kept; SNR50 of curves that cross twice or never", "by hand", "robustness"),
    ("interaction, effect of protocol, fold trend, preceding class",
     "scipy's t, Page and binomial tests of differences formed anew with pandas", "answers, ladder"),
    ("refusals: unpaired, few speakers or folds, other folds or data, leaks", "one wrong input each, with its reason",
     "statistics, compare, answers"),
    ("rules of verdicts; distance of two confusion matrices", "properties; by hand; simulated below", "verdicts"),
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """How often something happened, and between which shares it should."""

    what: str
    asked: str
    low: float
    high: float
    runs: int
    value: float


def simulated(short: bool) -> Iterator[Share]:
    """The issue's figures first; the long form has ten times the runs."""
    for runs, seed in ((600, 7), *(() if short else ((6_000, 8),))):
        both = cross_validations(runs, seed)
        yield Share("false alarms, 5 × 3 folds: Nadeau-Bengio", "3–7 %", 0.03, 0.07, runs, both[0])
        yield Share("false alarms, 5 × 3 folds: plain t", "about 30 %", 0.25, 0.40, runs, both[1])
    runs = 2_000 if short else 20_000
    for n in (6, 10, 20):
        found = speakers(runs, 14, n)
        yield Share(f"false alarms, {n} speakers: speaker t", "≤ 6.5 %", 0, 0.065, runs, found["speaker t"])
        yield Share(f"false alarms, {n} speakers: plain t over folds × seeds", "", 0, 1, runs, found["plain t"])
        yield Share(f"false alarms, {n} speakers: McNemar on one seed", "", 0, 1, runs, found["mcnemar"])
        what = f"interval of a difference holds the truth, {n} speakers"
        yield Share(what, "92–97 %", 0.92, 0.97, runs, found["coverage"])
    runs = 1_000 if short else 5_000
    for n in (3, 4, 5, 6, 8, 10, 20):
        held = float(coverage(n, runs, 2_000 if short else 10_000))
        yield Share(f"interval of a UAR holds the truth, {n} speakers", "92–97 %", 0.92, 0.97, runs, held)
    runs = 250 if short else 3_000
    for name, least in (("AUC", 0.89), ("Brier", 0.89)):
        held = probability_coverage(name.lower(), 10, runs, 2)
        what = f"interval of {name} holds the truth, 10 speakers"
        yield Share(what, f"{100 * least:.0f}–97 %", least, 0.97, runs, held)
    runs = 600 if short else 6_000
    yield Share("false alarms, Friedman, 10 blocks, 4 models", "≤ 6.5 %", 0, 0.065, runs, rank_alarms(runs, 1, 10, 4))
    runs = 2_000 if short else 20_000
    least = minimum_detectable(10, 0.08).difference
    p = stats.ttest_1samp(np.random.default_rng(0).normal(least, 0.08, (runs, 10)), 0, axis=1).pvalue
    yield Share(
        "minimum detectable difference is found, 10 speakers", "80 %", 0.78, 0.82, runs, float(np.mean(p < 0.05))
    )
    for k, sd in ((3, 0.003), (5, 0.008), (10, 0.015)):
        same = words(0.80, 0.80, sd, k, runs).count("reproduced") / runs
        yield Share(
            f"verdict 'reproduced', identical system, {k} runs, sd {100 * sd:g} points", "≥ 90 %", 0.9, 1, runs, same
        )
    worse = words(0.70, 0.80, 0.01, 5, runs).count("reproduced") / runs
    yield Share("verdict 'reproduced', ten points worse, 5 runs, sd 1 point", "≤ 0.1 %", 0, 0.001, runs, worse)


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


def simulations(short: bool) -> bool:
    """Print the second table; whether every share is in its bounds."""
    print("| what | asked | runs | found (%) |\n| --- | --- | --: | --: |")
    inside = True
    for one in simulated(short):
        inside &= one.low <= one.value <= one.high
        print(f"| {one.what} | {one.asked or '–'} | {one.runs:,} | {100 * one.value:.1f} |", flush=True)
    return inside


ABOUT = """# What every statistic was checked against

    python tests/measure/statistics_agreement.py

{versions}. Made with serbench {ours}.

## Agreement

The largest absolute difference between ours and the reference over seeded random cases; relative where it says so. \
Published values are printed with few decimals, and a difference of half a unit of the last one is none. Samples of \
6 speakers are few and their scores have steps, so that quantiles of all samples and of a million draws may lie a step \
apart."""
SIMULATED = """Truth is known: two models are equally good (false alarms at a nominal 5 %), or a value is that of all \
speakers there are (intervals at a nominal 95 %). Folds: linear discriminants on two independent sets of 10 features, \
60 rows, 5 folds × 3 repeats. Speakers: 5 seeds, 50 clips each, two models that suit each speaker differently \
(deviation 8 points)."""


def main(arguments: Sequence[str]) -> int:
    """All tables, with what they were made with."""
    names = ("numpy", "scipy", "scikit-learn", "statsmodels", "baycomp", "scikit-posthocs", "networkx")
    versions = f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}"
    print(ABOUT.format(versions=versions, ours=version("serbench")), end="\n\n")
    near = agreement()
    print("\n## Known answers and properties, where no second library has it\n")
    otherwise()
    print(f"\n## Simulations\n\n{SIMULATED}\n")
    return 0 if simulations("--short" in arguments) and near else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
