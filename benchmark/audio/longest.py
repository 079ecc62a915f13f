"""How long a clip may be: longer ones are refused by name before they are decoded."""

import math
import os
from pathlib import Path

from ...errors import InputError

LONGEST_S = 600.0
SETTING = "SERBENCH_LONGEST_CLIP"  # seconds


class TooLongError(InputError):
    """A file that is longer than a clip may be."""


def longest_s() -> float:
    """Seconds that a clip may last: what `SERBENCH_LONGEST_CLIP` says, else ten minutes.

    Raises InputError for a setting that is no number above 0.
    """
    text = os.environ.get(SETTING, "").strip()
    try:
        seconds = float(text) if text else LONGEST_S
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise InputError(f"{SETTING}={text}: give seconds, a number above 0, or inf for clips of any length")
    return seconds


def check_length(path: Path, seconds: float, most: float) -> None:
    """Raise TooLongError for a file of more seconds than ``most``."""
    if seconds > most:
        raise TooLongError(
            f"{path}: longer than {spoken(most)}; cut it into utterances, or set {SETTING} above {most:.0f} (seconds)"
        )


def spoken(seconds: float) -> str:
    """A length as people say it.

    >>> spoken(90), spoken(600), spoken(5400)
    ('90 s', '10 min', '1.5 h')
    """
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 3600 else f"{seconds / 3600:.3g} h"
