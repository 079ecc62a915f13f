"""A network of the tests, in a module of its own, since the text of its module is part of its identity."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from serbench.baselines.registry import Recipe, Task, model


@dataclass(frozen=True)
class Small(Recipe):
    optimizer: Any = "sgd"
    lr: float = 0.05
    momentum: float = 0.5
    batch: int = 5
    epochs: int = 3
    keep: Any = "last"


class Bands(nn.Module):
    """Waveforms (B, N) -> energies in 12 bands -> scores (B, C), with a normalization that remembers."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.norm, self.hidden, self.out = nn.BatchNorm1d(12), nn.Linear(12, 8), nn.Linear(8, n_classes)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(x[:, :4_800]).abs()[:, :240].reshape(len(x), 12, 20).sum(2)
        scores: Tensor = self.out(self.dropout(self.hidden(self.norm((spectrum + 1e-3).log())).relu()))
        return scores


@model(settings=Small())
def bands(settings: Small, task: Task) -> nn.Module:
    """Energies in bands."""
    return Bands(len(task.classes))
