"""Running the cells of a plan that are not stored yet, in this process or in several on this machine.

A training is the unit of work: whoever holds its lock fits once and stores its cells. Locks are released by the
system when a process dies, so a killed run leaves nothing to clean. Another engine (a cluster) needs `Work` and
`work_off` alone: they hold plain data, and everything that is computed is appended to the run folder.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ... import plugins
from ...errors import named
from ...results.evidence.files import StoreError
from ...results.evidence.store import Run, open_run
from .. import locks
from ..audio.workers import submitted, workers
from ..planning.plan import Cell, Plan
from ..prepared.corpus import Corpus
from .progress import CellCallback, Progress

if TYPE_CHECKING:
    from .cells import RunContext

#: of each process: sums in another order are other bytes, so the number must not depend on --jobs or the machine
THREADS = 1
SECONDS_BETWEEN_TRIES = 0.5  # for a lock that another process holds
#: runs groups of cells; those that another process holds come back
Attempt = Callable[[Sequence[list[Cell]]], list[list[Cell]]]


@dataclass(frozen=True)
class Work:
    """What a process needs to run trainings of a plan: plain data only."""

    plan: Plan
    corpora: dict[str, Corpus]
    folder: Path
    device: str
    precision: str
    keep_weights: bool


def pending(run: Run, plan: Plan) -> list[list[Cell]]:
    """Cells that are not finished, one list per group (a training, or a chain of them), in the order of the plan."""
    done = run.done(cell.key for cell in plan.cells)
    groups: dict[str, list[Cell]] = {}
    for cell in plan.cells:
        if cell.key not in done:
            groups.setdefault(cell.trial.group, []).append(cell)
    return list(groups.values())


def execute(work: Work, groups: Sequence[list[Cell]], jobs: int, progress: Progress) -> list[Cell]:
    """Run ``groups``, as `pending` gives them; returns the cells that failed.

    Groups that another process works on are tried again after the free ones, until they are stored; what it stored as
    failed meanwhile is not tried a second time. Raises StoreError when the run folder cannot be written.
    """
    if not groups:
        return []
    failures: list[Cell] = []

    def store(cell: Cell, failed: bool) -> None:
        if failed:
            failures.append(cell)
        progress.cell(cell, failed)

    in_one = jobs == 1 or len(groups) < 2
    with _in_this_process(work, store) if in_one else _in_processes(work, min(jobs, len(groups)), store) as attempt:
        waiting = attempt(groups)
        if waiting:
            progress.wait(len(waiting))
        while waiting:
            time.sleep(SECONDS_BETWEEN_TRIES)
            waiting = attempt(waiting)
    return failures


@contextmanager
def _in_this_process(work: Work, store: CellCallback) -> Iterator[Attempt]:
    context, since = _open(work), time.time()
    yield lambda groups: [group for group in groups if not _run_group(context, work.plan, group, since, store)]


def _run_group(context: "RunContext", plan: Plan, group: list[Cell], since: float, store: CellCallback) -> bool:
    """Run what is not stored of a group, training by training; False where another process holds it."""
    from .cells import run_training

    with _locked(context.run, group[0].trial.group) as held:
        trainings: dict[str, list[Cell]] = {}
        for cell in group if held else ():
            if not _is_stored(context.run, cell.key, since):
                trainings.setdefault(cell.trial.training, []).append(cell)
        for cells in trainings.values():
            run_training(context, plan, cells, store)
        return held


def _is_stored(run: Run, key: str, since: float) -> bool:
    """Whether a cell is finished, or was stored as failed ``since`` then."""
    record = run.record_path(key)
    return key in run.done([key]) or (record.exists() and record.stat().st_mtime > since)


@contextmanager
def _locked(run: Run, training: str) -> Iterator[bool]:
    """Hold the lock of a training if it is free; says whether it is held."""
    path = run.folder / "locks" / training
    with ExitStack() as stack:
        try:
            path.parent.mkdir(exist_ok=True)
            held = stack.enter_context(locks.locked(path))
        except OSError as error:
            raise StoreError(
                f"cannot lock {path}: {error.strerror or error}; make room, or choose --out on another file system, "
                "and repeat the command"
            ) from error
        yield held


def _open(work: Work, jobs: int = 1) -> "RunContext":
    """Device, data and models of this process; the heavy imports happen here."""
    from threadpoolctl import threadpool_limits

    from ..device import configure, resolve
    from ..environment import environment
    from ..training.data import MEMORY, Data
    from ..training.trainer import Trainer
    from .cells import RunContext

    device = resolve(work.device)
    configure(device, work.precision, THREADS)
    threadpool_limits(THREADS)
    run = open_run(work.folder)
    return RunContext(
        run=run,
        trainer=Trainer(Data(work.corpora, MEMORY // jobs), work.plan.rate_hz, device, work.precision),
        environment=environment(device),
        device=str(device),
        precision=work.precision,
        keep_weights=work.keep_weights,
        scored=Counter(),
    )


_PROCESS: tuple[Work, "RunContext"] | None = None


def _start(files: plugins.Files, work: Work, jobs: int) -> None:
    global _PROCESS
    _PROCESS = (work, _open(work, jobs))


def work_off(group: list[Cell], since: float) -> list[tuple[Cell, bool]] | None:
    """Run one group in this process: the cells stored, and whether they failed. None: another process holds it."""
    if _PROCESS is None:
        raise RuntimeError("this process was not started for a plan")
    work, context = _PROCESS
    cells: list[tuple[Cell, bool]] = []
    held = _run_group(context, work.plan, group, since, lambda cell, failed: cells.append((cell, failed)))
    return cells if held else None


@contextmanager
def _in_processes(work: Work, jobs: int, store: CellCallback) -> Iterator[Attempt]:
    since = time.time()
    unfinished: Counter[str] = Counter()  # groups of each model, in their order
    try:
        with workers(jobs, _start, plugins.files(), work, jobs) as pool:

            def attempt(groups: Sequence[list[Cell]]) -> list[list[Cell]]:
                busy: list[list[Cell]] = []
                futures = {submitted(pool, work_off, group, since): group for group in groups}
                unfinished.update(group[0].trial.spec for group in groups)
                for future in as_completed(futures):
                    cells = future.result()
                    unfinished[futures[future][0].trial.spec] -= 1
                    if cells is None:
                        busy.append(futures[future])
                    for cell, failed in cells or ():
                        store(cell, failed)
                return busy

            yield attempt
    except BrokenProcessPool as error:
        raise StoreError(
            f"a worker process died, perhaps for lack of memory{_while(unfinished)}; {work.folder} keeps what is "
            f"finished: repeat the command with fewer --jobs than {jobs}"
        ) from error


def _while(unfinished: Counter[str]) -> str:
    """Which models may have ended it."""
    models = [model for model, groups in unfinished.items() if groups]
    return f" or ended by a model, with cells of {named(models)} to be run" if models else ""
