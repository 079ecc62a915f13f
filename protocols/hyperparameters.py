"""`hyperparameters`: how much a network's score depends on how it is trained: a random design over its recipe."""

from dataclasses import dataclass, replace

from ..errors import InputError
from .parts.factors import drawn, factors, with_base
from .parts.protocol import Arm
from .speaker_independent import PROTOCOL as NEW_SPEAKERS


@dataclass(frozen=True, slots=True)
class Options:
    """``points``: how many are drawn; ``over``: levels and ranges, by default of the recipe that all networks share."""

    points: int = 12
    over: str = "lr=1e-5..3e-3 log; batch=8,16,32,64; weight_decay=0,1e-4,1e-2"

    def __post_init__(self) -> None:
        """Refuse an empty design."""
        if self.points < 1:
            raise InputError(f"hyperparameters.points={self.points}: at least one point is needed")


def arms(options: Options) -> tuple[Arm, ...]:
    """The models as they are, then random points."""
    over = factors(options.over, "hyperparameters.over")
    return with_base(drawn(over, options.points, "hyperparameters.over"))


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="hyperparameters",
    version=1,
    summary="networks trained with random learning rates, batches and decays: the spread of their scores; new speakers",
    options=Options(),
    arms=arms,
)
