"""The noises that are made here: white, pink, speech-shaped and babble, each of long-term power 1.

Every function takes the number of samples, the rate and the generator to draw from, and returns float32 (n,).
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import fft

from ...seeds import stream

#: samples, rate in Hz, generator -> noise (n,) of long-term power 1
Noise = Callable[[int, int, np.random.Generator], np.ndarray]

PINK_FROM_HZ = 20.0
TALKERS = 8
TALKER_SECONDS = 20.0
TALKER_RATE_HZ = 16_000
FADE_SECONDS = 0.01

#: International long-term average speech spectrum, both sexes, at an overall level of 70 dB: levels in the
#: third-octave bands from 63 Hz to 16 kHz. Byrne et al. (1994), "An international comparison of long-term average
#: speech spectra", J. Acoust. Soc. Am. 96(4), 2108-2120.
SPEECH_BANDS_DB = (
    38.6, 43.5, 54.4, 57.7, 56.8, 60.2, 60.3, 59.0, 62.1, 62.1, 60.5, 56.8, 53.7,
    53.0, 52.0, 48.7, 48.1, 46.8, 45.6, 44.5, 44.3, 43.7, 43.4, 41.3, 40.7,
)  # fmt: skip
#: the bands' edges in Hz: base-10 third octaves around 1 kHz (IEC 61260), 26 edges for 25 bands
SPEECH_EDGES_HZ = 1000.0 * 10.0 ** ((np.arange(len(SPEECH_BANDS_DB) + 1) - 12.5) / 10)


def white(n: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Equal power per Hz up to half the rate."""
    return rng.standard_normal(n, dtype=np.float32)


def pink(n: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Power per Hz proportional to 1/f from 20 Hz to half the rate; nothing below, where nobody hears it."""
    frequency = _frequencies(n, rate_hz)
    density = np.zeros_like(frequency)
    audible = frequency >= PINK_FROM_HZ
    density[audible] = 1 / frequency[audible]
    return _shaped(n, density, rng)


def speech_shaped(n: int, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """The long-term spectrum of speech (`SPEECH_BANDS_DB`): power as published in every band, flat within a band."""
    frequency = _frequencies(n, rate_hz)
    density = np.zeros_like(frequency)
    cuts = np.searchsorted(frequency, SPEECH_EDGES_HZ)
    for level, width, start, stop in zip(SPEECH_BANDS_DB, np.diff(SPEECH_EDGES_HZ), cuts, cuts[1:], strict=False):
        density[start:stop] = 10 ** (level / 10) / width
    return _shaped(n, density, rng)


def babble(n: int, rate_hz: int, rng: np.random.Generator, part: str = "test") -> np.ndarray:
    """Eight neutral talkers of the built-in synthesizer, equally loud, each from a place of its own.

    Those of ``part`` train are others than those of test.
    """
    voices = talkers(rate_hz, part)
    total = np.zeros(n, np.float32)
    for voice in voices:
        total += wrapped(voice, int(rng.integers(len(voice))), n)
    return total / np.float32(np.sqrt(len(voices)))


@lru_cache(maxsize=4)
def talkers(rate_hz: int, part: str = "test") -> tuple[np.ndarray, ...]:
    """The voices of the babble, each 20 s as an endless loop of power 1; made once per process, rate and part.

    They are synthesized at 16 kHz: at a higher rate there is nothing above 8 kHz.
    """
    from ..audio.decode import resample
    from ..corpora.synthetic import neutral_talkers

    facts = ("talkers of the babble",) if part == "test" else ("talkers of the babble", part)
    voices = neutral_talkers(TALKER_SECONDS, stream("noise", *facts), TALKERS)
    return tuple(looped(resample(voice, TALKER_RATE_HZ, rate_hz), rate_hz) for voice in voices)


def looped(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """The sound (N,) as a loop of power 1, float32: its last 10 ms fade into its first, so that it repeats unheard.

    A silent sound stays silent.
    """
    fade = min(round(FADE_SECONDS * rate_hz), len(sound) // 2)
    loop = np.array(sound[: len(sound) - fade], np.float32)
    rise = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    loop[:fade] = np.sqrt(rise) * loop[:fade] + np.sqrt(1 - rise) * sound[len(sound) - fade :]
    power = np.square(loop, dtype=np.float64).mean()
    return loop if power == 0 else (loop / np.sqrt(power)).astype(np.float32)


def wrapped(loop: np.ndarray, start: int, n: int) -> np.ndarray:
    """``n`` samples of an endless loop from ``start`` on."""
    if start + n <= len(loop):
        return loop[start : start + n]
    return np.resize(np.roll(loop, -start), n)


def _frequencies(n: int, rate_hz: int) -> np.ndarray:
    """Frequencies of the bins in which ``n`` samples are made: at least 1 s, so that low tones have room."""
    length = 2 * fft.next_fast_len((max(n, rate_hz) + 1) // 2)
    return np.asarray(fft.rfftfreq(length, 1 / rate_hz))


def _shaped(n: int, density: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise (n,) of power 1 whose power per bin is proportional to ``density``."""
    bins = rng.standard_normal(2 * len(density), dtype=np.float32).view(np.complex64)
    length = 2 * (len(density) - 1)
    bins *= np.sqrt(density * (length**2 / (4 * density.sum()))).astype(np.float32)
    return np.asarray(fft.irfft(bins, length)[:n])
