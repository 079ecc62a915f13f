"""How a run goes on, for a terminal: a bar there, a line now and then elsewhere. Written to standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from ...errors import printable
from ...results.evidence.store import Run
from ..planning.plan import Cell
from ..planning.ready import ReadyPlan
from ..running.progress import Progress

SECONDS_BETWEEN_LINES = 10.0


class TerminalProgress(Progress):
    """Says on the error output what a run says."""

    bars = True

    def __init__(self) -> None:
        self.count: Callable[[Cell, bool], None] = lambda cell, failed: None

    def note(self, text: str) -> None:
        """A line."""
        _say(f"Note: {text}")

    def resume(self, run: Run, finished: bool) -> None:
        """Which folder, and whether anything is left to do in it."""
        state = "is finished: nothing is trained; --again trains anew" if finished else "is not finished"
        _say(f"Going on with {run.folder}, which asked for the same and {state}.")

    @contextmanager
    def plan(self, ready: ReadyPlan, run: Run, pending: int) -> Iterator[None]:
        """The notes of a plan, its counts, then its cells."""
        for note in ready.notes:
            self.note(note)
        plan = ready.plan
        done = len(plan.cells) - pending
        _say(
            f"{len(plan.models)} models, {len(plan.design.split.folds)} folds, {plan.seeds} seeds: "
            f"{len(plan.cells)} cells"
            + (f", {done} of them done already" if done else "")
            + f"; results in {run.folder}"
        )
        with _bar(pending) if sys.stderr.isatty() else _lines(pending) as self.count:
            yield

    def cell(self, cell: Cell, failed: bool) -> None:
        """One more."""
        self.count(cell, failed)

    def wait(self, trainings: int) -> None:
        """A line."""
        _say(f"waiting for another process, which has {trainings} trainings in work")


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[Cell, bool], None]]:
    """Count stored cells, with rate and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", justify="left"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("cells", total=total, rate="")
        started, failures, done = time.monotonic(), 0, 0

        def count(cell: Cell, failed: bool) -> None:
            nonlocal failures, done
            failures, done = failures + failed, done + 1
            about = f"{cell.trial.model}" + (f", {failures} failed" if failures else "")
            rate = f"{done / (time.monotonic() - started):.2g}/s"
            bar.update(task, advance=1, description=about, rate=rate)

        yield count


@contextmanager
def _lines(total: int) -> Iterator[Callable[[Cell, bool], None]]:
    started = last = time.monotonic()
    done = failures = 0

    def count(cell: Cell, failed: bool) -> None:
        nonlocal last, done, failures
        done, failures = done + 1, failures + failed
        now = time.monotonic()
        if done == total or now - last >= SECONDS_BETWEEN_LINES:
            last, rate = now, done / max(now - started, 1e-9)
            left = f", {(total - done) / rate:.0f} s left" if done < total else f" in {now - started:.0f} s"
            lost = f", {failures} failed" if failures else ""
            _say(f"{done} of {total} cells, {rate:.2g}/s{left}{lost}")

    yield count
