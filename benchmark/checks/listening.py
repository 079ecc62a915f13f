"""Reading every audio file of a table, for `check`: what each holds, and whether it is the released file."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..audio.bar import Progress
from ..audio.decode import audio_hash, decode, mono
from ..audio.longest import TooLongError
from ..audio.workers import ordered
from ..corpora.releases import HEX, ReleaseFile
from ..environment import cores
from ..prepared.clips import why_silent

_POINTER = b"version https://git-lfs"
_FAINT = 10 ** (-60 / 20)  # peak


@dataclass(frozen=True, slots=True)
class ClipFile:
    """One file to read, and the released file it should be, where that is known."""

    utterance: str
    path: str
    released: ReleaseFile | None


@dataclass(frozen=True, slots=True)
class FileSound:
    """What one file holds. ``error`` says why it cannot be read; then all else is empty, but for ``long``.

    ``silence`` is a key of `SILENCES`, empty where something is heard; ``audio`` the hash of the decoded samples.
    ``same`` tells whether the file has the released size and SHA-256; None where there is nothing to compare with, or
    the file has another ending and so was converted.
    """

    utterance: str
    error: str = ""
    same: bool | None = None
    rate_hz: int = 0
    channels: int = 0
    seconds: float = 0.0
    clipped: int = 0
    silence: str = ""
    faint: bool = False
    lacking: int = 0
    peak: float = 0.0
    long: bool = False
    audio: str = ""


def listen(tasks: Sequence[ClipFile], progress: Progress | None = None, jobs: int | None = None) -> list[FileSound]:
    """Read all files, in ``jobs`` processes (default: one per core); in the order of the tasks."""
    sounds = []
    with closing(ordered(hear, tasks, jobs or cores())) as results:
        for done, sound in enumerate(results, start=1):
            sounds.append(sound)
            if progress:
                progress(done, len(tasks))
    return sounds


def hear(task: ClipFile) -> FileSound:
    """Read one file. Never raises for a file that cannot be read."""
    path = Path(task.path)
    try:
        decoded = decode(path)
    except InputError as error:
        return FileSound(task.utterance, error=_reason(path, str(error)), long=isinstance(error, TooLongError))
    samples = mono(decoded.samples)
    peak = float(np.abs(decoded.samples).max())
    silence = why_silent(decoded)
    return FileSound(
        task.utterance,
        same=_same(path, task.released),
        rate_hz=decoded.rate_hz,
        channels=decoded.channels,
        seconds=decoded.seconds,
        clipped=decoded.clipped,
        silence=silence,
        faint=not silence and peak < _FAINT,
        lacking=decoded.lacking,
        peak=peak,
        audio=audio_hash(samples, decoded.rate_hz),
    )


def _reason(path: Path, error: str) -> str:
    try:
        with path.open("rb") as file:
            if file.read(len(_POINTER)) == _POINTER:
                return "a pointer of git-lfs, not the audio: run `git lfs pull`"
    except OSError:
        pass  # the error at hand already says so
    return error.removeprefix(f"{path}: ")


def _same(path: Path, released: ReleaseFile | None) -> bool | None:
    if released is None or path.suffix.lower() != Path(released.path).suffix.lower():
        return None
    if path.stat().st_size != released.bytes:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest()[:HEX] == released.sha256
