"""Running the cells of a plan that are not stored yet, in this process or in several on this machine.

A training is the unit of work: whoever holds its lock fits once and stores its cells. Locks are released by the
system when a process dies, so a killed run leaves nothing to clean. Another engine (a cluster) needs `Work` and
`work_off` alone: they hold plain data, and everything that is computed is appended to the run folder.
"""

import fcntl
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from ...results.evidence.files import StoreError
from ...results.evidence.store import Run
from ..planning.plan import Cell, Plan
from ..prepared.corpus import Corpus

if TYPE_CHECKING:
    from .cells import Where

#: of each process: sums in another order are other bytes, so the number must not depend on --jobs or the machine
THREADS = 1
#: told after every stored cell: (cell, did it fail)
Progress = Callable[[Cell, bool], None]


@dataclass(frozen=True)
class Work:
    """What a process needs to run trainings of a plan: plain data only."""

    plan: Plan
    corpora: dict[str, Corpus]
    folder: Path
    device: str
    precision: str
    keep_weights: bool


@dataclass
class Outcome:
    """How a run ended: cells stored by this process, failed among them, and left to another process."""

    done: int = 0
    failed: list[Cell] = field(default_factory=list)


def pending(run: Run, plan: Plan) -> list[list[Cell]]:
    """Cells that are not finished, one list per group (a training, or a chain of them), in the order of the plan."""
    done = run.done(cell.key for cell in plan.cells)
    groups: dict[str, list[Cell]] = {}
    for cell in plan.cells:
        if cell.key not in done:
            groups.setdefault(cell.trial.group, []).append(cell)
    return list(groups.values())


def execute(work: Work, groups: Sequence[list[Cell]], jobs: int, progress: Progress) -> Outcome:
    """Run ``groups``, as `pending` gives them. Raises StoreError when the run folder cannot be written."""
    run = Run(work.folder)
    outcome = Outcome()

    def stored(cell: Cell, failed: bool) -> None:
        outcome.done += 1
        outcome.failed += [cell] * failed
        progress(cell, failed)

    if jobs == 1 or len(groups) < 2:
        where = _open(work)
        for cells in _in_turn(run, groups):
            _run_locked(where, work.plan, cells, stored)
    else:
        _in_processes(work, groups, min(jobs, len(groups)), stored)
    return outcome


def _in_turn(run: Run, groups: Sequence[list[Cell]]) -> Iterator[list[Cell]]:
    """Every group; those that another process works on come again after the free ones, until they are stored.

    What another process stored as failed meanwhile is not tried a second time.
    """
    waiting, since, told = list(groups), time.time(), False
    while waiting:
        later: list[list[Cell]] = []
        for cells in waiting:
            with locked(run, cells[0].trial.group) as mine:
                if not mine:
                    later.append(cells)
                    continue
                if todo := [cell for cell in cells if not _settled(run, cell.key, since)]:
                    yield todo
        waiting = later
        if waiting:
            if not told:
                print(f"waiting for another process, which has {len(waiting)} trainings in work", file=sys.stderr)
            told = True
            time.sleep(0.5)


def _settled(run: Run, key: str, since: float) -> bool:
    """Whether a cell is stored, or was stored as failed since this process began."""
    record = run.record_path(key)
    return key in run.done([key]) or (record.exists() and record.stat().st_mtime > since)


@contextmanager
def locked(run: Run, training: str) -> Iterator[bool]:
    """Hold the lock of a training if it is free; tells whether it is held."""
    path = run.folder / "locks" / training
    try:
        path.parent.mkdir(exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; make room and repeat the command") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError as error:
            raise StoreError(f"cannot lock {path}: {error.strerror}; choose --out on another file system") from error
        yield True


def _run_locked(where: "Where", plan: Plan, cells: list[Cell], stored: Progress) -> None:
    from .cells import run_training

    trainings: dict[str, list[Cell]] = {}
    for cell in cells:
        trainings.setdefault(cell.trial.training, []).append(cell)
    for part in trainings.values():
        run_training(where, plan, part, stored)


def _open(work: Work, jobs: int = 1) -> "Where":
    """Device, data and models of this process; the heavy imports happen here."""
    from threadpoolctl import threadpool_limits

    from ..device import configure, resolve
    from ..environment import environment
    from ..training.data import MEMORY, Data
    from ..training.trainer import Trainer
    from .cells import Where

    device = resolve(work.device)
    configure(device, work.precision, THREADS)
    threadpool_limits(THREADS)
    run = Run(work.folder)
    return Where(
        run=run,
        trainer=Trainer(Data(work.corpora, MEMORY // jobs), work.plan.rate_hz, device, work.precision),
        environment=environment(device),
        device=str(device),
        precision=work.precision,
        keep_weights=work.keep_weights,
        scored=Counter(),
    )


_PROCESS: tuple[Work, "Where"] | None = None


def _start(work: Work, jobs: int) -> None:
    global _PROCESS
    _PROCESS = (work, _open(work, jobs))


def work_off(group: list[Cell]) -> list[tuple[Cell, bool]]:
    """Run one group in this process; the cells that were stored, and whether they failed."""
    if _PROCESS is None:
        raise RuntimeError("this process was not started for a plan")
    work, where = _PROCESS
    stored: list[tuple[Cell, bool]] = []
    for cells in _in_turn(where.run, [group]):
        _run_locked(where, work.plan, cells, lambda cell, failed: stored.append((cell, failed)))
    return stored


def _in_processes(work: Work, groups: Sequence[list[Cell]], jobs: int, stored: Progress) -> None:
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (work, jobs)) as pool:
        waiting: list[Future[list[tuple[Cell, bool]]]] = [pool.submit(work_off, group) for group in groups]
        try:
            for future in as_completed(waiting):
                for cell, failed in future.result():
                    stored(cell, failed)
        except BrokenProcessPool as error:
            raise StoreError(
                f"a worker process died, perhaps for lack of memory; {work.folder} keeps what is finished: "
                f"repeat the command with fewer --jobs than {jobs}"
            ) from error
        except BaseException:  # full disk or ctrl-c: what has not begun shall not begin
            pool.shutdown(wait=False, cancel_futures=True)
            raise
