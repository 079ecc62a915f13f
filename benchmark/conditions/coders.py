"""The coders of the codec conditions, and whether they are installed. Light: a plan asks."""

from dataclasses import dataclass, field
from functools import lru_cache

import av

from ...errors import InputError
from ...protocols.parts.protocol import Condition


@dataclass(frozen=True)
class Coder:
    """An encoder with its decoder, the rate it is given, and the form of its samples: 16 bit or float."""

    encoder: str
    decoder: str
    rate_hz: int
    form: str
    options: dict[str, str] = field(default_factory=dict)


#: Opus as speech services use it, at a constant bit rate; mp3 at the rate of its low-bitrate modes; the codec of GSM
CODERS = {
    "opus": Coder("libopus", "opus", 16_000, "flt", {"application": "voip", "vbr": "off"}),
    "mp3": Coder("libmp3lame", "mp3float", 16_000, "fltp"),
    "amr-nb": Coder("libopencore_amrnb", "amrnb", 8_000, "s16"),
}


@lru_cache(maxsize=64)
def check(condition: Condition) -> None:
    """InputError when this PyAV lacks what the condition needs."""
    coder = CODERS[condition.kind]
    try:
        av.Codec(coder.encoder, "w")
        av.Codec(coder.decoder, "r")
    except av.codec.codec.UnknownCodecError as error:
        raise InputError(
            f"condition '{condition.name}': the installed PyAV {av.__version__} has no {coder.encoder} or no "
            f"{coder.decoder}; leave the kind {condition.kind} out, or install PyAV from its wheels"
        ) from error
