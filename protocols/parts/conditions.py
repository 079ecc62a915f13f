"""From the options of a protocol to its conditions: clean first, then every kind at every level."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ...errors import InputError, unknown
from .protocol import CLEAN, Condition


def check_levels(option: str, levels: Sequence[float], unit: str) -> None:
    """InputError for no level, the same one twice, and what is no number; its range is the harness's affair."""
    check_names(option, levels)
    for level in levels:
        if not math.isfinite(level):
            raise InputError(f"{option}: {level} is not a level in {unit}; the clean condition is always there")


def check_names(option: str, values: Sequence[Any]) -> None:
    """InputError for nothing, and for the same twice."""
    doubled = [value for value, n in Counter(values).items() if n > 1]
    if not values or doubled:
        raise InputError(f"{option}: {f'{doubled[0]} is given twice' if doubled else 'none given'}")


def check_kinds(protocol: str, what: str, kinds: Sequence[str], choices: Iterable[str]) -> None:
    """InputError for no kind, the same one twice, and one that is none of ``choices``, with the nearest name."""
    check_names(f"{protocol}.kinds", kinds)
    names = tuple(choices)
    for kind in kinds:
        if kind not in names:
            raise unknown(what, kind, names)


def check_options(protocol: str, options: Any, units: Mapping[str, str]) -> None:
    """`check_kinds` and `check_levels` of options that have ``kinds``, and the levels of each under its name."""
    check_kinds(protocol, f"kind of {protocol}", options.kinds, units)
    for kind, unit in units.items():
        if unit:
            check_levels(f"{protocol}.{_option(kind)}", getattr(options, _option(kind)), unit)


def levels_of(units: Mapping[str, str]) -> dict[str, str]:
    """Option with levels -> the kind that it is of."""
    return {_option(kind): kind for kind, unit in units.items() if unit}


def check_given(protocol: str, kind_of: Mapping[str, str], options: Any, names: Collection[str]) -> None:
    """InputError for options that somebody has set (``names``) and whose kind, by ``kind_of``, is not chosen.

    Defaults do not count: there are levels for every kind, so that choosing it is enough.
    """
    idle = {name: kind for name, kind in kind_of.items() if name in names and kind not in options.kinds}
    if idle:
        name, kind = next(iter(idle.items()))
        wanted = ",".join((*options.kinds, *idle.values()))
        raise InputError(f"{protocol}.{name}: {kind} is not among the kinds; set {protocol}.kinds={wanted}")


def from_options(options: Any, units: Mapping[str, str]) -> tuple[Condition, ...]:
    """Clean, then ``options.kinds``, each at the levels of the option of its name; without unit it has none."""
    levels = {kind: getattr(options, _option(kind)) if units[kind] else (None,) for kind in options.kinds}
    return (CLEAN, *(Condition(kind, level, units[kind]) for kind, some in levels.items() for level in some))


def _option(kind: str) -> str:
    return kind.replace("-", "_")
