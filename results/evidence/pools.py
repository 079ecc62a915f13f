"""The predictions of a score as confusion counts: by cell, by run (a seed and repeat), by speaker.

Everything per prediction is done on whole arrays; only cells are looped over.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...errors import InputError, named
from ..statistics.confusions import Parts
from ..statistics.speakers import PAIRED_COLUMNS
from .parts import equal_seeds, identical_runs, parts_from

Cells = dict[int, Any]  # records as named tuples by their position


@dataclass(frozen=True)
class Rows:
    """The predictions of recorded cells as integer codes, sorted by cell."""

    start: np.ndarray  # (cells + 1,) first prediction of each cell
    speaker: np.ndarray  # -1: unknown
    cluster: np.ndarray  # of speakers
    utterance: np.ndarray
    row: np.ndarray
    truth: np.ndarray
    guess: np.ndarray
    labels: pd.Index  # of the codes in truth and guess
    clusters: pd.Index  # of the codes in cluster


@dataclass(frozen=True)
class Pool:
    """Confusion counts of one score."""

    by_cell: np.ndarray  # (cells, C, C)
    by_run: np.ndarray  # (runs, C, C); a run is a (seed, repeat)
    by_speaker: np.ndarray  # (runs, speakers, C, C)
    fold: np.ndarray  # (cells,) code of the (repeat, fold)
    seed: np.ndarray  # (runs,)
    parts: Parts
    n_utterances: int
    n_unknown: int  # predictions without a speaker
    notes: tuple[str, ...]


def code_rows(records: pd.DataFrame, predictions: pd.DataFrame) -> Rows:
    """Code the predictions (``key`` and `PREDICTION_COLUMNS`) whose key is among those of the records."""
    cell = pd.Index(records["key"]).get_indexer(pd.Index(predictions["key"]))
    keep = np.flatnonzero(cell >= 0)
    keep = keep[np.argsort(cell[keep], kind="stable")]
    speaker = pd.factorize(predictions["speaker"], sort=True)[0][keep]  # the resamples go by this order
    cluster, clusters = pd.factorize(predictions[cluster_column(predictions)], sort=True)
    utterance, row = (pd.factorize(predictions[c])[0][keep] for c in ("utterance", "row"))
    (truth, of_truth), (guess, of_guess) = (
        pd.factorize(predictions[c], use_na_sentinel=False) for c in ("truth", "guess")
    )
    labels = of_truth.union(of_guess, sort=False)
    truth, guess = labels.get_indexer(of_truth)[truth], labels.get_indexer(of_guess)[guess]
    start = np.searchsorted(cell[keep], np.arange(len(records) + 1))
    return Rows(start, speaker, cluster[keep], utterance, row, truth[keep], guess[keep], labels, pd.Index(clusters))


def _codes(values: Iterable[Hashable]) -> np.ndarray:
    """Numbers 0, 1, ... for equal values, in order of first appearance."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(value, len(seen)) for value in values])


def pool_cells(done: Cells, rows: Rows, classes: tuple[str, ...]) -> Pool:
    """Confusions over ``classes`` of the done cells of one score. Raises InputError for labels outside them."""
    where, cells, n = np.array(list(done)), list(done.values()), len(classes)
    at = np.concatenate([np.arange(rows.start[c], rows.start[c + 1]) for c in where])
    counts = rows.start[where + 1] - rows.start[where]
    cell = np.repeat(np.arange(len(cells)), counts)  # of each prediction
    code = pd.Index(classes).get_indexer(rows.labels)
    truth, guess = code[rows.truth[at]], code[rows.guess[at]]
    if (odd := (truth < 0) | (guess < 0)).any():
        key = cells[cell[odd][0]].key
        raise InputError(f"predictions of cell {key}: labels that are not among its classes {named(classes, 12)}")
    pair = truth * n + guess
    run = _codes((c.seed, c.repeat) for c in cells)
    seed_of_run = {r: c.seed for r, c in zip(run, cells, strict=True)}
    present = np.bincount(rows.speaker[at] + 1) > 0
    speaker = (np.cumsum(present) - 1)[rows.speaker[at] + 1]
    shape = (len(seed_of_run), int(present.sum()))
    fold, seeds = _codes((c.repeat, c.fold) for c in cells), _codes(seed_of_run.values())
    by_cell = _counts(cell, pair, len(cells), n)
    by_run = np.zeros((len(seed_of_run), n, n), dtype=by_cell.dtype)
    np.add.at(by_run, run, by_cell)
    return Pool(
        by_cell=by_cell,
        by_run=by_run,
        by_speaker=_counts(run[cell] * shape[1] + speaker, pair, shape[0] * shape[1], n).reshape(*shape, n, n),
        fold=fold,
        seed=seeds,
        parts=_parts(cells, rows, at, cell, (truth, guess), run, fold, seeds, n),
        n_utterances=len(pd.unique(rows.utterance[at])),
        n_unknown=int((rows.speaker[at] < 0).sum()),
        notes=(
            *_faults(cell, rows.utterance[at], [c.n_test for c in cells], run[cell], rows.row[at]),
            *_copies(np.array([c.seed for c in cells])[cell], fold[cell], rows.row[at], rows.guess[at]),
        ),
    )


