"""Arms as levels of factors: ``lr=0.001 batch=16`` has level 0.001 of lr and 16 of batch; the base has its settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BASE = "base"


@dataclass(frozen=True)
class Grid:
    """The arms of one model as points: ``factors`` with their levels in order, ``points``: arm -> factor -> level.

    Numbers rise, words keep the order of the arms. ``base`` is among the points where its levels are known: of a
    setting what the model has, of a change of training clips none.
    """

    factors: Mapping[str, tuple[str, ...]]
    points: Mapping[str, Mapping[str, str]]


def levels_of(arm: str) -> dict[str, str]:
    """Factor -> level as text; empty for an arm that is a name.

    >>> levels_of("lr=1e-3 batch=16"), levels_of("no-gru"), levels_of("carried, by class")
    ({'lr': '0.001', 'batch': '16'}, {}, {})
    """
    pairs = [part.partition("=") for part in arm.split()]
    return {name: plain(level) for name, _, level in pairs} if all(n and e and v for n, e, v in pairs) else {}


def plain(value: Any) -> str:
    """A level as text, the same for equal numbers.

    >>> plain("1e-3"), plain(0.001), plain((2, 1)), plain(True), plain("db4")
    ('0.001', '0.001', '2,1', 'true', 'db4')
    """
    if isinstance(value, (list, tuple)):
        return ",".join(map(plain, value))
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return f"{float(value):.10g}"
    except (TypeError, ValueError):
        return str(value)


def number(level: str) -> float | None:
    """The level as a number; None for a word."""
    try:
        return float(level)
    except ValueError:
        return None


def grid_of(arms: Sequence[str], settings: Mapping[str, Any], augmented: Iterable[str] = ()) -> Grid | None:
    """The arms of a model that has these ``settings`` in its base; None where fewer than two arms are points.

    ``augmented``: names of changes of training clips, of which the base has none.
    """
    points = {arm: levels_of(arm) for arm in arms if levels_of(arm)}
    if len(points) < 2:
        return None
    names = list(dict.fromkeys(name for point in points.values() for name in point))
    known = {**dict.fromkeys(augmented, "0"), **{name: plain(settings[name]) for name in names if name in settings}}
    if BASE in arms and all(name in known for name in names):
        points[BASE] = {name: known[name] for name in names}
    return Grid({name: ordered(point[name] for point in points.values() if name in point) for name in names}, points)


def ordered(levels: Iterable[str]) -> tuple[str, ...]:
    """Each once; numbers rise, words stay as they come."""
    found = list(dict.fromkeys(levels))
    if all(number(level) is not None for level in found):
        found.sort(key=lambda level: number(level) or 0.0)
    return tuple(found)
