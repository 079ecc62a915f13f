"""`alignment`: the face moved against the sound, in test and in training; for models that see."""

import math
from dataclasses import dataclass, replace

from ..errors import InputError
from .parts.augment import Augment
from .parts.protocol import BASE, CLEAN, Arm, Condition
from .speaker_independent import PROTOCOL as NEW_SPEAKERS


@dataclass(frozen=True, slots=True)
class Options:
    """``shifts`` of the test faces in ms, later is positive; ``jitter``: training faces move by up to so many."""

    shifts: tuple[float, ...] = (-240.0, -120.0, -60.0, 60.0, 120.0, 240.0)
    jitter: float = 240.0

    def __post_init__(self) -> None:
        """Refuse shifts that are none."""
        if len(set(self.shifts)) < len(self.shifts) or 0 in self.shifts or not all(map(math.isfinite, self.shifts)):
            raise InputError(f"alignment.shifts: different numbers of ms other than 0; given {self.shifts}")
        if self.jitter < 0:
            raise InputError(f"alignment.jitter={self.jitter:g}: give 0 (no such arm) or more ms")


def arms(options: Options) -> tuple[Arm, ...]:
    """Trained on faces as they are, and on faces that are moved at random."""
    jittered = (Arm("jittered", augment=Augment(face_shift=options.jitter)),) if options.jitter else ()
    return (BASE, *jittered)


def conditions(options: Options) -> tuple[Condition, ...]:
    """Aligned, moved, and pictures in a drawn order."""
    return (CLEAN, *(Condition("face-shift", ms, "ms") for ms in options.shifts), Condition("face-shuffled"))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="alignment",
    version=1,
    summary="the face moved against the sound by -240 to 240 ms, or in a drawn order; trained aligned and moved",
    options=Options(),
    arms=arms,
    conditions=conditions,
)
