"""Decoding: from an audio file to float32 samples at the rate it was recorded with, and what follows from them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from ...errors import InputError
from .containers import missing_bytes

#: decoded with PyAV; everything else is tried with soundfile first
LOSSY_SUFFIXES = frozenset({".mp3", ".mp4", ".m4a", ".m4v", ".mov", ".3gp", ".aac", ".mkv", ".mka", ".webm", ".avi"})
_BLOCK = 1 << 20  # frames per read: a header may promise any number
_ENDLESS = 1 << 62  # frames that libsndfile gives for a stream of unknown length
_UNKNOWN_FORMAT = (1, 4)  # libsndfile: format not recognized, encoding not supported
_POINTER = b"version https://git-lfs"  # what git leaves where a large file was not fetched
_SLACK_SECONDS = 0.25  # lossy formats: encoder delay and padding are not in the stream
_RUN = 3  # equal samples at full scale, one after the other, that count as clipped


@dataclass(frozen=True, slots=True)
class Waveform:
    """A file as it was recorded: ``samples`` (channels, N) float32, not limited to +-1.

    ``clipped`` counts samples in runs of three or more equal ones at full scale or beyond; ``form`` is the container
    with its encoding, as "WAV PCM_24".
    """

    samples: np.ndarray
    rate_hz: int
    clipped: int
    form: str

    @property
    def channels(self) -> int:
        """How many there are in the file."""
        return int(self.samples.shape[0])

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return float(self.samples.shape[1] / self.rate_hz)


def decode(path: Path) -> Waveform:
    """Read one audio file whole.

    Raises InputError, in one line with file and reason, for a file that is missing, empty, not audio, damaged,
    shorter than its header promises, without samples, or with samples that are NaN or infinite.
    """
    samples, rate_hz, form = _read(path)
    if samples.shape[1] == 0:
        raise InputError(f"{path}: holds no samples")
    finite = np.isfinite(samples)
    if not finite.all():
        raise InputError(f"{path}: {int((~finite).sum())} of {samples.size} samples are NaN or infinite")
    return Waveform(samples, rate_hz, _clipped(samples, form), form)


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
        if _by_suffix(path):
            with av.open(str(path)) as container:
                return (container.duration or 0) / 1_000_000
        info = soundfile.info(str(path))
        return float(info.frames / info.samplerate) if info.frames < _ENDLESS else 0.0
    except (OSError, ValueError, av.FFmpegError, soundfile.LibsndfileError):  # PyAV's may be an EOFError
        return 0.0


def _by_suffix(path: Path) -> bool:
    # soundfile takes .raw for samples without a header and asks for their rate
    return path.suffix.lower() in LOSSY_SUFFIXES or path.suffix.lower() == ".raw"


def _read(path: Path) -> tuple[np.ndarray, int, str]:
    try:
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
        missing = missing_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if not start:
        raise InputError(f"{path}: the file is empty (0 bytes)")
    if start == _POINTER:
        raise InputError(f"{path}: a pointer of git-lfs, not the audio; run `git lfs pull` in its folder")
    if missing:
        raise InputError(f"{path}: truncated, the last {missing} bytes that its header promises are missing")
    if _by_suffix(path):
        return _read_av(path)
    try:
        return _read_soundfile(path)
    except soundfile.LibsndfileError as error:
        if error.code in _UNKNOWN_FORMAT:
            return _read_av(path)
        raise InputError(f"{path}: damaged or truncated ({error.error_string.rstrip('.')})") from error


def _read_soundfile(path: Path) -> tuple[np.ndarray, int, str]:
    with soundfile.SoundFile(str(path)) as file:
        if file.frames >= _ENDLESS:  # it cannot be read to its end
            return _read_av(path)
        blocks = [file.read(_BLOCK, dtype="float32", always_2d=True)]
        while len(blocks[-1]) == _BLOCK:
            blocks.append(file.read(_BLOCK, dtype="float32", always_2d=True))
        samples = np.concatenate(blocks) if len(blocks) > 1 else blocks[0]
        if len(samples) < file.frames:
            raise InputError(f"{path}: truncated, {len(samples)} of the {file.frames} samples its header promises")
        return np.ascontiguousarray(samples.T), file.samplerate, f"{file.format} {file.subtype}"


def _read_av(path: Path) -> tuple[np.ndarray, int, str]:
    try:
        with av.open(str(path.absolute())) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: no audio stream in it")
            stream = container.streams.audio[0]
            parts, rate_hz = _frames(container, stream, path)
            promised = _promised_seconds(container, stream)
            form = f"{container.format.name.partition(',')[0]} {stream.codec_context.name}"
    except av.FFmpegError as error:
        raise InputError(f"{path}: not audio, or damaged ({error.strerror})") from error
    samples = np.concatenate(parts, axis=1) if parts else np.empty((1, 0), dtype=np.float32)
    if parts and samples.shape[1] / rate_hz < promised - _SLACK_SECONDS:
        seconds = samples.shape[1] / rate_hz
        raise InputError(f"{path}: truncated, {seconds:.2f} of the {promised:.2f} seconds its header promises")
    return samples, rate_hz, form


def _frames(container: av.container.InputContainer, stream: av.AudioStream, path: Path) -> tuple[list[np.ndarray], int]:
    """Blocks (channels, n) and the rate, which is the frames' own: a header may tell half of it (HE-AAC)."""
    to_float = av.AudioResampler(format="fltp")
    parts: list[np.ndarray] = []
    shapes: set[tuple[int, int]] = set()
    for frame in container.decode(stream):
        shapes.add((frame.sample_rate, frame.layout.nb_channels))
        if len(shapes) > 1:
            raise InputError(f"{path}: rate or number of channels changes within the file")
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
    full = 127 / 128 if form.endswith(("_S8", "_U8")) else 32767 / 32768
    high = np.abs(samples) >= full
    if not high.any():
        return 0
    same = high[:, 1:] & (samples[:, 1:] == samples[:, :-1])
    count = 0
    for channel in same:
        edges = np.flatnonzero(np.diff(np.concatenate(([False], channel, [False])).astype(np.int8)))
        runs = edges[1::2] - edges[::2] + 1  # of equal samples
        count += int(runs[runs >= _RUN].sum())
    return count
