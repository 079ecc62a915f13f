"""Verdicts of the gate for a terminal."""

from collections.abc import Sequence

from ..questions.gate import Verdict
from .comparison_text import NONE, interval, p_value
from .grids import Grid, aligned


def to_text(verdicts: Sequence[Verdict], margin: float) -> str:
    """For a terminal of 80 columns."""
    first = verdicts[0].comparison
    rows = []
    for v in verdicts:
        c = v.comparison
        rows.append((c.a, c.where, NONE if v.answer == "refused" else interval(c.main), p_value(v.p), v.answer))
    header = ("candidate", "test data", "candidate − base", "p of\nworse", "answer")
    lines = aligned(Grid("", header, tuple(rows), left=2))
    title = f"{first.metric}, differences in points; worse: by more than {100 * margin:g}, one-sided, corrected by Holm"
    marks = ["refused, " if v.answer == "refused" else "" for v in verdicts]
    reasons = [
        f"{mark}{row[0]}, {row[1]}: {v.reason}" for mark, row, v in zip(marks, rows, verdicts, strict=True) if v.reason
    ]
    reasons += [f"LEAK, permitted by {protocol}: {leaks}" for protocol, leaks in _leaks(verdicts)]
    return "\n".join([title, "", *lines, *(["", *reasons] if reasons else [])]) + "\n"


def _leaks(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    setups = [v.comparison.setup for v in verdicts]
    return list(dict.fromkeys((setup.protocol, ", ".join(setup.leaks)) for setup in setups if setup.leaks))
