"""Clips in rooms: made ones by their reverberation time, and measured responses from a folder.

The direct sound comes when the clip's own samples do, and what rings beyond the end of the clip is cut off: (N,) ->
(N,). The level is kept: in the frames in which the clip speaks, what is heard has the power of the clip.
"""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import signal

from ...errors import InputError
from ...protocols.parts.protocol import Condition
from ...seeds import stream
from ..audio.decode import decode, resample
from . import rooms, snr
from .recordings import recordings

ONSET_DB = 20.0  # the direct sound begins where the response comes this close to its largest sample, as in ISO 3382


def room(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """A shoebox room, drawn for the utterance, whose reverberation time is the level in s."""
    rng = stream("noise", utterance, condition.name)
    drawn = rooms.draw_room(rng)
    return _in_room(waveform, rooms.response(drawn, condition.level or 0.0, rate_hz, rng), rate_hz)


def response(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """A measured response, drawn for the utterance from all of a folder."""
    folder = recordings(condition.source)
    files = (*folder.test, *folder.train)
    rng = stream("noise", utterance, condition.name, condition.content)
    return _in_room(waveform, measured(files[int(rng.integers(len(files)))], rate_hz), rate_hz)


@lru_cache(maxsize=256)
def measured(path: Path, rate_hz: int) -> np.ndarray:
    """A recorded response from its direct sound on, float32 (N,); of several channels the first.

    A mean of channels would be of microphones at different places, a room that nobody was in.
    """
    sound = decode(path, math.inf)
    samples = resample(sound.samples[0], sound.rate_hz, rate_hz)
    size = np.abs(samples)
    if not size.any():
        raise InputError(f"{path}: a silent response; leave this file out")
    return samples[int((size >= size.max() * 10 ** (-ONSET_DB / 20)).argmax()) :]


def _in_room(waveform: np.ndarray, impulse: np.ndarray, rate_hz: int) -> np.ndarray:
    """The clip through a response that begins with the direct sound, at the level of the clip; silence stays silent."""
    if not waveform.any():
        return waveform
    sound = signal.fftconvolve(waveform, impulse)[: len(waveform)]
    before, after = snr.active_power(waveform, sound, rate_hz)
    return (sound * np.sqrt(before / after)).astype(np.float32) if after else waveform
