"""Where the spread of scores comes from: a line per model."""

from collections.abc import Sequence

from ...errors import named
from ..questions.descriptions import SpreadLine
from ..statistics.metrics import Metric
from .grids import Grid
from .words import NONE

HEADER = (
    "tested on", "model", "{metric} [95 %]", "sd over\nseeds", "sd over\nfolds", "sd over\nspeakers",
    "part of\nspeakers", "part of\nfolds", "part of\nseeds", "the rest", "seeds", "speakers",
)  # fmt: skip
ABOUT = (
    "In %, and in points. sd: of the pooled score over seeds, and of the scores of folds and of speakers, averaged "
    "over seeds. Parts: the deviations over speakers taken apart; they add up as squares; – where the design does not "
    "tell them apart."
)


def grid(lines: Sequence[SpreadLine], metric: Metric) -> Grid:
    """The numbers of every model."""
    header = tuple(name.format(metric=metric.title) for name in HEADER)
    return Grid("", header, tuple(map(_row, lines)), left=2, caption=ABOUT, label="spread")


def notes(lines: Sequence[SpreadLine]) -> list[str]:
    """What is not told apart and why, each once; with the models that it is true of, unless it is true of all."""
    models: dict[str, list[str]] = {}
    for line in lines:
        for text in (*line.spread.components.notes, *filter(None, [line.interval.reason])):
            models.setdefault(text, []).append(f"{line.result.label} on {line.result.setup.where}")
    every = len({(line.result.label, line.result.setup.where) for line in lines})
    unique = {text: dict.fromkeys(names) for text, names in models.items()}
    return [text if len(names) == every else f"{text} ({named(names, 4)})" for text, names in unique.items()]


def _row(line: SpreadLine) -> tuple[str, ...]:
    s, c, i = line.spread, line.spread.components, line.interval
    bounds = "" if i.low is None or i.high is None else f" [{100 * i.low:.1f}, {100 * i.high:.1f}]"
    parts = (v if v is None else v**0.5 for v in (c.speaker, c.fold, c.seed, c.rest))
    numbers = (s.sd_seeds, s.sd_folds, s.sd_speakers, *parts)
    texts = (NONE if x is None else f"{100 * x:.1f}" for x in numbers)
    return (line.where, line.result.label, f"{100 * s.mean:.1f}{bounds}", *texts, str(s.n_seeds), str(s.n_speakers))
