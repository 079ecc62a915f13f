"""Shoebox rooms by reverberation time: image sources for the first reflections, a diffuse tail behind them.

Allen and Berkley (1979), "Image method for efficiently simulating small-room acoustics", J. Acoust. Soc. Am. 65(4);
Lehmann and Johansson (2010), "Diffuse reverberation model for efficient image-source simulation of room impulse
responses", IEEE Trans. Audio Speech Lang. Process. 18(6), also for the negative reflection coefficients. Walls absorb
alike at all frequencies, the air nothing; talker and microphone are omnidirectional.
"""

from dataclasses import dataclass

import numpy as np

from ...errors import InputError

SOUND_M_S = 343.0
SIZES_M = ((4.0, 8.0), (3.0, 6.0), (2.5, 3.5))  # length, width, height
FROM_WALL_M = 0.5
DISTANCE_M = (1.0, 3.0)  # from the talker to the microphone
IMAGES_SECONDS = 0.05  # after it several reflections arrive in every millisecond
HALF_TAPS = 16  # of the filter that puts a reflection between two samples
TRIES = 12
CLOSE = 0.02  # of the asked reverberation time


@dataclass(frozen=True)
class Room:
    """A box and two places in it, (3,) each, in meters."""

    size: np.ndarray
    talker: np.ndarray
    microphone: np.ndarray

    @property
    def volume(self) -> float:
        """In cubic meters."""
        return float(self.size.prod())

    @property
    def surface(self) -> float:
        """In square meters."""
        return float(2 * (self.volume / self.size).sum())

    @property
    def distance(self) -> float:
        """From the talker to the microphone, in meters."""
        return float(np.linalg.norm(self.talker - self.microphone))


def draw_room(rng: np.random.Generator) -> Room:
    """A room of an office or a home; both places at least half a meter from every wall, 1 to 3 m from each other."""
    size = np.array([rng.uniform(*bounds) for bounds in SIZES_M])
    while True:
        talker, microphone = rng.uniform(FROM_WALL_M, size - FROM_WALL_M, (2, 3))
        room = Room(size, talker, microphone)
        if DISTANCE_M[0] <= room.distance <= DISTANCE_M[1]:
            return room


def response(room: Room, seconds: float, rate_hz: int, rng: np.random.Generator) -> np.ndarray:
    """Impulse response (N,) float64 from the direct sound on; its `reverberation_time` is ``seconds`` within 2 %.

    The decay of a box differs from that of the formulas, so what is asked of them is corrected until what comes out is
    right. InputError where that is not reached.
    """
    images = _images(room)
    noise = rng.standard_normal(round(seconds * rate_hz))
    target = seconds
    for _ in range(TRIES):
        impulse = _made(room, images, target, rate_hz, noise)
        seconds_of_impulse = reverberation_time(impulse, rate_hz)
        if abs(seconds_of_impulse / seconds - 1) <= CLOSE:
            return impulse
        target *= float(np.clip(seconds / max(seconds_of_impulse, 1e-9), 0.5, 2))
    raise InputError(
        f"a room of {seconds:g} s: {TRIES} tries ended at {seconds_of_impulse:.3f} s; ask for another time"
    )


def reverberation_time(response: np.ndarray, rate_hz: int) -> float:
    """RT60 in s as ISO 3382 measures it: Schroeder's backward integration, a line from -5 to -35 dB (T30).

    The response must begin with the direct sound. NaN where it does not decay by 35 dB, 0 where it does at once.
    """
    energy = np.cumsum(np.square(response[::-1], dtype=np.float64))[::-1]
    level = 10 * np.log10(np.maximum(energy / energy[0], 1e-30))
    first, last = np.searchsorted(-level, (5, 35))
    if last >= len(level):
        return float("nan")
    if last == first:  # it drops at once
        return 0.0
    x, y = np.arange(first, last + 1) / rate_hz, level[first : last + 1]
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return float(-60 / slope)


def _images(room: Room) -> tuple[np.ndarray, np.ndarray]:
    """Of the images that are heard within `IMAGES_SECONDS`: distance in m (K,) and number of reflections (K,)."""
    reach = SOUND_M_S * IMAGES_SECONDS
    squares, bounces = np.zeros((1, 1, 1)), np.zeros((1, 1, 1))
    for axis in range(3):
        size, talker, microphone = room.size[axis], room.talker[axis], room.microphone[axis]
        m = np.arange(-int(reach / (2 * size)) - 1, int(reach / (2 * size)) + 2)
        places = np.concatenate([2 * m * size + talker, 2 * m * size - talker]) - microphone
        counts = np.concatenate([2 * np.abs(m), np.abs(m - 1) + np.abs(m)])
        shape = [-1 if a == axis else 1 for a in range(3)]
        squares, bounces = squares + (places**2).reshape(shape), bounces + counts.reshape(shape)
    within = squares <= reach**2
    return np.sqrt(squares[within]), bounces[within]


def _made(
    room: Room, images: tuple[np.ndarray, np.ndarray], seconds: float, rate_hz: int, noise: np.ndarray
) -> np.ndarray:
    """The response of walls whose absorption gives ``seconds`` by Eyring's formula, and a tail that decays in them."""
    distance, bounces = images
    kept = np.exp(-24 * np.log(10) / SOUND_M_S * room.volume / (room.surface * seconds))  # of the energy, by a wall
    sizes = (-np.sqrt(kept)) ** bounces / (4 * np.pi * distance)
    times = (distance - room.distance) / SOUND_M_S * rate_hz  # in samples after the direct sound
    mixed = round((IMAGES_SECONDS - room.distance / SOUND_M_S) * rate_hz)
    early = _placed(times, sizes, mixed)
    late = np.arange(mixed, mixed + len(noise)) / rate_hz + room.distance / SOUND_M_S  # s after the talker's click
    power = SOUND_M_S / (4 * np.pi * room.volume * rate_hz) * 10 ** (-6 * late / seconds)  # of all images, per sample
    return np.concatenate([early, np.sqrt(power) * noise])


def _placed(times: np.ndarray, sizes: np.ndarray, n: int) -> np.ndarray:
    """Band-limited impulses of ``sizes`` at ``times`` in samples, not whole ones: (n,)."""
    whole = np.floor(times).astype(int)
    taps = np.arange(1 - HALF_TAPS, HALF_TAPS + 1)
    offset = taps - (times - whole)[:, None]
    shape = np.sinc(offset) * np.cos(np.pi * offset / (2 * HALF_TAPS + 2)) ** 2
    at = whole[:, None] + taps
    inside = (at >= 0) & (at < n)
    return np.bincount(at[inside], (sizes[:, None] * shape)[inside], minlength=n)
