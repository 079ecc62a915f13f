"""Where the pictures of a clip lie in a longer video, as the column ``video`` of an utterance table says it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ...errors import InputError

_EXCERPT = re.compile(
    r"(?P<path>[^#]+)(?:#(?:t=(?P<start>\d+(?:\.\d+)?)(?:,(?P<end>\d+(?:\.\d+)?))?)?&?(?:half=(?P<half>left|right))?)?"
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Pictures of a clip: a file, from ``start`` to ``end`` in seconds (None: its end), and the half with the speaker.

    Written as a media fragment, with four decimals: ``FILE``, ``FILE#t=6.29,8.24`` or ``FILE#t=6.29,8.24&half=left``.
    """

    path: Path
    start: float = 0.0
    end: float | None = None
    half: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """From its text. InputError for one that is not of this form.

        >>> Excerpt.of("a.avi#t=6.5,8&half=left")
        Excerpt(path=PosixPath('a.avi'), start=6.5, end=8.0, half='left')
        """
        match = _EXCERPT.fullmatch(text)
        if match is None:
            raise InputError(f"video {text}: not of the form FILE#t=START,END&half=left, times in seconds")
        start, end = float(match["start"] or 0), float(match["end"]) if match["end"] else None
        if end is not None and end <= start:
            raise InputError(f"video {text}: ends before it starts")
        return cls(Path(match["path"]), start, end, match["half"] or "")

    def __str__(self) -> str:
        until = "" if self.end is None else f",{_seconds(self.end)}"
        time = f"t={_seconds(self.start)}{until}" if self.start or until else ""
        marks = "&".join(filter(None, (time, f"half={self.half}" if self.half else "")))
        return f"{self.path}#{marks}" if marks else str(self.path)


def _seconds(time: float) -> str:
    """Without zeros at its end.

    >>> _seconds(6.2901), _seconds(12.0)
    ('6.2901', '12')
    """
    return f"{time:.4f}".rstrip("0").rstrip(".")
