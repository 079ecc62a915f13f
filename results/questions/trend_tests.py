"""Whether scores rise along levels: those named, those of each factor of a sweep, or noise from strong to mild."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from ..evidence.arms import number
from ..evidence.results import TWO_WAYS
from ..statistics.many_models import page_trend
from ..statistics.uncertainty import Term, contrast
from .answer_lines import AnswerLine, Question, of_contrast
from .block_tests import BlockDesign, designs, exchangeable
from .sweeps import arms_along, grid_of_group

NO_ORDER = "no order: name the levels from low to high with --levels"
WORDS = "levels are words: name their order"


@dataclass(frozen=True)
class Ascent:
    """Levels from low to high, each with the members whose mean it is; ``both``: whether scores might fall as well."""

    design: BlockDesign
    what: str
    levels: Mapping[str, Sequence[str]]
    both: bool = False


def trend(question: Question) -> list[AnswerLine]:
    """The straight line of least squares through the scores of the levels, equally far apart: its rise, two-sided."""
    return [_slope(question, x) if isinstance(x, Ascent) else x for x in _ascents(question)]


def page(question: Question) -> list[AnswerLine]:
    """Page's test over blocks that are exchangeable; of a factor either way."""
    lines = []
    for x in _ascents(question):
        if isinstance(x, AnswerLine):
            lines.append(x)
            continue
        names = list(x.levels)
        lines.append(_page(question, x, names, f"{x.what}, rising" if x.both else x.what))
        if x.both:
            lines.append(_page(question, x, names[::-1], f"{x.what}, falling"))
    return lines


def _ascents(question: Question) -> list[Ascent | AnswerLine]:
    """The levels named; else those of each factor of a sweep; else of each kind of condition, strong to mild."""
    several = question.records[["arm", "condition"]].nunique()
    if question.levels or several["arm"] > 1 or several["condition"] == 1:
        every = list(_of_kind(question, None))
        reasons = {x.reason if isinstance(x, AnswerLine) else "" for x in every}
        if question.levels or several["condition"] == 1 or not reasons <= {NO_ORDER, WORDS}:
            return every
    return list(_of_kind(question, "conditions"))


def _of_kind(question: Question, kind: str | None) -> Iterator[Ascent | AnswerLine]:
    for design, line in designs(question, kind):
        if design is None:
            yield line
        elif question.levels:
            yield Ascent(design, " < ".join(design.names), {name: [name] for name in design.names})
        elif design.group.kind == "conditions":
            yield from _severity(design)
        else:
            yield from _factors(design)


def _factors(design: BlockDesign) -> Iterator[Ascent | AnswerLine]:
    grid = grid_of_group(design.group)
    if grid is None:
        yield AnswerLine(design.where, " / ".join(design.names), units="blocks", unit="", reason=NO_ORDER)
        return
    arms = {result.arm: name for result, name in zip(design.group.members, design.names, strict=True)}
    for factor, names in grid.factors.items():
        if any(number(name) is None for name in names):
            yield AnswerLine(design.where, factor, units="blocks", unit="", reason=WORDS)
            continue
        levels = {level: [arms[a] for a in of] for level, of in arms_along(grid, factor, arms).items()}
        shown = list(levels)
        others = ", others averaged" if len(grid.factors) > 1 else ""
        yield Ascent(design, f"along {factor} {shown[0]} … {shown[-1]}{others}", levels, both=True)


def _severity(design: BlockDesign) -> Iterator[Ascent]:
    """From the strongest level of each kind of condition to the mildest, and to clean: scores are expected to rise."""
    kinds: dict[str, list[str]] = {}
    for setup in (result.setup for result in design.group.members):  # mild before strong
        if setup.level is not None and setup.kind not in TWO_WAYS:
            kinds.setdefault(setup.kind, []).append(setup.condition)
    clean = ["clean"] if "clean" in design.names else []
    for names in kinds.values():
        order = [*names[::-1], *clean]
        if len(order) > 2:
            yield Ascent(design, f"rises {order[0]} … {order[-1]}", {name: [name] for name in order})


def _slope(question: Question, x: Ascent) -> AnswerLine:
    """Last minus first of the straight line, over speakers and trainings."""
    n = len(x.levels)
    if n < 2:
        return AnswerLine(x.design.where, x.what, reason=f"{n} level: a trend needs two or more")
    centered = np.arange(n) - (n - 1) / 2
    weights = centered * (n - 1) / (centered**2).sum() / len(x.design.sides)
    terms: list[Term] = []
    for part in x.design.sides:
        of = dict(zip(x.design.names, part, strict=True))
        for weight, members in zip(weights, x.levels.values(), strict=True):
            terms += [(float(weight) / len(members), of[name].parts) for name in members]
    note = f"rise of the straight line over {n} levels, equally far apart"
    return of_contrast(x.design.where, x.what, contrast(terms, question.metric), question.level, note)


def _page(question: Question, x: Ascent, order: Sequence[str], what: str) -> AnswerLine:
    table = x.design.scores()
    means = {level: table[list(x.levels[level])].mean(axis=1, skipna=False) for level in order}
    values = np.round(pd.DataFrame(means).to_numpy(float), 12)  # equal scores are ties
    found = page_trend(values, question.level)
    reason = found.reason or exchangeable(x.design) or ""
    rank, note = None, ""
    if found.L is not None and not reason:
        places = np.arange(values.shape[1])
        each = [scipy.stats.spearmanr(places, line).statistic for line in values if np.ptp(line) > 0]
        rank = float(np.mean(each)) if each else 0.0
        about = "; of these trained models" if x.design.group.kind == "conditions" else ""
        note = f"L = {found.L:g}; estimate: mean rank correlation by block{about}"
    return AnswerLine(
        x.design.where, what, rank, p=None if reason else found.p, n=found.n_blocks, units="blocks", unit="",
        reason=reason, note=note,
    )  # fmt: skip
