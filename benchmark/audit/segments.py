"""Segments of recordings: lines of a list that name one file and other seconds of it are utterances of their own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ...identities import Span, segment, spoken_by, whole

_CLOCK = re.compile(r"(?:(\d+) days? )?(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)")
_SHARED = 0.5  # of the shorter segment: then both are one utterance


class ListedRecording(NamedTuple):
    """The path of a line, and the cells that say a segment of it and who speaks, empty where there are none."""

    path: str
    start: str = ""
    end: str = ""
    duration: str = ""
    speaker: str = ""


def utterances(lines: Sequence[ListedRecording]) -> list[str]:
    """The name of each line: its path, and its segment or speaker where a path is listed with several."""
    spans = [_span(line) for line in lines]
    cut = _several((line.path, span) for line, span in zip(lines, spans, strict=True))
    names = [
        segment(line.path, *span) if span and line.path in cut else line.path
        for line, span in zip(lines, spans, strict=True)
    ]
    shared = _several((name, line.speaker) for name, line in zip(names, lines, strict=True) if line.speaker)
    return [
        spoken_by(name, line.speaker) if line.speaker and name in shared else name
        for name, line in zip(names, lines, strict=True)
    ]


def _several(pairs: Iterable[tuple[str, object]]) -> set[str]:
    """Names that stand beside more than one value."""
    values: dict[str, set[object]] = {}
    for name, value in pairs:
        values.setdefault(name, set()).add(value)
    return {name for name, some in values.items() if len(some) > 1}


def seconds(text: str) -> float | None:
    """A time in seconds; None for what is none.

    >>> seconds("4.5"), seconds("0 days 00:01:05.500"), seconds("1:02:03,25"), seconds("soon")
    (4.5, 65.5, 3723.25, None)
    """
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        return None
    days, hours, minutes, rest = (float((part or "0").replace(",", ".")) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def _span(line: ListedRecording) -> tuple[float, float | None] | None:
    start, end, duration = (seconds(text) for text in line[1:4])
    if start is None:
        return None
    return (start, start + duration) if end is None and duration is not None else (start, end)


def utterance_marks(names: Iterable[str]) -> Mapping[str, str]:
    """By name of a segment what is the same for segments that share most of their sound; others have none."""
    by_path: dict[str, dict[Span, list[str]]] = {}
    for name in names:
        path, span = whole(name)
        by_path.setdefault(path, {}).setdefault(span or (0.0, float("inf")), []).append(name)
    marks: dict[str, str] = {}
    for spans in by_path.values():
        if len(spans) == 1 and whole(next(iter(spans.values()))[0])[1] is None:
            continue
        firsts: list[tuple[Span, Span]] = []  # a span that may still reach into others, and the first of its set
        for span in sorted(spans):
            firsts = [(one, first) for one, first in firsts if one[1] > span[0]]
            own = next((first for one, first in firsts if _are_one(one, span)), span)
            firsts.append((span, own))
            for name in spans[span]:
                marks[name] = segment("", own[0], None if own[1] == float("inf") else own[1])
    return marks


def _are_one(one: Span, other: Span) -> bool:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared >= _SHARED * min(one[1] - one[0], other[1] - other[0])
