"""One utterance: from its file, or the synthesizer, to what the store keeps of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import InputError
from ..audio.decode import Waveform, audio_hash, decode, mono, resample

FULL = 32767  # largest code of an int16
_SILENT = 1e-30  # peak below which single precision has no room for a scale
ClipProblem = Literal["", "unreadable", "silent", "short"]


@dataclass(frozen=True, slots=True)
class ClipSource:
    """What a process is asked for; without a path the utterance is synthesized."""

    id: str
    corpus: str
    path: str | None
    rate_hz: int


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """An utterance as stored: int16 codes (N,) at the rate asked for times ``scale``; or why it cannot be used."""

    id: str
    pcm: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int16))
    scale: float = 0.0
    audio_hash: str = ""
    native_hz: int = 0
    channels: int = 0
    clipped: int = 0
    problem: ClipProblem = ""
    reason: str = ""


def make(task: ClipSource) -> PreparedClip:
    """Decode (or synthesize), mix to mono, resample, quantize. Never raises for a file that cannot be read."""
    try:
        decoded = _synthesize(task) if task.path is None else decode(Path(task.path))
    except InputError as error:
        return PreparedClip(task.id, problem="unreadable", reason=str(error))
    samples = mono(decoded.samples)
    if is_silent(samples):
        return PreparedClip(task.id, problem="silent")
    at_rate = resample(samples, decoded.rate_hz, task.rate_hz)
    if len(at_rate) == 0:
        return PreparedClip(task.id, problem="short")
    if is_silent(at_rate):
        return PreparedClip(task.id, problem="silent")
    pcm, scale = quantize(at_rate)
    return PreparedClip(
        task.id, pcm, scale, audio_hash(samples, decoded.rate_hz), decoded.rate_hz, decoded.channels, decoded.clipped
    )


def is_silent(samples: np.ndarray) -> bool:
    """Whether every sample is the same, or too small for single precision: normalizing such a clip gives NaN."""
    low, high = float(samples.min()), float(samples.max())
    return low == high or max(-low, high) < _SILENT


def quantize(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """Float32 samples (N,) to int16 codes and their scale: the error is at most half the scale.

    Sixteen-bit audio at its own rate keeps its codes and loses nothing; everything else, however loud or faint, gets
    all 65,535 levels.
    """
    codes = samples * np.float32(FULL + 1)
    if codes.max() <= FULL and codes.min() >= -FULL - 1 and np.array_equal(codes, np.rint(codes)):
        return codes.astype(np.int16), 1 / (FULL + 1)
    scale = np.float32(np.abs(samples).max() / np.float64(FULL))
    return np.rint(samples / np.float64(scale)).astype(np.int16), float(scale)


def restore(pcm: np.ndarray, scale: float) -> np.ndarray:
    """Undo `quantize`: float32 (N,)."""
    samples: np.ndarray = np.multiply(pcm, np.float32(scale), dtype=np.float32)
    return samples


def _synthesize(task: ClipSource) -> Waveform:
    from ..corpora.synthesis import RATE_HZ  # with what it needs, not for those who decode files
    from ..corpora.synthetic import waveform

    return Waveform(waveform(task.corpus, task.id)[np.newaxis], RATE_HZ, 0, "synthesized")
