"""Front ends that models share: fixed, per clip, in torch, on the device of their input."""

import math
from functools import cache

import torch
import torchaudio.functional as audio
from torch import Tensor
from torch.nn import functional


def excerpt(waveforms: Tensor, lengths: Tensor, starts: Tensor, samples: int) -> Tensor:
    """``samples`` samples of every clip from its own start, zeros after its end: (B, N) -> (B, samples)."""
    position = starts[:, None] + torch.arange(samples, device=waveforms.device)  # (B, samples)
    inside = position.clamp(max=waveforms.shape[1] - 1)
    return torch.where(position < lengths[:, None], waveforms.gather(1, inside), 0.0)


def resampled(waveforms: Tensor, rate_hz: int, new_rate_hz: int) -> Tensor:
    """Clips at another rate, by windowed sinc interpolation: (B, N) -> (B, ceil(N * new / old))."""
    changed: Tensor = audio.resample(waveforms, rate_hz, new_rate_hz)
    return changed


def mfcc(waveforms: Tensor, lengths: Tensor, rate_hz: int, n_fft: int = 2048, hop: int = 512) -> Tensor:
    """20 MFCC per frame, as librosa's defaults compute them for each clip alone: (B, N) -> (B, 1 + N // hop, 20).

    Hann window, centered frames, 128 Slaney bands up to half the rate, decibels down to 80 below the clip's loudest
    band, orthonormal DCT-II. A clip of n samples has 1 + n // hop frames, an empty one none; later frames are 0.
    """
    window = torch.hann_window(n_fft, device=waveforms.device)
    spectrum = torch.stft(waveforms, n_fft, hop, window=window, pad_mode="constant", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()  # (B, F, T)
    mels = power.transpose(1, 2) @ mel_filters(rate_hz, n_fft, 128).to(waveforms.device)  # (B, T, 128)
    decibels = 10 * mels.clamp(min=1e-10).log10()
    frames = torch.where(lengths > 0, 1 + lengths // hop, 0)
    valid = torch.arange(mels.shape[1], device=waveforms.device) < frames[:, None]  # (B, T)
    loudest = torch.where(valid[..., None], decibels, -math.inf).amax((1, 2), keepdim=True)
    floored = torch.maximum(decibels, loudest - 80)
    return torch.where(valid[..., None], floored @ dct(128, 20).to(waveforms.device), 0.0)


def zero_crossings(waveforms: Tensor, lengths: Tensor, frame: int = 2048, hop: int = 512) -> Tensor:
    """Changes of sign per sample of every frame, as librosa's defaults count them: (B, N) -> (B, 1 + N // hop).

    Frames are centered, and the first and last sample of a clip go on beyond it. A frame counts the changes within it,
    over its whole length; values within 1e-10 of 0 are positive. Frames that a clip does not have are 0.
    """
    negative = waveforms < -1e-10
    changes = functional.pad(negative[:, 1:] != negative[:, :-1], (1, 0))
    position = torch.arange(waveforms.shape[1], device=waveforms.device)
    inside = changes & (position < lengths[:, None])
    sums = functional.pad(inside.long().cumsum(1), (frame // 2 + 1, frame // 2), mode="constant")
    sums[:, frame // 2 + 1 + waveforms.shape[1] :] = inside.sum(1, keepdim=True)  # constant after the end
    starts = torch.arange(0, waveforms.shape[1] + 1, hop, device=waveforms.device)
    counts = sums[:, starts + frame] - sums[:, starts + 1]
    has = torch.arange(len(starts), device=waveforms.device) < torch.where(lengths > 0, 1 + lengths // hop, 0)[:, None]
    return torch.where(has, counts / frame, 0.0)


# kept constants are made outside inference mode, so that a trainable layer may use them too
@cache
@torch.inference_mode(False)
def mel_filters(rate_hz: int, n_fft: int, bands: int) -> Tensor:
    """Triangular filters of unit area on Slaney's mel scale, from 0 Hz to half the rate: (n_fft // 2 + 1, bands)."""
    filters: Tensor = audio.melscale_fbanks(
        n_fft // 2 + 1, 0.0, rate_hz / 2, bands, rate_hz, norm="slaney", mel_scale="slaney"
    )
    return filters


@cache
@torch.inference_mode(False)
def dct(bands: int, coefficients: int) -> Tensor:
    """Orthonormal DCT-II, the first coefficients: (bands, coefficients)."""
    band = torch.arange(bands, dtype=torch.float64)[:, None] + 0.5
    matrix = torch.cos(math.pi / bands * band * torch.arange(coefficients)) * math.sqrt(2 / bands)
    matrix[:, 0] /= math.sqrt(2)
    return matrix.float()
