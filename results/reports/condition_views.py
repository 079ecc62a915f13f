"""What conditions cost each model, as plain lines: the loss at the strongest level; of noise the mean and SNR50."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...seeds import stream
from ..evidence.members import KIND, Member
from ..evidence.results import TWO_WAYS, condition_order
from ..evidence.scores import Score
from ..statistics.many_models import Estimate
from ..statistics.metrics import METRICS
from ..statistics.robustness import Curve, degradation, snr_curve
from ..statistics.speakers import Interval, paired_of
from ..text.tables import NONE, percent, with_interval

REPS = 1_000
_NO_ESTIMATE = Estimate(None, Interval(None, None, None))
NO_CURVE = Curve(_NO_ESTIMATE, _NO_ESTIMATE)  # mean and SNR50 are of noise alone


@dataclass(frozen=True)
class ConditionRow:
    """A model under one kind of condition, as text. ``reason``: why something is not there."""

    protocol: str
    test: str
    where: str
    model: str
    kind: str
    clean: str
    mean: str
    half: str
    strongest: str
    loss: str
    kept: str
    reason: str


def condition_rows(members: Sequence[Member]) -> list[ConditionRow]:
    """One line per model and kind of condition; the clean score of the same speakers and seeds is needed.

    Kinds whose levels go in two directions have a line per level.
    """
    groups: dict[tuple[str, ...], dict[str, Member]] = {}
    for m in members:
        s = m.score
        facts = (s.protocol, s.label_map, " ".join(s.leaks), s.train, s.test, s.label)
        groups.setdefault(facts, {})[s.condition] = m
    rows = []
    for conditions in groups.values():
        clean = conditions.get("clean")
        curves: dict[str, list[Member]] = {}
        for m in sorted((m for name, m in conditions.items() if name != "clean"), key=lambda m: _order(m.score)):
            s = m.score
            curves.setdefault(s.condition if s.kind in TWO_WAYS else s.kind, []).append(m)
        for curve in curves.values():
            if clean and all((m.speakers, m.runs) == (clean.speakers, clean.runs) for m in curve) and clean.speakers:
                rows.append(_row(clean, curve))
    return rows


def _order(s: Score) -> tuple[object, ...]:
    return condition_order(s.kind, s.level, s.unit)


def _row(clean: Member, curve: Sequence[Member]) -> ConditionRow:
    """``curve``: one kind from mild to strong."""
    s, metric = clean.score, METRICS[KIND]
    strongest = curve[-1].score
    kind, level, unit = strongest.kind, strongest.level, strongest.unit
    found = _of_noise(clean, curve) if unit == "dB" and kind not in TWO_WAYS else NO_CURVE
    worst = degradation(clean.parts, curve[-1].parts, metric, s.chance or 0.0)
    loss = paired_of("condition minus clean", worst.change)
    bounds = "" if loss.low is None or loss.high is None else f" [{100 * loss.low:.1f}, {100 * loss.high:.1f}]"
    reasons = [e.interval.reason for e in (found.area, found.snr50)] + [loss.reason]
    return ConditionRow(
        protocol=s.protocol,
        test=s.test,
        where=s.test if s.train == s.test else f"{s.train} → {s.test}",
        model=s.label,
        kind=kind,
        clean=with_interval(s.metrics[KIND]),
        mean=_estimate(found.area, 100),
        half=_estimate(found.snr50, 1),
        strongest=NONE if level is None else f"{level:g} {unit}",
        loss=NONE if loss.mean is None else f"{100 * loss.mean:+.1f}{bounds}",
        kept=percent(worst.kept),
        reason="; ".join(dict.fromkeys(r for r in reasons if r)),
    )


def _of_noise(clean: Member, curve: Sequence[Member]) -> Curve:
    s = clean.score
    levels = [m.score.level or 0.0 for m in curve]
    noisy = np.stack([m.confusions for m in curve])
    rng = stream("interval", s.protocol, s.train, s.test, s.label_map)
    return snr_curve(levels, noisy, clean.confusions, METRICS[KIND], s.chance or 0.0, rng, REPS)


def _estimate(estimate: Estimate, scale: float) -> str:
    if estimate.value is None:
        return NONE
    low, high = estimate.interval.low, estimate.interval.high
    bounds = "" if low is None or high is None else f" [{scale * low:.1f}, {scale * high:.1f}]"
    return f"{scale * estimate.value:.1f}{bounds}"
