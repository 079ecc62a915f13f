"""What a run changed of a model's recipe and a protocol's rules: no claim is held against a changed one."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..baselines.registry import choose
from ..errors import InputError
from ..protocols import catalog
from ..results.papers.replays import Replay

#: settings that only say where something lies
PLACES = frozenset({"audio_encoder", "text_encoder", "face_encoder", "encoder", "dir"})


def changed(replay: Replay) -> dict[str, str]:
    """Setting or option -> what it is and what it usually is; empty where the recipe is as it comes.

    What the arm of a protocol sets is no change. Of a model that is not installed here nothing is known.
    """
    protocol = catalog.protocols().get(replay.protocol)
    options = {} if protocol is None else asdict(protocol.options)
    arms = () if protocol is None or protocol.arms == "variants" else protocol.arms(protocol.options)
    of_arm = next((dict(arm.settings) for arm in arms if arm.name == replay.arm), {})
    try:
        usual = asdict(choose(replay.model, of_arm).settings)
    except InputError:
        return {}
    return _differences(replay.settings, usual) | _differences(replay.options, options)


def _differences(found: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"{name} {_text(found[name])} instead of {_text(value)}"
        for name, value in usual.items()
        if name in found and name not in PLACES and _text(found[name]) != _text(value)
    }


def _text(value: Any) -> str:
    """As JSON has it, so that a stored list is a tuple again; numbers without a tail."""
    plain = json.loads(json.dumps(value, default=list))
    return f"{plain:g}" if isinstance(plain, float) else str(plain) if isinstance(plain, str) else json.dumps(plain)
