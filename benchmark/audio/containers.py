"""What the header of an audio file promises, compared with the bytes that are there.

Decoders shorten a truncated file without a word, so the promise is read here: RIFF/RF64 and W64, AIFF, CAF, AU,
NIST SPHERE, MP4/M4A/3GP boxes, and the length in the Xing header of an MP3.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...errors import InputError
from .content import missing_content

_FEW, _MANY = 64, 2048  # bytes that may lack of any file, and of a long one
_SHARE = 100  # one of so many
# sizes that writers to a pipe leave behind: "unknown", not a promise
_OPEN_32 = 0x7FFF_0000
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


def missing_bytes(path: Path) -> int:
    """How many bytes the header promises beyond the end of the file; 0 where it promises nothing.

    Raises InputError for a file that only points to its content.
    """
    if (why := missing_content(path)) and path.exists():
        raise InputError(f"{path}: {why}")
    size = path.stat().st_size
    with path.open("rb") as file:
        end = _promised_end(file, size)
    return max(0, end - size)


def is_little(missing: int, there: int) -> bool:
    """Whether the bytes that a header promises too much are a slip of who wrote it, and no loss.

    libsndfile, FFmpeg and SciPy read whatever is there. Here a slip is a byte in a hundred, at least 64, at most 2,048.
    """
    return missing <= max(_FEW, min((missing + there) // _SHARE, _MANY))


def _promised_end(file: BinaryIO, size: int) -> int:
    head = file.read(16)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _riff(file, size, "big" if head[:4] == b"RIFX" else "little")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _last(_chunks(file, size, 12, "big"), b"SSND")
    if head[:4] == b"riff" and head[4:8] == b"\x2e\x91\xcf\x11":
        return _last(_w64(file, size), _W64_DATA)
    if head[:4] == b"caff":
        return _last(_caf(file, size), b"data")
    if head[:4] == b".snd":
        start, length = (int.from_bytes(head[i : i + 4], "big") for i in (4, 8))
        return 0 if length >= _OPEN_32 else start + length
    if head[:8] == b"NIST_1A\n":
        return _nist(file)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return max((end for _, end in _boxes(file, size)), default=0)
    return _xing(file, size)


def _chunks(file: BinaryIO, size: int, at: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, start of the content, length) of RIFF or AIFF chunks; they are padded to even lengths."""
    while at + 8 <= size:
        name, length = _field(file, at, 4), _number(file, at + 4, 4, order)
        yield name, at + 8, length
        at += 8 + length + length % 2


def _riff(file: BinaryIO, size: int, order: str) -> int:
    long_length = None  # RF64: of the data chunk, beyond 4 GiB
    for name, start, length in _chunks(file, size, 12, order):
        if name == b"ds64":
            long_length = _number(file, start + 8, 8, order)
        elif name == b"data":
            if length == 0xFFFF_FFFF and long_length is not None:
                return start + long_length
            return 0 if length >= _OPEN_32 else start + length
    return 0


def _w64(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = 40
    while at + 24 <= size:
        name, length = _field(file, at, 16), _number(file, at + 16, 8, "little") - 24  # the length counts its header
        yield name, at + 24, length
        at += max(24, -(-(length + 24) // 8) * 8)


def _caf(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = 8
    while at + 12 <= size:
        name, length = _field(file, at, 4), _number(file, at + 4, 8, "big")
        if length >= 1 << 63:  # -1: as long as the file
            return
        yield name, at + 12, length
        at += 12 + length


def _last(chunks: Iterator[tuple[bytes, int, int]], wanted: bytes) -> int:
    """End of the chunk that holds the samples."""
    return next((start + length for name, start, length in chunks if name == wanted), 0)


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """(name, end) of the top-level boxes of an MP4 file."""
    at = 0
    while at + 8 <= size:
        length, name = _number(file, at, 4, "big"), _field(file, at + 4, 4)
        if length == 1:
            length = _number(file, at + 8, 8, "big")
        if length < 8 or not re.fullmatch(rb"[\w \xa9-]{4}", name):  # 0: to the end of the file
            return
        at += length
        yield name, at


def _nist(file: BinaryIO) -> int:
    file.seek(8)
    length = file.read(8).strip()
    header = int(length) if length.isdigit() else 0
    text = _field(file, 0, header)
    fields = [
        re.search(rb"^%s -i (\d+)" % key, text, re.M) for key in (b"sample_count", b"channel_count", b"sample_n_bytes")
    ]
    if not header or b"shorten" in text or not all(fields):
        return 0
    count, channels, width = (int(match[1]) for match in fields if match)
    return header + count * channels * width


def is_mp3(file: BinaryIO) -> bool:
    """Whether a file begins as a bare MPEG stream does, after its tags; it is read from its start again afterwards."""
    frame = _field(file, _after_tags(file), 2)
    file.seek(0)
    return len(frame) == 2 and frame[0] == 0xFF and frame[1] & 0xE0 == 0xE0


def _after_tags(file: BinaryIO) -> int:
    head = _field(file, 0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def _xing(file: BinaryIO, size: int) -> int:
    """End of an MP3 stream. A percent is forgiven: some encoders count their tags, others do not."""
    start = _after_tags(file)
    frame = _field(file, start, 64)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if frame[:1] != b"\xff" or at < 0 or not frame[at + 7] & 2:
        return 0
    length = _number(file, start + at + (12 if frame[at + 7] & 1 else 8), 4, "big")
    return start + length if start + length > size + length // 100 else 0


def _field(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _number(file: BinaryIO, at: int, length: int, order: str) -> int:
    return int.from_bytes(_field(file, at, length), "little" if order == "little" else "big")
