"""Confusions by speaker of every model on each set-up, as whole arrays: for ranks, components and deviations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..statistics.metrics import Metric
from ..statistics.speakers import mean_known
from .pools import code_rows
from .results import FLOOR, Result, Setup, by_name, results_of


@dataclass(frozen=True)
class Blocks:
    """Confusions of every model on one set-up: label -> (runs, speakers, C, C), runs in the order of (seed, repeat).

    A model that lacks rows which another one has is left out; ``notes`` name it.
    """

    setup: Setup
    classes: tuple[str, ...]
    speakers: tuple[str, ...]
    confusions: dict[str, np.ndarray]
    notes: tuple[str, ...]
    floor: frozenset[str]  # labels of models whose role it is

    def table(self, metric: Metric) -> pd.DataFrame:
        """Scores by speaker (lines) and model (columns), averaged over seeds and repeats."""
        columns = {label: mean_known(metric.of(c), 0) for label, c in self.confusions.items()}
        return pd.DataFrame(columns, index=pd.Index(self.speakers, name="speaker"))


def blocks(records: pd.DataFrame, predictions: pd.DataFrame) -> list[Blocks]:
    """Speaker blocks of every set-up, for ranks, trends, curves and components. Quick: whole arrays, no frames.

    Predictions without a known speaker are left out, and noted.
    """
    rows = code_rows(records, predictions)
    names = [str(s) for s in pd.factorize(predictions["speaker"], sort=True)[1]]
    place = {key: i for i, key in enumerate(records["key"])}
    groups: dict[Setup, list[Result]] = {}
    for result in by_name(results_of(records)):
        if len(result.records):
            groups.setdefault(result.setup, []).append(result)
    return [_blocks(setup, members, rows, names, place) for setup, members in groups.items()]


def _blocks(setup: Setup, members: Sequence[Result], rows: Any, names: list[str], place: dict[str, int]) -> Blocks:
    classes, notes = members[0].classes, []
    confusions: dict[str, np.ndarray] = {}
    for result in members:
        if result.mixed or result.classes != classes:
            notes.append(f"{result.label}: left out: {result.mixed or 'it has other classes'}")
            continue
        confusions[result.label] = _by_speaker(result, rows, len(names), place)
    sizes = {label: c[0].sum((1, 2)) for label, c in confusions.items()}  # rows per speaker in the first run
    largest = max(sizes.values(), key=lambda size: int(size.sum()), default=np.zeros(0))
    for label, c in list(confusions.items()):
        if (c.sum((2, 3)) != largest).any():
            notes.append(f"{label}: left out: it lacks rows that other models have")
            del confusions[label]
    here = np.flatnonzero(largest)
    return Blocks(
        setup,
        classes,
        tuple(names[s] for s in here),
        {m: c[:, here] for m, c in confusions.items()},
        tuple(notes),
        frozenset(result.label for result in members if result.role == FLOOR),
    )


def _by_speaker(result: Result, rows: Any, n_speakers: int, place: dict[str, int]) -> np.ndarray:
    n = len(result.classes)
    runs = pd.factorize(pd.MultiIndex.from_frame(result.records[["seed", "repeat"]]), sort=True)[0]
    cells = [place[key] for key in result.records["key"]]
    at = np.concatenate([np.arange(rows.start[c], rows.start[c + 1]) for c in cells])
    run = np.repeat(runs, [rows.start[c + 1] - rows.start[c] for c in cells])
    code = pd.Index(result.classes).get_indexer(rows.labels)
    named = rows.speaker[at] >= 0
    at, run = at[named], run[named]
    shape = (int(runs.max()) + 1, n_speakers, n, n)
    flat = np.ravel_multi_index((run, rows.speaker[at], code[rows.truth[at]], code[rows.guess[at]]), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
