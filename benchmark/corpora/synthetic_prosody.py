"""From sounds and a delivery to control tracks: durations, formant targets, intonation."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve1d

from .synthesis import CONTROL_HZ, Controls
from .synthetic_text import LANGUAGES, Phone
from .synthetic_voice import Chance, Delivery, Voice

F1F2F3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a sound with one target. ``formants`` None: those of the next sound. ``friction`` noise has its
    peak at ``noise_hz``. Amplitudes as in `Controls`; ``breath`` adds to that of the voice."""

    ms: float
    formants: F1F2F3 | None
    voice: float = 0.0
    friction: float = 0.0
    noise_hz: float = 3000.0
    width_hz: float = 2000.0
    breath: float = 0.0
    opening: float = 0.1


_LIPS, _TEETH, _VELUM = (280.0, 850.0, 2250.0), (300.0, 1750.0, 2650.0), (300.0, 2050.0, 2400.0)
#: our own values, in the ranges that acoustic phonetics gives: labials draw F2 down, velars F2 and F3 together
_CONSONANTS: Mapping[str, tuple[Part, ...]] = {
    "p": (Part(55, _LIPS, opening=0.0), Part(25, None, friction=0.25, noise_hz=1100, breath=0.15)),
    "t": (Part(50, _TEETH), Part(28, None, friction=0.45, noise_hz=4200, breath=0.12)),
    "k": (Part(50, _VELUM), Part(32, None, friction=0.40, noise_hz=2000, width_hz=900, breath=0.15)),
    "b": (Part(50, _LIPS, voice=0.15, opening=0.0), Part(8, None, voice=0.3, friction=0.15, noise_hz=1000)),
    "d": (Part(45, _TEETH, voice=0.15), Part(10, None, voice=0.3, friction=0.25, noise_hz=4000)),
    "g": (Part(45, _VELUM, voice=0.15), Part(12, None, voice=0.3, friction=0.25, noise_hz=1900, width_hz=900)),
    "m": (Part(60, (260.0, 1050.0, 2200.0), voice=0.45, opening=0.0),),
    "n": (Part(55, (260.0, 1500.0, 2550.0), voice=0.45),),
    "N": (Part(60, (270.0, 2000.0, 2500.0), voice=0.4),),
    "l": (Part(50, (340.0, 1150.0, 2750.0), voice=0.6, opening=0.3),),
    "r": (Part(50, (400.0, 1300.0, 1650.0), voice=0.6, opening=0.25),),
    "w": (Part(50, (300.0, 650.0, 2200.0), voice=0.6, opening=0.15),),
    "y": (Part(45, (280.0, 2150.0, 2900.0), voice=0.6, opening=0.2),),
    "s": (Part(90, _TEETH, friction=0.75, noise_hz=5800, width_hz=2200),),
    "z": (Part(65, _TEETH, voice=0.3, friction=0.40, noise_hz=5600, width_hz=2200),),
    "S": (Part(95, (300.0, 1850.0, 2500.0), friction=0.80, noise_hz=3100, width_hz=1300),),
    "f": (Part(80, _LIPS, friction=0.30, noise_hz=6000, width_hz=6000, opening=0.05),),
    "v": (Part(50, _LIPS, voice=0.35, friction=0.12, noise_hz=5500, width_hz=6000, opening=0.05),),
    "T": (Part(75, (320.0, 1400.0, 2600.0), friction=0.25, noise_hz=6500, width_hz=5000),),
    "h": (Part(55, None, breath=0.45, opening=0.4),),
}
_VOWEL_MS = 85.0
_SCHWA = (500.0, 1500.0, 2500.0)


@dataclass(frozen=True)
class _Timeline:
    """Parts with their ends (s), and the middles of all vowels (s) with their accent (0 or 1)."""

    parts: list[Part]
    ends: np.ndarray
    nuclei: np.ndarray
    accents: np.ndarray


def _parts(phone: Phone, vowels: Mapping[str, F1F2F3]) -> tuple[Part, ...]:
    if phone.symbol not in vowels:
        return _CONSONANTS[phone.symbol]
    target = vowels[phone.symbol]
    reduced = 0.0 if phone.stressed else 0.25  # unstressed vowels move toward the middle
    f1, f2, f3 = (t + reduced * (s - t) for t, s in zip(target, _SCHWA, strict=True))
    ms = _VOWEL_MS * (1.25 if phone.stressed else 0.85) * (1.35 if phone.final else 1.0)
    return (Part(ms, (f1, f2, f3), voice=1.0 if phone.stressed else 0.85, opening=0.25 + 0.75 * target[0] / 730),)


