"""``wav2vec2-probe``: a frozen speech encoder, a weight for each of its layers, the mean over time, a linear layer.

The usual way to ask what an encoder knows (Yang et al., SUPERB, Interspeech 2021; for emotion Pepino et al.,
Interspeech 2021). Only layer weights and the linear layer are trained. Weighting layers and averaging over time can
change places, so a clip is kept as the mean of every layer, and nothing else of it is needed.

The encoder is any of `transformers` that hears waveforms at 16 kHz (wav2vec 2.0, HuBERT, WavLM ...): a folder, a
repository of the hub, or ``random-tiny``, one with random weights for tests.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import InputError
from .parts.weights import RANDOM, is_here
from .registry import Task, Variant, model
from .settings.wav2vec2_probe import Settings

if TYPE_CHECKING:
    from torch import nn


def needs(settings: Settings) -> str | None:
    """The extra, and weights: in a folder or in the cache of the hub."""
    if not find_spec("transformers"):
        return "transformers is not installed; pip install 'serbench[multimodal]'"
    try:
        if is_here("encoder", settings.encoder):
            return None
    except InputError as error:
        return str(error)
    return (
        f"the weights of {settings.encoder} are not here; the first run fetches them from the Hugging Face hub, "
        "or set encoder to a folder"
    )


def standardizes(settings: Settings) -> bool:
    """Whether the values of the encoder are standardized."""
    return settings.standardize


@model(
    settings=Settings(),
    profiles={"tiny": {"lr": 3e-2, "batch": 16, "encoder": RANDOM, "layers": 2, "width": 64}},
    variants={
        "last-layer": Variant("the last layer alone", {"weighting": "last"}),
        "equal-layers": Variant("all layers with the same weight", {"weighting": "equal"}),
        "raw": Variant("the values as the encoder gives them", {"standardize": False}),
    },
    explain={
        "encoder": "a folder, owner/name or owner/name@revision of the Hugging Face hub, or random-tiny",
        "layers": "of the encoder's transformer; must be those of the checkpoint",
        "width": "of its layers; must be that of the checkpoint",
        "max_seconds": "of longer clips the beginning is heard",
        "weighting": "of the layers: learned, last (only that one) or equal",
        "standardize": "mean 0 and deviation 1 of every value of every layer over train",
    },
    origin="reference; encoder of Baevski et al., wav2vec 2.0, NeurIPS 2020",
    min_seconds=0.1,
    needs=needs,
    adapts=standardizes,
)
def wav2vec2_probe(settings: Settings, task: Task) -> "nn.Module":
    """Learned layer weights and one linear layer over a frozen wav2vec 2.0, or its like (extra multimodal)."""
    from .networks.wav2vec2_probe import Probe

    return Probe(settings, len(task.classes), task.rate_hz)
