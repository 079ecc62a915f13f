"""Regenerated tables as blocks: a title, what must be known to read it, a grid, and notes.

A withdrawn paper says so in the title of every block.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ..evidence.arms import BASE
from ..evidence.results import label_of
from ..papers.comparisons import ClaimLine
from ..papers.paper_tables import MatrixComparison, PaperTable, PaperTables
from ..papers.publication import Claim
from ..papers.verdicts import JUDGED, OUR_RECIPE, RATES, Prediction
from ..statistics.metrics import METRICS
from .grids import Grid

NONE = "–"
NAMED = 4  # lines that a note names


@dataclass(frozen=True, slots=True)
class PaperBlock:
    """A grid with its title, the lines above it and the notes below."""

    title: str
    facts: tuple[str, ...]
    grid: Grid
    notes: tuple[str, ...] = ()


def blocks(tables: PaperTables) -> list[PaperBlock]:
    """Everything that is shown of a paper, in its order."""
    shown = [_table(table, tables) for table in tables.tables]
    if tables.checks:
        shown.append(_checks(tables))
    shown += [_per_class(compared, tables) for compared in tables.matrices]
    if tables.matrices:
        shown.append(_distances(tables))
        shown += [block for compared in tables.matrices for block in _matrices(compared, tables)]
    if tables.derived:
        shown.append(_derived(tables))
    return shown


def percent(value: float | None, digits: int = 1, signed: bool = False) -> str:
    """In percent; unknown is a dash.

    >>> percent(0.8481), percent(0.8481, 2), percent(None), percent(0.03, 1, True)
    ('84.8', '84.81', '–', '+3.0')
    """
    if value is None or np.isnan(value):
        return NONE
    text = f"{100 * value:{'+' if signed else ''}.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def ours(prediction: Prediction | None, digits: int) -> str:
    """Mean, with the digits of the paper, and prediction interval.

    >>> ours(Prediction(0.84, 0.81, 0.87, 5), 2), ours(Prediction(0.84, None, None, 1), 1), ours(None, 1)
    ('84.00 [81.0, 87.0]', '84.0', '–')
    """
    if prediction is None:
        return NONE
    low, high = prediction.low, prediction.high
    between = "" if low is None else f" [{percent(low)}, {percent(high)}]"
    return percent(prediction.mean, digits) + between


def _title(text: str, tables: PaperTables) -> str:
    withdrawn = f" · WITHDRAWN PREPRINT ({tables.paper.withdrawn})" if tables.paper.withdrawn else ""
    return f"{tables.paper.name} · {text}{withdrawn}"


def metric_title(line: ClaimLine | Claim) -> str:
    """A metric as papers call it: ``accuracy``, ``recall of sad``."""
    if line.label:
        return f"{'F1' if line.metric == 'f1' else line.metric} of {line.label}"
    return "accuracy" if line.metric == "wa" else METRICS[line.metric].title if line.metric in METRICS else line.metric


def _table(table: PaperTable, tables: PaperTables) -> PaperBlock:
    header = ("", "paper", "replayed", "honest", "gap to\nreplay", "\nhonest", "verdict")
    rows: list[tuple[str, ...]] = []
    for heading, part in _sections(table.lines):
        rows += [(heading,)] if heading else []
        for label, x in part:
            gaps = (percent(x.gap(p), x.digits, signed=True) for p in (x.replayed, x.honest))
            cells = (x.printed, ours(x.replayed, x.digits), ours(x.honest, x.digits), *gaps)
            rows.append((("  " if heading else "") + label, *cells, x.verdict.word if x.verdict else ""))
    return PaperBlock(_title(table.title, tables), (), Grid("", header, tuple(rows)), tuple(_notes(table.lines)))


def _kind(x: ClaimLine | Claim) -> str:
    return f"{x.task.title}, {metric_title(x)}"


def _sections(lines: Sequence[ClaimLine]) -> list[tuple[str, list[tuple[str, ClaimLine]]]]:
    """Headings with their named lines: one section per corpus and metric, or none where each has a single line."""
    places = [(_kind(x), x.setting) for x in lines]
    how = [
        _told_apart(x, [y for other, y in zip(places, lines, strict=True) if other == place])
        for place, x in zip(places, lines, strict=True)
    ]
    kinds = list(dict.fromkeys(kind for kind, _ in places))
    if len(kinds) == len(set(places)):
        names = [f"{x.setting}, {_kind(x)}" if x.setting else _kind(x) for x in lines]
        return [("", [(name + tail, x) for name, tail, x in zip(names, how, lines, strict=True)])]
    named = [((x.setting or x.task.title) + tail, x) for tail, x in zip(how, lines, strict=True)]
    return [(kind, [(name, x) for name, x in named if _kind(x) == kind]) for kind in kinds]


def _told_apart(x: ClaimLine, same: Sequence[ClaimLine]) -> str:
    """What was run for a line, where there are several replays of one value; the protocol, where they differ in it."""
    if len(same) == 1:
        return ""
    under = f" under {x.protocol}" if len({y.protocol for y in same}) > 1 else ""
    return f", {label_of(x.model, x.arm or BASE)}{under}"


def _notes(lines: Sequence[ClaimLine]) -> Iterable[str]:
    """Under which protocols the numbers were obtained, why a verdict, what else, and the sources."""
    yield from _grouped(lines, "published under: ", lambda x: x.task.published)
    yield from _grouped(lines, "replayed: ", _replayed)
    yield from _grouped(lines, "honest: ", lambda x: _runs(x.model, x.task.honest, x.honest))
    yield from _grouped(lines, "not complete and left out: ", lambda x: x.left_out)
    yield from _grouped(lines, "", _why)
    if any(x.verdict and x.verdict.word in JUDGED for x in lines):
        yield f"error rates, simulated: {RATES.text}"
        yield from _grouped(lines, "perhaps not fixed before: ", lambda x: x.unplanned)
    yield from _grouped(lines, "", lambda x: x.remark)
    yield from _grouped(lines, "source: ", lambda x: x.source + ("" if x.status == "authors" else f" ({x.status})"))


def _replayed(x: ClaimLine) -> str:
    """The runs with the recipe that the verdict rests on."""
    whose = {"authors": " (recipe of the authors)", "ours": " (our recipe)", "": ""}[x.recipe]
    return _runs(label_of(x.model, x.arm or BASE) + whose, x.protocol, x.replayed)


def _runs(model: str, protocol: str, prediction: Prediction | None) -> str:
    return f"{model} under {protocol}, {prediction.n_runs} run{'s' * (prediction.n_runs != 1)}" if prediction else ""


def _why(x: ClaimLine) -> str:
    return f"{x.verdict.word}: {x.verdict.reason}" if x.verdict and x.verdict.reason else ""


def _grouped(lines: Sequence[ClaimLine], mark: str, text_of: Callable[[ClaimLine], str]) -> Iterable[str]:
    """Every text once, with the lines that it is about where it is not about all of them."""
    texts = [text_of(x) for x in lines]
    for text in dict.fromkeys(filter(None, texts)):
        owners = [x for x, other in zip(lines, texts, strict=True) if other == text]
        rest = [x for x, other in zip(lines, texts, strict=True) if other != text]
        yield f"{mark}{text}{_whose(owners, rest)}"


def _whose(owners: Sequence[ClaimLine], rest: Sequence[ClaimLine]) -> str:
    """What tells lines from the rest: their corpora, their names, or both."""
    names: tuple[Callable[[ClaimLine], str], ...] = (
        lambda x: x.task.title,
        lambda x: x.setting,
        lambda x: f"{x.task.title}, {x.setting or metric_title(x)}",
    )
    for name in names if rest else ():
        own = list(dict.fromkeys(map(name, owners)))
        if not {*own} & {*map(name, rest)} or name is names[-1]:
            return f" ({'; '.join(own[:NAMED])}{f' and {len(own) - NAMED} more' if len(own) > NAMED else ''})"
    return ""


def _checks(tables: PaperTables) -> PaperBlock:
    rows = []
    for c in tables.checks:
        values = (percent(c.recomputed, 2), percent(c.claim.number - c.recomputed, 2, signed=True))
        rows.append((_kind(c.claim), c.claim.value, *values, str(c.matrix.counts.sum()), "yes" if c.agrees else "no"))
    header = ("", "published\nnumber", "from the\nfigure", "difference", "rows in\nthe figure", "agree")
    facts = ("The second column is computed from the published confusion matrix; agree: up to the printed digits.",)
    return PaperBlock(_title("Published numbers and published figures", tables), facts, Grid("", header, tuple(rows)))


def _per_class(compared: MatrixComparison, tables: PaperTables) -> PaperBlock:
    """What the published figure gives; with runs, ours beside it."""
    title = _title(f"Precision, recall and F1, {compared.matrix.title}", tables)
    facts = [f"Recomputed from the counts of {compared.matrix.source.cite} ({compared.matrix.printed}); no claims."]
    if compared.reason:
        facts.append(f"No runs beside it: {compared.reason}.")
    by_class = {k: list(v) for k, v in groupby(compared.per_class, key=lambda x: x.label)}
    if not any(x.replayed or x.honest for x in compared.per_class):
        plain = tuple((label, *(percent(x.value) for x in three)) for label, three in by_class.items())
        return PaperBlock(title, tuple(facts), Grid("", ("", "precision", "recall", "F1"), plain))
    rows: list[tuple[str, ...]] = []
    for label, three in by_class.items():
        rows.append((label,))
        for x in three:
            gaps = (percent(x.gap(p), signed=True) for p in (x.replayed, x.honest))
            name = "F1" if x.metric == "f1" else x.metric
            rows.append((f"  {name}", percent(x.value), ours(x.replayed, 1), ours(x.honest, 1), *gaps))
    header = ("", "from\nfigure", "replayed", "honest", "gap to\nreplay", "\nhonest")
    return PaperBlock(title, tuple(facts), Grid("", header, tuple(rows)), tuple(_notes(compared.per_class)))


def _distances(tables: PaperTables) -> PaperBlock:
    rows = tuple(
        (
            c.matrix.title,
            str(c.matrix.counts.sum()),
            percent(c.distance),
            percent(c.distance_honest),
            percent(c.between),
            _standing(c),
        )
        for c in tables.matrices
    )
    header = ("", "rows", "distance to\nreplay", "\nhonest", "between\nour runs", "")
    facts = (
        "Distance in %: the least share of the published answers that would have to change to agree with ours, row by "
        "row of the matrix (total variation, weighted by the published rows of each class).",
    )
    texts = [(c.matrix.title, text) for c in tables.matrices for text in (c.reason, c.left_out)]
    notes = dict.fromkeys(f"{title}: {text}" for title, text in texts if text not in ("", "not run yet"))
    return PaperBlock(_title("Distances of confusion matrices", tables), facts, Grid("", header, rows), tuple(notes))


def _standing(compared: MatrixComparison) -> str:
    """What the distance is about, where it is not the paper."""
    if compared.reason:
        return "not run yet" if compared.reason == "not run yet" else "not comparable"
    return OUR_RECIPE if compared.our_recipe else ""


def _matrices(compared: MatrixComparison, tables: PaperTables) -> Iterable[PaperBlock]:
    """The published matrix and, where there are runs, ours: row percentages."""
    matrix = compared.matrix
    kinds = {"published": matrix.counts, "replayed": compared.replayed, "honest": compared.honest}
    for kind, counts in kinds.items():
        if counts is None:
            continue
        rows = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        lines = tuple((name, *map(percent, row)) for name, row in zip(matrix.classes, rows, strict=True))
        facts = (f"True class down, chosen class across, in % of the row. Printed: {matrix.printed}.",)
        title = _title(f"Confusion matrix, {matrix.title}, {kind}", tables)
        yield PaperBlock(title, facts if kind == "published" else (), Grid("", ("", *matrix.classes), lines))


def _derived(tables: PaperTables) -> PaperBlock:
    rows: list[tuple[str, ...]] = []
    for quantity in dict.fromkeys(d.quantity for d in tables.derived):
        rows.append((quantity,))
        rows += [(f"  {d.task.title}, {d.setting}", d.value) for d in tables.derived if d.quantity == quantity]
    notes = dict.fromkeys(f"{d.quantity}: {d.how}" for d in tables.derived)
    return PaperBlock(
        _title("Computed from what is published; no claims", tables), (), Grid("", ("", "%"), tuple(rows)), tuple(notes)
    )
