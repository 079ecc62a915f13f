"""Reading tables as people write them: CSV of any separator and encoding, JSON, JSON Lines or Parquet.

Every command reads its tables here, so that a file that one of them takes is a file for all.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import list_words
from .errors import InputError

GUESSED = "not UTF-8: read as Windows-1252"
SEPARATORS = ",;\t|"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that a spreadsheet computes
OBJECT_LINES = (".jsonl", ".ndjson")
_SEP_LINE = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)  # Excel's own line
_NAMES = {";": "semicolons", "\t": "tabs", "|": "bars"}
# what the bytes 0x80 to 0x9f are on Windows; five of them are nothing
_WINDOWS = {code: char for code in range(0x80, 0xA0) if (char := bytes([code]).decode("cp1252", "ignore"))}
_LOOKED = 30  # lines that tell the separator
_SHOWN = 80  # characters of a value that an error shows


@dataclass(frozen=True)
class Cells:
    """Names of the columns, and the cells of each line by its number in the file.

    ``form`` and ``guess`` say of what form the file is, and what of it was guessed.
    """

    columns: list[str]
    lines: dict[int, list[Any]]
    form: str = ""
    guess: str = ""


def decoded(path: Path) -> tuple[str, str]:
    """The text of a file, and its encoding; empty where it is UTF-8.

    UTF-8 or UTF-16 with or without a mark, else as Windows writes it; control characters that stand for Windows quotes
    are mended.
    """
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), "UTF-16"
    if silent := _half_of_zeros(data):
        return data.decode(silent, errors="replace"), "UTF-16"
    try:
        return data.decode("utf-8-sig").translate(_WINDOWS), ""
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace").translate(_WINDOWS), GUESSED


def _half_of_zeros(data: bytes) -> str:
    """Which UTF-16 without a mark it is: Latin letters have a zero each."""
    start = data[:400]
    if len(start) < 4 or len(data) % 2 or 0 not in start:
        return ""
    even, odd = start[::2], start[1::2]
    if odd.count(0) > 0.7 * len(odd) and 0 not in even:
        return "utf-16-le"
    return "utf-16-be" if even.count(0) > 0.7 * len(even) and 0 not in odd else ""


def separated(text: str) -> tuple[str, str, int]:
    """The lines of a CSV file without Excel's ``sep=``, their separator, and how many lines went before."""
    head, _, rest = text.partition("\n")
    if mark := _SEP_LINE.fullmatch(head):
        return rest, mark[1], 1
    bare = re.sub(r'"[^"]*"', "", head)
    some = "\n".join(text.splitlines()[:_LOOKED])
    return text, max(SEPARATORS, key=lambda separator: (_even(some, separator), bare.count(separator))), 0


def _even(text: str, separator: str) -> bool:
    """Whether lines have equally many cells, more than one, with that separator."""
    try:
        counts = {len(line) for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if line}
    except csv.Error:
        return False
    return len(counts) == 1 and counts != {1}


def read_cells(path: Path) -> Cells:
    """The cells of a table. Raises InputError for a file that is none; lines may have other numbers of cells."""
    try:
        suffix = path.suffix.lower()
        if suffix == ".parquet":
            return _parquet(path)
        text, encoding = decoded(path)
        if "\0" in text:
            raise InputError(f"{path}: not a text file; give CSV, JSON, JSON Lines or Parquet")
        if suffix in (".json", *OBJECT_LINES):
            return _of_objects(list(objects(path, text)), encoding)
        return _csv(text, encoding)
    except InputError:
        raise
    except (csv.Error, ValueError, OSError) as error:  # ArrowInvalid is a ValueError
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{path}: not a readable table ({reason})") from error


