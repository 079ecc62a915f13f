"""``mfcc-attention``: a small convolutional network over MFCC with attention over channels and positions.

After H. Lee and M. Nadeem, "Toward Efficient Speech Emotion Recognition via Spectral Learning and Attention",
arXiv 2507.03251 (2025; version 3 withdraws it), and the notebooks published with it. Those treat the MFCC matrix as one
long vector, so that a kernel of 7 taps sees 7 neighboring coefficients and hardly any time. Profile ``clean`` is ours:
the same layers over real time, a larger rate, normalization statistics that settle within a few dozen steps, and early
stopping. ``notebook`` and ``paper`` are the two published forms: two and three convolutions, the latter with pooling by
2, no padding and dropout after the second block where the text is silent. ``released`` is what the stored EMO-DB and
EMOVO models really read: a table of zero crossings, then MFCC, 2268 cells, in which the blocks of a short clip move up;
``released-mfcc`` is TESS's table, ``released-crossings`` that of the notebooks "without MFCC".

What still differs from the notebooks: sound is resampled by soxr (librosa 0.6.3 used resampy) and kept as 16-bit codes
with a scale for each clip; a run must be at 22,050 Hz, as `published-mfcc-attention` is, or nothing above its half rate
is there; TESS's table has 2060 columns, here 2160, the last ones always 0; weights begin from other random numbers.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from .parts import acoustics
from .parts.card import always
from .registry import Task, Variant, model
from .settings.mfcc_attention import EXPLAIN, Settings

if TYPE_CHECKING:
    from torch import Tensor, nn


# Adam at 1e-5 for 100 epochs, the last one kept: the notebooks make callbacks that stop and choose, but use none
NOTEBOOK: Mapping[str, Any] = {
    "optimizer": "adam", "lr": 1e-5, "eps": 1e-7, "batch": 16, "keep": "last", "layout": "vector",
    "norm_momentum": 0.01,
}  # fmt: skip
PROFILES: Mapping[str, Mapping[str, Any]] = {
    "notebook": NOTEBOOK,
    "released": {**NOTEBOOK, "layout": "table", "short_clips": "zero-cells"},
    "released-mfcc": {**NOTEBOOK, "layout": "table", "cells": ("mfcc",), "short_clips": "zero-cells"},
    "released-crossings": {**NOTEBOOK, "layout": "table", "cells": ("crossings",), "short_clips": "zero-cells"},
    "paper": {**NOTEBOOK, "batch": 64, "blocks": 3},
    "tiny": {"lr": 3e-3, "batch": 16, "filters": 16, "reduction": 4, "dense": 16},
}
VARIANTS = {
    "no-attention": Variant("neither attention", {"attention": "none"}),
    "channel-only": Variant("attention over channels alone", {"attention": "channel"}),
    "spatial-only": Variant("attention over positions alone", {"attention": "spatial"}),
    "reversed": Variant("positions before channels", {"attention": "reversed"}),
    "mean-pool": Variant(
        "the mean over positions instead of all of them, so a far smaller dense layer", {"pool": "mean"}
    ),
    "no-l2": Variant("no L2 penalty", {"l2": 0.0}),
    "no-dropout": Variant("no dropout", {"dropout": 0.0}),
    **acoustics.variants(("mfcc",)),
}


@model(
    settings=Settings(),
    profiles=PROFILES,
    variants=VARIANTS,
    explain=EXPLAIN,
    origin="Lee & Nadeem, arXiv 2507.03251, 2025, withdrawn preprint",
    adapts=always,
)
def mfcc_attention(settings: Settings, task: Task) -> "nn.Module":
    """Convolutions over 20 MFCC of a 2.5 s excerpt, with channel and spatial attention."""
    from .networks.mfcc_attention import MfccAttention

    return MfccAttention(settings, len(task.classes), task.rate_hz)


def from_released(state: Mapping[str, "Tensor"]) -> "nn.Module":
    """The network of the notebooks with the authors' weights, in inference mode: vectors (B, L) -> scores (B, C).

    ``state`` has Keras' layouts: kernels (tap, in, out) and (in, out), flattened by position, then channel. All sizes
    are read from the shapes. InputError where tensors are missing, unknown, or do not fit each other.
    """
    from .networks.mfcc_attention import AttentionCnn

    attention: Literal["none", "channel", "spatial", "both"] = "spatial" if "sa.kernel" in state else "none"
    if "ca1.kernel" in state:
        attention = "both" if attention == "spatial" else "channel"
    try:
        taps, channels, filters = state["conv1.kernel"].shape
        flat, dense = state["dense1.kernel"].shape
        classes = state["dense2.kernel"].shape[1]
        reduction = filters // state["ca1.kernel"].shape[1] if "ca1.kernel" in state else 1
    except KeyError as error:
        raise InputError(f"weights of mfcc-attention: {error} is missing; give the names without a prefix") from None
    settings = Settings(filters=filters, taps=taps, dense=dense, attention=attention, reduction=reduction)
    network = AttentionCnn(settings, channels, flat // filters + 2 * (taps - 1), classes)
    weights = _ours(state, filters, last=len(network.attention) - 1)
    expected = network.state_dict()
    counters = {name: value for name, value in expected.items() if name.endswith("num_batches_tracked")}
    if wrong := (weights.keys() | counters.keys()) ^ expected.keys():
        raise InputError(f"weights of mfcc-attention: missing or unknown: {', '.join(sorted(wrong))}")
    if odd := [
        f"{name} {tuple(value.shape)} instead of {tuple(expected[name].shape)}"
        for name, value in weights.items()
        if value.shape != expected[name].shape
    ]:
        raise InputError(f"weights of mfcc-attention: shapes that do not fit the other tensors: {'; '.join(odd)}")
    network.load_state_dict(weights | counters)
    return network.eval()


def _ours(state: Mapping[str, "Tensor"], filters: int, last: int) -> dict[str, "Tensor"]:
    """The authors' weights under our names and in our layouts; unknown names stay as they are."""
    layers = {
        "conv1": "before.0.conv", "bn1": "before.0.norm", "conv2": "before.1.conv", "bn2": "before.1.norm",
        "ca1": "attention.0.squeeze", "ca2": "attention.0.expand", "sa": f"attention.{last}.conv",
        "dense1": "dense1", "bn3": "norm", "dense2": "dense2",
    }  # fmt: skip
    kinds = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean"}
    kinds |= {"moving_variance": "running_var"}
    weights = {}
    for name, value in state.items():
        layer, _, kind = name.rpartition(".")
        if kind == "num_batches_tracked":
            continue
        if name == "dense1.kernel":  # rows by position, then channel -> by channel, then position
            value = value.reshape(-1, filters, value.shape[1]).transpose(0, 1).flatten(0, 1)
        turned = value.permute(*reversed(range(value.dim()))) if kind == "kernel" else value
        weights[f"{layers.get(layer, layer)}.{kinds.get(kind, kind)}"] = turned
    return weights
