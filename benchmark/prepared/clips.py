"""One utterance: from its file, or the synthesizer, to what the store keeps of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import InputError
from ..audio.decode import Waveform, audio_hash, decode, mono, resample
from ..audio.longest import TooLongError

FULL = 32767  # largest code of an int16
_SILENT = 1e-30  # peak below which single precision has no room for a scale
_CANCELLED = 0.01  # of a channel is left in the mean: -40 dB, which takes an inverted copy
ClipProblem = Literal["", "unreadable", "long", "silent", "cancelled", "other track", "short"]


@dataclass(frozen=True, slots=True)
class ClipSource:
    """What a process is asked for; without a path the utterance is synthesized."""

    id: str
    corpus: str
    path: str | None
    rate_hz: int


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """An utterance as stored: int16 codes (N,) at the rate asked for times ``scale``; or why it cannot be used.

    ``lacking`` bytes are promised by its header alone; ``peak`` is that of the file.
    """

    id: str
    pcm: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int16))
    scale: float = 0.0
    audio_hash: str = ""
    native_hz: int = 0
    channels: int = 0
    clipped: int = 0
    lacking: int = 0
    peak: float = 0.0
    problem: ClipProblem = ""
    reason: str = ""


def make(task: ClipSource) -> PreparedClip:
    """Decode (or synthesize), mix to mono, resample, quantize. Never raises for a file that cannot be read."""
    try:
        decoded = _synthesize(task) if task.path is None else decode(Path(task.path))
    except TooLongError as error:
        return PreparedClip(task.id, problem="long", reason=str(error))
    except InputError as error:
        return PreparedClip(task.id, problem="unreadable", reason=str(error))
    samples = mono(decoded.samples)
    if why := why_silent(decoded):
        return PreparedClip(task.id, problem=why)
    at_rate = resample(samples, decoded.rate_hz, task.rate_hz)
    if len(at_rate) == 0:
        return PreparedClip(task.id, problem="short")
    if is_silent(at_rate):
        return PreparedClip(task.id, problem="silent")
    pcm, scale = quantize(at_rate)
    heard = audio_hash(samples, decoded.rate_hz)
    peak = float(np.abs(decoded.samples).max())
    return PreparedClip(
        task.id, pcm, scale, heard, decoded.rate_hz, decoded.channels, decoded.clipped, decoded.lacking, peak
    )


def why_silent(sound: Waveform) -> Literal["", "silent", "cancelled", "other track"]:
    """Why nothing is heard of a file when its channels are averaged; empty where something is."""
    mixed = mono(sound.samples)
    loudest = max(map(_power, sound.samples))
    if sound.channels > 1 and loudest > 0 and _power(mixed) < _CANCELLED**2 * loudest:
        return "cancelled"
    if not is_silent(mixed):
        return ""
    return "other track" if sound.tracks > 1 else "silent"


def _power(samples: np.ndarray) -> float:
    """Without what is constant."""
    return float(np.var(samples, dtype=np.float64))


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
