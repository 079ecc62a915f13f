"""One call of `run`: check, plan, execute with a progress line, print the table."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pandas as pd

from ...baselines.registry import choose
from ...errors import InputError
from ...protocols.parts.protocol import utterance_of
from ...results.evidence.files import read_json, write_bytes
from ...results.evidence.store import Run, check_readable, create, open_run, plan_name
from ..checks.diagnosis import PAIR, import_problem
from ..environment import cores, installed, pair_problem
from ..planning.plan import Cell, Plan
from ..planning.request import Request, resolve
from ..prepared.corpus import Corpus
from .execute import Outcome, Work, execute, pending
from .progress import cells_progress

if TYPE_CHECKING:
    import torch

#: what the run folder keeps of every utterance
UTTERANCE_COLUMNS = (
    "id", "corpus", "path", "speaker", "gender", "language", "emotion", "label", "sentence", "session", "dialogue",
    "intensity", "official_split", "seconds", "audio_hash",
)  # fmt: skip


@dataclass(frozen=True)
class Session:
    """How a plan is to be run: where, on what, and where to."""

    jobs: int | None = None  # None: as many as there are cores where networks train on the CPU, else 1
    device: str = "auto"
    precision: str = "fp32"
    out: Path | None = None
    keep_weights: bool = False

    def run(self, requests: Sequence[Request], name: str) -> tuple[Run, int]:
        """Run what is not done yet, one request after another in one folder, and print the table of all.

        ``name`` begins that of a new run folder. Returns the run and the exit code.
        """
        device = self.checked_device()
        resolved = [resolve(request) for request in requests]
        plans = [plan for plan, _ in resolved]
        _check_ready(plans)
        run = self._folder(plans, name)
        said = [notes(plan, corpora, request) for request, (plan, corpora) in zip(requests, resolved, strict=True)]
        # all before any is run: by its plans a stopped run is known again
        for request, (plan, corpora), lines in zip(requests, resolved, said, strict=True):
            _store(run, plan, corpora, request, lines)
        failed: list[Cell] = []
        kept: set[str] = set()
        for number, ((plan, corpora), lines) in enumerate(zip(resolved, said, strict=True)):
            if not self.keep_weights:
                kept = _keep_for_later(run, plan, plans[number + 1 :], kept)
            failed += self._run_one(run, plan, corpora, lines, device)
        return run, _finish(run, failed)

    def _run_one(
        self, run: Run, plan: Plan, corpora: dict[str, Corpus], said: list[str], device: "torch.device"
    ) -> Sequence[Cell]:
        """Run one plan; returns the cells that failed."""
        groups = pending(run, plan)
        todo = sum(map(len, groups))
        _say_plan(run, plan, said, todo)
        jobs = self.jobs or _jobs(device.type, groups)
        work = Work(plan, corpora, run.folder, str(device), self.precision, self.keep_weights)
        with cells_progress(todo) as progress:
            outcome = execute(work, groups, jobs, progress)
        _clean(run, plan, outcome)
        return outcome.failed

    def checked_device(self) -> "torch.device":
        """The device. Raises InputError for options that do not fit, before anything is prepared."""
        from ..device import check_precision, resolve

        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs {self.jobs}: at least one training at a time is needed")
        device = resolve(self.device)
        check_precision(self.precision, device)
        return device

    def _folder(self, plans: Sequence[Plan], name: str) -> Run:
        """``--out``, else the newest run of exactly these plans, else a new folder."""
        if self.out is not None:
            run = create(self.out, version("serbench"))
            check_readable(run, sorted(run.done(cell.key for plan in plans for cell in plan.cells)))
            return run
        wanted = {plan_name(cell.key for cell in plan.cells) for plan in plans}
        for folder in sorted(Path("runs").glob(f"{name}-*/plans"), reverse=True):
            if {path.stem for path in folder.glob("*.parquet")} != wanted:
                continue
            run = open_run(folder.parent)
            left = any(pending(run, plan) for plan in plans)
            said = "is not finished" if left else "is finished: nothing is trained; --out DIR is another run"
            click.echo(f"Going on with {run.folder}, which asked for the same and {said}.", err=True)
            return run
        stamp = time.strftime("%Y%m%d-%H%M%S")
        return create(Path("runs") / f"{name}-{stamp}", version("serbench"))


def _check_ready(plans: Sequence[Plan]) -> None:
    """Refuse models whose package or weights are not here, or that cannot be loaded, before any trial begins.

    Raises InputError.
    """
    models = {(cell.trial.spec, cell.trial.overrides) for plan in plans for cell in plan.cells}
    every = [(spec, choose(spec, dict(overrides))) for spec, overrides in sorted(models)]
    lacking = [(spec, chosen.card.needs(chosen.settings)) for spec, chosen in every]
    if said := dict.fromkeys(f"{spec}: {lacks}" for spec, lacks in lacking if lacks):
        raise InputError("; ".join(said))
    if any(chosen.card.kind == "network" for _, chosen in every) and (problem := import_problem("torchaudio")):
        raise InputError(f"networks cannot be trained here: {pair_problem(*map(installed, PAIR)) or problem}")


def _keep_for_later(run: Run, plan: Plan, later: Sequence[Plan], kept: set[str]) -> set[str]:
    """Have weights stay that a later plan uses too; those ``kept`` so far that none needs any more may go.

    Returns which are kept.
    """
    mine, wanted = ({cell.trial.training for one in plans for cell in one.cells} for plans in ([plan], later))
    for training in kept - wanted:
        run.kept_path(training).unlink(missing_ok=True)
        if training not in mine:
            run.drop_weights(training)
    new = {training for training in mine & wanted if not run.kept_path(training).exists()}
    for training in new:
        write_bytes(run.kept_path(training), b"")
    return (kept & wanted) | new


def _jobs(device: str, groups: Sequence[Sequence[Cell]]) -> int:
    """Networks on the CPU train side by side, one thread each; classical models are quicker than a new process."""
    kinds = [choose(cells[0].trial.spec).card.kind for cells in groups]
    return min(cores(), kinds.count("network"), 8) or 1 if device == "cpu" else 1


def _clean(run: Run, plan: Plan, outcome: Outcome) -> None:
    """Remove weights that a killed process left behind although every cell of their training is stored."""
    if not outcome.failed:
        left = {path.stem for path in (run.folder / "weights").glob("*.safetensors")}
        for training in left & {cell.trial.training for cell in plan.cells}:
            run.drop_weights(training)


def _store(run: Run, plan: Plan, corpora: dict[str, Corpus], request: Request, said: list[str]) -> None:
    """What was asked for, and the labelled tables, so that the run folder explains itself."""
    protocol = plan.design.protocol
    facts = {
        "command": sys.argv[1:],
        "request": asdict(request),
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "summary": protocol.summary,
        "promises": sorted(protocol.promises),
        "permits": sorted(protocol.permits),
        "leaks": sorted({leak for leaks in plan.leaks.values() for leak in leaks}),
        "notes": said,
        "coverage": plan.design.coverage.to_dict(orient="records"),
        "corpora": {c.name: {"fingerprint": c.fingerprint, "rate_hz": c.rate_hz} for c in corpora.values()},
    }
    run.add_plan(plan.frame(), facts)
    _store_siblings(run, plan)
    table = plan.design.labelled.table
    for name, part in table.groupby("corpus"):
        columns = [c for c in UTTERANCE_COLUMNS if c in part.columns]
        run.add_utterances(f"{name}-{plan.data[name][:12]}-{plan.design.maps[name]}", part[columns])


def _store_siblings(run: Run, plan: Plan) -> None:
    """For folds that train on copies of their test rows: how many of them each test row has there."""
    for number, fold_hash in {cell.trial.fold: cell.trial.fold_hash for cell in plan.cells}.items():
        fold = plan.folds[number]
        trained = Counter(utterance_of(row) for row in fold.train)
        counts = [trained[utterance_of(row)] for row in fold.test]
        if any(counts):
            run.add_siblings(fold_hash, pd.DataFrame({"row": fold.test, "siblings": counts}))


def notes(plan: Plan, corpora: dict[str, Corpus], request: Request) -> list[str]:
    """A line for whatever is dropped or odd; `run` stores them, `plan` tells them before."""
    synthetic = "built-in synthetic corpora: a check that everything runs, not a finding"
    of_corpora = [f"{c.name}: {note}" for c in corpora.values() for note in c.notes]
    changed = [f"set: {', '.join(request.settings)}"] if request.settings else []
    return [*([synthetic] if request.synthetic else []), *changed, *of_corpora, *plan.notes]


def _say_plan(run: Run, plan: Plan, said: list[str], todo: int) -> None:
    for note in said:
        click.echo(f"Note: {note}", err=True)
    kept = len(plan.cells) - todo
    click.echo(
        f"{len(plan.models)} models, {len(plan.design.split.folds)} folds, {plan.seeds} seeds: {len(plan.cells)} cells"
        + (f", {kept} of them done already" if kept else "")
        + f"; results in {run.folder}",
        err=True,
    )


def _finish(run: Run, failed: Sequence[Cell]) -> int:
    """Print the table, and every failure with the last line of its traceback."""
    from ..commands.show import text_of, write_tables

    click.echo(text_of(*write_tables(run)), nl=False)
    click.echo(f"tables and figures: {run.folder}/tables, {run.folder}/figures", err=True)
    errors = Counter(
        (cell.trial.model, str(read_json(run.record_path(cell.key))["error"]).strip().splitlines()[-1])
        for cell in failed
    )
    for (model, error), n in errors.items():
        click.echo(f"Failed: {model}, {n} cells: {error}", err=True)
    if failed:
        click.echo(f"{len(failed)} cells failed; tracebacks in {run.folder}/records; all others are kept", err=True)
    return 1 if failed else 0
