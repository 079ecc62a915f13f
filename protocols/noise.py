"""`noise`: trained on clean speech of other speakers, tested clean and in noise."""

from dataclasses import dataclass, replace

from ..errors import InputError
from .parts.conditions import check_kinds, check_levels
from .parts.noises import ALL, NOISES, RECORDED
from .parts.protocol import CLEAN, Condition
from .speaker_independent import PROTOCOL as NEW_SPEAKERS


@dataclass(frozen=True, slots=True)
class Options:
    """``dir``: a folder of recordings, used beside ``kinds``; ``snr``: levels in dB; ``kinds``: of noise.

    ``kinds=recorded`` uses the recordings alone; ``music`` and ``impulsive`` are made too, on request.
    """

    dir: str = ""
    snr: tuple[float, ...] = (20.0, 15.0, 10.0, 5.0, 0.0, -5.0)
    kinds: tuple[str, ...] = NOISES

    def __post_init__(self) -> None:
        check_levels("noise.snr", self.snr, "dB")
        check_kinds("noise", "kind of noise", self.kinds, ALL)
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


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="noise",
    version=1,
    summary="speaker-independent, trained clean; tested clean and in noise from 20 to -5 dB",
    options=Options(),
    conditions=conditions,
)
