"""The face that belongs to a synthetic clip: what a face tracker would write, frame by frame.

Mouth opening and lip spread follow the sounds; brows, lids, lip corners follow the emotion, strongest on the accents.
The signs of EXPRESSION are those of the prototypes of Ekman & Friesen's Facial Action Coding System (1978): lip
corners up and cheeks raised in happiness; inner brows up and lip corners down in sadness; brows down and lids tight
in anger; brows up and drawn together, eyes wide and lips stretched in fear.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .synthesis import CONTROL_HZ, HOP, RATE_HZ, Controls

FACE_FPS = 25
FEATURES = (
    "mouth_open", "lip_spread", "inner_brow_up", "brow_down", "eye_wide", "lid_tight",
    "cheek_up", "lip_corner_up", "lip_corner_down", "head_nod",
)  # fmt: skip
EXPRESSION: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "angry": {"brow_down": 1.0, "lid_tight": 0.8, "eye_wide": 0.3, "head_nod": 0.4},
    "calm": {"lid_tight": -0.4, "lip_corner_up": 0.25, "head_nod": -0.2},
    "fear": {"inner_brow_up": 0.8, "brow_down": 0.5, "eye_wide": 1.0, "lip_spread": 0.5},
    "happy": {"lip_corner_up": 1.0, "cheek_up": 0.9, "lid_tight": 0.3},
    "sad": {"inner_brow_up": 0.9, "brow_down": 0.4, "lip_corner_down": 0.8, "head_nod": -0.3},
}


@dataclass(frozen=True)
class Mien:
    """What the face does in a clip besides speaking: rest position (features,) and strength of the expression."""

    emotion: str
    rest: np.ndarray
    strength: float


def frames_of(n_samples: int) -> int:
    """Frames of a clip of ``n_samples``: the last one may be partly past its end."""
    return -(-n_samples * FACE_FPS // RATE_HZ)


def show(controls: Controls, mien: Mien, lead_ms: float, rng: np.random.Generator) -> np.ndarray:
    """The track (frames, features) float32, about -1 to 2; frame k shows what is heard ``lead_ms`` after k / FACE_FPS.

    Before the first and after the last sample the face holds its position.
    """
    n_frames = frames_of(len(controls.f0_hz) * HOP)
    seconds = np.arange(n_frames) / FACE_FPS + lead_ms / 1000
    steps = np.arange(len(controls.opening)) / CONTROL_HZ

    def seen(track: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.interp(seconds, steps, track)
        return values

    accent = gaussian_filter1d(controls.accent, 0.05 * CONTROL_HZ)
    pulse = mien.strength * (0.4 + 0.6 * seen(accent))
    columns = {name: np.full(n_frames, mien.rest[i]) for i, name in enumerate(FEATURES)}
    for name, size in EXPRESSION[mien.emotion].items():
        columns[name] += size * pulse
    columns["mouth_open"] += seen(controls.opening)
    columns["lip_spread"] += (seen(controls.formants_hz[:, 1]) - 1500) / 1500 * seen(controls.voice)
    columns["head_nod"] += 0.4 * seen(accent)
    # what a tracker adds: slow drift and jitter, the same whatever the lead
    noise = 0.05 * rng.standard_normal((n_frames, len(FEATURES)))
    noise += gaussian_filter1d(0.4 * rng.standard_normal((n_frames, len(FEATURES))), 4.0, axis=0)
    return (np.stack([columns[name] for name in FEATURES], axis=1) + noise).astype(np.float32)
