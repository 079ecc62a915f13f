"""Audio that lies within a table, as Hugging Face's data sets have it: written to files once, so that it can be heard.

Folders `corpora/NAME/audio-KEY` of the user's folder; the key names a state of the table by its size and date.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..user_folder import BUILDING, home, place

PREFIX = "audio-"


def audio_within(cell: Any) -> bytes | None:
    """The audio that a cell of a table holds, bare or as ``{bytes, path}``; None where it holds none."""
    data = cell.get("bytes") if isinstance(cell, Mapping) else cell
    return data if isinstance(data, bytes) and data else None


def unpacked(corpus: str, table: Path, numbers: Sequence[int], cells: Sequence[Any]) -> tuple[Path, list[Path | None]]:
    """The folder of the files, and the file of each cell; None for a cell without audio. ``numbers``: of the lines.

    Raises InputError where they cannot be written.
    """
    facts = table.stat()
    key = hashlib.sha256(f"{table.absolute()} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:16]
    folder = place(home(), corpus) / f"{PREFIX}{key}"
    names = [None if audio_within(cell) is None else _name(cell, n) for n, cell in zip(numbers, cells, strict=True)]
    if not folder.exists():
        try:
            _write(folder, {name: audio_within(cell) or b"" for name, cell in zip(names, cells, strict=True) if name})
        except OSError as error:
            raise InputError(
                f"{corpus}: the audio within {table} cannot be written to {folder} "
                f"({(error.strerror or str(error)).lower()}); make room, or set SERBENCH_HOME to another folder"
            ) from error
    return folder, [None if name is None else folder / name for name in names]


def _name(cell: Any, number: int) -> str:
    """A name of its own for the file of a line: its number, and the ending that its path has."""
    path = str(cell.get("path") or "") if isinstance(cell, Mapping) else ""
    return f"{number:06}{Path(path.replace(os.sep, '/')).suffix[:8] or '.wav'}"


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """All files or none: under another name first."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=BUILDING, dir=folder.parent))
    try:
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        temporary.rename(folder)
    except OSError:
        if not folder.exists():  # else another process was quicker
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
