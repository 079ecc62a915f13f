"""A plan as a document: its folds, the differences that it could see, and what it would cost."""

from collections.abc import Iterator
from dataclasses import asdict

from ...results.statistics.speakers import OVER_BOTH
from ...results.text.grids import Document, Grid, Lines, Paragraph, Records
from ..planning.summary import FoldSummary, PlanSummary, Preview
from .lists import whole

_HEADER = ("train → test", "folds", "train rows", "dev rows", "test rows", "classes", "smallest difference in points")
_COLUMNS = (
    "protocol", "label_map", "train", "test", "arm", "folds", "n_train_low", "n_train_high", "n_dev_low", "n_dev_high",
    "n_test", "classes", "speakers", "detectable", "detectable_test", "reason",
)  # fmt: skip


def document(preview: Preview) -> Document:
    """What would run, plan by plan; of several plans the data are a list."""
    plans = [asdict(summary) for summary in preview.plans]
    return Document(
        lambda width: list(_pages(preview)) if width is None else [(whole(text),) for text in _texts(preview)],
        records=lambda: Records(_COLUMNS, tuple(_record(p, fold) for p in preview.plans for fold in p.folds)),
        data=lambda: plans[0] if len(plans) == 1 else plans,
        ascii=True,
    )


def _texts(preview: Preview) -> Iterator[str]:
    if preview.study is not None:
        yield "\n".join(_question(preview))
    yield from map(plan_text, preview.plans)


def _question(preview: Preview) -> list[str]:
    if preview.study is None:
        return []
    study = preview.study.study
    return [f"{study.name}: {study.question}", *(f"cannot be run: {line}" for line in study.missing)]


def _pages(preview: Preview) -> Iterator[Paragraph]:
    if question := _question(preview):
        yield (Lines(tuple(question)),)
    for plan in preview.plans:
        rows = tuple(
            (_place(f).replace("->", "→"), str(f.folds), _range(f.train_rows), _range(f.dev_rows), str(f.rows),
             str(len(f.classes)), _difference(f))
            for f in plan.folds
        )  # fmt: skip
        heading = f"protocol {plan.protocol}, label map {plan.label_map}"
        leaks = [f"permitted leaks, found in the folds: {', '.join(plan.leaks)}"] if plan.leaks else []
        yield (Grid(heading, _HEADER, rows), Lines((*leaks, *plan.notes, *_costs(plan))))


def _record(plan: PlanSummary, fold: FoldSummary) -> tuple[object, ...]:
    train, dev, least = fold.train_rows, fold.dev_rows, fold.detectable
    return (
        plan.protocol, plan.label_map, fold.train, fold.test, fold.arm, fold.folds, min(train), max(train), min(dev),
        max(dev), fold.rows, ", ".join(fold.classes), fold.speakers, least.difference, least.test, least.reason,
    )  # fmt: skip


def _difference(fold: FoldSummary) -> str:
    least = fold.detectable
    return f"none: {least.reason}" if least.reason else f"{100 * (least.difference or 0):.1f}"


def plan_text(plan: PlanSummary) -> str:
    """A plan for a reader."""
    lines = [f"protocol {plan.protocol}, label map {plan.label_map}"]
    if plan.leaks:
        lines.append(f"permitted leaks, found in the folds: {', '.join(plan.leaks)}")
    lines.append("")
    width = max(len(_place(fold)) for fold in plan.folds)
    lines.append(f"{'train -> test':{width}}  folds  train rows  dev rows  test rows  classes")
    for fold in plan.folds:
        lines.append(
            f"{_place(fold):{width}}  {fold.folds:5}"
            f"  {_range(fold.train_rows):>10}  {_range(fold.dev_rows):>8}"
            f"  {fold.rows:9}  {len(fold.classes)}: {', '.join(fold.classes)}"
        )
    lines += ["", *_differences(plan.folds), _seeds(plan), "", *plan.notes, *_costs(plan)]
    return "\n".join(lines)


def _costs(plan: PlanSummary) -> Iterator[str]:
    n_folds = sum(fold.folds for fold in plan.folds)
    if len(plan.arms) > 1:
        yield f"{len(plan.arms)} arms: {'; '.join(plan.arms)}"
    yield (
        f"{len(plan.models)} models x {n_folds} folds x {plan.seeds} seeds = {plan.trials} trials "
        f"({plan.trainings} trainings), x {len(plan.conditions)} conditions = {plan.cells} cells; "
        f"{plan.done} done already"
    )


def _seeds(plan: PlanSummary) -> str:
    """How many seeds the test needs, and whether there are as many."""
    test, needed = plan.test, plan.seeds_needed
    if needed is None:
        return f"seeds for test {test}: no number of them allows it; known test speakers are too few"
    refused = "" if plan.seeds >= needed else ", with fewer it is refused of the algorithms"
    return f"seeds for test {test}: {needed} needed, {plan.seeds} planned{refused}"


def _place(fold: FoldSummary) -> str:
    own = f" [{fold.arm}]" if fold.arm else ""
    return f"{fold.train} -> {fold.test}{own}"


def _differences(folds: list[FoldSummary]) -> Iterator[str]:
    """The minimum detectable differences, and what they rest on; with the arm where arms differ in theirs."""
    yield "smallest UAR difference of two models that their main test finds at 80 % power, in points"
    places: dict[str, dict[str, list[str]]] = {}  # train and test -> difference -> its arms
    sources: dict[str, None] = {}
    for fold in folds:
        least = fold.detectable
        units = "speakers" if least.test == OVER_BOTH else "folds"
        difference = _difference(fold)
        how = "" if units == "speakers" else ", Nadeau-Bengio: speakers are in several folds"
        here = places.setdefault(f"{fold.train} -> {fold.test}", {})
        here.setdefault(f"{difference} ({least.n} {units}{how})", []).append(fold.arm)
        if least.sd is not None:
            luck = "" if least.luck is None else f", and of scores over seeds, {100 * least.luck:.1f}"
            text = f"of {units}' differences, {100 * least.sd:.1f} points{luck} ({least.source})"
            sources[f"  from deviations: {text}"] = None
    for place, texts in places.items():
        for text, arms in texts.items():
            of_arms = f" [{'; '.join(arms)}]" if len(texts) > 1 else ""
            yield f"  {place}{of_arms}: {text}"
    yield from sources


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low}-{high}"
