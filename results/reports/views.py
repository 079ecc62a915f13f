"""What the page shows beside pictures, as plain lists: the leaderboard with tied groups, failures, commands."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..evidence.evidence import Evidence
from ..evidence.members import Member
from ..evidence.scores import Score
from ..statistics.metrics import METRICS
from ..statistics.order import order_models
from ..text.boards import blocks, first_condition, lines_of, size, under
from ..text.forms.csv import lines
from ..text.grids import Records
from ..text.words import percent, where

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LEVEL = 0.05
TIED_RULE = (
    "Models that share a letter in the column tied are not told apart: t of the difference of their scores over test "
    "speakers and trainings, corrected by Holm over all pairs of the table, at 5 %."
)


@dataclass(frozen=True)
class Section:
    """The scores of one train and test under its first condition, best first, with their tied groups."""

    title: str
    facts: str
    lines: tuple[tuple[Score, str], ...]
    remark: str


def sections(scores: Sequence[Score], members: Sequence[Member]) -> list[Section]:
    """The leaderboard."""
    of = {id(m.score): m for m in members}
    parts = []
    for block in blocks(scores):
        chosen = first_condition(block)
        for train, test in dict.fromkeys((s.train, s.test) for s in chosen):
            part = [s for s in chosen if (s.train, s.test) == (train, test)]
            ordered = [line.score for line in lines_of(part) if line.score]
            groups, remark = tied([of[id(s)] for s in ordered if id(s) in of])
            condition = "" if part[0].condition == "clean" else f", {part[0].condition}"
            facts = size(part) if any(s.n_done for s in part) else "nothing is finished yet"
            lines = tuple((s, groups.get(id(s), "")) for s in ordered)
            parts.append(Section(f"{where(part[0])}{condition}: {under(part[0])}", facts, lines, remark))
    return parts


def tied(ordered: Sequence[Member]) -> tuple[dict[int, str], str]:
    """Letters by score: models that share one are not told apart, and how that was decided, or why it was not."""
    usable = [m for m in ordered if m.score.n_done == m.score.n_cells and m.score.n_speakers]
    if len(usable) < 2:
        return {}, "No tied groups: fewer than two models are complete."
    if "speaker" in usable[0].score.leaks:
        return {}, "No tied groups: speakers are in training, so they are no independent units."
    if len({(m.basis, m.speakers) for m in usable}) > 1:
        return {}, "No tied groups: the models were not tested on the same rows."
    found = order_models([[m.parts for m in usable]], [m.score.label for m in usable], METRICS["uar"], 1 - LEVEL)
    if found.reason:
        return {}, f"No tied groups: {found.reason}."
    of = {m.score.label: id(m.score) for m in usable}
    letters: dict[int, str] = dict.fromkeys(of.values(), "")
    alone = [k for k in range(len(usable)) if not any(first <= k <= last for first, last in found.groups)]
    for k, (first, last) in enumerate(sorted([*found.groups, *((k, k) for k in alone)])):
        for place in range(first, last + 1):
            letters[of[found.models[place]]] += LETTERS[min(k, 25)]
    return letters, TIED_RULE


def failures(evidence: Evidence) -> list[dict[str, Any]]:
    """Every failed cell with the last line of its traceback, and the whole."""
    failed = evidence.records[evidence.records["status"] == "failed"]
    lines = []
    for r in failed.itertuples(index=False):
        error = (r.error or "no traceback").strip()
        facts = {
            n: getattr(r, n) for n in ("protocol", "model", "arm", "train", "test", "fold", "seed", "condition", "key")
        }
        lines.append({**facts, "reason": error.splitlines()[-1], "traceback": error})
    return lines


def environments(evidence: Evidence) -> list[tuple[str, str, int]]:
    """(fact, value, records) of where the records were made."""
    counts: Counter[tuple[str, str]] = Counter()
    for r in evidence.records.itertuples(index=False):
        facts = {**r.environment, "device of training and test": r.device, "precision": r.precision}
        counts.update((name, str(value)) for name, value in facts.items() if value)
    names = list(dict.fromkeys(name for name, _ in counts))
    return [(n, v, k) for name in names for (n, v), k in sorted(counts.items()) if n == name]


def corpora(evidence: Evidence) -> list[tuple[str, str, int | None, int | None]]:
    """(corpus, fingerprint, utterances, speakers) of everything that was trained or tested on."""
    marks = dict.fromkeys((name, mark) for data in evidence.records["data"] for name, mark in data.items())
    tables = dict(tuple(evidence.clips.groupby("corpus", sort=False)))
    lines: list[tuple[str, str, int | None, int | None]] = []
    for name, mark in sorted(marks):
        table: pd.DataFrame | None = tables.get(name)
        counts = (None, None) if table is None else (len(table), int(table["speaker"].nunique()))
        lines.append((name, mark, *counts))
    return lines


def coverage(evidence: Evidence) -> list[dict[str, Any]]:
    """What became of every native class, per protocol; each line once."""
    lines = {}
    for command in evidence.commands:
        for line in command.facts.get("coverage", ()):
            protocol = command.facts.get("protocol", "")
            lines[repr((protocol, line))] = {"protocol": protocol, "label_map": "", **line}
    return list(lines.values())


def commands(evidence: Evidence) -> list[dict[str, str]]:
    """The commands as they were typed, each with its protocol in words."""
    lines = []
    for command in evidence.commands:
        facts = command.facts
        protocol = f"{facts.get('protocol', '')}, version {facts.get('protocol_version', 'unknown')}"
        lines.append(
            {"run": command.run, "command": command.text, "protocol": protocol, "summary": facts.get("summary", "")}
        )
    return lines


def speakers_csv(members: Sequence[Member]) -> str:
    """One line per score and test speaker, UAR in [0, 1]."""
    frames = [
        pd.DataFrame(
            {
                "protocol": m.score.protocol, "model": m.score.label, "train": m.score.train, "test": m.score.test,
                "condition": m.score.condition, "label_map": m.score.label_map, "speaker": m.speakers,
                "uar": np.round(m.by_speaker, 6),
            }
        )
        for m in members
    ]  # fmt: skip
    columns = ["protocol", "model", "train", "test", "condition", "label_map", "speaker", "uar"]
    table = pd.concat([pd.DataFrame(columns=columns), *frames])[columns]
    return lines(Records(tuple(columns), tuple(table.itertuples(index=False, name=None))))


def bar(score: Score) -> dict[str, str] | None:
    """Positions in percent of the small bar beside a score: mean, interval, chance."""
    uar = score.metrics["uar"]
    if uar.mean is None:
        return None
    low, high = (uar.mean if x is None else x for x in (uar.low, uar.high))
    values = {"mean": uar.mean, "low": low, "width": high - low, "chance": score.chance or 0}
    return {name: percent(value) for name, value in values.items()}
