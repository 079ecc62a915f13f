"""`reverberation`: trained on clean speech of other speakers, tested clean and in rooms."""

from dataclasses import dataclass, replace
from functools import partial

from ..errors import InputError
from .parts.conditions import check_given, check_kinds, check_levels
from .parts.protocol import CLEAN, Condition
from .speaker_independent import PROTOCOL as NEW_SPEAKERS

ROOM, RESPONSE = "room", "response"


@dataclass(frozen=True, slots=True)
class Options:
    """``dir``: a folder of measured impulse responses, used beside ``kinds``; ``rt60``: of made rooms, in s.

    ``kinds=response`` uses the measured ones alone. Every utterance is heard in a room of its own: of drawn size and
    places, or a drawn response.
    """

    dir: str = ""
    rt60: tuple[float, ...] = (0.2, 0.3, 0.6, 1.0)
    kinds: tuple[str, ...] = (ROOM,)

    def __post_init__(self) -> None:
        check_levels("reverberation.rt60", self.rt60, "s")
        check_kinds("reverberation", "kind of reverberation", self.kinds, (ROOM, RESPONSE))
        if RESPONSE in self.kinds and not self.dir:
            raise InputError(
                "reverberation.kinds=response: which responses? Name their folder with reverberation.dir=DIR"
            )


def conditions(options: Options) -> tuple[Condition, ...]:
    """Clean, rooms from the shortest to the longest time as given, then the responses of the folder."""
    rooms = [Condition(ROOM, seconds, "s") for seconds in options.rt60] if ROOM in options.kinds else []
    return (CLEAN, *rooms, *([Condition(RESPONSE, source=options.dir)] if options.dir else []))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="reverberation",
    version=1,
    summary="speaker-independent, trained clean; tested clean and in rooms of 0.2 to 1 s reverberation time",
    options=Options(),
    conditions=conditions,
    check_given=partial(check_given, "reverberation", {"rt60": ROOM}),
)
