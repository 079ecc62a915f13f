"""The settings of ``wav2vec2-probe``."""

from dataclasses import dataclass
from typing import Literal

from ..parts.card import Recipe, require
from ..parts.weights import RANDOM


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults are profile ``clean``."""

    lr: float = 1e-3
    weight_decay: float = 1e-2
    batch: int = 32
    epochs: int = 100
    patience: int = 15
    class_weights: Literal["none", "balanced"] = "balanced"
    encoder: str = "facebook/wav2vec2-base"
    layers: int = 12
    width: int = 768
    max_seconds: float = 30.0
    weighting: Literal["learned", "last", "equal"] = "learned"
    standardize: bool = True

    def __post_init__(self) -> None:
        """Refuse sizes that no encoder can have."""
        super().__post_init__()
        require(self, "at least 1", lambda value: value >= 1, "layers", "width")
        require(self, "at least 1", lambda value: value >= 1, "max_seconds")
        if self.encoder == RANDOM:
            require(self, "a multiple of 16", lambda value: value % 16 == 0, "width")
