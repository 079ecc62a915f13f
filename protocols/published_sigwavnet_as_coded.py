"""`published-sigwavnet-as-coded`: what the released code of SigWavNet does with the split of `published-sigwavnet`.

One network goes through all ten folds: each begins with the weights of the one before, so that from the second fold
on it was trained on what it is validated on. Its recurrent state goes from batch to batch, validation and test rows
lie class by class, and the last incomplete batch is dropped. Arm ``base`` scores the test rows after every fold, arm
``on validation`` the validation rows of the fold, which is what the code reports and chooses by.
"""

from dataclasses import dataclass, replace

import pandas as pd

from ..errors import InputError
from .parts.protocol import BASE, Arm, Fold, Practice, Split
from .parts.replay import check_repeats, without_last_batches
from .published_sigwavnet import FOLDS
from .published_sigwavnet import PROTOCOL as AS_WRITTEN
from .published_sigwavnet import Options as Draws
from .published_sigwavnet import split as as_written

VALIDATION = "on validation"
NOT_REPLAYED = (
    "not replayed: the code trains and validates at 8 kHz and tests at 16 kHz; here there is one rate",
    "not replayed: the search of the code ends every trial with its first fold; here all ten are run",
    "not replayed: the test function of the code stops with an error, so that no score comes from it; here it tests",
)


@dataclass(frozen=True, slots=True)
class Options:
    """``batch``: clips in a batch, in training too; the code searches 2, 4, 8, 16 and 32. ``repeats``: draws."""

    batch: int = 8
    repeats: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no batch, and less than one draw."""
        check_repeats("published-sigwavnet-as-coded", self.repeats)
        if self.batch < 1:
            raise InputError(f"published-sigwavnet-as-coded.batch={self.batch}: at least 1 clip")


def split(table: pd.DataFrame, options: Options) -> Split:
    """A chain of ten folds for each corpus and draw, scored on test and on validation rows."""
    whole = as_written(table, Draws(options.repeats))
    notes = [*whole.notes, *NOT_REPLAYED]
    labels = dict(zip(table["id"], table["label"], strict=True))
    folds: list[Fold] = []
    for corpus, draw in dict.fromkeys((fold.test_name, fold.repeat // FOLDS) for fold in whole.folds):
        ten = [fold for fold in whole.folds if (fold.test_name, fold.repeat // FOLDS) == (corpus, draw)]
        ten = [replace(fold, after=before) for fold, before in zip(ten, ("", *(f.name for f in ten)), strict=False)]
        validated = [replace(fold, test=fold.dev, repeat=draw) for fold in ten]
        ten = [replace(fold, promises=frozenset({"copy"})) for fold in ten]
        for arm, some in ((BASE.name, ten), (VALIDATION, validated)):
            kept, losses = without_last_batches(some, labels, options.batch, arm)
            folds += kept
            notes += losses
    return Split(tuple(folds), tuple(notes))


def arms(options: Options) -> tuple[Arm, ...]:
    """One training, scored on two sets of rows."""
    practice = Practice(order="class", state="carried")
    return tuple(
        Arm(name, settings=(("batch", str(options.batch)),), practice=practice) for name in (BASE.name, VALIDATION)
    )


PROTOCOL = replace(
    AS_WRITTEN,
    name="published-sigwavnet-as-coded",
    summary="replay of the code: carried weights and states, last batch dropped, rows that chose the epoch scored too",
    split=split,
    null="either",  # what a recurrent network remembers of known speakers is its own affair
    promises=frozenset(),
    permits=AS_WRITTEN.permits | {"copy", "selection", "order"},
    options=Options(),
    arms=arms,
)
