"""Recorded noise, and recorded responses: the audio files of a folder, a half for training and one for testing."""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...errors import InputError, at_home
from ..audio.content import special_file
from ..audio.decode import LOSSY_SUFFIXES, decode, mono, resample
from .noise import looped, wrapped

ENDINGS = LOSSY_SUFFIXES | {
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".aiff",
    ".aif",
    ".aifc",
    ".au",
    ".caf",
    ".w64",
    ".rf64",
}
MEMORY = 2**30  # bytes of decoded recordings that are kept; the least recently used go first
_kept: OrderedDict[tuple[Path, int], np.ndarray] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Recordings:
    """A folder of audio. ``content`` names what lies in it, whatever the files are called.

    Files are ordered by the hash of their bytes and fall in turn into ``test`` and ``train``; of identical files the
    first counts. So the halves are disjoint in content, and a single recording is there for testing. Several cuts
    of one recording are different files: they may fall into both halves.
    """

    folder: Path
    content: str
    test: tuple[Path, ...]
    train: tuple[Path, ...]

    def names(self, files: Sequence[Path]) -> str:
        """The first files of a half, as an error tells them."""
        some = ", ".join(str(path.relative_to(self.folder)) for path in files[:4])
        return f"{some}{' ...' if len(files) > 4 else ''} ({len(files)} recordings of {self.folder})"


@lru_cache(maxsize=8)
def recordings(source: str) -> Recordings:
    """What lies in a folder and its subfolders; read once per process. InputError when that is no audio.

    Hidden files and files without an audio ending are not recordings.
    """
    folder = at_home(Path(source)).absolute()
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one with recordings, for instance WAV files")
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS and path.name[0] != "." and not path.is_dir()
    )
    by_content: dict[str, Path] = {}
    for path in files:
        by_content.setdefault(_hash(path), path)
    if not files:
        raise InputError(f"{folder}: no recordings in it or below it; files end in {' '.join(sorted(ENDINGS))}")
    ordered = sorted(by_content)
    content = hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:32]
    ranked = [by_content[key] for key in ordered]
    return Recordings(folder, content, tuple(ranked[::2]), tuple(ranked[1::2]))


def draw(files: Sequence[Path], n: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Noise (n,) float32 from a random place of a random file; the file is a loop of long-term power 1."""
    loop = _loop(files[int(rng.integers(len(files)))], rate_hz)
    return wrapped(loop, int(rng.integers(len(loop))), n)


def _loop(path: Path, rate_hz: int) -> np.ndarray:
    """The recording as a loop at the wanted rate, its channels averaged."""
    key = (path, rate_hz)
    if key not in _kept:
        sound = decode(path, math.inf)
        _kept[key] = looped(resample(mono(sound.samples), sound.rate_hz, rate_hz), rate_hz)
        while len(_kept) > 1 and sum(loop.nbytes for loop in _kept.values()) > MEMORY:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


def _hash(path: Path) -> str:
    if why := special_file(path):
        raise InputError(f"{path}: {why}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
