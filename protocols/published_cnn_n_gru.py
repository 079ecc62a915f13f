"""`published-cnn-n-gru`: 80 / 10 / 10 % of each class, as the released code of Nfissi et al. (2022) splits.

The splitter gives (train, dev, test) and is unpacked as (train, test, dev): the middle tenth is tested. Arm ``base`` is
what README and paper say. Arm ``as coded``, for recurrent networks, is how the code of 2022 trains and tests: the
state goes from batch to batch, test rows lie class by class, and the last incomplete batch is dropped.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..errors import InputError
from .folds import by_corpus, make_fold
from .protocol import BASE, Arm, Fold, Practice, Protocol, Split
from .replay import ORDER, Used, class_parts, remarks, without_last_batches
from .usable import enough_utterances

AS_CODED = "as coded"
CUTS = (0.8, 1 - 0.1)  # written so in the code; the product is rounded down
PARTS = np.array(["train", "test", "dev"], dtype=object)
_RATE = "the code of 2022 writes a 16 kHz header over {} without resampling; here clips are resampled"
USED = {
    "iemocap": Used(
        5531,
        (
            "the published matrix has all 553 test turns, of which the code drops some for every batch size that it "
            "tries: it is not of this code",
        ),
    ),
    "tess": Used(2800, (_RATE.format("24.4 kHz"),)),
    "ravdess": Used(
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
    """``batch``: clips in a batch in arm `as coded`, in training too; 16 is that of the published matrix of TESS."""

    batch: int = 16

    def __post_init__(self) -> None:
        """Refuse what is no batch."""
        if self.batch < 1:
            raise InputError(f"published-cnn-n-gru.batch={self.batch}: at least 1 clip")


def split(table: pd.DataFrame, options: Options) -> Split:
    """One fold of each corpus, and once more without its last incomplete batch."""
    folds: list[Fold] = []
    notes: list[str] = []
    labels = dict(zip(table["id"], table["label"], strict=True))
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        notes += dropped
        fold = make_fold(f"{corpus}/80-10-10", (corpus, corpus), rest, PARTS[class_parts(rest, CUTS)])
        kept, said = without_last_batches([fold], labels, options.batch, AS_CODED)
        folds += [replace(fold, arm=BASE.name), *kept]
        notes += [*said, *remarks(corpus, len(rest), USED)]
    return Split(tuple(folds), (*notes, ORDER))


def arms(options: Options) -> tuple[Arm, ...]:
    """As written, and as coded."""
    practice = Practice(order="class", state="carried")
    return (BASE, Arm(AS_CODED, settings=(("batch", str(options.batch)),), practice=practice))


PROTOCOL = Protocol(
    name="published-cnn-n-gru",
    version=1,
    summary="replay: 80 / 10 / 10 % of each class at random; for recurrent networks also with the state carried on",
    split=split,
    promises=frozenset({"copy"}),
    permits=frozenset({"speaker", "session", "audio", "sentence", "order"}),
    null="above",
    options=Options(),
    arms=arms,
)
