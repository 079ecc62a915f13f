"""What conditions cost each model, as plain lines: the mean over the curve, SNR50, the loss at the strongest level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...seeds import stream
from ..metrics import METRICS
from ..scores import condition_parts
from ..statistics.many_models import Estimate
from ..statistics.robustness import degradation, snr_curve
from ..tables import NONE, percent, with_interval
from .members import KIND, Member

REPS = 1_000


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


def condition_rows(known: Sequence[Member]) -> list[ConditionRow]:
    """One line per model and kind with levels in dB; the clean score of the same speakers and seeds is needed."""
    groups: dict[tuple[str, ...], dict[str, Member]] = {}
    for m in known:
        s = m.score
        facts = (s.protocol, s.label_map, " ".join(s.leaks), s.train, s.test, s.label)
        groups.setdefault(facts, {})[s.condition] = m
    rows = []
    for conditions in groups.values():
        clean = conditions.get("clean")
        parts = [(*condition_parts(name), m) for name, m in conditions.items()]
        for kind in dict.fromkeys(kind for kind, level, unit, _ in parts if level is not None and unit == "dB"):
            curve = sorted((level, m) for of, level, _, m in parts if of == kind and level is not None)
            if clean and all((m.speakers, m.runs) == (clean.speakers, clean.runs) for _, m in curve) and clean.speakers:
                rows.append(_row(kind, clean, curve))
    return rows


def _row(kind: str, clean: Member, curve: Sequence[tuple[float, Member]]) -> ConditionRow:
    s, metric = clean.score, METRICS[KIND]
    noisy = np.stack([m.confusions for _, m in curve])
    rng = stream("interval", s.protocol, s.train, s.test, s.label_map)
    found = snr_curve([level for level, _ in curve], noisy, clean.confusions, metric, s.chance or 0.0, rng, REPS)
    worst = degradation(clean.confusions, noisy[0], metric, s.chance or 0.0)
    loss = worst.test
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
        strongest=f"{curve[0][0]:g} dB",
        loss=NONE if loss.mean is None else f"{100 * loss.mean:+.1f}{bounds}",
        kept=percent(worst.kept),
        reason="; ".join(dict.fromkeys(r for r in reasons if r)),
    )


def _estimate(estimate: Estimate, scale: float) -> str:
    if estimate.value is None:
        return NONE
    low, high = estimate.interval.low, estimate.interval.high
    bounds = "" if low is None or high is None else f" [{scale * low:.1f}, {scale * high:.1f}]"
    return f"{scale * estimate.value:.1f}{bounds}"
