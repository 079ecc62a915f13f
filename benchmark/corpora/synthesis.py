"""A source-filter speech synthesizer: glottal pulses and noise through moving formants.

Source: Rosenberg's pulse with a cosine opening and a cosine quarter closing (Rosenberg, J. Acoust. Soc. Am. 49,
1971), jitter and shimmer per period, and aspiration noise that follows the opening of the glottis. Filter: a cascade
of second-order resonators for the vocal tract and one for frication, as in Klatt, J. Acoust. Soc. Am. 67 (1980).
The filter moves every 5 ms and is applied to windowed frames by FFT, all frames at once. At the end: the recording.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

RATE_HZ = 16_000
HOP = 80  # samples per control step, 5 ms
CONTROL_HZ = RATE_HZ // HOP
_WINDOW = 2 * HOP
_BLOCKS = 7  # blocks of HOP samples per FFT: the response of a 60 Hz wide resonance has decayed by 40 dB
_FFT = _BLOCKS * HOP
_DELAY = np.exp(-2j * np.pi * np.arange(_FFT // 2 + 1) / _FFT).astype(np.complex64)  # one sample, per bin
_PEAK = 0.95
#: resonances above F3 of a vocal tract of scale 1, and their bandwidths
_UPPER_HZ = ((3500, 200), (4500, 280), (5500, 360), (6500, 440), (7500, 520))


@dataclass(frozen=True)
class Controls:
    """What glottis and tongue do, one value per 5 ms: arrays (T,), formants (T, 3).

    ``voice``, ``breath`` and ``friction`` are amplitudes of the three sources (1 is a full vowel); ``accent`` (0 to
    1) follows the stressed syllables and ``opening`` (0 to 1) the lips: the face needs them.
    """

    f0_hz: np.ndarray
    voice: np.ndarray
    breath: np.ndarray
    friction: np.ndarray
    formants_hz: np.ndarray
    friction_hz: np.ndarray
    friction_width_hz: np.ndarray
    accent: np.ndarray
    opening: np.ndarray


@dataclass(frozen=True)
class Channel:
    """A recording chain: pass band in Hz and the noise that it adds, in dB re full scale."""

    low_hz: float
    high_hz: float
    noise_dbfs: float


@dataclass(frozen=True)
class Glottis:
    """How the source sounds: loss at 3 kHz in dB (0 is the bare pulse), open share of the period, irregularity."""

    tilt_db: float
    open_quotient: float = 0.6
    jitter: float = 0.005  # sd of a period's end, in periods
    shimmer: float = 0.03  # sd of a period's amplitude, relative


def speak(controls: Controls, glottis: Glottis, tract: float, rng: np.random.Generator) -> np.ndarray:
    """The waveform (T * HOP,) float32, a full vowel near RMS 1; ``tract`` scales the resonances above F3."""
    n = len(controls.f0_hz) * HOP
    flow, pulses = _glottal(_fine(controls.f0_hz), glottis, rng)
    noise = rng.standard_normal(n, dtype=np.float32)
    aspiration = noise * (0.3 + 0.7 * flow) * _fine(controls.breath)
    response = _vocal_tract(controls.formants_hz, tract)
    spectrum = _spectra(pulses * _fine(controls.voice)) * _tilt(glottis.tilt_db)
    spectrum += _spectra(aspiration)
    spectrum *= response
    if controls.friction.any():
        spectrum += _spectra(noise * _fine(controls.friction)) * _frication(controls)
    speech: np.ndarray = _overlap_add(fft.irfft(spectrum, _FFT, axis=1))[:n]
    return speech


def level(speech: np.ndarray, controls: Controls, level_dbfs: float) -> np.ndarray:
    """``speech`` with the RMS of its vowels at ``level_dbfs``."""
    vowels = np.repeat(controls.voice > 0.5, HOP)
    rms = float(np.sqrt(np.mean(np.square(speech[vowels], dtype=np.float64))))
    return speech * np.float32(10 ** (level_dbfs / 20) / rms)


def record(speech: np.ndarray, channel: Channel, brightness: float, rng: np.random.Generator) -> np.ndarray:
    """What is stored, float32: noise added, pass band, first-order ``brightness``; turned down where it would clip."""
    from scipy import signal  # slow to import, and tables need no sound

    noise = rng.standard_normal(len(speech), dtype=np.float32) * np.float32(10 ** (channel.noise_dbfs / 20))
    band = signal.butter(2, [channel.low_hz, channel.high_hz], "bandpass", fs=RATE_HZ, output="sos")
    heard = signal.sosfilt(band, speech + noise)
    heard[1:] -= brightness * heard[:-1]
    recorded: np.ndarray = (heard * min(1.0, _PEAK / float(np.abs(heard).max()))).astype(np.float32)
    return recorded


def _fine(track: np.ndarray) -> np.ndarray:
    """A control track (T,) at the sampling rate (T * HOP,), linear between the steps."""
    steps = np.arange(len(track) * HOP, dtype=np.float32) / np.float32(HOP)
    fine: np.ndarray = np.interp(steps, np.arange(len(track)), track).astype(np.float32)
    return fine


def _glottal(f0_hz: np.ndarray, glottis: Glottis, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Flow (N,) in [0, 1], and its derivative (N,) with RMS near 1: what the lips radiate."""
    even = np.cumsum(f0_hz.astype(np.float64)) / RATE_HZ
    periods = np.arange(int(even[-1]) + 3)
    ends = glottis.jitter * np.clip(rng.standard_normal(len(periods)), -2.5, 2.5)
    phase = even + np.interp(even, periods, ends) + 1.0
    number = phase.astype(np.int64)
    part = (phase - number).astype(np.float32)
    opening = np.float32(2 / 3 * glottis.open_quotient)
    closing = np.float32(glottis.open_quotient) - opening
    rise = 0.5 - 0.5 * np.cos(np.pi / opening * part)
    fall = np.cos(np.pi / 2 * np.clip((part - opening) / closing, 0, 1))
    flow: np.ndarray = np.where(part < opening, rise, fall).astype(np.float32)
    size = 1 + glottis.shimmer * rng.standard_normal(len(periods) + 2)
    # the difference of the continuous flow, not samples of its jumping derivative: far less aliasing
    pulses = np.diff(flow * size[np.minimum(number, len(size) - 1)].astype(np.float32), prepend=np.float32(0))
    return flow, pulses * np.float32(0.35 * RATE_HZ / f0_hz.mean())


