"""Training clips in noise that tests never hear: other talkers in the babble, the train half of recordings."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ...errors import InputError, unknown
from ...protocols.parts.noises import ALL, RECORDED
from . import snr
from .noise import babble
from .noisy import noise_of


def in_noise(
    waveform: np.ndarray,
    rate_hz: int,
    row: str,
    kinds: Sequence[str],
    low_db: float,
    high_db: float,
    rng: np.random.Generator,
    source: str = "",
) -> np.ndarray:
    """Float32 (N,) -> float32 (N,): noise of one of ``kinds`` added, both drawn evenly, the level within the bounds.

    ``recorded`` takes the train half of the folder ``source``. InputError for an unknown kind, levels out of range, a
    folder without a train half, and by the name of the row for a clip that is silent or not finite.
    """
    if not -snr.LIMIT_DB <= low_db <= high_db <= snr.LIMIT_DB:
        limit = f"from {-snr.LIMIT_DB:g} to {snr.LIMIT_DB:g}"
        raise InputError(f"noise for training: two levels in dB {limit}, the lower first; given {low_db}, {high_db}")
    if not kinds:
        raise InputError("noise for training: no kind given")
    kind = kinds[int(rng.integers(len(kinds)))]
    level_db = float(rng.uniform(low_db, high_db))
    if kind == RECORDED:
        return _recorded(waveform, rate_hz, row, level_db, rng, source)
    if kind not in ALL:
        raise unknown("noise for training", kind, ALL)
    make = partial(babble, part="train") if kind == "babble" else noise_of(kind)
    return snr.add(waveform, rate_hz, level_db, partial(make, len(waveform), rate_hz, rng), row, kind)


def _recorded(
    waveform: np.ndarray, rate_hz: int, row: str, level_db: float, rng: np.random.Generator, source: str
) -> np.ndarray:
    from .recordings import draw, recordings

    if not source:
        raise InputError("noise for training, recorded: which recordings? Give their folder")
    folder = recordings(source)
    if not folder.train:
        raise InputError(f"{folder.folder}: a single recording is for testing; training needs at least two")
    some = partial(draw, folder.train, len(waveform), rate_hz, rng)
    return snr.add(waveform, rate_hz, level_db, some, row, folder.names(folder.train))
