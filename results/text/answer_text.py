"""Answers to one question of all evidence."""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, astuple, fields, replace
from itertools import groupby

from ..questions.answer_lines import Answer, AnswerLine
from ..questions.answers import TESTS
from ..statistics.metrics import METRICS
from ..statistics.probabilities import EVERY
from .comparison_text import NONE, p_value
from .grids import POINT, Document, Grid, Lines, Paragraph, Records


def document(answer: Answer) -> Document:
    """A table with a section for each body of data, its notes below."""
    return Document(
        text=lambda width: list(_paragraphs(answer, width)),
        print=lambda: [(_printed(answer),)],
        records=lambda: records(answer),
        data=lambda: asdict(answer),
    )


def _paragraphs(answer: Answer, width: int | None) -> Iterator[Paragraph]:
    units = ", ".join(filter(None, (_metric(answer), "shares in %, differences in points")))
    title = f"{answer.test}: {answer.summary}"
    yield (Lines((title if width is None else f"{title}. {units[:1].upper()}{units[1:]}.",)),)
    if answer.lines:
        yield (grid(answer),)
    yield (Lines(tuple(notes(answer)), POINT),)


def _metric(answer: Answer) -> str:
    """The metric that estimates are of; empty where each line has its own, or none."""
    test = TESTS[answer.test]
    if test.of is not None:
        return test.of
    return "" if test.probabilities and answer.metric in METRICS else EVERY[answer.metric].title


def grid(answer: Answer) -> Grid:
    """A row per line; the data are headings where there are several."""
    tested = any(line.p is not None for line in answer.lines)
    header = ("", f"estimate [{100 * answer.level:g} %]", "n", *(("p", f"Holm\nof {answer.family}") if tested else ()))
    rows: list[tuple[str, ...]] = []
    for where, part in groupby(answer.lines, key=lambda line: line.where):
        rows.append((where or "all",))
        for line in part:
            p = (p_value(line.p), p_value(line.holm)) if tested else ()
            rows.append((f"  {line.what}", value(line), line.counted or NONE, *p))
    return Grid("", header, tuple(rows), left=1)


def value(line: AnswerLine) -> str:
    """Estimate and interval in the unit of the line.

    >>> value(AnswerLine("", "", 0.031, 0.01, 0.052)), value(AnswerLine("", "", 2.5, unit="rank"))
    ('+3.1 [+1.0, +5.2]', '2.50')
    """
    if line.estimate is None:
        return "refused" if line.reason and line.unit == "points" else NONE
    numbers = [_number(x, line) for x in (line.estimate, line.low, line.high) if x is not None]
    return numbers[0] if len(numbers) < 3 else f"{numbers[0]} [{numbers[1]}, {numbers[2]}]"


def _number(x: float, line: AnswerLine) -> str:
    if line.unit == "points":
        return f"{100 * x:+.1f}"
    if line.unit in ("%", "sd"):
        return f"{100 * x:.1f}"
    return f"{x:.1f} dB" if line.unit == "dB" else f"{x:.2f}"


def notes(answer: Answer) -> list[str]:
    """What must be known: reasons and notes of lines, each once with the lines that it is about."""
    texts: dict[str, list[str]] = {}
    for line in answer.lines:
        for text in filter(None, (line.reason and f"not there: {line.reason}", line.note)):
            texts.setdefault(text, []).append(line.what if len({x.where for x in answer.lines}) == 1 else _full(line))
    shown = []
    for text, those in texts.items():
        if len(those) == len(answer.lines):
            shown.append(text)
        else:
            shown.append(f"{'; '.join(those[:3])}{f' and {len(those) - 3} more' if len(those) > 3 else ''}: {text}")
    return [*shown, *answer.notes]


def _full(line: AnswerLine) -> str:
    return f"{line.what} ({line.where})" if line.where else line.what


def records(answer: Answer) -> Records:
    """A row per line, every number as it is."""
    head = (answer.test, answer.metric, f"{answer.level:g}")
    names = ("test", "metric", "level", *(f.name for f in fields(AnswerLine)))
    return Records(names, tuple((*head, *astuple(line)) for line in answer.lines))


def _printed(answer: Answer) -> Grid:
    """With the notes in small print."""
    below = " ".join(f"{text[:1].upper()}{text[1:]}." for text in notes(answer))
    metric = _metric(answer)
    caption = f"{answer.summary[:1].upper()}{answer.summary[1:]}{f' ({metric})' if metric else ''}."
    return replace(grid(answer), caption=caption, label=f"answer-{answer.test}", below=below)


def explained(width: int = 76) -> str:
    """Every test with its line, for a help text."""
    room = max(map(len, TESTS)) + 2
    lines = []
    for name, test in TESTS.items():
        lines += textwrap.wrap(
            test.summary, width, initial_indent=f"  {name:{room}}", subsequent_indent=" " * (room + 2),
            break_on_hyphens=False,
        )  # fmt: skip
    return "\n".join(lines)
