"""What a run holds of each model on each task: the cells to compare, and scores by speaker as matrices."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..statistics.metrics import Metric
from ..statistics.speakers import mean_known
from .pools import code_rows

#: facts in which two cells of one entry must agree
_BASIS = ("protocol_version", "model_version", "provider", "code", "settings", "options", "classes")


class Task(NamedTuple):
    """What must be equal for two scores to be comparable."""

    protocol: str
    train: str
    test: str
    condition: str
    label_map: str
    leaks: tuple[str, ...]

    @property
    def where(self) -> str:
        """The corpora, as printed: ``emodb``, ``emodb → emovo``."""
        return self.test if self.train == self.test else f"{self.train} → {self.test}"


@dataclass(frozen=True)
class Entry:
    """One model (with its arm) on one task: its finished cells.

    ``basis`` is what it stands on (versions, code, options, classes, fingerprints of its corpora); ``mixed`` says why
    the cells are not one thing, None when they are. ``n_cells`` counts the failed ones too.
    """

    task: Task
    model: str
    arm: str
    classes: tuple[str, ...]
    records: pd.DataFrame
    n_cells: int
    basis: dict[str, str]
    mixed: str | None

    @property
    def label(self) -> str:
        """The model with its arm, as tables print it."""
        return label_of(self.model, self.arm)


def label_of(model: str, arm: str) -> str:
    """A model with its arm, as tables print it.

    >>> label_of("sigwavnet", "base"), label_of("sigwavnet", "no-gru")
    ('sigwavnet', 'sigwavnet [no-gru]')
    """
    return model if arm == "base" else f"{model} [{arm}]"


def entries(records: pd.DataFrame) -> list[Entry]:
    """Every model on every task, in the order of their names. Records as `store.Frames` has them."""
    members: dict[tuple[Task, str, str], list[int]] = {}
    bases = []
    for position, r in enumerate(records.itertuples(index=False)):
        task = Task(r.protocol, r.train, r.test, r.condition, r.label_map, tuple(sorted(r.leaks)))
        members.setdefault((task, r.model, r.arm), []).append(position)
        bases.append(_basis(r))
    found = [
        _entry(task, (model, arm), records.iloc[at], [bases[k] for k in at])
        for (task, model, arm), at in members.items()
    ]
    return sorted(found, key=lambda e: (e.task, e.label))


def _entry(task: Task, named: tuple[str, str], cells: pd.DataFrame, bases: Sequence[dict[str, str]]) -> Entry:
    label = label_of(*named)
    differ = sorted(name for name in bases[0] if len({basis[name] for basis in bases}) > 1)
    mixed = f"{label} is there in several versions, which differ in {', '.join(differ)}" if differ else None
    done = cells[cells["status"] == "done"]
    return Entry(task, *named, tuple(cells["classes"].iloc[0]), done, len(cells), bases[0], mixed)


def _basis(cell: Any) -> dict[str, str]:
    used = {*cell.train.split("+"), *cell.test.split("+")}
    data = {name: mark for name, mark in cell.data.items() if name in used}
    values = {**{name: getattr(cell, name) for name in _BASIS}, "data": data}
    return {name: json.dumps(value, sort_keys=True, default=list) for name, value in values.items()}


@dataclass(frozen=True)
class Blocks:
    """Confusions of every model on one task: label -> (runs, speakers, C, C), runs in the order of (seed, repeat).

    A model that lacks rows which another one has is left out; ``notes`` name it.
    """

    task: Task
    classes: tuple[str, ...]
    speakers: tuple[str, ...]
    confusions: dict[str, np.ndarray]
    notes: tuple[str, ...]

    def table(self, metric: Metric) -> pd.DataFrame:
        """Scores by speaker (lines) and model (columns), averaged over seeds and repeats."""
        columns = {label: mean_known(metric.of(c), 0) for label, c in self.confusions.items()}
        return pd.DataFrame(columns, index=pd.Index(self.speakers, name="speaker"))


def blocks(records: pd.DataFrame, predictions: pd.DataFrame) -> list[Blocks]:
    """Speaker blocks of every task, for ranks, trends, curves and components. Quick: whole arrays, no frames.

    Predictions without a known speaker are left out, and noted.
    """
    rows = code_rows(records, predictions)
    names = [str(s) for s in pd.factorize(predictions["speaker"], sort=True)[1]]
    place = {key: i for i, key in enumerate(records["key"])}
    tasks: dict[Task, list[Entry]] = {}
    for entry in entries(records):
        if len(entry.records):
            tasks.setdefault(entry.task, []).append(entry)
    return [_blocks(task, found, rows, names, place) for task, found in tasks.items()]


def _blocks(task: Task, found: Sequence[Entry], rows: Any, names: list[str], place: dict[str, int]) -> Blocks:
    classes, notes = found[0].classes, []
    confusions: dict[str, np.ndarray] = {}
    for entry in found:
        if entry.mixed or entry.classes != classes:
            notes.append(f"{entry.label}: left out: {entry.mixed or 'it has other classes'}")
            continue
        confusions[entry.label] = _by_speaker(entry, rows, len(names), place)
    sizes = {label: c[0].sum((1, 2)) for label, c in confusions.items()}  # rows per speaker in the first run
    largest = max(sizes.values(), key=lambda size: int(size.sum()), default=np.zeros(0))
    for label, c in list(confusions.items()):
        if (c.sum((2, 3)) != largest).any():
            notes.append(f"{label}: left out: it lacks rows that other models have")
            del confusions[label]
    here = np.flatnonzero(largest)
    return Blocks(
        task, classes, tuple(names[s] for s in here), {m: c[:, here] for m, c in confusions.items()}, tuple(notes)
    )


def _by_speaker(entry: Entry, rows: Any, n_speakers: int, place: dict[str, int]) -> np.ndarray:
    n = len(entry.classes)
    runs = pd.factorize(pd.MultiIndex.from_frame(entry.records[["seed", "repeat"]]), sort=True)[0]
    cells = [place[key] for key in entry.records["key"]]
    at = np.concatenate([np.arange(rows.start[c], rows.start[c + 1]) for c in cells])
    run = np.repeat(runs, [rows.start[c + 1] - rows.start[c] for c in cells])
    code = pd.Index(entry.classes).get_indexer(rows.labels)
    known = rows.speaker[at] >= 0
    at, run = at[known], run[known]
    shape = (int(runs.max()) + 1, n_speakers, n, n)
    flat = np.ravel_multi_index((run, rows.speaker[at], code[rows.truth[at]], code[rows.guess[at]]), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
