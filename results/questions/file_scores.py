"""Everything that is said about a file of predictions: metrics with intervals, classes, groups; two files: tests."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...seeds import stream
from ..evidence.groups import GROUPS, Groups, by_group, by_speaker, confusions_by_speaker
from ..evidence.parts import parts_of
from ..evidence.pools import Cells
from ..evidence.predictions_file import PredictionsFile
from ..evidence.results import Identity, Result, Setup
from ..evidence.sides import Side
from ..statistics.metrics import CLASSES, METRICS, Metric, per_class
from ..statistics.probabilities import PROBABILITY_METRICS, Finding, probability_scores
from ..statistics.probability_intervals import estimate, rows_of
from ..statistics.score_intervals import recall_of, score_interval, score_intervals
from ..statistics.speakers import Interval, mean_known
from .compare import Comparison, Folds, compare_rows


@dataclass(frozen=True)
class FileScore:
    """Metrics of one file; ``values`` by name; ``chance`` for its class frequencies, for probabilities: equal ones.

    ``n_outside`` answers, over all seeds, are none of the classes and count as wrong.
    """

    name: str
    classes: tuple[str, ...]
    n: int
    n_outside: int
    n_speakers: int
    values: dict[str, Finding]
    intervals: dict[str, Interval]
    chance: dict[str, float]
    per_class: pd.DataFrame
    per_speaker: pd.DataFrame
    groups: tuple[Groups, ...]
    notes: tuple[str, ...]


def score(file: PredictionsFile) -> FileScore:
    """Score a file; over several seeds the mean, each pooled over its folds."""
    rng = stream("interval")
    metrics = list(METRICS.values())
    confusions = confusions_by_speaker(file.rows, file.classes)
    pooled = confusions.sum(1)  # (runs, C, C + 1)
    support = pooled[0].sum(1)
    values = {m.name: Finding(float(mean_known(m.of(pooled), 0))) for m in metrics}
    if file.has_speakers:
        intervals = score_intervals(parts_of(file.clustered, file.classes), metrics)
    else:
        n = int(file.rows["speaker"].isna().sum())
        intervals = {m.name: Interval(None, None, None, f"the speaker of {n} rows is unknown") for m in metrics}
    values |= probability_scores(file.rows, file.classes)
    intervals |= _of_probabilities(file, rng)
    speakers = file.rows["speaker"].nunique()
    columns = [c for c in GROUPS if c in file.rows.columns]
    return FileScore(
        name=file.name,
        classes=file.classes,
        n=file.rows["row"].nunique(),
        n_outside=file.n_outside,
        n_speakers=speakers,
        values=values,
        intervals=intervals,
        chance={m.name: float(m.chance(support)) for m in metrics}
        | {m.name: float(m.chance(len(file.classes))) for m in PROBABILITY_METRICS.values()},
        per_class=_with_intervals(per_class(pooled.sum(0), file.classes), file),
        per_speaker=by_speaker(file.rows, file.classes, METRICS["uar"]),
        groups=tuple(by_group(file.rows, c, file.classes, METRICS["uar"]) for c in columns),
        notes=file.notes,
    )


def _with_intervals(table: pd.DataFrame, file: PredictionsFile) -> pd.DataFrame:
    """The table of classes with ``recall_low, recall_high``, NaN where there is no interval."""
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(table)
    if file.has_speakers:
        parts = parts_of(file.clustered, file.classes)
        every = [score_interval(parts, recall_of(file.classes, label)) for label in table["label"]]
        bounds = [(i.low, i.high) for i in every]
    low, high = (np.array([pair[k] for pair in bounds], dtype=float) for k in (0, 1))
    return table.assign(recall_low=low, recall_high=high)


def _of_probabilities(file: PredictionsFile, rng: np.random.Generator) -> dict[str, Interval]:
    """Intervals of the metrics of probabilities, where there are any."""
    rows, _ = rows_of(file.clustered, file.classes)
    if rows is None:
        return {}
    return {name: estimate(rows, metric, rng).interval for name, metric in PROBABILITY_METRICS.items()}


def compare_files(a: PredictionsFile, b: PredictionsFile, metric: Metric, level: float = 0.95) -> Comparison:
    """The paired tests of two files with the same ids, truths and speakers.

    Over folds where the number of training rows is given, or is that of all other rows of a cross-validation.
    """
    classes = tuple(dict.fromkeys((*a.classes, *b.classes)))
    one, two = (Side(_result(file, classes), file.clustered, metric) for file in (a, b))
    folds, note = _folds(a, b)
    comparison = compare_rows(one, two, folds, level)
    return replace(comparison, notes=(*comparison.notes, note)) if note and comparison.n_folds > 1 else comparison


def _folds(a: PredictionsFile, b: PredictionsFile) -> tuple[Folds | None, str]:
    """Mean training and test rows of a fold, and what was concluded."""
    n_test = float(a.rows.groupby(["seed", "repeat", "fold"]).size().mean())
    sizes = [file.n_train for file in (a, b) if file.n_train is not None]
    if sizes:
        return Folds(float(np.mean(sizes)), n_test), ""
    if not a.cross_validates:
        return None, "add the column n_train, the number of training rows of each row's fold, for the test over folds"
    n_train = a.rows["row"].nunique() - n_test
    return Folds(n_train, n_test), (
        f"no column n_train: folds taken to be trained on all other rows of the file, {n_train:.0f} on average"
    )


def _result(file: PredictionsFile, classes: tuple[str, ...]) -> Result:
    setup = Setup("made elsewhere", file.name, file.name, "as given", "as given", ())
    records = pd.DataFrame({"seed": file.rows["seed"].unique()}).assign(status="made elsewhere")
    nothing = Identity(*("" for _ in Identity._fields))
    cells: Cells = dict(enumerate(records.itertuples(index=False)))
    return Result(setup, file.name, "base", "model", {}, classes, CLASSES, nothing, cells, records)
