"""Identical audio in a corpus: grouped, or left out where its labels contradict each other."""

from collections.abc import Iterable

import pandas as pd

from ...errors import named

OF_SPEAKERS = "kept as one group, identical audio under different speakers"
_NAMED = 8  # clips that a note names; the manifest names all


def settle(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Drop what contradicts itself, and group the rest: (table with column ``group``, sets of ids by reason).

    ``table`` has the columns id, audio_hash, emotion and speaker, and is sorted by id. Clips with the same audio and
    different labels are all dropped: nobody can tell which line is right. ``group`` is the first id with the same
    audio; its speakers count as one in folds and statistics.
    """
    reasons: dict[str, list[str]] = {}
    drop: set[str] = set()
    doubled = table[table["audio_hash"].duplicated(keep=False)]
    for _, same in doubled.groupby("audio_hash", sort=False):
        ids = list(same["id"])
        names = " = ".join(ids)
        if same["emotion"].nunique(dropna=False) > 1:
            classes = ", ".join(str(value) for value in same["emotion"])
            reasons.setdefault("left out, identical audio under different labels", []).append(f"{names} ({classes})")
            drop.update(ids)
        elif same["speaker"].nunique(dropna=False) > 1:
            voices = ", ".join("nobody" if pd.isna(value) else str(value) for value in same["speaker"])
            reasons.setdefault(OF_SPEAKERS, []).append(f"{names} ({voices})")
        else:
            reasons.setdefault("kept as one group, identical audio", []).append(names)
    kept = table[~table["id"].isin(drop)].reset_index(drop=True)
    return kept.assign(group=kept.groupby("audio_hash")["id"].transform("first")), reasons


def note(count: int, what: str, names: Iterable[str]) -> str:
    """One line: how many clips, what happened to them, which."""
    listed = list(names)
    more = f" and {len(listed) - _NAMED} more, all named in the manifest" if len(listed) > _NAMED else ""
    return f"{count} {'clip' if count == 1 else 'clips'} {what}: {named(listed[:_NAMED], _NAMED, '; ')}{more}"
