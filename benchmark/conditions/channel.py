"""Channels: telephone, gain, clipping, another sampling rate, a wrong rate in the header. None renormalizes."""

import io
from functools import lru_cache

import numpy as np
import soundfile
from scipy import signal

from ...protocols.parts.protocol import Condition
from ..audio.decode import resample
from . import snr

TELEPHONE_HZ = 8_000
BAND_HZ = (300, 3_400)
TAPS = 255


def telephone(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """300 to 3400 Hz at 8 kHz in 8 bits by the mu-law of ITU-T G.711, and back; nothing is delayed.

    The coder takes samples up to +-1: what lies beyond is clipped, and a faint clip is heard in coarse steps.
    """
    band = signal.fftconvolve(resample(waveform, rate_hz, TELEPHONE_HZ), _band(), mode="same")
    return fitted(resample(_mu_law(band), TELEPHONE_HZ, rate_hz), len(waveform))


@lru_cache(maxsize=1)
def _band() -> np.ndarray:
    """A filter without delay of phase: (TAPS,) symmetric, -6 dB at the edges of the band."""
    return np.asarray(signal.firwin(TAPS, BAND_HZ, pass_zero=False, fs=TELEPHONE_HZ))


def _mu_law(samples: np.ndarray) -> np.ndarray:
    """The samples as they come out of a G.711 coder, float32."""
    coded = io.BytesIO()
    soundfile.write(coded, np.clip(samples, -1, 1), TELEPHONE_HZ, format="AU", subtype="ULAW")
    coded.seek(0)
    return np.asarray(soundfile.read(coded, dtype="float32")[0])


def gain(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Louder or softer by the level in dB; nothing is clipped."""
    return waveform * np.float32(10 ** ((condition.level or 0.0) / 20))


def clipping(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """A ceiling that the level, in percent, of the samples reach in the frames in which the clip speaks.

    What lies beyond the ceiling is cut down to it, so the same level distorts loud and soft clips alike.
    """
    speaking = snr.active_samples(waveform, rate_hz)
    if not speaking.any():
        return waveform
    ceiling = np.quantile(np.abs(waveform[speaking]), 1 - (condition.level or 0.0) / 100)
    return np.asarray(np.clip(waveform, -ceiling, ceiling), dtype=np.float32)


def resampled(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """To the level, in Hz, and back: (N,) -> (N,), aligned."""
    other = round(condition.level or rate_hz)
    return fitted(resample(resample(waveform, rate_hz, other), other, rate_hz), len(waveform))


def header_rate(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """The samples as if they had been taken at the level, in Hz, then resampled to the true rate as usual.

    Pitch and formants change by level / rate, the length by rate / level: (N,) -> (N * rate / level,).
    """
    return resample(waveform, round(condition.level or rate_hz), rate_hz)


def fitted(samples: np.ndarray, n: int) -> np.ndarray:
    """``n`` samples: cut at the end, or continued with zeros."""
    return np.pad(samples[:n], (0, max(0, n - len(samples))))
