"""`dropped-last-batch`: what is lost where the last incomplete batch of the test rows is never scored."""

from dataclasses import dataclass, replace

import pandas as pd

from ..errors import InputError
from .parts.folds import dropped
from .parts.protocol import BASE, Arm, Split
from .speaker_independent import PROTOCOL as NEW_SPEAKERS
from .speaker_independent import split as new_speakers

DROPPED = "last batch dropped"


@dataclass(frozen=True, slots=True)
class Options:
    """``batch``: test rows in a batch."""

    batch: int = 32

    def __post_init__(self) -> None:
        """Refuse batches from which nothing can be missing."""
        if self.batch < 2:
            raise InputError(f"dropped-last-batch.batch={self.batch}: at least 2 rows, or no batch is incomplete")


def split(table: pd.DataFrame, options: Options) -> Split:
    """Speaker folds twice: whole, and without the rows that are left over, class by class, after the full batches."""
    whole = new_speakers(table, options)
    labels = dict(zip(table["id"], table["label"], strict=True))
    folds, notes = [], list(whole.notes)
    for fold in whole.folds:
        kept, lost = dropped(fold, labels, options.batch, DROPPED)
        folds += [replace(fold, arm=BASE.name), kept]
        if lost:
            which = ", ".join(f"{label} {n}" for label, n in lost.items())
            notes.append(f"fold '{fold.name}': not scored where the last batch is dropped: {which}")
    return Split(tuple(folds), tuple(notes))


def arms(options: Options) -> tuple[Arm, ...]:
    """Everything scored, and the last batch dropped."""
    return (BASE, Arm(DROPPED))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="dropped-last-batch",
    version=1,
    summary="new speakers; all test rows are scored, or those in the last incomplete batch are dropped",
    split=split,
    options=Options(),
    arms=arms,
)
