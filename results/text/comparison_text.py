"""Comparisons of two models."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from ..questions.compare import FALSE_ALARMS, Comparison
from ..statistics.metrics import METRICS
from ..statistics.speakers import OVER_BOTH, OVER_FOLDS, PairedTest
from .grids import Document, Grid, Lines, Paragraph, Records

INDENT = "  "
NONE = "–"
MEANS = (
    "A and B: scores as tables show them, averaged over seeds; A − B: their difference, which is what is tested, over "
    "test speakers and trainings, or over folds where speakers are in several."
)


def p_value(p: float | None) -> str:
    """Three decimals, never 0.

    >>> p_value(0.0312), p_value(0.00004), p_value(None)
    ('0.031', '<0.001', '–')
    """
    return NONE if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def points(value: float | None) -> str:
    """A difference in points, signed.

    >>> points(0.0312), points(-0.2)
    ('+3.1', '-20.0')
    """
    return NONE if value is None else f"{100 * value:+.1f}"


def points_of(margin: float) -> str:
    """A margin in points.

    >>> points_of(0.01), points_of(0.025)
    ('1 point', '2.5 points')
    """
    return f"{100 * margin:g} point{'' if margin == 0.01 else 's'}"


def interval(test: PairedTest) -> str:
    """Mean difference and its interval, in points."""
    if test.low is None or test.high is None:
        return points(test.mean)
    return f"{points(test.mean)} [{points(test.low)}, {points(test.high)}]"


def document(comparisons: Sequence[Comparison]) -> Document:
    """All comparisons: per protocol a line each with the main test, then what stands beside it."""
    return Document(
        text=lambda width: list(_paragraphs(comparisons)),
        print=lambda: [tuple(_printed(comparisons))],
        records=lambda: records(comparisons),
        data=lambda: to_json(comparisons),
        ascii=True,
    )


def _paragraphs(comparisons: Sequence[Comparison]) -> Iterator[Paragraph]:
    if not comparisons:
        yield (Lines(("Nothing to compare: the two models share no task.",)),)
        return
    yield (Lines((f"A: {comparisons[0].a}", f"B: {comparisons[0].b}"), whole=True),)
    for _, part in groupby(comparisons, key=_family):
        family = list(part)
        yield _head(family[0])
        yield (Grid("", _header(family), tuple(_lines(family)), left=1),)
        yield from map(_details, family)
    if any(c.main.mean is not None for c in comparisons):
        yield (Lines((MEANS,), hang=2),)
    if any(c.plain for c in comparisons):
        t, m = (f"{100 * FALSE_ALARMS[name]:.0f} %" for name in ("plain t", "mcnemar"))
        text = (
            "* As papers print them: they take rows, or folds and seeds, as independent. Simulated false alarms at 5 % "
            f"where equal models suit ten speakers differently: plain t {t}, McNemar {m}; the main test 5 %."
        )
        yield (Lines((text,), hang=2),)


def _family(c: Comparison) -> tuple[str, ...]:
    return (c.setup.protocol, c.setup.label_map, *c.setup.leaks)


def _head(c: Comparison) -> Paragraph:
    leaks = f"LEAK, permitted by the protocol: {', '.join(c.setup.leaks)}"
    text = f"{c.setup.protocol}, label map {c.setup.label_map}: {METRICS[c.metric].title} in %, differences in points"
    return Lines((text,), hang=2), Lines((leaks,) if c.setup.leaks else (), whole=True)


def _header(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    family = sum(c.main.p is not None for c in comparisons)
    return ("", "A", "B", _of_difference(comparisons[0]), "p", f"Holm\nof {family}" if family else "Holm")


def _of_difference(c: Comparison) -> str:
    return f"A − B [{100 * c.level:g} %]"


def _lines(comparisons: Sequence[Comparison]) -> Iterable[tuple[str, ...]]:
    """A line each; under several conditions the corpora are headings."""
    several = len({c.setup.condition for c in comparisons}) > 1
    for where, part in groupby(comparisons, key=lambda c: c.setup.where):
        if several:
            yield (where,)
        for c in part:
            name = f"  {c.setup.condition}" if several else where
            a, b = (NONE if s is None else f"{100 * s:.1f}" for s in (c.score_a, c.score_b))
            difference = "refused" if c.reason else interval(c.main)
            yield (name, a, b, difference, p_value(c.main.p), p_value(c.holm))


def _details(c: Comparison) -> Paragraph:
    head = Lines((f"{c.setup.where}, {c.setup.condition}",), whole=True)
    refusal = Lines((f"REFUSED: {c.reason}",) if c.reason else (), INDENT, 2)
    if not c.n_rows:  # nothing could be paired
        return head, refusal
    seeds = f"{c.seeds[0]} seed(s) each" if c.seeds[0] == c.seeds[1] else f"{c.seeds[0]} and {c.seeds[1]} seeds"
    size = f"{c.n_rows} test rows of {c.n_speakers} speakers, {c.n_folds} fold(s), {seeds}; main test: {_named(c.main)}"
    notes = (*(f"Note: {note}" for note in c.notes), *_beside(c))
    return head, Lines((size,), INDENT, 2), refusal, Lines(notes, INDENT, 2), Lines(tuple(_papers(c)), f"{INDENT}* ", 2)


def _beside(c: Comparison) -> Iterable[str]:
    e, q, t = c.effect, c.posterior, c.equivalence
    if e and e.sd is not None:
        d = NONE if e.d_z is None else f"{e.d_z:.2f}"
        bounds = "" if e.low is None or e.high is None else f" [{e.low:.2f}, {e.high:.2f}]"
        units = c.main.units
        yield f"effect: d_z {d}{bounds}, deviation of the {units}' differences {100 * e.sd:.1f} points"
    if q and q.within is not None and q.above is not None and q.below is not None:
        yield (
            f"Bayes: A better {q.above:.3f}, equal within {points_of(q.rope)} {q.within:.3f}, B better {q.below:.3f}"
        )
    if t and t.p is not None:
        least = "" if t.least is None else f"; none beyond {100 * t.least:.1f} points at {100 * (1 - c.level):g} %"
        yield f"no difference beyond {points_of(t.margin)} (two one-sided tests): p {p_value(t.p)}{least}"
    crossing = "; speakers are in several folds: not about new ones" if c.main.name == OVER_FOLDS else ""
    for test in c.beside:
        yield f"{_named(test)}: {_result(test)}" + (crossing if test.name == OVER_BOTH and test.p else "")


def _papers(c: Comparison) -> Iterable[str]:
    if c.plain:
        yield f"{_named(c.plain)}: {_result(c.plain)}"
    if c.mcnemar:
        m = c.mcnemar
        yield f"exact McNemar, one seed: only A right {m.only_a}, only B right {m.only_b}: p {p_value(m.p)}"


def _named(test: PairedTest) -> str:
    units = "folds × seeds" if "×" in test.name else test.units
    return f"{test.name} (n = {test.n} {units})" if test.n != 1 else test.name


def _result(test: PairedTest) -> str:
    return f"refused: {test.reason}" if test.reason else f"{interval(test)}, p {p_value(test.p)}"


def records(comparisons: Sequence[Comparison]) -> Records:
    """A row per comparison, every number in [0, 1]; what is unknown is empty."""
    numbers = ("score_a", "score_b", "difference", "low", "high", "p", "holm_p", "d_z", "p_plain_t", "p_mcnemar")
    facts = ("protocol", "train", "test", "condition", "label_map", "leaks", "a", "b", "metric", "main_test")
    rows = []
    for c in comparisons:
        m, e = c.main, c.effect
        own = (c.score_a, c.score_b, m.mean, m.low, m.high, m.p, c.holm, e.d_z if e else None)
        values = ["" if x is None else f"{x:.6g}" for x in (*own, *_as_papers(c))]
        facts_of = (*c.setup[:5], " ".join(c.setup.leaks), c.a, c.b, c.metric, m.name, m.n, f"{c.level:g}")
        rows.append((*facts_of, *values, m.reason or ""))
    return Records((*facts, "n", "level", *numbers, "reason"), tuple(rows))


def _as_papers(c: Comparison) -> tuple[float | None, float | None]:
    """p of plain t and of McNemar."""
    return c.plain.p if c.plain else None, c.mcnemar.p if c.mcnemar else None


def _printed(comparisons: Sequence[Comparison]) -> Iterator[Grid]:
    """A table per protocol: the main test, and beside it what papers print."""
    for _, part in groupby(comparisons, key=_family):
        family = list(part)
        first = family[0]
        rows = []
        for line, c in zip((x for x in _lines(family) if len(x) > 1), family, strict=True):
            where = c.setup.where if c.setup.condition == "clean" else f"{c.setup.where}, {c.setup.condition}"
            rows.append((where, *line[1:], *map(p_value, _as_papers(c))))
        header = ("", first.a, first.b, _of_difference(first), "p", "Holm", "plain t", "McNemar")
        leaks = f", LEAK: {', '.join(first.setup.leaks)} shared" if first.setup.leaks else ""
        caption = (
            f"{METRICS[first.metric].title} in % of {first.a} (A) and {first.b} (B) under {first.setup.protocol}{leaks}"
            f"; main test: {first.main.name}; plain t and McNemar as papers print them. {MEANS}"
        )
        yield Grid("", header, tuple(rows), caption=caption, label="-".join(("compare", *_family(first))))


def to_json(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """As `compare --json` prints them: plain, unknown is None, never NaN."""
    plain = []
    for c in comparisons:
        values: dict[str, Any] = {**c.setup.facts, "leaks": list(c.setup.leaks)}
        for name in ("a", "b", "metric", "score_a", "score_b", "n_rows", "n_speakers", "n_folds", "level"):
            values[name] = getattr(c, name)
        values["n_seeds"] = list(c.seeds)
        values["main"], values["holm_p"], values["reason"] = asdict(c.main), c.holm, c.reason
        values["beside"] = [asdict(test) for test in c.beside]
        for name in ("effect", "posterior", "equivalence"):
            part = getattr(c, name)
            values[name] = None if part is None else asdict(part)
        values["as_papers_print"] = {
            "plain_t": c.plain and asdict(c.plain),
            "mcnemar": c.mcnemar and asdict(c.mcnemar),
            "false_alarms": FALSE_ALARMS,
        }
        values["uncertainty"] = None if c.uncertainty is None else asdict(c.uncertainty)
        values["notes"] = list(c.notes)
        plain.append(values)
    return plain
