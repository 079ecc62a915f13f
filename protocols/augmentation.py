"""`augmentation`: how much noise, pitch, stretch and shift in copies of training clips helps, and how many copies."""

import itertools
from dataclasses import dataclass, replace

from ..errors import InputError
from .parts.augment import Augment
from .parts.protocol import BASE, CLEAN, Arm, Condition
from .speaker_independent import PROTOCOL as NEW_SPEAKERS

FACTORS = ("noise", "pitch", "stretch", "shift", "copies")


@dataclass(frozen=True, slots=True)
class Options:
    """Levels of every factor, all combined: ``noise`` of the peak, ``pitch`` in semitones either way, ``stretch`` as a
    share, ``shift`` in seconds, ``copies`` of each clip. ``test_snr``: white noise in which the test is heard besides.
    """

    noise: tuple[float, ...] = (0.0, 0.0175, 0.035)
    pitch: tuple[float, ...] = (0.0, 0.7, 2.0)
    stretch: tuple[float, ...] = (0.0,)
    shift: tuple[float, ...] = (0.0,)
    copies: tuple[int, ...] = (1,)
    test_snr: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a factor without levels, and a level twice."""
        for name in FACTORS:
            levels = getattr(self, name)
            if not levels or len(set(levels)) < len(levels):
                raise InputError(f"augmentation.{name}: one or more different levels, given {levels}")


def arms(options: Options) -> tuple[Arm, ...]:
    """Without augmentation, then every combination of levels that changes a clip. InputError where none does."""
    levels = [getattr(options, name) for name in FACTORS]
    varied = [name for name, values in zip(FACTORS, levels, strict=True) if len(values) > 1 or any(values)]
    all_arms = [BASE]
    for chosen in itertools.product(*levels):
        values = dict(zip(FACTORS, chosen, strict=True))
        augment = Augment(**values)
        if augment.made:
            shown = [name for name in varied if name != "copies" or len(options.copies) > 1 or options.copies[0] > 1]
            point = tuple((name, f"{values[name]:g}") for name in shown)
            name = " ".join(f"{factor}={level}" for factor, level in point)
            all_arms.append(Arm(name, augment=augment, factors=point))
    if len(all_arms) == 1:
        raise InputError("augmentation: what varies? for instance --set augmentation.noise=0,0.0175")
    return tuple(all_arms)


def conditions(options: Options) -> tuple[Condition, ...]:
    """The clean test, and in white noise where it is asked for."""
    return (CLEAN, *(Condition("white", level, "dB") for level in options.test_snr))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="augmentation",
    version=1,
    summary="copies of training clips with noise, other pitch, tempo and place, against none; new speakers",
    options=Options(),
    arms=arms,
    conditions=conditions,
)
