"""Arms as points of a sweep: each has a level of every factor; the base has those of its settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BASE = "base"


@dataclass(frozen=True)
class ArmGrid:
    """The arms of one model as points: ``factors`` with their levels in order, ``points``: arm -> factor -> level.

    Numbers rise, words keep the order of the arms. ``base`` is among the points where its levels are known: of a
    setting what the model has, of a change of training clips none.
    """

    factors: Mapping[str, tuple[str, ...]]
    points: Mapping[str, Mapping[str, str]]


def levels_of(factors: Mapping[str, str]) -> dict[str, str]:
    """Factor -> level as text, the same for equal numbers; empty for an arm that is a name.

    >>> levels_of({"lr": "1e-3", "batch": "16"})
    {'lr': '0.001', 'batch': '16'}
    """
    return {name: plain(level) for name, level in factors.items()}


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


def grid_of(
    arms: Mapping[str, Mapping[str, str]], settings: Mapping[str, Any], augmented: Iterable[str] = ()
) -> ArmGrid | None:
    """The arms of a model, with their factors; ``settings`` of its base. None where fewer than two are points.

    ``augmented``: names of changes of training clips, of which the base has none.
    """
    points = {arm: levels_of(factors) for arm, factors in arms.items() if factors}
    if len(points) < 2:
        return None
    names = list(dict.fromkeys(name for point in points.values() for name in point))
    of_base = {**dict.fromkeys(augmented, "0"), **{name: plain(settings[name]) for name in names if name in settings}}
    if BASE in arms and all(name in of_base for name in names):
        points[BASE] = {name: of_base[name] for name in names}
    return ArmGrid({name: ordered(point[name] for point in points.values() if name in point) for name in names}, points)


def ordered(levels: Iterable[str]) -> tuple[str, ...]:
    """Each once; numbers rise, words stay as they come."""
    unique = list(dict.fromkeys(levels))
    if all(number(level) is not None for level in unique):
        unique.sort(key=lambda level: number(level) or 0.0)
    return tuple(unique)
