"""The clips on which copies by sound are measured: ends and words of real recordings, espeak-ng, sentences; and copies.

``choose`` and ``measure`` have no speaker and no word in common (of real sentences: no speaker).
"""

import io
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from serbench.benchmark.audio.decode import decode, mono, resample
from serbench.benchmark.corpora.folder import audio_files
from serbench.tests.support.copies import RATE, noisy

HALVES = ("choose", "measure")
#: spoken by every voice as its own language reads them; the first half is for choosing
WORDS = """
Anna Boris Carla Dominik Elena Felix Gloria Hugo Irina Jakob Karina Leopold Marta Nikolas Olivia Pamela Ramona Samuel
Tamara Urban Viktor Zora Amsterdam Berlin Kopenhagen Dublin Florenz Granada Hamburg Istanbul Kalkutta London Madrid
Nairobi Oslo Palermo Quito Riga Santiago Tokio Uppsala Venezia Warszawa Zagreb banana kilogram melodia telefon radio
hotel museum opera paradox natur politik salat taxi vulkan zebra problem konsul minister ananas garage balkon
diktator element fabrik gitarre insekt kanal limonade motor nomade oktober planet
"""
LANGUAGES = "en-us de it fr-fr es pl ru cs tr sv hu fi nl pt ro el da hr lv id sw vi"
VARIANTS = "m1 m3 m7 f2 f4 croak"
#: speakers that are measured
LATE = {
    "emovo": {"f3", "m3", "f2"}, "emodb": {"12", "13", "14", "15", "16"}, "ravdess": {f"{i:02}" for i in range(13, 25)},
}  # fmt: skip
_WORD_S, _GAP_S, _FRAME_S, _RANGE_DB = (0.2, 0.8), 0.05, 0.01, 22.0


class Clip(NamedTuple):
    """A clip (N,) at `RATE`, and its name."""

    name: str
    samples: np.ndarray


