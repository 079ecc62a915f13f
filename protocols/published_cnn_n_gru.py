"""`published-cnn-n-gru`: 80 / 10 / 10 % of each class, as the released code of Nfissi et al. (2022) splits.

The splitter gives (train, dev, test) and is unpacked as (train, test, dev): the middle tenth is tested. Training and
test are as README and paper say; how the code does them is `published-cnn-n-gru-as-coded`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .parts.folds import by_corpus, make_fold
from .parts.protocol import Fold, Protocol, Split
from .parts.replay import ORDER, PaperCorpus, check_repeats, class_parts, folder, remarks
from .parts.usable import enough_utterances

CUTS = (0.8, 1 - 0.1)  # written so in the code; the product is rounded down
PARTS = np.array(["train", "test", "dev"], dtype=object)
_RATE = "the code of 2022 writes a 16 kHz header over {} without resampling; here clips are resampled"
USED = {
    "iemocap": PaperCorpus(
        5531,
        (
            "the published matrix has all 553 test turns, of which the code drops some for every batch size that it "
            "tries: it is not of this code",
        ),
    ),
    "tess": PaperCorpus(2800, (_RATE.format("24.4 kHz"),)),
    "ravdess": PaperCorpus(
        1440,
        (
            "the published matrix has 441 clips, neutral the most of all; a tenth of each class has 19 and of neutral "
            "10: its supports cannot be obtained",
            _RATE.format("48 kHz"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Options:
    """``repeats``: how often rows are drawn, the first time as the code draws them."""

    repeats: int = 1

    def __post_init__(self) -> None:
        """Refuse less than one draw."""
        check_repeats("published-cnn-n-gru", self.repeats)


def split(table: pd.DataFrame, options: Options) -> Split:
    """One fold of each corpus and draw."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        for repeat in range(options.repeats):
            parts = PARTS[class_parts(rest, CUTS, repeat)]
            folds.append(make_fold(f"{folder(corpus, repeat)}/80-10-10", (corpus, corpus), rest, parts, repeat))
        notes += [*dropped, *remarks(corpus, len(rest), USED)]
    return Split(tuple(folds), (*notes, ORDER))


PROTOCOL = Protocol(
    name="published-cnn-n-gru",
    version=1,
    summary="replay: 80 / 10 / 10 % of each class at random; the middle tenth is tested",
    split=split,
    promises=frozenset({"copy"}),
    permits=frozenset({"speaker", "session", "audio", "sentence"}),
    null="above",
    options=Options(),
)
