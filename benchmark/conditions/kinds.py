"""What is done to the test audio: one function per kind of condition, found by its name."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...errors import InputError, unknown
from ...protocols.protocol import Condition
from ...seeds import stream
from . import snr
from .noise import NOISES

#: waveform (N,), rate in Hz, utterance id, completed condition -> float32 (N,)
Effect = Callable[[np.ndarray, int, str, Condition], np.ndarray]
_HARNESS = __name__.rpartition(".conditions.")[0]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of condition: its effect, what its level means, and the modules whose text decides its result.

    ``unit`` is empty for a kind without level; ``folder`` is true where ``Condition.source`` is needed.
    """

    effect: Effect
    modules: tuple[str, ...]
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    folder: bool = False


def apply(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """What a model hears of an utterance: float32 (N,) -> float32 (N,), neither clipped nor renormalized.

    Randomness depends on the utterance and the condition alone, so every model hears the same bytes. InputError for
    an unknown kind, a level out of range, a folder without recordings, and a clip that is silent where noise is set
    against it.
    """
    return find(condition.kind).effect(waveform, rate_hz, utterance, complete(condition))


def find(kind: str) -> Kind:
    """The kind by its name; InputError with the nearest one."""
    if kind not in KINDS:
        raise unknown("condition", kind, KINDS)
    return KINDS[kind]


def complete(condition: Condition) -> Condition:
    """The condition, checked, with the hash of its folder's content: what a plan needs to name its cells.

    InputError when the folder holds something else than the condition says.
    """
    kind = find(condition.kind)
    if not kind.unit:
        if condition.level is not None:
            raise InputError(f"condition '{condition.name}': '{condition.kind}' has no level; leave it out")
    elif condition.unit != kind.unit or condition.level is None or not kind.low <= condition.level <= kind.high:
        raise InputError(
            f"condition '{condition.name}': the level is a number of {kind.unit} from {kind.low:g} to {kind.high:g}"
        )
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


def _clean(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    return waveform


def _made(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Noise that is made here, at a signal-to-noise ratio."""
    draw = partial(NOISES[condition.kind], len(waveform), rate_hz, stream("noise", utterance, condition.name))
    return snr.add(waveform, rate_hz, condition.level or 0.0, draw, utterance, condition.kind)


def _recorded(waveform: np.ndarray, rate_hz: int, utterance: str, condition: Condition) -> np.ndarray:
    """Noise from the test half of a folder, at a signal-to-noise ratio."""
    from .recordings import draw, recordings

    folder = recordings(condition.source)
    rng = stream("noise", utterance, condition.name, condition.content)
    some = partial(draw, folder.test, len(waveform), rate_hz, rng)
    return snr.add(waveform, rate_hz, condition.level or 0.0, some, utterance, folder.names(folder.test))


def _noise(effect: Effect, *modules: str, folder: bool = False) -> Kind:
    """A kind whose level is a signal-to-noise ratio."""
    own = ("conditions.kinds", "conditions.snr", "conditions.noise")
    needed = tuple(f"{_HARNESS}.{name}" for name in (*own, *modules))
    return Kind(effect, needed, "dB", -snr.LIMIT_DB, snr.LIMIT_DB, folder)


_SYNTHESIZER = (
    "synthesis", "synthetic", "synthetic_face", "synthetic_prosody", "synthetic_text", "synthetic_voice",
)  # fmt: skip
KINDS: dict[str, Kind] = {
    "clean": Kind(_clean, ()),
    "white": _noise(_made),
    "pink": _noise(_made),
    "speech-shaped": _noise(_made),
    "babble": _noise(_made, "audio.decode", *(f"corpora.{name}" for name in _SYNTHESIZER)),
    "recorded": _noise(_recorded, "conditions.recordings", "audio.decode", folder=True),
}
