"""Noises made of events: music, and clicks. Each of long-term power 1, float32 (n,), as in `noise`."""

import numpy as np

BEAT_SECONDS = (0.3, 0.7)  # between two chords, drawn once per piece
RING_SECONDS = 1.5  # a note is cut off then, 40 dB below its beginning
DECAY_SECONDS = 0.325
ATTACK_SECONDS = 0.005
HARMONICS = 8
LOWEST_HZ = 110.0
SCALE = (0, 2, 4, 5, 7, 9, 11)  # semitones of a major scale
PERIOD = 4096  # samples of the stored period of a note

CLICKS_PER_SECOND = 10
CLICK_SECONDS = (0.001, 0.005)  # time constant of the decay
CLICK_DB = 6.0  # loudness is drawn within this


def music(n: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Triads of a major key, notes of up to eight harmonics that are struck on the beat and die away."""
    before = round(RING_SECONDS * rate_hz)  # the clip begins within the piece
    piece = np.zeros(before + max(n, 2 * before) + before, np.float32)
    key, beat = LOWEST_HZ * 2 ** (rng.integers(12) / 12), rng.uniform(*BEAT_SECONDS) * rate_hz
    for start in np.arange(rng.uniform(0, beat), len(piece) - before, beat).astype(int):
        degree = int(rng.integers(len(SCALE)))
        loudness = 10 ** (rng.uniform(-6, 0) / 20)
        for third in (0, 2, 4):
            octave, step = divmod(degree + third, len(SCALE))
            hz = key * 2 ** (octave + int(rng.integers(2)) + SCALE[step] / 12)
            piece[start : start + before] += loudness * _note(hz, before, rate_hz, rng.random())
    clip = piece[before : len(piece) - before]
    return clip[:n] / np.float32(np.sqrt(np.square(clip, dtype=np.float64).mean()))


def _note(hz: float, n: int, rate_hz: int, phase: float) -> np.ndarray:
    """A struck note (n,): harmonics of amplitude 1 / number, those below half the rate."""
    numbers = np.arange(1, HARMONICS + 1)[np.arange(1, HARMONICS + 1) * hz < rate_hz / 2]
    turn = 2 * np.pi * np.arange(PERIOD) / PERIOD
    period = (np.sin(numbers[:, None] * turn) / numbers[:, None]).sum(0).astype(np.float32)
    place = np.arange(n) * (hz * PERIOD / rate_hz) + phase * PERIOD
    time = np.arange(n, dtype=np.float32) / rate_hz
    shape = np.exp(-time / DECAY_SECONDS) * np.minimum(time / ATTACK_SECONDS, 1)
    return np.asarray(period[place.astype(np.int64) % PERIOD] * shape)


def impulsive(n: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Ten clicks a second, each somewhere in its tenth: bursts of white noise that decay in 1 to 5 ms; else nothing.

    A clip shorter than a tenth of a second has one click.
    """
    clicks = max(1, round(n * CLICKS_PER_SECOND / rate_hz))
    length = max(1, round(5 * CLICK_SECONDS[1] * rate_hz))
    starts = ((np.arange(clicks) + rng.random(clicks)) * (n / clicks)).astype(int)
    time = np.arange(length) / rate_hz
    decay = np.exp(-time / rng.uniform(*CLICK_SECONDS, clicks)[:, None])
    loudness = 10 ** (rng.uniform(-CLICK_DB, CLICK_DB, clicks) / 20)
    bursts = loudness[:, None] * decay * rng.standard_normal((clicks, length))
    noise = np.zeros(n + length)
    np.add.at(noise, starts[:, None] + np.arange(length), bursts)
    power = (loudness[:, None] * decay) ** 2
    scale = np.sqrt(power.sum(1).mean() * CLICKS_PER_SECOND / rate_hz)
    return np.asarray(noise[:n] / scale, dtype=np.float32)