def ravdess_ends(corpora: Path, half: str) -> Iterator[Clip]:
    """The last half second of every clip before its silence: "door" or "by the door", never a copy."""
    for path in _files(corpora, "ravdess", half):
        yield Clip(path.stem, _voiced(_read(path))[-RATE // 2 :])


def words(corpora: Path, corpus: str, half: str) -> Iterator[Clip]:
    """What lies between short silences, 0.2 to 0.8 s."""
    for path in _files(corpora, corpus, half):
        for i, word in enumerate(_words(_read(path))):
            yield Clip(f"{path.stem}#{i}", word)


def sentences(corpora: Path, corpus: str, half: str) -> Iterator[Clip]:
    """Whole clips."""
    for path in _files(corpora, corpus, half):
        yield Clip(path.stem, _read(path))


def espeak(n_words: int, half: str) -> Iterator[Clip]:
    """Clips of ``n_words`` words, in 11 languages of 6 variants each."""
    place, every = HALVES.index(half), WORDS.split()
    mine = every[place * len(every) // 2 : (place + 1) * len(every) // 2]
    texts = mine if n_words == 1 else _texts(mine, n_words)
    voices = [f"{language}+{variant}" for language in LANGUAGES.split()[place::2] for variant in VARIANTS.split()]
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(_spoken, [(voice, text) for voice in voices for text in texts])


def _files(corpora: Path, corpus: str, half: str) -> list[Path]:
    late = {path: _speaker(corpus, path) in LATE[corpus] for path in audio_files(corpora / corpus)}
    return [path for path, is_late in late.items() if is_late == (half == HALVES[1])]


def _texts(words: list[str], n: int) -> list[str]:
    rng = np.random.default_rng(n)
    return [" ".join(rng.choice(words, n, replace=False)) for _ in range(40)]


def _spoken(task: tuple[str, str]) -> Clip:
    voice, text = task
    done = subprocess.run(["espeak-ng", "-v", voice, "--stdout", text], capture_output=True, check=True)
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(done.stdout)
        file.flush()
        return Clip(f"{voice} {text}", _voiced(_read(Path(file.name))))


def _speaker(corpus: str, path: Path) -> str:
    return {"emodb": path.stem[:2], "ravdess": path.stem[-2:]}.get(corpus) or path.stem.split("-")[1]


def _read(path: Path) -> np.ndarray:
    decoded = decode(path)
    return resample(mono(decoded.samples), decoded.rate_hz, RATE)


def _levels(sound: np.ndarray) -> np.ndarray:
    """dB below the loudest, per frame of 10 ms."""
    size = int(_FRAME_S * RATE)
    frames = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float64)
    power = (frames**2).mean(axis=1)
    return np.asarray(10 * np.log10(power / power.max() + 1e-12))


def _voiced(sound: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(_levels(sound) > -35)
    size = int(_FRAME_S * RATE)
    return sound[loud[0] * size : (loud[-1] + 1) * size]


def _words(sound: np.ndarray) -> Iterator[np.ndarray]:
    loud = np.flatnonzero(_levels(sound) > -_RANGE_DB)
    size, gap = int(_FRAME_S * RATE), round(_GAP_S / _FRAME_S)
    for run in np.split(loud, np.flatnonzero(np.diff(loud) > gap) + 1):
        if _WORD_S[0] <= len(run) * _FRAME_S and (run[-1] + 1 - run[0]) * _FRAME_S <= _WORD_S[1]:
            yield sound[run[0] * size : (run[-1] + 1) * size]


Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def softer(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """20 dB, in 16 bits."""
    return np.asarray(np.rint(sound * 0.1 * 32768) / 32768, dtype=np.float32)


def coded(kind: str, codec: str, rate_hz: int, bits: int) -> Change:
    """Through a lossy codec and back."""

    def change(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        buffer = io.BytesIO()
        peak = max(1.0, float(np.abs(sound).max()))
        samples = np.rint(resample(sound, RATE, rate_hz) / peak * 32767).clip(-32768, 32767).astype(np.int16)
        with av.open(buffer, "w", format=kind) as file:
            stream = file.add_stream(codec, rate=rate_hz)
            assert isinstance(stream, av.AudioStream)
            stream.bit_rate, stream.layout = bits, av.AudioLayout("mono")
            frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
            frame.sample_rate = rate_hz
            form = av.AudioResampler(stream.format, "mono", rate_hz, stream.codec_context.frame_size or None)
            for part in (*form.resample(frame), *form.resample(None)):
                file.mux(stream.encode(part))
            file.mux(stream.encode(None))
        buffer.seek(0)
        with av.open(buffer, "r") as coded_file:
            parts = [part.to_ndarray() for part in coded_file.decode(audio=0)]
        back = np.concatenate(parts, axis=1)[0].astype(np.float32)
        return resample(back, rate_hz, RATE) * np.float32(peak)

    return change


def rate(rate_hz: int) -> Change:
    return lambda sound, rng: resample(resample(sound, RATE, rate_hz), rate_hz, RATE)


def cut(share: float) -> Change:
    """A part of it, from anywhere."""

    def change(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n = int(len(sound) * share)
        start = int(rng.integers(len(sound) - n + 1))
        return sound[start : start + n]

    return change


def speed(factor: float) -> Change:
    """Faster, and higher with it."""
    fraction = Fraction(factor).limit_denominator(1000)
    return lambda sound, rng: resample(sound, fraction.numerator * 1000, fraction.denominator * 1000)


CHANGES: dict[str, Change] = {
    "20 dB softer": softer, "noise 20 dB": noisy, "mp3 64 kb/s": coded("mp3", "libmp3lame", 44_100, 64_000),
    "opus 24 kb/s": coded("ogg", "libopus", 48_000, 24_000), "8 kHz": rate(8_000), "11 kHz": rate(11_025),
    "cut to 90 %": cut(0.9), "cut to 75 %": cut(0.75),
    "speed 0.9": speed(0.9), "speed 0.97": speed(0.97), "speed 1.03": speed(1.03), "speed 1.1": speed(1.1),
}  # fmt: skip
