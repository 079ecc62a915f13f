"""`ablation`: every variant of a model against the model, on the same folds and seeds."""

from dataclasses import dataclass, replace

from .speaker_independent import PROTOCOL as NEW_SPEAKERS


@dataclass(frozen=True, slots=True)
class Options:
    """``variants``: by name, only these; by default all that a model has."""

    variants: tuple[str, ...] = ()


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="ablation",
    version=1,
    summary="every variant of a model against the model itself, on the same folds and seeds; new speakers",
    options=Options(),
    arms="variants",
)
