"""Every two models of a protocol side by side: the main test of each pair, its effect, and what papers would print."""

from collections.abc import Sequence

from ..questions.compare import FALSE_ALARMS, Comparison
from ..statistics.metrics import METRICS
from .comparison_text import MEANS, interval, p_value
from .grids import Grid
from .words import NONE

HEADER = ("model A", "model B", "A", "B", "A − B [{level} %]", "p", "Holm\nof {family}", "d_z", "plain t*", "McNemar*")


def grid(comparisons: Sequence[Comparison]) -> Grid:
    """The pairs of one family, a line each."""
    first = comparisons[0]
    family = sum(c.main.p is not None for c in comparisons)
    level = f"{100 * first.level:g}"
    several = len({c.setup.where for c in comparisons}) > 1
    rows = tuple((*((c.setup.where,) if several else ()), *_row(c)) for c in comparisons)
    leaks = f", LEAK: {', '.join(first.setup.leaks)} shared" if first.setup.leaks else ""
    where = "" if several else f", {first.setup.where}"
    title = f"{first.setup.protocol}, label map {first.setup.label_map}{where}{leaks}"
    about = (
        f"{METRICS[first.metric].title} in % of every two models under {title}; differences in points; p corrected by "
        f"Holm over these {family} tests together. d_z: effect size. {papers()} {MEANS}"
    )
    header = tuple(name.format(level=level, family=family) for name in HEADER)
    header = ("tested on", *header) if several else header
    return Grid(title, header, rows, left=2 + several, caption=about, label="-".join(("pairs", *_family(first))))


def notes(comparisons: Sequence[Comparison]) -> list[str]:
    """What must be known of the pairs: refusals and notes, each once."""
    refused = [f"{c.a} and {c.b} on {c.setup.where}: {c.reason}" for c in comparisons if c.reason]
    return list(dict.fromkeys([*refused, *(note for c in comparisons for note in c.notes)]))


def papers() -> str:
    """What the last two columns are."""
    t, m = (f"{100 * FALSE_ALARMS[name]:.0f} %" for name in ("plain t", "mcnemar"))
    return (
        "* p as papers print them, of rows, or folds and seeds, taken as independent: simulated false alarms at 5 % "
        f"where equal models suit ten speakers differently are {t} and {m}."
    )


def _row(c: Comparison) -> tuple[str, ...]:
    scores = (NONE if s is None else f"{100 * s:.1f}" for s in (c.score_a, c.score_b))
    d = NONE if c.effect is None or c.effect.d_z is None else f"{c.effect.d_z:.2f}"
    plain = (c.plain.p if c.plain else None, c.mcnemar.p if c.mcnemar else None)
    difference = "refused" if c.reason else interval(c.main)
    return (c.a, c.b, *scores, difference, p_value(c.main.p), p_value(c.holm), d, *map(p_value, plain))


def _family(c: Comparison) -> tuple[str, ...]:
    return (c.setup.protocol, c.setup.label_map, *c.setup.leaks)
