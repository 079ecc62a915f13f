"""`noise`: trained on clean speech of other speakers, tested clean and in noise."""

import math
from collections import Counter
from dataclasses import dataclass

from ..errors import InputError, unknown
from .protocol import CLEAN, Condition, Protocol
from .speaker_independent import split

KINDS = ("white", "pink", "babble", "speech-shaped")
RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Options:
    """``dir``: a folder of recordings, used beside ``kinds``; ``snr``: levels in dB; ``kinds``: of noise.

    ``kinds=recorded`` uses the recordings alone.
    """

    dir: str = ""
    snr: tuple[float, ...] = (20.0, 15.0, 10.0, 5.0, 0.0, -5.0)
    kinds: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        for name, values in (("snr", self.snr), ("kinds", self.kinds)):
            doubled = [value for value, n in Counter(values).items() if n > 1]
            if not values or doubled:
                raise InputError(f"noise.{name}: {f'{doubled[0]} is given twice' if doubled else 'none given'}")
        for level in self.snr:
            if not math.isfinite(level):
                raise InputError(f"noise.snr: {level} is not a level in dB; the clean condition is always there")
        for kind in self.kinds:
            if kind not in (*KINDS, RECORDED):
                raise unknown("kind of noise", kind, (*KINDS, RECORDED))
        if RECORDED in self.kinds and not self.dir:
            raise InputError("noise.kinds=recorded: which recordings? Name their folder with noise.dir=DIR")


def conditions(options: Options) -> tuple[Condition, ...]:
    """Clean, then every kind at every level. What lies in the folder is hashed where the run is planned."""
    kinds = tuple(dict.fromkeys((*options.kinds, RECORDED))) if options.dir else options.kinds
    return (
        CLEAN,
        *(
            Condition(kind, level, "dB", source=options.dir if kind == RECORDED else "")
            for kind in kinds
            for level in options.snr
        ),
    )


PROTOCOL = Protocol(
    name="noise",
    version=1,
    summary="speaker-independent, trained clean; tested clean and in noise from 20 to -5 dB",
    split=split,
    promises=frozenset({"speaker", "audio", "copy"}),
    permits=frozenset({"session", "sentence"}),
    null="chance",
    options=Options(),
    conditions=conditions,
)
