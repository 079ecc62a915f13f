"""Designs of sweeps as text: ``lr=1e-4,3e-4; batch=16,32``, and the arms that they mean.

A factor is ``[MODEL.]SETTING=values``: levels with commas, or a range ``1e-5..1e-2``, with ``log`` behind it where it
is drawn evenly on a logarithmic scale. Factors are separated by semicolons.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...seeds import stream
from .protocol import BASE, Arm


@dataclass(frozen=True, slots=True)
class Factor:
    """A setting of ``model`` (empty: of every model in the run): its levels as text, or a range to draw from."""

    model: str
    name: str
    levels: tuple[str, ...] = ()
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    whole: bool = False

    def draw(self, rng: np.random.Generator) -> str:
        """One level, or one value of the range, whose ends are as likely as what lies between."""
        if self.levels:
            return self.levels[int(rng.integers(len(self.levels)))]
        ends = (self.low, self.high + self.whole)
        low, high = map(math.log, ends) if self.log else ends
        value = rng.uniform(low, high)
        value = min(max(math.exp(value) if self.log else value, self.low), self.high + self.whole)
        if self.whole:
            return str(min(math.floor(value), round(self.high)))
        text = f"{value:.4g}"
        return text if self.low <= float(text) <= self.high else repr(float(value))


def factors(text: str, where: str) -> tuple[Factor, ...]:
    """The factors of a design. InputError for text that is none, and for a setting that is named twice."""
    every = [_factor(part.strip(), where) for part in text.split(";") if part.strip()]
    if not every:
        raise InputError(f"{where}: nothing varies; write for instance lr=1e-4,3e-4; batch=16,32")
    names = [(f.model, f.name) for f in every]
    for model, name in names:
        if names.count((model, name)) > 1:
            raise InputError(f"{where}: {model + '.' if model else ''}{name} is given twice; list its levels once")
    return tuple(every)


def full(factors: Sequence[Factor], where: str) -> tuple[Arm, ...]:
    """Every combination of levels, for each model apart. InputError for a range, which has no levels."""
    for factor in factors:
        if not factor.levels:
            raise InputError(f"{where}: {factor.name} is a range; give levels, or a number of random points")
    return tuple(
        arm_of(model, dict(zip((f.name for f in own), levels, strict=True)))
        for model, own in _by_model(factors)
        for levels in itertools.product(*(f.levels for f in own))
    )


def drawn(factors: Sequence[Factor], n: int, where: str) -> tuple[Arm, ...]:
    """``n`` random points for each model; the same text gives the same points. Points that fall together count once."""
    arms: dict[tuple[str, str], Arm] = {}
    for model, own in _by_model(factors):
        rng = stream("design", where, model, *(f"{f.name} {f.levels} {f.low} {f.high} {f.log}" for f in own))
        for _ in range(n):
            arm = arm_of(model, {f.name: f.draw(rng) for f in own})
            arms.setdefault((model, arm.name), arm)
    return tuple(arms.values())


def listed(text: str, where: str) -> tuple[Arm, ...]:
    """Points one by one: ``lr=1e-4 batch=16; lr=1e-3 batch=32``, each with its model where it is not for all."""
    arms = []
    for point in (part.split() for part in text.split(";") if part.strip()):
        settings: dict[str, str] = {}
        models = set()
        for assignment in point:
            key, equals, value = assignment.partition("=")
            model, _, name = key.rpartition(".")
            if not equals or not name or not value or name in settings:
                raise InputError(f"{where}: '{assignment}': a point is SETTING=VALUE SETTING=VALUE, each setting once")
            settings[name] = value
            models.add(model)
        if len(models) > 1:
            raise InputError(f"{where}: '{' '.join(point)}' mixes settings of {', '.join(sorted(models))}")
        arms.append(arm_of(models.pop(), settings))
    if not arms:
        raise InputError(f"{where}: no point in it; write for instance lr=1e-4 batch=16; lr=1e-3 batch=32")
    return tuple(arms)


def arm_of(model: str, settings: Mapping[str, str]) -> Arm:
    """The arm of one point, named by it: ``lr=0.001 batch=16``."""
    name = " ".join(f"{key}={value}" for key, value in settings.items())
    return Arm(name, tuple(settings.items()), model=model, factors=tuple(settings.items()))


def point_of(name: str) -> tuple[tuple[str, str], ...]:
    """The factors and levels of an arm that its author has called after them; nothing for any other name.

    >>> point_of("lr=1e-3 batch=16"), point_of("no-gru")
    ((('lr', '1e-3'), ('batch', '16')), ())
    """
    pairs = [part.partition("=") for part in name.split()]
    return tuple((key, level) for key, _, level in pairs) if all(k and e and v for k, e, v in pairs) else ()


def with_base(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The models as they are, and the arms."""
    return (BASE, *arms)


def _by_model(factors: Sequence[Factor]) -> Iterator[tuple[str, list[Factor]]]:
    for model in dict.fromkeys(f.model for f in factors):
        yield model, [f for f in factors if f.model == model]


def _factor(text: str, where: str) -> Factor:
    key, equals, values = text.partition("=")
    model, _, name = key.strip().rpartition(".")
    values = values.strip()
    if not equals or not name or not values:
        raise InputError(f"{where}: '{text}': a factor is [MODEL.]SETTING=levels or =low..high [log]")
    if ".." not in values:
        levels = tuple(v.strip() for v in values.split(",") if v.strip())
        if not levels:
            raise InputError(f"{where}: '{text}': no level in it")
        if len(set(levels)) < len(levels):
            raise InputError(f"{where}: '{text}': a level is there twice")
        return Factor(model, name, levels)
    bounds, _, scale = values.partition(" ")
    low, _, high = bounds.partition("..")
    try:
        ends = float(low), float(high)
    except ValueError as error:
        raise InputError(f"{where}: '{text}': a range is LOW..HIGH, two numbers") from error
    log = scale.strip() == "log"
    if scale.strip() not in ("", "log") or not ends[0] < ends[1] or (log and ends[0] <= 0):
        raise InputError(f"{where}: '{text}': a range is LOW..HIGH or LOW..HIGH log, LOW below HIGH, above 0 for log")
    whole = all(part.strip().lstrip("-").isdecimal() for part in (low, high))
    return Factor(model, name, (), *ends, log, whole)
