"""`oracle-epoch`: what it is worth to choose the epoch on the test set: best on dev, the last, best on test."""

from dataclasses import replace
from typing import Any

import pandas as pd

from .parts.protocol import BASE, Arm, Split
from .speaker_independent import PROTOCOL as NEW_SPEAKERS
from .speaker_independent import split as new_speakers

LAST, ORACLE = "last epoch", "best epoch on test"


def split(table: pd.DataFrame, options: Any) -> Split:
    """Speaker folds three times: with their dev set, without one, and with the test set in its place.

    Training rows are the same; what a classical model chooses on dev, it chooses on the test set too.
    """
    whole = new_speakers(table, options)
    folds = []
    for fold in whole.folds:
        folds += [
            replace(fold, arm=BASE.name), replace(fold, arm=LAST, dev=()), replace(fold, arm=ORACLE, dev=fold.test),
        ]  # fmt: skip
    return Split(tuple(folds), whole.notes)


def arms(options: Any) -> tuple[Arm, ...]:
    """The rule that holds, and the two others."""
    return (BASE, Arm(LAST), Arm(ORACLE))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="oracle-epoch",
    version=1,
    summary="new speakers; the epoch is the best on dev, the last, or the best on the test set itself",
    split=split,
    arms=arms,
    permits=NEW_SPEAKERS.permits | {"selection"},
)
