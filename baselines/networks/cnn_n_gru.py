"""The networks of ``cnn-3-gru`` to ``cnn-18-gru``: convolutions over the waveform, a mean over time, a GRU."""

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import InputError
from ..settings.cnn_n_gru import Settings
from .masking import SLOPE, at_least, excerpt, last_valid, masked_mean, standardized, steps_after, steps_before, valid
from .recurrence import Memory, run_grus

POOL = 4
#: n -> output channels of the convolutions in multiples of the width, with a pool between two groups. After the M3, M5,
#: M11 and M18 of W. Dai et al., ICASSP 2017, but narrower; n counts the convolutions and one linear layer.
STAGES: dict[int, tuple[tuple[int, ...], ...]] = {
    3: ((2,), (2,), ()),
    5: ((1,), (1,), (2,), (4,), ()),
    11: ((1,), (1, 1), (2, 2), (4, 4, 4), (8, 8)),
    18: ((1,), (1,) * 4, (2,) * 4, (4,) * 4, (8,) * 4),
}


class CnnGru(nn.Module):
    """Waveforms (B, N) -> class scores (B, C)."""

    def __init__(
        self, n: int, settings: Settings, n_classes: int, rate_hz: int, reuse_first_norm: bool = False
    ) -> None:
        super().__init__()
        self.settings, self.max_samples = settings, round(settings.max_seconds * rate_hz)
        widths = [settings.width * times for stage in STAGES[n] for times in stage]
        ends = list(itertools.accumulate(map(len, STAGES[n])))[:-1]
        self.pooled = [index in ends for index in range(1, len(widths) + 1)]
        convs = [nn.Conv1d(1, widths[0], settings.first_taps, stride=4)]
        convs += [nn.Conv1d(a, b, 3, padding=1) for a, b in itertools.pairwise(widths)]
        self.convs = nn.ModuleList(convs)
        self.norms = nn.ModuleList(MaskedBatchNorm(width) for width in widths)
        self.norm_of = list(range(len(widths)))
        if reuse_first_norm:
            self.norm_of[2] = 0
        self.squeeze = nn.Linear(widths[-1], widths[-1] // 2)
        sizes = widths[-1] // 2, settings.hidden, settings.gru_layers
        self.gru = nn.GRU(*sizes, batch_first=True) if settings.core == "gru" else None
        self.mlp = perceptron(*sizes) if settings.core == "mlp" else None
        self.dropout = nn.Dropout(settings.dropout)
        self.out = nn.Linear(settings.hidden, n_classes)
        self.memory = Memory()
        self.min_samples = steps_before(convs[0], POOL ** len(ends))

    def forward(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Scores before the softmax."""
        x = waveforms
        if self.settings.normalize == "utterance":
            x = standardized(x, lengths)
        x, lengths = excerpt(x, lengths, self.max_samples, self.training)
        x, lengths = at_least(x, lengths, self.min_samples)
        if not self.settings.mask_padding:
            lengths = torch.full_like(lengths, x.shape[1])
        x, lengths = self._convolve(x[:, None], lengths)  # (B, K, T)
        if self.settings.over_time:
            x = x.transpose(1, 2)  # (B, T, K)
        else:
            x, lengths = masked_mean(x, valid(lengths, x.shape[2]))[:, None], torch.ones_like(lengths)  # (B, 1, K)
        x = self.squeeze(functional.leaky_relu(x, SLOPE))  # (B, T, K / 2)
        x = self._summary(x, lengths)  # (B, H)
        scores: Tensor = self.out(self.dropout(functional.leaky_relu(x, SLOPE)))
        return scores

    def _summary(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Of frames (B, T, K / 2), by the GRU or the perceptron: (B, H)."""
        if self.mlp is not None:
            states = self.mlp(x)  # (B, T, H)
        else:
            (states,) = run_grus([cast(nn.GRU, self.gru)], [x], [lengths], self.memory)
        if self.settings.pooling == "mean":
            return masked_mean(states.transpose(1, 2), valid(lengths, states.shape[1]))
        return last_valid(states, lengths)

    def carry(self, on: bool) -> None:
        """Hand the state of the GRU from one forward pass to the next, by slot of the batch; or begin with zero.

        As the code of 2022 does from batch to batch. Turned on, the first pass begins with zero.
        """
        if on and self.gru is None:
            raise InputError("cnn-n-gru: without a GRU (core=mlp) there is no state to hand on")
        self.memory.carry(on)

    def _convolve(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """All convolutions; what lies after the end is 0 to each."""
        mask = valid(lengths, x.shape[2])
        for conv, norm, pooled in zip(self.convs, self.norm_of, self.pooled, strict=True):
            x = conv(x * mask[:, None] if self.settings.mask_padding else x)
            lengths = steps_after(cast(nn.Conv1d, conv), lengths)
            mask = valid(lengths, x.shape[2])
            x = functional.leaky_relu(self.norms[norm](x, mask if self.settings.mask_padding else None), SLOPE)
            if pooled:
                x = functional.max_pool1d(x, POOL)
                lengths = lengths // POOL
                mask = valid(lengths, x.shape[2])
        return x, lengths


def perceptron(inputs: int, hidden: int, gru_layers: int) -> nn.Sequential:
    """(..., inputs) -> (..., hidden), with the parameters of such a GRU, or as near as a hidden layer comes."""
    parameters = sum(3 * hidden * (size + hidden + 2) for size in (inputs, *(hidden,) * (gru_layers - 1)))
    middle = max(1, round((parameters - hidden) / (inputs + hidden + 1)))
    return nn.Sequential(nn.Linear(inputs, middle), nn.LeakyReLU(SLOPE), nn.Linear(middle, hidden))


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalization whose statistics in training come from valid positions only."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (B, K, T), mask (B, T) -> (B, K, T); positions outside the mask hold no meaning."""
        if mask is None or not self.training:
            return super().forward(x)
        x = x.to(torch.promote_types(x.dtype, torch.float32))  # sums over all positions, also in half precision
        weight = mask.to(x.dtype)[:, None]  # (B, 1, T)
        count = weight.sum()
        mean = (x * weight).sum((0, 2)) / count  # (K,)
        centered = (x - mean[:, None]) * weight
        variance = centered.square().sum((0, 2)) / count
        with torch.no_grad():
            momentum, unbiased = self.momentum or 0.0, variance * count / (count - 1).clamp(min=1)
            cast(Tensor, self.running_mean).lerp_(mean, momentum)
            cast(Tensor, self.running_var).lerp_(unbiased, momentum)
            cast(Tensor, self.num_batches_tracked).add_(1)
        scale = (variance + self.eps).rsqrt() * self.weight
        return centered * scale[:, None] + self.bias[:, None]
