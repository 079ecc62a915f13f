"""A mixed model of everything that varies in a run: arms by their factors, models, conditions, corpora."""

from collections.abc import Iterator

import pandas as pd

from ..evidence.arms import BASE, ordered
from ..evidence.contestants import Group, without_copies
from ..evidence.results import FLOOR, Result
from ..statistics.mixed import MixedModel, mixed_model
from ..statistics.speakers import unit_scores
from .answer_lines import AnswerLine, Question
from .sweeps import grid_of_group

MOST_PRODUCTS = 24  # of two factors; more are not fitted


def mixed(question: Question) -> list[AnswerLine]:
    """Fixed effects of every factor, speaker and seed random; one fit for each protocol, label map and set of leaks."""
    of_protocol: dict[tuple[object, ...], list[Result]] = {}
    every = [e for e in question.results if e.mixed is None]
    for e in every if question.levels else without_copies(every):
        wanted = not question.levels or {e.arm, e.model, e.label, e.setup.condition} & {*question.levels, question.base}
        if wanted and e.role != FLOOR:
            of_protocol.setdefault((e.setup.protocol, e.setup.label_map, e.setup.leaks), []).append(e)
    return [line for results in of_protocol.values() for line in _of_protocol(question, results)]


def _of_protocol(question: Question, results: list[Result]) -> Iterator[AnswerLine]:
    points = _points(results)
    apart = _apart(points)
    results = [e for e in results if e.arm != BASE or e.model not in apart]
    scores, factors = _table(question, results, points)
    where = ", ".join(dict.fromkeys(e.setup.where for e in results))
    pair = [name for name in factors if name != "corpus" or len(factors) == 2]  # corpora are blocks of a design
    crossed = pair if len(pair) == 2 and _full(scores, pair) else []
    if not factors:
        reason = "nothing varies: one arm, model, condition and corpus"
        yield AnswerLine(where, "mixed model", units="scores", n=len(scores), reason=reason)
        return
    model = mixed_model(scores, factors, question.level, crossed)
    if model.effects is None:
        yield AnswerLine(where, " and ".join(factors), units="scores", n=len(scores), reason=model.reason or "")
        return
    leaks = "speakers are in training" if "speaker" in results[0].setup.leaks else ""
    for effect in model.effects.itertuples(index=False):
        yield AnswerLine(
            where, effect.effect, effect.estimate, effect.low, effect.high, effect.p,
            n=len(scores), units="scores", note=leaks,
        )  # fmt: skip
    yield from _components(where, model, scores, factors, apart)


def _apart(points: dict[tuple[str, str], dict[str, str | None]]) -> dict[str, str]:
    """Models whose base has levels of several factors that no other arm has: which of them does what is not known."""
    levels = {}
    for model in dict.fromkeys(model for model, _ in points):
        others = [point for (of, arm), point in points.items() if of == model and arm != BASE]
        base = points.get((model, BASE), {})
        alone = [f"{k} = {v}" for k, v in base.items() if v is not None and v not in {p.get(k) for p in others}]
        if len(alone) > 1 and others:
            levels[model] = " and ".join(alone)
    return levels


def _components(
    where: str, fit: MixedModel, scores: pd.DataFrame, factors: list[str], apart: dict[str, str]
) -> Iterator[AnswerLine]:
    """Standard deviations of the random effects, what the fixed ones are against, and the bases left out."""
    against = ", ".join(f"{name} = {scores[name].cat.categories[0]}" for name in factors)
    parts = {"speaker": fit.speaker, "seed": fit.seed, "rest": fit.rest}
    shown = ", ".join(f"{name} {100 * value**0.5:.1f}" for name, value in parts.items() if value is not None)
    note = f"deviations in points of the random effects: {shown}; effects are against {against}; Wald intervals"
    for model, levels in apart.items():
        note += f"; base of {model} left out: {levels} only come together there"
    yield AnswerLine(where, "random effects", n=len(scores), units="scores", note=note)


def _full(scores: pd.DataFrame, factors: list[str]) -> bool:
    """Whether every level of the one factor meets every level of the other, in few products."""
    sizes = [scores[name].nunique() for name in factors]
    cells = len(scores[factors].drop_duplicates())
    return bool(cells == sizes[0] * sizes[1] and (sizes[0] - 1) * (sizes[1] - 1) <= MOST_PRODUCTS)


def _table(
    question: Question, results: list[Result], points: dict[tuple[str, str], dict[str, str | None]]
) -> tuple[pd.DataFrame, list[str]]:
    """Scores by speaker and seed with the levels of everything that varies, as categories, the base first."""
    parts = []
    for e in results:
        rows = question.side(e).rows
        by = unit_scores(rows[rows["speaker"].notna()], e.classes, question.metric, "speaker")
        mean = by.groupby(["speaker", "seed"], as_index=False)["score"].mean()
        facts = {"model": e.model, **points[e.model, e.arm], "condition": e.setup.condition, "corpus": e.setup.where}
        parts.append(mean.assign(**facts))
    table = pd.concat(parts, ignore_index=True)
    names = [c for c in table.columns if c not in ("score", "speaker", "seed") and table[c].nunique(dropna=False) > 1]
    table = table.dropna(subset=names).dropna(subset=["score"]).reset_index(drop=True)
    names = [name for name in names if table[name].nunique() > 1]
    first = {"condition": "clean", "arm": BASE, "model": question.base}
    bases = {k: v for (_, arm), point in points.items() if arm == BASE for k, v in point.items()}
    for name in names:
        levels = ordered(table[name])
        base = first.get(name) or bases.get(name)
        categories = [base, *(x for x in levels if x != base)] if base in levels else levels
        table[name] = pd.Categorical(table[name], categories=categories)
    return table, names


def _points(results: list[Result]) -> dict[tuple[str, str], dict[str, str | None]]:
    """(model, arm) -> its levels: of the factors of a sweep, else the name of the arm."""
    levels: dict[tuple[str, str], dict[str, str | None]] = {}
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
