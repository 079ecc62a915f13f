"""`sweep`: any settings of any models, as a grid, as a list of points, or as random points, on the same folds."""

from dataclasses import dataclass, replace

from ..errors import InputError
from .parts.factors import drawn, factors, full, listed, with_base
from .parts.protocol import Arm
from .speaker_independent import PROTOCOL as NEW_SPEAKERS


@dataclass(frozen=True, slots=True)
class Options:
    """One of: ``grid``, as ``lr=1e-4,3e-4; batch=16,32``; ``points``, as ``lr=1e-4 batch=16; lr=1e-3 batch=32``;
    ``random``, a number of points, drawn ``over`` levels and ranges as ``lr=1e-5..1e-2 log; batch=8,16,32``.
    """

    grid: str = ""
    points: str = ""
    over: str = ""
    random: int = 0

    def __post_init__(self) -> None:
        """Refuse two designs at once, and half of one."""
        if sum(map(bool, (self.grid, self.points, self.over))) > 1:
            raise InputError("sweep: give one design: sweep.grid, sweep.points, or sweep.over with sweep.random")
        if bool(self.over) != bool(self.random) or self.random < 0:
            raise InputError("sweep: sweep.over=RANGES and sweep.random=NUMBER of points belong together")


def arms(options: Options) -> tuple[Arm, ...]:
    """The models as they are, then every point. InputError where no design is given."""
    if options.grid:
        return with_base(full(factors(options.grid, "sweep.grid"), "sweep.grid"))
    if options.points:
        return with_base(listed(options.points, "sweep.points"))
    if options.over:
        return with_base(drawn(factors(options.over, "sweep.over"), options.random, "sweep.over"))
    raise InputError("sweep: what varies? for instance --set 'sweep.grid=mfcc-attention.lr=1e-4,3e-4'")


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="sweep",
    version=1,
    summary="any settings of any models against the models as they are: a grid, a list, or random points; new speakers",
    options=Options(),
    arms=arms,
)
