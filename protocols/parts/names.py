"""Names of a table that may be one: they count as one in folds, leak checks and statistics, and are named."""

import pandas as pd

from ...identities import doubts, question

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


def persons(table: pd.DataFrame) -> tuple[int, tuple[str, ...]]:
    """How many speakers a table has, names that may be one counted once, and the question that these raise."""
    bare = [str(name).partition("/")[2] for name in table["speaker"].dropna()]
    found = doubts(bare)
    n = len({found.of(name) for name in bare})
    return n, (question("speakers", found.sets),) if found.sets else ()
