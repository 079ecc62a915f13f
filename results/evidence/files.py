"""Files that are whole or absent: written beside their place, synced, then renamed."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ...errors import InputError


class StoreError(InputError):
    """The run folder cannot be written or read; finished cells are kept."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically. Raises StoreError when the folder cannot be written or the disk is full."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; what is finished is kept: "
            "make room or choose another folder with --out, then repeat the command"
        ) from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically; NaN is refused."""
    write_bytes(path, (json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read JSON. Raises StoreError naming a damaged file."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, OSError) as error:
        raise StoreError(f"{path}: damaged or unreadable ({error}); delete it and repeat the command") from error
