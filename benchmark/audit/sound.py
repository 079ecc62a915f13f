"""The recordings of a list, where they are at hand: which are identical, and which near-identical."""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...errors import InputError, named
from ...identities import whole
from ..audio.allowed import NONE, AllowedPairs, check, note
from ..audio.bar import bar
from ..audio.content import missing_content
from ..audio.decode import audio_hash, decode, mono, resample
from ..audio.fingerprint import RATE_HZ
from ..audio.likeness import ClipCodes, Pair, codes_of, joined, near_pairs
from ..audio.workers import ordered
from ..corpora.folder import audio_files
from ..environment import cores
from ..prepared.clip_words import SILENCES
from ..prepared.clips import is_silent, why_silent
from .names import plain_name

_DEPTH = 4  # folders by which a listed path and a file are compared, from the end


class Recording(NamedTuple):
    """A recording as it is compared; ``problem`` says why it cannot be."""

    path: str
    audio: str
    code: np.ndarray
    frames: int
    problem: str = ""


@dataclass(frozen=True)
class SoundGroups:
    """By path: ``audio`` is the same for identical recordings, ``near`` for near-identical ones (None: like no other).

    ``notes`` say what could not be heard, and name weaker suspicions.
    """

    audio: dict[str, str]
    near: dict[str, str]
    notes: tuple[str, ...]

    def columns(self, paths: Sequence[str]) -> dict[str, list[str | None]]:
        """The columns audio_hash and near of a table of ``paths``; null where nothing is known."""
        return {"audio_hash": [self.audio.get(p) for p in paths], "near": [self.near.get(p) for p in paths]}


def listen(paths: Iterable[str], folder: Path, allowed: AllowedPairs = NONE) -> SoundGroups:
    """Hear all files below ``folder``; ``allowed`` pairs are no copies.

    Raises InputError when none of them can be found and read, and for an allowed path that is not listed.
    """
    paths = list(paths)
    files = find(paths, folder)
    clips, odd = _hear(files)
    if not clips:
        why = f"{odd[0].path}: {odd[0].problem}" if odd else f"the first is {paths[0]}"
        raise InputError(f"--audio {folder}: none of {len(paths)} files can be heard there; {why}")
    notes = []
    if missing := [path for path in paths if path not in files]:
        notes.append(f"{len(missing)} of {len(paths)} recordings are not in {folder}: {named(missing, 3)}")
    if odd:
        notes.append(f"{len(odd)} recordings cannot be used: {named((f'{c.path} ({c.problem})' for c in odd), 3)}")
    audio = {clip.path: clip.audio for clip in clips}
    check(allowed, set(paths), audio | {path: path for path in paths if path not in audio})
    near, suspicions = _near(clips, files, allowed)
    notes += note(allowed, [(a, b) for a, b in sorted(allowed) if a in near and near[a] == near.get(b)])
    if suspicions:
        examples = named((f"{pair.a} ~ {pair.b} ({pair.how})" for pair in suspicions), 3)
        what = "suspicion" if len(suspicions) == 1 else "suspicions"
        notes.append(f"{len(suspicions)} {what} of near-identical audio, too little to say so, not counted: {examples}")
    return SoundGroups(audio, near, tuple(notes))


def find(paths: Iterable[str], folder: Path) -> dict[str, Path]:
    """Where listed files lie below ``folder``, whatever their endings: by as many folders of their paths as fit.

    A name that fits several files finds none. Raises InputError for a folder without audio.
    """
    files = audio_files(folder) if folder.is_dir() else []
    if not files:
        raise InputError(f"--audio {folder}: no folder with audio files")
    by_end: dict[str, set[Path]] = {}
    for file in files:
        parts = file.relative_to(folder).with_suffix("").parts
        for depth in range(1, min(_DEPTH, len(parts)) + 1):
            by_end.setdefault("/".join(parts[-depth:]), set()).add(file)
    by_path = {}
    for path in paths:
        name, copy = plain_name(whole(path)[0])
        parts = tuple(name.split("/"))
        ends = ("/".join(parts[-depth:]) for depth in range(min(_DEPTH, len(parts)), 0, -1))
        fitting = next((by_end[end] for end in ends if end in by_end), set())
        if len(fitting) == 1 and not copy:
            by_path[path] = next(iter(fitting))
    return by_path


def _hear(files: Mapping[str, Path]) -> tuple[list[Recording], list[Recording]]:
    """The recordings that can be compared, and those that cannot."""
    clips = []
    with bar("listening") as progress, closing(ordered(_clip, list(files.items()), cores())) as recordings:
        for done, clip in enumerate(recordings, start=1):
            clips.append(clip)
            progress(done, len(files))
    return [clip for clip in clips if not clip.problem], [clip for clip in clips if clip.problem]


def _clip(item: tuple[str, Path]) -> Recording:
    path, file = item
    nothing = np.empty(0, dtype=np.float32)
    try:
        decoded = decode(file, _longest(path))
    except InputError as error:
        return Recording(path, "", nothing, 0, missing_content(file) or str(error))
    samples = _cut(path, mono(decoded.samples), decoded.rate_hz)
    if is_silent(samples):
        return Recording(path, "", nothing, 0, SILENCES[why_silent(decoded) or "silent"])
    code, frames = next(codes_of([samples], decoded.rate_hz))
    return Recording(path, audio_hash(samples, decoded.rate_hz), code, frames)


def _longest(path: str) -> float | None:
    """A recording of which segments are listed may be of any length."""
    return None if whole(path)[1] is None else math.inf


def _cut(path: str, samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """The samples (N,) of a segment; all where the path is a whole recording."""
    span = whole(path)[1]
    if span is None:
        return samples
    start, end = (min(len(samples), round(min(at * rate_hz, len(samples)))) for at in span)
    return samples[start:end]


def _near(
    clips: Sequence[Recording], files: Mapping[str, Path], allowed: AllowedPairs
) -> tuple[dict[str, str], list[Pair]]:
    """By path a name of the set of near-identical recordings, for those that have one; and suspicions."""
    ids = [clip.path for clip in clips]
    audio = pd.Series([clip.audio for clip in clips], index=ids)

    def waveform(i: int) -> np.ndarray:
        decoded = decode(files[ids[i]], _longest(ids[i]))
        return resample(_cut(ids[i], mono(decoded.samples), decoded.rate_hz), decoded.rate_hz, RATE_HZ)

    codes = np.stack([clip.code for clip in clips])
    heard = ClipCodes(ids, list(audio), codes, np.array([c.frames for c in clips]), waveform, RATE_HZ)
    pairs = near_pairs(heard, None, allowed)
    sets = joined(audio, [pair for pair in pairs if pair.how.copy])
    several = audio.groupby(sets).transform("nunique") > 1  # recordings that are only identical are another rule's
    names = audio.groupby(sets).transform(lambda of_set: str(of_set.index[0]))
    near = {path: name for path, name, here in zip(ids, names, several, strict=True) if here}
    by_path = dict(zip(ids, sets.tolist(), strict=True))
    return near, [pair for pair in pairs if pair.how.suspect and by_path[pair.a] != by_path[pair.b]]
