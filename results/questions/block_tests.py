"""Tests of three or more arms, models or conditions at once: speakers are the blocks, seeds are averaged first.

Ranks and trends may have test corpora as blocks instead; each counts once, whatever it was trained on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..evidence.arms import ArmGrid, number
from ..evidence.contestants import Group
from ..evidence.results import TWO_WAYS
from ..evidence.sides import Side, why_unpaired
from ..statistics.many_models import interquartile_mean, page_trend, probability_of_improvement, rank_models
from ..statistics.speakers import unit_scores
from .answer_lines import AnswerLine, Block, Question, of_interval
from .sweeps import along, grid_of_group

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NO_ORDER = "no order: name the levels from low to high with --levels"
WORDS = "levels are words: name their order"


@dataclass(frozen=True)
class BlockDesign:
    """Groups of the same members, on several test corpora: their speakers together are the blocks, or they are."""

    group: Group  # the first
    where: str
    sides: tuple[tuple[Side, ...], ...]  # by corpus, then by member
    blocks: Block = "speaker"

    @property
    def names(self) -> tuple[str, ...]:
        """Of the members."""
        return self.group.names

    def scores(self) -> pd.DataFrame:
        """Scores by block (lines) and member (columns)."""
        return self.joined([{n: self._of(s) for n, s in zip(self.names, part, strict=True)} for part in self.sides])

    def along(self, grid: ArmGrid, factor: str) -> pd.DataFrame:
        """Scores by block (lines) and level of a factor (columns)."""
        return self.joined([along(grid, factor, {s.result.arm: self._of(s) for s in part}) for part in self.sides])

    def joined(self, parts: Sequence[Mapping[str, pd.Series] | pd.DataFrame]) -> pd.DataFrame:
        """Of all corpora; a corpus that is tested after several trainings is one block, their mean."""
        table = pd.concat([pd.DataFrame(part) for part in parts])
        return table.groupby(level=0).mean() if self.blocks == "corpus" else table

    def _of(self, one: Side) -> pd.Series:
        return pd.Series({one.result.setup.test: one.pooled}) if self.blocks == "corpus" else one.by_speaker

    @property
    def units(self) -> str:
        """What the blocks are called."""
        return "speakers" if self.blocks == "speaker" else "corpora"

    def runs(self, member: int) -> np.ndarray:
        """Scores (speakers, runs) of one member, a run is a seed and repeat; NaN where a corpus has fewer runs."""
        tables = []
        for part in self.sides:
            one = part[member]
            scores = unit_scores(one.rows, one.result.classes, one.metric, "speaker")
            tables.append(scores.pivot_table("score", "speaker", ["seed", "repeat"], dropna=False).to_numpy(float))
        least = min(table.shape[1] for table in tables)
        return np.concatenate([table[:, :least] for table in tables])


def designs(question: Question, kind: str | None = None) -> Iterator[tuple[BlockDesign | None, AnswerLine]]:
    """What can be ranked, and a line that names it; without, the reason in the line."""
    alike: dict[tuple[object, ...], list[Group]] = {}
    for group in question.groups("conditions" if kind == "conditions" else None):
        t = group.setup
        own = () if t.train == t.test or question.blocks == "corpus" else (t.train, t.test)
        key = (group.kind, group.about, t.protocol, t.label_map, t.condition, group.names, own)
        alike.setdefault(key, []).append(group)
    for groups in alike.values():
        first = groups[0]
        sides = [tuple(question.side(e) for e in group.members) for group in groups]
        corpora = ", ".join(group.setup.where for group in groups)
        condition = "" if first.setup.condition == "clean" or first.kind == "conditions" else first.setup.condition
        where = ", ".join(filter(None, (corpora, condition, first.about)))
        reason = next((r for part in sides if (r := _why_not(part, question.blocks))), None)
        line = AnswerLine(where, " / ".join(first.names), units="blocks", unit="", reason=reason or "")
        yield (None if reason else BlockDesign(first, where, tuple(sides), question.blocks)), line


def _why_not(part: Sequence[Side], blocks: Block) -> str | None:
    """Why the members on one corpus are not tested on the same rows under the same leaks."""
    first = part[0]
    for one in part:
        e = one.result
        if e.mixed or one.fault:
            return e.mixed or f"{e.label}: {one.fault}"
        if len(e.records) < e.n_cells:
            return f"{e.label} has {len(e.records)} of {e.n_cells} cells"
        if e.setup.leaks != first.result.setup.leaks:
            return "they leak differently: ask for the effect of protocol (protocol-effect)"
        conditions = e.setup.condition != first.result.setup.condition
        if e.classes != first.result.classes or (reason := None if conditions else why_unpaired(first, one)):
            return f"{e.label}: {reason if e.classes == first.result.classes else 'other classes'}"
    if blocks == "corpus":
        return None
    if first.rows["speaker"].isna().any():
        return f"the speaker of {int(first.rows['speaker'].isna().sum())} rows is unknown"
    return "speakers are in training: they are no independent blocks" if "speaker" in first.result.setup.leaks else None


def friedman(question: Question) -> list[AnswerLine]:
    """Friedman's test of all being equal, mean ranks with tied groups, and Nemenyi's test against the base."""
    lines = []
    for design, line in designs(question):
        if design is None:
            lines.append(line)
            continue
        table = design.scores()
        ranking = rank_models(table.to_numpy(float), design.names, question.level)
        n = ranking.n_blocks
        chi2 = "" if ranking.chi2 is None else f"chi² {ranking.chi2:.2f}, {ranking.df} degrees of freedom"
        lines.append(
            AnswerLine(
                design.where, "all are equal", p=ranking.friedman_p, n=n, units=design.units, unit="",
                reason=ranking.reason or "", note=chi2,
            )
        )  # fmt: skip
        if ranking.reason is None:
            lines += _ranks(design, ranking.models, ranking.ranks, ranking.groups, n)
            lines += _against(design, ranking.models, ranking.ranks, ranking.p, n)
    return lines


def _ranks(
    design: BlockDesign, models: Sequence[str], ranks: Sequence[float], groups: Sequence[tuple[int, int]], n: int
) -> Iterator[AnswerLine]:
    for k, (name, rank) in enumerate(zip(models, ranks, strict=True)):
        tied = "".join(LETTERS[min(g, 25)] for g, (first, last) in enumerate(groups) if first <= k <= last)
        note = f"not told apart from others in group {tied}" if tied else "told apart from all others"
        yield AnswerLine(design.where, f"mean rank of {name}", rank, n=n, units=design.units, unit="rank", note=note)


def _against(
    design: BlockDesign, models: Sequence[str], ranks: Sequence[float], p: np.ndarray | None, n: int
) -> Iterator[AnswerLine]:
    """Nemenyi against the base, whose p holds for all pairs already."""
    base = None if design.group.base is None else design.group.name(design.group.base)
    if base is None or p is None:
        return
    at = models.index(base)
    for k, name in enumerate(models):
        if k != at:
            corrected = float(p[k, at])
            yield AnswerLine(
                design.where, f"{name} − {base}", ranks[k] - ranks[at], p=corrected, holm=corrected, n=n,
                units=design.units, unit="rank", note="Nemenyi, corrected for all pairs",
            )  # fmt: skip


def page(question: Question) -> list[AnswerLine]:
    """Page's test that scores rise along levels.

    The levels named; else those of each factor of a sweep, either way; else, arm by arm, those of each kind of
    condition from strong to mild.
    """
    several = question.records[["arm", "condition"]].nunique()
    if question.levels or several["arm"] > 1 or several["condition"] == 1:
        lines = _trends(question)
        if question.levels or several["condition"] == 1 or not {line.reason for line in lines} <= {NO_ORDER, WORDS}:
            return lines
    return _trends(question, "conditions")


def _trends(question: Question, kind: str | None = None) -> list[AnswerLine]:
    lines = []
    for design, line in designs(question, kind):
        if design is None:
            lines.append(line)
        elif question.levels:
            order = list(design.names)
            lines.append(_trend(design, design.scores()[order], " < ".join(order), question.level))
        elif design.group.kind == "conditions":
            lines += _severity(design, question.level)
        else:
            lines += _factors(design, question.level)
    return lines


def _factors(design: BlockDesign, level: float) -> Iterator[AnswerLine]:
    grid = grid_of_group(design.group)
    if grid is None:
        yield AnswerLine(design.where, " / ".join(design.names), units="blocks", unit="", reason=NO_ORDER)
        return
    for factor, levels in grid.factors.items():
        table = design.along(grid, factor)
        shown = [str(name) for name in table.columns]
        if any(number(name) is None for name in levels):
            yield AnswerLine(design.where, factor, units="blocks", unit="", reason=WORDS)
            continue
        others = len(grid.factors) > 1
        for columns, sign in ((shown, "rises"), (shown[::-1], "falls")):
            what = f"{sign} along {factor} {shown[0]} … {shown[-1]}" + (", others averaged" if others else "")
            yield _trend(design, table[columns], what, level)


def _severity(design: BlockDesign, level: float) -> Iterator[AnswerLine]:
    """From the strongest level of each kind of condition to the mildest: scores are expected to rise."""
    table = design.scores()
    kinds: dict[str, list[str]] = {}
    for setup in (result.setup for result in design.group.members):  # mild before strong
        if setup.level is not None and setup.kind not in TWO_WAYS:
            kinds.setdefault(setup.kind, []).append(setup.condition)
    clean = ["clean"] if "clean" in design.names else []
    for names in kinds.values():
        order = [*names[::-1], *clean]
        if len(order) > 2:
            yield _trend(design, table[order], f"rises {order[0]} … {order[-1]}", level)


def _trend(design: BlockDesign, table: pd.DataFrame, what: str, level: float) -> AnswerLine:
    values = np.round(table.to_numpy(float), 12)  # equal scores are ties
    trend = page_trend(values, level)
    rank = None
    if trend.L is not None:
        ordered = np.arange(values.shape[1])
        each = [stats.spearmanr(ordered, line).statistic for line in values if np.ptp(line) > 0]
        rank = float(np.mean(each)) if each else 0.0
    note = "" if trend.L is None else f"L = {trend.L:g}; estimate: mean rank correlation by block"
    return AnswerLine(
        design.where, what, rank, p=trend.p, n=trend.n_blocks, units="blocks", unit="", reason=trend.reason or "",
        note=note,
    )  # fmt: skip


def improvement(question: Question) -> list[AnswerLine]:
    """The chance that a run of the one beats a run of the other on a speaker, with its interval."""
    lines = []
    for design, line in designs(question):
        if design is None:
            lines.append(line)
            continue
        from .pair_tests import chosen, named

        t = design.group.setup
        for one, two in chosen(design.group):
            rng = question.rng_for(t.protocol, t.train, t.test, t.label_map)
            estimate = probability_of_improvement(design.runs(one), design.runs(two), rng)
            n = len(design.runs(one))
            what = f"{named(design.group, one, two)}: chance of improvement"
            lines.append(of_interval(design.where, what, estimate.value, estimate.interval, n))
    return lines


def middle_means(question: Question) -> list[AnswerLine]:
    """The mean of the middle half of all scores of speakers and seeds, with its interval."""
    lines = []
    for design, line in designs(question):
        if design is None:
            lines.append(line)
            continue
        t = design.group.setup
        for k, name in enumerate(design.names):
            runs = design.runs(k)
            estimate = interquartile_mean(runs, question.rng_for(t.protocol, t.train, t.test, t.label_map))
            lines.append(of_interval(design.where, name, estimate.value, estimate.interval, len(runs)))
    return lines
