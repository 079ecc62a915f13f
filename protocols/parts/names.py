"""Names of a table that are or may be one: they count as one in folds, leak checks and statistics, and are named."""

from collections.abc import Iterator

import pandas as pd

from ...errors import named
from ...identities import doubts, question
from .folds import linked, sessions_nest

#: what is promised by name, and how several are called
NAMES = {"speaker": "speakers", "session": "sessions", "dialogue": "dialogues", "sentence": "sentences"}


def settled(table: pd.DataFrame, distinct: bool = False) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table with one name for all spellings that may be one, within a corpus, and notes; ``distinct``: as it is.

    No corpus that serbench knows has such names: its table comes back as it was.
    """
    notes = []
    for column, several in NAMES.items():
        for corpus, names in table.groupby("corpus", sort=True)[column]:
            found = doubts(name.removeprefix(f"{corpus}/") for name in names.dropna().unique())
            if not found.sets:
                continue
            if distinct:
                notes.append(f"{corpus}: {question(several, found.sets)} They are kept apart, as --distinct says")
                continue
            prefix = f"{corpus}/" if column == "speaker" else ""
            one = {f"{prefix}{name}": f"{prefix}{common}" for name, common in found.one.items()}
            names_there = table[column].where(table["corpus"] == corpus)
            table = table.assign(**{column: names_there.map(one).combine_first(table[column])})
            notes.append(f"{corpus}: {question(several, found.sets)} They count as one; --distinct keeps them apart")
    return table, tuple(notes)


def sharing(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table with one name for the speakers of a corpus that have a ``group`` in common, and notes.

    What was heard under one name is known under the other. Where sessions have speakers of their own, so do sessions.
    """
    notes: list[str] = []
    for corpus, part in table.groupby("corpus", sort=True):
        for column in ("speaker", *(["session"] if sessions_nest(part) else [])):
            one, said = _sharing(str(corpus), column, part)
            if one:
                table = table.assign(**{column: table.loc[part.index, column].map(one).combine_first(table[column])})
                notes += said
    return table, tuple(notes)


def _sharing(corpus: str, column: str, part: pd.DataFrame) -> tuple[dict[str, str], list[str]]:
    """By name the common name of a set that shares audio, and a note for each set."""
    prefix = f"{corpus}/" if column == "speaker" else ""
    one: dict[str, str] = {}
    notes = []
    for _, same in part.groupby(linked(part[column], part["group"]), sort=False):
        names = sorted(same[column].dropna().unique())
        if len(names) > 1:
            bare = [name.removeprefix(prefix) for name in names]
            one |= dict.fromkeys(names, prefix + " = ".join(bare))
            why = "; ".join(_shared(same, column))
            who = f"{corpus}: {NAMES[column]} {named(bare, between=' and ')}"
            notes.append(f"{who} have audio in common ({why}): they count as one")
    return one, notes


def _shared(same: pd.DataFrame, column: str, most: int = 3) -> Iterator[str]:
    """The utterances that connect names, of some groups."""
    crossing = same[same.groupby("group")[column].transform("nunique") > 1]
    for i, (_, group) in enumerate(crossing.groupby("group", sort=True)):
        if i == most:
            yield f"{crossing['group'].nunique() - most} more"
            return
        yield named(group["id"], between=" = ")


def persons(table: pd.DataFrame) -> tuple[int, tuple[str, ...]]:
    """How many speakers a table has, names that may be one counted once, and the question that these raise."""
    bare = [str(name).partition("/")[2] for name in table["speaker"].dropna()]
    found = doubts(bare)
    n = len({found.of(name) for name in bare})
    return n, (question("speakers", found.sets),) if found.sets else ()
