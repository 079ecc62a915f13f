"""Whether every recording of a folder can be used: heard once, before anything is trained in its noise."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError, named
from ..audio.bar import bar
from ..audio.decode import decode
from ..prepared.clip_words import SILENCES
from ..prepared.clips import why_silent
from .recordings import recordings

_NAMED = 4
#: noises that tests are heard in, noises of training clips, responses of rooms
RecordingsUse = Literal["test", "train", "response"]


class _Faults(NamedTuple):
    """Recordings that cannot be used, with the reason, and those that are silent; by name."""

    unusable: list[str]
    silent: list[str]


@lru_cache(maxsize=8)
def check_recordings(source: str, use: RecordingsUse) -> tuple[str, ...]:
    """Hear all recordings of a folder: a line about silent ones, which are never drawn.

    Raises InputError, with names, for recordings that cannot be used, for responses that are silent, and where more
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
    if faults.unusable:
        some = named(faults.unusable, _NAMED)
        raise InputError(f"{where.format(len(faults.unusable))} cannot be used: {some}; take them out of the folder")
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
        faults.unusable.append(f"{name} ({str(error).removeprefix(f'{path}: ')})")
        return
    why = ("" if np.any(sound.samples[0]) else "silent") if use == "response" else why_silent(sound)
    if why and not np.any(sound.samples) and sound.tracks == 1:
        faults.silent.append(name)
    elif why:
        faults.unusable.append(f"{name} (a file {SILENCES[why]})")
