"""The settings of ``mfcc-attention``, and what each means."""

from dataclasses import dataclass
from typing import Literal

from ..parts import acoustics
from ..parts.acoustics import Group
from ..parts.card import Recipe, require


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults are profile ``clean``."""

    lr: float = 3e-4
    batch: int = 64
    features: tuple[Group, ...] = ("mfcc",)
    layout: Literal["framed", "vector"] = "framed"
    short_clips: Literal["padded", "zero-cells"] = "padded"
    blocks: Literal[2, 3] = 2
    filters: int = 256
    taps: int = 7
    norm_momentum: float = 0.1
    dropout: float = 0.2
    attention: Literal["none", "channel", "spatial", "both", "reversed"] = "both"
    reduction: int = 16
    pool: Literal["flatten", "mean"] = "flatten"
    dense: int = 64
    l2: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have."""
        super().__post_init__()
        acoustics.check(self)
        require(self, "at least 1", lambda value: value >= 1, "filters", "reduction", "dense")
        require(self, "an odd number up to 15", lambda value: value in range(1, 16, 2), "taps")
        require(self, "in [0, 1)", lambda value: 0 <= value < 1, "dropout")
        require(self, "in (0, 1]", lambda value: 0 < value <= 1, "norm_momentum")
        require(self, "0 or more", lambda value: value >= 0, "l2")
        require(self, f"at most filters ({self.filters})", lambda value: value <= self.filters, "reduction")


EXPLAIN = {
    "features": acoustics.EXPLAIN,
    "layout": "framed: 20 MFCC as channels over 108 frames; vector: one sequence of 2160 cells, frame after frame",
    "short_clips": "padded: zeros before the MFCC; zero-cells: frames that a clip does not have are cells of 0",
    "blocks": "convolutions: 2 without pooling, or 3 with pooling by 2, the third after the attention",
    "filters": "channels of every convolution",
    "taps": "length of the kernels, also of spatial attention",
    "norm_momentum": "share of the newest batch in the running statistics of batch normalization",
    "dropout": "after the second convolution",
    "attention": "none, channel, spatial (over positions), both (channel first) or reversed (spatial first)",
    "reduction": "channels per hidden unit of channel attention",
    "pool": "before the dense layers: flatten all positions, or their mean",
    "dense": "units of the hidden dense layer",
    "l2": "times the sum of squared kernels (convolutions, hidden dense layer), added to the loss",
}
