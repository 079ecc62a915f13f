"""The uncertainty of a contrast of UARs by its definition, row by row and with whole matrices."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def pooled_uar(rows: pd.DataFrame) -> float:
    """UAR of every run over all of its rows, mean over repeats within a seed, then over seeds."""
    right = (rows["truth"] == rows["guess"]).astype(float)
    recalls = right.groupby([rows["seed"], rows["repeat"], rows["truth"]], observed=True).mean()
    return float(recalls.groupby(level=[0, 1]).mean().groupby(level=0).mean().mean())


def two_way(terms: Sequence[tuple[float, pd.DataFrame]]) -> tuple[float, float, float]:
    """(Estimate, standard error, degrees of freedom) over speakers and trainings.

    Rows have ``seed, repeat, fold, training, speaker, truth, guess``; all runs hold the same classes.
    """
    changes, names = _changes(terms), sorted({s for _, rows in terms for s in rows["speaker"]})
    n = len(names)
    weight, matrix = np.zeros(n), np.zeros((n, n))
    for factor, rows in terms:
        table = pd.crosstab(rows["speaker"], rows["truth"], normalize="columns").reindex(names, fill_value=0)
        shares = table.to_numpy()  # (speakers, classes); runs of one weight hold the same rows
        weight += abs(factor) * shares.mean(1)
        matrix += abs(factor) * (np.diag(shares.mean(1)) - shares @ shares.T / shares.shape[1])
    square = matrix.T @ matrix
    trace, df = np.trace(square), np.trace(square) ** 2 / np.trace(square @ square)
    of_speaker = changes.groupby("speaker")["change"].sum()
    speakers = float((of_speaker**2).sum() / trace * (weight**2).sum())
    lucks, twice, few = [], 0.0, []
    for _, alike in changes.groupby("stratum"):
        k = alike["training"].nunique()
        if alike["speaker"].nunique() > 1:
            table = alike.pivot_table("change", "training", "speaker", "sum", fill_value=0.0)
            lucks.append(k * table.sum(axis=1).var(ddof=1))
            few.append(k - 1)
            twice += k * table.var(ddof=1).sum()
    trainings = float(np.sum(lucks))
    variance = max(speakers + trainings - twice, speakers, trainings)
    spread = speakers**2 / df + sum(luck**2 / k for luck, k in zip(lucks, few, strict=True))
    estimate = sum(factor * pooled_uar(rows) for factor, rows in terms)
    return estimate, float(np.sqrt(variance)), (speakers + trainings) ** 2 / spread


def _changes(terms: Sequence[tuple[float, pd.DataFrame]]) -> pd.DataFrame:
    """The first-order change of the contrast with every row; ``stratum``: of trainings that differ in their seeds."""
    parts = []
    for term, (factor, rows) in enumerate(terms):
        runs = rows.groupby("seed")["repeat"].transform("nunique") * rows["seed"].nunique()
        right = (rows["truth"] == rows["guess"]).astype(float)
        count = (1 / runs).groupby(rows["truth"], observed=True).transform("sum")
        recall = (right / runs).groupby(rows["truth"], observed=True).transform("sum") / count
        change = factor * (right - recall) / runs / count / rows["truth"].nunique()
        held = rows["repeat"].astype(str) + "/" + rows["fold"].astype(str) + f"/{term}"
        parts.append(rows[["training", "speaker"]].assign(change=change, held=held))
    every = pd.concat(parts, ignore_index=True)
    strata = every.groupby("training")["held"].agg(lambda names: " ".join(sorted(set(names))))
    return every.assign(stratum=every["training"].map(strata))
