"""From lines of cells to splits: which file lies in which part, and what the list says of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ... import list_words as words
from ...errors import InputError, named
from ...identities import whole
from ...list_words import key, known_parts, part_of
from ...tables import short
from .rows import ListRow, guess_of, read_rows
from .segments import ListedRecording, utterances

TRAIN, DEV, TEST = "train", "dev", "test"
_GUESSED = {
    "path": words.PATH, "part": words.PART, "fold": words.FOLD, "speaker": words.SPEAKER, "sentence": words.SENTENCE,
    "session": words.SESSION, "dialogue": words.DIALOGUE, "label": words.LABEL, "corpus": words.CORPUS,
    "start": words.START, "end": words.END, "duration": words.DURATION,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns that the user gives; those that are None are guessed."""

    path: str | None = None
    part: str | None = None
    speaker: str | None = None
    sentence: str | None = None


class ListLine(NamedTuple):
    """A file, its part (or the number of its fold; empty: none), and all cells of its line."""

    path: str
    part: str
    row: ListRow


class FileSplit(NamedTuple):
    """One way to divide the files: part -> paths, each once."""

    name: str
    parts: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Listing:
    """What was listed: ``splits``, and by path the cells of the columns in ``columns`` (role -> name).

    ``notes`` say what was left out or taken for something.
    """

    name: str
    splits: tuple[FileSplit, ...]
    cells: Mapping[str, Mapping[str, str]]
    columns: Mapping[str, str]
    notes: tuple[str, ...]


def read_split(file: Path, names: Columns) -> Listing:
    """A list that says the part of every file. Raises InputError where it does not."""
    rows = read_rows(file, names.path)
    columns = _columns(rows, names, str(file))
    by = _by(rows, columns, names)
    if by is None:
        raise InputError(
            f"{file}: no column that says train or test (it has {named(_names(rows), 12)}); name it with "
            "--split-column, or give one file per part: --train A --test B"
        )
    notes = [f"{file.name}: {guess}"] if (guess := guess_of(file)) else []
    paths = utterances([_recording(row, columns, str(file)) for row in rows])
    columns = _without_times(columns, paths)
    lines = [ListLine(path, _part(row.get(by, ""), file, by), row) for path, row in zip(paths, rows, strict=True)]
    if missing := sum(not line.part for line in lines):
        notes.append(f"{missing} of {len(rows)} files are in no part: column {by} is empty there")
    parts = {line.part for line in lines} - {""}
    numbers = {part for part in parts if part.isdigit()}
    if numbers and parts - numbers:
        raise InputError(f"{file}: column {by} mixes numbers of folds with {named(sorted(parts - numbers))}")
    if numbers:
        splits = _in_turn(lines, sorted(numbers, key=int), f"{file}: column {by}")
    else:
        splits = _as_named(lines, columns, str(file), notes)
    return Listing(file.name, splits, _cells(lines, columns), columns, tuple(notes))


def read_parts(files: Mapping[str, Path], names: Columns) -> Listing:
    """One list per part; ``files`` has at least train and test (or dev)."""
    parts: dict[str, tuple[str, ...]] = {}
    notes = [f"{file.name}: {guess}" for file in files.values() if (guess := guess_of(file))]
    cells: dict[str, dict[str, str]] = {}
    columns: dict[str, str] = {}
    read = {part: read_rows(file, names.path, plain=True) for part, file in files.items()}
    of_files = {part: _columns(rows, names, str(files[part])) for part, rows in read.items()}
    every = [_recording(row, of_files[part], str(files[part])) for part, rows in read.items() for row in rows]
    paths = iter(utterances(every))
    for part, rows in read.items():
        lines = [ListLine(next(paths), part, row) for row in rows]
        of_file = _without_times(of_files[part], [line.path for line in lines])
        parts[part] = _once((line.path for line in lines), part, notes)
        cells |= _cells(lines, of_file)
        columns |= of_file
    split = _tested(FileSplit("", parts), " + ".join(map(str, files.values())), notes)
    return Listing(" + ".join(file.name for file in files.values()), (split,), cells, columns, tuple(notes))


def _columns(rows: Sequence[ListRow], chosen: Columns, where: str) -> dict[str, str]:
    """Role -> column. Raises InputError when there is none for the path, or several for the part."""
    names = _names(rows)
    roles: dict[str, str] = {}
    for role, guesses in _GUESSED.items():
        column = getattr(chosen, role, None)
        if column is not None:
            if column not in names:
                raise InputError(f"{where}: no column '{column}'; it has {named(names, 12)}")
            roles[role] = column
            continue
        fitting = [name for guess in guesses for name in names if key(name) == guess]
        if role == "part" and len(fitting) > 1:
            raise InputError(
                f"{where}: columns {named(fitting, between=' and ')} may say the part; choose with --split-column"
            )
        if fitting:
            roles[role] = fitting[0]
    if "path" not in roles:
        raise InputError(f"{where}: no column of paths (it has {named(names, 12)}); name it with --path-column")
    return roles


