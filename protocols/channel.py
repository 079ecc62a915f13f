"""`channel`: trained on clean speech of other speakers, tested clean and as it comes through other channels."""

from dataclasses import dataclass, replace
from functools import partial

from .parts.conditions import check_given, check_options, from_options, levels_of
from .parts.protocol import Condition
from .speaker_independent import PROTOCOL as NEW_SPEAKERS

#: kind -> unit of its level; empty: it has none
UNITS = {
    "telephone": "", "opus": "kbit/s", "mp3": "kbit/s", "amr-nb": "kbit/s", "gain": "dB", "clipping": "%",
    "resampled": "Hz", "header-rate": "Hz",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """``kinds`` of channels, and the levels of each.

    ``telephone``: 300 to 3400 Hz in 8 bits by the mu-law. ``opus``, ``mp3``, ``amr_nb``: coding, in kbit/s. ``gain``,
    in dB. ``clipping``: percent of the speaking samples at the ceiling. ``resampled``: to Hz and back. ``header_rate``:
    samples said to be taken at so many Hz, so that pitch and length change.
    """

    kinds: tuple[str, ...] = ("telephone", "opus", "mp3", "gain", "clipping", "resampled", "header-rate")
    opus: tuple[float, ...] = (24.0, 12.0, 6.0)
    mp3: tuple[float, ...] = (32.0, 16.0, 8.0)
    amr_nb: tuple[float, ...] = (12.2, 4.75)
    gain: tuple[float, ...] = (20.0, -20.0)
    clipping: tuple[float, ...] = (1.0, 5.0, 20.0)
    resampled: tuple[float, ...] = (8_000.0, 4_000.0)
    header_rate: tuple[float, ...] = (22_050.0, 11_025.0)

    def __post_init__(self) -> None:
        check_options("channel", self, UNITS)


def conditions(options: Options) -> tuple[Condition, ...]:
    """Clean, then every kind at each of its levels."""
    return from_options(options, UNITS)


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="channel",
    version=1,
    summary="speaker-independent, trained clean; tested clean, by telephone, coded, clipped, at other levels and rates",
    options=Options(),
    conditions=conditions,
    check_given=partial(check_given, "channel", levels_of(UNITS)),
)
