"""Low-bitrate coding and decoding through PyAV, at the length of the clip and aligned with it."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av
import numpy as np
from scipy import signal

from ...protocols.parts.protocol import Condition
from ..audio.decode import resample
from .channel import fitted
from .coders import CODERS, Coder

FLUSH_SECONDS = 0.25  # of silence behind a clip, so that a coder gives its end
LONGEST_DELAY_SECONDS = 0.2
_FULL_SCALE = 32_768


def coded(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Coded at ``level`` kbit/s and decoded: (N,) -> (N,), without the coder's delay.

    Coders take samples up to +-1: what lies beyond is clipped.
    """
    kbit_s = condition.level or 0.0
    sound, sound_hz = _passed(condition.kind, kbit_s, resample(waveform, rate_hz, CODERS[condition.kind].rate_hz))
    sound = sound[_delay(condition.kind, kbit_s) :]
    return fitted(resample(sound, sound_hz, rate_hz), len(waveform))


def _passed(kind: str, kbit_s: float, samples: np.ndarray) -> tuple[np.ndarray, int]:
    """Samples (N,) at the coder's rate through the coder: float32 at the rate that comes out, late by its delay."""
    coder = CODERS[kind]
    context = av.CodecContext.create(coder.encoder, "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout, context.format = coder.rate_hz, "mono", coder.form
    context.bit_rate, context.options = round(1000 * kbit_s), coder.options
    context.time_base, context.thread_count = Fraction(1, coder.rate_hz), 1
    context.open()
    size = context.frame_size
    frames = -(-round(len(samples) + FLUSH_SECONDS * coder.rate_hz) // size)
    padded = np.clip(fitted(samples, frames * size), -1, 1).astype(np.float32)
    if coder.form == "s16":
        padded = np.clip(np.rint(padded * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    packets = []
    for start in range(0, len(padded), size):
        frame = av.AudioFrame.from_ndarray(padded[None, start : start + size], format=coder.form, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = coder.rate_hz, start, context.time_base
        packets += context.encode(frame)
    packets += context.encode(None)
    return _decoded(coder, packets, context.extradata)


def _decoded(coder: Coder, packets: Sequence[Any], head: bytes | None) -> tuple[np.ndarray, int]:
    context = av.CodecContext.create(coder.decoder, "r")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate, context.layout = coder.rate_hz, "mono"
    if head:
        context.extradata = head
    frames = [frame for packet in [*packets, None] for frame in context.decode(packet)]
    sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    return sound.astype(np.float32), frames[0].sample_rate


@lru_cache(maxsize=64)
def _delay(kind: str, kbit_s: float) -> int:
    """By how many samples a coder is late, at the rate that comes out: where what it makes of a probe fits best.

    Some decoders leave the delay out themselves, and which do differs between releases; so it is measured.
    """
    probe = _probe(CODERS[kind].rate_hz)
    sound, sound_hz = _passed(kind, kbit_s, probe)
    # coders for speech turn the phases of low tones, so the differences are compared
    sent = np.diff(resample(probe, CODERS[kind].rate_hz, sound_hz))
    likeness = signal.correlate(np.diff(sound), sent, mode="full", method="fft")
    zero = len(sent) - 1
    return int(likeness[zero : zero + round(LONGEST_DELAY_SECONDS * sound_hz)].argmax())


def _probe(rate_hz: int) -> np.ndarray:
    """A second of a voice whose pitch glides from 90 to 180 Hz, so that it is like itself at no other delay."""
    time = np.arange(rate_hz) / rate_hz
    pulses = np.diff(np.floor(90 * time + 45 * time**2), prepend=0.0)
    ring = np.exp(-300 * time[: rate_hz // 20]) * np.sin(2 * np.pi * 600 * time[: rate_hz // 20])
    voice = signal.fftconvolve(pulses, ring)[:rate_hz]
    return np.asarray(0.3 * voice / np.abs(voice).max(), dtype=np.float32)
