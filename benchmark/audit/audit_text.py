"""An audit in words for a terminal, as a table, and as plain data."""

from collections.abc import Sequence
from typing import Any

from ...errors import named
from ...results.text.grids import POINT, Document, Grid, Heading, Lines, Paragraph, Records
from .judge import Audit, RuleVerdict, SharedPair
from .lists import DEV, TEST

WHAT = {
    "speaker": "speaker",
    "session": "session or dialogue",
    "audio": "identical audio",
    "near-audio": "near-identical audio",
    "copy": "copies by name",
    "sentence": "sentence",
    "selection": "test files in dev",
}
_WHY = {
    "speaker": "no column of speakers, and no names of a corpus that tell them: whether test speakers are heard in "
    "training is NOT KNOWN; name the column with --speaker-column",
    "session": "no session or dialogue is named",
    "audio": "give the recordings with --audio DIR",
    "near-audio": "give the recordings with --audio DIR",
    "copy": "no name tells of which clip it is a copy; give the recordings with --audio DIR",
    "sentence": "no column of sentences, and no names of a corpus that tell them",
    "selection": "there is no dev part",
}
_WORDS = {
    "leak": "LEAK",
    "doubt": "DOUBT",
    "note": "note",
    "clean": "clean",
    "part": "in part",
    "unchecked": "NOT CHECKED",
}


def document(audits: Sequence[Audit]) -> Document:
    """One after the other."""
    return Document(
        lambda width: [_page(one) if width is None else (Lines(tuple(to_lines(one)), whole=True),) for one in audits],
        records=lambda: _records(audits),
        data=lambda: [to_json(one) for one in audits],
    )


def _page(audit: Audit) -> Paragraph:
    rows = tuple((WHAT[v.rule], _word(v), _said(v, audit)) for v in audit.verdicts)
    grid = Grid("", ("what test files share with training", "verdict", "found"), rows, left=3)
    read = Lines((f"{audit.n_files} files; {_parts(audit)}", *_read(audit)), mark=POINT)
    notes = Lines((*(f"note: {note}" for note in audit.notes), _verdict(audit)))
    return (Heading(audit.listing.name), read, grid, notes)


def _records(audits: Sequence[Audit]) -> Records:
    """A row per rule."""
    columns = ("rule", "state", "n_test", "share_test", "n_dev", "share_dev", "known")
    facts = [(one.listing.name, _facts(verdict, one)) for one in audits for verdict in one.verdicts]
    return Records(("file", *columns), tuple((name, *(fact[c] for c in columns)) for name, fact in facts))


def to_lines(audit: Audit) -> list[str]:
    """What was read, a line or two per rule, and the verdict."""
    lines = [f"{audit.listing.name}: {audit.n_files} files; {_parts(audit)}", *(f"  {line}" for line in _read(audit))]
    for verdict in audit.verdicts:
        lines.append(f"  {_word(verdict):<12} {WHAT[verdict.rule]:<22}{_said(verdict, audit)}".rstrip())
        lines += [f"  {'':<12} {'':<22}e.g. {_shown(example)}" for example in verdict.examples]
    lines += [f"  note: {note}" for note in audit.notes]
    return [*lines, f"  {_verdict(audit)}"]


def _word(verdict: RuleVerdict) -> str:
    unchecked = verdict.state == "unchecked" and verdict.rule != "speaker"
    return "not checked" if unchecked else _WORDS[verdict.state]


def to_json(audit: Audit) -> dict[str, Any]:
    """Everything as plain data; shares are in [0, 1]."""
    return {
        "file": audit.listing.name,
        "files": audit.n_files,
        "splits": len(audit.listing.splits),
        "parts": dict(audit.counts),
        "corpora": {corpus: n for corpus, n in audit.corpora.items() if corpus},
        "untold_copies": audit.untold,
        "columns": dict(audit.listing.columns),
        "leaks": list(audit.leaks),
        "doubts": list(audit.doubts),
        "rules": [_facts(verdict, audit) for verdict in audit.verdicts],
        "notes": list(audit.notes),
    }


