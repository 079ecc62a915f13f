"""Reading text files that corpora were published with: UTF-8, or what Windows made of it."""

from pathlib import Path

from ...tables import decoded


def read_text(path: Path) -> str:
    """The text of a file, whatever its encoding."""
    return decoded(path)[0]
