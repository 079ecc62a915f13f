"""`padding-companions`: whether the other clips of a batch, and the zeros up to the longest, change a prediction."""

from dataclasses import replace
from typing import Any

from .protocol import BASE, Arm, Practice
from .speaker_independent import PROTOCOL as NEW_SPEAKERS


def arms(options: Any) -> tuple[Arm, ...]:
    """Batches of clips of similar length, of any clips, and with a longest clip in each."""
    return (
        BASE,
        Arm("any companions", practice=Practice(order="shuffled")),
        Arm("a longest companion", practice=Practice(order="longest")),
    )


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="padding-companions",
    version=1,
    summary="new speakers; test clips batched by length, at random, or each beside a longest one",
    arms=arms,
)
