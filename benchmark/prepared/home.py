"""The folder that holds what was prepared: `SERBENCH_HOME`, or the user's cache folder.

Every prepared corpus is a folder `corpora/NAME/FINGERPRINT-RATE-MAKER` whose `manifest.json` was written last: without
a manifest it does not exist. Nothing that was made by other code is used, nor the features that lie beside it.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...results.evidence.seals import opened
from .. import locks
from ..corpora.embedded import PREFIX
from ..source import source_hash
from ..user_folder import BUILDING, place

FORMAT = 3  # of a prepared corpus on disk
#: the modules whose text decides the samples that are stored
MAKERS = tuple(resolve_name(name, f"{__package__}") for name in (".clips", "..audio.decode"))
#: and those that decide which clips are
_CHOOSERS = (resolve_name("..audio.duplicates", f"{__package__}"),)
MANIFEST, TABLE, AUDIO = "manifest.json", "table.parquet", "audio.int16"
_OURS = re.compile(r"[0-9a-f]{16}-\d+(-[0-9a-f]{8})?|\.building-.+")


@dataclass(frozen=True, slots=True)
class PreparedForm:
    """A prepared corpus as its manifest tells; ``manifest`` is None where it is of another format or damaged."""

    name: str
    folder: Path
    format: int | None
    manifest: dict[str, Any] | None

    @property
    def state(self) -> str:
        """Why it cannot be used, as far as the manifest tells; empty where it can."""
        if self.manifest is None:
            return "damaged" if self.format is None else f"older format {self.format}"
        return "" if self.manifest.get("maker") == maker() else "older code"

    @property
    def size(self) -> int:
        """Bytes on disk, with features that were kept beside the audio."""
        return folder_size(self.folder)


@cache
def maker() -> str:
    """A name for what makes a prepared corpus: the format, and the text of what decides clips and samples."""
    return hashlib.sha256(f"{FORMAT} {source_hash((*MAKERS, *_CHOOSERS))}".encode()).hexdigest()[:8]


def check_name(name: str) -> None:
    """Raise InputError for a corpus name that cannot be the name of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(f"corpus name '{name}': use letters, digits, '.', '_' and '-' only")


def stored(root: Path, name: str | None = None) -> list[PreparedForm]:
    """What is prepared under ``root``, of one corpus or of all, oldest first."""
    forms = [
        _read(path.parent)
        for path in place(root, name or "*").parent.glob(f"{name or '*'}/*/{MANIFEST}")
        if not path.parent.name.startswith(BUILDING)
    ]
    return sorted(forms, key=lambda s: (s.name, str((s.manifest or {}).get("created", "")), s.folder.name))


def _read(folder: Path) -> PreparedForm:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        version = int(manifest["format"])
        manifest = opened(manifest, needed=version == FORMAT)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return PreparedForm(folder.parent.name, folder, None, None)
    return PreparedForm(folder.parent.name, folder, version, manifest if version == FORMAT else None)


def remove(root: Path, name: str) -> tuple[int, int]:
    """Delete every prepared form of a corpus, audio out of its table, and what broken attempts left: (how many, bytes).

    Folders of any other name, or with files of ours but without our manifest, stay. Raises InputError when nothing
    of that name is prepared.
    """
    check_name(name)
    where = place(root, name)
    nothing = InputError(f"{name}: nothing prepared under {where.parent}; `serbench corpora list` shows what is")
    if not where.is_dir():
        raise nothing
    with writing(where), locked(root, name):
        folders = [s.folder for s in stored(root, name)]
        broken = [*leftovers(where), *sorted(where.glob(f"{PREFIX}*"))]
        size = sum(folder_size(folder) for folder in (*folders, *broken))
        for folder in (*folders, *broken):
            discard(folder)
        if not any(where.iterdir()):
            where.rmdir()
    if not folders and not broken:
        raise nothing
    return len(folders), size


def leftovers(where: Path) -> list[Path]:
    """Folders that a killed process began to build or to delete."""
    return [
        folder
        for folder in sorted(where.iterdir())
        if _OURS.fullmatch(folder.name) and not folder.is_symlink() and not (folder / MANIFEST).exists()
    ]


def tidy(root: Path, name: str) -> None:
    """Delete what killed processes left of a corpus, unless another process prepares it now."""
    from ...results.evidence.files import free_leftovers

    where = place(root, name)
    if not where.is_dir():
        return
    with suppress(OSError):  # what cannot be deleted harms nobody
        free_leftovers(where)
        if leftovers(where):
            with locks.locked(_lock(root, name)) as alone:
                for folder in leftovers(where) if alone else ():
                    discard(folder)


def discard(folder: Path) -> None:
    """Delete a folder of ours; its manifest goes first, so that a kill half-way leaves nothing that looks whole."""
    if folder.is_symlink():
        raise InputError(f"{folder}: a link, not a folder that serbench made; delete it by hand")
    (folder / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder)


def folder_size(folder: Path) -> int:
    """Bytes of all files in it; what another process renames meanwhile is not counted."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            size += path.stat().st_size if path.is_file() else 0
    return size


def _lock(root: Path, name: str) -> Path:
    return place(root, f".{name}.lock")


@contextmanager
def locked(root: Path, name: str) -> Iterator[bool]:
    """Hold the lock of a corpus, waiting for whoever has it; False where the file system has no locks.

    The lock lies beside the corpus.
    """
    path = _lock(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locks.locked(path, f"{name}: another process prepares it; waiting"))
        except OSError as error:
            if error.errno not in locks.NO_LOCKS:
                raise
            yield False
            return
        yield True


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what a full or protected disk says into one line."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write {folder}: {(error.strerror or str(error)).lower()}; "
            "make room or set SERBENCH_HOME to a folder that can be written"
        ) from error
