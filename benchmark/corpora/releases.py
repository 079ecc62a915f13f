"""What identifies the released files of a corpus: path, size and the beginning of their SHA-256.

The list of a corpus, where it is known, lies beside its facts: NAME.tsv.gz.
"""

import gzip
from dataclasses import dataclass
from functools import cache

from .registry import cards

HEX = 12  # digits of the SHA-256 that are kept


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of a release: its path in the release, size in bytes, first digits of its SHA-256."""

    path: str
    bytes: int
    sha256: str


@cache
def release(corpus: str) -> tuple[ReleaseFile, ...]:
    """All audio files of the release; empty for a corpus whose list is not known."""
    card = cards().get(corpus)
    packed = card and card.folder / f"{corpus}.tsv.gz"
    if not packed or not packed.exists():
        return ()
    lines = (line.split("\t") for line in gzip.decompress(packed.read_bytes()).decode().splitlines())
    return tuple(ReleaseFile(path, int(size), digest) for path, size, digest in lines)
