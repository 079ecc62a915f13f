"""What is done to the test audio: one function per kind of condition, found by its name.

What decides a result lies in the modules that a kind names; they are imported when the kind is first heard.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...errors import InputError, unknown
from ...protocols.parts.noises import MORE_NOISES, NOISES, RECORDED
from ...protocols.parts.protocol import Condition

if TYPE_CHECKING:
    import numpy as np

#: waveform (N,), rate in Hz, utterance id, completed condition -> float32 (M,); M is N but for `shift`, `header-rate`
WaveformChange = Callable[["np.ndarray", int, str, Condition], "np.ndarray"]
RESPONSE = "response"
_HERE, _, _ = __name__.rpartition(".")
_HARNESS, _, _ = _HERE.rpartition(".")


@dataclass(frozen=True, slots=True)
class ConditionKind:
    """One kind of condition: its effect, what its level means, and the modules whose text decides its result.

    ``effect`` and ``check`` are ``module.function`` of this folder; ``check(condition)`` refuses what this machine
    lacks. ``unit`` is empty for a kind without level; ``levels`` are the only ones, where there are few. ``folder`` is
    true where ``Condition.source`` is needed.
    """

    effect: str = ""
    modules: tuple[str, ...] = ()
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    levels: tuple[float, ...] = ()
    folder: bool = False
    check: str = ""


def apply(waveform: "np.ndarray", rate_hz: int, utterance: str, condition: Condition) -> "np.ndarray":
    """What a model hears of an utterance: float32 (N,) -> float32 (M,), neither clipped nor renormalized.

    Kinds that change level or length, or clip, say so. Randomness depends on the utterance and the condition alone,
    so every model hears the same bytes. InputError for an unknown kind, a level out of range, a folder without
    recordings, a clip with samples that are not finite, and one that is silent where noise is set against it.
    """
    kind, condition = find(condition.kind), complete(condition)
    if not kind.effect:
        return waveform
    from .snr import check_finite

    check_finite(waveform, utterance)
    effect: WaveformChange = _function(kind.effect)
    return effect(waveform, rate_hz, utterance, condition)


def find(kind: str) -> ConditionKind:
    """The kind by its name; InputError with the nearest one."""
    if kind not in KINDS:
        raise unknown("condition", kind, KINDS)
    return KINDS[kind]


def complete(condition: Condition) -> Condition:
    """The condition, checked, with the hash of its folder's content: what a plan needs to name its cells.

    InputError when the folder holds something else than the condition says, and when something is not installed.
    """
    kind = find(condition.kind)
    _check_level(condition, kind)
    if kind.check:
        _function(kind.check)(condition)
    if not kind.folder:
        return condition
    if not condition.source:
        raise InputError(f"condition '{condition.name}': which recordings? Give their folder")
    from .recordings import recordings

    content = recordings(condition.source).content
    if condition.content not in ("", content):
        raise InputError(
            f"{condition.source}: its recordings changed since '{condition.name}' was planned "
            f"(content {content}, planned {condition.content}); start a new run folder"
        )
    return replace(condition, content=content)


def _check_level(condition: Condition, kind: ConditionKind) -> None:
    level = condition.level
    if not kind.unit:
        if level is not None:
            raise InputError(f"condition '{condition.name}': '{condition.kind}' has no level; leave it out")
        return
    demand = f"condition '{condition.name}': the level is a number of {kind.unit}"
    if condition.unit != kind.unit or level is None or not kind.low <= level <= kind.high:
        raise InputError(f"{demand} from {kind.low:g} to {kind.high:g}")
    if kind.levels and level not in kind.levels:
        raise InputError(f"{demand}, one of {', '.join(f'{allowed:g}' for allowed in kind.levels)}")


@cache
def _function(place: str) -> Any:
    module, _, name = place.rpartition(".")
    return getattr(import_module(f"{_HERE}.{module}"), name)


def _kind(effect: str, *modules: str, **facts: Any) -> ConditionKind:
    """A kind; ``modules`` decide its result beside the one with its effect and the one that checks every clip."""
    needed = (f"conditions.{effect.rpartition('.')[0]}", "conditions.snr", *modules)
    return ConditionKind(effect, tuple(f"{_HARNESS}.{name}" for name in needed), **facts)


def _noise(effect: str, *modules: str, folder: bool = False) -> ConditionKind:
    """A kind whose level is a signal-to-noise ratio; beyond 60 dB float32 no longer holds both signals to 0.1 dB."""
    facts: dict[str, Any] = {"unit": "dB", "low": -60, "high": 60, "folder": folder}
    return _kind(f"noisy.{effect}", "conditions.noise", *modules, **facts)


def _codec(low: float, high: float, levels: tuple[float, ...] = ()) -> ConditionKind:
    facts: dict[str, Any] = {"unit": "kbit/s", "low": low, "high": high, "levels": levels, "check": "coders.check"}
    return _kind("codec.coded", "conditions.coders", "conditions.channel", "audio.decode", **facts)


def _bits(effect: str) -> ConditionKind:
    return _kind(effect, unit="bit", low=2, high=24)


_SYNTHESIZER = (
    "synthesis", "synthetic", "synthetic_face", "synthetic_prosody", "synthetic_text", "synthetic_voice",
)  # fmt: skip
_ROOM = ("conditions.rooms", "conditions.recordings", "audio.decode", "conditions.noise")
_FACE = (f"{_HARNESS}.prepared.modalities", f"{_HARNESS}.prepared.video")
KINDS: dict[str, ConditionKind] = {
    "clean": ConditionKind(),
    **dict.fromkeys(NOISES, _noise("made")),
    **dict.fromkeys(MORE_NOISES, _noise("made", "conditions.events")),
    "babble": _noise("made", "audio.decode", *(f"corpora.{name}" for name in _SYNTHESIZER)),
    RECORDED: _noise("recorded", "conditions.recordings", "audio.decode", folder=True),
    "room": _kind("reverberation.room", *_ROOM, unit="s", low=0.15, high=3),
    RESPONSE: _kind("reverberation.response", *_ROOM, folder=True),
    "telephone": _kind("channel.telephone", "audio.decode"),
    "opus": _codec(6, 64),
    "mp3": _codec(8, 64, (8, 16, 24, 32, 40, 48, 56, 64)),
    "amr-nb": _codec(4.75, 12.2, (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)),
    "gain": _kind("channel.gain", "audio.decode", unit="dB", low=-60, high=60),
    "clipping": _kind("channel.clipping", "audio.decode", unit="%", low=0, high=90),
    "resampled": _kind("channel.resampled", "audio.decode", unit="Hz", low=1_000, high=192_000),
    "header-rate": _kind("channel.header_rate", "audio.decode", unit="Hz", low=4_000, high=64_000),
    "dither": _bits("slight.dither"),
    "requantized": _bits("slight.requantized"),
    "shift": _kind("slight.shift", unit="ms", low=0, high=1_000),
    "inverted": _kind("slight.inverted"),
    # these two act on the face and leave the sound as it is
    "face-shift": ConditionKind(modules=_FACE, unit="ms", low=-2_000, high=2_000),
    "face-shuffled": ConditionKind(modules=_FACE),
}
