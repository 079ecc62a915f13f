"""What is done to a clip before somebody calls it another one: copies for the tests of near-identical audio."""

from collections.abc import Callable

import numpy as np
import torch

from serbench.benchmark.audio.decode import resample
from serbench.benchmark.conditions import snr
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.training.augment import changed
from serbench.protocols.parts.augment import Step

RATE = 16_000
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def louder(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(np.rint(sound * 0.1 * 32768) / 32768, dtype=np.float32)


def telephone_rate(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return resample(resample(sound, RATE, 8_000), 8_000, RATE)


def noisy(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """White noise at 20 dB."""
    speaking = snr.active_samples(sound, RATE)
    noise = rng.standard_normal(len(sound))
    ratio = np.mean(sound[speaking] ** 2) / np.mean(noise[speaking] ** 2) / 100
    return np.asarray(sound + noise * np.sqrt(ratio), dtype=np.float32)


def pitch(semitones: float) -> Change:
    def moved(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return changed(torch.from_numpy(sound), RATE, Step("pitch", semitones, semitones), rng).numpy()

    return moved


def later(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.pad(sound, (8_000, 0))


DONE: dict[str, Change] = {
    "gain": louder, "8 kHz": telephone_rate, "noise": noisy, "pitch +2": pitch(2), "pitch -2": pitch(-2),
    "pitch +0.7": pitch(0.7), "later": later,
}  # fmt: skip
#: beginnings of ids whose clips are spoken one after the other
SENTENCES = [f"synth-a/{speaker}-{sentence}" for speaker in ("f1", "m2") for sentence in ("s01", "s03", "s05")]


def spoken(prefix: str) -> np.ndarray:
    """Two synthesized clips in a row: three seconds, as clips of corpora have."""
    ids = [id for id in synthetic.table("synth-a")["id"] if id.startswith(prefix)][:2]
    return np.concatenate([synthetic.waveform("synth-a", id) for id in ids]).astype(np.float32)
