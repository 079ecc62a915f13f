"""A corpus of the user's own: a table with one line per clip, CSV, JSON, JSON Lines or Parquet."""

import itertools
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ... import list_words
from ...errors import InputError, at_home, named
from ...tables import Cells, cell_text, read_cells
from ..audio.content import missing_content
from .embedded import audio_within, unpacked
from .folder import ENDINGS, Reading, Row
from .table import COLUMNS, utterance_table

NEEDED = ("path", "speaker", "emotion")
FILLED = ("path", "emotion")  # an empty speaker is one that nobody knows
_USED = frozenset(COLUMNS) - {"corpus"}  # the corpus is called what the user calls it
#: column of the utterance table -> what other people call it, the likeliest first
_SYNONYMS = {
    "path": tuple(word for word in list_words.PATH if word not in ("utterance", "row", "id")),
    "speaker": list_words.SPEAKER,
    "emotion": list_words.LABEL,
    "official_split": list_words.PART,
    "session": list_words.SESSION,
    "dialogue": list_words.DIALOGUE,
    "gender": ("gender", "sex"),
    "transcript": ("transcript", "transcription", "text", "utterance_text"),
}
ABSENT = "their audio is missing"
_NAMES = ("utterances.csv", "utterances.parquet")
_ENDINGS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")
_GENDER = {"f": "female", "w": "female", "female": "female", "m": "male", "male": "male"}


def find_table(source: Path) -> Path | None:
    """The table that ``source`` is or holds; None when it is neither. Raises InputError when it holds two."""
    source = Path(os.path.abspath(at_home(source)))  # noqa: PTH100 - a link keeps its name
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
    columns, lines, notes = _load(name, file)
    missing = [column for column in NEEDED if column not in next(iter(lines.values()))]
    if missing:
        raise InputError(f"{name}: {file}: no column {', '.join(missing)}; it has {named(columns, 12)}")
    _check_filled(name, file, lines)
    rows = [_row(line, name, file.parent) for line in lines.values()]
    exists = [Path(str(row["path"])).is_file() for row in rows]
    there = list(itertools.compress(rows, exists))
    absent = [str(row["path"]) for row, here in zip(rows, exists, strict=True) if not here]
    if not there:
        why = f" ({why})" if (why := missing_content(Path(absent[0]))) else ""
        raise InputError(f"{name}: {file}: none of its {len(rows)} audio files exists; the first is {absent[0]}{why}")
    notes += _notes(name, rows)
    if absent:
        reasons = dict.fromkeys(why for path in absent if (why := missing_content(Path(path))))
        notes.append("; ".join((f"{name}: {len(absent)} utterances left out, {ABSENT}: {named(absent)}", *reasons)))
    return utterance_table(there, name, str(file)), tuple(notes)


def _load(name: str, file: Path) -> tuple[list[str], dict[int, Row], list[str]]:
    """Names of the columns, the cells of the known ones by number of the line (an empty one is None), and notes."""
    cells = read_cells(file)
    columns = [column.strip() for column in cells.columns]
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise InputError(f"{name}: {file}: column {named(twice)} stands there twice")
    if not cells.lines:
        raise InputError(f"{name}: {file}: the table has no lines")
    uneven = [str(number) for number, line in cells.lines.items() if len(line) != len(columns)]
    if uneven:
        raise InputError(f"{name}: {file}: lines {named(uneven, 5)} do not have {len(columns)} cells as the first has")
    roles = _roles(columns)
    lines: dict[int, Row] = {}
    for number, line in cells.lines.items():
        texts = dict(zip(columns, map(cell_text, line), strict=True))
        lines[number] = {role: texts[column] or None for role, column in roles.items()}
    _name_parts(roles, lines)
    within = _unpack(name, file, cells, roles, lines)
    as_others = [f"{column} as {role}" for role, column in roles.items() if column != role]
    understood = "; ".join(filter(None, (", ".join(as_others), cells.form)))
    unused = [column for column in columns if column not in roles.values()]
    notes = [f"{name}: {file.name} is read with {understood}"] if understood else []
    notes += within
    if unused:
        notes.append(f"{name}: columns that are not used: {named(unused, 12)}")
    return columns, lines, notes


def _roles(columns: list[str]) -> dict[str, str]:
    """Column of the utterance table -> that of the file: the name itself, else the likeliest of other people's."""
    roles = {column: column for column in columns if column in _USED}
    for role, words in _SYNONYMS.items():
        free = [column for column in columns if column not in roles.values()]
        fitting = [column for word in words for column in free if list_words.key(column) == word]
        if role not in roles and fitting:
            roles[role] = fitting[0]
    for column in columns:  # ID, Language
        role = list_words.key(column)
        if role in _USED and role not in roles and column not in roles.values():
            roles[role] = column
    return roles


def _unpack(name: str, file: Path, cells: Cells, roles: dict[str, str], lines: dict[int, Row]) -> list[str]:
    """Write audio that lies within the table to files, and put their paths into ``lines``: a note where there is some.

    What the table calls the path of such a clip, or else its line, is its id.
    """
    table = list(cells.lines.values())
    holding = [at for at in range(len(cells.columns)) if any(audio_within(line[at]) is not None for line in table)]
    if not holding:
        return []
    column = cells.columns[holding[0]].strip()
    folder, files = unpacked(name, file, list(lines), [line[holding[0]] for line in table])
    roles.setdefault("path", column)
    for (number, line), clip in zip(lines.items(), files, strict=True):
        line.setdefault("path", None)
        if clip is not None:
            listed = (line.get("path") or "").replace("\\", "/")
            line["id"] = line.get("id") or listed.rpartition(".")[0] or f"line-{number:06}"
            line["path"] = str(clip)
    count = sum(clip is not None for clip in files)
    return [f"{name}: the audio of {count} clips lies within column {column}; it is kept in {folder}"]


def _name_parts(roles: dict[str, str], lines: dict[int, Row]) -> None:
    """The official split in our words; a column of another name that has other words is not it."""
    if "official_split" not in roles:
        return
    words = {text for line in lines.values() if (text := line["official_split"])}
    parts = {word: list_words.part_of(word) for word in words}
    if all(part in ("train", "dev", "test") for part in parts.values()):
        for line in lines.values():
            line["official_split"] = parts.get(line["official_split"] or "")
    elif roles["official_split"] != "official_split":
        del roles["official_split"]
        for line in lines.values():
            del line["official_split"]


def _check_filled(name: str, file: Path, lines: dict[int, Row]) -> None:
    faults = []
    for column in FILLED:
        empty = [str(number) for number, line in lines.items() if line[column] is None]
        if empty:
            faults.append(f"{len(empty)} of {len(lines)} without {column} (lines {named(empty, 5)})")
    if faults:
        raise InputError(f"{name}: {file}: {'; '.join(faults)}")


def _row(line: Row, name: str, folder: Path) -> Row:
    path = at_home(Path(str(line["path"])))
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
    found = next((place for place in places if place.is_file()), None)
    return found or next((ended for place in places for ended in _with_endings(place) if ended.is_file()), places[0])


def _with_endings(place: Path) -> Iterator[Path]:
    """A path that has no ending, with each of those that audio has."""
    known = place.suffix.lower() in ENDINGS
    yield from (place.with_name(f"{place.name}{ending}") for ending in (() if known else ENDINGS))


def _notes(name: str, rows: list[Row]) -> list[str]:
    notes = []
    unknown = sum(row["speaker"] is None for row in rows)
    if unknown:
        notes.append(f"{name}: {unknown} of {len(rows)} utterances have no speaker: the column is empty")
    return notes
