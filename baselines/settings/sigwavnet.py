"""The settings of ``sigwavnet``, and what each means."""

from dataclasses import dataclass
from typing import Literal

from ...errors import unknown
from ..parts.card import Recipe, require


@dataclass(frozen=True)
class Settings(Recipe):
    """The defaults are profile ``clean``."""

    lr: float = 3e-4
    weight_decay: float = 1e-5
    batch: int = 16
    epochs: int = 60
    patience: int = 12
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    rise_share: float = 0.05
    final_share: float = 0.01
    clip_norm: float = 5.0
    class_weights: Literal["none", "balanced"] = "balanced"
    levels: int = 8
    sharing: Literal["CQF", "PerLayer", "PerFilter"] = "PerFilter"
    wavelet: str = "db10"
    taps: int = 20
    train_filters: bool = True
    orthogonality: float = 0.0
    threshold: Literal["asymmetric", "aliased", "softplus", "two-slope", "classical", "off"] = "asymmetric"
    threshold_start: float = 0.5
    slope: float = 10.0
    train_threshold: bool = True
    channels: int = 128
    dilations: tuple[int, int] = (3, 2)
    spatial_attention: bool = True
    hidden: int = 64
    gru_layers: int = 3
    pooling: Literal["attention", "mean", "last"] = "attention"
    channel_weighting: bool = True
    head_norm: Literal["none", "instance", "affine", "temperature"] = "none"
    objective: Literal["focal", "focal-batch", "cross-entropy"] = "focal"
    gamma: float = 2.0
    mask_padding: bool = True
    max_seconds: float = 8.0

    def __post_init__(self) -> None:
        """Refuse sizes that no network can have, and wavelets that are not orthogonal."""
        super().__post_init__()
        require(self, "from 1 to 10", lambda value: 1 <= value <= 10, "levels")
        require(self, "an even number from 2", lambda value: value >= 2 and value % 2 == 0, "taps")
        require(self, "at least 1", lambda value: value >= 1, "channels")
        require(self, "two numbers of at least 1", lambda value: min(value) >= 1, "dilations")
        require(self, "at least 3", lambda value: value >= 3, "hidden")
        require(self, "0 or more", lambda value: value >= 0, "gru_layers", "orthogonality", "max_seconds")
        require(self, "above 0", lambda value: value > 0, "threshold_start")
        require(self, "above 0, at most 100", lambda value: 0 < value <= 100, "slope")
        require(self, "0, or at least 1", lambda value: value == 0 or value >= 1, "gamma")
        if self.objective != "cross-entropy":
            require(self, "0, as it must be without cross-entropy", lambda value: value == 0, "label_smoothing")
        if self.wavelet not in MADE and (self.wavelet, self.taps) != ("db10", 20):
            wavelets = orthogonal()
            if self.wavelet not in wavelets:
                raise unknown("wavelet", self.wavelet, (*MADE, *wavelets))
            least = wavelets[self.wavelet]
            require(self, f"at least {least}, the length of {self.wavelet}", lambda value: value >= least, "taps")


#: initial filters that are no named wavelet
MADE = ("orthonormal", "random", "delta", "sinc")


def orthogonal() -> dict[str, int]:
    """The orthogonal wavelets of PyWavelets: name -> taps."""
    import pywt

    wavelets = [pywt.Wavelet(name) for name in pywt.wavelist(kind="discrete")]
    return {wavelet.name: wavelet.dec_len for wavelet in wavelets if wavelet.orthogonal}


EXPLAIN = {
    "levels": "of the wavelet transform; each halves the rate",
    "sharing": "CQF: one kernel for all filters; PerLayer: one per level; PerFilter: high-pass filters have their own",
    "wavelet": "initial low-pass filter: an orthogonal wavelet of PyWavelets, or drawn: orthonormal, random; or made: "
    "delta (one tap), sinc (windowed, half of the band)",
    "taps": "length of the filters; a shorter wavelet lies in the middle of zeros",
    "train_filters": "false: the filters stay as they begin",
    "orthogonality": "times the squared departure of the filters from orthonormal, added to the loss",
    "threshold": "asymmetric: two per level; aliased: two that are one number; softplus: kept positive; "
    "two-slope: a slope for each; classical: hard, at s sqrt(2 ln N) of clip and level, not learned; off",
    "threshold_start": "initial thresholds, in deviations of the waveform",
    "slope": "initial slope of the sigmoids; the larger, the harder the threshold",
    "train_threshold": "false: thresholds and slopes stay as they begin",
    "channels": "of the first convolution of a branch; the others have twice as many",
    "dilations": "of the two convolutions that shorten a band",
    "spatial_attention": "false: no third convolution and no attention before the GRU",
    "hidden": "units of a GRU per direction",
    "gru_layers": "layers of a GRU; 0: the mean over time and a linear layer instead",
    "pooling": "of the GRU's states: attention asked by the last one, their mean, or the last of each direction",
    "channel_weighting": "a learned factor per band",
    "head_norm": "of class rows before their mean: none, instance (as released), affine, temperature (a learned scale)",
    "objective": "focal loss per clip, per batch (as released), or cross-entropy",
    "gamma": "of the focal loss: how much less well recognized clips count",
    "mask_padding": "false: zeros up to the longest clip of a batch count as signal, as released",
    "max_seconds": "of longer clips a part: from a random place in training, else from the middle; 0: all",
}
