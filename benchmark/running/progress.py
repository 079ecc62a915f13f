"""Progress of a run: a bar on a terminal, a line now and then elsewhere. Written to standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..planning.plan import Cell

if TYPE_CHECKING:
    from .execute import Progress

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def cells_progress(total: int) -> Iterator["Progress"]:
    """Count stored cells, with rate and time left."""
    if not sys.stderr.isatty():
        yield _lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", justify="left"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("cells", total=total, rate="")
        started, failures, done = time.monotonic(), 0, 0

        def stored(cell: Cell, failed: bool) -> None:
            nonlocal failures, done
            failures, done = failures + failed, done + 1
            about = f"{cell.trial.model}" + (f", {failures} failed" if failures else "")
            rate = f"{done / (time.monotonic() - started):.2g}/s"
            bar.update(task, advance=1, description=about, rate=rate)

        yield stored


def _lines(total: int) -> "Progress":
    started = last = time.monotonic()
    done = failures = 0

    def stored(cell: Cell, failed: bool) -> None:
        nonlocal last, done, failures
        done, failures = done + 1, failures + failed
        now = time.monotonic()
        if done == total or now - last >= SECONDS_BETWEEN_LINES:
            last, rate = now, done / max(now - started, 1e-9)
            left = f", {(total - done) / rate:.0f} s left" if done < total else f" in {now - started:.0f} s"
            lost = f", {failures} failed" if failures else ""
            print(f"{done} of {total} cells, {rate:.2g}/s{left}{lost}", file=sys.stderr, flush=True)

    return stored
