"""`lambda`: the weight of a discrepancy loss against its margin; for WavFusion, whose paper sweeps the weight alone."""

from dataclasses import dataclass, replace

from ..errors import InputError
from .parts.factors import arm_of, with_base
from .parts.protocol import Arm
from .speaker_independent import PROTOCOL as NEW_SPEAKERS

MODEL = "wavfusion"


@dataclass(frozen=True, slots=True)
class Options:
    """``weights``: λ of the loss; ``margins``: α. Without the loss (λ = 0) there is no margin to vary."""

    weights: tuple[float, ...] = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
    margins: tuple[float, ...] = (0.05, 0.15, 0.3, 0.5)

    def __post_init__(self) -> None:
        """Refuse an empty grid and values that the loss cannot have."""
        for name, values in (("weights", self.weights), ("margins", self.margins)):
            if not values or len(set(values)) < len(values) or min(values) < 0:
                raise InputError(f"lambda.{name}: one or more different numbers of 0 or more, given {values}")


def arms(options: Options) -> tuple[Arm, ...]:
    """The model as it is, then weights x margins."""
    points = [
        {"discrepancy": f"{weight:g}", "margin": f"{margin:g}"}
        for weight in options.weights
        for margin in options.margins
    ]
    kept = {arm.name: arm for arm in (arm_of(MODEL, p if float(p["discrepancy"]) else _without(p)) for p in points)}
    return with_base(list(kept.values()))


def _without(point: dict[str, str]) -> dict[str, str]:
    return {"discrepancy": point["discrepancy"]}


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="lambda",
    version=1,
    summary="WavFusion's discrepancy loss: its weight λ against its margin α; new speakers",
    options=Options(),
    arms=arms,
)
