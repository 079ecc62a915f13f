"""Run folders as frames."""

from functools import cached_property
from pathlib import Path

import pandas as pd

from ...results.evidence.evidence import Evidence
from ...results.evidence.store import find_run
from ...results.evidence.verification import Verification
from ...results.evidence.verification import verify as verify_run
from ...results.questions.ladder import Ladder
from ...results.text.run_table import RunTable, run_table
from .tables import Table


class Results:
    """What run folders hold, read as one: a finished cell counts before a failed one, whatever their order."""

    def __init__(self, table: RunTable) -> None:
        self._table = table

    @property
    def evidence(self) -> Evidence:
        """What everything is computed from."""
        return self._table.evidence

    @property
    def folders(self) -> tuple[Path, ...]:
        """The run folders."""
        return tuple(run.folder for run in self.evidence.runs)

    @property
    def records(self) -> pd.DataFrame:
        """A line per cell, with the columns of a record: key, model, arm, fold, seed, condition, seconds_fit, ..."""
        return self.evidence.records

    @property
    def predictions(self) -> pd.DataFrame:
        """A line per prediction: key (of its cell), row, utterance, speaker, truth, guess."""
        return self.evidence.predictions

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A line per score, as `show --csv` has them: metrics in [0, 1] with sd, low, high; empty where unknown."""
        return self.table.frame

    @property
    def ladders(self) -> list[Ladder]:
        """Leak ladders, where the runs hold any: steps that leak less and less, with what each costs."""
        return self._table.ladders

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of them."""
        return tuple(self.evidence.notes)

    @cached_property
    def table(self) -> Table:
        """The table that `show` prints."""
        return Table(self._table.document(), self.notes)

    def __str__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def verify(*runs: str | Path) -> list[Verification]:
    """Read every file of run folders, as `serbench verify` does; what is wrong is in ``findings``, ``ok`` says if any.

    Raises InputError where there is no run.
    """
    return [verify_run(find_run(str(run))) for run in runs]


def load(*runs: str | Path, mixed: bool = False) -> Results:
    """Read runs: folders, names of folders in ``runs/``, or ``latest``; also while they go on.

    ``mixed``: pool cells of several devices or precisions in one score, which is refused without. Raises InputError
    where there is no run, StoreError where one is damaged.
    """
    return Results(run_table([find_run(str(run)) for run in runs], mixed))
