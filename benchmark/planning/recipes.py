"""What a run changed of a model's recipe and a protocol's rules: no claim is held against a changed one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...baselines.registry import choose
from ...errors import InputError
from ...protocols.parts import catalog
from ...protocols.parts.augment import NOTHING
from ...protocols.parts.protocol import BASE, RATE_HZ, Arm, Protocol
from ...results.evidence.replays import Replay
from ...results.papers.comparisons import differences


def changed(replay: Replay) -> dict[str, str]:
    """Setting or option -> what it is and what it usually is; empty where the recipe is as it comes.

    What the arm of a protocol sets is no change. Neither the recipe of a model nor the options of a protocol are known
    where it is not installed.
    """
    protocol = catalog.protocols().get(replay.protocol)
    arm = _arm(protocol, replay.arm)
    options = dict(replay.options)
    rate = options.pop("rate_hz", RATE_HZ)
    augment = _differences(options.pop("augment", asdict(NOTHING)), asdict(arm.augment))
    texts = _of_model(replay, arm)
    if protocol is not None:
        texts |= _differences(options, asdict(protocol.options))
        texts |= _differences({"rate_hz": rate}, {"rate_hz": protocol.rate_hz})
    return texts | ({"augment": f"augment {', '.join(augment.values())}"} if augment else {})


def _arm(protocol: Protocol | None, name: str) -> Arm:
    """The protocol's arm of this name; of a name that it does not have, models as they are."""
    arms = () if protocol is None or protocol.arms == "variants" else protocol.arms(protocol.options)
    return next((arm for arm in arms if arm.name == name), BASE)


def _of_model(replay: Replay, arm: Arm) -> dict[str, str]:
    try:
        usual = asdict(choose(replay.model, dict(arm.settings)).settings)
    except InputError:
        return {}
    return _differences(replay.settings, usual)


def _differences(stored: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, str]:
    """Differences in what the run has: what came later it could not name."""
    return differences(stored, {name: value for name, value in usual.items() if name in stored})
