"""`official-split`: train, dev and test as the corpus was released (MELD)."""

from typing import Any

import pandas as pd

from ..errors import InputError, named
from .parts.folds import by_corpus, make_fold
from .parts.protocol import Fold, Protocol, Split
from .parts.usable import enough_utterances

PARTS = ("test", "dev", "train")  # identical audio stays in the first of them


def split(table: pd.DataFrame, options: Any) -> Split:
    """One fold for each corpus that has an official split; the others are left out with a note."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        if part["official_split"].isna().all():
            notes.append(f"{corpus}: left out: it has no official split")
            continue
        rest, dropped = enough_utterances(_official(corpus, part, notes))
        notes += dropped
        folds.append(make_fold(f"{corpus}/official", (corpus, corpus), rest, rest["official_split"]))
        if not folds[-1].dev:
            notes.append(f"{corpus}: no dev set in the official split; the last epoch is taken")
    if not folds:
        raise InputError(f"none of the corpora has an official split: {', '.join(table['corpus'].unique())}; MELD has")
    return Split(tuple(folds), tuple(notes))


def _official(corpus: str, part: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The utterances with a place in the split, identical audio only in test, else only in dev."""
    odd = sorted(set(part["official_split"].dropna()) - set(PARTS))
    if odd:
        raise InputError(f"{corpus}: official split '{odd[0]}' is none of train, dev, test")
    rest = part[part["official_split"].notna()]
    if len(rest) < len(part):
        notes.append(f"{corpus}: {len(part) - len(rest)} of {len(part)} utterances dropped: not in the official split")
    rank = rest["official_split"].map({name: i for i, name in enumerate(PARTS)}).astype(int)
    repeated = rank > rank.groupby(rest["group"]).transform("min")
    if repeated.any():
        names = named(rest.loc[repeated, "id"])
        why = "dropped from train or dev, because test or dev has the same audio"
        notes.append(f"{corpus}: {int(repeated.sum())} utterances {why}: {names}")
    return rest[~repeated]


PROTOCOL = Protocol(
    name="official-split",
    version=1,
    summary="train, dev and test as released with the corpus; corpora without such a split are left out",
    split=split,
    promises=frozenset({"audio", "copy"}),
    permits=frozenset({"speaker", "session", "sentence"}),
    null="either",
)
