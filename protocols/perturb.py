"""`perturb`: trained on clean speech of other speakers; how many answers change when hardly anything is changed."""

from dataclasses import dataclass, replace
from functools import partial

from .parts.conditions import check_given, check_options, from_options, levels_of
from .parts.protocol import Condition
from .speaker_independent import PROTOCOL as NEW_SPEAKERS

#: kind -> unit of its level; empty: it has none
UNITS = {
    "gain": "dB", "dither": "bit", "requantized": "bit", "shift": "ms", "inverted": "", "resampled": "Hz",
    "white": "dB",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """``kinds`` of changes, and the levels of each.

    ``gain``, in dB. ``dither``: noise of a step of so many bits; ``requantized``: rounded to them. ``shift``: ms of
    silence before the clip. ``inverted``: the sign of every sample. ``resampled``: to Hz and back. ``white`` noise, at
    an SNR in dB.
    """

    kinds: tuple[str, ...] = tuple(UNITS)
    gain: tuple[float, ...] = (3.0, 1.0, -1.0, -3.0)
    dither: tuple[float, ...] = (16.0,)
    requantized: tuple[float, ...] = (16.0,)
    shift: tuple[float, ...] = (10.0,)
    resampled: tuple[float, ...] = (22_050.0,)
    white: tuple[float, ...] = (40.0,)

    def __post_init__(self) -> None:
        check_options("perturb", self, UNITS)


def conditions(options: Options) -> tuple[Condition, ...]:
    """Clean, then every change at each of its levels."""
    return from_options(options, UNITS)


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="perturb",
    version=1,
    summary="speaker-independent; tested clean and slightly changed: the share of answers that stay the same",
    options=Options(),
    conditions=conditions,
    check_given=partial(check_given, "perturb", levels_of(UNITS)),
)