def _resonator(hz: np.ndarray, width_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients b and c (...) float32 of the resonator with the denominator 1 - b/z - c/z^2."""
    radius = np.exp(-np.pi * width_hz / RATE_HZ)
    b = 2 * radius * np.cos(2 * np.pi * hz / RATE_HZ)
    return b.astype(np.float32), -(radius**2).astype(np.float32)


def _denominator(b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The denominator of resonators on the bins of the FFT (..., bins)."""
    values: np.ndarray = 1 - _DELAY * (b[..., None] + c[..., None] * _DELAY)
    return values


def _vocal_tract(formants_hz: np.ndarray, tract: float) -> np.ndarray:
    """Response (T, bins) of the cascade; each resonator passes DC unchanged."""
    upper = np.array([(hz * tract, width_hz) for hz, width_hz in _UPPER_HZ if hz * tract < 0.48 * RATE_HZ])
    b, c = _resonator(upper[:, 0], upper[:, 1])
    denominator = np.broadcast_to(_denominator(b, c).prod(axis=0), (len(formants_hz), len(_DELAY)))
    gain = np.full(len(formants_hz), (1 - b - c).prod())
    for formant in range(3):
        hz = formants_hz[:, formant]
        b, c = _resonator(hz, 45 + 0.045 * hz)
        denominator = denominator * _denominator(b, c)
        gain *= 1 - b - c
    response: np.ndarray = gain[:, None] / denominator
    return response


def _tilt(loss_db: float) -> np.ndarray:
    """Response (bins,) of a one-pole low-pass that loses ``loss_db`` at 3 kHz and nothing at DC."""
    power = 10 ** (-max(loss_db, 0.01) / 10)
    cosine = np.cos(2 * np.pi * 3000 / RATE_HZ)
    half = 1 - power * cosine
    pole = (half - np.sqrt(half**2 - (1 - power) ** 2)) / (1 - power)
    response: np.ndarray = ((1 - pole) / (1 - pole * _DELAY)).astype(np.complex64)
    return response


def _frication(controls: Controls) -> np.ndarray:
    """Response (T, bins) of one resonator, scaled so that white noise keeps its power."""
    b, c = _resonator(controls.friction_hz, controls.friction_width_hz)
    power = (1 - c) / ((1 + c) * ((1 - c) ** 2 - b**2))  # of a second-order autoregression driven by unit noise
    response: np.ndarray = (1 / np.sqrt(power))[:, None] / _denominator(b, c)
    return response


def _spectra(signal: np.ndarray) -> np.ndarray:
    """Spectra (T, bins) of Hann windows around each control step; the windows add up to one."""
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    padded = np.pad(signal, (HOP, HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: len(signal) : HOP]
    spectra: np.ndarray = fft.rfft(frames * window, _FFT, axis=1)
    return spectra


def _overlap_add(frames: np.ndarray) -> np.ndarray:
    """Sum of frames (T, FFT), each HOP after the one before, without the first half window."""
    out = np.zeros((len(frames) + _BLOCKS - 1, HOP), dtype=np.float32)
    blocks = frames.reshape(len(frames), _BLOCKS, HOP)
    for i in range(_BLOCKS):
        out[i : i + len(frames)] += blocks[:, i]
    return out.reshape(-1)[HOP:]
