"""The network of ``mfcc-attention``: convolutions over MFCC, attention over channels and positions, a dense head."""

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..parts.acoustics import rows, stacked
from ..parts.features import excerpt, mfcc, resampled, zero_crossings
from ..settings.mfcc_attention import Settings

RATE_HZ, SAMPLES, FRAMES, HOP = 22_050, 55_125, 108, 512
WIDTHS = {"crossings": 1, "mfcc": 20}  # of the blocks of layout table, cells per frame
SECONDS, OFFSET, SHORT = 2.5, 0.6, 1.1  # length and place of the excerpt; shorter clips are taken from their start
Layer = TypeVar("Layer", nn.Conv1d, nn.Linear)
#: attention modules in the order in which they act
ORDER = {
    "none": (),
    "channel": ("channel",),
    "spatial": ("spatial",),
    "both": ("channel", "spatial"),
    "reversed": ("spatial", "channel"),
}


class MfccAttention(nn.Module):
    """Waveforms (B, N) -> features of one excerpt, (B, 108, K), in layout table (B, L, 1) -> class scores (B, C)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: Settings, n_classes: int, rate_hz: int) -> None:
        super().__init__()
        self.rate_hz, self.zero_cells = rate_hz, settings.short_clips == "zero-cells"
        self.cells = settings.cells if settings.layout == "table" else ()
        features = {"cells": self.cells} if self.cells else {"features": sorted(settings.features)}
        self.front_key = {"short_clips": settings.short_clips, **features}
        self.vector, self.features = settings.layout != "framed", settings.features
        width = sum(WIDTHS[block] for block in self.cells) or rows(settings.features)
        channels, length = (1, FRAMES * width) if self.vector else (width, FRAMES)
        scaled = length if self.vector else channels
        self.register_buffer("mean", torch.zeros(scaled))
        self.register_buffer("deviation", torch.ones(scaled))
        self.network = AttentionCnn(settings, channels, length, n_classes)

    def front(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """MFCC, or other features, of 2.5 s at 22.05 kHz: (B, N) -> (B, 108, 20), 108 frames each.

        Short clips ``padded``: zeros before the MFCC, and a clip below 1.1 s is taken from 0 s instead of 0.6 s.
        ``zero-cells``: always from 0.6 s, and the cells of frames that the clip does not have are 0. Layout table:
        cells (B, L, 1), those of frames that a clip has first.
        """
        start, samples = round(OFFSET * self.rate_hz), round(SECONDS * self.rate_hz)
        starts = torch.full_like(lengths, start)
        if not self.zero_cells:
            starts = torch.where(lengths < round(SHORT * self.rate_hz), 0, starts)
        clips = resampled(excerpt(waveforms, lengths, starts, samples), self.rate_hz, RATE_HZ)
        clips = functional.pad(clips, (0, SAMPLES - clips.shape[1]))  # negative: cut
        valid = torch.full_like(lengths, SAMPLES)
        if self.zero_cells:
            left = (lengths - starts).clamp(0, samples)
            valid = -(-left * RATE_HZ // self.rate_hz).clamp(min=-SAMPLES)  # rounded up, as resampling does
        if self.cells:
            table = self._table(clips, valid.clamp(min=0))
            return table, torch.full_like(lengths, table.shape[1])
        features = mfcc(clips, valid, RATE_HZ, hop=HOP)
        if self.features != ("mfcc",):
            features = self._grouped(features, clips, valid.clamp(min=0))
        return features, torch.full_like(lengths, FRAMES)

    def _table(self, clips: Tensor, lengths: Tensor) -> Tensor:
        """Rows as the notebooks' tables have them, (B, N) -> (B, L, 1): `cells` block after block, then zeros.

        A notebook puts the arrays of a clip behind each other and fills the table's missing cells with 0, so a clip
        with fewer frames has its MFCC in other columns than a long one.
        """
        blocks = {
            "crossings": lambda: zero_crossings(clips, lengths, hop=HOP)[..., None],
            "mfcc": lambda: mfcc(clips, lengths, RATE_HZ, hop=HOP),
        }
        values = [blocks[name]() for name in self.cells]  # (B, 108, K) each
        table = clips.new_zeros(len(clips), FRAMES * sum(block.shape[2] for block in values))
        for row, n, *parts in zip(table, lengths.tolist(), *values, strict=True):
            frames = 1 + n // HOP if n else 0
            filled = torch.cat([part[:frames].flatten() for part in parts])
            row[: len(filled)] = filled
        return table[..., None]

    def _grouped(self, coefficients: Tensor, clips: Tensor, lengths: Tensor) -> Tensor:
        """Each clip's feature groups (B, 108, K); 0 in frames that it does not have, or that have no such value."""
        features = np.zeros((len(clips), FRAMES, rows(self.features)), dtype=np.float32)
        for cells, mfccs, clip, n in zip(features, coefficients, clips, lengths.tolist(), strict=True):
            if n:
                frames = 1 + n // HOP
                inside, wave = mfccs[:frames].T.cpu().numpy(), clip[:n].cpu().numpy()
                cells[:frames] = np.nan_to_num(stacked(inside, wave, RATE_HZ, HOP, self.features)).T
        return torch.from_numpy(features).to(clips.device)

    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Mean and deviation of every coefficient over the training rows; in layout vector, of every cell."""
        n, total, squares = 0, torch.zeros_like(self.mean).double(), torch.zeros_like(self.mean).double()
        for features, _ in batches:
            rows = features.reshape(-1, len(self.mean)).double()
            n, total, squares = n + len(rows), total + rows.sum(0), squares + rows.square().sum(0)
        deviation = (squares / n - (total / n).square()).clamp(min=0).sqrt()
        self.mean.copy_(total / n)
        self.deviation.copy_(torch.where(deviation > 1e-4, deviation, 1.0))  # constant cells stay as they are

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Features as `front` gives them -> scores (B, C). Nothing is masked: zeros were added before the MFCC."""
        x = x.flatten(1) if self.vector else x  # frame after frame
        x = (x - self.mean) / self.deviation
        scores: Tensor = self.network(x if self.vector else x.transpose(1, 2))
        return scores

    def penalty(self) -> Tensor:
        """L2 on kernels."""
        return self.network.penalty()

    def watch(self) -> dict[str, float]:
        """Mean and deviation of the weights of each attention in the training batches since the last call."""
        facts: dict[str, float] = {}
        for layer in self.network.attention:
            if isinstance(layer, Attention) and layer.weights:
                mean, deviation = torch.stack(layer.weights).mean(0).tolist()
                facts |= {f"{layer.name}_mean": mean, f"{layer.name}_deviation": deviation}
                layer.weights = []
        return facts


