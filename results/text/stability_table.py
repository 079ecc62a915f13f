"""How many answers stay the same under `perturb`, as a table below that of the scores."""

from collections.abc import Sequence
from itertools import groupby

import pandas as pd
from rich.cells import cell_len

from ..evidence.results import FLOOR
from ..evidence.scores import Value
from ..questions.stability import Stability, stability
from .grids import POINT, Document, Grid, Lines
from .words import NONE, unique, with_interval

PROTOCOL = "perturb"
TITLE = "Answers that stay the same, in %"
MEANING = "the same: of the answers to the clean audio, by row, fold and seed; 95 % interval as of scores"


def document(records: pd.DataFrame, predictions: pd.DataFrame) -> Document:
    """A table per train and test, then how to read it; nothing where no answers are to be compared."""
    shares = of_perturb(records, predictions)
    return Document(lambda width: [*((grid,) for grid in grids(shares, width)), (_notes(shares),)])


def of_perturb(records: pd.DataFrame, predictions: pd.DataFrame) -> list[Stability]:
    """`stability` of the cells of the protocol perturb."""
    cells = records[records["protocol"] == PROTOCOL]
    shares = stability(cells, predictions[predictions["key"].isin(cells["key"])])
    return sorted(shares, key=lambda s: (s.setup.under(), s.setup.order))


def grids(shares: Sequence[Stability], width: int | None) -> list[Grid]:
    """A grid per train and test, conditions down and models across, as many as ``width`` takes."""
    tables = []
    for _, part in groupby(shares, key=lambda s: s.setup.under()):
        section = list(part)
        conditions, labels = unique(s.setup.condition for s in section), unique(s.label for s in section)
        floor = {s.label for s in section if s.role == FLOOR}
        labels.sort(key=lambda label: (label not in floor, label))
        cells = {(s.setup.condition, s.label): said(s) for s in section}
        room = max(18, *map(cell_len, labels)) + 2
        step = len(labels) if width is None else max(1, (width - max(map(cell_len, conditions))) // room)
        n = max(s.n_clean for s in section)
        title = f"{TITLE}; {section[0].setup.where}, {n} answers"
        for k in range(0, len(labels), step):
            chosen = labels[k : k + step]
            rows = tuple((c, *(cells.get((c, label), NONE) for label in chosen)) for c in conditions)
            tables.append(Grid(title, ("condition", *chosen), rows, left=1 + len(chosen)))
    return tables


def said(s: Stability) -> str:
    """Share and interval in percent, starred where answers are missing.

    >>> from ..statistics.speakers import Interval
    >>> said(Stability(("perturb", "a", "a", "inverted", "native", ()), "m", 90, 100, 0.985, Interval(0.97, 1.0, "")))
    '98.5 [97.0, 100.0]*'
    """
    return with_interval(Value(s.share, None, s.interval.low, s.interval.high)) + ("*" if s.n < s.n_clean else "")


def _notes(shares: Sequence[Stability]) -> Lines:
    """What was compared; why intervals are not there, each reason once; what the star means."""
    reasons = unique(s.interval.reason for s in shares if s.interval.reason)
    missing = ["* some answers are not there yet"] if any(s.n < s.n_clean for s in shares) else []
    meaning = [MEANING] if shares else []
    return Lines((*meaning, *(f"no interval: {reason}" for reason in reasons), *missing), POINT, whole=True)
