"""The settings of ``logmel-crnn``, and what each means."""

from dataclasses import dataclass
from typing import Literal

from ..parts.card import Recipe, require


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults are profile ``clean``."""

    lr: float = 1e-3
    weight_decay: float = 1e-2
    batch: int = 32
    epochs: int = 60
    patience: int = 15
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    clip_norm: float = 5.0
    label_smoothing: float = 0.1
    class_weights: Literal["none", "balanced"] = "balanced"
    bands: int = 64
    channels: tuple[int, ...] = (24, 48, 64, 96)
    hidden: int = 64
    pooling: Literal["attention", "mean"] = "attention"
    dropout: float = 0.3
    band_masks: int = 2
    band_width: int = 12
    time_masks: int = 2
    time_share: float = 0.15

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have."""
        super().__post_init__()
        require(self, "at least 1", lambda value: value >= 1, "bands", "hidden")
        require(self, "one to six numbers above 0", lambda value: 1 <= len(value) <= 6 and min(value) > 0, "channels")
        require(self, "in [0, 1)", lambda value: 0 <= value < 1, "dropout", "time_share")
        require(self, "0 or more", lambda value: value >= 0, "band_masks", "band_width", "time_masks")
        require(self, f"below bands ({self.bands})", lambda value: value < self.bands, "band_width")


EXPLAIN = {
    "bands": "mel bands of the front, from 60 Hz to half the rate",
    "channels": "of the convolution blocks, one number each; every block halves the bands, the first two also the time",
    "hidden": "units of the GRU per direction",
    "pooling": "of the frames: attention (a learned weight for each) or mean",
    "dropout": "after the blocks and before the classes",
    "band_masks": "blanked ranges of bands per clip in training",
    "band_width": "the widest of them",
    "time_masks": "blanked stretches of time per clip in training",
    "time_share": "the longest of them, as a share of the clip",
}
