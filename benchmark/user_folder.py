"""The folder that serbench keeps its own things in: `SERBENCH_HOME`, or the user's cache folder."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from ..errors import at_home

BUILDING = ".building-"  # prefix of a folder that is not finished


def home() -> Path:
    """`SERBENCH_HOME`, else the cache folder of the platform."""
    if folder := os.environ.get("SERBENCH_HOME"):
        return at_home(Path(folder)).absolute()
    return user_cache_path("serbench", appauthor=False)


def place(root: Path, name: str) -> Path:
    """Where what is kept of one corpus lies."""
    return root / "corpora" / name
