"""Files that are named one by one, or in lists: tables with a column of paths, or one path per line."""

from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError, named
from ...list_words import PATH, key
from .rows import guess_of, read_rows

_LISTS = frozenset({".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet"})


def files_of(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files, those of a list in its place, and a line on how each list was read.

    Relative paths of a list start at its folder. Raises InputError for a list that cannot be read or has no paths.
    """
    files: list[str] = []
    notes: list[str] = []
    for name in names:
        path = Path(name)
        if path.suffix.lower() not in _LISTS or not path.is_file():
            files.append(name)
            continue
        rows = read_rows(path, plain=True)
        columns = list(dict.fromkeys(column for row in rows for column in row))
        column = next((column for word in PATH for column in columns if key(column) == word), None)
        if column is None:
            raise InputError(f"{name}: no column of paths (it has {named(columns, 12)}); call one of them path")
        listed = [row[column].replace("\\", "/") for row in rows if column in row]
        files += [str(path.parent / file) for file in listed]
        notes.append("; ".join(filter(None, (f"{name}: {len(listed)} files, from column {column}", guess_of(path)))))
    return files, notes
