"""Which utterances a protocol can use: what is too thin is dropped by name, before any fold is made.

A class is thin with fewer than 10 utterances or, where new speakers are promised, from fewer than 3 speakers (all of
them, in a corpus of two). A speaker is thin with a single utterance: a fold or a cluster of one clip says nothing.
Dropping one can make the other thin, so both rules repeat until nothing changes.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from ...errors import InputError, named

CLASS_UTTERANCES = 10
CLASS_SPEAKERS = 3
SPEAKER_UTTERANCES = 2
_NAMED = 12  # classes or speakers of a note


def enough_utterances(part: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One corpus without its thin classes, and notes: for protocols that do not look at speakers."""
    counts = part["label"].value_counts()
    thin = counts[counts < CLASS_UTTERANCES]
    rest = part[~part["label"].isin(thin.index)]
    corpus = _corpus(part)
    if rest.empty:
        each = named((f"{label} {n}" for label, n in sorted(counts.items())), _NAMED)
        raise InputError(f"{corpus}: no class has {CLASS_UTTERANCES} utterances: {each}; give more of the corpus")
    if thin.empty:
        return rest, ()
    which = named((f"{label} ({_number(n, 'utterance')})" for label, n in sorted(thin.items())), _NAMED)
    return rest, (f"{corpus}: classes dropped: {which}; fewer than {CLASS_UTTERANCES} utterances",)


def enough_speakers(part: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One corpus without unnamed speakers, thin classes and thin speakers, and notes: for protocols with new speakers.

    Raises InputError when nothing is left.
    """
    corpus = _corpus(part)
    rest = part[part["speaker"].notna()]
    unnamed = len(part) - len(rest)
    classes: dict[str, tuple[int, int]] = {}
    speakers: dict[str, int] = {}
    while True:
        counts = rest["speaker"].value_counts()
        lone = counts[counts < SPEAKER_UTTERANCES]
        rest = rest[~rest["speaker"].isin(lone.index)]
        sizes = rest.groupby("label")["speaker"].agg(["size", "nunique"])
        wanted = min(CLASS_SPEAKERS, rest["speaker"].nunique())
        thin = sizes[(sizes["size"] < CLASS_UTTERANCES) | (sizes["nunique"] < wanted)]
        rest = rest[~rest["label"].isin(thin.index)]
        speakers |= {str(name): int(n) for name, n in lone.items()}
        classes |= {str(row.Index): (int(row[1]), int(row[2])) for row in thin.itertuples()}
        if lone.empty and thin.empty:
            break
    if rest.empty:
        raise _none_left(part)
    left = set(part["speaker"].dropna()) - set(rest["speaker"]) - speakers.keys()
    notes = _notes(corpus, unnamed, len(part), classes, speakers)
    if left:
        notes += (f"{corpus}: speakers dropped with those classes: {_short(corpus, left)}",)
    return rest, notes


def agreeing(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The utterances without those whose identical audio lies under several emotions, and notes.

    Nobody can say which label of such a clip is right. Near-identical audio shares a ``group`` only, and stays.
    """
    several = table.groupby("audio_hash")["emotion"].transform("nunique") > 1
    if not several.any():
        return table, ()
    notes = []
    for corpus, part in table[several].groupby("corpus", sort=True):
        alike = table[several & table["audio_hash"].isin(part["audio_hash"])]
        sets = [
            " = ".join(f"{name} ({emotion})" for name, emotion in zip(same["id"], same["emotion"], strict=True))
            for _, same in alike.groupby("audio_hash", sort=False)
        ]
        notes.append(f"{corpus}: identical audio under different labels dropped: {named(sets, between='; ')}")
    return table[~several], tuple(notes)


def _corpus(part: pd.DataFrame) -> str:
    return str(part["corpus"].iloc[0])


def _none_left(part: pd.DataFrame) -> InputError:
    """Why nothing is left where new speakers are promised: what stands in the way first."""
    corpus, speakers = _corpus(part), part["speaker"].value_counts()
    if speakers.empty:
        return InputError(
            f"{corpus}: none of its {_number(len(part), 'utterance')} has a speaker with a name; name the speakers, or "
            "use a protocol without new speakers (random)"
        )
    lone = speakers.index[speakers < SPEAKER_UTTERANCES]
    if len(speakers) > 1 and len(lone) == len(speakers):
        return InputError(
            f"{corpus}: each of its {len(speakers)} speakers has a single utterance, and a fold or a cluster of one "
            "says nothing; use a protocol without new speakers (random), where they never cross a fold either"
        )
    rest = part[part["speaker"].notna() & ~part["speaker"].isin(lone)]
    sizes = rest.groupby("label")["speaker"].agg(["size", "nunique"])
    each = (f"{row.Index} {row[1]} by {_number(int(row[2]), 'speaker')}" for row in sizes.sort_index().itertuples())
    counts = named(each, _NAMED)
    unnamed = int(part["speaker"].isna().sum())
    without = [
        f"{unnamed} utterances without a named speaker" if unnamed else "",
        f"{_number(len(lone), 'speaker')} of one utterance each" if len(lone) else "",
    ]
    wanted = min(CLASS_SPEAKERS, len(speakers))
    aside = f" (without {' and '.join(filter(None, without))})" if any(without) else ""
    return InputError(
        f"{corpus}: no class has {CLASS_UTTERANCES} utterances by {_number(wanted, 'speaker')}: {counts}{aside}; give "
        "more of the corpus"
    )


def _notes(
    corpus: str, unnamed: int, n: int, classes: Mapping[str, tuple[int, int]], speakers: Mapping[str, int]
) -> tuple[str, ...]:
    notes = []
    if unnamed:
        notes.append(f"{corpus}: {unnamed} of {n} utterances dropped: their speaker has no name")
    if classes:
        counted = sorted(classes.items())
        which = named(
            (f"{label} ({_number(size, 'utterance')}, {_number(by, 'speaker')})" for label, (size, by) in counted),
            _NAMED,
        )
        notes.append(
            f"{corpus}: classes dropped: {which}; fewer than {CLASS_UTTERANCES} utterances or {CLASS_SPEAKERS} speakers"
        )
    if speakers:
        names = _short(corpus, speakers)
        notes.append(f"{corpus}: {_number(len(speakers), 'speaker')} dropped, one utterance each: {names}")
    return tuple(notes)


def _short(corpus: str, speakers: Iterable[str]) -> str:
    return named((name.removeprefix(f"{corpus}/") for name in sorted(speakers)), _NAMED)


def _number(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
