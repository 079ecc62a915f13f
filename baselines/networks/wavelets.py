"""A learnable wavelet filter bank and the learnable threshold of its details.

Fast discrete wavelet transform as learnable layers after G. Michau, G. Frusque, O. Fink, "Fully learnable deep wavelet
transform for unsupervised monitoring of high-frequency time series", PNAS 119 (8), 2022.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Sharing = Literal["CQF", "PerLayer", "PerFilter"]
ThresholdMode = Literal["asymmetric", "aliased", "softplus", "two-slope"]


def low_pass(wavelet: str, taps: int) -> Tensor:
    """An initial low-pass filter (K,) of ``taps`` taps: PyWavelets' decomposition filter by name, or a made one.

    A shorter wavelet lies in the middle of zeros. ``orthonormal``: drawn, orthonormal to its own even shifts, sum
    sqrt 2. ``random``: normal taps of variance 1 / K. ``delta``: one tap of 1, which with its mirror takes the samples
    in turns. ``sinc``: half of the band, sum sqrt 2, in a Hamming window.
    """
    if wavelet == "random":
        return torch.randn(taps) * math.sqrt(1 / taps)
    if wavelet == "orthonormal":
        return random_orthonormal(taps)
    if wavelet == "delta":
        return functional.one_hot(torch.tensor(taps // 2 - 1), taps).float()
    if wavelet == "sinc":
        place = torch.arange(taps) - (taps - 1) / 2
        windowed = torch.sinc(place / 2) * torch.hamming_window(taps, periodic=False)
        return windowed * (math.sqrt(2) / windowed.sum())
    import pywt

    low_pass = torch.tensor(pywt.Wavelet(wavelet).dec_lo)
    spare = taps - len(low_pass)
    return functional.pad(low_pass, (spare // 2, spare - spare // 2))


def random_orthonormal(taps: int) -> Tensor:
    """A random filter (K,) with orthonormal even shifts and sum sqrt 2, K even, by the lattice of rotations.

    P. P. Vaidyanathan, P.-Q. Hoang, "Lattice structures for optimal design and robust implementation of two-channel
    perfect-reconstruction QMF banks", IEEE Trans. ASSP 36 (1), 1988. Angles that add up to pi/4 give the sum.
    """
    angles = (torch.rand(taps // 2) - 0.5) * math.pi
    angles = torch.cat([angles[:-1], math.pi / 4 - angles[:-1].sum()[None]])
    g, h = angles[:1] * 0 + 1, angles[:1] * 0
    for number, angle in enumerate(angles):
        if number:  # h comes two samples later
            g, h = functional.pad(g, (0, 2)), functional.pad(h, (2, 0))
        else:
            g, h = functional.pad(g, (0, 1)), functional.pad(g, (1, 0))
        g, h = angle.cos() * g + angle.sin() * h, angle.cos() * h - angle.sin() * g
    return g


def mirror(g: Tensor) -> Tensor:
    """The conjugate quadrature filter h[n] = (-1)^n g[K - 1 - n], for (..., K)."""
    signs = torch.ones(g.shape[-1], device=g.device, dtype=g.dtype)
    signs[1::2] = -1
    return g.flip(-1) * signs


class WaveletBank(nn.Module):
    """Filters of all levels. ``CQF``: one kernel for all; ``PerLayer``: one per level; ``PerFilter``: also its own
    kernel for every high-pass filter, which is then the mirror of the low-pass filter at the start only.
    """

    def __init__(self, levels: int, sharing: Sharing, wavelet: str, taps: int, trainable: bool) -> None:
        super().__init__()
        self.levels = levels
        kernels = 1 if sharing == "CQF" else levels
        self.low = nn.Parameter(torch.stack([low_pass(wavelet, taps) for _ in range(kernels)]), trainable)  # (1|L, K)
        self.high = nn.Parameter(self.low.detach().clone(), trainable) if sharing == "PerFilter" else None

    def filters(self) -> Tensor:
        """Low-pass and high-pass filter of each level: (L, 2, K)."""
        pairs = torch.stack([self.low, mirror(self.low if self.high is None else self.high)], dim=1)
        return pairs.expand(self.levels, -1, -1)

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Approximations and details of each level: (B, 1, N) -> L times (B, 1, N_l).

        a_{l+1}[k] = sum_n g_l[n] a_l[2k + n], d_{l+1}[k] = sum_n h_l[n] a_l[2k + n]; nothing is padded.
        """
        approximations, details = [], []
        for pair in self.filters().unbind(0):
            both = functional.conv1d(x, pair[:, None], stride=2)  # (B, 2, N_l)
            x, detail = both[:, :1], both[:, 1:]
            approximations.append(x)
            details.append(detail)
        return approximations, details

    def steps(self, samples: Tensor) -> list[Tensor]:
        """Length of each level for clips of ``samples`` samples."""
        lengths = []
        for _ in range(self.levels):
            samples = (samples - self.low.shape[1]) // 2 + 1
            lengths.append(samples)
        return lengths

    def samples(self, steps: int) -> int:
        """The fewest samples for which the last level has ``steps`` values."""
        for _ in range(self.levels):
            steps = 2 * (steps - 1) + self.low.shape[1]
        return steps

    def departure(self) -> Tensor:
        """How far the filters are from orthonormal: squared errors of the inner products of all even shifts, summed.

        0 for a bank that reconstructs perfectly, up to borders.
        """
        pairs = self.filters()[: len(self.low)]  # (1|L, 2, K): distinct ones
        taps = pairs.shape[2]
        shifted = functional.pad(pairs, (taps - 2, taps - 2)).unfold(2, taps, 2)  # (1|L, 2, K - 1, K)
        products = torch.einsum("lak,lbsk->labs", pairs, shifted)
        target = torch.zeros_like(products)
        target[:, :, :, taps // 2 - 1] = torch.eye(2, device=pairs.device, dtype=pairs.dtype)
        return (products - target).square().sum()

    @torch.no_grad()
    def distance(self, wavelet: str) -> Tensor:
        """Root mean square difference between the magnitudes of the filters' spectra and of a wavelet's."""
        low = low_pass(wavelet, self.low.shape[1]).to(self.low)
        spectra, target = (
            torch.fft.rfft(filters, 512).abs() for filters in (self.filters(), torch.stack([low, mirror(low)]))
        )
        difference: Tensor = (spectra - target).square().mean().sqrt()
        return difference


class Threshold(nn.Module):
    """Keeps what lies outside (-t_n, t_p): y = x (s(a (x - t_p)) + s(b (x + t_n))), s the sigmoid, any shape.

    ``asymmetric``: b = -a, both thresholds learned. ``aliased``: the same, but the two are one number, which gets the
    step of each, as when two parameters share their memory. ``softplus``: thresholds and slope stay positive.
    ``two-slope``: a and b are independent, the form of the paper.
    """

    start: Tensor

    def __init__(self, mode: ThresholdMode, start: float, slope: float, trainable: bool) -> None:
        super().__init__()
        self.mode = mode

        def number(value: float) -> nn.Parameter:
            raw = math.log(math.expm1(value)) if mode == "softplus" else value
            return nn.Parameter(torch.tensor([raw]), trainable)

        self.positive, self.negative, self.rise = number(start), number(start), number(slope)
        self.fall = number(-slope) if mode == "two-slope" else None
        if mode == "aliased":
            self.register_buffer("start", torch.tensor([start]))

    def edges(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """t_p, t_n, a, b."""
        positive: Tensor = self.positive
        negative: Tensor = self.negative
        rise: Tensor = self.rise
        if self.mode == "softplus":
            positive, negative, rise = (functional.softplus(raw) for raw in (positive, negative, rise))
        elif self.mode == "aliased":
            both = negative.detach() - self.start, positive.detach() - self.start
            positive, negative = positive + both[0], negative + both[1]
        return positive, negative, rise, -rise if self.fall is None else self.fall

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y, and the gain y / x; at 0 the gain is 2 s(-a t)."""
        positive, negative, rise, fall = self.edges()
        gain = torch.sigmoid(rise * (x - positive)) + torch.sigmoid(fall * (x + negative))
        return x * gain, gain


def universal_threshold(details: Tensor, inside: Tensor, samples: Tensor) -> Tensor:
    """s sqrt(2 ln N) for each clip of N samples, s = median |d| / 0.6745: details (B, 1, T), (B, T), (B,) -> (B, 1, 1).

    D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 81 (3), 1994. The median
    is of the valid details, which begin where ``inside`` (B, T) does.
    """
    ranked = details.detach().float().squeeze(1).abs().masked_fill(~inside, torch.inf).sort(dim=1).values
    count = inside.sum(1, keepdim=True)
    median = (ranked.gather(1, (count - 1) // 2) + ranked.gather(1, count // 2)) / 2  # (B, 1)
    return (median / 0.6745 * (2 * samples.float().log()).sqrt()[:, None])[:, :, None]
