"""`random`: folds of utterances, whoever speaks; the way of many papers, and no estimate for a new speaker."""

from dataclasses import dataclass

import pandas as pd

from ..errors import InputError
from ..seeds import stream
from .parts.folds import by_corpus, in_turn, make_fold, stratified
from .parts.protocol import Fold, Protocol, Split
from .parts.usable import enough_utterances

VERSION = 1


@dataclass(frozen=True, slots=True)
class Options:
    """``folds``: at least 3 (test, dev and training); ``repeats``: how often everything is split anew."""

    folds: int = 10
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise InputError(f"random.folds={self.folds}: at least 3 are needed, for test, dev and training")
        if self.repeats < 1:
            raise InputError(f"random.repeats={self.repeats}: at least 1 is needed")


def split(table: pd.DataFrame, options: Options) -> Split:
    """Folds of each corpus on its own, stratified by label; dev is the next fold."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        notes += dropped
        for repeat in range(options.repeats):
            folds += _repeat(corpus, rest, options.folds, repeat)
    return Split(tuple(folds), tuple(notes))


def _repeat(corpus: str, table: pd.DataFrame, k: int, repeat: int) -> list[Fold]:
    number = stratified(table, k, stream("split", corpus, VERSION, repeat))
    return [
        make_fold(f"{corpus}/fold-{i:0{len(str(k))}}", (corpus, corpus), table, parts, repeat)
        for i, parts in enumerate(in_turn(number, k), start=1)
    ]


PROTOCOL = Protocol(
    name="random",
    version=VERSION,
    summary="10 random folds stratified by class; test speakers are heard in training",
    split=split,
    promises=frozenset({"audio", "copy"}),
    permits=frozenset({"speaker", "session", "sentence"}),
    null="above",
    options=Options(),
)
