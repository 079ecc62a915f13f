"""`published-sigwavnet`: the words of the SigWavNet README (Nfissi et al., 2025): 90 / 10 %, 10-fold inside the 90 %.

A tenth of each class is tested and never trained on. The rest is cross-validated: every fold trains a fresh model on
nine parts and chooses on the tenth. All of them score the same test rows; each is a repeat of its own. Rows are drawn
as the released code draws them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .parts.folds import by_corpus, make_fold
from .parts.protocol import Fold, Protocol, Split
from .parts.replay import (
    ORDER,
    PaperCorpus,
    check_repeats,
    class_parts,
    folder,
    remarks,
    shuffled_classes,
    unshuffled_folds,
)
from .parts.usable import enough_utterances

FOLDS = 10
DEVELOPMENT = 0.9  # of each class
TEST = -1
USED = {
    "iemocap": PaperCorpus(
        5531, ("the published matrix has 553 test turns; this split has 555: it is of another split or other code",)
    ),
    "emodb": PaperCorpus(
        535, ("the published matrix has 162 test clips, three times 54; this split has 57: it pools tests of another",)
    ),
}


@dataclass(frozen=True, slots=True)
class Options:
    """``repeats``: how often rows are drawn, the first time as the code draws them."""

    repeats: int = 1

    def __post_init__(self) -> None:
        """Refuse less than one draw."""
        check_repeats("published-sigwavnet", self.repeats)


def split(table: pd.DataFrame, options: Options) -> Split:
    """Ten folds of each corpus with one test set, for each draw."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        folds += [fold for repeat in range(options.repeats) for fold in cross_validation(corpus, rest, repeat)]
        notes += [*dropped, *remarks(corpus, len(rest), USED)]
    return Split(tuple(folds), (*notes, ORDER))


def cross_validation(corpus: str, table: pd.DataFrame, repeat: int) -> list[Fold]:
    """The ten folds of a draw: the test rows are the same, dev is each part in turn."""
    number = numbers(table, repeat)
    return [
        make_fold(
            f"{folder(corpus, repeat)}/fold-{i + 1:02}",
            (corpus, corpus),
            table,
            np.where(number == TEST, "test", np.where(number == i, "dev", "train")),
            repeat=repeat * FOLDS + i,
        )
        for i in range(FOLDS)
    ]


def numbers(table: pd.DataFrame, repeat: int = 0) -> np.ndarray:
    """Which fold each row (n,) is validated in, `TEST` for test rows.

    The code lays the 90 % class by class, each class in the random order of the first split.
    """
    tested = class_parts(table, (DEVELOPMENT,), repeat) == 1
    number = np.full(len(table), TEST)
    kept = [places[~tested[places]] for places in shuffled_classes(table, repeat).values()]
    for places, fold in zip(kept, unshuffled_folds([len(places) for places in kept], FOLDS), strict=True):
        number[places] = fold
    return number


PROTOCOL = Protocol(
    name="published-sigwavnet",
    version=1,
    summary="replay: a tenth of each class is tested by the ten models of a 10-fold cross-validation of the rest",
    split=split,
    promises=frozenset({"copy"}),
    permits=frozenset({"speaker", "session", "audio", "sentence"}),
    null="above",
    options=Options(),
)
