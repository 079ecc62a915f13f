"""`new-sentences`: every sentence is tested once, by a model that never heard it; the speakers are the same."""

from typing import Any

import pandas as pd

from serbench.protocols.parts.protocol import Fold, Protocol, Split, row_id

FOLDS = 4


def split(table: pd.DataFrame, options: Any) -> Split:
    """The sentences of each corpus dealt out in turn, by name; no dev, so the last epoch is taken."""
    folds: list[Fold] = []
    for corpus, part in table.groupby("corpus"):
        sentences = sorted(part["sentence"].unique())
        fold_of = {sentence: i % FOLDS for i, sentence in enumerate(sentences)}
        number = part["sentence"].map(fold_of)
        for i in range(FOLDS):
            train, test = (tuple(sorted(map(row_id, part["id"][rows]))) for rows in (number != i, number == i))
            folds.append(Fold(str(i + 1), corpus, corpus, tuple(sorted(part["label"].unique())), train, (), test))
    return Split(tuple(folds))


PROTOCOL = Protocol(
    name="new-sentences",
    version=1,
    summary="every sentence is tested by a model that never heard it; the speakers are the same",
    split=split,
    promises=frozenset({"sentence", "audio", "copy"}),
    permits=frozenset({"speaker", "session"}),
    null="either",
)
