"""`cross-corpus`: train on each corpus, test on each; the diagonal is speaker-independent."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from .parts.folds import Circle, by_corpus, circle, dev_speakers, make_fold, no_dev
from .parts.protocol import Fold, Protocol, Split
from .speaker_independent import join, speaker_folds


def split(table: pd.DataFrame, options: Any) -> Split:
    """The train x test matrix. Off the diagonal: all of one corpus but its dev speakers -> all of the other.

    The classes of such a cell are those of both corpora; the training rows depend on the test corpus only through
    them, so equal classes share one training.
    """
    ready, notes = circles(table)
    cells = []
    for source in ready:
        for target in ready:
            if source is target:
                cells.append(speaker_folds(source))
            else:
                cells.append(Split((transfer(f"{source.corpus} -> {target.corpus}", [source], target),)))
        if not dev_speakers(source):
            notes.append(no_dev(source.corpus))
    return join([Split((), tuple(notes)), *cells])


def circles(table: pd.DataFrame) -> tuple[list[Circle], list[str]]:
    """The corpora in rotation, and notes. Audio that several corpora share is marked: see `transfer`."""
    shared = table.groupby("group")["corpus"].transform("nunique") > 1
    ready = [circle(corpus, part) for corpus, part in by_corpus(table.assign(elsewhere=shared))]
    notes = [note for c in ready for note in c.notes]
    for c in ready:
        if n := int(c.table["elsewhere"].sum()):
            notes.append(f"{c.corpus}: {n} utterances not trained on for other corpora: their audio is also there")
    return ready, notes


def transfer(name: str, sources: Sequence[Circle], target: Circle) -> Fold:
    """Train on ``sources`` but their dev speakers, test on ``target``, over the classes of both sides.

    Audio that any other corpus of the run has too is tested, never trained on: whatever the target, training is the
    same. Raises InputError when fewer than two classes are common.
    """
    here = pd.concat([source.table[~source.table["elsewhere"]] for source in sources])
    common = _common(sources, here, target)
    dev = here["speaker"].isin(frozenset().union(*(dev_speakers(source) for source in sources)))
    both = pd.concat([here, target.table])
    parts = np.concatenate([np.where(dev, "dev", "train"), np.full(len(target.table), "test")])
    kept = both["label"].isin(common).to_numpy()
    train_name = "+".join(source.corpus for source in sources)
    return make_fold(name, (train_name, target.corpus), both[kept], parts[kept])


def _common(sources: Sequence[Circle], here: pd.DataFrame, target: Circle) -> Collection[str]:
    common = set(here["label"]) & set(target.table["label"])
    if len(common) < 2:
        classes = "; ".join(f"{c.corpus} has {', '.join(sorted(set(c.table['label'])))}" for c in (*sources, target))
        what = f"only one common class, {min(common)}" if common else "no common class"
        raise InputError(
            f"{' and '.join(c.corpus for c in (*sources, target))}: {what}: {classes}; "
            "choose another label map or other corpora"
        )
    return common


PROTOCOL = Protocol(
    name="cross-corpus",
    version=1,
    summary="train x test matrix of corpora over their common classes; the diagonal is speaker-independent",
    split=split,
    promises=frozenset({"speaker", "audio", "copy"}),
    permits=frozenset({"session", "sentence"}),
    null="chance",
    label_map="basic4",
    min_corpora=2,
)
