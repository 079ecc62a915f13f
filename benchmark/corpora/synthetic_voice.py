"""Who speaks and how: voices, and what an emotion does to a voice.

The directions of AFFECT are those on which the reviews of the field agree; the sizes are ours.

- Murray & Arnott, J. Acoust. Soc. Am. 93 (1993), table of vocal effects: anger and happiness raise and widen F0 and
  are louder, fear raises F0 much, is much faster and has irregular voicing, sadness is lower, narrower, slower, softer.
- Banse & Scherer, J. Pers. Soc. Psychol. 70 (1996): F0 and energy follow arousal, hot anger and panic high, sadness
  and boredom low; hot anger puts more of the energy into high frequencies.
- Juslin & Laukka, Psychol. Bull. 129 (2003): anger, fear and happiness fast, sadness and tenderness slow; much
  high-frequency energy in anger, little in fear, sadness and tenderness; little F0 variability in fear, sadness and
  tenderness, much in anger and happiness; rising contours in fear and happiness, falling ones in sadness;
  irregularities in anger, fear and sadness. Calm takes the directions of tenderness.
- Gobl & Ni Chasaide, Speech Commun. 40 (2003): tense voice is heard as angry or stressed, breathy and lax voice as
  sad or relaxed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .synthesis import Glottis

#: what can move: F0 mean (semitones), F0 excursions (octaves: 1 doubles them), glide of the last syllable
#: (semitones), rate (octaves), level (dB), loss at 3 kHz (dB), breath noise (dB), irregularity (octaves)
AXES = ("pitch", "span", "glide", "rate", "level", "tilt", "breath", "irregular")
AFFECT: Mapping[str, tuple[float, ...]] = {
    "neutral": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "angry": (3.5, 0.6, -1.5, 0.16, 7.0, -8.0, -6.0, 0.7),
    "calm": (-1.0, -0.5, -0.5, -0.18, -3.0, 3.0, 3.0, -0.3),
    "fear": (5.5, -0.3, 2.0, 0.26, -1.0, 1.5, 1.0, 1.2),
    "happy": (4.5, 0.8, 2.5, 0.12, 3.5, -4.5, 4.0, 0.0),
    "sad": (-1.5, -0.7, -2.0, -0.30, -5.0, 5.5, 4.0, 0.5),
}
#: by how much (sd) an axis moves between deliveries of the same emotion
SPREAD = np.array([1.2, 0.3, 1.2, 0.08, 2.0, 2.0, 2.5, 0.35])


@dataclass(frozen=True)
class Voice:
    """A speaker. ``tract`` scales the formants (about 1 for men, 1.17 for women), ``timbre`` (3,) each of F1-F3 on
    top; ``expressiveness`` scales what an emotion does."""

    f0_hz: float
    tract: float
    timbre: tuple[float, float, float]
    rate: float
    level_dbfs: float
    tilt_db: float
    breath_db: float
    expressiveness: float


@dataclass(frozen=True)
class Delivery:
    """How one clip is spoken, in the units that the synthesizer takes. ``span_st``: height of the accents."""

    f0_hz: float
    span_st: float
    glide_st: float
    rate: float
    level_dbfs: float
    breath: float
    glottis: Glottis


@dataclass(frozen=True)
class Chance:
    """Variation with two owners: what all takes of a reading share, and the take. ``shares``: sd of each."""

    reading: np.random.Generator
    take: np.random.Generator
    shares: tuple[float, float]

    def normal(self, n: int) -> np.ndarray:
        """(n,) normal numbers with mean 0 and variance ``shares[0]**2 + shares[1]**2``."""
        of_reading, of_take = self.shares
        return of_reading * self.reading.standard_normal(n) + of_take * self.take.standard_normal(n)


def draw_voice(gender: str, rng: np.random.Generator) -> Voice:
    """A new ``female`` or ``male`` speaker."""
    female = gender == "female"
    f0_hz = (205.0 if female else 115.0) * 2 ** (rng.normal(0, 1.3) / 12)
    f1, f2, f3 = 1 + rng.normal(0, 0.025, 3)
    return Voice(
        f0_hz=float(f0_hz),
        tract=float((1.17 if female else 1.0) * (1 + rng.normal(0, 0.025))),
        timbre=(float(f1), float(f2), float(f3)),
        rate=float(2 ** rng.normal(0, 0.1)),
        level_dbfs=float(-27 + rng.normal(0, 1.0)),
        tilt_db=float(8 + rng.normal(0, 1.0)),
        breath_db=float((-27 if female else -30) + rng.normal(0, 1.5)),
        expressiveness=float(rng.uniform(0.8, 1.2)),
    )


def deliver(voice: Voice, offsets: np.ndarray) -> Delivery:
    """The voice moved along AXES by ``offsets`` (8,)."""
    pitch, span, glide, rate, level, tilt, breath, irregular = (float(x) for x in offsets)
    unsteady = 2.0 ** min(irregular, 2.5)
    return Delivery(
        f0_hz=voice.f0_hz * 2 ** (pitch / 12),
        span_st=3.0 * 2.0**span,
        glide_st=glide,
        rate=voice.rate * 2**rate,
        level_dbfs=voice.level_dbfs + level,
        breath=10 ** ((voice.breath_db + breath) / 20),
        glottis=Glottis(
            tilt_db=voice.tilt_db + tilt,
            # a tense voice closes longer, a breathy one hardly closes
            open_quotient=float(np.clip(0.6 + 0.012 * breath + 0.008 * tilt, 0.4, 0.85)),
            jitter=0.005 * unsteady,
            shimmer=0.03 * unsteady,
        ),
    )
