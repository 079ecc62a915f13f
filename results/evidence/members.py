"""Which predictions stand behind a score, and what they say by speaker and by clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..statistics.confusions import Parts
from ..statistics.metrics import METRICS
from ..statistics.speakers import mean_known
from .evidence import Evidence
from .parts import identical_runs, parts_from
from .pools import Cells, cluster_column
from .results import results_of
from .scores import Score

KIND = "uar"


@dataclass(frozen=True)
class Member:
    """A score with the predictions behind it, as positions and codes; ``runs`` are (seed, repeat) pairs.

    ``speakers`` are the test speakers in alphabetical order, ``by_speaker`` their UAR, seeds and repeats averaged.
    ``basis`` names the rows that were tested: two scores with the same can be compared by pairs.
    """

    score: Score
    cells: Cells
    at: np.ndarray  # (n,) positions among the predictions
    run: np.ndarray  # (n,) code of the run
    runs: tuple[tuple[int, int], ...]
    truth: np.ndarray  # (n,) index into the classes of the score
    guess: np.ndarray
    speakers: tuple[str, ...]
    by_speaker: np.ndarray  # (speakers,) in [0, 1]
    basis: int
    confusions: np.ndarray  # (runs, speakers, C, C)
    parts: Parts  # by run, training and cluster


def members(scores: Sequence[Score], evidence: Evidence) -> list[Member]:
    """Of every score that has predictions, in the order of the scores."""
    results = {result.name: result for result in results_of(evidence.records)}
    return [_member(s, results[s.name].cells, evidence) for s in scores if s.n_done and s.name in results]


def _member(score: Score, cells: Cells, evidence: Evidence) -> Member:
    done = {position: cell for position, cell in cells.items() if cell.status == "done"}
    runs = sorted({(cell.seed, cell.repeat) for cell in done.values()})
    spans = [np.arange(evidence.start[p], evidence.start[p + 1]) for p in done]
    at = np.concatenate(spans)
    codes = [runs.index((cell.seed, cell.repeat)) for cell in done.values()]
    run = np.repeat(codes, [len(span) for span in spans])
    truth, guess = (_class_codes(evidence.predictions[name], at, score.classes) for name in ("truth", "guess"))
    speaker = evidence.predictions["speaker"].cat
    speakers, code = np.unique(speaker.codes.to_numpy()[at], return_inverse=True)
    counts = _counts(code, run, truth, guess, (len(speakers), len(runs), len(score.classes)))
    named = speakers >= 0
    rows = np.unique(evidence.predictions["row"].cat.codes.to_numpy()[at])
    return Member(
        score, done, at, run, tuple(runs), truth, guess,
        speakers=tuple(str(speaker.categories[k]) for k in speakers[named]),
        by_speaker=mean_known(METRICS[KIND].of(counts[:, named]), 0), basis=hash((rows.tobytes(), score.classes)),
        confusions=counts[:, named],
        parts=_parts(done, spans, evidence, at, run, runs, (truth, guess), len(score.classes)),
    )  # fmt: skip


def _parts(
    done: Cells, spans: Sequence[np.ndarray], evidence: Evidence, at: np.ndarray, run: np.ndarray,
    runs: Sequence[tuple[int, int]], answers: tuple[np.ndarray, np.ndarray], n_classes: int,
) -> Parts:  # fmt: skip
    """The confusions by run, training and cluster."""
    predictions = evidence.predictions
    sizes = [len(span) for span in spans]
    fold = np.repeat(pd.factorize(pd.Series([(c.repeat, c.fold) for c in done.values()]))[0], sizes)
    training, trainings = pd.factorize(np.array([c.training for c in done.values()], dtype=object))
    cluster = predictions[cluster_column(predictions)].cat
    seeds = pd.factorize(np.array([seed for seed, _ in runs]))[0]
    row = predictions["row"].cat.codes.to_numpy()[at]
    return parts_from(
        run, fold, np.repeat(training, sizes), cluster.codes.to_numpy()[at], answers, n_classes, trainings=trainings,
        clusters=np.append(cluster.categories.to_numpy(dtype=object), "unknown"), seeds=seeds,
        fixed=not any(c.seeded for c in done.values()) or identical_runs(seeds[run], fold, row, answers[1]),
        speakers=len(np.unique(predictions["speaker"].cat.codes.to_numpy()[at])),
    )  # fmt: skip


def _class_codes(column: pd.Series, at: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    of_category = pd.Index(classes).get_indexer(pd.Index(column.cat.categories.astype(object)))
    codes: np.ndarray = of_category[column.cat.codes.to_numpy()[at]]
    return codes


def _counts(
    speaker: np.ndarray, run: np.ndarray, truth: np.ndarray, guess: np.ndarray, shape: tuple[int, int, int]
) -> np.ndarray:
    """Confusions (runs, speakers, C, C)."""
    n, runs, classes = shape
    flat = ((run * n + speaker) * classes + truth) * classes + guess
    counts = np.bincount(flat, minlength=n * runs * classes**2).astype(np.int32)
    return counts.reshape(runs, n, classes, classes)
