"""Runs as claims see them: every complete run of a model on one corpus, as a confusion matrix of its own.

A run is a seed and a repeat with all of its folds. What is not finished is counted and left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .devices import kinds_of
from .evidence import Evidence
from .pools import Cells, Rows, code_rows, pool_cells
from .results import Result, results_of
from .untrained import not_trained

_PLANNED = ("protocol", "model", "arm", "train", "test", "label_map")
Sizes = Mapping[tuple[str, str, str], int]  # as `Evidence.sizes`
_CELL = ("seed", "repeat", "fold")
DRAWS = "repeats"  # the option of a protocol
USUAL_RATE_HZ = 16_000  # of a run whose record names no rate


@dataclass(frozen=True)
class Replay:
    """All complete runs of one model under one protocol on one corpus.

    ``by_run`` (runs, C, C), ``seeds``, ``repeats`` and ``splits`` (runs,): runs with equal splits test the same rows.
    ``n_open``: runs that are not complete; ``folders``: how many run folders the complete ones come from.
    ``not_trained``: what is to be said of trainings that did not train, empty where there are none.
    ``utterances``: of the corpus after the label map, None where the run folder does not say.
    """

    protocol: str
    model: str
    arm: str
    corpus: str
    label_map: str
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    options: Mapping[str, Any]
    leaks: tuple[str, ...]
    devices: tuple[str, ...]
    by_run: np.ndarray
    seeds: np.ndarray
    repeats: np.ndarray
    splits: np.ndarray
    n_open: int
    folders: int
    utterances: int | None
    not_trained: str = ""

    @property
    def rate_hz(self) -> int:
        """Of all waveforms; a record names it where it is not the usual one."""
        return int(self.options.get("rate_hz", USUAL_RATE_HZ))

    @property
    def step(self) -> float:
        """The least difference of two accuracies: 1 / test rows of a run."""
        return float(1 / self.by_run.sum((1, 2)).mean()) if len(self.by_run) else 0.0


def replays(evidence: Evidence) -> list[Replay]:
    """The runs within one corpus on clean test audio, grouped by what was run; in a fixed order.

    How often rows are drawn anew tells no runs apart: a draw is the same, whatever follows it.
    """
    rows = code_rows(evidence.records, evidence.predictions)
    planned: dict[tuple[Any, ...], set[tuple[Any, ...]]] = {}
    for cell in evidence.plan.itertuples(index=False):
        if cell.condition == "clean":
            planned.setdefault(_values(cell, _PLANNED), set()).add(_values(cell, _CELL))
    of_draws = [{k: v for k, v in options.items() if k != DRAWS} for options in evidence.records["options"]]
    results = results_of(evidence.records.assign(options=of_draws))
    within = [r for r in results if r.setup.condition == "clean" and r.setup.train == r.setup.test]
    folders = {cell.record.key: str(cell.run.folder) for cell in evidence.cells}
    return [_replay(result, rows, planned, evidence.sizes, folders) for result in within]


def _values(cell: Any, names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(getattr(cell, name) for name in names)


def _replay(
    result: Result, rows: Rows, planned: Mapping[Any, set[Any]], sizes: Sizes, folders: Mapping[str, str]
) -> Replay:
    cells = result.cells
    one = next(iter(cells.values()))
    wanted = {_values(cell, _CELL) for cell in cells.values()} | planned.get(_values(one, _PLANNED), set())
    folds: dict[int, set[str]] = {}  # every seed has all folds of a repeat
    for _, repeat, fold in wanted:
        folds.setdefault(repeat, set()).add(fold)
    got: dict[tuple[int, int], set[str]] = {(seed, repeat): set() for seed, repeat, _ in wanted}
    for cell in cells.values():
        if cell.status == "done":
            got[cell.seed, cell.repeat].add(cell.fold)
    complete = {run for run, have in got.items() if have == folds[run[1]]}
    done = {p: c for p, c in cells.items() if (c.seed, c.repeat) in complete}
    done = dict(sorted(done.items(), key=lambda item: (*_values(item[1], _CELL), item[1].key)))
    runs = list(dict.fromkeys((c.seed, c.repeat) for c in done.values()))
    n = len(one.classes)
    mark = one.data.get(one.test, "")[:12]
    return Replay(
        protocol=one.protocol,
        model=one.model,
        arm=one.arm,
        corpus=one.test,
        label_map=one.label_map,
        classes=tuple(one.classes),
        settings=one.settings,
        options=one.options,
        leaks=result.setup.leaks,
        devices=kinds_of(done.values()),
        by_run=pool_cells(done, rows, tuple(one.classes)).by_run if done else np.zeros((0, n, n), int),
        seeds=np.array([seed for seed, _ in runs], int),
        repeats=np.array([repeat for _, repeat in runs], int),
        splits=_splits(done, rows, runs),
        n_open=len(got) - len(complete),
        folders=len({folders.get(c.key, "") for c in done.values()}),
        utterances=sizes.get((one.test, mark, one.label_map)),
        not_trained=not_trained(done.values()),
    )


def _splits(done: Cells, rows: Rows, runs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Numbers (runs,), equal where the cells of two runs test the same rows, whatever their folds are called."""
    tested: dict[tuple[int, int], list[bytes]] = {run: [] for run in runs}
    for place, cell in done.items():
        codes = np.sort(rows.row[rows.start[place] : rows.start[place + 1]])
        tested[cell.seed, cell.repeat].append(codes.tobytes())
    number: dict[tuple[bytes, ...], int] = {}
    return np.array([number.setdefault(tuple(sorted(tested[run])), len(number)) for run in runs], int)
