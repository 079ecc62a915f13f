"""Tests of two arms or models at a time: each member of a group minus its base, or every pair."""

from collections.abc import Callable, Iterator
from itertools import combinations

from ..evidence.contestants import Group, Kind
from ..evidence.results import FLOOR
from ..evidence.sides import Side
from ..statistics.speakers import OVER_BOTH, OVER_FOLDS, TYPICAL, PairedTest
from ..statistics.two_models import WILCOXON
from .answer_lines import AnswerLine, Question, of_interval, of_test, of_trained
from .compare import FALSE_ALARMS, PLAIN, Comparison, compare_sides
from .stability import paired_answers, share_unchanged

Pairs = Iterator[tuple[str, str, Comparison]]


def pairs(question: Question) -> Pairs:
    """(where, what, comparison) of every two that are compared."""
    for group in question.groups():
        sides = [question.side(result) for result in group.members]
        for one, two in chosen(group):
            a, b = sides[one], sides[two]
            yield group.where, named(group, one, two), compare_sides(a, b, question.level, question.margin)


def chosen(group: Group) -> list[tuple[int, int]]:
    """Positions of the members to compare, first minus second: all with the base, or every pair without the floor."""
    if group.base is not None:
        base = group.members.index(group.base)
        return [(k, base) for k in range(len(group.members)) if k != base]
    kept = [k for k, result in enumerate(group.members) if result.role != FLOOR or len(group.members) == 2]
    return list(combinations(kept, 2))


def named(group: Group, one: int, two: int) -> str:
    """``lr=0.1 − base``."""
    return f"{group.names[one]} − {group.names[two]}"


def main(question: Question) -> list[AnswerLine]:
    """The main test of the protocol, whichever it is."""
    return _lines(question, lambda c: c.main, _of_main)


def _of_main(c: Comparison) -> str:
    """Its name; where it is refused for the algorithms, what holds of the trained models."""
    u = c.uncertainty
    return of_trained(u, c.level) if u is not None and u.about == "trained models" else c.main.name


def over_both(question: Question) -> list[AnswerLine]:
    """t over speakers and trainings, also where it is not the main test."""
    return _lines(question, lambda c: _among(c, OVER_BOTH))


def speaker_t(question: Question) -> list[AnswerLine]:
    """Paired t of speakers' own scores: what a typical speaker gets."""
    return _lines(question, lambda c: _among(c, TYPICAL))


def corrected_t(question: Question) -> list[AnswerLine]:
    """Nadeau-Bengio over folds."""
    return _lines(question, lambda c: _among(c, OVER_FOLDS))


def plain_t(question: Question) -> list[AnswerLine]:
    """Plain t over folds and seeds, as papers print it."""
    note = f"false alarms at 5 %: about {100 * FALSE_ALARMS['plain t']:.0f} %"
    return _lines(question, lambda c: c.plain or c.main, lambda c: note)


def signed_rank(question: Question) -> list[AnswerLine]:
    """Wilcoxon over test speakers."""
    return _lines(question, lambda c: _among(c, WILCOXON))


def mcnemar(question: Question) -> list[AnswerLine]:
    """Exact McNemar on the answers of one seed."""
    lines = []
    for where, what, c in pairs(question):
        m = c.mcnemar
        if m is None:
            lines.append(AnswerLine(where, what, reason=c.reason or "", units="rows"))
            continue
        share = (m.only_a - m.only_b) / c.n_rows
        note = f"only the first right {m.only_a}, only the second {m.only_b}; takes rows as independent"
        lines.append(AnswerLine(where, what, share, p=m.p, n=c.n_rows, units="rows", note=note))
    return lines


def equivalence(question: Question) -> list[AnswerLine]:
    """Two one-sided tests of no difference beyond the margin, and the least margin that is ruled out."""
    lines = []
    for where, what, c in pairs(question):
        t, m = c.equivalence, c.main
        p, reason = (None, c.reason) if t is None else (t.p, t.reason)
        note = f"small p: no difference beyond ± {100 * question.margin:g} points"
        least = "" if t is None or t.least is None else f"; beyond ± {100 * t.least:.1f} points there is none at 5 %"
        values = (m.mean, m.low, m.high)
        lines.append(
            AnswerLine(where, what, *values, p, n=m.n, units=m.units, reason=reason or "", note=f"{note}{least}")
        )
    return lines


def bayes(question: Question) -> list[AnswerLine]:
    """Bayesian correlated t: the chances that the first is better, equal within a point, worse."""
    lines = []
    for where, what, c in pairs(question):
        q, m = c.posterior, c.main
        note, reason = "", (q.reason if q else c.reason) or ""
        if q is not None and q.above is not None:
            note = f"better {q.above:.3f}, within ± {100 * q.rope:g} point {q.within:.3f}, worse {q.below:.3f}"
        lines.append(AnswerLine(where, what, m.mean, m.low, m.high, n=m.n, units=m.units, reason=reason, note=note))
    return lines


def unchanged(question: Question) -> list[AnswerLine]:
    """The share of answers that are those of the base, clip by clip."""
    lines = []
    kind: Kind | None = None
    if not question.base and not question.levels and _several_conditions(question):
        kind = "conditions"
    for group in question.groups(kind):
        if group.base is None:
            continue
        first = question.side(group.base)
        for result in group.members:
            if result is not group.base:
                lines.append(_same(question, group, first, question.side(result)))
    return lines


def _several_conditions(question: Question) -> bool:
    return bool(question.records["condition"].nunique() > 1)


def _same(question: Question, group: Group, first: Side, second: Side) -> AnswerLine:
    what = f"{group.name(second.result)} as {group.name(first.result)}"
    answers = paired_answers(first.rows, second.rows)
    share, interval = share_unchanged(answers, first.result.classes)
    return of_interval(group.where, what, share, interval, int(answers["speaker"].nunique()), f"{len(answers)} answers")


def _among(c: Comparison, name: str) -> PairedTest:
    """The test of that name; the refused main one where nothing was tested."""
    return next((test for test in (c.main, *c.beside) if test.name == name), c.main)


def _lines(
    question: Question,
    test_of: Callable[[Comparison], PairedTest],
    note_of: Callable[[Comparison], str] = lambda c: "",
) -> list[AnswerLine]:
    lines = []
    for where, what, c in pairs(question):
        test = test_of(c)
        noted = "; ".join(filter(None, (note_of(c), *c.notes)))
        lines.append(of_test(where, what, test, "folds × seeds" if test.name == PLAIN else test.units, noted))
    return lines