def _timeline(
    phones: list[Phone], language: str, rate: float, edges_s: tuple[float, float], lengths: np.ndarray
) -> _Timeline:
    """``lengths`` (phones,): factors of the durations."""
    vowels = LANGUAGES[language].vowels
    parts, times, nuclei, accents = [Part(1000 * edges_s[0], None, opening=0.0)], [edges_s[0]], [], []
    for phone, length in zip(phones, lengths, strict=True):
        for part in _parts(phone, vowels):
            seconds = part.ms / 1000 / rate * float(length)
            if phone.symbol in vowels:
                nuclei.append(sum(times) + seconds / 2)
                accents.append(float(phone.stressed))
            parts.append(part)
            times.append(seconds)
    parts.append(Part(1000 * edges_s[1], None, opening=0.0))
    return _Timeline(parts, np.cumsum([*times, edges_s[1]]), np.array(nuclei), np.array(accents))


def _smooth(track: np.ndarray, ms: float) -> np.ndarray:
    """A track (T, ...) under a Hann window of ``ms``."""
    steps = round(ms / 1000 * CONTROL_HZ) | 1
    window = np.hanning(steps + 2)[1:-1]
    smooth: np.ndarray = convolve1d(track, window / window.sum(), axis=0, mode="nearest")
    return smooth


def _formants(parts: list[Part]) -> np.ndarray:
    """Targets (parts, 3); a part without its own takes those of the next one that has, at the end of the last."""
    rows: list[F1F2F3] = []
    following = _SCHWA
    for part in reversed(parts):
        following = part.formants or following
        rows.append(following)
    return np.array(rows[::-1])


def _intonation(
    timeline: _Timeline, delivery: Delivery, times: np.ndarray, heights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """F0 contour in semitones around its mean (not yet centered), and the accent (0 to 1), both (T,)."""
    bumps = np.exp(-0.5 * ((times[:, None] - timeline.nuclei) / 0.07) ** 2)  # (T, nuclei)
    accent = np.max(bumps * timeline.accents, axis=1, initial=0.0)
    start, end = timeline.ends[0], timeline.ends[-2]
    progress = np.clip((times - start) / (end - start), 0, 1)
    contour = delivery.span_st * (bumps @ (timeline.accents * heights) + 0.5 - 1.0 * progress)
    late = np.clip((times - (end - 0.25)) / 0.25, 0, 1)
    return contour + delivery.glide_st * late, accent


def perform(phones: list[Phone], language: str, voice: Voice, delivery: Delivery, chance: Chance) -> Controls:
    """Control tracks of a sentence; ``chance`` moves durations and accents."""
    lengths = np.exp(0.12 * chance.normal(len(phones)))
    before, after = (float(x) for x in 0.015 * np.clip(chance.normal(2), -2, 2))
    edges_s = (0.1 + before, 0.13 + after)
    timeline = _timeline(phones, language, delivery.rate, edges_s, lengths)
    times = np.arange(int(timeline.ends[-1] * CONTROL_HZ)) / CONTROL_HZ
    index = np.searchsorted(timeline.ends, times, side="right").clip(max=len(timeline.parts) - 1)

    def track(name: str, ms: float) -> np.ndarray:
        return _smooth(np.array([getattr(part, name) for part in timeline.parts], dtype=float)[index], ms)

    voiced = track("voice", 25)
    heights = np.exp(0.25 * chance.normal(len(timeline.nuclei)))
    contour, accent = _intonation(timeline, delivery, times, heights)
    contour -= np.average(contour, weights=voiced)
    formants = _smooth(_formants(timeline.parts)[index], 55) * voice.tract * np.array(voice.timbre)
    return Controls(
        f0_hz=delivery.f0_hz * 2 ** (contour / 12),
        voice=voiced * (0.8 + 0.2 * accent),
        breath=track("breath", 20) + delivery.breath * voiced,
        friction=track("friction", 15),
        formants_hz=np.clip(formants, (180.0, 450.0, 1300.0), (1400.0, 3400.0, 4200.0)),
        friction_hz=np.clip(track("noise_hz", 15) * (0.5 + 0.5 * voice.tract), 600, 7200),
        friction_width_hz=track("width_hz", 15),
        accent=accent,
        opening=track("opening", 60),
    )