class AttentionCnn(nn.Module):
    """Sequences (B, K, L), or (B, L) for K = 1 -> class scores (B, C)."""

    def __init__(self, settings: Settings, channels: int, length: int, n_classes: int) -> None:
        super().__init__()
        width, taps, pool = settings.filters, settings.taps, 2 if settings.blocks == 3 else 1
        blocks = [
            ConvBlock(channels if i == 0 else width, width, taps, pool, settings.norm_momentum)
            for i in range(settings.blocks)
        ]
        self.before, self.after = nn.Sequential(*blocks[:2]), nn.Sequential(*blocks[2:])
        self.dropout = Dropout(settings.dropout)
        self.attention = nn.Sequential(
            *(
                ChannelAttention(width, settings.reduction) if name == "channel" else SpatialAttention(taps)
                for name in ORDER[settings.attention]
            )
        )
        for _ in blocks:
            length = (length - taps + 1) // pool
        self.mean_pool, self.l2 = settings.pool == "mean", settings.l2
        self.dense1 = glorot(nn.Linear(width * (1 if self.mean_pool else length), settings.dense))
        self.norm = nn.BatchNorm1d(settings.dense, eps=1e-3, momentum=settings.norm_momentum)
        self.dense2 = glorot(nn.Linear(settings.dense, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Scores before the softmax."""
        x = x.unsqueeze(1) if x.dim() == 2 else x
        x = self.after(self.attention(self.dropout(self.before(x))))  # (B, width, L')
        x = x.mean(2) if self.mean_pool else x.flatten(1)
        scores: Tensor = self.dense2(self.norm(self.dense1(x).relu()))
        return scores

    def penalty(self) -> Tensor:
        """``l2`` times the sum of squared kernels of the convolutions and the first dense layer."""
        kernels = [block.conv.weight for block in (*self.before, *self.after)] + [self.dense1.weight]
        return self.l2 * torch.stack([torch.linalg.vector_norm(kernel) for kernel in kernels]).square().sum()


class ConvBlock(nn.Module):
    """Convolution without padding, ReLU, batch normalization, maximum over ``pool``: (B, K, L) -> (B, W, L')."""

    def __init__(self, channels: int, width: int, taps: int, pool: int, momentum: float) -> None:
        super().__init__()
        self.conv = glorot(nn.Conv1d(channels, width, taps))
        self.norm = nn.BatchNorm1d(width, eps=1e-3, momentum=momentum)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Positions that do not fill a pool are left out."""
        normal: Tensor = self.norm(self.conv(x).relu_())
        return normal if self.pool == 1 else functional.max_pool1d(normal, self.pool)


class Dropout(nn.Module):
    """`torch.nn.Dropout` with a mask from uniform numbers, which the CPU draws three times faster than Bernoulli's."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """The same in evaluation; scaled to keep the mean in training."""
        if not self.training or not self.share:
            return x
        drawn = torch.rand(x.shape, device=x.device)  # the same in every precision
        return x * drawn.ge(self.share).to(x.dtype).div_(1 - self.share)


class Attention(nn.Module):
    """What both attentions keep for `MfccAttention.watch`."""

    name: str

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []  # mean and deviation of the weights of every training batch

    def note(self, weight: Tensor) -> Tensor:
        """The weights as they are."""
        if self.training:
            self.weights.append(torch.stack(torch.std_mean(weight.detach().float(), correction=0)[::-1]))
        return weight


class ChannelAttention(Attention):
    """Weights channels by their mean and maximum over positions (Woo et al., CBAM, ECCV 2018, eq. 2)."""

    name = "channel"

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = he_normal(nn.Linear(width, width // reduction))
        self.expand = he_normal(nn.Linear(width // reduction, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, W, L) -> the same, scaled."""
        pooled = torch.stack(mean_and_max(x, 2))  # (2, B, W): one pass for both
        weight: Tensor = self.expand(self.squeeze(pooled).relu()).sum(0).sigmoid()  # (B, W)
        return x * self.note(weight)[:, :, None]


class SpatialAttention(Attention):
    """Weights positions by mean and maximum over channels of their neighborhood (CBAM, eq. 3)."""

    name = "spatial"

    def __init__(self, taps: int) -> None:
        super().__init__()
        self.conv = he_normal(nn.Conv1d(2, 1, taps, padding="same", bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(B, W, L) -> the same, scaled."""
        pooled = torch.stack(mean_and_max(x, 1), dim=1)  # (B, 2, L)
        weight: Tensor = self.conv(pooled).sigmoid()  # (B, 1, L)
        return x * self.note(weight)


def mean_and_max(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Mean and maximum of (B, W, L) over dimension 1 or 2.

    As a product and by index: their gradients are a third of the work of those of ``mean`` and ``amax``.
    """
    share = x.new_full((x.shape[dim],), 1 / x.shape[dim])
    return (x @ share if dim == 2 else share @ x), x.max(dim).values


def glorot(layer: Layer) -> Layer:
    """Kernel uniform, bias 0, as Keras begins (Glorot & Bengio, AISTATS 2010)."""
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def he_normal(layer: Layer) -> Layer:
    """Kernel normal, cut at two deviations and scaled back to variance 2 / inputs, bias 0, as Keras has it."""
    deviation = math.sqrt(2 / layer.weight[0].numel()) / 0.87962566  # of a standard normal cut at 2
    nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
