"""One call of `run`: check, open, design, plan, then execute what is not done yet."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

from ...baselines.registry import choose
from ...errors import InputError
from ...results.evidence.files import StoreError, free_leftovers, read_json, write_bytes
from ...results.evidence.plans import plan_name
from ...results.evidence.record import FORMAT
from ...results.evidence.store import Run, create, free_damaged, open_run
from ..audio.bar import hidden
from ..device import resolve
from ..environment import PAIR, cores, import_problem, installed, pair_problem
from ..planning.frozen import differences, read
from ..planning.options import RunOptions, experiments
from ..planning.plan import Cell, Plan
from ..planning.ready import ReadyPlan, prepare
from ..planning.study import StudyRequest
from ..planning.study_needs import check_needs
from .execute import Work, execute, pending
from .progress import Progress
from .run_folder import store_plan

SILENT = Progress()


@dataclass(frozen=True)
class Failure:
    """Cells of one model that failed with the same error."""

    model: str
    cells: int
    error: str  # the last line of the traceback


@dataclass(frozen=True)
class RunSummary:
    """What a call of `run` did: ``done`` and ``failed`` are cells that it stored, ``skipped`` were stored before.

    ``resumed``: the folder is one that was there already. ``study``: if the run is one.
    """

    run: Run
    plans: tuple[Plan, ...]
    done: int
    failed: int
    skipped: int
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    resumed: bool
    study: StudyRequest | None

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.run.folder

    @property
    def succeeded(self) -> bool:
        """Whether no cell failed in this call: its exit code is 0, else 1."""
        return not self.failed


def run(options: RunOptions, progress: Progress = SILENT) -> RunSummary:
    """Run what is not done yet, one plan after another in one folder; all that is finished is stored there.

    Raises InputError for whatever does not fit, before anything runs, and StoreError where nothing can be written.
    A model that fails is in the summary.
    """
    checked, study = experiments(options)
    for note in study.notes if study else ():
        progress.note(note)
    if study:
        check_needs(study)
    options.check()
    with nullcontext() if progress.bars else hidden():
        ready_plans = [prepare(experiment) for experiment in checked]
    plans = [ready.plan for ready in ready_plans]
    _check_models(plans)
    folder, resumed = _folder(options, plans, study.study.name if study else plans[0].design.protocol.name, progress)
    frozen = _frozen(options, study) if study else None
    for ready in ready_plans:  # all before any is run: by its plans a stopped run is known again
        store_plan(folder, ready, options.command(), frozen)
    skipped, failed = 0, list[Cell]()
    for_later: set[str] = set()
    for number, ready in enumerate(ready_plans):
        if not options.keep_weights:
            for_later = _keep_for_later(folder, ready.plan, plans[number + 1 :], for_later)
        groups = pending(folder, ready.plan)
        skipped += len(ready.plan.cells) - sum(map(len, groups))
        failed += _run_plan(folder, ready, groups, options, progress)
    return RunSummary(
        run=folder,
        plans=tuple(plans),
        done=sum(len(plan.cells) for plan in plans) - skipped - len(failed),
        failed=len(failed),
        skipped=skipped,
        failures=_failures(folder, failed),
        notes=tuple(
            dict.fromkeys([*(study.notes if study else ()), *(note for ready in ready_plans for note in ready.notes)])
        ),
        resumed=resumed,
        study=study,
    )


def _frozen(options: RunOptions, study: StudyRequest) -> dict[str, Any] | None:
    """The frozen plan that is to be followed, as a run folder keeps it, and what is asked otherwise."""
    if options.frozen is None:
        return None
    plan = read(options.frozen)
    return {**plan.stored(), "differences": differences(plan.content, study)}


def _run_plan(
    run: Run, ready: ReadyPlan, groups: Sequence[list[Cell]], options: RunOptions, progress: Progress
) -> list[Cell]:
    """Run the pending groups of one plan; returns the cells that failed."""
    device = resolve(options.device)
    jobs = options.jobs or _jobs(device.type, groups)
    work = Work(ready.plan, ready.corpora, run.folder, str(device), options.precision, options.keep_weights)
    with progress.plan(ready, run, sum(map(len, groups))):
        failed = execute(work, groups, jobs, progress)
    if not failed:
        _drop_weights(run, ready.plan)
    return failed


def _folder(options: RunOptions, plans: Sequence[Plan], name: str, progress: Progress) -> tuple[Run, bool]:
    """``out``, else the newest run of exactly these plans unless it is to be ``again``, else a new folder.

    Of a run that is to be blind, only a blind one goes on. Says whether it was there already.
    """
    if options.out is not None:
        there = (options.out / "run.json").exists()
        if there and options.again:
            raise InputError(
                f"--again: trains in a new folder, and --out {options.out} is there; leave out one of them"
            )
        if there and (number := read_json(open_run(options.out).folder / "run.json")["format"]) < FORMAT:
            progress.note(f"{options.out}: is of format {number}, now of {FORMAT}, which older versions cannot read")
        run = create(options.out, version("serbench"), options.blind)
        _heal(run, plans, progress)
        return run, there
    names = {plan_name(cell.key for cell in plan.cells) for plan in plans}
    for folder in [] if options.again else sorted(Path("runs").glob(f"{name}-*/plans"), reverse=True):
        if {path.stem for path in folder.glob("*.parquet")} == names:
            run = open_run(folder.parent)
            if options.blind and not run.blind:
                continue
            _heal(run, plans, progress)
            progress.resume(run, finished=not any(pending(run, plan) for plan in plans))
            return run, True
    return create(_new_folder(f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"), version("serbench"), options.blind), False


def _heal(run: Run, plans: Sequence[Plan], progress: Progress) -> None:
    """What is stored of these plans and damaged is deleted, by name, so that this command makes it again.

    What killed commands began to write goes without a word: nobody counted on it.
    """
    free_leftovers(run.folder)
    keys = sorted(run.done(cell.key for plan in plans for cell in plan.cells))
    for text in free_damaged(run, keys, {plan_name(cell.key for cell in plan.cells) for plan in plans}):
        progress.note(f"{text}: deleted, and made again")


def _new_folder(name: str) -> Path:
    """A new folder in runs/: two commands that begin in one second have one each."""
    for number in count(1):
        folder = Path("runs") / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise StoreError(f"cannot write {folder}: {error.strerror}; choose another folder with --out") from error
        return folder
    raise AssertionError("numbers do not end")


def _check_models(plans: Sequence[Plan]) -> None:
    """Refuse models whose package or weights are not here, or that cannot be loaded, before any trial begins.

    Raises InputError.
    """
    specs = {(cell.trial.spec, cell.trial.overrides) for plan in plans for cell in plan.cells}
    models = [(spec, choose(spec, dict(overrides))) for spec, overrides in sorted(specs)]
    lacking = [(spec, model.card.needs(model.settings)) for spec, model in models]
    if lines := dict.fromkeys(f"{spec}: {lacks}" for spec, lacks in lacking if lacks):
        raise InputError("; ".join(lines))
    if any(model.card.kind == "network" for _, model in models) and (problem := import_problem("torchaudio")):
        raise InputError(f"networks cannot be trained here: {pair_problem(*map(installed, PAIR)) or problem}")


def _keep_for_later(run: Run, plan: Plan, later: Sequence[Plan], before: set[str]) -> set[str]:
    """Have weights stay that a later plan uses too; those kept ``before`` that none needs any more may go.

    Returns which are kept.
    """
    now, then = ({cell.trial.training for one in plans for cell in one.cells} for plans in ([plan], later))
    for training in before - then:
        run.kept_path(training).unlink(missing_ok=True)
        if training not in now:
            run.drop_weights(training)
    new = {training for training in now & then if not run.kept_path(training).exists()}
    for training in new:
        write_bytes(run.kept_path(training), b"")
    return (before & then) | new


def _jobs(device: str, groups: Sequence[Sequence[Cell]]) -> int:
    """Networks on the CPU train side by side, one thread each; classical models are quicker than a new process."""
    kinds = [choose(cells[0].trial.spec).card.kind for cells in groups]
    return min(cores(), kinds.count("network"), 8) or 1 if device == "cpu" else 1


def _drop_weights(run: Run, plan: Plan) -> None:
    """Remove weights that a killed process left behind although every cell of their training is stored."""
    left = {path.stem for path in (run.folder / "weights").glob("*.safetensors")}
    for training in left & {cell.trial.training for cell in plan.cells}:
        run.drop_weights(training)


def _failures(run: Run, cells: Sequence[Cell]) -> tuple[Failure, ...]:
    """Failed cells by model and error."""
    errors = Counter(
        (cell.trial.model, str(read_json(run.record_path(cell.key))["error"]).strip().splitlines()[-1])
        for cell in cells
    )
    return tuple(Failure(model, n, error) for (model, error), n in errors.items())
