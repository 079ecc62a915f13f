"""Verdicts of the gate."""

from collections.abc import Sequence

from ..questions.gate import Verdict
from ..statistics.speakers import paired_of
from .comparison_text import NONE, interval, p_value, records, to_json
from .grids import Document, Grid, Lines, Paragraph, Records


def document(verdicts: Sequence[Verdict], margin: float) -> Document:
    """A row per comparison, and why an answer is what it is."""
    facts = [{"answer": v.answer, "p_worse": v.p, **to_json([v.comparison])[0]} for v in verdicts]
    return Document(
        lambda width: _paragraphs(verdicts, margin), None, lambda: _records(verdicts), lambda: facts, ascii=True
    )


def _records(verdicts: Sequence[Verdict]) -> Records:
    """As those of `compare`, with candidate first and the answer."""
    lines = records([v.comparison for v in verdicts])
    answers = [(v.answer, "" if v.p is None else f"{v.p:.6g}") for v in verdicts]
    rows = tuple((*answer, *row) for answer, row in zip(answers, lines.rows, strict=True))
    return Records(("answer", "p_worse", *lines.columns), rows)


def _paragraphs(verdicts: Sequence[Verdict], margin: float) -> list[Paragraph]:
    first = verdicts[0].comparison
    rows = []
    for v in verdicts:
        c = v.comparison
        rows.append((c.a, c.where, NONE if v.answer == "refused" else _difference(v), p_value(v.p), v.answer))
    header = ("candidate", "test data", "candidate − base", "p of\nworse", "answer")
    grid = Grid("", header, tuple(rows), left=2)
    title = f"{first.metric}, differences in points; worse: by more than {100 * margin:g}, one-sided, corrected by Holm"
    marks = ["refused, " if v.answer == "refused" else "" for v in verdicts]
    reasons = [
        f"{mark}{row[0]}, {row[1]}: {v.reason}" for mark, row, v in zip(marks, rows, verdicts, strict=True) if v.reason
    ]
    reasons += [f"LEAK, permitted by {protocol}: {leaks}" for protocol, leaks in _leaks(verdicts)]
    return [(Lines((title,), whole=True),), (grid,), (Lines(tuple(reasons), whole=True),)]


def _difference(v: Verdict) -> str:
    """With its interval, also where it is of the trained models."""
    u = v.comparison.uncertainty
    if v.reason is None or u is None or u.error in (None, 0):
        return interval(v.comparison.main)
    return interval(paired_of("", u, v.comparison.level))


def _leaks(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    setups = [v.comparison.setup for v in verdicts]
    return list(dict.fromkeys((setup.protocol, ", ".join(setup.leaks)) for setup in setups if setup.leaks))
