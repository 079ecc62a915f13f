"""The scores of files of predictions."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ..evidence.groups import Groups
from ..questions.compare import Comparison
from ..questions.file_scores import FileScore
from ..statistics.probabilities import EVERY, PROBABILITY_METRICS
from ..statistics.speakers import Interval
from . import comparison_text
from .grids import POINT, Document, Grid, Lines, Paragraph, Records
from .words import NONE


def to_json(score: FileScore) -> dict[str, Any]:
    """Plain data: unknown is None, with the reason."""
    metrics = {}
    for name, value in score.values.items():
        low_high = score.intervals.get(name, Interval(None, None, None))
        facts = {"value": value.value, "reason": value.reason, "low": low_high.low, "high": low_high.high}
        metrics[name] = {**facts, "interval_reason": low_high.reason, "chance": score.chance.get(name)}
    return {
        "file": score.name,
        "classes": list(score.classes),
        "n": score.n,
        "n_outside": score.n_outside,
        "n_speakers": score.n_speakers,
        "metrics": metrics,
        "per_class": _plain(score.per_class),
        "per_speaker": _plain(score.per_speaker),
        "groups": {
            g.column: {**{k: v for k, v in asdict(g).items() if k in ("worst", "gap")}, "table": _plain(g.table)}
            for g in score.groups
        },
        "notes": list(score.notes),
    }


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = table.astype(object).to_dict("records")
    return [{k: None if v in ("", None) or pd.isna(v) else v for k, v in line.items()} for line in lines]


def document(scores: Sequence[FileScore], tests: Sequence[Comparison] = ()) -> Document:
    """Each file, the tests of the first against the second, and what metrics are also called."""
    compared = comparison_text.document(tests)
    return Document(
        text=lambda width: [
            *(paragraph for one in scores for paragraph in _paragraphs(one)),
            *(compared.text(width) if tests else ()),
            (Lines((legend(),)),),
        ],
        records=lambda: records(scores),
        data=lambda: {"files": [to_json(one) for one in scores], "comparison": comparison_text.to_json(tests)},
        ascii=True,
    )


def records(scores: Sequence[FileScore]) -> Records:
    """A row per file and metric, as numbers."""
    parts = ("value", "low", "high", "chance", "reason", "interval_reason")
    rows = []
    for one in scores:
        for name, facts in to_json(one)["metrics"].items():
            rows.append((one.name, name, *("" if facts[part] is None else facts[part] for part in parts)))
    return Records(("file", "metric", *parts), tuple(rows))


def _paragraphs(score: FileScore) -> list[Paragraph]:
    head = f"{score.name}: {score.n} rows, {len(score.classes)} classes, {score.n_speakers or 'unknown'} speakers"
    shares = [name for name in score.values if EVERY[name].range[1] <= 1]
    others = [name for name in score.values if name not in shares]
    grids = [_metrics(score, shares, "in %", 100, 1), _metrics(score, others, "0 to 2", 1, 2)]
    grids.append(_classes(score.per_class))
    grids += [_group(g) for g in score.groups]
    spread = [_speakers(score.per_speaker)] if len(score.per_speaker) > 1 else []
    notes = list(score.notes)
    notes += sorted({f"no interval: {i.reason}" for i in score.intervals.values() if i.reason})
    notes += sorted({f"no {', no '.join(PROBABILITY_METRICS)}: {v.reason}" for v in score.values.values() if v.reason})
    return [
        (Lines((head,), whole=True),),
        *((grid,) for grid in grids),
        (Lines(tuple(spread), whole=True),),
        (Lines(tuple(notes), POINT, 2),),
    ]


def _metrics(score: FileScore, names: Sequence[str], unit: str, scale: int, digits: int) -> Grid:
    """A line for each of the metrics, their values times ``scale``."""
    lines = []
    for name in names:
        value, between = score.values[name].value, score.intervals.get(name, Interval(None, None, None))
        number = NONE if value is None else f"{scale * value:.{digits}f}"
        chance = f"{scale * score.chance[name]:.{digits}f}"
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


def legend() -> str:
    """The other names of every metric, once."""
    return " ".join(f"{m.title} is also called {', '.join(m.aliases)}." for m in EVERY.values())


def _speakers(table: pd.DataFrame) -> str:
    """The spread over speakers in a line."""
    worst, best = table.iloc[0], table.iloc[-1]
    middle, sd = table["score"].median(), table["score"].std(ddof=1)
    return (
        f"UAR by speaker: worst {100 * worst.score:.1f} ({worst.speaker}), median {100 * middle:.1f}, "
        f"best {100 * best.score:.1f} ({best.speaker}), sd {100 * sd:.1f}"
    )


def _classes(table: pd.DataFrame) -> Grid:
    rows = []
    for line in table.itertuples():
        values = (NONE if np.isnan(v) else f"{100 * v:.1f}" for v in (line.recall, line.precision, line.f1))
        recall, *others = values
        rows.append((line.label, str(line.n), recall, _bounds(line.recall_low, line.recall_high), *others))
    return Grid("", ("class", "rows", "recall", "95 % interval", "precision", "F1"), tuple(rows), left=1)


def _group(g: Groups) -> Grid:
    rows = []
    for line in g.table.itertuples():
        name = f"{line.group} (worst)" if line.group == g.worst else line.group
        rows.append((name, str(line.n), str(line.n_speakers), f"{100 * line.score:.1f}", _bounds(line.low, line.high)))
    return Grid("", (g.column, "rows", "speakers", "UAR", "95 % interval"), tuple(rows), left=1)
