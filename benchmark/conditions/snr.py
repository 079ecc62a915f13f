"""Signal-to-noise ratio: power of the speech over power of the noise, both on the frames in which the clip speaks."""

from collections.abc import Callable

import numpy as np

from ...errors import InputError

FRAME_SECONDS = 0.02
ACTIVE_DB = 30.0  # a frame is active within this of the loudest
SILENCE = 1e-20  # power of the loudest frame; one step of a 32-bit file has 2e-19
LIMIT_DB = 60.0  # beyond it float32 no longer holds both signals to 0.1 dB
TRIES = 20
FAINT = 1e-2  # of the noise's own long-term power: below it the noise pauses where the clip speaks


def active_frames(speech: np.ndarray, rate_hz: int) -> np.ndarray:
    """Which frames speak: bool (F,), true within 30 dB of the loudest; all false when the clip is silent.

    Frames last 20 ms and do not overlap. The rest at the end belongs to the last frame, and a clip shorter than a
    frame is one frame, so every sample counts.
    """
    energy, lengths = _energy(speech, rate_hz)
    power = energy / lengths
    loudest = power.max(initial=0.0)
    return np.asarray((power >= loudest * 10 ** (-ACTIVE_DB / 10)) & (loudest > SILENCE))


def active_samples(speech: np.ndarray, rate_hz: int) -> np.ndarray:
    """Which samples lie in frames that speak: bool (N,)."""
    return np.repeat(active_frames(speech, rate_hz), _energy(speech, rate_hz)[1])


def active_power(speech: np.ndarray, noise: np.ndarray, rate_hz: int) -> tuple[float, float]:
    """Mean square of ``speech`` and of ``noise`` (both (N,)) on the frames in which the speech is active.

    Both are 0 when the speech is silent.
    """
    active = active_frames(speech, rate_hz)
    return _mean_square(speech, active, rate_hz), _mean_square(noise, active, rate_hz)


def add(
    speech: np.ndarray, rate_hz: int, level_db: float, draw: Callable[[], np.ndarray], speech_name: str, noise_name: str
) -> np.ndarray:
    """``speech`` plus noise at ``level_db``: float32 (N,), neither clipped nor renormalized.

    ``draw`` gives noise (N,) of long-term power 1. Noise that pauses where the clip speaks is drawn again, since
    raising its pauses to the wanted ratio would give something else than that noise. InputError, by the given names,
    for a clip that is silent or holds values that are not finite, and for noise that pauses in every draw.
    """
    check_finite(speech, speech_name)
    active = active_frames(speech, rate_hz)
    if not active.any():
        raise InputError(f"{speech_name}: silent, so it has no signal-to-noise ratio; leave this clip out")
    wanted = _mean_square(speech, active, rate_hz) * 10 ** (-level_db / 10)
    for _ in range(TRIES):
        noise = draw()
        power = _mean_square(noise, active, rate_hz)
        if power >= FAINT:
            return np.asarray(speech + np.float32(np.sqrt(wanted / power)) * noise, dtype=np.float32)
    raise InputError(
        f"{speech_name}: {TRIES} draws of {noise_name} were silent, or nearly, where the clip speaks; "
        "give recordings with fewer and shorter pauses"
    )


def check_finite(waveform: np.ndarray, name: str) -> None:
    """InputError by name for a clip that holds NaN or infinite samples."""
    if not np.isfinite(waveform).all():
        raise InputError(f"{name}: samples that are not finite (NaN or infinite); leave this clip out")


def _energy(waveform: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum of squares (F,) and number of samples (F,) of every frame."""
    frame = round(FRAME_SECONDS * rate_hz)
    starts = np.arange(max(len(waveform) // frame, min(len(waveform), 1))) * frame
    energy = np.add.reduceat(np.square(waveform, dtype=np.float64), starts) if len(starts) else np.zeros(0)
    return energy, np.diff(starts, append=len(waveform))


def _mean_square(waveform: np.ndarray, active: np.ndarray, rate_hz: int) -> float:
    """Mean square over the samples of the active frames; 0 when there are none."""
    energy, lengths = _energy(waveform, rate_hz)
    return float(energy[active].sum() / max(int(lengths[active].sum()), 1))
