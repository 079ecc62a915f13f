"""Decoding: from an audio file to float32 samples at the rate it was recorded with, and what follows from them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from ...errors import InputError
from .containers import is_little, is_mp3, missing_bytes
from .content import special_file
from .longest import check_length, longest_s

#: endings of what PyAV decodes; which decoder reads a file is told by its content alone
LOSSY_SUFFIXES = frozenset({".mp3", ".mp4", ".m4a", ".m4v", ".mov", ".3gp", ".aac", ".mkv", ".mka", ".webm", ".avi"})
_BLOCK = 1 << 20  # frames per read: a header may promise any number
_ENDLESS = 1 << 62  # frames that libsndfile gives for a stream of unknown length
_UNKNOWN_FORMAT = (1, 4)  # libsndfile: format not recognized, encoding not supported
_POINTER = b"version https://git-lfs"  # what git leaves where a large file was not fetched
_SLACK_SECONDS = 0.25  # lossy formats: encoder delay and padding are not in the stream
_RUN = 3  # equal samples at full scale, one after the other, that count as clipped
INTEGER_PEAK = 16.0  # 24 dB above full scale: no sound, but the codes of integers in a file of floats


@dataclass(frozen=True, slots=True)
class Waveform:
    """A file as it was recorded: ``samples`` (channels, N) float32, not limited to +-1.

    ``clipped`` counts samples in runs of three or more equal ones at full scale or beyond; ``form`` is the container
    with its encoding, as "WAV PCM_24"; ``lacking`` counts the bytes that its header promises beyond its end, ``tracks``
    the streams of sound, of which the first is decoded.
    """

    samples: np.ndarray
    rate_hz: int
    clipped: int
    form: str
    lacking: int = 0
    tracks: int = 1

    @property
    def channels(self) -> int:
        """How many there are in the file."""
        return int(self.samples.shape[0])

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return float(self.samples.shape[1] / self.rate_hz)


def decode(path: Path, most_s: float | None = None) -> Waveform:
    """Read one audio file whole, by what it holds and not by its ending.

    Raises InputError, in one line with file and reason, for a file that is missing, empty, not audio, damaged, without
    samples, or with samples that are NaN or infinite; one that lacks more than a few samples of what its header
    promises; one longer than ``most_s`` seconds (None: as `longest_s` says); a pipe or device, which is not opened.
    """
    sound = _read(path, longest_s() if most_s is None else most_s)
    if sound.samples.shape[1] == 0:
        raise InputError(f"{path}: holds no samples")
    finite = np.isfinite(sound.samples)
    if not finite.all():
        raise InputError(f"{path}: {int((~finite).sum())} of {sound.samples.size} samples are NaN or infinite")
    return replace(sound, clipped=_clipped(sound.samples, sound.form))


def mono(samples: np.ndarray) -> np.ndarray:
    """Mean over channels: (channels, N) -> (N,)."""
    mixed: np.ndarray = samples[0] if len(samples) == 1 else samples.mean(axis=0, dtype=np.float32)
    return mixed


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Change the rate of (N,) float32 samples with soxr (high quality, linear phase); nothing is limited to +-1."""
    if from_hz == to_hz:
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), dtype=np.float32)


def audio_hash(samples: np.ndarray, rate_hz: int) -> str:
    """What makes two recordings identical: SHA-256 of the mono samples (N,) as little-endian float32, and the rate."""
    digest = hashlib.sha256((samples + np.float32(0)).astype("<f4").tobytes())  # + 0: -0.0 is 0.0
    digest.update(str(rate_hz).encode())
    return digest.hexdigest()


def length_seconds(path: Path) -> float:
    """Length as the header says, without decoding; 0 where it cannot be read."""
    try:
        if special_file(path):
            return 0.0
        with path.open("rb") as opened, _libsndfile(opened) as file:
            if file is not None:
                return float(file.frames / file.samplerate) if file.frames < _ENDLESS else 0.0
        with path.open("rb") as opened, av.open(_nameless(opened), metadata_errors="replace") as container:
            return (container.duration or 0) / 1_000_000
    except (OSError, ValueError, av.FFmpegError, soundfile.LibsndfileError):  # PyAV's may be an EOFError
        return 0.0


def _nameless(file: BufferedReader) -> Any:
    """An open file without its name: decoders would trust its ending more than what it holds."""
    return SimpleNamespace(read=file.read, readinto=file.readinto, seek=file.seek, tell=file.tell)


@contextmanager
def _libsndfile(opened: BufferedReader) -> Iterator[soundfile.SoundFile | None]:
    """The file as libsndfile reads it; None where it is PyAV's.

    That is what libsndfile does not know, and MP3: its versions differ in what they make of it.
    """
    if is_mp3(opened):
        yield None
        return
    try:
        file = soundfile.SoundFile(_nameless(opened))
    except soundfile.LibsndfileError as error:
        if error.code not in _UNKNOWN_FORMAT:
            raise
        yield None
        return
    with file:
        yield None if file.format == "MP3" else file