def _names(rows: Sequence[ListRow]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _recording(row: ListRow, columns: Mapping[str, str], where: str) -> ListedRecording:
    """The path of a line, and what it says of a segment."""
    path = row.get(columns["path"], "")
    path = path if path.startswith("\\\\") else path.replace("\\", "/")  # a share of Windows stays one
    while path.startswith("./"):
        path = path[2:]
    if not path:
        raise InputError(f"{where}: a line without {columns['path']}: {short(row)}")
    return ListedRecording(
        path, *(row.get(columns.get(role, ""), "") for role in ("start", "end", "duration", "speaker"))
    )


def _without_times(columns: dict[str, str], paths: Sequence[str]) -> dict[str, str]:
    """The columns, without those of segments where no line is one."""
    cut = any(whole(path)[1] for path in paths)
    return {role: name for role, name in columns.items() if cut or role not in ("start", "end", "duration")}


def _part(word: str, file: Path, column: str) -> str:
    part = part_of(word) if word else ""
    if part is None:
        raise InputError(
            f"{file}: column {column}: '{short(word)}' is no part and no number of a fold ({known_parts()})"
        )
    return part


def _by(rows: Sequence[ListRow], columns: Mapping[str, str], names: Columns) -> str | None:
    """The column that divides: of parts; of folds where there is none, or where it knows train only."""
    part, fold = columns.get("part"), columns.get("fold")
    if part and fold and not names.part and {part_of(row[part]) for row in rows if part in row} == {TRAIN}:
        return fold
    return part or fold


def _in_turn(lines: Sequence[ListLine], numbers: Sequence[str], where: str) -> tuple[FileSplit, ...]:
    """Numbered folds: each is test in turn, the others are train."""
    if len(numbers) < 2:
        raise InputError(f"{where}: one fold only ({numbers[0]}); there is nothing to train on")
    splits = []
    for number in numbers:
        test = dict.fromkeys(line.path for line in lines if line.part == number)
        train = dict.fromkeys(line.path for line in lines if line.part not in (number, ""))
        splits.append(FileSplit(number, {TRAIN: tuple(train), DEV: (), TEST: tuple(test)}))
    return tuple(splits)


def _as_named(
    lines: Sequence[ListLine], columns: Mapping[str, str], where: str, notes: list[str]
) -> tuple[FileSplit, ...]:
    """Parts by name. A file that lies in several folds has a line in each: every fold is a split of its own."""
    apart: list[str] = []
    if "fold" in columns and len({line.path for line in lines}) < len(lines):
        apart = [name for name in _names([line.row for line in lines]) if key(name) in words.APART]
        apart.append(columns["fold"])
    splits: dict[str, dict[str, list[str]]] = {}
    for path, part, row in lines:
        name = ", ".join(row[column] for column in apart if column in row)
        splits.setdefault(name, {TRAIN: [], DEV: [], TEST: []})
        if part:
            splits[name][part].append(path)
    once = {name: {part: _once(paths, part, notes) for part, paths in parts.items()} for name, parts in splits.items()}
    return tuple(_tested(FileSplit(name, parts), where, notes) for name, parts in once.items())


def _tested(split: FileSplit, where: str, notes: list[str]) -> FileSplit:
    """The split with a part to test. Raises InputError when there are not two."""
    parts: dict[str, tuple[str, ...]] = {TRAIN: (), DEV: (), TEST: ()} | dict(split.parts)
    fold = f", fold {split.name}" if split.name else ""
    if not parts[TEST] and parts[DEV]:
        notes.append(f"no file is in test{fold}: dev is taken for it")
        parts = {**parts, TEST: parts[DEV], DEV: ()}
    if empty := [part for part in (TRAIN, TEST) if not parts[part]]:
        filled = ", ".join(f"{part} {len(paths)}" for part, paths in parts.items() if paths) or "nothing"
        raise InputError(
            f"{where}{fold}: no file is in {' or '.join(empty)} ({filled} is there); is this the whole split?"
        )
    return FileSplit(split.name, parts)


def _once(paths: Iterable[str], part: str, notes: list[str]) -> tuple[str, ...]:
    counts = Counter(paths)
    twice = [path for path, n in counts.items() if n > 1]
    if twice:
        notes.append(f"{len(twice)} files are listed more than once in {part}: {named(twice, 3)}")
    return tuple(counts)


def _cells(lines: Sequence[ListLine], columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {line.path: {role: line.row[name] for role, name in columns.items() if name in line.row} for line in lines}
