"""`published-wavfusion`: IEMOCAP by session, all five in turn or the fifth alone; MELD by its official split.

The paper (Li, Luo and Xia, 2025) names a 5-fold cross-validation and describes sessions 1 to 4 for training and the
fifth for test: arm ``base`` is the first, arm ``session 5`` the second. Dev is the session after the tested one.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from ..errors import InputError
from .official_split import split as official_split
from .parts.folds import by_corpus, circle, sessions_nest
from .parts.protocol import BASE, Arm, Protocol, Split
from .parts.replay import PaperCorpus, remarks
from .speaker_independent import join, speaker_folds

LAST = "session 5"
SESSIONS = 5
USED = {"iemocap": PaperCorpus(7380), "meld": PaperCorpus(13_708)}


def split(table: pd.DataFrame, options: Any) -> Split:
    """Folds of each corpus: by session where sessions have their own speakers, else by the official split."""
    folds = join(_one(corpus, part) for corpus, part in by_corpus(table))
    notes = [line for corpus, part in by_corpus(table) for line in remarks(corpus, len(part), USED)]
    return replace(folds, notes=(*folds.notes, *notes))


def _one(corpus: str, part: pd.DataFrame) -> Split:
    if sessions_nest(part):
        return _by_session(corpus, part)
    if part["official_split"].isna().all():
        raise InputError(
            f"{corpus}: neither sessions with speakers of their own (as IEMOCAP has) nor an official split (as MELD "
            "has); use speaker-independent"
        )
    official = official_split(part, None)
    return replace(official, folds=tuple(replace(fold, arm=BASE.name) for fold in official.folds))


def _by_session(corpus: str, part: pd.DataFrame) -> Split:
    by_speaker = speaker_folds(circle(corpus, part))
    folds = [replace(fold, arm=BASE.name, promises=frozenset({"speaker", "session"})) for fold in by_speaker.folds]
    notes = list(by_speaker.notes)
    if len(folds) == SESSIONS:
        folds.append(replace(folds[-1], arm=LAST))
    else:
        notes.append(f"{corpus}: {len(folds)} sessions instead of {SESSIONS}: no arm '{LAST}'")
    return Split(tuple(folds), tuple(notes))


def arms(options: Any) -> tuple[Arm, ...]:
    """All sessions in turn, and the fifth alone."""
    return (BASE, Arm(LAST))


PROTOCOL = Protocol(
    name="published-wavfusion",
    version=1,
    summary="replay: IEMOCAP by session, all five or the fifth alone, six classes; MELD by its official split",
    split=split,
    promises=frozenset({"audio", "copy"}),
    permits=frozenset({"speaker", "session", "sentence"}),
    null="either",
    label_maps=(("iemocap", "iemocap6"),),
    arms=arms,
)
