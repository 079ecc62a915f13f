"""The reference tensors: weights under their authors' names, inputs and outputs of the authors' code."""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

SIGWAVNET = ("aliased", "cqf", "perfilter", "perlayer")
DEPTHS = (3, 5, 11, 18)  # of CNN-n-GRU
ATTENTION = ("both", "channel", "spatial")


def golden(name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """(weights, everything else) of ``sigwavnet_cqf``, ``cnn_5_gru``, ``mfcc_attention_both`` and the like."""
    tensors = load_file(Path(__file__).parents[1] / "golden" / f"{name}.safetensors")
    weights = {key.removeprefix("param."): value for key, value in tensors.items() if key.startswith("param.")}
    return weights, {key.removeprefix("out."): value for key, value in tensors.items() if key.startswith("out.")}
