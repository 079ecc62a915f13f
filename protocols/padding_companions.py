"""`padding-companions`: whether the other clips of a batch, and the zeros up to the longest, change a prediction.

Every model is asked as it is; one that masks padding by a setting, also trained and asked without the mask.
"""

from dataclasses import replace
from typing import Any

from .parts.protocol import BASE, Arm, Practice
from .speaker_independent import PROTOCOL as NEW_SPEAKERS

UNMASKED = "padding not masked"


def arms(options: Any) -> tuple[Arm, ...]:
    """Batches of clips of similar length, of any clips, and with a longest clip in each; each also without mask."""
    masked = (
        BASE,
        Arm("any companions", practice=Practice(order="shuffled")),
        Arm("a longest companion", practice=Practice(order="longest")),
    )
    return (*masked, *(_without_mask(arm) for arm in masked))


def _without_mask(arm: Arm) -> Arm:
    name = UNMASKED if arm == BASE else f"{arm.name}, {UNMASKED}"
    return replace(arm, name=name, settings=(("mask_padding", "false"),))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="padding-companions",
    version=1,
    summary="new speakers; test clips batched by length, at random, or beside a longest one; padding masked or not",
    arms=arms,
)
