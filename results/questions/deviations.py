"""How much the differences of two models deviate in what a run holds already: what a plan counts its power with."""

from itertools import combinations

import pandas as pd

from ..evidence.blocks import blocks
from ..evidence.pools import ByCell
from ..evidence.results import FLOOR, Setup, by_name, results_of
from ..evidence.sides import Side, fold_differences_of, side, why_unpaired
from ..statistics.metrics import Metric
from ..statistics.power import pooled_sd


def stored_sd(records: pd.DataFrame, predictions: pd.DataFrame, metric: Metric) -> float | None:
    """`pooled_sd` of the clean speaker differences of all pairs of models that a run holds, the floor apart.

    None where there are no two models on the same rows.
    """
    differences = []
    for block in blocks(_chosen(records), predictions):
        table = block.table(metric)
        differences += [(table[a] - table[b]).to_numpy() for a, b in combinations(table.columns, 2)]
    return pooled_sd(differences)


def stored_fold_sd(records: pd.DataFrame, predictions: pd.DataFrame, metric: Metric) -> float | None:
    """As `stored_sd`, of differences by fold, seeds averaged."""
    setups: dict[Setup, list[Side]] = {}
    by_cell = ByCell(predictions)
    for result in by_name(results_of(_chosen(records))):
        if len(result.records) and result.mixed is None:
            setups.setdefault(result.setup, []).append(side(result, by_cell, metric))
    pairs = [pair for sides in setups.values() for pair in combinations(sides, 2)]
    return pooled_sd([fold_differences_of(a, b) for a, b in pairs if why_unpaired(a, b) is None])


def _chosen(records: pd.DataFrame) -> pd.DataFrame:
    return records[(records["condition"] == "clean") & (records["role"] != FLOOR)].reset_index(drop=True)
