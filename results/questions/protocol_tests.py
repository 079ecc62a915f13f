"""What protocols do to a score: the effect of leaks, trends over the folds of a chain, errors that follow an order."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from ...errors import InputError
from ..evidence.contestants import Group
from ..evidence.results import FLOOR
from ..evidence.sides import Side
from ..statistics.many_models import page_trend
from ..statistics.speakers import unit_scores
from .answer_lines import AnswerLine, Question, of_interval, of_test
from .ladder import Ladder, LadderStep, ladders


def protocol_effect(question: Question) -> list[AnswerLine]:
    """Each step of a ladder minus the one before; its score, and that of rows with and without a sibling."""
    order = question.levels or tuple(dict.fromkeys(question.plan["arm"]))
    every = ladders(
        question.records, question.predictions, question.metric, question.evidence.siblings, order, question.rng_for,
        question.level,
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
    """Page's test that a difference of two arms grows from fold to fold; blocks are seeds of each corpus."""
    differences: dict[tuple[str, str], list[np.ndarray]] = {}
    for group in question.groups("arms"):
        if group.base is None:
            continue
        sides = {result.arm: question.side(result) for result in group.members}
        for result in group.members:
            if result is not group.base:
                rows = _by_fold(sides[result.arm], question) - _by_fold(sides[group.base.arm], question)
                differences.setdefault((f"{group.name(result)} − {group.name(group.base)}", group.about), []).append(
                    rows.to_numpy(float)
                )
    lines = []
    for (what, about), blocks in differences.items():
        if len({block.shape[1] for block in blocks}) > 1:
            lines.append(AnswerLine(about, what, reason="corpora have different numbers of folds", units="blocks"))
            continue
        matrix = np.concatenate(blocks)
        trend = page_trend(matrix, question.level)
        last = float((matrix[:, -1] - matrix[:, 0]).mean()) if matrix.size and not np.isnan(matrix).any() else None
        note = "" if trend.L is None else f"L = {trend.L:g} over {trend.n_levels} folds; estimate: last minus first"
        lines.append(
            AnswerLine(
                about, what, last, p=trend.p, n=trend.n_blocks, units="seeds", reason=trend.reason or "", note=note
            )
        )
    return lines


def _by_fold(one: Side, question: Question) -> pd.DataFrame:
    """Scores (seeds, folds), folds in the order of their names."""
    scores = unit_scores(one.rows, one.result.classes, question.metric, "fold")
    return scores.pivot_table("score", "seed", "fold", aggfunc="mean", dropna=False)


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
    test = stats.binomtest(hits, n, expected)
    bounds = test.proportion_ci(0.95, method="exact")
    note = f"{hits} of {n}; {100 * expected:.1f} % if errors fell evenly; errors are taken as independent"
    return AnswerLine(
        group.where, what, hits / n, float(bounds.low), float(bounds.high), float(test.pvalue), n=n, units="errors",
        unit="%", note=note,
    )  # fmt: skip
