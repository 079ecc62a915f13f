"""How far a long preparation has come: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: told how many of how many are done
Progress = Callable[[int, int], None]
SECONDS_BETWEEN_LINES = 10.0
_HIDDEN = ContextVar("bars are hidden", default=False)


@contextmanager
def hidden() -> Iterator[None]:
    """Within it bars show nothing: for callers who did not ask for any output."""
    token = _HIDDEN.set(True)
    try:
        yield
    finally:
        _HIDDEN.reset(token)


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """Counts on the error output, with the time left; nothing where bars are hidden."""
    if _HIDDEN.get():
        yield lambda done, total: None
        return
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _lines(title: str) -> Progress:
    last = time.monotonic()

    def write_line(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{title}: {done} of {total}", file=sys.stderr, flush=True)

    return write_line
