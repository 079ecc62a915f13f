"""A table of predictions as people write them: CSV of any separator and encoding, or Parquet, with text as text."""

import io
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import InputError

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # what UTF-16 begins with


def read_table(path: Path, texts: Collection[str], known: Collection[str]) -> tuple[pd.DataFrame, list[str]]:
    """The table, and what was concluded. Columns ``texts`` hold text without blanks around it, empty ones are null.

    ``known``: names that are understood in capitals, too. Raises InputError for a file that is none, or has no rows.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    notes: list[str] = []
    try:
        table = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else _csv(path, notes)
    except (ValueError, OSError) as error:  # ParserError and ArrowInvalid are ValueErrors
        raise InputError(f"{path}: not readable as CSV or Parquet: {' '.join(str(error).split())}") from error
    table.columns = pd.Index(_names([str(name) for name in table.columns], known))
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


def _csv(path: Path, notes: list[str]) -> pd.DataFrame:
    text = _decoded(path, notes)
    head, _, rest = text.partition("\n")
    if mark := re.fullmatch(r"sep=(.)\s*", head):  # Excel's own line
        text, delimiter = rest, mark[1]
    else:
        bare = re.sub(r'"[^"]*"', "", head)
        delimiter = max(",;\t", key=bare.count)
    # text stays text: a speaker 03 is not the number 3, a class "nan" or "None" is not missing
    how = {"sep": delimiter, "skipinitialspace": True}
    table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""], **how)
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError("the lines have more cells than the first one")
    nameless = table.columns.str.fullmatch(r"Unnamed: \d+")  # an index that was written, or what lies beside a sheet
    return table.loc[:, ~nameless].dropna(how="all")


def _decoded(path: Path, notes: list[str]) -> str:
    """The text: UTF-8 or UTF-16 with or without a mark, else as Windows writes it, with a note."""
    data = path.read_bytes()
    if data[:2] in _MARKS:
        return data.decode(_MARKS[data[:2]])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append("not UTF-8: read as Windows-1252")
        return data.decode("cp1252", errors="replace")


def _names(columns: list[str], known: Collection[str]) -> list[str]:
    """The names without blanks around them; known ones in small letters."""
    bare = [unicodedata.normalize("NFC", name).strip() for name in columns]
    return [name.lower() if name.lower() in known and name.lower() not in bare else name for name in bare]


def _text(value: Any) -> str | None:
    """A cell as text; None where it is empty. Whole numbers lose their ``.0``."""
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFC", str(value)).strip() or None


def _numbers(values: pd.Series) -> pd.Series:
    """The values as numbers where all are, also with decimal commas; else as they are."""
    try:
        return pd.to_numeric(values)
    except (ValueError, TypeError):
        texts = values.dropna().astype(str)
        if not len(texts) or not texts.str.fullmatch(r"\s*[+-]?\d+(,\d+)?(e[+-]?\d+)?\s*", case=False).all():
            return values
        return pd.to_numeric(values.astype(object).map(lambda v: v if pd.isna(v) else str(v).replace(",", ".")))
