"""What protocols do to a score: the effect of leaks, trends over the folds of a chain, errors that follow an order."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import scipy

from ...errors import InputError
from ..evidence.contestants import Group
from ..evidence.parts import parts_of
from ..evidence.results import FLOOR
from ..evidence.sides import Side
from ..statistics.uncertainty import Term, contrast
from .answer_lines import AnswerLine, Question, of_contrast, of_interval, of_test
from .ladder import Ladder, LadderStep, ladders


def protocol_effect(question: Question) -> list[AnswerLine]:
    """Each step of a ladder minus the one before; its score, and that of rows with and without a sibling."""
    order = question.levels or tuple(dict.fromkeys(question.plan["arm"]))
    every = ladders(
        question.records, question.predictions, question.metric, question.evidence.siblings, order, question.level,
    )  # fmt: skip
    shown = [ladder for ladder in every if ladder.role != FLOOR] or every
    return [line for ladder in shown for step in ladder.steps for line in _step_lines(ladder, step)]


def _step_lines(ladder: Ladder, step: LadderStep) -> Iterator[AnswerLine]:
    where = f"{ladder.test}, {ladder.model}"
    leaks = f"LEAK: {', '.join(step.leaks)}" if step.leaks else "no leak"
    trained = "" if step.train == ladder.test else f", trained on {step.train}"
    yield of_interval(where, step.name, step.score, step.interval, None, f"{leaks}{trained}; {step.n} utterances")
    if step.drop is not None:
        left = f"{step.drop.left_out} utterances are tested in one only" if step.drop.left_out else ""
        yield of_test(where, f"{step.name} − {step.drop.against}", step.drop.test, note=left)
    if step.siblings is not None:
        s = step.siblings
        sizes = f"{s.having.n} rows with, {s.lacking.n} without"
        yield of_test(where, f"{step.name}: with − without a sibling in training", s.difference, note=sizes)


def fold_trend(question: Question) -> list[AnswerLine]:
    """Whether a difference of two arms grows from fold to fold: the rise of its straight line over the chain.

    Each seed is one chain of trainings, whose folds depend on each other; corpora are averaged.
    """
    terms: dict[tuple[str, str], list[list[Term]]] = {}
    for group in question.groups("arms"):
        for result in group.members if group.base is not None else ():
            if result is not group.base and group.base is not None:
                pair = [question.side(e) for e in (result, group.base)]
                pair_name = (f"{group.name(result)} − {group.name(group.base)}", group.about)
                terms.setdefault(pair_name, []).append(_chain_terms(*pair))
    lines = []
    for (what, about), corpora in terms.items():
        every = [(factor / len(corpora), parts) for of_corpus in corpora for factor, parts in of_corpus]
        if not all(corpora):
            lines.append(AnswerLine(about, what, reason="the arms have different folds, or one fold only"))
            continue
        note = "last minus first fold of the straight line through the differences"
        lines.append(of_contrast(about, what, contrast(every, question.metric), question.level, note))
    return lines


def _chain_terms(one: Side, other: Side) -> list[Term]:
    """(Weight in the line through the folds, confusions of a fold), folds in the order of their names."""
    folds = sorted(one.rows["fold"].unique())
    if folds != sorted(other.rows["fold"].unique()) or len(folds) < 2:
        return []
    centered = np.arange(len(folds)) - (len(folds) - 1) / 2
    weights = centered * (len(folds) - 1) / (centered**2).sum()
    terms: list[Term] = []
    for sign, side in ((1.0, one), (-1.0, other)):
        for weight, fold in zip(weights, folds, strict=True):
            rows = side.rows[side.rows["fold"] == fold]
            chain = side.label + " " + rows["seed"].astype(str) + " " + rows["repeat"].astype(str)
            terms.append((sign * float(weight), parts_of(rows.assign(training=chain), side.result.classes)))
    return terms


def preceding_class(question: Question) -> list[AnswerLine]:
    """The share of errors that name the class whose block stands before, against 1/(C − 1).

    In arms of the order ``class`` test rows lie class by class in the order of the classes, in those of
    ``class-reversed`` from the last.
    """
    lines = []
    for group in question.groups("arms"):
        for result in group.members:
            if result.test_order in ("class", "class-reversed"):
                lines.append(_preceding(group, question.side(result)))
    if not lines:
        raise InputError("binomial: no arm here has its test rows by class; those of protocol carried-state are")
    return lines


def _preceding(group: Group, one: Side) -> AnswerLine:
    classes = list(one.result.classes)
    truth, guess = (pd.Index(classes).get_indexer(pd.Index(one.rows[c])) for c in ("truth", "guess"))
    before = truth + (1 if one.result.test_order == "class-reversed" else -1)
    counted = (truth != guess) & (before >= 0) & (before < len(classes))
    n, hits = int(counted.sum()), int((counted & (guess == before)).sum())
    what = f"{one.result.arm}: errors that name the class before"
    if len(classes) < 3 or not n:
        reason = "no errors" if len(classes) > 2 else "two classes: every error names the other"
        return AnswerLine(group.where, what, n=n, units="errors", unit="%", reason=reason)
    expected = 1 / (len(classes) - 1)
    test = scipy.stats.binomtest(hits, n, expected)
    bounds = test.proportion_ci(0.95, method="exact")
    note = f"{hits} of {n}; {100 * expected:.1f} % if errors fell evenly; errors are taken as independent"
    return AnswerLine(
        group.where, what, hits / n, float(bounds.low), float(bounds.high), float(test.pvalue), n=n, units="errors",
        unit="%", note=note,
    )  # fmt: skip
