"""The settings of ``cnn-3-gru`` to ``cnn-18-gru``, and what each means."""

from dataclasses import dataclass
from typing import Literal

from ...errors import InputError
from ..parts.card import Recipe, require


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults are profile ``clean`` of ``cnn-18-gru``."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    weight_decay: float = 1e-5
    schedule: Literal["constant", "cosine", "step"] = "step"
    width: int = 18
    first_taps: int = 160
    core: Literal["gru", "mlp"] = "gru"
    hidden: int = 64
    gru_layers: int = 1
    over_time: bool = False
    pooling: Literal["last", "mean"] = "last"
    dropout: float = 0.0
    normalize: Literal["utterance", "none"] = "utterance"
    mask_padding: bool = True
    max_seconds: float = 6.0

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have, and settings that change nothing."""
        super().__post_init__()
        require(self, "at least 1", lambda value: value >= 1, "width", "first_taps", "hidden", "gru_layers")
        require(self, "in [0, 1)", lambda value: 0 <= value < 1, "dropout")
        require(self, "0 or more", lambda value: value >= 0, "max_seconds")
        if self.pooling == "mean" and not self.over_time:
            raise InputError("setting 'pooling': mean needs over_time=true; without it there is one state only")
        if self.core == "mlp" and self.over_time and self.pooling == "last":
            raise InputError("setting 'core': mlp with over_time=true needs pooling=mean; its last frame is no summary")


@dataclass(frozen=True)
class Settings11(Settings):
    """What ``cnn-11-gru`` has besides."""

    width: int = 11
    reuse_first_norm: bool = False


EXPLAIN = {
    "width": "channels of the narrowest convolution; the others have up to eight times as many",
    "first_taps": "length of the first kernel in samples; at 16 kHz 160 are 10 ms",
    "core": "what follows the convolutions: gru, or mlp, a hidden layer instead, with as many parameters as can be",
    "hidden": "units of the GRU, or that the mlp gives",
    "gru_layers": "layers of the GRU; an mlp has the parameters of so many",
    "over_time": "true: no mean over time, the GRU sees all frames",
    "pooling": "of the GRU's states over time: the last one, or their mean",
    "dropout": "before the last layer",
    "normalize": "utterance: each clip to mean 0 and deviation 1; none: the waveform as it is, as released",
    "mask_padding": "false: zeros up to the longest clip of a batch count as signal, as released",
    "max_seconds": "of longer clips a part: from a random place in training, else from the middle; 0: all",
}

EXPLAIN_11 = {**EXPLAIN, "reuse_first_norm": "the third convolution shares the first normalization, as released"}
