"""`carried-weights`: cross-validation in which each fold goes on from the weights of the fold before.

A tenth is never trained on; the rest is cross-validated. Every fold's model is scored on its own validation part,
which chooses the epoch and which, where weights are carried, the folds before have trained on, and on the untouched
tenth.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..errors import InputError
from ..seeds import stream
from .parts.folds import by_corpus, make_fold, stratified
from .parts.protocol import BASE, ROW_LEAKS, Arm, Fold, Leak, Protocol, Split
from .parts.usable import enough_utterances

VERSION = 1
TENTH = 10
#: arm -> (are weights carried, is the validation part scored)
ARMS = {
    BASE.name: (False, False),
    "carried": (True, False),
    "fresh, on validation": (False, True),
    "carried, on validation": (True, True),
}
#: of every arm but the last, whose test rows the folds before have trained on
PROMISES: frozenset[Leak] = frozenset({"audio", "copy"})


@dataclass(frozen=True, slots=True)
class Options:
    """``folds`` of the cross-validation."""

    folds: int = 5

    def __post_init__(self) -> None:
        """Refuse what is no cross-validation."""
        if self.folds < 2:
            raise InputError(f"carried-weights.folds={self.folds}: at least 2 are needed")


def split(table: pd.DataFrame, options: Options) -> Split:
    """Folds of each corpus on its own; the fold number is the repeat, since each scores the same test rows."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        notes += dropped
        folds += _folds(corpus, rest, options.folds)
    return Split(tuple(folds), tuple(notes))


def _folds(corpus: str, table: pd.DataFrame, k: int) -> Iterator[Fold]:
    tested = stratified(table, TENTH, stream("split", corpus, VERSION, "test")) == 0
    number = np.full(len(table), -1)
    number[~tested] = stratified(table[~tested], k, stream("split", corpus, VERSION, "validation"))
    for arm, (carried, validated) in ARMS.items():
        for i in range(k):
            dev = number == i
            parts = np.where(tested, "test", np.where(dev, "dev", "train"))
            fold = make_fold(f"{corpus}/fold-{i + 1:0{len(str(k))}}", (corpus, corpus), table, parts, repeat=i)
            before = f"{corpus}/fold-{i:0{len(str(k))}}" if carried and i else ""
            owed = frozenset[Leak]() if carried and validated else PROMISES
            fold = replace(fold, arm=arm, after=before, promises=owed)
            yield replace(fold, test=fold.dev, repeat=0) if validated else fold


def arms(options: Options) -> tuple[Arm, ...]:
    """Fresh weights scored on the untouched tenth, and the three others."""
    return tuple(Arm(name) for name in ARMS)


PROTOCOL = Protocol(
    name="carried-weights",
    version=VERSION,
    summary="cross-validation with fresh or carried-on weights; scored on test rows and on those that chose the epoch",
    split=split,
    promises=frozenset(),
    permits=frozenset({*ROW_LEAKS, "selection"}),
    null="either",
    options=Options(),
    arms=arms,
)
