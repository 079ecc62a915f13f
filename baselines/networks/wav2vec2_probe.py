"""The network of ``wav2vec2-probe``, and the frozen encoder that it asks."""

import json
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..parts.encoders import RATE_HZ, Sizes, loaded, wav2vec2
from ..parts.features import resampled
from ..parts.weights import RANDOM, content, extra, folder_of
from ..settings.wav2vec2_probe import Settings


class Probe(nn.Module):
    """Waveforms (B, N) -> mean of every layer (B, L + 1, D) -> class scores (B, C). The encoder is no part of it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: Settings, n_classes: int, rate_hz: int) -> None:
        super().__init__()
        self.encoder, self.layers, self.width = settings.encoder, settings.layers, settings.width
        self.rate_hz, self.samples = rate_hz, round(settings.max_seconds * rate_hz)
        self.weighting, self.standardize = settings.weighting, settings.standardize
        self.register_buffer("mean", torch.zeros(settings.layers + 1, settings.width))
        self.register_buffer("deviation", torch.ones(settings.layers + 1, settings.width))
        self.weight = nn.Parameter(torch.zeros(settings.layers + 1)) if self.weighting == "learned" else None
        self.head = nn.Linear(settings.width, n_classes)

    @property
    def front_key(self) -> dict[str, Any]:
        """What decides the features beside the text of these modules; InputError where there are no weights."""
        libraries = {name: version(name) for name in ("transformers", "torch")} if extra("transformers") else {}
        return {
            **libraries, "encoder": content("encoder", self.encoder), "layers": self.layers, "width": self.width,
            "samples": self.samples, "rate_hz": self.rate_hz,
        }  # fmt: skip

    def front(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Mean over time of the input of the transformer and of every layer's output: (B, N) -> (B, L + 1, D).

        Each clip is encoded alone: in wav2vec 2.0 base the first convolution is normalized over the whole input, so
        padding and other clips would change it.
        """
        encoder, standardized = frozen(self.encoder, self.layers, self.width)
        encoder.to(waveforms.device)
        rows = [
            self._means(encoder, standardized, clip[:n]) for clip, n in zip(waveforms, lengths.tolist(), strict=True)
        ]
        return torch.stack(rows), torch.full_like(lengths, self.layers + 1)

    def _means(self, encoder: nn.Module, standardized: bool, clip: Tensor) -> Tensor:
        """(N,) -> (L + 1, D)."""
        x = clip[None, : self.samples]
        if self.rate_hz != RATE_HZ:
            x = resampled(x, self.rate_hz, RATE_HZ)
        if standardized:
            x = (x - x.mean()) / (x.var(correction=0) + 1e-7).sqrt()
        with torch.no_grad():
            states: tuple[Tensor, ...] = encoder(x, output_hidden_states=True).hidden_states
        return torch.stack([layer[0].mean(0) for layer in states])

    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Mean and deviation of every value over the training rows."""
        if not self.standardize:
            return
        n, total, squares = 0, torch.zeros_like(self.mean).double(), torch.zeros_like(self.mean).double()
        for features, _ in batches:
            rows = features.double()
            n, total, squares = n + len(rows), total + rows.sum(0), squares + rows.square().sum(0)
        deviation = (squares / n - (total / n).square()).clamp(min=0).sqrt()
        self.mean.copy_(total / n)
        self.deviation.copy_(torch.where(deviation > 1e-6, deviation, 1.0))

    def shares(self) -> Tensor:
        """Weight of the transformer's input and of every layer: (L + 1,), sum 1."""
        if self.weight is not None:
            return self.weight.softmax(0)
        one = torch.ones_like(self.mean[:, 0])
        if self.weighting == "equal":
            return one / len(one)
        return (torch.arange(len(one), device=one.device) == self.layers).to(one.dtype)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Layer means (B, L + 1, D) -> scores (B, C)."""
        x = (x - self.mean) / self.deviation
        scores: Tensor = self.head((x * self.shares()[:, None]).sum(1))
        return scores

    def watch(self) -> dict[str, float]:
        """The share of every layer."""
        return {f"layer_{index}": share for index, share in enumerate(self.shares().detach().tolist())}


@lru_cache(maxsize=1)
def frozen(spec: str, layers: int, width: int) -> tuple[nn.Module, bool]:
    """The encoder, and whether it was trained on waveforms of mean 0 and variance 1; loaded once per process.

    InputError where it is missing, incomplete, of other sizes, or does not hear waveforms.
    """
    if spec == RANDOM:
        return wav2vec2(RANDOM, Sizes(layers, width, heads=4, inner=2 * width)), True
    transformers = extra("transformers")
    folder = folder_of("encoder", spec)
    config = json.loads((folder / "config.json").read_text())
    if "conv_stride" not in config:
        raise InputError(f"encoder '{spec}': a checkpoint of {config.get('model_type')} does not hear waveforms")
    sizes = config["num_hidden_layers"], config["hidden_size"]
    if sizes != (layers, width):
        raise InputError(f"encoder '{spec}': set layers={sizes[0]} and width={sizes[1]}, which are its sizes")
    file = folder / "preprocessor_config.json"
    standardized = bool(json.loads(file.read_text()).get("do_normalize", True)) if file.is_file() else True
    return loaded(transformers.AutoModel, "encoder", folder).float().eval().requires_grad_(False), standardized
