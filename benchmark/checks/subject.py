"""What models are checked on: a small task, made clips, and one profile of a model that meets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...baselines.registry import Card, Task
from ...seeds import stream
from ..prepared.modalities import FORMS
from ..training.batches import Batch, Clip, FeatureRows, batch_of, padded
from ..training.trainer import encoded, lengthen

TASK = Task(("angry", "happy", "neutral", "sad"))
HOP = 320  # samples that count as a step when zeros are put behind encoded clips


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

    def ready(self, n: int) -> tuple[Any, FeatureRows]:
        """A built and adapted network, and ``n`` clips as it takes them."""
        module = self.build()
        clips, truth = tones(n)
        features = self.features(module, clips)
        if hasattr(module, "adapt"):
            module.adapt([batch_of(features)])
        return module, FeatureRows(features, torch.from_numpy(truth), len(TASK.classes))

    def features(self, module: Any, clips: Sequence[np.ndarray], zeros: int = 0) -> list[Clip]:
        """Clips as the network takes them: through its front in one batch with ``zeros`` more behind, or waveforms.

        Through its encoders, each clip alone, with words and a face that go with the sound.
        """
        least = ceil(self.card.min_seconds * TASK.rate_hz)
        device = next((p.device for p in module.parameters()), torch.device("cpu"))
        if hasattr(module, "encoders"):
            encoders = module.encoders.items()
            return [
                {name: encoded(encoder, name, self._material(name, clip), device, least) for name, encoder in encoders}
                for clip in clips
            ]
        waveforms, lengths = padded([torch.from_numpy(lengthen(clip, least)).to(device) for clip in clips])
        if not hasattr(module, "front"):
            return [wave[:n] for wave, n in zip(waveforms, lengths.tolist(), strict=True)]
        with torch.no_grad():
            values, frames = module.front(functional.pad(waveforms, (0, zeros)), lengths)
        return [value[:n] for value, n in zip(values, frames.tolist(), strict=True)]

    def batch(self, module: Any, clips: Sequence[np.ndarray], zeros: int = 0) -> Batch:
        """Clips in one batch as the network takes them, with ``zeros`` samples more behind."""
        x, lengths = batch_of(self.features(module, clips, zeros))
        if isinstance(x, dict):
            x = {name: functional.pad(states, (0, 0, 0, zeros // HOP)) for name, states in x.items()}
        elif not hasattr(module, "front"):
            x = functional.pad(x, (0, zeros))
        return x, lengths  # type: ignore[return-value]  # both are dictionaries, or neither is

    def scores(self, module: Any, clips: Sequence[np.ndarray]) -> Tensor:
        """Log-probabilities of clips that share a batch: (n, C)."""
        return log_probabilities(module, self.batch(module, clips))

    def _material(self, modality: str, clip: np.ndarray) -> Any:
        """The clip in one modality, made from its sound: bands of it are its words, and shades of its face."""
        if modality == "audio":
            return clip
        bands = loudness(clip)
        if modality == "text":
            return " ".join(f"band{band}" for band in bands.mean(0).argsort()[::-1][: len(bands)]) or "silence"
        forms = getattr(self.settings, "forms", FORMS)
        if "track" in forms["face"]:
            return bands
        shades = np.clip(20 * bands + 128, 0, 255).astype(np.uint8)  # (T, 10)
        return np.repeat(np.repeat(shades[:, None, :, None], 64, 1), 3, 3).repeat(8, 2)  # (T, 64, 80, 3)


def log_probabilities(module: Any, batch: Batch) -> Tensor:
    """Of a batch, in inference mode: (B, C) on the CPU."""
    module.eval()
    with torch.no_grad():
        return functional.log_softmax(module(*batch), dim=1).cpu()


def loudness(clip: np.ndarray) -> np.ndarray:
    """Log power in ten bands up to 1 kHz, eight frames per second: (N,) -> (T, 10) float32, T at most 64."""
    step = TASK.rate_hz // 8
    frames = np.pad(clip, (0, -len(clip) % step)).reshape(-1, step)[:64]
    power = np.abs(np.fft.rfft(frames)[:, : 10 * (step // 160)]) ** 2  # 8 Hz each
    bands: np.ndarray = np.log(power.reshape(len(frames), 10, -1).sum(2) + 1e-3).astype(np.float32)
    return bands


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
