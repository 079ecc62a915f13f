"""Audio files for tests, in every form that is read."""

from pathlib import Path

import av
import numpy as np

from serbench.benchmark.audio.decode import resample

RATE = 16_000

#: container, encoding, ending, largest error
FORMS = [
    ("WAV", "PCM_16", "wav", 2**-15),
    ("WAV", "PCM_24", "wav", 2**-23),
    ("WAV", "PCM_32", "wav", 2**-24),
    ("WAV", "FLOAT", "wav", 0),
    ("WAV", "DOUBLE", "WAV", 0),
    ("WAV", "PCM_U8", "wav", 2**-7),
    ("WAV", "MS_ADPCM", "wav", 0.05),
    ("WAV", "ULAW", "wav", 0.05),
    ("WAVEX", "PCM_16", "wav", 2**-15),
    ("RF64", "PCM_16", "wav", 2**-15),
    ("W64", "PCM_16", "w64", 2**-15),
    ("AIFF", "PCM_16", "aiff", 2**-15),
    ("AU", "PCM_16", "au", 2**-15),
    ("CAF", "PCM_16", "caf", 2**-15),
    ("NIST", "PCM_16", "sph", 2**-15),
    ("FLAC", "PCM_16", "flac", 2**-15),
    ("FLAC", "PCM_24", "FLAC", 2**-23),
]

#: codec, ending: written and read with PyAV
CODECS = [("aac", "mp4"), ("aac", "m4a"), ("libmp3lame", "mp3"), ("libopus", "webm"), ("aac", "mka")]


def tone(seconds: float = 0.6, rate: int = RATE, hz: float = 440.0, amplitude: float = 0.5) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encode(path: Path, samples: np.ndarray, codec: str, title: str = "", **options: str) -> None:
    """Write mono samples (N,) with PyAV; libopus knows 48 kHz only."""
    rate = 48_000 if codec == "libopus" else RATE
    samples = resample(samples, RATE, rate)
    with av.open(str(path), "w", options=options) as container:
        if title:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = rate
        context = stream.codec_context
        cut = av.AudioResampler(stream.format, "mono", rate, frame_size=context.frame_size)
        for part in (*cut.resample(frame), *cut.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
