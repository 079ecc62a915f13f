"""Groups of seeds of one network, compared as if they were two models: what is found is a false alarm."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd

from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.store import open_run
from serbench.results.questions.compare import Comparison, compare
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.speakers import TYPICAL

GROUPS, SEEDS = 8, 3


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records and predictions of a run."""
    evidence = open_evidence([open_run(folder)])
    return evidence.records, evidence.predictions


def groups_of_seeds(records: pd.DataFrame, predictions: pd.DataFrame, n: int = GROUPS) -> list[str]:
    """The section on a real network: the pairs of ``n`` disjoint groups of three seeds, and of ``n`` single seeds.

    Records of one model, 24 seeds, protocol cross-corpus. Each group is a model of its own.
    """
    seeds = sorted(records["seed"].unique())
    if len(seeds) < n * SEEDS or records["model"].nunique() != 1:
        raise ValueError(f"{len(seeds)} seeds of {records['model'].nunique()} models: {n * SEEDS} of one are needed")
    groups = [seeds[SEEDS * k : SEEDS * (k + 1)] for k in range(n)]
    new = pairs(records, predictions, groups)
    old = pairs(records, predictions, [[seed] for seed in seeds[:n]])
    lines = [
        f"Model `{records['model'].iloc[0]}`; two groups differ in their seeds only. The old test: paired t of "
        "speakers' own scores. Significant at 5 %, of pairs:",
        "",
        "| trained and tested on | groups of three, new test | groups of three, old test | single seeds, old test "
        "| single seeds, new test | largest difference of groups | of single seeds |",
        "| --- | --: | --: | --: | --- | --: | --: |",
    ]
    for where in sorted(new):
        three, one = new[where], old[where]
        refusals = sum(c.reason is not None for c in one)
        single = f"refused in {refusals}" if refusals else f"{significant(one)} of {len(one)}"
        lines.append(
            f"| {where} | {significant(three)} of {len(three)} | {typical(three)} of {len(three)} "
            f"| {typical(one)} of {len(one)} | {single} | {largest(three):.1f} | {largest(one):.1f} |"
        )
    return lines


def pairs(
    records: pd.DataFrame, predictions: pd.DataFrame, groups: Sequence[Sequence[int]]
) -> dict[str, list[Comparison]]:
    """Every two groups of seeds, by where they are trained and tested."""
    number = {seed: k for k, group in enumerate(groups) for seed in group}
    some = records[records["seed"].isin(list(number))]
    group = some["seed"].map(number).astype(str)
    named = some.assign(model=some["model"] + "-" + group, training=some["training"] + "-" + group)
    models = [f"{some['model'].iloc[0]}-{k}" for k in range(len(groups))]
    tests: dict[str, list[Comparison]] = {}
    for a, b in combinations(models, 2):
        for comparison in compare(named, predictions, a, b, METRICS["uar"]):
            tests.setdefault(comparison.where, []).append(comparison)
    return tests


def significant(tests: Sequence[Comparison]) -> int:
    """Alarms of the main test."""
    return sum(test.main.p is not None and test.main.p < 0.05 for test in tests)


def typical(tests: Sequence[Comparison]) -> int:
    """Alarms of the old one."""
    return sum(t.name == TYPICAL and t.p is not None and t.p < 0.05 for test in tests for t in test.beside)


def largest(tests: Sequence[Comparison]) -> float:
    """The largest difference, in points."""
    return max(100 * abs((test.score_a or 0.0) - (test.score_b or 0.0)) for test in tests)