def objects(path: Path, text: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON or JSON Lines file that are lines of a table; a table as columns is turned."""
    if path.suffix.lower() in OBJECT_LINES:
        items = [parsed(path, line, number) for number, line in numbered(text)]
    else:
        data = json_of(path, text)
        items = data if isinstance(data, list) else list(_lines_within(path, data))
    for number, item in enumerate(items, start=1):
        if not isinstance(item, Mapping):
            raise InputError(f"{path}: item {number}: '{short(item)}' is no object with named cells")
        yield item


def json_of(path: Path, text: str) -> Any:
    """What a JSON file holds; one that holds JSON Lines, whatever its ending, is a list."""
    lines = list(numbered(text))
    if len(lines) > 1 and lines[0][1].strip()[-1:] == "}":
        with suppress(InputError):
            return [parsed(path, line, number) for number, line in lines]
    return parsed(path, text)


def _lines_within(path: Path, data: Any) -> Iterator[Any]:
    named = data if isinstance(data, Mapping) else {}
    if named and all(isinstance(value, Mapping) for value in named.values()):
        yield from _lines_of_objects(named)
        return
    lists = {name: value for name, value in named.items() if isinstance(value, list)}
    of_objects = [value for value in lists.values() if value and all(isinstance(item, Mapping) for item in value)]
    if len(of_objects) == 1:  # {"meta_data": […]}
        yield from of_objects[0]
    elif lists and len(lists) == len(named) and len({*map(len, lists.values())}) == 1:
        yield from (dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True))
    else:
        raise InputError(f"{path}: neither a list of objects nor columns of one length")


def _lines_of_objects(named: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Columns by name with their cells by line, as pandas writes them; else the cells of each path."""
    first = next(iter(named.values()))
    if any(list_words.key(name) in list_words.PATH for name in named) and all(
        c.keys() == first.keys() for c in named.values()
    ):
        yield from ({name: cells[line] for name, cells in named.items()} for line in first)
    else:
        yield from ({"path": path, **cells} for path, cells in named.items())


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, by number."""
    return ((number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip())


def parsed(path: Path, text: str, line: int | None = None) -> Any:
    """JSON. Raises InputError with the line for what is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {line or error.lineno}: not JSON ({error.msg})") from error
    except RecursionError as error:
        raise InputError(f"{path}: JSON within JSON, too deep for a table") from error


def short(value: Any, most: int = _SHOWN) -> str:
    """A value in an error, in one line of a few characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def cell_text(value: Any) -> str:
    """A cell as text, empty for nothing; whole numbers lose their ``.0``; of an audio structure it is the path."""
    if isinstance(value, Mapping):
        value = value.get("path") if "path" in value else None
    if value is None or isinstance(value, list | bytes) or bool(value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFC", str(value)).strip()


def unguarded(cell: str) -> str:
    """A cell without the ``'`` that keeps spreadsheets from taking it for a formula.

    >>> unguarded("'=1+1"), unguarded("'s clip")
    ('=1+1', "'s clip")
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _csv(text: str, encoding: str) -> Cells:
    body, separator, before = separated(text)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    columns = next(reader, [])
    numbered_lines = ((reader.line_num, line) for line in reader)
    lines = {number + before: [unguarded(cell) for cell in line] for number, line in numbered_lines if any(line)}
    between = f"cells between {_NAMES[separator]}" if separator in _NAMES and len(columns) > 1 else ""
    form = "; ".join(filter(None, (between, "a line sep=" if before else "", encoding)))
    return Cells(columns, lines, form, encoding if encoding == GUESSED else "")


def _of_objects(items: list[Mapping[str, Any]], encoding: str) -> Cells:
    columns = list(dict.fromkeys(str(name) for item in items for name in item))
    lines = {number: [item.get(name) for name in columns] for number, item in enumerate(items, start=1)}
    return Cells(columns, lines, "; ".join(filter(None, ("JSON", encoding))), encoding if encoding == GUESSED else "")


def _parquet(path: Path) -> Cells:
    import pandas as pd

    table = pd.read_parquet(path)
    if any(name is not None for name in table.index.names):  # an index that was written is a column
        table = table.reset_index()
    table = table.astype(object).where(table.notna(), None)
    lines = table.itertuples(index=False, name=None)
    return Cells([str(column) for column in table.columns], {n: list(line) for n, line in enumerate(lines, start=1)})
