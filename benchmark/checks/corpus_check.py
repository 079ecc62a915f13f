"""Whether a folder holds a corpus as released, and whether every file of it can be used."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from ...errors import named
from ...protocols.parts.names import persons
from ..audio.bar import Progress
from ..corpora.facts import Facts
from ..corpora.registry import broken, cards, find, read
from ..corpora.releases import ReleaseFile, release
from ..corpora.user_table import ABSENT
from .corpus_contract import FACT_RULES, TABLE_RULES, ContractReading, of_facts, read_twice
from .corpus_faults import judge
from .listening import ClipFile, listen

Severity = Literal["fault", "warning", "note"]


@dataclass(frozen=True, slots=True)
class CorpusLine:
    """One thing that was found. A fault means: not the corpus as released, or clips that cannot be used as they are."""

    severity: Severity
    text: str


@dataclass(frozen=True)
class CorpusReport:
    """What `check` found, faults first."""

    corpus: str
    source: Path | None
    utterances: int | None
    lines: tuple[CorpusLine, ...]

    @property
    def ok(self) -> bool:
        """No fault; warnings and notes do not count."""
        return all(line.severity != "fault" for line in self.lines)

    def to_text(self) -> str:
        """A heading, then a line for each finding."""
        faults = sum(line.severity == "fault" for line in self.lines)
        verdict = "as it should be" if self.ok else f"{faults} {'fault' if faults == 1 else 'faults'}"
        where = "" if self.source is None else f" in {self.source}"
        count = "" if self.utterances is None else f"{self.utterances} utterances, "
        heading = f"{self.corpus}{where}: {count}{verdict}"
        return "\n".join([heading, *(f"  {line.severity:<8} {line.text}" for line in self.lines)])


def check_contract(name: str) -> CorpusReport:
    """What can be asked of a corpus without its files: facts and label maps. Raises InputError for an unknown name."""
    if name in broken():
        return CorpusReport(name, None, None, (CorpusLine("fault", broken()[name]),))
    lines = _of_contract(of_facts(find(name)), with_table=False)
    left = ", ".join(TABLE_RULES)
    lines.append(CorpusLine("note", f"not asked without the files: {left}; give their folder as {name}=DIR"))
    return CorpusReport(name, None, None, tuple(lines))


def check(name: str, source: Path, progress: Progress | None = None, jobs: int | None = None) -> CorpusReport:
    """Ask a corpus for its contract, compare it with what is known about it, and read every audio file.

    ``progress`` is told how many files of how many are read, by ``jobs`` processes (default: one per core). Raises
    InputError where `read` does.
    """
    if name in broken():
        return check_contract(name)
    card = cards().get(name)
    facts = card.facts if card else None
    reading = read_twice(card, source) if card else ContractReading(*read(name, source), [])
    table, notes = reading.table, reading.notes
    lines = _of_contract([*of_facts(card), *reading.broken], with_table=True) if card else []
    if table is None:
        return CorpusReport(name, source, None, tuple(lines))
    lines += [_of_note(note.removeprefix(f"{name}: "), facts) for note in notes]
    released = released_ids(name)
    if facts:
        lines += [CorpusLine(*finding) for finding in compare(table, facts, set(released))]
    else:
        lines += [CorpusLine("warning", line) for line in persons(table)[1]]
        lines.append(CorpusLine("note", _summary(table) + "; nothing is known about this corpus to compare with"))
    tasks = [
        ClipFile(utterance, path, released.get(utterance))
        for utterance, path in zip(table["id"], table["path"], strict=True)
    ]
    lines += [CorpusLine(*finding) for finding in judge(listen(tasks, progress, jobs), table, facts, released)]
    order: tuple[Severity, ...] = ("fault", "warning", "note")
    return CorpusReport(name, source, len(table), tuple(sorted(lines, key=lambda line: order.index(line.severity))))


def _of_contract(broken_rules: list[tuple[str, str]], *, with_table: bool) -> list[CorpusLine]:
    if broken_rules:
        return [CorpusLine("fault", f"contract, {rule}: {text}") for rule, text in broken_rules]
    rules = ", ".join((*FACT_RULES, *(TABLE_RULES if with_table else ())))
    return [CorpusLine("note", f"the corpus keeps its contract: {rules}")]


def released_ids(name: str) -> dict[str, ReleaseFile]:
    """The released files of a corpus by the id of their utterance; empty where their list is not known."""
    card = cards().get(name)
    parse = card.adapter.parse if card else None
    if parse is None:
        return {}
    rows = ((parse(file.path.rpartition(".")[0]), file) for file in release(name))
    return {f"{name}/{row['id']}": file for row, file in rows if isinstance(row, dict)}


def compare(table: pd.DataFrame, facts: Facts, released: set[str]) -> list[tuple[Severity, str]]:
    """Counts of the table beside the known ones, and names beside the released ones."""
    findings: list[tuple[Severity, str]] = []
    gone = [row for row in facts.absent if row["id"] not in set(table["id"])]
    wrong = {column: _differences(table, column, facts, gone) for column in facts.counts}
    classes = wrong.pop("emotion")
    head = f"{len(table)} of {facts.utterances} utterances"
    other = facts.other_releases.get(str(len(table)))
    if other:
        findings.append(("fault", f"{len(table)} utterances: this is {other}, not the release of {facts.utterances}"))
    if len(table) != facts.utterances - len(gone) or classes:
        findings.append(("fault", f"{head}; {', '.join(classes)}" if classes else head))
    findings += [("fault", f"{column}: {named(lines, 12)}") for column, lines in wrong.items() if lines]
    if not findings:
        without = f", {len(gone)} has no audio" if gone else ""
        findings.append(("note", f"{head}: the counts are those of the release ({_summary(table)}{without})"))
    if table["speaker"].nunique() != facts.n_speakers:
        findings.append(("fault", f"{table['speaker'].nunique()} of {facts.n_speakers} speakers"))
    if missing := sorted(released - set(table["id"])):
        findings.append(("fault", f"{len(missing)} released clips are missing: {_ids(missing)}"))
    if extra := sorted(set(table["id"]) - released) if released else []:
        findings.append(("fault", f"{len(extra)} clips that the release of {facts.utterances} lacks: {_ids(extra)}"))
    if not released:
        findings.append(("note", "no list of the released files is known: names, sizes and hashes are not compared"))
    return [*findings, *(("note", f"known: {defect}") for defect in facts.defects)]


def _differences(table: pd.DataFrame, column: str, facts: Facts, gone: list[dict[str, str]]) -> list[str]:
    """``value have of should``, for values whose counts differ; then values that should not be there."""
    expected = dict(facts.counts[column])
    for row in gone:
        expected[row[column]] -= 1
    have = Counter(
        str(value).partition("/")[2] if column == "speaker" else str(value) for value in table[column].dropna()
    )
    lines = [
        f"{value} {have[value]} of {count}" if count else f"{value} is missing"
        for value, count in expected.items()
        if (have[value] != count if count else value not in have)
    ]
    whole = sum(facts.counts[column].values()) in (0, facts.utterances)  # else only the main values are known
    return lines + [f"{value} {have[value]} of 0" for value in sorted(have.keys() - expected.keys()) if whole]


def _summary(table: pd.DataFrame) -> str:
    return f"{persons(table)[0]} speakers, {table['emotion'].nunique()} classes"


def _ids(ids: list[str]) -> str:
    return named(id.partition("/")[2] for id in ids)


def _of_note(note: str, facts: Facts | None) -> CorpusLine:
    # of a known corpus the counts below say how much is missing; of a user's table only this line does
    return CorpusLine("fault" if facts is None and ABSENT in note else "warning", note)
