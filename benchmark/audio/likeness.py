"""Which of many clips are near-identical: codes of all pairs, peaks of those that agree, samples of what is left."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ...protocols.parts.folds import linked
from .alignment import Agreement, agreement
from .allowed import NONE, AllowedPairs
from .decode import resample
from .fingerprint import ALIKE, ALIKE_SHORT, HOP, RATE_HZ, SHORT, Match, code, match, peaks

_BLOCK = 512  # clips whose codes are compared with all others at once
_REMEMBERED = 1024  # clips whose peaks are kept for the next match


@dataclass(frozen=True, eq=False)
class ClipCodes:
    """Clips that can be compared: ``codes`` (n, CODE) float32, and in ``frames`` (n,) how many of each have sound.

    ``audio`` is what identical clips share; ``waveform(i)`` gives float32 samples (N,) at ``rate_hz``.
    """

    ids: Sequence[str]
    audio: Sequence[str]
    codes: np.ndarray
    frames: np.ndarray
    waveform: Callable[[int], np.ndarray]
    rate_hz: int


class Sound(NamedTuple):
    """A clip as it is compared: its peaks, and its samples (N,) at `RATE_HZ`."""

    peaks: np.ndarray
    samples: np.ndarray


class Likeness(NamedTuple):
    """What is known of two clips: their peaks, and their samples where these were compared."""

    match: Match
    samples: Agreement | None = None

    @property
    def copy(self) -> bool:
        """Whether one is a copy of the other."""
        return self.match.sure or (self.samples is not None and self.samples.same)

    @property
    def suspect(self) -> bool:
        """Whether it may be one, with too little to say so."""
        return not self.copy and (self.match.close or (self.samples is not None and self.samples.close))

    def __str__(self) -> str:
        """The evidence in words."""
        peaks_said = f"spectrum {self.match.score:.2f} over {self.match.frames * HOP / RATE_HZ:.1f} s"
        return peaks_said if self.samples is None else f"{peaks_said}, samples {self.samples.score:.2f}"


class Pair(NamedTuple):
    """Two clips that are copies of one recording, or may be."""

    a: str
    b: str
    how: Likeness


def sound_of(waveform: np.ndarray, rate_hz: int) -> Sound:
    """Samples (N,) as they are compared."""
    samples = resample(np.asarray(waveform, dtype=np.float32), rate_hz, RATE_HZ)
    return Sound(peaks(samples, RATE_HZ), samples)


def likeness(a: Sound, b: Sound) -> Likeness:
    """The peaks of both, and the samples too where the peaks are no evidence by themselves."""
    how = match(a.peaks, b.peaks)
    if how.sure or not how.worth:
        return Likeness(how)
    return Likeness(how, agreement(a.samples, b.samples, RATE_HZ, 2 ** (how.semitones / 12), how.seconds))


def codes_of(waveforms: Iterable[np.ndarray], rate_hz: int) -> Iterator[tuple[np.ndarray, int]]:
    """The code (CODE,) of every clip (N,), and its frames with sound; about 2 ms for a clip of 4 s.

    In one thread: products this small lose time when several share them.
    """
    with threadpool_limits(1, "blas"):
        for waveform in waveforms:
            clip_peaks = peaks(waveform, rate_hz)
            yield code(clip_peaks), int(clip_peaks.any(axis=1).sum())


def near_pairs(a: ClipCodes, b: ClipCodes | None = None, allowed: AllowedPairs = NONE) -> list[Pair]:
    """Copies and suspicions among the clips of ``a``, or between ``a`` and ``b``; the likeliest first.

    Clips that other pairs connect already are not compared again, nor are identical ones, nor ``allowed`` pairs.
    """
    other = a if b is None else b
    of_a, of_b = _sounds(a), _sounds(other)
    sets: dict[str, str] = {}
    pairs = []
    likely = candidates(a, b)
    with threadpool_limits(1, "blas"):
        for i, j in likely:
            first, second = _root(sets, a.audio[i]), _root(sets, other.audio[j])
            if first == second or tuple(sorted((a.ids[i], other.ids[j]))) in allowed:
                continue
            how = likeness(of_a(i), of_b(j))
            if how.copy:
                sets[second] = first
            if how.copy or how.suspect:
                pairs.append(Pair(a.ids[i], other.ids[j], how))
    return pairs


def joined(audio: pd.Series, pairs: Iterable[Pair]) -> np.ndarray:
    """The number of each clip's set: clips that share a value of ``audio`` (by id), or that pairs connect, are one."""
    ends = [(id, str(k)) for k, pair in enumerate(pairs) for id in (pair.a, pair.b)]
    both = pd.concat([audio, audio.loc[[id for id, _ in ends]]])
    connected = pd.Series([None] * len(audio) + [pair for _, pair in ends], dtype=object)
    return linked(both.reset_index(drop=True), connected)[: len(audio)]


def candidates(a: ClipCodes, b: ClipCodes | None = None) -> list[tuple[int, int]]:
    """Places of pairs whose codes agree, the likeliest first; of one set every pair once."""
    other = a if b is None else b
    parts = []
    for start in range(0, len(a.codes), _BLOCK):
        likeness = a.codes[start : start + _BLOCK] @ other.codes.T
        i, j = np.nonzero(likeness >= ALIKE)
        parts.append((i + start, j, likeness[i, j]))
    if not parts:
        return []
    i, j, likeness = (np.concatenate(values) for values in zip(*parts, strict=True))
    short = np.minimum(a.frames[i], other.frames[j]) < SHORT
    wanted = (likeness >= ALIKE_SHORT) | ~short
    if b is None:
        wanted &= i < j
    order = np.flatnonzero(wanted)
    order = order[np.argsort(-likeness[order], kind="stable")]
    return list(zip(i[order].tolist(), j[order].tolist(), strict=True))


def _sounds(clips: ClipCodes) -> Callable[[int], Sound]:
    return lru_cache(_REMEMBERED)(lambda i: sound_of(clips.waveform(i), clips.rate_hz))


def _root(sets: dict[str, str], audio: str) -> str:
    while audio in sets:
        audio = sets[audio]
    return audio
