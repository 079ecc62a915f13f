"""``cnn-3-gru``, ``cnn-5-gru``, ``cnn-11-gru``, ``cnn-18-gru``: convolutions over the raw waveform, then a GRU.

A. Nfissi, W. Bouachir, N. Bouguila, B. Mishara, "CNN-n-GRU: end-to-end speech emotion recognition from raw waveform
signal using CNNs and gated recurrent unit networks", ICMLA 2022, and the code released with it in 2022 and 2025. The
mean over time lies before the GRU, which therefore sees a single step; variant ``over-time`` gives it all of them, and
``mean-state`` takes the mean of its states. ``no-gru`` has a perceptron of as many parameters in its place.

Profile ``released`` has the layers of 2022: n layers of the GRU, padding not masked, the waveform as it is, and in
``cnn-11-gru`` the first normalization used again after the third convolution. ``repo2025`` has one GRU layer of 64.
``clean`` is ours where the authors publish no value: standardized clips of at most 6 s (random excerpts in training,
the middle in test), padding masked everywhere, also in the statistics of batch normalization. The hidden size of 2022
is the one fixed in the code for TESS; the rate, searched there, is that of 2025. Both kept the last epoch: the code of
2025 saves the best one, but tests the last.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .registry import Task, Variant, model
from .settings.cnn_n_gru import EXPLAIN, EXPLAIN_11, Settings, Settings11

if TYPE_CHECKING:
    from torch import Tensor, nn


VARIANTS = {
    "over-time": Variant("the GRU sees all frames instead of their mean", {"over_time": True}),
    "mean-state": Variant("the GRU sees all frames, and its mean state counts", {"over_time": True, "pooling": "mean"}),
    "no-gru": Variant("a perceptron with as many parameters instead of the GRU", {"core": "mlp"}),
}
ORIGIN = "Nfissi et al., ICMLA 2022; code released, no weights"
AS_IS = {"normalize": "none", "mask_padding": False, "max_seconds": 0.0}
COMPANIONS = frozenset({"released", "repo2025"})
SHORTEST = {3: 220 / 16_000, 5: 1180 / 16_000, 11: 1180 / 16_000, 18: 1180 / 16_000}


def profiles(n: int) -> dict[str, Mapping[str, Any]]:
    """The profiles of one depth."""
    reuse = {"reuse_first_norm": True} if n == 11 else {}
    return {
        "released": {"keep": "last", "hidden": 16, "gru_layers": n, **AS_IS, **reuse},
        "repo2025": {"keep": "last", "epochs": 50, **AS_IS, **reuse},
        "tiny": {"lr": 3e-3, "batch": 8, "epochs": 5, "width": 8, "hidden": 16, "max_seconds": 1.0},
    }


def has_gru(settings: Settings) -> bool:
    """Whether there is a state to hand on."""
    return settings.core == "gru"


@model(
    settings=Settings(width=3), profiles=profiles(3), variants=VARIANTS, explain=EXPLAIN, origin=ORIGIN,
    companions=COMPANIONS, recurrent=has_gru, min_seconds=SHORTEST[3],
)  # fmt: skip
def cnn_3_gru(settings: Settings, task: Task) -> "nn.Module":
    """2 convolutions over the waveform and a GRU."""
    return _network(3, settings, task)


@model(
    settings=Settings(width=5), profiles=profiles(5), variants=VARIANTS, explain=EXPLAIN, origin=ORIGIN,
    companions=COMPANIONS, recurrent=has_gru, min_seconds=SHORTEST[5],
)  # fmt: skip
def cnn_5_gru(settings: Settings, task: Task) -> "nn.Module":
    """4 convolutions over the waveform and a GRU."""
    return _network(5, settings, task)


@model(
    settings=Settings11(), profiles=profiles(11), variants=VARIANTS, explain=EXPLAIN_11, origin=ORIGIN,
    companions=COMPANIONS, recurrent=has_gru, min_seconds=SHORTEST[11],
    idle=frozenset({"norms.2.weight", "norms.2.bias"}),
)  # fmt: skip
def cnn_11_gru(settings: Settings11, task: Task) -> "nn.Module":
    """10 convolutions over the waveform and a GRU."""
    return _network(11, settings, task)


@model(
    settings=Settings(width=18), profiles=profiles(18), variants=VARIANTS, explain=EXPLAIN, origin=ORIGIN,
    companions=COMPANIONS, recurrent=has_gru, min_seconds=SHORTEST[18],
)  # fmt: skip
def cnn_18_gru(settings: Settings, task: Task) -> "nn.Module":
    """17 convolutions over the waveform and a GRU."""
    return _network(18, settings, task)


def from_released(state: Mapping[str, "Tensor"]) -> "nn.Module":
    """A released network with the authors' weights, in inference mode: (B, N), (B,) -> scores (B, C).

    ``state`` is a checkpoint's state dict; n and all sizes are read from it. InputError where tensors are missing or
    unknown.
    """
    import torch

    from .networks.cnn_n_gru import STAGES, CnnGru

    depths = {sum(map(len, stages)): n for n, stages in STAGES.items()}
    convolutions = sum(name.startswith("conv") and name.endswith(".weight") for name in state)
    if convolutions not in depths:
        raise InputError(
            f"weights of cnn-n-gru: {convolutions} convolutions, where there are {', '.join(map(str, depths))}"
        )
    n = depths[convolutions]
    try:
        settings = Settings(
            width=len(state["conv1.weight"]) // STAGES[n][0][0],
            first_taps=state["conv1.weight"].shape[2],
            hidden=state["gru1.weight_hh_l0"].shape[1],
            gru_layers=sum(name.startswith("gru1.weight_hh") for name in state),
            normalize="none",
            mask_padding=False,
            max_seconds=0.0,
        )
        classes = len(state["fc2.bias"])
    except KeyError as error:
        raise InputError(f"weights of cnn-n-gru: {error} is missing; give the names without a prefix") from None
    weights = {_ours(name): value.detach().clone() for name, value in state.items()}
    with torch.device("meta"):
        network = CnnGru(n, settings, classes, Task(()).rate_hz, reuse_first_norm=n == 11)
    counters = {name: torch.tensor(0) for name in network.state_dict() if name.endswith("num_batches_tracked")}
    weights = counters | weights
    if wrong := weights.keys() ^ network.state_dict().keys():
        raise InputError(f"weights of cnn-n-gru: missing or unknown: {', '.join(sorted(wrong))}")
    network.load_state_dict(weights, assign=True)
    return network.eval()


def _network(n: int, settings: Settings, task: Task) -> "nn.Module":
    from .networks.cnn_n_gru import CnnGru

    reuse = isinstance(settings, Settings11) and settings.reuse_first_norm
    return CnnGru(n, settings, len(task.classes), task.rate_hz, reuse)


def _ours(name: str) -> str:
    """The authors' name of a weight -> ours; unknown names stay as they are."""
    layer, _, kind = name.partition(".")
    fixed = {"fc1": "squeeze", "gru1": "gru", "fc2": "out"}
    for theirs, ours in {"conv": "convs", "bn": "norms"}.items():
        if layer.startswith(theirs) and layer.removeprefix(theirs).isdecimal():
            fixed[layer] = f"{ours}.{int(layer.removeprefix(theirs)) - 1}"
    return f"{fixed.get(layer, layer)}.{kind}"
