"""Copies of clips: what the steps of a fold's rows do to a waveform, on the device of the run.

Draws depend on utterance, number of the copy, kind of step and seed, never on a level: arms that differ in a level hear
the same draws, scaled; also where the level of another step is 0 and that step is not there.

Pitch and tempo are changed by a phase vocoder (Laroche and Dolson, 1999).
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...protocols.parts.augment import Step
from ...protocols.parts.rows import copy_of, utterance_of
from ...seeds import stream

CPU = torch.device("cpu")
WINDOW_S = 0.064  # of the phase vocoder; a quarter of it is the hop


@dataclass(frozen=True)
class CopyMaker:
    """How copies are made: number of a copy -> its steps, the seed of their draws, and the device that computes."""

    copies: Mapping[int, tuple[Step, ...]] = field(default_factory=dict)
    seed: int = 0
    device: torch.device = CPU

    def key(self, row: str) -> str:
        """A name for how a row is made; empty for the clip itself. InputError for a copy without a recipe."""
        copy = copy_of(row)
        if copy == 0:
            return ""
        if copy not in self.copies:
            raise InputError(f"row {row}: this protocol declares no recipe for copy {copy}")
        facts = [copy, self.seed, self.device.type, [asdict(step) for step in self.copies[copy]]]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def parts(self, rows: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """The rows by how they are made."""
        parts: dict[str, list[str]] = {}
        keys = {copy: self.key(f"#{copy}") for copy in {copy_of(row) for row in rows}}
        for row in rows:
            parts.setdefault(keys[copy_of(row)], []).append(row)
        yield from parts.items()

    def sound(self, waveform: np.ndarray, rate_hz: int, row: str) -> np.ndarray:
        """Float32 (N,) of the clip -> float32 (M,) of its copy. InputError for a silent clip that shall get noise."""
        for step, drawn in self._steps(row):
            if step.kind == "snr":
                waveform = _in_noise(waveform, rate_hz, row, step, drawn)
            elif step.kind != "face-shift":
                x = torch.from_numpy(np.asarray(waveform, dtype=np.float32)).to(self.device)
                waveform = changed(x, rate_hz, step, drawn).cpu().numpy()
        return waveform

    def face_shift_s(self, row: str) -> float:
        """By how much the face of a row is moved against its sound, in seconds; later is positive."""
        return sum(value_of(step, drawn) for step, drawn in self._steps(row) if step.kind == "face-shift") / 1000

    def _steps(self, row: str) -> Iterator[tuple[Step, np.random.Generator]]:
        """The steps of a row, each with what it draws from: the same whatever other kinds of steps there are."""
        counts = Counter[str]()
        for step in self.copies.get(copy_of(row), ()):
            copy = step.like or copy_of(row)
            yield step, stream("augment", utterance_of(row), copy, counts[step.kind], step.kind, self.seed)
            counts[step.kind] += 1


def _in_noise(waveform: np.ndarray, rate_hz: int, row: str, step: Step, rng: np.random.Generator) -> np.ndarray:
    from ..conditions.recordings import recordings
    from ..conditions.training import in_noise

    if step.source and step.content not in ("", content := recordings(step.source).content):
        raise InputError(
            f"{step.source}: its recordings changed since training in their noise was planned "
            f"(content {content}, planned {step.content}); start a new run folder"
        )
    return in_noise(waveform, rate_hz, row, step.noises, step.low, step.high, rng, step.source)


def value_of(step: Step, rng: np.random.Generator) -> float:
    """The value of a step: drawn evenly between its bounds."""
    return step.low if step.low == step.high else step.low + (step.high - step.low) * float(rng.random())


def changed(x: Tensor, rate_hz: int, step: Step, rng: np.random.Generator) -> Tensor:
    """One step on a waveform (N,): noise, pitch, stretch or shift. Noise and pitch keep the length."""
    value = value_of(step, rng)
    if step.kind == "noise":  # Lee and Nadeem (2025): the peak is the largest sample, not the largest magnitude
        scale = value * (float(rng.random()) if step.scaled else 1.0)
        drawn = torch.from_numpy(rng.standard_normal(len(x)).astype(np.float32)).to(x.device)
        return x + scale * x.max() * drawn
    if step.kind == "pitch":
        ratio = 2 ** (value / 12)
        return resampled(stretched(x, 1 / ratio, rate_hz), len(x)) if value else x
    if step.kind == "stretch":
        return stretched(x, value, rate_hz) if value != 1 else x
    if step.kind == "shift":
        return torch.roll(x, round(value * rate_hz))
    raise InputError(f"step '{step.kind}': changes no waveform")


def resampled(x: Tensor, n: int) -> Tensor:
    """The waveform (N,) on ``n`` samples over the same time, band-limited: through its Fourier transform."""
    spectrum = torch.fft.rfft(x)
    bins = torch.zeros(n // 2 + 1, dtype=spectrum.dtype, device=x.device)
    common = min(len(spectrum), len(bins))
    bins[:common] = spectrum[:common]
    waveform: Tensor = torch.fft.irfft(bins, n) * (n / len(x))
    return waveform


def stretched(x: Tensor, rate: float, rate_hz: int) -> Tensor:
    """The waveform (N,) ``rate`` times as quick at the same pitch: (round(N / rate),)."""
    bins = 1 << (round(WINDOW_S * rate_hz) - 1).bit_length()
    hop, n = bins // 4, round(len(x) / rate)
    window = torch.hann_window(bins, device=x.device)
    padded = torch.nn.functional.pad(x, (0, max(0, bins - len(x))))
    frames = torch.stft(padded, bins, hop, window=window, pad_mode="constant", return_complex=True)  # (F, T)
    at = torch.arange(0, frames.shape[1], rate, device=x.device, dtype=torch.float64)
    frames = torch.nn.functional.pad(frames, (0, 2))
    first = at.floor().long()
    weight = (at - first).to(x.dtype)
    before, after = frames[:, first], frames[:, first + 1]
    size = (1 - weight) * before.abs() + weight * after.abs()
    advance = 2 * math.pi * hop / bins * torch.arange(len(frames), device=x.device, dtype=torch.float64)[:, None]
    turn = after.angle().double() - before.angle().double() - advance
    turn = turn - 2 * math.pi * torch.round(turn / (2 * math.pi)) + advance  # phase from one frame to the next
    # a sum by matrix: on CUDA the running sum is not deterministic
    earlier = torch.ones(len(at), len(at), device=x.device, dtype=torch.float64).triu(1)
    phase = frames[:, :1].angle().double() + turn @ earlier
    turned = torch.polar(size.double(), phase).to(frames.dtype)
    needed = math.ceil(n / hop) + 1
    turned = torch.nn.functional.pad(turned, (0, max(0, needed - turned.shape[1])))
    return torch.istft(turned, bins, hop, window=window, length=n)
