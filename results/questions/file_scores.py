"""Everything that is said about a file of predictions: metrics with intervals, classes, groups; two files: tests."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ...seeds import stream
from ..evidence.entries import Entry, Task
from ..evidence.groups import GROUPS, Groups, by_group, by_speaker, confusions_by_speaker
from ..evidence.predictions_file import Given
from ..evidence.sides import Side
from ..statistics.metrics import METRICS, Metric, per_class
from ..statistics.probabilities import EVERY, PROBABILITY_METRICS, Known, probability_scores
from ..statistics.probability_intervals import estimate, rows_of
from ..statistics.speakers import Interval, mean_known, speaker_intervals
from ..text.grids import Grid, aligned
from .compare import Comparison, Folds, compare_rows

NONE = "–"


@dataclass(frozen=True)
class FileScore:
    """Metrics of one file; ``values`` by name; ``chance`` for its class frequencies, for probabilities: equal ones."""

    name: str
    classes: tuple[str, ...]
    n: int
    n_speakers: int
    values: dict[str, Known]
    intervals: dict[str, Interval]
    chance: dict[str, float]
    per_class: pd.DataFrame
    per_speaker: pd.DataFrame
    groups: tuple[Groups, ...]
    notes: tuple[str, ...]


def score(given: Given) -> FileScore:
    """Score a file; over several seeds the mean, each pooled over its folds."""
    rng = stream("interval", given.name)
    metrics = list(METRICS.values())
    confusions = confusions_by_speaker(given.rows, given.classes)
    pooled = confusions.sum(1)  # (runs, C, C)
    support = pooled[0].sum(1)
    values = {m.name: Known(float(mean_known(m.of(pooled), 0))) for m in metrics}
    if given.has_speakers:
        intervals = speaker_intervals(confusions, metrics, rng)
    else:
        n = int(given.rows["speaker"].isna().sum())
        intervals = {m.name: Interval(None, None, None, f"the speaker of {n} rows is unknown") for m in metrics}
    values |= probability_scores(given.rows, given.classes)
    intervals |= _of_probabilities(given, rng)
    speakers = given.rows["speaker"].nunique()
    columns = [c for c in GROUPS if c in given.rows.columns]
    return FileScore(
        name=given.name,
        classes=given.classes,
        n=given.rows["row"].nunique(),
        n_speakers=speakers,
        values=values,
        intervals=intervals,
        chance={m.name: float(m.chance(support)) for m in metrics}
        | {m.name: float(m.chance(len(given.classes))) for m in PROBABILITY_METRICS.values()},
        per_class=per_class(pooled.sum(0), given.classes),
        per_speaker=by_speaker(given.rows, given.classes, METRICS["uar"]),
        groups=tuple(by_group(given.rows, c, given.classes, METRICS["uar"], rng) for c in columns),
        notes=given.notes,
    )


def _of_probabilities(given: Given, rng: np.random.Generator) -> dict[str, Interval]:
    """Intervals of the metrics of probabilities, where there are any."""
    rows, _ = rows_of(given.rows, given.classes)
    if rows is None:
        return {}
    return {name: estimate(rows, metric, rng).interval for name, metric in PROBABILITY_METRICS.items()}


def compare_files(a: Given, b: Given, metric: Metric, level: float = 0.95) -> Comparison:
    """The paired tests of two files with the same ids, truths and speakers.

    Over folds where the number of training rows is given, or is that of all other rows of a cross-validation.
    """
    classes = tuple(sorted({*a.classes, *b.classes}))
    one, two = (Side(_entry(given, classes), given.rows, metric) for given in (a, b))
    folds, note = _folds(a, b)
    found = compare_rows(one, two, folds, level)
    return replace(found, notes=(*found.notes, note)) if note and found.n_folds > 1 else found


def _folds(a: Given, b: Given) -> tuple[Folds | None, str]:
    """Mean training and test rows of a fold, and what was concluded."""
    n_test = float(a.rows.groupby(["seed", "repeat", "fold"]).size().mean())
    known = [given.n_train for given in (a, b) if given.n_train is not None]
    if known:
        return Folds(float(np.mean(known)), n_test), ""
    if not a.cross_validates:
        return None, "add the column n_train, the number of training rows of each row's fold, for the test over folds"
    n_train = a.rows["row"].nunique() - n_test
    return Folds(n_train, n_test), (
        f"no column n_train: folds taken to be trained on all other rows of the file, {n_train:.0f} on average"
    )


def _entry(given: Given, classes: tuple[str, ...]) -> Entry:
    task = Task("made elsewhere", given.name, given.name, "as given", "as given", ())
    records = pd.DataFrame({"seed": given.rows["seed"].unique()})
    return Entry(task, given.name, "base", classes, records, len(records), {}, None)


def to_json(found: FileScore) -> dict[str, Any]:
    """Plain data: unknown is None, with the reason."""
    metrics = {}
    for name, value in found.values.items():
        low_high = found.intervals.get(name, Interval(None, None, None))
        facts = {"value": value.value, "reason": value.reason, "low": low_high.low, "high": low_high.high}
        metrics[name] = {**facts, "interval_reason": low_high.reason, "chance": found.chance.get(name)}
    return {
        "file": found.name,
        "classes": list(found.classes),
        "n": found.n,
        "n_speakers": found.n_speakers,
        "metrics": metrics,
        "per_class": _plain(found.per_class),
        "per_speaker": _plain(found.per_speaker),
        "groups": {
            g.column: {**{k: v for k, v in asdict(g).items() if k in ("worst", "gap")}, "table": _plain(g.table)}
            for g in found.groups
        },
        "notes": list(found.notes),
    }


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = table.astype(object).to_dict("records")
    return [{k: None if v in ("", None) or pd.isna(v) else v for k, v in line.items()} for line in lines]


def to_text(found: FileScore) -> str:
    """For a terminal of 80 columns."""
    head = f"{found.name}: {found.n} rows, {len(found.classes)} classes, {found.n_speakers or 'unknown'} speakers"
    shares = [name for name in found.values if EVERY[name].range[1] <= 1]
    others = [name for name in found.values if name not in shares]
    grids = [_metrics(found, shares, "in %", 100, 1), _metrics(found, others, "0 to 2", 1, 2)]
    grids.append(_classes(found.per_class))
    grids += [_group(g) for g in found.groups]
    spread = [_speakers(found.per_speaker)] if len(found.per_speaker) > 1 else []
    notes = list(found.notes)
    notes += sorted({f"no interval: {i.reason}" for i in found.intervals.values() if i.reason})
    notes += sorted({f"no {', no '.join(PROBABILITY_METRICS)}: {v.reason}" for v in found.values.values() if v.reason})
    noted = ["\n".join(f"· {note}" for note in notes)] if notes else []
    blocks = [head, *("\n".join(aligned(grid)) for grid in grids), *spread, *noted]
    return "\n\n".join(blocks) + "\n"


def _metrics(found: FileScore, names: Sequence[str], unit: str, scale: int, digits: int) -> Grid:
    """A line for each of the metrics, their values times ``scale``."""
    lines = []
    for name in names:
        value, between = found.values[name].value, found.intervals.get(name, Interval(None, None, None))
        number = NONE if value is None else f"{scale * value:.{digits}f}"
        chance = f"{scale * found.chance[name]:.{digits}f}"
        lines.append((EVERY[name].title, number, _bounds(between.low, between.high, scale, digits), chance))
    return Grid("", ("metric", unit, "95 % interval", "chance"), tuple(lines), left=1)


def _bounds(low: float | None, high: float | None, scale: int = 100, digits: int = 1) -> str:
    """An interval; nothing where there is none.

    >>> _bounds(0.41, 0.5), _bounds(None, None)
    ('[41.0, 50.0]', '')
    """
    return (
        "" if low is None or high is None or pd.isna(low) else f"[{scale * low:.{digits}f}, {scale * high:.{digits}f}]"
    )


def legend(width: int = 80) -> str:
    """The other names of every metric, once."""
    lines = [f"{m.title} is also called {', '.join(m.aliases)}." for m in EVERY.values()]
    return textwrap.fill(" ".join(lines), width, break_on_hyphens=False) + "\n"


def _speakers(table: pd.DataFrame) -> str:
    """The spread over speakers in a line."""
    worst, best = table.iloc[0], table.iloc[-1]
    middle, sd = table["score"].median(), table["score"].std(ddof=1)
    return (
        f"UAR by speaker: worst {100 * worst.score:.1f} ({worst.speaker}), median {100 * middle:.1f}, "
        f"best {100 * best.score:.1f} ({best.speaker}), sd {100 * sd:.1f}"
    )


def _classes(table: pd.DataFrame) -> Grid:
    rows = tuple(
        (line.label, str(line.n), *(NONE if np.isnan(v) else f"{100 * v:.1f}" for v in line[3:]))
        for line in table.itertuples()
    )
    return Grid("", ("class", "rows", "recall", "precision", "F1"), rows, left=1)


def _group(g: Groups) -> Grid:
    rows = []
    for line in g.table.itertuples():
        name = f"{line.group} (worst)" if line.group == g.worst else line.group
        rows.append((name, str(line.n), str(line.n_speakers), f"{100 * line.score:.1f}", _bounds(line.low, line.high)))
    return Grid("", (g.column, "rows", "speakers", "UAR", "95 % interval"), tuple(rows), left=1)
