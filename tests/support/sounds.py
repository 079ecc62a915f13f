"""Sounds for the tests of noise, and the talkers of the babble in short."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from scipy.io import wavfile

from serbench.benchmark.conditions import noise
from serbench.benchmark.conditions.snr import active_power

RATE = 16_000


def tone(hz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def speech(n: int, seed: int, scale: float = 0.1) -> np.ndarray:
    """Noise in bursts of 30 ms whose level varies over 60 dB, with pauses; never silent as a whole."""
    rng = np.random.default_rng(seed)
    level = 10 ** rng.uniform(-3, 0, n // 480 + 1) * (rng.random(n // 480 + 1) > 0.3)
    level[rng.integers(max(1, -(-n // 480)))] = 1.0  # one that is heard: the last may lie behind the end
    return (scale * rng.standard_normal(n) * np.repeat(level, 480)[:n] + scale * 1e-6).astype(np.float32)


def snr_db(clip: np.ndarray, added: np.ndarray, rate: int) -> float:
    """The signal-to-noise ratio of ``clip + added`` in dB, infinite without noise; the clip must not be silent."""
    of_clip, of_noise = active_power(clip, added, rate)
    assert of_clip > 0
    return float(10 * np.log10(of_clip / of_noise)) if of_noise else float("inf")


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """A file of these samples: the same bytes every time (libsndfile writes the hour into WAV files of floats)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        wavfile.write(path, rate, np.asarray(samples, np.float32))
    else:
        soundfile.write(path, samples, rate)
    return path


@contextmanager
def quick_talkers() -> Iterator[None]:
    """The talkers of the synthesizer, who talk for two seconds only."""
    make, seconds = noise.talkers, noise.TALKER_SECONDS
    noise.TALKER_SECONDS = 2.0
    make.cache_clear()
    try:
        yield
    finally:
        noise.TALKER_SECONDS = seconds
        make.cache_clear()
