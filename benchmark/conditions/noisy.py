"""Clips in noise: the made kinds and the recorded one, at a signal-to-noise ratio."""

from functools import partial
from typing import cast

import numpy as np

from ...errors import unknown
from ...protocols.parts.noises import MORE_NOISES, NOISES
from ...protocols.parts.protocol import Condition
from ...seeds import stream
from . import noise, snr
from .noise import Noise


def made(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Noise that is made here."""
    rng = stream("noise", utterance, condition.name)
    draw = partial(noise_of(condition.kind), len(waveform), rate_hz, rng)
    return snr.add(waveform, rate_hz, condition.level or 0.0, draw, utterance, condition.kind)


def recorded(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Noise from the test half of a folder."""
    from .recordings import draw, recordings

    folder = recordings(condition.source)
    rng = stream("noise", utterance, condition.name, condition.content)
    some = partial(draw, folder.test, len(waveform), rate_hz, rng)
    return snr.add(waveform, rate_hz, condition.level or 0.0, some, utterance, folder.names(folder.test))


def noise_of(kind: str) -> Noise:
    """The function of its name, in `noise` or in `events`; InputError for what is no noise that is made here."""
    name = kind.replace("-", "_")
    if kind in NOISES:
        return cast(Noise, getattr(noise, name))
    if kind not in MORE_NOISES:
        raise unknown("noise that is made here", kind, (*NOISES, *MORE_NOISES))
    from . import events

    return cast(Noise, getattr(events, name))
