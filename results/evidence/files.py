"""Files that are whole or absent: written beside their place, synced, then renamed."""

import hashlib
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from . import seals
from .record import FORMAT

if TYPE_CHECKING:
    import pyarrow as pa


_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_TEMPORARY = re.compile(r"\..+\.(?P<host>[0-9a-f]{8})-(?P<process>\d+)\.[^.]+")
_ABANDONED = 86400.0  # seconds after which nobody writes any more

SEALED_FROM = 4  # the format of run folders since which everything in them has a seal


class StoreError(InputError):
    """The run folder cannot be written or read; finished cells are kept."""


def replace_file(path: Path, content: bytes) -> None:
    """Write a file atomically; whatever stops it, nothing stays but what was there before. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.{_HOST}-{os.getpid()}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically. Raises StoreError when the folder cannot be written or the disk is full."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; what is finished is kept: "
            "make room or choose another folder with --out, then repeat the command"
        ) from error


def free_leftovers(folder: Path) -> int:
    """Delete what killed processes began to write below a folder of ours; returns how many files.

    Those of this machine go when their process is gone, any other when it has not grown for a day.
    """
    count = 0
    for path in folder.rglob(".*"):
        if (owner := _TEMPORARY.fullmatch(path.name)) and _is_left(path, owner["host"], int(owner["process"])):
            path.unlink(missing_ok=True)
            count += 1
    return count


def _is_left(path: Path, host: str, process: int) -> bool:
    try:
        if time.time() - path.stat().st_mtime > _ABANDONED:
            return True
    except FileNotFoundError:  # its process has finished it meanwhile
        return False
    return host == _HOST and not _lives(process)


def _lives(process: int) -> bool:
    """Whether a process of this machine runs; Windows cannot be asked without harm, and yes is the careful answer."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object atomically, with a seal; NaN is refused."""
    text = json.dumps(seals.sealed(content), indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, without its seal. Raises StoreError naming a file that is damaged.

    Those of older formats have no seal; whether that of a newer one fits is not known here.
    """
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise TypeError("no JSON object")
        number = content.get("format")
        of_format = number if isinstance(number, int) else 0
        return content if of_format > FORMAT else seals.opened(content, needed=of_format >= SEALED_FROM)
    except (ValueError, TypeError, RecursionError, OSError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, why: object, advice: str = "delete it and repeat the command") -> StoreError:
    """What is said of a file that cannot be believed."""
    return StoreError(f"{path}: damaged or unreadable ({' '.join(f'{why}'.split())}); {advice}")


def read_table(path: Path, columns: Sequence[str] | None = None) -> "pa.Table":
    """Read a Parquet file whose seal fits, or that was written before there were seals. Raises StoreError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
        whole = seals.check_parquet(content)
        table = pq.read_table(pa.BufferReader(content), columns=columns)
        if not whole and seals.KEY.encode() in (table.schema.metadata or {}):
            raise seals.DamageError("its seal is not to be found")
    except (pa.ArrowException, ValueError, OSError) as error:
        raise damaged(path, error) from error
    return table
