"""A corpus of the user's own: a CSV or Parquet table with one line per clip."""

import csv
import io
import itertools
import os
import re
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ...errors import InputError
from ..audio.content import missing_content
from .folder import Reading, Row, named
from .table import COLUMNS, utterance_table
from .text import read_text

NEEDED = ("path", "speaker", "emotion")
FILLED = ("path", "emotion")  # an empty speaker is one that nobody knows
_USED = frozenset(COLUMNS) - {"corpus"}  # the corpus is called what the user calls it
ABSENT = "their audio is missing"
_NAMES = ("utterances.csv", "utterances.parquet")
_ENDINGS = (".csv", ".tsv", ".parquet")
_GENDER = {"f": "female", "w": "female", "female": "female", "m": "male", "male": "male"}


def find_table(source: Path) -> Path | None:
    """The table that ``source`` is or holds; None when it is neither. Raises InputError when it holds two."""
    source = Path(os.path.abspath(source.expanduser()))  # noqa: PTH100 - a link keeps its name
    if source.is_file():
        return source if source.suffix.lower() in _ENDINGS else None
    tables = [source / name for name in _NAMES if (source / name).is_file()]
    if len(tables) > 1:
        raise InputError(f"{source}: holds {' and '.join(_NAMES)}; remove one or give the file itself")
    return tables[0] if tables else None


def read(name: str, file: Path) -> Reading:
    """Utterance table of a CSV or Parquet file with the columns path, speaker and emotion, and any optional ones.

    Relative paths start at the table's folder. Lines whose audio is missing are left out with a note. Raises
    InputError for an unreadable table, a missing column, and empty values in a needed one.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(f"corpus name '{name}': use letters, digits, '.', '_' and '-' only")
    columns, lines = _load(name, file)
    missing = [column for column in NEEDED if column not in columns]
    if missing:
        raise InputError(f"{name}: {file}: no column {', '.join(missing)}; it has {', '.join(columns)}")
    _check_filled(name, file, lines)
    rows = [_row(line, name, file.parent) for line in lines.values()]
    exists = [Path(str(row["path"])).is_file() for row in rows]
    there = list(itertools.compress(rows, exists))
    absent = [str(row["path"]) for row, here in zip(rows, exists, strict=True) if not here]
    if not there:
        why = f" ({why})" if (why := missing_content(Path(absent[0]))) else ""
        raise InputError(f"{name}: {file}: none of its {len(rows)} audio files exists; the first is {absent[0]}{why}")
    notes = _notes(name, columns, rows)
    if absent:
        reasons = dict.fromkeys(why for path in absent if (why := missing_content(Path(path))))
        notes.append("; ".join((f"{name}: {len(absent)} utterances left out, {ABSENT}: {named(absent)}", *reasons)))
    return utterance_table(there, name, str(file)), tuple(notes)


def _load(name: str, file: Path) -> tuple[list[str], dict[int, Row]]:
    """Names of the columns, and the cells of the known ones by number of the line; an empty cell is None."""
    try:
        columns, cells = _parquet(file) if file.suffix.lower() == ".parquet" else _csv(file)
    except (csv.Error, pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{name}: {file}: not a readable table ({str(error).splitlines()[0]})") from error
    columns = [column.strip() for column in columns]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise InputError(f"{name}: {file}: column {', '.join(twice)} stands there twice")
    if not cells:
        raise InputError(f"{name}: {file}: the table has no lines")
    uneven = [str(number) for number, line in cells.items() if len(line) != len(columns)]
    if uneven:
        raise InputError(f"{name}: {file}: lines {named(uneven, 5)} do not have {len(columns)} cells as the first has")
    return columns, {
        number: {column: _text(cell) for column, cell in zip(columns, line, strict=True) if column in _USED}
        for number, line in cells.items()
    }


def _csv(file: Path) -> tuple[list[str], dict[int, list[Any]]]:
    text = read_text(file)
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    columns = next(reader, [])
    lines = ((reader.line_num, line) for line in reader)
    return columns, {number: line for number, line in lines if line}


def _parquet(file: Path) -> tuple[list[str], dict[int, list[Any]]]:
    table = pd.read_parquet(file)
    lines = table.astype(object).itertuples(index=False, name=None)
    return [str(column) for column in table.columns], {number: list(line) for number, line in enumerate(lines, start=1)}


def _text(value: Any) -> str | None:
    """A cell as text; None when it is empty. Whole numbers lose their ``.0``."""
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _check_filled(name: str, file: Path, lines: dict[int, Row]) -> None:
    faults = []
    for column in FILLED:
        empty = [str(number) for number, line in lines.items() if line[column] is None]
        if empty:
            faults.append(f"{len(empty)} of {len(lines)} without {column} (lines {named(empty, 5)})")
    if faults:
        raise InputError(f"{name}: {file}: {'; '.join(faults)}")


def _row(line: Row, name: str, folder: Path) -> Row:
    path = Path(str(line["path"])).expanduser()
    place = _file_at(folder, path)
    clip = place.relative_to(folder) if place.is_relative_to(folder) else place.relative_to(place.anchor)
    gender = line.get("gender")
    return line | {
        "id": (line.get("id") or clip.with_suffix("").as_posix()).removeprefix(f"{name}/"),
        "path": str(place),
        "speaker": (line["speaker"] or "").removeprefix(f"{name}/") or None,
        "gender": None if gender is None else _GENDER.get(gender.lower(), gender),
    }


def _file_at(folder: Path, path: Path) -> Path:
    """Where a path of the table leads, its links as they are named: in the spelling that the disk has."""
    text = str(path)
    slashes = text.replace("\\", "/")
    spellings = (text, slashes, *(unicodedata.normalize(form, slashes) for form in ("NFC", "NFD")))
    places = [Path(os.path.abspath(folder / text)) for text in dict.fromkeys(spellings)]  # noqa: PTH100 - as above
    return next((place for place in places if place.is_file()), places[0])


def _notes(name: str, columns: list[str], rows: list[Row]) -> list[str]:
    notes = []
    unused = [column for column in columns if column not in _USED]
    if unused:
        notes.append(f"{name}: columns that are not used: {', '.join(unused)}")
    unknown = sum(row["speaker"] is None for row in rows)
    if unknown:
        notes.append(f"{name}: {unknown} of {len(rows)} utterances have no speaker: the column is empty")
    return notes
