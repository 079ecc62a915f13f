"""What a run says of each model without comparing any: spread, groups of speakers, probabilities, power."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from ..evidence.groups import GROUPS, by_group, with_utterances
from ..evidence.results import FLOOR, Result, Setup
from ..evidence.sides import Side, why_unpaired
from ..statistics.power import detectable as detectable_difference
from ..statistics.probabilities import PROBABILITY_METRICS, ProbabilityMetric
from ..statistics.probability_intervals import ProbabilityRows, difference, estimate, rows_of
from ..statistics.score_intervals import recall_of, score_interval
from ..statistics.speakers import Interval, refused_of, unknown_speakers
from ..statistics.uncertainty import contrast
from ..statistics.variance import Spread
from .answer_lines import AnswerLine, Question, Unit, of_contrast, of_interval
from .compare import compare_sides


@dataclass(frozen=True)
class SpreadLine:
    """One model on one set-up: ``where``, its spread, and the interval of its mean."""

    where: str
    result: Result
    spread: Spread
    interval: Interval


def spread_lines(question: Question) -> list[SpreadLine]:
    """Of every model that has a finished cell."""
    lines = []
    for e in _results(question):
        deviations, interval = question.spread(e)
        lines.append(SpreadLine(_where(e), e, deviations, interval))
    return lines


def spreads(question: Question) -> list[AnswerLine]:
    """Mean with its interval, deviations over seeds, folds and speakers, and the components that can be told apart."""
    lines = []
    for each in spread_lines(question):
        e, deviations, between = each.result, each.spread, each.interval
        c = deviations.components
        lines.append(
            AnswerLine(
                _where(e), f"{e.label}: mean", deviations.mean, between.low, between.high, n=deviations.n_seeds,
                units="seeds", unit="%", reason=between.reason or "", note="; ".join(c.notes),
            )
        )  # fmt: skip
        numbers = (
            ("deviation over seeds", deviations.sd_seeds, "seeds", deviations.n_seeds),
            ("deviation over folds", deviations.sd_folds, "folds", deviations.n_folds),
            ("deviation over speakers", deviations.sd_speakers, "speakers", deviations.n_speakers),
            *((f"component of {n}, as a deviation", v and v**0.5, "", None)
              for n, v in (("folds", c.fold), ("speakers", c.speaker), ("seeds", c.seed), ("the rest", c.rest))),
        )  # fmt: skip
        lines += [
            AnswerLine(_where(e), f"{e.label}: {what}", v, n=n, units=u, unit="sd")
            for what, v, u, n in numbers
            if v is not None
        ]
    return lines


def recalls(question: Question) -> list[AnswerLine]:
    """The recall of every class with its interval, and minus that of the base where one is named."""
    results = _results(question)
    base = {e.setup: e for e in results if question.base in (e.label, e.model, e.arm)}
    lines = []
    for e in results:
        parts, other = question.side(e).parts, base.get(e.setup)
        for label in e.classes:
            metric = recall_of(e.classes, label)
            value = parts.score(metric)
            if np.isnan(value):
                continue
            interval = (
                unknown_speakers(n) if (n := _unknown(question, e)) else score_interval(parts, metric, question.level)
            )
            n_speakers = question.side(e).rows.query("truth == @label")["speaker"].nunique()
            lines.append(of_interval(_where(e), f"{e.label}: {label}", value, interval, n_speakers))
            if other is not None and other is not e and not _unknown(question, e):
                u = contrast([(1.0, parts), (-1.0, question.side(other).parts)], metric)
                lines.append(of_contrast(_where(e), f"{e.label} − {other.label}: {label}", u, question.level))
    return lines


def _unknown(question: Question, e: Result) -> int:
    """Rows whose speaker is unknown."""
    return int(question.side(e).rows["speaker"].isna().sum())


def by_groups(question: Question) -> list[AnswerLine]:
    """Scores by gender, language, corpus and intensity, the worst group marked."""
    lines = []
    utterances = question.evidence.clips.reset_index()
    if not len(utterances):
        return []
    for e in _results(question):
        rows = with_utterances(_with_clips(question.predictions, e), utterances)
        for column in (c for c in GROUPS if c in rows.columns and rows[c].nunique() > 1):
            groups = by_group(rows, column, e.classes, question.metric)
            for g in groups.table.itertuples(index=False):
                worst = g.group == groups.worst and groups.gap
                apart = f"; the worst, {100 * (groups.gap or 0):.1f} points below the best" if worst else ""
                note = f"{g.n} rows{apart}"
                low, high = (None if pd.isna(x) else float(x) for x in (g.low, g.high))
                lines.append(
                    AnswerLine(
                        _where(e), f"{e.label}: {column} {g.group}", g.score, low, high, n=g.n_speakers, unit="%",
                        reason=g.reason, note=note,
                    )
                )  # fmt: skip
    return lines


def _with_clips(predictions: pd.DataFrame, result: Result) -> pd.DataFrame:
    """Its predictions with the facts of their cells. Keys are looked up once each: a merge of many rows is slow."""
    code, keys = pd.factorize(predictions["key"])
    cell = pd.Index(result.records["key"]).get_indexer(pd.Index(keys.astype(str)))[code]
    own, facts = predictions[cell >= 0], result.records[["seed", "repeat", "fold"]]
    return own.assign(**{name: facts[name].to_numpy()[cell[cell >= 0]] for name in facts.columns})


def probabilities(question: Question) -> list[AnswerLine]:
    """Metrics of probabilities with their intervals, and differences from the base where one is named."""
    wanted = [question.probability] if question.probability else list(PROBABILITY_METRICS.values())
    of_entry: dict[int, tuple[ProbabilityRows | None, str]] = {}
    results = _results(question)
    for k, e in enumerate(results):
        of_entry[k] = rows_of(_with_clips(question.evidence.scored, e), e.classes)
    lines = []
    for k, e in enumerate(results):
        rows, reason = of_entry[k]
        for metric in wanted:
            lines.append(_probability(question, e, rows, reason, metric))
    base = {e.setup: k for k, e in enumerate(results) if question.base in (e.label, e.model, e.arm)}
    for k, e in enumerate(results):
        other = base.get(e.setup)
        if other is not None and other != k:
            lines += _apart(question, e, results[other].label, of_entry[k][0], of_entry[other][0], wanted)
    return lines


def _probability(
    question: Question, e: Result, rows: ProbabilityRows | None, reason: str, metric: ProbabilityMetric
) -> AnswerLine:
    what = f"{e.label}: {metric.title}"
    if rows is None:
        return AnswerLine(_where(e), what, unit="%", reason=reason)
    value = estimate(rows, metric, _rng(question, e))
    line = of_interval(_where(e), what, value.value, value.interval, rows.n_speakers)
    return line if _is_share(metric) else replace(line, unit="")


def _is_share(metric: ProbabilityMetric) -> bool:
    """Whether it is shown in percent; the Brier score goes up to 2 and is shown as it is."""
    return metric.range[1] <= 1


def _apart(
    question: Question, e: Result, base: str, a: ProbabilityRows | None, b: ProbabilityRows | None,
    wanted: list[ProbabilityMetric],
) -> Iterator[AnswerLine]:  # fmt: skip
    for metric in wanted:
        what = f"{e.label} − {base}: {metric.title}"
        if a is None or b is None:
            yield AnswerLine(_where(e), what, reason="one of the two gives no probabilities")
            continue
        value = difference(a, b, metric, _rng(question, e))
        i = value.interval
        unit: Unit = "points" if _is_share(metric) else ""
        yield AnswerLine(_where(e), what, value.value, i.low, i.high, n=a.n_speakers, unit=unit, reason=i.reason or "")


def detectable(question: Question) -> list[AnswerLine]:
    """The least difference of two arms or models that the main test finds at 80 % power."""
    setups: dict[Setup, list[Side]] = {}
    for e in question.results:
        if e.mixed is None and e.role != FLOOR:
            setups.setdefault(e.setup, []).append(question.side(e))
    lines = []
    for setup, sides in setups.items():
        where = ", ".join([setup.where, *([setup.condition] if setup.condition != "clean" else [])])
        pairs = [pair for pair in combinations(sides, 2) if why_unpaired(*pair) is None]
        every = [compare_sides(a, b, question.level).uncertainty for a, b in pairs]
        known = [u for u in every if u is not None and u.error and u.df and u.about == "algorithms"]
        if not known:
            reasons = [u.reason or refused_of("", u).reason for u in every if u is not None]
            reason = next(filter(None, reasons), "it takes two models or arms on the same rows")
            lines.append(AnswerLine(where, "detectable difference", reason=reason))
            continue
        error = float(np.sqrt(np.mean([(u.error or 0) ** 2 for u in known])))
        least = detectable_difference(error, float(np.median([u.df or 0 for u in known])))
        note = f"from {len(sides)} models or arms, whose differences have a standard error of {100 * error:.1f} points"
        lines.append(
            AnswerLine(where, "detectable difference", least, n=known[0].n_clusters, units=known[0].unit, note=note)
        )
    return lines


def _rng(question: Question, e: Result) -> np.random.Generator:
    return question.rng_for(e.setup.protocol, e.setup.train, e.setup.test, e.setup.label_map)


def _results(question: Question) -> list[Result]:
    """Every model and arm on every setup, those of the levels where some are named."""
    words = {*question.levels, *([question.base] if question.levels else [])}
    every = [e for e in question.results if e.mixed is None]
    return [e for e in every if not words or words & {e.label, e.model, e.arm, e.setup.condition}]


def _where(e: Result) -> str:
    parts = [e.setup.protocol, e.setup.where, *([e.setup.condition] if e.setup.condition != "clean" else [])]
    return ", ".join(parts)
