"""Whether every recording of a folder can be used: heard once, before anything is trained in its noise."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError, named
from ..audio.bar import bar
from ..audio.decode import Waveform, decode, mono
from .recordings import recordings

_NAMED = 4
#: noises that tests are heard in, noises of training clips, responses of rooms
RecordingsUse = Literal["test", "train", "response"]


class _Faults(NamedTuple):
    """Recordings that cannot be read, with the reason, and those that are silent; by name."""

    unreadable: list[str]
    silent: list[str]


@lru_cache(maxsize=8)
def check_recordings(source: str, use: RecordingsUse) -> tuple[str, ...]:
    """Hear all recordings of a folder: a line about silent ones, which are never drawn.

    Raises InputError, with names, for recordings that cannot be read, for responses that are silent, and where more
    than half of the noises that this ``use`` draws from are silent.
    """
    folder = recordings(source)
    files = (*folder.test, *folder.train)
    faults = _Faults([], [])
    with bar(f"listening to {folder.folder.name}") as progress:
        for done, path in enumerate(files, start=1):
            _hear(path, str(path.relative_to(folder.folder)), use, faults)
            progress(done, len(files))
    where = f"{folder.folder}: {{}} of {len(files)} recordings"
    if faults.unreadable:
        some = named(faults.unreadable, _NAMED)
        raise InputError(f"{where.format(len(faults.unreadable))} cannot be read: {some}; take them out of the folder")
    silent = where.format(len(faults.silent)) + f" {'is' if len(faults.silent) == 1 else 'are'} silent: "
    silent += named(faults.silent, _NAMED)
    names = set(faults.silent)
    used = {"test": folder.test, "train": folder.train, "response": files}[use]
    count = sum(str(path.relative_to(folder.folder)) in names for path in used)
    if 2 * count > len(used) or (use == "response" and count):
        raise InputError(f"{silent}; take them out of the folder")
    return (f"{silent}; never heard",) if names else ()


def _hear(path: Path, name: str, use: RecordingsUse, faults: _Faults) -> None:
    try:
        sound = decode(path, math.inf)
    except InputError as error:
        faults.unreadable.append(f"{name} ({str(error).removeprefix(f'{path}: ')})")
        return
    if not np.any(_heard(sound, use)):
        faults.silent.append(name)


def _heard(sound: Waveform, use: RecordingsUse) -> np.ndarray:
    """What is taken of a file: of a response the first channel, of a noise the mean."""
    return np.asarray(sound.samples[0]) if use == "response" else mono(sound.samples)
