"""A plan in numbers: what would run, and the reason for whatever is left out."""

from collections.abc import Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass

from ...protocols.parts.protocol import Fold, utterance_of
from ...results.evidence.evidence import open_evidence
from ...results.evidence.store import open_run
from ...results.questions.deviations import Deviations, stored_deviations
from ...results.statistics.metrics import METRICS
from ...results.statistics.power import PILOT_LUCK, PILOT_SD, PILOT_SOURCE, over_both, over_folds
from ...results.statistics.speakers import OVER_BOTH, OVER_FOLDS
from ..audio.bar import hidden
from .options import RunOptions, experiments
from .plan import Plan
from .ready import prepare
from .seeds_needed import FoldLayout, seeds_needed
from .study import StudyRequest

STORED = "models of the run folder"
UNKNOWN = Deviations()


@dataclass(frozen=True)
class DetectableDifference:
    """The smallest UAR difference of two models that their main test finds in 80 % of runs, and what it rests on.

    ``n`` speakers or folds, ``sd`` the deviation of their differences, ``luck`` that of the score of a fold over seeds.
    No ``difference`` where a ``reason`` says why.
    """

    test: str
    n: int
    difference: float | None
    sd: float | None
    luck: float | None
    source: str | None
    reason: str | None


@dataclass(frozen=True)
class FoldSummary:
    """The folds of one train -> test, and of one arm where arms have their own; counts of rows by fold."""

    train: str
    test: str
    arm: str
    folds: int
    classes: list[str]
    test_rows: int
    train_rows: list[int]
    dev_rows: list[int]
    rows: int  # test rows, each once
    speakers: int
    detectable: DetectableDifference


@dataclass(frozen=True)
class PlanSummary:
    """What a plan would run; ``done`` cells of it are in the run folder.

    ``test``: the primary one of a study, else ``main``; with fewer than ``seeds_needed`` it is refused somewhere.
    """

    protocol: str
    label_map: str
    leaks: list[str]
    models: list[str]
    arms: list[str]
    seeds: int
    conditions: list[str]
    folds: list[FoldSummary]
    trainings: int
    trials: int
    cells: int
    done: int
    notes: list[str]
    test: str
    seeds_needed: int | None


@dataclass(frozen=True)
class Preview:
    """What `run` would do, plan by plan; ``study`` if it is one; ``notes`` about the whole."""

    plans: tuple[PlanSummary, ...]
    study: StudyRequest | None
    notes: tuple[str, ...]


def plan(options: RunOptions, bars: bool = False) -> Preview:
    """What `run` would do with these options. Raises InputError for whatever does not fit.

    Counts what is done in ``options.out``, and takes the deviation of differences from its models where it holds two.
    ``bars``: show on the error output how far the corpora are prepared.
    """
    checked, study = experiments(options)
    options.check()
    run = open_run(options.out) if options.out is not None and options.out.exists() else None
    deviations = UNKNOWN
    if run is not None:
        evidence = open_evidence([run], mixed=True)
        deviations = stored_deviations(evidence.records, evidence.predictions, METRICS["uar"])
    with nullcontext() if bars else hidden():
        ready_plans = [prepare(experiment) for experiment in checked]
    test = study.form.tests[0].test if study and study.form.tests else "main"
    plans = []
    for ready in ready_plans:
        done = run.done(cell.key for cell in ready.plan.cells) if run is not None else set()
        plans.append(summarize(ready.plan, done, deviations, ready.notes, test))
    return Preview(tuple(plans), study, study.notes if study else ())


