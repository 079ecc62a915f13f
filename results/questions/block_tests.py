"""Three or more arms, models or conditions at once: their order by score, and ranks over speakers or corpora.

A corpus as a block counts once, whatever it was trained on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..evidence.contestants import Group
from ..evidence.sides import Side, why_unpaired
from ..statistics.many_models import interquartile_mean, probability_of_improvement, rank_models
from ..statistics.order import order_models
from ..statistics.speakers import unit_scores
from .answer_lines import AnswerLine, Block, Question, of_contrast, of_interval

LETTERS = "abcdefghijklmnopqrstuvwxyz"


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


def exchangeable(design: BlockDesign) -> str | None:
    """Why equal members would not be ranked at random in every block, or None.

    Corpora, and speakers with trainings of their own, are such blocks; speakers whom one training scores share its
    luck, unless all members are the same trainings, as conditions are.
    """
    if design.blocks == "corpus" or design.group.kind == "conditions":
        return None
    parts = [one.parts for side in design.sides for one in side if not one.parts.fixed]
    if all(len(pd.unique(p.cluster[p.training == t])) == 1 for p in parts for t in pd.unique(p.training)):
        return None
    return "one training scores several speakers, whose ranks share its luck: they are a description (test order)"


def friedman(question: Question) -> list[AnswerLine]:
    """Mean ranks over blocks; where these are exchangeable, Friedman's test and Nemenyi's against the base."""
    lines = []
    for design, line in designs(question):
        if design is None:
            lines.append(line)
            continue
        table = design.scores()
        ranking = rank_models(table.to_numpy(float), design.names, question.level)
        n, reason = ranking.n_blocks, ranking.reason or exchangeable(design) or ""
        p = None if reason else ranking.friedman_p
        chi2 = "" if ranking.chi2 is None or reason else f"chi² {ranking.chi2:.2f}, {ranking.df} degrees of freedom"
        about = "of these trained models" if design.group.kind == "conditions" and not reason else ""
        note = "; ".join(filter(None, (chi2, about)))
        lines.append(
            AnswerLine(
                design.where, "all are equal", p=p, n=n, units=design.units, unit="", reason=reason, note=note
            )
        )  # fmt: skip
        if ranking.reason is None:
            lines += [
                AnswerLine(design.where, f"mean rank of {name}", rank, n=n, units=design.units, unit="rank")
                for name, rank in zip(ranking.models, ranking.ranks, strict=True)
            ]
            if not reason:
                lines += _against(design, ranking.models, ranking.ranks, ranking.p, n)
    return lines


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


def order(question: Question) -> list[AnswerLine]:
    """Scores, best first, with groups that are not told apart, and every pair; over corpora the means of scores."""
    lines = []
    for design, line in designs(question):
        if design is None:
            lines.append(line)
            continue
        found = order_models([[one.parts for one in side] for side in design.sides], design.names, question.metric,
                             question.level)  # fmt: skip
        for k, (name, score) in enumerate(zip(found.models, found.scores, strict=True)):
            tied = "".join(LETTERS[min(g, 25)] for g, (first, last) in enumerate(found.groups) if first <= k <= last)
            note = f"not told apart from others in group {tied}" if tied else "told apart from all others"
            about = "" if found.reason else note
            lines.append(AnswerLine(design.where, name, score, n=found.n_speakers, unit="%", note=about))
        for (one, two), u in found.differences.items():
            what = f"{found.models[one]} − {found.models[two]}"
            lines.append(replace(of_contrast(design.where, what, u, question.level), holm=found.p.get((one, two))))
    return lines


def improvement(question: Question) -> list[AnswerLine]:
    """The chance that a run of the one beats a run of the other on a speaker, with its interval over speakers."""
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
