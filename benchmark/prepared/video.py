"""Pictures of a video at a steady rate, with the times at which they are shown, through PyAV."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np

from ...errors import InputError
from ..corpora.excerpt import Excerpt

#: endings of files that may hold pictures beside the sound
ENDINGS = frozenset({".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".flv"})
PER_SECOND = 8
MOST = 64  # pictures of a clip: its first 8 s
SIDE = 224  # pixels of the shorter side; the picture is not squeezed, and cut only into halves with a person each
_BEFORE_S = 0.5  # a decoder begins so much before an excerpt: the picture at its start was shown earlier
View = Literal["speaker", "listener", "all"]


def pictures(source: Path | Excerpt, shift_s: float = 0.0, view: View = "speaker") -> tuple[np.ndarray, np.ndarray]:
    """RGB pictures (T, H, W, 3) uint8, 8 per second of the clip, and the times in seconds (T,) of those shown.

    Picture k is the one on the screen at k / 8 s after the sound begins, or ``shift_s`` before that (earlier than the
    first one: the first; later than the last one: the last); a slower video repeats pictures, and its times show it.
    Of an excerpt that shows two people, ``view`` is the half of the speaker, that of the listener, or all.
    InputError for a file that is missing, damaged, without pictures, or shorter than its excerpt.
    """
    part = Excerpt(source) if isinstance(source, Path) else source
    images: list[np.ndarray] = []
    times: list[float] = []
    length, last = 0.0, None
    try:
        with av.open(str(part.path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise InputError(f"{part.path}: holds no pictures, only sound")
            for shown, frame, until in _shown(container, part.start):
                if last is not None and part.end is not None and shown >= part.end - part.start:
                    break
                last = (shown, frame)
                length = until if part.end is None else min(until, part.end - part.start)
                while len(images) < MOST and len(images) / PER_SECOND - shift_s < until:
                    same = times and times[-1] == shown
                    images.append(images[-1] if same else _image(frame, part.half, view))
                    times.append(shown)
                if len(images) >= MOST and length > (MOST - 1) / PER_SECOND:
                    break
    except (av.error.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{part.path}: its pictures cannot be read ({reason.lower()})") from error
    n = min(MOST, math.ceil(round(length * PER_SECOND, 6)))  # times are sums of fractions
    if last is None or n < 1:
        raise InputError(f"{part}: holds no pictures that can be decoded")
    if (missing := n - len(images)) > 0:
        images += [_image(last[1], part.half, view)] * missing
        times += [last[0]] * missing
    return np.stack(images[:n]), np.array(times[:n])


def has_pictures(path: Path) -> bool:
    """Whether a file can be opened and has a video stream."""
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return bool(container.streams.video)
    except (av.error.FFmpegError, OSError):
        return False


def _shown(container: Any, start: float = 0.0) -> Iterator[tuple[float, Any, float]]:
    """(time after the begin of the sound and ``start``, picture, time of the next one) in the order of showing.

    The first one is on the screen at ``start``. The last picture stays as long as one does on average.
    """
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    clock = container.streams.audio[0] if container.streams.audio else stream
    begin = float((clock.start_time or 0) * clock.time_base) + start
    if start:
        container.seek(max(0, math.floor((begin - _BEFORE_S) / stream.time_base)), stream=stream)
    last: tuple[float, Any] | None = None
    for frame in container.decode(stream):
        if frame.pts is None:
            continue  # of unknown time
        now = float(frame.pts * stream.time_base) - begin
        if last is not None and now > last[0] and (now > 0 or not start):
            yield *last, now
        last = (now, frame)
    if last is not None:
        yield *last, last[0] + 1 / float(stream.average_rate or 25)


def _image(frame: Any, half: str, view: View) -> np.ndarray:
    """The part of a picture that is to be seen, its shorter side `SIDE` long."""
    across = frame.width // 2 if half and view != "all" else frame.width
    scale = SIDE / min(across, frame.height)
    width, height = (max(SIDE, math.floor(size * scale + 0.5)) for size in (frame.width, frame.height))
    image: np.ndarray = frame.to_ndarray(format="rgb24", width=width, height=height)
    if across == frame.width:
        return image
    left = (half == "left") == (view == "speaker")
    return image[:, : width // 2] if left else image[:, width - width // 2 :]
