"""A learnable visual center over time: what frames deviate from a codebook weighs the channels of the whole clip.

After Quan et al., "Centralized Feature Pyramid for Object Detection", IEEE Trans. Image Process. 32 (2023), which has
it over the places of an image. Normalization over a batch counts valid frames only.
"""

import torch
from torch import Tensor, nn

MOMENTUM, EPS = 0.1, 1e-5


class FrameNorm(nn.Module):
    """Batch normalization (B, T, C) over the valid frames of the batch: mask (B, T) -> (B, T, C)."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """In training by the statistics of the batch, which also move the running ones."""
        mean, variance = self.mean, self.variance
        if self.training:
            share = (mask / mask.sum()).unsqueeze(2)  # (B, T, 1), sums to 1
            mean = (x * share).sum((0, 1))
            variance = ((x - mean).square() * share).sum((0, 1))
            with torch.no_grad():
                self.mean.lerp_(mean.to(self.mean.dtype), MOMENTUM)
                self.variance.lerp_(variance.to(self.variance.dtype), MOMENTUM)
        return (x - mean) * (variance + EPS).rsqrt() * self.weight + self.bias


class Center(nn.Module):
    """Frames (B, T, C) -> the same, each channel scaled by 1 to 2: ReLU(x + x * gamma).

    z = ReLU(norm(Linear(x))); a_tk = softmax_k(s_k |z_t - c_k|^2), s < 0 at first, so that near codewords win;
    e_k = sum over valid t of a_tk (z_t - c_k); gamma = sigmoid(Linear(mean_k ReLU(norm(e_k)))).
    """

    def __init__(self, channels: int, codewords: int, stem: bool) -> None:
        super().__init__()
        self.stem = Stem(channels) if stem else None
        self.linear, self.norm = nn.Linear(channels, channels, bias=False), FrameNorm(channels)
        bound = (codewords * channels) ** -0.5
        self.codewords = nn.Parameter(torch.empty(codewords, channels).uniform_(-bound, bound))
        self.scale = nn.Parameter(torch.empty(codewords).uniform_(-1, 0))
        self.code_norm = nn.BatchNorm1d(codewords)
        self.gate = nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid frames."""
        z = self.norm(self.linear(x if self.stem is None else self.stem(x, mask)), mask).relu()  # (B, T, C)
        distance = (z[:, :, None] - self.codewords).square().sum(3)  # (B, T, K)
        share = (self.scale * distance).softmax(2) * mask[:, :, None]
        residual = share.transpose(1, 2) @ z - share.sum(1)[:, :, None] * self.codewords  # (B, K, C)
        gamma = self.gate(self.code_norm(residual).relu().mean(1)).sigmoid()  # (B, C)
        scaled: Tensor = (x + x * gamma[:, None]).relu()
        return scaled


class Stem(nn.Module):
    """A small residual convolution over time, as the origin has before the codebook: (B, T, C) -> (B, T, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = LocalConv(channels), FrameNorm(channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Padding stays outside."""
        frames: Tensor = (x + self.norm(self.conv(x, mask), mask)).relu()
        return frames


class LocalConv(nn.Module):
    """Convolution over a few frames, normalized, rectified: (B, T, C) -> (B, T, C)."""

    def __init__(self, channels: int, taps: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, taps, padding=taps // 2, bias=False)
        self.norm = FrameNorm(channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """What lies beyond the end counts as zero."""
        inside = (x * mask[:, :, None]).transpose(1, 2)  # (B, C, T)
        normal: Tensor = self.norm(self.conv(inside).transpose(1, 2), mask)
        return normal.relu()
