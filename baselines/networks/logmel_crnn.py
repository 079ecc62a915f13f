"""The network of ``logmel-crnn``: log-mel bands, convolutions, a GRU, a weighted mean of its states."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..parts.features import mel_filters
from ..settings.logmel_crnn import Settings
from .masking import valid
from .recurrence import run_grus

HALVINGS = 2  # blocks that also halve the time: 10 ms become 40 ms
EPS, MOMENTUM = 1e-5, 0.1  # of the normalization


class LogmelCrnn(nn.Module):
    """Waveforms (B, N) -> log-mel bands (B, T, M), a frame per 10 ms -> class scores (B, C)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: Settings, n_classes: int, rate_hz: int) -> None:
        super().__init__()
        self.rate_hz, self.bands = rate_hz, settings.bands
        self.front_key = {"bands": settings.bands}
        self.masks = BandAndTimeMasks(settings)
        self.register_buffer("mean", torch.zeros(settings.bands))
        self.register_buffer("deviation", torch.ones(settings.bands))
        inputs = (1, *settings.channels)
        self.blocks = nn.ModuleList(
            Block(inputs[i], inputs[i + 1], 2 if i < HALVINGS else 1) for i in range(len(settings.channels))
        )
        left = -(-settings.bands // 2 ** len(settings.channels))  # bands after every block has halved them
        self.dropout = nn.Dropout(settings.dropout)
        self.gru = nn.GRU(settings.channels[-1] * left, settings.hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * settings.hidden, 1, bias=False) if settings.pooling == "attention" else None
        self.head = nn.Linear(2 * settings.hidden, n_classes)

    def front(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Natural logarithm of mel bands, frames of 25 ms every 10 ms, the first centered on the start of the clip.

        (B, N) -> (B, T, M); a clip of n samples has 1 + n // hop frames. -14, about -60 dB, lies below a quiet room.
        """
        window, hop = round(0.025 * self.rate_hz), round(0.010 * self.rate_hz)
        n_fft = 1 << (window - 1).bit_length()
        hann = torch.hann_window(window, device=waveforms.device)
        inside = waveforms * valid(lengths, waveforms.shape[1])
        spectrum = torch.stft(inside, n_fft, hop, window, hann, pad_mode="constant", return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()  # (B, F, T)
        mels = power.transpose(1, 2) @ mel_filters(self.rate_hz, n_fft, self.bands).to(waveforms.device)
        return mels.clamp(min=math.exp(-14)).log(), 1 + lengths // hop

    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Mean and deviation of every band over the frames of the training rows."""
        n, total, squares = 0, torch.zeros_like(self.mean).double(), torch.zeros_like(self.mean).double()
        for features, lengths in batches:
            frames = features[valid(lengths, features.shape[1])].double()
            n, total, squares = n + len(frames), total + frames.sum(0), squares + frames.square().sum(0)
        deviation = (squares / n - (total / n).square()).clamp(min=0).sqrt()
        self.mean.copy_(total / n)
        self.deviation.copy_(torch.where(deviation > 1e-4, deviation, 1.0))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Log-mel bands (B, T, M), lengths (B,) -> scores (B, C)."""
        x = (x - self.mean) / self.deviation
        if self.training:
            x = self.masks(x, lengths)
        x = (x * valid(lengths, x.shape[1])[:, :, None])[:, None]  # (B, 1, T, M)
        for block in self.blocks:
            x, lengths = block(x, lengths)
        x = self.dropout(x.transpose(1, 2).flatten(2))  # (B, T', K * M')
        states = run_grus([self.gru], [x], [lengths])[0]  # (B, T', 2H)
        inside = valid(lengths, states.shape[1])
        weight = inside.to(states.dtype) if self.attention is None else self.attention(states).squeeze(2)
        share = weight.masked_fill(~inside, -math.inf).softmax(1)  # equal weights where there is no attention
        scores: Tensor = self.head(self.dropout(torch.bmm(share[:, None], states).squeeze(1)))
        return scores


class Block(nn.Module):
    """Convolution of 3 x 3 that halves the bands and perhaps the time, normalization, ReLU.

    (B, K, T, M) -> (B, W, T', ceil(M / 2)). What lies beyond a clip is 0 before the convolution and does not count in
    the normalization (Ioffe & Szegedy, ICML 2015), so it changes nothing.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, (stride, 2), padding=1, bias=False)
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.stride = stride

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """A frame of the output is valid if its middle is: its first of two, or itself."""
        lengths = (lengths + self.stride - 1) // self.stride
        x = self.conv(x)
        inside = valid(lengths, x.shape[2])[:, None, :, None]  # (B, 1, T', 1)
        x = x * inside
        mean, variance = self._statistics(x, inside) if self.training else (self.mean, self.variance)
        scale = self.weight * (variance + EPS).rsqrt()
        x = x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]
        return x.relu() * inside, lengths

    def _statistics(self, x: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (W,) of the valid positions, also kept as running means for prediction."""
        share = 1 / (inside.sum() * x.shape[3])
        mean = x.sum((0, 2, 3)) * share
        variance = (x.square().sum((0, 2, 3)) * share - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.mean.lerp_(mean.to(self.mean.dtype), MOMENTUM)
            self.variance.lerp_(variance.to(self.variance.dtype), MOMENTUM)
        return mean, variance


class BandAndTimeMasks(nn.Module):
    """Blanks ranges of bands and stretches of time with the mean, which is 0 (SpecAugment): (B, T, M) -> the same."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.band_masks, self.band_width = settings.band_masks, settings.band_width
        self.time_masks, self.time_share = settings.time_masks, settings.time_share

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Widths and places are uniform, for every clip its own."""
        bands = torch.full_like(lengths, x.shape[2])
        widest = torch.full_like(lengths, self.band_width)
        for _ in range(self.band_masks):
            x = x * ~_range(bands, widest, x.shape[2])[:, None, :]
        for _ in range(self.time_masks):
            x = x * ~_range(lengths, (lengths * self.time_share).long(), x.shape[1])[:, :, None]
        return x


def _range(lengths: Tensor, widest: Tensor, steps: int) -> Tensor:
    """True in a random range of up to ``widest`` (B,) steps within ``lengths`` (B,): (B, steps)."""
    drawn = torch.rand(2, len(lengths), device=lengths.device)
    width = (drawn[0] * (widest + 1)).long()
    start = (drawn[1] * (lengths - width + 1)).long()
    step = torch.arange(steps, device=lengths.device)
    return (step >= start[:, None]) & (step < (start + width)[:, None])