def summarize(
    plan: Plan,
    done: Set[str] = frozenset(),
    deviations: Deviations = UNKNOWN,
    notes: Sequence[str] | None = None,
    test: str = "main",
) -> PlanSummary:
    """Counts of a plan. ``done``: keys of cells that are stored; ``notes``: instead of the plan's own."""
    return PlanSummary(
        protocol=plan.design.protocol.name,
        label_map=plan.design.label_map,
        leaks=sorted({leak for leaks in plan.leaks.values() for leak in leaks}),
        models=list(plan.models),
        arms=list(plan.augments),
        seeds=plan.seeds,
        conditions=list(dict.fromkeys(cell.condition.name for cell in plan.cells)),
        folds=[_fold_summary(plan, folds, deviations) for folds in _places(plan)],
        trainings=len({cell.trial.training for cell in plan.cells}),
        trials=len({cell.trial.key for cell in plan.cells}),
        cells=len(plan.cells),
        done=sum(cell.key in done for cell in plan.cells),
        notes=list(plan.notes if notes is None else notes),
        test=test,
        seeds_needed=seeds_needed(test, (_layout(plan, folds) for folds in _places(plan))),
    )


def _places(plan: Plan) -> list[list[Fold]]:
    """The folds that some cell has, by place; those of arms that no model can have are left out with them."""
    used = {plan.folds[index].arm for index in {cell.trial.fold for cell in plan.cells}}
    places: dict[tuple[str, str, str], list[Fold]] = {}
    for fold in plan.design.split.folds:
        if fold.arm in used:
            places.setdefault((fold.train_name, fold.test_name, fold.arm), []).append(fold)
    return list(places.values())


def _layout(plan: Plan, folds: Sequence[Fold]) -> FoldLayout:
    speakers_of = [(fold.repeat, {plan.speakers[utterance_of(row)] for row in fold.test}) for fold in folds]
    speakers = set().union(*(names for _, names in speakers_of))
    tested = [(repeat, speaker) for repeat, names in speakers_of for speaker in names]
    return FoldLayout(
        len({fold.name for fold in folds}), len(speakers - {None}), None not in speakers, len(set(tested)) < len(tested)
    )


def _fold_summary(plan: Plan, folds: Sequence[Fold], deviations: Deviations) -> FoldSummary:
    first = folds[0]
    speakers = {plan.speakers[utterance_of(row)] for fold in folds for row in fold.test}
    crossed = _layout(plan, folds).crossed  # a speaker is in several folds: the main test is over folds
    return FoldSummary(
        train=first.train_name,
        test=first.test_name,
        arm=first.arm,
        folds=len(folds),
        classes=list(first.classes),
        test_rows=sum(len(fold.test) for fold in folds),
        train_rows=[len(fold.train) for fold in folds],
        dev_rows=[len(fold.dev) for fold in folds],
        rows=len({row for fold in folds for row in fold.test}),
        speakers=len(speakers - {None}),
        detectable=_over_folds(folds, deviations.folds)
        if crossed
        else _over_both(speakers, len({fold.name for fold in folds}), plan.seeds, deviations),
    )


def _over_both(speakers: Set[str | None], folds: int, seeds: int, stored: Deviations) -> DetectableDifference:
    """By t over speakers and trainings; without a run's own deviations by those of the pilot runs."""
    sd, source = (PILOT_SD, PILOT_SOURCE) if stored.speakers is None else (stored.speakers, STORED)
    luck = PILOT_LUCK if stored.luck is None else stored.luck
    least = over_both(len(speakers - {None}), folds, seeds, sd, luck)
    reason = "the speaker of some test rows is unknown" if None in speakers else least.reason
    return DetectableDifference(OVER_BOTH, least.n, None if reason else least.difference, sd, luck, source, reason)


def _over_folds(folds: Sequence[Fold], sd: float | None) -> DetectableDifference:
    """By the corrected t over folds."""
    n = len(folds)
    if sd is None:
        reason = "the deviation of folds' differences depends on their size; run two models, and plan with --out RUN"
        return DetectableDifference(OVER_FOLDS, n, None, None, None, None, reason)
    test_rows, train_rows = (sum(map(len, rows)) for rows in zip(*((f.test, f.train) for f in folds), strict=True))
    least = over_folds(n, 1 / n + test_rows / train_rows, sd)
    return DetectableDifference(OVER_FOLDS, n, least.difference, sd, None, STORED, least.reason)
