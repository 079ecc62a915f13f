"""``sigwavnet``: a learnable wavelet transform of the waveform, thresholds, and an attentive recurrent branch per band.

A. Nfissi, W. Bouachir, N. Bouguila, B. Mishara, "SigWavNet: Learning Multiresolution Signal Wavelet Network for Speech
Emotion Recognition", IEEE Trans. Affective Computing 16 (3), 2025, arXiv 2502.00310, and the code released with it.
The transform is that of DeSpaWN (Michau et al., PNAS 2022).

Profile ``released`` has the layers and the recipe of that code: both thresholds of a level are one number, the head's
normalization keeps all scores close together, padding is not masked, and the focal loss weighs whole batches. ``clean``
mends these. Ours, because the authors publish no value: levels, hidden size and depth, the rate and its schedule, the
limit of 8 s (random excerpts in training, the middle in test); where the ablation removes the GRU: the mean over time
and a linear layer in its place.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .parts.card import always
from .registry import Task, Variant, model
from .settings.sigwavnet import EXPLAIN, Settings

if TYPE_CHECKING:
    from torch import Tensor, nn


PROFILES: Mapping[str, Mapping[str, Any]] = {
    "released": {
        "optimizer": "adam", "lr": 1e-5, "schedule": "step", "epochs": 5, "keep": "last", "clip_norm": 0.0,
        "threshold": "aliased", "head_norm": "instance", "objective": "focal-batch", "mask_padding": False,
        "max_seconds": 0.0,
    },
    "small": {"channels": 32, "hidden": 32, "gru_layers": 1},
    "tiny": {
        "lr": 5e-3, "batch": 8, "epochs": 5, "levels": 3, "channels": 8, "hidden": 8, "gru_layers": 1,
        "max_seconds": 1.0,
    },
}  # fmt: skip
OFF = {"threshold": "off"}
VARIANTS = {
    # the published ablation; its last row is the model without a variant
    "db10": Variant("published: Db-10, fixed filters and no threshold", {"train_filters": False, **OFF}),
    "fixed-filters": Variant("published: Db-10 + LAHT, the filters stay db10", {"train_filters": False}),
    "one-kernel": Variant("published: 1-kernel, one for all levels, no threshold", {"sharing": "CQF", **OFF}),
    "one-kernel-threshold": Variant("published: 1-kernel + LAHT", {"sharing": "CQF"}),
    "layer-wise": Variant("published: 1-kernel layer-wise, no threshold", {"sharing": "PerLayer", **OFF}),
    "layer-wise-threshold": Variant("published: 1-kernel layer-wise + LAHT", {"sharing": "PerLayer"}),
    "no-gru": Variant("published: All-kernel + LAHT - Bi-GRU, the mean over time instead", {"gru_layers": 0}),
    "no-threshold": Variant("the details as they are", OFF),
    "no-spatial-attention": Variant("neither the third convolution nor its attention", {"spatial_attention": False}),
    "mean-pool": Variant("the mean of the GRU's states instead of temporal attention", {"pooling": "mean"}),
    "last-state": Variant("the last states of the GRU instead of temporal attention", {"pooling": "last"}),
    "no-channel-weighting": Variant("all bands count alike", {"channel_weighting": False}),
    "orthonormal-filters": Variant("filters begin as random orthonormal ones", {"wavelet": "orthonormal"}),
    "random-filters": Variant("filters begin as random ones", {"wavelet": "random"}),
    "orthogonality": Variant("filters are drawn toward orthonormal ones", {"orthogonality": 0.1}),
    "aliased-threshold": Variant("one learned threshold for both sides, as released", {"threshold": "aliased"}),
    "classical-threshold": Variant("the universal hard threshold, not learned", {"threshold": "classical"}),
    "fixed-threshold": Variant("thresholds and slopes stay as they begin", {"train_threshold": False}),
    "two-slope": Variant("the threshold of the paper, with a slope for each side", {"threshold": "two-slope"}),
    "positive-threshold": Variant("thresholds and slopes cannot cross zero", {"threshold": "softplus"}),
}


def has_grus(settings: Settings) -> bool:
    """Whether the branches have states to hand on."""
    return settings.gru_layers > 0


@model(
    settings=Settings(),
    profiles=PROFILES,
    variants=VARIANTS,
    explain=EXPLAIN,
    origin="Nfissi et al., IEEE Trans. Affective Computing, 2025; code released, no weights",
    min_seconds=21_742 / 16_000,
    companions=frozenset({"released"}),
    recurrent=has_grus,
    adapts=always,
)
def sigwavnet(settings: Settings, task: Task) -> "nn.Module":
    """A learnable wavelet transform of the waveform, with an attentive recurrent branch per band."""
    from .networks.sigwavnet import SigWavNet

    return SigWavNet(settings, len(task.classes), task.rate_hz)


def from_released(state: Mapping[str, "Tensor"]) -> "nn.Module":
    """The released network with the authors' weights, in inference mode: (B, N) standardized, (B,) -> scores (B, C).

    ``state`` is a checkpoint's state dict; all sizes are read from the shapes. InputError where tensors are missing or
    unknown.
    """
    import torch

    from .networks.sigwavnet import SigWavNet

    levels = sum(name.endswith(".alpha") for name in state)
    try:
        settings = Settings(
            levels=levels,
            sharing="PerFilter" if "kernelsH_.0.kernel" in state else "PerLayer",
            taps=len(state["kernelsG_.0.kernel"]),
            wavelet="random",
            channels=len(state["conv1ds.0.conv1.weight"]),
            hidden=state["conv1ds.0.gru1.weight_hh_l0"].shape[1],
            gru_layers=sum(name.startswith("conv1ds.0.gru1.weight_hh") for name in state) // 2,
            threshold="asymmetric" if separate(state, levels) else "aliased",
            **{name: PROFILES["released"][name] for name in ("head_norm", "objective", "mask_padding", "max_seconds")},
        )
        weights = _ours(state, settings)
        classes = len(state["conv1_3.bias"])
    except KeyError as error:
        raise InputError(f"weights of sigwavnet: {error} is missing; give the names without a prefix") from None
    with torch.device("meta"):
        network = SigWavNet(settings, classes, Task(()).rate_hz)
    if wrong := weights.keys() ^ network.state_dict().keys():
        raise InputError(f"weights of sigwavnet: missing or unknown: {', '.join(sorted(wrong))}")
    network.load_state_dict({name: value.detach().clone() for name, value in weights.items()}, assign=True)
    return network.eval()


def separate(state: Mapping[str, "Tensor"], levels: int) -> bool:
    """Whether the two thresholds of a level differ anywhere."""
    heads = (f"HardThresholdAssymH.{level}.thr" for level in range(levels))
    return any(bool((state[f"{head}P"] != state[f"{head}N"]).any()) for head in heads)


#: the authors' layers -> ours; # is a level or a branch
_LAYERS = {
    "HardThresholdAssymH.#.thrP": "thresholds.#.positive",
    "HardThresholdAssymH.#.thrN": "thresholds.#.negative",
    "HardThresholdAssymH.#.alpha": "thresholds.#.rise",
    "conv1ds.#.conv1.": "branches.#.conv1.",
    "conv1ds.#.conv1_1.": "branches.#.conv2.",
    "conv1ds.#.dense1.": "branches.#.conv3.",
    "conv1ds.#.spatialAttn.op.": "branches.#.score.",
    "conv1ds.#.gru1.": "grus.#.",
    "conv1ds.#.tempAttn.fc1.": "pools.#.key.",
    "conv1ds.#.tempAttn.fc2.": "pools.#.out.",
    "channel_weighting.weights": "band_weights",
    "conv1_3.": "head.conv.",
}


def _ours(state: Mapping[str, "Tensor"], settings: Settings) -> dict[str, "Tensor"]:
    """The authors' weights under our names; unknown names stay as they are."""
    import torch

    levels = range(settings.levels)
    weights = {"mean": torch.tensor(0.0), "deviation": torch.tensor(1.0)}
    for ours, theirs in {"low": "kernelsG_", "high": "kernelsH_"}.items():
        if f"{theirs}.0.kernel" in state:
            weights[f"bank.{ours}"] = torch.stack([state[f"{theirs}.{level}.kernel"] for level in levels])
    if settings.threshold == "aliased":
        weights |= {f"thresholds.{level}.start": state[f"HardThresholdAssymH.{level}.thrP"] for level in levels}
    for name, value in state.items():
        if name.startswith("kernels") or name.endswith("qmfFlip"):
            continue
        number = next((part for part in name.split(".") if part.isdecimal()), "")
        general = name.replace(f".{number}.", ".#.", 1)
        layer = next((layer for layer in _LAYERS if general.startswith(layer)), None)
        if layer is not None:
            if layer.startswith("conv1ds."):  # theirs: details, then the approximation; ours: as the head sees them
                number = str((int(number) + 1) % (settings.levels + 1))
            name = (_LAYERS[layer] + general.removeprefix(layer)).replace("#", number)
        weights[name] = value
    return weights
