"""`leave-one-corpus-out`: train on all other corpora together, test on the one left out."""

from typing import Any

import pandas as pd

from .cross_corpus import circles, transfer
from .parts.folds import dev_speakers, no_dev
from .parts.protocol import Protocol, Split


def split(table: pd.DataFrame, options: Any) -> Split:
    """One fold per corpus; dev speakers come from each training corpus.

    The classes are those that the corpus left out shares with any of the others.
    """
    ready, notes = circles(table)
    folds = []
    for target in ready:
        sources = [source for source in ready if source is not target]
        folds.append(transfer(f"rest -> {target.corpus}", sources, target))
        for source in sources:
            lacks = sorted(set(folds[-1].classes) - set(source.table["label"]))
            if lacks:
                notes.append(f"rest -> {target.corpus}: {source.corpus} trains without {', '.join(lacks)}")
    notes += [no_dev(c.corpus) for c in ready if not dev_speakers(c)]
    if len(ready) == 2:
        notes.append("two corpora: the same as cross-corpus without its diagonal")
    return Split(tuple(folds), tuple(notes))


PROTOCOL = Protocol(
    name="leave-one-corpus-out",
    version=1,
    summary="train on all other corpora together, test on the one left out, over the classes it shares with them",
    split=split,
    promises=frozenset({"speaker", "audio", "copy"}),
    permits=frozenset({"session", "sentence"}),
    null="chance",
    label_map="basic4",
    min_corpora=2,
)
