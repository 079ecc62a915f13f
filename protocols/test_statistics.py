"""`test-statistics`: features normalized by the statistics of the test rows instead of the training rows."""

from dataclasses import replace
from typing import Any

from .parts.protocol import BASE, Arm, Practice
from .speaker_independent import PROTOCOL as NEW_SPEAKERS


def arms(options: Any) -> tuple[Arm, ...]:
    """Statistics of train, and of test."""
    return (BASE, Arm("statistics of test", practice=Practice(statistics="test")))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="test-statistics",
    version=1,
    summary="new speakers; features normalized by the statistics of train, or of the test rows (transductive)",
    permits=NEW_SPEAKERS.permits | {"statistics"},
    arms=arms,
)