def _read(path: Path, most_s: float) -> Waveform:
    if why := special_file(path):
        raise InputError(f"{path}: {why}")
    try:
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
        size = path.stat().st_size
        missing = missing_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if not start:
        raise InputError(f"{path}: the file is empty (0 bytes)")
    if start == _POINTER:
        raise InputError(f"{path}: a pointer of git-lfs, not the audio; run `git lfs pull` in its folder")
    if not is_little(missing, size):
        raise InputError(f"{path}: truncated, the last {missing} bytes that its header promises are missing")
    try:
        with path.open("rb") as opened, _libsndfile(opened) as file:
            sound = None if file is None or file.frames >= _ENDLESS else _read_soundfile(path, file, most_s)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: damaged or truncated ({error.error_string.rstrip('.')})") from error
    sound = sound or _read_av(path, most_s)  # one of unknown length cannot be read to its end by libsndfile
    return replace(sound, lacking=missing)


def _read_soundfile(path: Path, file: soundfile.SoundFile, most_s: float) -> Waveform:
    check_length(path, file.frames / file.samplerate, most_s)
    blocks = [file.read(_BLOCK, dtype="float32", always_2d=True)]
    while len(blocks[-1]) == _BLOCK:
        blocks.append(file.read(_BLOCK, dtype="float32", always_2d=True))
    samples = np.concatenate(blocks) if len(blocks) > 1 else blocks[0]
    if len(samples) < file.frames:
        raise InputError(f"{path}: truncated, {len(samples)} of the {file.frames} samples its header promises")
    return Waveform(np.ascontiguousarray(samples.T), file.samplerate, 0, f"{file.format} {file.subtype}")


def _read_av(path: Path, most_s: float) -> Waveform:
    try:
        with path.open("rb") as opened, av.open(_nameless(opened), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise InputError(f"{path}: no audio stream in it")
            stream = container.streams.audio[0]
            promised = _promised_seconds(container, stream)
            check_length(path, promised, most_s)
            parts, rate_hz = _frames(container, stream, path, most_s)
            form = f"{container.format.name.partition(',')[0]} {stream.codec_context.name}"
            tracks = len(container.streams.audio)
    except av.FFmpegError as error:
        raise InputError(f"{path}: not audio, or damaged ({error.strerror})") from error
    samples = np.concatenate(parts, axis=1) if parts else np.empty((1, 0), dtype=np.float32)
    if parts and samples.shape[1] / rate_hz < promised - _SLACK_SECONDS:
        seconds = samples.shape[1] / rate_hz
        raise InputError(f"{path}: truncated, {seconds:.2f} of the {promised:.2f} seconds its header promises")
    return Waveform(samples, rate_hz, 0, form, tracks=tracks)


def _frames(
    container: av.container.InputContainer, stream: av.AudioStream, path: Path, most_s: float
) -> tuple[list[np.ndarray], int]:
    """Blocks (channels, n) and the rate, which is the frames' own: a header may tell half of it (HE-AAC)."""
    to_float = av.AudioResampler(format="fltp")
    parts: list[np.ndarray] = []
    shapes: set[tuple[int, int]] = set()
    seconds = 0.0
    for frame in container.decode(stream):
        shapes.add((frame.sample_rate, frame.layout.nb_channels))
        if len(shapes) > 1:
            raise InputError(f"{path}: rate or number of channels changes within the file")
        seconds += frame.samples / frame.sample_rate
        check_length(path, seconds, most_s)
        parts += [part.to_ndarray() for part in to_float.resample(frame)]
    return parts, shapes.pop()[0] if shapes else stream.rate


def _promised_seconds(container: av.container.InputContainer, stream: av.AudioStream) -> float:
    """Length in the header; 0 for formats where the library would guess it from the size of the file."""
    if "matroska" in container.format.name:
        return (container.duration or 0) / 1_000_000
    if "mp4" in container.format.name and stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return 0.0


def _clipped(samples: np.ndarray, form: str) -> int:
    """Samples in runs at full scale; of floats that hold the codes of integers nobody knows what that is."""
    full = 127 / 128 if form.endswith(("_S8", "_U8")) else 32767 / 32768
    high = np.abs(samples) >= full
    if not high.any() or np.abs(samples).max() > INTEGER_PEAK:
        return 0
    same = high[:, 1:] & (samples[:, 1:] == samples[:, :-1])
    count = 0
    for channel in same:
        edges = np.flatnonzero(np.diff(np.concatenate(([False], channel, [False])).astype(np.int8)))
        runs = edges[1::2] - edges[::2] + 1  # of equal samples
        count += int(runs[runs >= _RUN].sum())
    return count
