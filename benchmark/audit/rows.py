"""Lists of files as CSV, JSON, JSON Lines or plain text: lines of named cells, whatever their form was."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError, named
from ...list_words import PATH, key, part_of
from ...tables import GUESSED, OBJECT_LINES, cell_text, decoded, json_of, numbered, parsed, read_cells, separated, short

#: a cell per column; the names of columns are as in the file
ListRow = dict[str, str]


def read_rows(file: Path, path_column: str | None = None, plain: bool = False) -> list[ListRow]:
    """The lines of a list; empty cells are left out. ``plain``: one path per line is a list too.

    In JSON: objects; or what is listed under ``train``, ``dev`` and ``test`` or under numbers of folds; or columns;
    or path -> part. Raises InputError for what cannot be read, and for an empty list.
    """
    if not file.is_file():
        raise InputError(
            f"{file}: {'a folder' if file.is_dir() else 'no such file'}; give a CSV, JSON or JSON Lines file"
        )
    if file.suffix.lower() == ".parquet":
        cells = read_cells(file)
        return [_object(dict(zip(cells.columns, line, strict=True)), str(file)) for line in cells.lines.values()]
    text, _ = decoded(file)
    if "\0" in text:
        raise InputError(f"{file}: not a text file; give a CSV, JSON or JSON Lines file")
    if not text.strip():
        raise InputError(f"{file}: the file is empty")
    suffix = file.suffix.lower()
    if suffix in OBJECT_LINES:
        rows = [_object(parsed(file, line, number), f"{file}: line {number}") for number, line in numbered(text)]
    elif suffix == ".json":
        rows = list(_of_json(json_of(file, text), file))
    else:
        rows = _of_text(file, text, path_column, plain)
    if not rows:
        raise InputError(f"{file}: the list has no lines")
    return rows


def guess_of(file: Path) -> str:
    """What was guessed of a list: how its letters are written; empty where nothing was."""
    if file.suffix.lower() == ".parquet":
        return ""
    return encoding if (encoding := decoded(file)[1]) == GUESSED else ""


def _of_json(data: Any, file: Path) -> Iterator[ListRow]:
    if isinstance(data, list) and all(isinstance(item, Mapping) and _parts(item) for item in data):
        for number, item in enumerate(data, start=1):  # folds, each with its parts
            yield from _listed(item, file, {"fold": str(number)})
    elif isinstance(data, list):
        yield from (_item(item, f"{file}: item {number}") for number, item in enumerate(data, start=1))
    elif not isinstance(data, Mapping) or not data:
        raise InputError(f"{file}: neither a list nor an object with lists")
    elif _parts(data):
        yield from _listed(data, file, {})
    elif len(lists := [value for value in data.values() if _of_objects(value)]) == 1:  # s3prl's meta_data
        yield from (_item(item, f"{file}: item {number}") for number, item in enumerate(lists[0], start=1))
    elif any(key(name) in PATH for name in data):
        yield from _columns(data, file)
    elif all(isinstance(value, Mapping) and _parts(value) for value in data.values()):
        for name, item in data.items():
            yield from _listed(item, file, {"fold": name})
    else:  # path -> part, or path -> cells
        for path, value in data.items():
            cells = {"split": value} if isinstance(value, str | int) else value
            yield {"path": path} | _object(cells, f"{file}: {path}")


def _parts(item: Mapping[str, Any]) -> bool:
    """Whether an object lists files under the names of parts."""
    return bool(item) and all(isinstance(value, list) and part_of(name) for name, value in item.items())


def _of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _listed(item: Mapping[str, Any], file: Path, cells: ListRow) -> Iterator[ListRow]:
    for part, files in item.items():
        yield from (_item(one, f"{file}: {part}") | {"split": part} | cells for one in files)


def _columns(data: Mapping[str, Any], file: Path) -> Iterator[ListRow]:
    columns = {name: list(v.values()) if isinstance(v, Mapping) else v for name, v in data.items()}
    if not all(isinstance(values, list) for values in columns.values()) or len({*map(len, columns.values())}) != 1:
        raise InputError(f"{file}: columns {named(columns)} are no lists of one length")
    for values in zip(*columns.values(), strict=True):
        yield _object(dict(zip(columns, values, strict=True)), str(file))


def _item(item: Any, where: str) -> ListRow:
    return {"path": item} if isinstance(item, str) else _object(item, where)


def _object(item: Any, where: str) -> ListRow:
    if not isinstance(item, Mapping):
        raise InputError(f"{where}: '{short(item)}' is no object with the path and the part of a file")
    cells = {str(name): cell_text(value) for name, value in item.items()}
    return {name: value for name, value in cells.items() if value}


def _of_text(file: Path, text: str, path_column: str | None, plain: bool) -> list[ListRow]:
    if plain and (manifest := _fairseq(text)):
        return manifest
    text, separator, before = separated(text)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [cell.strip() for cell in next(lines)]
        body = [(lines.line_num + before, line) for line in lines if any(line)]
    except csv.Error as error:
        raise InputError(f"{file}: line {lines.line_num + before}: not CSV ({error})") from error
    if plain and len(columns) == 1 and key(columns[0]) not in PATH and columns[0] != path_column:
        return [{"path": line.strip()} for _, line in numbered(text)]
    doubled = [name for name in columns if columns.count(name) > 1]
    if doubled:
        raise InputError(f"{file}: column '{doubled[0]}' stands there twice")
    uneven = [str(number) for number, line in body if len(line) != len(columns)]
    if uneven:
        raise InputError(f"{file}: line {uneven[0]} does not have {len(columns)} cells as the first line has")
    return [_object(dict(zip(columns, line, strict=True)), str(file)) for _, line in body]


def _fairseq(text: str) -> list[ListRow]:
    """The files of a manifest of fairseq: its root, then a path and its number of samples; none for another list."""
    lines = [line for _, line in numbered(text)]
    cells = [line.split("\t") for line in lines[1:]]
    if not cells or "\t" in lines[0] or not all(len(line) == 2 and line[1].strip().isdigit() for line in cells):
        return []
    root = lines[0].strip().rstrip("/")
    return [{"path": f"{root}/{line[0].strip()}"} for line in cells]