def _parts(
    cells: list[Any], rows: Rows, at: np.ndarray, cell: np.ndarray, answers: tuple[np.ndarray, np.ndarray],
    run: np.ndarray, fold: np.ndarray, seeds: np.ndarray, n: int,
) -> Parts:  # fmt: skip
    """The confusions by run, training and cluster; predictions whose speaker is unknown are a cluster of their own."""
    training = np.array([c.training for c in cells], dtype=object)
    of_training = _codes(training)
    cluster = rows.cluster[at]
    same = not any(c.seeded for c in cells) or identical_runs(
        seeds[run[cell]], fold[cell], rows.row[at], rows.guess[at]
    )
    names = np.append(rows.clusters.to_numpy(dtype=object), "unknown")
    speakers = len(np.unique(rows.speaker[at]))
    return parts_from(
        run[cell], fold[cell], of_training[cell], cluster, answers, n, trainings=pd.unique(training), clusters=names,
        seeds=seeds, fixed=same, speakers=speakers,
    )  # fmt: skip


def _copies(seed: np.ndarray, fold: np.ndarray, row: np.ndarray, guess: np.ndarray) -> Iterable[str]:
    """Which seeds are one and the same run, and how they count."""
    groups = equal_seeds(seed, fold, row, guess)
    if [len(group) for group in groups] == [len(np.unique(seed))]:
        yield f"all {len(groups[0])} seeds gave the same answers: they count as one run, whose training has no luck"
        return
    for group in groups:
        yield f"seeds {', '.join(map(str, group))} gave the same answers; each of them counts"


def _faults(
    cell: np.ndarray, utterance: np.ndarray, expected: list[int], run: np.ndarray, row: np.ndarray
) -> Iterable[str]:
    """What is odd about the predictions: cell, utterance, run and row of each, and the test utterances of each cell.

    Where copies or pieces are scored, a cell has more rows than utterances.
    """
    code, distinct = pd.factorize(row)
    again = len(row) - np.count_nonzero(np.bincount(run * len(distinct) + code))
    if again:
        yield f"{again} predictions repeat a row under one seed and repeat"
    n = int(utterance.max(initial=0)) + 2  # -1 is an unknown one
    counts = np.bincount(pd.unique(cell * n + utterance + 1) // n, minlength=len(expected))
    short = int((counts != expected).sum())
    if short:
        cells = "1 cell holds" if short == 1 else f"{short} cells hold"
        yield f"{cells} predictions of another number of utterances than they test"


def _counts(part: np.ndarray, pair: np.ndarray, n_parts: int, n: int) -> np.ndarray:
    """Confusions (parts, C, C) from the part and the (true, chosen) pair of every prediction."""
    return np.bincount(part * n * n + pair, minlength=n_parts * n * n).reshape(n_parts, n, n)


class ByCell:
    """All predictions, sorted by cell once, so that the rows of some cells are found without a look at the others."""

    def __init__(self, predictions: pd.DataFrame) -> None:
        code, keys = pd.factorize(predictions["key"])
        self._keys = pd.Index(keys)
        self._start = np.concatenate([[0], np.cumsum(np.bincount(code, minlength=len(keys)))])
        columns = ["row", "speaker", "truth", "guess"]
        of_cluster = predictions[cluster_column(predictions)].rename("cluster")
        self._rows = predictions[columns].assign(cluster=of_cluster).iloc[np.argsort(code, kind="stable")]

    def rows(self, records: pd.DataFrame) -> pd.DataFrame:
        """Predictions of the done ones of these cells with the facts of their cell: columns `PAIRED_COLUMNS`."""
        done = records[records["status"] == "done"]
        cell = self._keys.get_indexer(pd.Index(done["key"]))
        order = np.argsort(cell, kind="stable")[int((cell < 0).sum()) :]
        cell = cell[order]
        spans = [np.arange(self._start[k], self._start[k + 1]) for k in cell]
        picked = self._rows.iloc[np.concatenate(spans) if spans else []].reset_index(drop=True)
        facts = done[["seed", "repeat", "fold", "fold_hash", "training", "seeded"]].iloc[
            np.repeat(order, [len(span) for span in spans])
        ]
        return pd.concat([facts.reset_index(drop=True), picked], axis=1)[list(PAIRED_COLUMNS)]


def cluster_column(predictions: pd.DataFrame) -> str:
    """What names the clusters of speakers."""
    return "cluster" if "cluster" in predictions.columns else "speaker"
