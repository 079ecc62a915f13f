"""What networks over padded waveforms share: lengths through convolutions, masks, excerpts, statistics of the valid."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

SLOPE, EPS = 0.01, 1e-5  # of the leaky rectifier and of normalization, as torch has them


def valid(lengths: Tensor, steps: int) -> Tensor:
    """True before the end: lengths (B,) -> (B, steps)."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def steps_after(conv: nn.Conv1d, steps: Tensor) -> Tensor:
    """Outputs of a convolution that see no input beyond ``steps`` and its own zero padding."""
    (kernel,), (stride,), (dilation,) = conv.kernel_size, conv.stride, conv.dilation
    padding = int(conv.padding[0])
    return (steps + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def steps_before(conv: nn.Conv1d, steps: int) -> int:
    """The fewest inputs for which a convolution gives ``steps`` outputs."""
    return (steps - 1) * conv.stride[0] + conv.dilation[0] * (conv.kernel_size[0] - 1) + 1 - 2 * int(conv.padding[0])


def excerpt(waveforms: Tensor, lengths: Tensor, samples: int, random: bool) -> tuple[Tensor, Tensor]:
    """At most ``samples`` samples of each clip, from its middle or from a random place: (B, N) -> (B, N'), (B,).

    0 samples: the whole clips.
    """
    if not samples or waveforms.shape[1] <= samples:
        return waveforms, lengths
    spare = (lengths - samples).clamp(min=0)
    start = (torch.rand(len(lengths), device=lengths.device) * (spare + 1)).long() if random else spare // 2
    index = torch.minimum(start, spare)[:, None] + torch.arange(samples, device=lengths.device)
    return waveforms.gather(1, index), lengths.clamp(max=samples)


def at_least(waveforms: Tensor, lengths: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Clips shorter than ``samples`` get zeros at their end and count as that long: (B, N) -> (B, N'), (B,)."""
    return functional.pad(waveforms, (0, max(0, samples - waveforms.shape[1]))), lengths.clamp(min=samples)


def standardized(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """Each clip with mean 0 and deviation 1, zeros after its end: (B, N); a constant clip becomes zeros."""
    inside = valid(lengths, waveforms.shape[1])
    mean = masked_mean(waveforms[:, None], inside)  # (B, 1)
    x = (waveforms - mean) * inside
    deviation = masked_mean(x.square()[:, None], inside).sqrt()
    rounding = 1e-5 * mean.abs() + 1e-12
    return x / deviation.masked_fill(deviation < rounding, torch.inf)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over valid positions: x (B, K, T), mask (B, T) -> (B, K)."""
    share = mask / mask.sum(1, keepdim=True)  # (B, T)
    return torch.bmm(x, share.to(x.dtype)[:, :, None]).squeeze(2)


def last_valid(x: Tensor, lengths: Tensor) -> Tensor:
    """The last valid position: x (B, T, K), lengths (B,) -> (B, K)."""
    return x.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, x.shape[2])).squeeze(1)


def normed_leaky(x: Tensor, mask: Tensor) -> Tensor:
    """Leaky rectifier of instance normalization (no affine) over valid positions; 0 elsewhere.

    x (B, K, T), mask (B, T) -> (B, K, T).
    """
    y: Tensor = _NormedLeaky.apply(x, mask.to(x.dtype))  # type: ignore[no-untyped-call]
    return y


class _NormedLeaky(torch.autograd.Function):
    """Both in one node, with few passes over memory: y = leaky(c), c = (x - mean) / sqrt(variance + eps)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor) -> Tensor:
        share = (mask / mask.sum(1, keepdim=True))[:, :, None]  # (B, T, 1)
        c = (x - torch.bmm(x, share)).mul_(mask[:, None])
        norm = torch.linalg.vector_norm(c, dim=2, keepdim=True)  # (B, K, 1)
        scale = (norm.square() / mask.sum(1)[:, None, None] + EPS).rsqrt()
        ctx.save_for_backward(c.mul_(scale), scale, mask, share)
        return functional.leaky_relu(c, SLOPE)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        c, scale, mask, share = ctx.saved_tensors
        grad = torch.ops.aten.leaky_relu_backward(grad.contiguous(), c, SLOPE, False)
        level = torch.bmm(grad, share)  # mean of the gradient, and below of its product with c: (B, K, 1)
        tilt = torch.bmm(grad.flatten(0, 1)[:, None], c.flatten(0, 1)[:, :, None]).view_as(level)
        tilt = tilt / mask.sum(1)[:, None, None]
        return grad.sub_(level).addcmul_(c, tilt, value=-1).mul_(scale).mul_(mask[:, None]), None
