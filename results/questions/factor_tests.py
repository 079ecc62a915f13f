"""What each factor of a run does to the score: arms by their factors, models, conditions, averaged over the others."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from ..evidence.arms import BASE, ordered
from ..evidence.contestants import Group, without_copies
from ..evidence.results import FLOOR, Result
from ..statistics.two_models import holm
from ..statistics.uncertainty import Term, contrast
from .answer_lines import AnswerLine, Question, of_contrast
from .sweeps import grid_of_group

MOST_PRODUCTS = 24  # of two factors; more are not looked at
Points = dict[tuple[str, str], dict[str, str | None]]  # (model, arm) -> factor -> level


def factors(question: Question) -> list[AnswerLine]:
    """Every level minus the first of its factor, at equal levels of all else; the products of two full factors."""
    of_protocol: dict[tuple[object, ...], list[Result]] = {}
    every = [e for e in question.results if e.mixed is None]
    for e in every if question.levels else without_copies(every):
        wanted = not question.levels or {e.arm, e.model, e.label, e.setup.condition} & {*question.levels, question.base}
        if wanted and e.role != FLOOR:
            of_protocol.setdefault((e.setup.protocol, e.setup.label_map, e.setup.leaks), []).append(e)
    return [line for results in of_protocol.values() for line in _of_protocol(question, results)]


def _of_protocol(question: Question, results: list[Result]) -> Iterator[AnswerLine]:
    where = ", ".join(dict.fromkeys(e.setup.where for e in results))
    if reason := _untested(question, results):
        yield AnswerLine(where, "factors", units="scores", reason=reason)
        return
    points = _points(results)
    apart = _apart(points)
    table, names = _table(question, [e for e in results if e.arm != BASE or e.model not in apart], points)
    if not names:
        yield AnswerLine(where, "factors", units="scores", reason="nothing varies: one arm, model and condition")
        return
    note = "speakers are in training" if "speaker" in results[0].setup.leaks else ""
    for name in names:
        yield from _of_factor(question, where, table, name, note)
    if len(names) == 2 and _full(table, names):
        yield from _products(question, where, table, names, note)
    for model, levels in apart.items():
        text = f"base of {model} left out: {levels} only come together there"
        yield AnswerLine(where, f"base of {model}", units="scores", unit="", note=text)


def _untested(question: Question, results: Sequence[Result]) -> str | None:
    """Why the scores of these cannot be added and subtracted."""
    for e in results:
        side = question.side(e)
        if side.fault or side.rows["speaker"].isna().any():
            return f"{e.label}: {side.fault or 'the speaker of some rows is unknown'}"
        if len(e.records) < e.n_cells:
            return f"{e.label} has {len(e.records)} of {e.n_cells} cells"
    return None


def _of_factor(question: Question, where: str, table: pd.DataFrame, name: str, note: str) -> Iterator[AnswerLine]:
    """The factor as a whole, by the smallest corrected p of its levels, then each level."""
    base, *levels = table[name].cat.categories
    others = [c for c in table.columns if c not in (name, "result")]
    lines = []
    for level in levels:
        pairs = _pairs(table, name, (level, base), others)
        what = f"{name} = {level} − {base}"
        if not pairs:
            reason = "the two never come with equal levels of all else"
            lines.append(AnswerLine(where, what, reason=reason))
            continue
        terms: list[Term] = []
        for one, two in pairs:
            terms += [
                (1 / len(pairs), question.side(one).parts),
                (-1 / len(pairs), question.side(two).parts),
            ]
        averaged = f"mean of {len(pairs)} differences at equal levels of all else" if len(pairs) > 1 else ""
        text = "; ".join(filter(None, (averaged, note)))
        lines.append(of_contrast(where, what, contrast(terms, question.metric), question.level, text))
    corrected = holm([line.p for line in lines])
    tested = [p for p in corrected if p is not None]
    if len(lines) > 1 and tested:
        text = "smallest of the corrected p of its levels"
        yield AnswerLine(where, f"{name}: all levels are equal", p=min(tested), holm=min(tested), unit="", note=text)
    for line, p in zip(lines, corrected, strict=True):
        yield replace(line, holm=p)


def _pairs(
    table: pd.DataFrame, name: str, levels: tuple[str, str], others: Sequence[str]
) -> list[tuple[Result, Result]]:
    """Results of the two levels that agree in all else."""
    one, two = (table[table[name] == level] for level in levels)
    if not others:
        return [(one["result"].iloc[0], two["result"].iloc[0])] if len(one) and len(two) else []
    both = one.merge(two, on=list(others), suffixes=("", "_base"))
    return list(zip(both["result"], both["result_base"], strict=True))


def _products(
    question: Question, where: str, table: pd.DataFrame, names: Sequence[str], note: str
) -> Iterator[AnswerLine]:
    """How much more a level of the one factor does under a level of the other."""
    first, second = names
    (base, *levels), (corner, *columns) = (table[name].cat.categories for name in names)
    rest = [c for c in table.columns if c not in (first, second, "result")]
    for level, column in itertools.product(levels, columns):
        with_it = _pairs(table[table[second] == column], first, (level, base), rest)
        without = _pairs(table[table[second] == corner], first, (level, base), rest)
        n = len(with_it)
        terms: list[Term] = []
        for sign, pairs in ((1 / n, with_it), (-1 / n, without)):
            for one, two in pairs:
                terms += [(sign, question.side(one).parts), (-sign, question.side(two).parts)]
        what = f"({first} = {level} − {base}) at {second} = {column} − at {corner}"
        yield of_contrast(where, what, contrast(terms, question.metric), question.level, note)


def _full(table: pd.DataFrame, names: Sequence[str]) -> bool:
    """Whether every level of the one factor meets every level of the other under the same rest, in few products."""
    sizes = [table[name].nunique() for name in names]
    rest = [c for c in table.columns if c not in (*names, "result")]
    several = table.groupby(rest).size() if rest else pd.Series([len(table)])
    return bool((several == sizes[0] * sizes[1]).all() and (sizes[0] - 1) * (sizes[1] - 1) <= MOST_PRODUCTS)


def _apart(points: Points) -> dict[str, str]:
    """Models whose base has levels of several factors that no other arm has: which of them does what is not known."""
    levels = {}
    for model in dict.fromkeys(model for model, _ in points):
        others = [point for (of, arm), point in points.items() if of == model and arm != BASE]
        base = points.get((model, BASE), {})
        alone = [f"{k} = {v}" for k, v in base.items() if v is not None and v not in {p.get(k) for p in others}]
        if len(alone) > 1 and others:
            levels[model] = " and ".join(alone)
    return levels


def _table(question: Question, results: list[Result], points: Points) -> tuple[pd.DataFrame, list[str]]:
    """A line per result with the levels of everything that varies, the base first; the names of the factors.

    Corpora are no factor: levels are compared within each.
    """
    lines = [
        {"model": e.model, **points[e.model, e.arm], "condition": e.setup.condition, "corpora": e.setup.where}
        for e in results
    ]
    table = pd.DataFrame(lines)
    table["result"] = pd.Series(results, dtype=object)
    names = [c for c in table.columns if c not in ("result", "corpora") and table[c].nunique(dropna=False) > 1]
    table = table.dropna(subset=names).reset_index(drop=True)
    names = [name for name in names if table[name].nunique() > 1]
    first = {"condition": "clean", "arm": BASE, "model": question.base}
    bases = {k: v for (_, arm), point in points.items() if arm == BASE for k, v in point.items()}
    for name in names:
        levels = ordered(table[name])
        base = first.get(name) or bases.get(name)
        categories = [base, *(x for x in levels if x != base)] if base in levels else list(levels)
        table[name] = pd.Categorical(table[name], categories=categories)
    return table[[*names, "corpora", "result"]], names


def _points(results: list[Result]) -> Points:
    """The levels of each arm: of the factors of a sweep, else its name."""
    levels: Points = {}
    for model in dict.fromkeys(e.model for e in results):
        arms = {e.arm: e for e in results if e.model == model}
        grid = grid_of_group(Group("arms", results[0].setup, model, tuple(arms.values()), None))
        for arm in arms:
            if grid is None:
                levels[model, arm] = {"arm": arm}
            else:
                point = grid.points.get(arm, {})
                levels[model, arm] = {factor: point.get(factor) for factor in grid.factors}
    return levels
