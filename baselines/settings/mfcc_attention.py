"""The settings of ``mfcc-attention``, and what each means."""

from dataclasses import dataclass
from typing import Literal

from ...errors import InputError
from ..parts import acoustics
from ..parts.acoustics import Group
from ..parts.card import Recipe, require

#: blocks of a notebook's table, in its order: zero crossings of every frame, MFCC frame after frame
Block = Literal["crossings", "mfcc"]


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults are profile ``clean``."""

    lr: float = 3e-4
    batch: int = 64
    features: tuple[Group, ...] = ("mfcc",)
    layout: Literal["framed", "vector", "table"] = "framed"
    cells: tuple[Block, ...] = ("crossings", "mfcc")
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
        if not 0 < len(self.cells) == len(set(self.cells)):
            raise InputError(f"setting 'cells': {self.cells!r} is not a list of different blocks")
        table, plain = self.layout == "table", type(self).__dataclass_fields__
        without_effect = "features" if table else "cells"
        if getattr(self, without_effect) != plain[without_effect].default:
            raise InputError(
                f"setting '{without_effect}': layout {self.layout} does not read it; "
                f"set {'cells' if table else 'features, or layout=table'}"
            )
        require(self, "at least 1", lambda value: value >= 1, "filters", "reduction", "dense")
        require(self, "an odd number up to 15", lambda value: value in range(1, 16, 2), "taps")
        require(self, "in [0, 1)", lambda value: 0 <= value < 1, "dropout")
        require(self, "in (0, 1]", lambda value: 0 < value <= 1, "norm_momentum")
        require(self, "0 or more", lambda value: value >= 0, "l2")
        require(self, f"at most filters ({self.filters})", lambda value: value <= self.filters, "reduction")


EXPLAIN = {
    "features": acoustics.EXPLAIN,
    "layout": "framed: 20 MFCC as channels over 108 frames; vector: one sequence of 2160 cells, frame after frame; "
    "table: one sequence as a notebook's table has it, block after block, 2268 cells",
    "cells": "blocks of layout table, in this order: crossings (zero crossings, 108 cells), mfcc (2160)",
    "short_clips": "padded: zeros before the MFCC; zero-cells: frames that a clip does not have are cells of 0, in "
    "layout table the last ones, so that blocks of a short clip move up",
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
