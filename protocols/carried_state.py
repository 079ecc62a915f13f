"""`carried-state`: a recurrent network begins each batch with the state that the last one left, test rows in order."""

from dataclasses import dataclass

import pandas as pd

from ..errors import InputError
from ..seeds import stream
from .parts.folds import by_corpus, in_turn, make_fold, stratified
from .parts.protocol import BASE, Arm, Fold, Practice, Protocol, Split
from .parts.usable import enough_utterances

VERSION = 1
ARMS = (
    BASE,
    Arm("carried, by class", practice=Practice(order="class", state="carried")),
    Arm("carried, by class, reversed", practice=Practice(order="class-reversed", state="carried")),
    Arm("carried, shuffled", practice=Practice(order="shuffled", state="carried")),
    Arm("zero, by class", practice=Practice(order="class")),
)


@dataclass(frozen=True, slots=True)
class Options:
    """``folds``: few, so that the test rows of a class are many in a row."""

    folds: int = 5

    def __post_init__(self) -> None:
        """Refuse folds without training rows."""
        if self.folds < 3:
            raise InputError(f"carried-state.folds={self.folds}: at least 3 are needed, for test, dev and training")


def split(table: pd.DataFrame, options: Options) -> Split:
    """Folds of each corpus on its own, stratified by label as in the released code; dev is the next fold."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        notes += dropped
        number = stratified(rest, options.folds, stream("split", corpus, VERSION))
        for i, parts in enumerate(in_turn(number, options.folds), start=1):
            folds.append(make_fold(f"{corpus}/fold-{i}", (corpus, corpus), rest, parts))
    return Split(tuple(folds), tuple(notes))


def arms(options: Options) -> tuple[Arm, ...]:
    """The state is zero for every clip, or carried, with test rows in several orders."""
    return ARMS


PROTOCOL = Protocol(
    name="carried-state",
    version=VERSION,
    summary="random folds; a recurrent state that is zero for each clip, or carried from batch to batch, by test order",
    split=split,
    promises=frozenset({"audio", "copy"}),
    permits=frozenset({"speaker", "session", "sentence", "order"}),
    null="either",
    options=Options(),
    arms=arms,
)
