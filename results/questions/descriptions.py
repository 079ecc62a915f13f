"""What a run says of each model without comparing any: spread, groups of speakers, probabilities, power."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from ..evidence.blocks import blocks
from ..evidence.groups import GROUPS, by_group, interval_of, with_utterances
from ..evidence.results import Result
from ..statistics.power import minimum_detectable, pooled_sd
from ..statistics.probabilities import PROBABILITY_METRICS, ProbabilityMetric
from ..statistics.probability_intervals import ProbabilityRows, difference, estimate, rows_of
from ..statistics.variance import spread
from .answer_lines import AnswerLine, Question, Unit, of_interval


def spreads(question: Question) -> list[AnswerLine]:
    """Mean with its interval, deviations over seeds, folds and speakers, and the components that can be told apart."""
    lines = []
    for e in _results(question):
        rows = question.side(e).rows
        deviations = spread(rows, e.classes, question.metric)
        between = interval_of(rows, e.classes, question.metric, _rng(question, e))
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


def by_groups(question: Question) -> list[AnswerLine]:
    """Scores by gender, language, corpus and intensity, the worst group marked."""
    lines = []
    utterances = question.evidence.clips.reset_index()
    if not len(utterances):
        return []
    for e in _results(question):
        t = e.setup
        rows = with_utterances(_with_clips(question.predictions, e), utterances)
        for column in (c for c in GROUPS if c in rows.columns and rows[c].nunique() > 1):
            rng = question.rng_for(t.protocol, t.train, t.test, t.label_map)
            groups = by_group(rows, column, e.classes, question.metric, rng)
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
    """The least difference of two arms or models that the paired t over speakers finds at 80 % power."""
    lines = []
    for block in blocks(question.records, question.predictions):
        table = block.table(question.metric)
        kept = [name for name in table.columns if name not in block.floor]
        sd = pooled_sd([(table[a] - table[b]).to_numpy() for a, b in combinations(kept, 2)])
        where = ", ".join([block.setup.where, *([block.setup.condition] if block.setup.condition != "clean" else [])])
        if sd is None:
            lines.append(
                AnswerLine(where, "detectable difference", reason="it takes two models or arms on the same rows")
            )
            continue
        least = minimum_detectable(len(table), sd)
        note = f"from {len(kept)} models or arms, whose speaker differences deviate by {100 * sd:.1f} points"
        lines.append(
            AnswerLine(
                where, "detectable difference", least.difference, n=least.n, reason=least.reason or "", note=note
            )
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
