"""A table of predictions, as `tables` reads it, with text as text and numbers as numbers."""

import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from ... import list_words
from ...errors import InputError, named
from ...tables import cell_text, read_cells

#: column -> what other people call it, the likeliest first
_SYNONYMS = {
    "id": list_words.PATH,
    "truth": list_words.LABEL,
    "guess": ("prediction", "predicted", "pred", "hypothesis", "hyp", "answer", "predicted_label", "predicted_class"),
    "speaker": list_words.SPEAKER,
}


def read_table(path: Path, texts: Collection[str], known: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """The table, and what was concluded. Columns ``texts`` hold text without blanks around it, empty ones are null.

    ``known``: names that are understood in capitals, too. Raises InputError for a file that is none, or has no rows.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    notes: list[str] = []
    try:
        table = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else _frame(path, notes)
    except InputError:
        raise
    except (ValueError, OSError) as error:  # ArrowInvalid is a ValueError
        raise InputError(f"{path}: not a readable table: {' '.join(str(error).split())}") from error
    table.columns = pd.Index(_understood(_names([str(name) for name in table.columns], known), notes))
    if twice := table.columns[table.columns.duplicated()].tolist():
        raise InputError(f"{path}: column {twice[0]} is there twice; drop one")
    if not len(table):
        raise InputError(f"{path}: no rows")
    for name in table.columns:
        if name in texts:
            table[name] = table[name].astype(object).map(_text)
        elif not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = _numbers(table[name])
    return table.reset_index(drop=True), notes


def _frame(path: Path, notes: list[str]) -> pd.DataFrame:
    """The table as `tables` reads it.

    Text stays text: a speaker 03 is not the number 3, a class "nan" or "None" is not missing.
    """
    cells = read_cells(path)
    width = len(cells.columns)
    uneven = [number for number, line in cells.lines.items() if len(line) > width and any(line[width:])]
    if uneven:
        raise InputError(
            f"{path}: not readable as a table: line {uneven[0]} has more cells than the first one, {width}"
        )
    if cells.guess:
        notes.append(cells.guess)
    lines = [(line + [None] * width)[:width] for line in cells.lines.values()]
    empty = [[None if isinstance(cell, str) and not cell.strip() else cell for cell in line] for line in lines]
    table = pd.DataFrame(empty, columns=pd.Index(cells.columns), dtype=object)
    nameless = table.columns.str.fullmatch(r"(?:Unnamed: \d+|index)?")  # an index, or what lies beside a sheet
    return table.loc[:, ~nameless].dropna(how="all")


def _names(columns: list[str], known: Collection[str]) -> list[str]:
    """The names without blanks around them; known ones in small letters."""
    bare = [unicodedata.normalize("NFC", name).strip() for name in columns]
    return [name.lower() if name.lower() in known and name.lower() not in bare else name for name in bare]


def _understood(columns: list[str], notes: list[str]) -> list[str]:
    """The names, those of other people in ours where ours are not there."""
    ours: dict[str, str] = {}
    for role, words in _SYNONYMS.items():
        fitting = [name for word in words for name in columns if list_words.key(name) == word and name not in ours]
        if role not in columns and fitting:
            ours[fitting[0]] = role
    ours = {name: role for name, role in ours.items() if not (name in _SYNONYMS and columns.count(name))}
    if ours:
        notes.append(f"columns read as: {named((f'{name} as {role}' for name, role in ours.items()), 12)}")
    return [ours.get(name, name) for name in columns]


def _text(value: Any) -> str | None:
    return None if value is pd.NA else cell_text(value) or None


def _numbers(values: pd.Series) -> pd.Series:
    """The values as numbers where all are, also with decimal commas; else as they are."""
    try:
        return pd.to_numeric(values)
    except (ValueError, TypeError):
        texts = values.dropna().astype(str)
        if not len(texts) or not texts.str.fullmatch(r"\s*[+-]?\d+(,\d+)?(e[+-]?\d+)?\s*", case=False).all():
            return values
        return pd.to_numeric(values.astype(object).map(lambda v: v if pd.isna(v) else str(v).replace(",", ".")))
