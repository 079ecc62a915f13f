"""What is told while a run goes on. The command line shows it on a terminal, a notebook in its own way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...results.evidence.store import Run
from ..planning.plan import Cell
from ..planning.ready import ReadyPlan

#: called when a cell is stored: (cell, did it fail)
CellCallback = Callable[[Cell, bool], None]


class Progress:
    """Told how a run goes on, in this order; this one shows nothing. Others override what they show.

    ``bars``: whether bars on the error output show how far the corpora are prepared.
    """

    bars = False

    def note(self, text: str) -> None:
        """A line about the whole run, before anything is prepared."""

    def resume(self, run: Run, finished: bool) -> None:
        """A run folder of the same plans is there: the run goes on in it."""

    @contextmanager
    def plan(self, ready: ReadyPlan, run: Run, pending: int) -> Iterator[None]:
        """A plan is run, of which so many cells are pending; entered before its first cell, left after its last."""
        yield

    def cell(self, cell: Cell, failed: bool) -> None:
        """A cell is stored."""

    def wait(self, trainings: int) -> None:
        """Nothing is left but trainings that another process has in work."""