def _facts(verdict: RuleVerdict, audit: Audit) -> dict[str, Any]:
    n = audit.counts
    return {
        "rule": verdict.rule,
        "state": verdict.state,
        "n_test": verdict.n_test,
        "share_test": verdict.n_test / n[TEST],
        "n_dev": verdict.n_dev,
        "share_dev": verdict.n_dev / n[DEV] if n[DEV] else None,
        "known": verdict.share,
        "examples": [{"shared": e.value, e.part: e.first, "other": e.second} for e in verdict.examples],
    }


def _parts(audit: Audit) -> str:
    counts = ", ".join(f"{part} {n}" for part, n in audit.counts.items() if n or part != DEV)
    n = len(audit.listing.splits)
    return counts if n == 1 else f"{n} folds, in all {counts}"


def _read(audit: Audit) -> list[str]:
    """What names and columns told."""
    lines = [f"read: {', '.join(f'{role} from column {name}' for role, name in audit.listing.columns.items())}"]
    names = [f"{corpus} ({n})" for corpus, n in audit.corpora.items() if corpus]
    if strange := audit.corpora.get("", 0):
        names.append(f"{strange} like no corpus that is known" if names else "like no corpus that is known")
    lines.append(f"names: {', '.join(names)}")
    if audit.marks:
        marks = named((f"'{mark}' ({n})" for mark, n in audit.marks.items()), 5)
        lines.append(f"names of copies: {marks}")
    return lines


def _said(verdict: RuleVerdict, audit: Audit) -> str:
    if verdict.state == "unchecked":
        return _WHY[verdict.rule]
    if verdict.state in ("clean", "part"):
        return f"none of {audit.counts[TEST]} test files{_partly(verdict, audit)}"
    test, dev = audit.counts[TEST], audit.counts[DEV]
    text = f"{verdict.n_test} of {test} test files ({verdict.n_test / test:.1%})"
    text += f", {verdict.n_dev} of {dev} dev files ({verdict.n_dev / dev:.1%})" if dev else ""
    why = "; the same names in other folders or capitals" if (verdict.rule, verdict.state) == ("copy", "doubt") else ""
    return text + why + _partly(verdict, audit)


def _partly(verdict: RuleVerdict, audit: Audit) -> str:
    """Of which files the rule could not be asked; empty where it was asked of all that can have an answer."""
    if verdict.share == 1 or verdict.rule == "session":
        return ""
    if verdict.rule == "copy":
        return f"; copies whose names do not tell their clip: {audit.untold}"
    if not verdict.share:
        return "; by what is known of the corpus as released"
    return f"; known for {verdict.share:.0%} of the files only"


def _shown(example: SharedPair) -> str:
    shared = "" if example.value in example.first else f"{example.value}: "
    return f"{shared}{example.first} ({example.part}) and {example.second}"


def _rules(rules: Sequence[str]) -> str:
    return ", ".join(WHAT[rule] for rule in rules)


def _verdict(audit: Audit) -> str:
    unknown = [WHAT[verdict.rule] for verdict in audit.verdicts if verdict.state == "unchecked"]
    missing = f"; not checked: {', '.join(unknown)}" if unknown else ""
    if audit.leaks or audit.doubts:
        kinds = {"Leaks": audit.leaks, "Leaks if names in doubt are one": audit.doubts}
        return "; ".join(f"{kind}: {_rules(rules)}" for kind, rules in kinds.items() if rules) + missing
    checks = [
        WHAT[verdict.rule] + (" (in part)" if verdict.state == "part" else "")
        for verdict in audit.verdicts
        if verdict.state in ("clean", "part")
    ]
    return f"No leak was found in what was checked: {', '.join(checks)}{missing}"
