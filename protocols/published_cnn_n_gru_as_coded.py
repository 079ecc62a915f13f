"""`published-cnn-n-gru-as-coded`: what the code of Nfissi et al. (2022) does with the split of `published-cnn-n-gru`.

The recurrent state goes from batch to batch, test rows lie class by class, and the last incomplete batch is dropped.
"""

from dataclasses import dataclass, replace

import pandas as pd

from ..errors import InputError
from .parts.protocol import BASE, Arm, Fold, Practice, Split
from .parts.replay import check_repeats, without_last_batches
from .published_cnn_n_gru import PROTOCOL as AS_WRITTEN
from .published_cnn_n_gru import Options as Draws
from .published_cnn_n_gru import split as as_written


@dataclass(frozen=True, slots=True)
class Options:
    """``batch``: clips in a batch, in training too; 16 is that of the published matrix of TESS. ``repeats``: draws."""

    batch: int = 16
    repeats: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no batch, and less than one draw."""
        check_repeats("published-cnn-n-gru-as-coded", self.repeats)
        if self.batch < 1:
            raise InputError(f"published-cnn-n-gru-as-coded.batch={self.batch}: at least 1 clip")


def split(table: pd.DataFrame, options: Options) -> Split:
    """The fold of each corpus without its last incomplete batch."""
    whole = as_written(table, Draws(options.repeats))
    labels = dict(zip(table["id"], table["label"], strict=True))
    folds: list[Fold] = []
    notes = list(whole.notes)
    for fold in whole.folds:
        kept, losses = without_last_batches([fold], labels, options.batch, BASE.name)
        folds += kept
        notes += losses
    return Split(tuple(folds), tuple(notes))


def arms(options: Options) -> tuple[Arm, ...]:
    """The one way of the code."""
    return (Arm(settings=(("batch", str(options.batch)),), practice=Practice(order="class", state="carried")),)


PROTOCOL = replace(
    AS_WRITTEN,
    name="published-cnn-n-gru-as-coded",
    summary="replay of the code: states go from batch to batch, test rows lie by class, the last batch is dropped",
    split=split,
    null="either",  # what a recurrent network remembers of known speakers is its own affair
    permits=AS_WRITTEN.permits | {"order"},
    options=Options(),
    arms=arms,
)
