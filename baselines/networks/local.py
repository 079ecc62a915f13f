"""What may stand in the face branch in place of a visual center: each maps frames (B, T, C) to (B, T, C).

With about as many parameters as a center of as many codewords as channels: 3 C^2; ``conv5`` has 5 C^2. What lies beyond
the end of a clip never enters.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fusion import mean_over_time
from .lvc import Center, FrameNorm, LocalConv

Local = Literal["lvc", "lvc-stem", "conv", "conv5", "tcn", "mean", "netvlad", "squeeze"]


def local_part(kind: Local, channels: int, codewords: int) -> nn.Module:
    """By its name; called with frames and mask (B, T), true for valid frames."""
    if kind == "netvlad":
        return NetVlad(channels, codewords)
    if kind in ("conv", "conv5"):
        return LocalConv(channels, 5 if kind == "conv5" else 3)
    if kind == "tcn":
        return Tcn(channels)
    if kind in ("mean", "squeeze"):
        return GlobalMean(channels, scales=kind == "squeeze")
    return Center(channels, codewords, stem=kind == "lvc-stem")


class Tcn(nn.Module):
    """Three residual convolutions over 3 frames, 1, 2 and 4 apart, depthwise and then across channels.

    After Bai et al., "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
    2018, but seeing both sides, and separable as in Luo & Mesgarani, "Conv-TasNet", IEEE/ACM TASLP 27, 2019.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depth = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, padding=step, dilation=step, groups=channels, bias=False)
            for step in (1, 2, 4)
        )
        self.across = nn.ModuleList(nn.Linear(channels, channels, bias=False) for _ in self.depth)
        self.norms = nn.ModuleList(FrameNorm(channels) for _ in self.depth)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid frames."""
        for depth, across, norm in zip(self.depth, self.across, self.norms, strict=True):
            near = depth((x * mask[:, :, None]).transpose(1, 2)).transpose(1, 2)
            x = x + norm(across(near), mask).relu()
        return x


class GlobalMean(nn.Module):
    """The mean over time through two dense layers: in place of every frame, or as weights of its channels.

    The latter is squeeze-and-excitation (Hu et al., CVPR 2018).
    """

    def __init__(self, channels: int, scales: bool) -> None:
        super().__init__()
        self.scales = scales
        self.inner, self.outer = nn.Linear(channels, 3 * channels // 2), nn.Linear(3 * channels // 2, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid frames."""
        mean = self.outer(self.inner(mean_over_time(x, mask)).relu())[:, None]  # (B, 1, C)
        frames: Tensor = x * mean.sigmoid() if self.scales else mean.relu().expand_as(x)
        return frames


class NetVlad(nn.Module):
    """Residuals to a learned codebook, as all frames have them: Arandjelovic et al., "NetVLAD", CVPR 2016.

    V_k = sum_t softmax_k(W x_t + b) (x_t - c_k), each of length 1; here mixed over k before a dense layer, where the
    origin gives all of them to it, and the same for every frame.
    """

    def __init__(self, channels: int, codewords: int) -> None:
        super().__init__()
        self.assign = nn.Linear(channels, codewords)
        self.codewords = nn.Parameter(torch.empty(codewords, channels).uniform_(-(channels**-0.5), channels**-0.5))
        self.mix, self.out = nn.Linear(codewords, 1, bias=False), nn.Linear(channels, channels)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, T) is true for valid frames."""
        share = self.assign(x).softmax(2) * mask[:, :, None]  # (B, T, K)
        residual = share.transpose(1, 2) @ x - share.sum(1)[:, :, None] * self.codewords  # (B, K, C)
        mixed = self.mix(functional.normalize(residual, dim=2).transpose(1, 2)).squeeze(2)  # (B, C)
        frames: Tensor = self.out(mixed).relu()[:, None].expand_as(x)
        return frames
