"""What conditions cost, and whether they cost one arm or model more than another."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ..evidence.contestants import Group
from ..evidence.groups import confusions_by_speaker
from ..evidence.results import TWO_WAYS, Result
from ..evidence.sides import Side
from ..statistics.many_models import Estimate
from ..statistics.robustness import degradation, snr_curve
from ..statistics.uncertainty import contrast
from .answer_lines import AnswerLine, Question, of_contrast
from .pair_tests import chosen
from .sweeps import grid_of_group

CLEAN = "clean"


def degradations(question: Question) -> list[AnswerLine]:
    """Each condition minus clean."""
    lines = []
    for group, sides in _by_condition(question):
        clean = sides[CLEAN]
        for name, one in sides.items():
            if name != CLEAN:
                what = f"{name} − {CLEAN}"
                if reason := _unlike(clean, one):
                    lines.append(AnswerLine(group.where, what, reason=reason))
                    continue
                loss = degradation(clean.parts, one.parts, question.metric, 1 / len(clean.result.classes))
                kept = "" if loss.kept is None else f"keeps {100 * loss.kept:.0f} % of clean above chance"
                lines.append(of_contrast(group.where, what, loss.change, question.level, kept))
    return lines


def _by_condition(question: Question) -> Iterator[tuple[Group, dict[str, Side]]]:
    """Every model and arm that was heard clean and otherwise, with a side for each condition."""
    levels = question.levels and _conditions(question)
    for group in question.grouped("conditions"):
        if group.base is None or (question.base and group.about != question.base):
            continue
        members = [e for e in group.members if not levels or e.setup.condition in (CLEAN, *levels)]
        yield group, {e.setup.condition: question.side(e) for e in members}


def _conditions(question: Question) -> tuple[str, ...]:
    """Those levels that are conditions."""
    conditions = set(question.records["condition"])
    return tuple(level for level in question.levels if level in conditions)


def _unlike(one: Side, other: Side) -> str | None:
    """Why two conditions of a model cannot be paired."""
    places = ["seed", "repeat", "fold", "row"]
    a, b = (pd.MultiIndex.from_frame(side.rows[places]) for side in (one, other))
    if len(a) != len(b) or len(a.symmetric_difference(b)):
        return "clean and the condition do not have the same rows and seeds yet"
    if one.rows["speaker"].isna().any():
        return f"the speaker of {int(one.rows['speaker'].isna().sum())} rows is unknown"
    return one.result.mixed or other.result.mixed


def curves(question: Question) -> list[AnswerLine]:
    """Mean score over the levels of each noise, and SNR50."""
    lines = []
    for group, sides in _by_condition(question):
        kinds: dict[str, dict[float, Side]] = {}
        for one in sides.values():
            setup = one.result.setup
            if setup.unit == "dB" and setup.level is not None and setup.kind not in TWO_WAYS:
                kinds.setdefault(setup.kind, {})[setup.level] = one
        for kind, by_level in kinds.items():
            lines += _curve(question, group, kind, sides[CLEAN], by_level)
    return lines


def _curve(
    question: Question, group: Group, kind: str, clean: Side, by_level: Mapping[float, Side]
) -> list[AnswerLine]:
    levels = sorted(by_level, reverse=True)
    what = f"{kind}, {levels[0]:g} to {levels[-1]:g} dB"
    reasons = [reason for level in levels if (reason := _unlike(clean, by_level[level]))]
    if reasons:
        return [AnswerLine(group.where, what, unit="%", reason=reasons[0])]
    classes, t = clean.result.classes, group.setup
    noisy = np.stack([confusions_by_speaker(by_level[level].rows, classes) for level in levels])
    quiet = confusions_by_speaker(clean.rows, classes)
    rng = question.rng_for(t.protocol, t.train, t.test, t.label_map)
    curve = snr_curve(levels, noisy, quiet, question.metric, 1 / len(classes), rng, reps=1_000)
    n = quiet.shape[1]
    return [
        _estimate(group.where, f"{what}: mean over levels", curve.area, n, "%"),
        _estimate(group.where, f"{what}: SNR50", curve.snr50, n, "dB"),
    ]


def _estimate(where: str, what: str, estimate: Estimate, n: int, unit: str) -> AnswerLine:
    i = estimate.interval
    values = (estimate.value, i.low, i.high)
    return AnswerLine(where, what, *values, n=n, unit="dB" if unit == "dB" else "%", reason=i.reason or "")


def interactions(question: Question) -> list[AnswerLine]:
    """Differences of differences: arm by condition where there are conditions, else of four arms."""
    if question.records["condition"].nunique() > 1:
        return _with_conditions(question)
    return _of_four(question)


def _with_conditions(question: Question) -> list[AnswerLine]:
    """(One under the condition − one clean) − (other under it − other clean), for every two that are compared."""
    wanted = _conditions(question)
    others = tuple(level for level in question.levels if level not in wanted)
    groups: dict[tuple[object, ...], dict[str, Group]] = {}
    for group in question.grouped(None, question.base, others):
        key: tuple[object, ...] = (*group.setup.under()._replace(leaks=()), group.about)
        groups.setdefault(key, {})[group.setup.condition] = group
    lines = []
    for by_condition in groups.values():
        clean = by_condition.get(CLEAN)
        for condition, group in by_condition.items():
            if clean is None or condition == CLEAN or (wanted and condition not in wanted):
                continue
            quiet = dict(zip(clean.names, clean.members, strict=True))
            for one, two in chosen(group):
                a, b = group.names[one], group.names[two]
                if a in quiet and b in quiet:
                    four = [group.members[one], quiet[a], group.members[two], quiet[b]]
                    lines.append(_contrast(question, clean.where, f"{a} − {b}, {condition} against {CLEAN}", four))
    return lines


def _of_four(question: Question) -> list[AnswerLine]:
    """(Fourth − third) − (second − first) of four named arms, or of two factors against their first levels."""
    lines = []
    for group in question.groups("arms"):
        for four in _fours(group, question.levels):
            arms = [next(e for e in group.members if e.arm == name) for name in four]
            what = f"({four[3]} − {four[2]}) − ({four[1]} − {four[0]})"
            lines.append(_contrast(question, group.where, what, [arms[k] for k in (3, 2, 1, 0)]))
    if not lines:
        names = "four arms with --levels, or a sweep of two factors"
        return [AnswerLine("", "interaction", reason=f"nothing to contrast: it takes conditions, or {names}")]
    return lines


def _fours(group: Group, levels: Sequence[str]) -> list[tuple[str, str, str, str]]:
    if len(levels) == 4:
        have = {e.arm for e in group.members}
        return [(levels[0], levels[1], levels[2], levels[3])] if have >= set(levels) else []
    grid = grid_of_group(group)
    if grid is None or len(grid.factors) != 2:
        return []
    (first, rows), (second, columns) = grid.factors.items()
    at = {(point.get(first), point.get(second)): arm for arm, point in grid.points.items()}
    corner, fours = at.get((rows[0], columns[0])), []
    for r, c in itertools.product(rows[1:], columns[1:]):
        across, down, both = at.get((rows[0], c)), at.get((r, columns[0])), at.get((r, c))
        if corner and across and down and both:
            fours.append((corner, across, down, both))
    return fours


def _contrast(question: Question, where: str, what: str, four: Sequence[Result]) -> AnswerLine:
    """(First − second) − (third − fourth)."""
    sides = [question.side(result) for result in four]
    leaks = {result.setup.leaks for result in four}
    note = "arms leak differently: an effect of protocol" if len(leaks) > 1 else ""
    if reason := _apart(sides):
        return AnswerLine(where, what, reason=reason, note=note)
    terms = [(sign, one.parts) for sign, one in zip((1.0, -1.0, -1.0, 1.0), sides, strict=True)]
    return of_contrast(where, what, contrast(terms, question.metric), question.level, note)


def _apart(sides: Sequence[Side]) -> str | None:
    """Why the four cannot be held against each other."""
    if reason := next((s.result.mixed or s.fault for s in sides if s.result.mixed or s.fault), None):
        return reason
    tested = [s.tested for s in sides]
    if not all(tested[0].equals(other) for other in tested[1:]):
        return "not all four are tested on the same rows"
    return "the speaker of some rows is unknown" if tested[0]["speaker"].isna().any() else None
