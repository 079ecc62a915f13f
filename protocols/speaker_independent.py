"""`speaker-independent`: every speaker is tested once, by a model that never heard them."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from .parts.folds import Circle, by_corpus, circle, dev_speakers, make_fold, no_dev
from .parts.protocol import Fold, Protocol, Split


def split(table: pd.DataFrame, options: Any) -> Split:
    """Speaker folds of each corpus on its own."""
    return join(speaker_folds(circle(corpus, part)) for corpus, part in by_corpus(table))


def speaker_folds(ready: Circle) -> Split:
    """One fold per turn of the rotation; named by its speaker or session, or numbered."""
    if len(ready.folds) < 2:
        who = ", ".join(unit.name for fold in ready.folds for unit in fold)
        raise InputError(f"{ready.corpus}: one speaker only ({who}): new speakers need at least two")
    folds = []
    for i, units in enumerate(ready.folds):
        speakers = ready.table["speaker"]
        test = speakers.isin([speaker for unit in units for speaker in unit.speakers])
        dev = speakers.isin(dev_speakers(ready, i))
        name = f"{ready.corpus}/{units[0].name if len(units) == 1 else f'fold-{i + 1}'}"
        parts = np.where(test, "test", np.where(dev, "dev", "train"))
        folds.append(make_fold(name, (ready.corpus, ready.corpus), ready.table, parts))
    notes = ready.notes if all(fold.dev for fold in folds) else (*ready.notes, no_dev(ready.corpus))
    return Split(tuple(sorted(folds, key=_name)), notes)


def join(splits: Iterable[Split]) -> Split:
    """Several splits as one; a note that is said twice is kept once."""
    parts = list(splits)
    folds, notes = chain(*(part.folds for part in parts)), chain(*(part.notes for part in parts))
    return Split(tuple(folds), tuple(dict.fromkeys(notes)))


def _name(fold: Fold) -> str:
    return fold.name


PROTOCOL = Protocol(
    name="speaker-independent",
    version=1,
    summary="new speakers: folds of speakers (sessions, where these have their own speakers), dev from other speakers",
    split=split,
    promises=frozenset({"speaker", "audio", "copy"}),
    permits=frozenset({"session", "sentence"}),
    null="chance",
)
