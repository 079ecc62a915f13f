"""`published-sigwavnet`: the words of the SigWavNet README (Nfissi et al., 2025): 90 / 10 %, 10-fold inside the 90 %.

A tenth of each class is tested and never trained on. The rest is cross-validated: every fold trains a fresh model on
nine parts and chooses on the tenth. All of them score the same test rows; each is a repeat of its own. Rows are drawn
as the released code draws them.
"""

from typing import Any

import numpy as np
import pandas as pd

from .parts.folds import by_corpus, make_fold
from .parts.protocol import Fold, Protocol, Split
from .parts.replay import ORDER, PaperCorpus, class_parts, remarks, shuffled_classes, unshuffled_folds
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


def split(table: pd.DataFrame, options: Any) -> Split:
    """Ten folds of each corpus with one test set."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        folds += cross_validation(corpus, rest)
        notes += [*dropped, *remarks(corpus, len(rest), USED)]
    return Split(tuple(folds), (*notes, ORDER))


def cross_validation(corpus: str, table: pd.DataFrame) -> list[Fold]:
    """The ten folds: the test rows are the same, dev is each part in turn."""
    number = numbers(table)
    return [
        make_fold(
            f"{corpus}/fold-{i + 1:02}",
            (corpus, corpus),
            table,
            np.where(number == TEST, "test", np.where(number == i, "dev", "train")),
            repeat=i,
        )
        for i in range(FOLDS)
    ]


def numbers(table: pd.DataFrame) -> np.ndarray:
    """Which fold each row (n,) is validated in, `TEST` for test rows.

    The code lays the 90 % class by class, each class in the random order of the first split.
    """
    tested = class_parts(table, (DEVELOPMENT,)) == 1
    number = np.full(len(table), TEST)
    kept = [places[~tested[places]] for places in shuffled_classes(table).values()]
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
)
