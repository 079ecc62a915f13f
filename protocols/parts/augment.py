"""What is done to training clips: `Augment` in settings, `Step` by step in the rows of a fold."""

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

from ...errors import InputError, unknown
from .noises import ALL, NOISES, RECORDED

StepKind = Literal["noise", "pitch", "stretch", "shift", "snr", "face-shift"]
#: unit of a step's numbers, as printed
UNITS: dict[StepKind, str] = {
    "noise": "of the peak", "pitch": "semitones", "stretch": "times", "shift": "s", "snr": "dB", "face-shift": "ms",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a row: its value is drawn evenly between ``low`` and ``high`` (equal: fixed), in `UNITS`.

    ``noises``, ``source``: of kind ``snr``, the noises to draw from, and the folder of the recorded ones with
    the hash of what lies in it. ``scaled``: of kind ``noise``, the value is multiplied by a number drawn between 0 and
    1, as Lee and Nadeem (2025) do. ``like``: the copy whose draws it takes; 0: its own.
    """

    kind: StepKind
    low: float
    high: float
    noises: tuple[str, ...] = ()
    source: str = ""
    content: str = ""
    scaled: bool = False
    like: int = 0


@dataclass(frozen=True, slots=True)
class Augment:
    """Changes of training clips; the defaults change nothing. `EXPLAIN` has a line for every field."""

    noise: float = 0.0
    pitch: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    copies: int = 1
    face_shift: float = 0.0
    snr: tuple[float, ...] = ()
    noises: tuple[str, ...] = NOISES
    dir: str = ""
    content: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        for name in ("noise", "pitch", "stretch", "shift", "face_shift"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0:
                raise InputError(f"augment.{name}={value:g}: give 0 (off) or more")
        if self.pitch > 24 or self.stretch >= 1 or self.noise > 10:
            raise InputError("augment: pitch is at most 24 semitones, stretch less than 1, noise at most 10")
        if not 1 <= self.copies <= 100:
            raise InputError(f"augment.copies={self.copies}: from 1 to 100 of every training clip")
        if self.snr and (len(self.snr) != 2 or not -60 <= self.snr[0] <= self.snr[1] <= 60):
            raise InputError(f"train_snr: two levels from -60 to 60 dB, the lower first, as 5..20; given {self.snr}")
        for kind in self.noises:
            if kind not in ALL:
                raise unknown("noise for training", kind, ALL)
        if RECORDED in self.noises and not self.dir:
            raise InputError("train_noise=recorded: which recordings? Name their folder with train_noise_dir=DIR")
        if self.dir and RECORDED not in self.noises:
            raise InputError(f"train_noise_dir={self.dir}: is for train_noise=recorded, which is not among the noises")

    @property
    def made(self) -> tuple[Step, ...]:
        """The steps of a further copy of a clip."""
        pairs = (("pitch", self.pitch), ("stretch", self.stretch), ("shift", self.shift))
        steps = [_either(kind, value) for kind, value in pairs if value]  # type: ignore[arg-type]
        return (*steps, *([Step("noise", self.noise, self.noise, scaled=True)] if self.noise else []))

    @property
    def heard(self) -> tuple[Step, ...]:
        """The steps of every training row, also of the clips themselves."""
        noisy = Step("snr", self.snr[0], self.snr[1], self.noises, self.dir, self.content) if self.snr else None
        moved = _either("face-shift", self.face_shift) if self.face_shift else None
        return tuple(step for step in (noisy, moved) if step)

    @property
    def rows(self) -> tuple[tuple[Step, ...], int, tuple[Step, ...]]:
        """All that it does to training rows: equal for two that do the same."""
        return self.made, self.copies if self.made else 0, self.heard

    @property
    def name(self) -> str:
        """What is not as by default, as printed: ``noise=0.035 copies=2``, ``train_snr=5..20``; empty for nothing."""
        return " ".join(f"{name}={level}" for name, level in self.factors)

    @property
    def factors(self) -> tuple[tuple[str, str], ...]:
        """What is not as by default, by name."""
        pairs = []
        for f in fields(self):
            value = getattr(self, f.name)
            if value == f.default or f.name in ("dir", "content") or (f.name == "copies" and not self.made):
                continue
            text = "..".join(f"{v:g}" for v in value) if f.name == "snr" else value
            text = "+".join(value) if f.name == "noises" else text
            name = {"snr": "train_snr", "noises": "train_noise"}.get(f.name, f.name)
            pairs.append((name, f"{text:g}" if isinstance(text, float) else str(text)))
        return tuple(pairs)


NOTHING = Augment()
#: a line for every field of `Augment`
EXPLAIN = {
    "noise": "white noise of up to this part of a clip's peak in further copies of it",
    "pitch": "copies are moved by up to this many semitones, up or down",
    "stretch": "copies are slower or quicker by up to this share",
    "shift": "copies are moved in time by up to this many seconds, around the end",
    "copies": "further copies of every training clip, where noise, pitch, stretch or shift is set",
    "face_shift": "the face of training clips is moved against the sound by up to this many ms",
    "snr": "training clips are heard in noise, at levels drawn from this range in dB",
    "noises": "the noises that training clips are heard in",
    "dir": "folder of recordings for the noise recorded; its train half is used",
    "content": "hash of what lies in that folder, which the harness fills in",
}


def _either(kind: StepKind, most: float) -> Step:
    """Drawn up to ``most`` in either direction; a stretch is a factor around 1."""
    if kind not in get_args(StepKind):
        raise InputError(f"augmentation '{kind}': not one of {', '.join(get_args(StepKind))}")
    return Step(kind, 1 - most, 1 + most) if kind == "stretch" else Step(kind, -most, most)
