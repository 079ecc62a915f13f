"""Small changes that should change no answer: dither, coarser steps, a later beginning, inverted polarity.

Steps of ``b`` bits are those of a recording whose full scale is +-1: 2 / 2**b.
"""

import numpy as np

from ...protocols.parts.protocol import Condition
from ...seeds import stream


def dither(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Noise of at most one step of ``level`` bits, triangular, is added; what is usual before rounding to them."""
    rng = stream("noise", utterance, condition.name)
    noise = rng.random(len(waveform), dtype=np.float32) - rng.random(len(waveform), dtype=np.float32)
    return np.asarray(waveform + np.float32(_step(condition)) * noise)


def requantized(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Rounded to ``level`` bits; beyond full scale it is limited, as in a file of that many."""
    step = _step(condition)
    return np.asarray(np.clip(np.rint(waveform / step), -1 / step, 1 / step - 1) * step, dtype=np.float32)


def shift(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """``level`` ms of digital silence before the clip, which becomes longer: nothing of it is lost."""
    return np.pad(waveform, (round((condition.level or 0.0) * rate_hz / 1000), 0))


def inverted(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """The sign of every sample is changed, as by a cable connected the other way round."""
    return -waveform


def _step(condition: Condition) -> float:
    return float(2.0 ** (1 - (condition.level or 16)))
