"""What identifies the released files of a corpus: path, size and the beginning of their SHA-256."""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

HEX = 12  # digits of the SHA-256 that are kept


@dataclass(frozen=True, slots=True)
class Released:
    """One file of a release: its path in the release, size in bytes, first digits of its SHA-256."""

    path: str
    bytes: int
    sha256: str


@cache
def release(corpus: str) -> tuple[Released, ...]:
    """All audio files of the release; empty for a corpus whose list is not known."""
    packed = (files("serbench.benchmark.corpora") / "data" / "releases.tsv.gz").read_bytes()
    lines = (line.split("\t") for line in gzip.decompress(packed).decode().splitlines())
    return tuple(Released(path, int(size), digest) for name, path, size, digest in lines if name == corpus)
