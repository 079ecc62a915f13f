"""What models are checked on: a small task, made clips, and one profile of a model that meets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..baselines.registry import Card, Task
from ..seeds import stream
from .models import lengthen
from .train import Rows, padded

TASK = Task(("angry", "happy", "neutral", "sad"))


@dataclass(frozen=True)
class Subject:
    """The model in one profile."""

    card: Card
    profile: str
    settings: Any

    def build(self, seed: int = 0) -> Any:
        """The untrained model."""
        torch.manual_seed(seed)
        return self.card.build(self.settings, TASK)

    def ready(self, n: int) -> tuple[Any, Rows]:
        """A built and adapted network, and ``n`` clips as it takes them."""
        module = self.build()
        clips, truth = tones(n)
        features = self.features(module, clips)
        if hasattr(module, "adapt"):
            module.adapt([padded(features)])
        return module, Rows(features, torch.from_numpy(truth), len(TASK.classes))

    def features(self, module: Any, clips: Sequence[np.ndarray], zeros: int = 0) -> list[Tensor]:
        """Clips as the network takes them: through its front in one batch with ``zeros`` more behind, or waveforms."""
        least = ceil(self.card.min_seconds * TASK.rate_hz)
        device = next((p.device for p in module.parameters()), torch.device("cpu"))
        waveforms, lengths = padded([torch.from_numpy(lengthen(clip, least)).to(device) for clip in clips])
        if not hasattr(module, "front"):
            return [wave[:n] for wave, n in zip(waveforms, lengths.tolist(), strict=True)]
        with torch.no_grad():
            values, frames = module.front(functional.pad(waveforms, (0, zeros)), lengths)
        return [value[:n] for value, n in zip(values, frames.tolist(), strict=True)]

    def scores(self, module: Any, clips: Sequence[np.ndarray], zeros: int = 0) -> Tensor:
        """Log-probabilities of clips that share a batch: (n, C)."""
        module.eval()
        x, lengths = padded(self.features(module, clips, zeros))
        if not hasattr(module, "front"):
            x = functional.pad(x, (0, zeros))
        with torch.no_grad():
            return functional.log_softmax(module(x, lengths).float(), dim=1).cpu()


def tones(n: int, seconds: tuple[float, float] = (0.5, 1.6)) -> tuple[list[np.ndarray], np.ndarray]:
    """Harmonic tones whose pitch and tilt tell the class, in a little noise: waveforms (N,) and classes (n,)."""
    clips = []
    truth = np.arange(n) % len(TASK.classes)
    for index, kind in enumerate(truth):
        rng = stream("check", index)
        time = np.arange(round(rng.uniform(*seconds) * TASK.rate_hz)) / TASK.rate_hz
        pitch = 110 * 1.5**kind * rng.uniform(0.95, 1.05)
        phase = 2 * np.pi * pitch * time + 0.5 * np.sin(2 * np.pi * rng.uniform(3, 6) * time)
        tone = sum(np.sin(k * phase) / k ** (0.5 + 0.4 * kind) for k in range(1, 12))
        noise = rng.standard_normal(len(time))
        clips.append((0.05 * tone * np.sin(np.pi * time / time[-1]) + 0.002 * noise).astype(np.float32))
    return clips, truth
