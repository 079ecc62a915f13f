"""Lines of a leaderboard, as pictures, LaTeX and the page share them: which scores, in what order, with what heads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..evidence.scores import Score
from ..statistics.metrics import beside
from .grids import Grid
from .words import DAGGER, headline, percent, sized, where

MOST_LINES = 48  # scores in one picture or table


def under(score: Score) -> str:
    """Protocol, label map and leaks of a score."""
    leaks = f", LEAK: {', '.join(score.leaks)} shared" if score.leaks else ""
    return f"{score.protocol}, label map {score.label_map}{leaks}"


def size(scores: Sequence[Score]) -> str:
    """Classes, chance, utterances and speakers of scores on the same test."""
    scored = next((s for s in scores if s.classes), scores[0])
    chance = f"{len(scored.classes)} classes, chance {percent(scored.chance)} %"
    counts = sized(scores, "utterances")
    return f"{chance}, n = {counts}" if counts else chance


@dataclass(frozen=True)
class BoardLine:
    """A line of a leaderboard: a heading (without score) or a score."""

    text: str
    score: Score | None = None


def lines_of(scores: Sequence[Score]) -> list[BoardLine]:
    """A heading per train and test, below it its scores, the best first."""
    lines = []
    for _, part in groupby(scores, key=lambda s: (s.train, s.test, s.condition)):
        section = sorted(part, key=lambda s: -(s.metrics["uar"].mean or 0))
        condition = "" if section[0].condition == "clean" else f", {section[0].condition}"
        lines += [BoardLine(f"{where(section[0])}{condition}: {size(section)}")]
        lines += [BoardLine(s.label + ("*" if s.n_done < s.n_cells else ""), s) for s in section]
    return lines


def blocks(scores: Sequence[Score]) -> list[list[Score]]:
    """Scores of one protocol, label map and set of leaks."""
    return [list(part) for _, part in groupby(scores, key=lambda s: (s.protocol, s.label_map, s.leaks))]


def first_condition(block: Sequence[Score]) -> list[Score]:
    """The scores under the first condition of each train and test: clean, where there is any."""
    first: dict[tuple[str, str], str] = {}
    for s in block:
        first.setdefault((s.train, s.test), s.condition)
    return [s for s in block if s.condition == first[s.train, s.test]]


def chunks(scores: Sequence[Score]) -> Iterator[list[Score]]:
    """Whole groups of train and test, as many as one picture or table takes."""
    chunk: list[Score] = []
    for _, part in groupby(scores, key=lambda s: (s.train, s.test)):
        group = list(part)
        if chunk and len(chunk) + len(group) > MOST_LINES:
            yield chunk
            chunk = []
        chunk += group
    if chunk:
        yield chunk


def board(scores: Sequence[Score], part: int = 1) -> Grid:
    """The scores of one protocol, label map and set of leaks as a table, best first in each group.

    ``part``: which of the tables of these scores it is, from 1; no two share a label.
    """
    rows: list[tuple[str, ...]] = []
    for line in lines_of(scores):
        s = line.score
        if s is None:
            rows.append((line.text,))
            continue
        uar = s.metrics["uar"]
        spread = (percent(uar.sd), percent(uar.sd_folds), percent(uar.sd_speakers))
        others = (percent(s.metrics[metric.name].mean) for metric in beside(narrow=True))
        rows.append((line.text, headline(s), *spread, *others, f"{s.n_folds} × {s.n_seeds}"))
    names = (metric.column for metric in beside(narrow=True))
    header = ("model", "UAR", "sd seeds", "folds", "speakers", *names, "folds × seeds")
    methods = "; ".join(sorted({s.interval_method for s in scores if s.interval_method}, key=str.casefold))
    how = f" with its 95 % interval, {methods}" if methods else ""
    partial = " * Not all cells are done." if any(s.n_done < s.n_cells for s in scores) else ""
    dagger = f" {DAGGER} Not trained." if any(s.not_trained for s in scores) else ""
    caption = f"{under(scores[0])}. In %: UAR{how}, its deviation over seeds, folds and speakers.{partial}{dagger}"
    label = "-".join((scores[0].protocol, scores[0].label_map, *scores[0].leaks, *([str(part)] if part > 1 else [])))
    return Grid("", header, tuple(rows), caption=caption, label=label)


def boards(scores: Sequence[Score]) -> list[Grid]:
    """Tables of every protocol, label map and set of leaks, of a page at most; of conditions only the first."""
    parts = [enumerate(chunks(first_condition(block)), 1) for block in blocks(scores)]
    return [board(part, k) for numbered in parts for k, part in numbered]
