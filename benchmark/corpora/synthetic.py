"""The built-in corpora: synthetic speech with transcripts and faces, made on the spot from an id and VERSION.

``synth-a`` and ``synth-b`` (another language: vowels, sentences, channel) carry emotions that can be heard, read and
seen. In ``synth-null-a`` and ``synth-null-b`` the label is an independent random permutation of a balanced list per
speaker over the sentences; the takes of a sentence share it, and sound, words and face are made without it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from ...errors import InputError, unknown
from ...seeds import stream
from .synthesis import RATE_HZ, Channel, Controls, level, record, speak
from .synthetic_face import FACE_FPS, FEATURES, Mien, show
from .synthetic_prosody import perform
from .synthetic_text import LANGUAGES, SLOT, carrier, leaning_word, pronounce
from .synthetic_voice import AFFECT, AXES, SPREAD, Chance, Delivery, Voice, deliver, draw_voice
from .table import utterance_table

__all__ = [
    "FACE_FPS", "FEATURES", "MODULES", "NAMES", "VERSION", "corpus", "face", "neutral_talkers", "table", "waveform",
]  # fmt: skip

VERSION = 1  # raise when any sample changes
#: what decides their samples, words and faces
MODULES = tuple(sorted(f"{__package__}.{path.stem}" for path in Path(__file__).parent.glob("synth*.py")))
_CHANNELS = {"a": Channel(50, 7500, -72), "b": Channel(100, 6600, -68)}
#: how much of the spread the takes of a reading share, and how much is the take's own
_ACTED, _NULL = (0.4, 0.5), (1.0, 0.1)


@dataclass(frozen=True)
class Clip:
    """One utterance, by what decides how it sounds. ``heard``: the emotion in sound, words and face."""

    speaker: str
    sentence: int
    take: int
    label: str
    heard: str


@dataclass(frozen=True)
class SyntheticCorpus:
    """A corpus of ``speakers`` (women and men in turn) x ``sentences`` x classes x ``takes``; null corpora have no
    classes of their own: speakers x sentences x takes. Speakers and sentences depend on ``root``, not on the sizes."""

    name: str
    root: str
    language: Literal["a", "b"]
    classes: tuple[str, ...]
    speakers: int
    sentences: int
    takes: int = 1
    null: bool = False
    seed: int = 0

    @cached_property
    def clips(self) -> dict[str, Clip]:
        """All clips by id; the id of a null clip does not name its label."""
        names = [f"{'fm'[i % 2]}{i // 2 + 1}" for i in range(self.speakers)]
        found: dict[str, Clip] = {}
        for speaker in names:
            labels = self._null_labels(speaker) if self.null else [""] * self.sentences
            for sentence, label in enumerate(labels):
                for emotion in [label] if self.null else self.classes:
                    for take in range(self.takes):
                        parts = [speaker, f"s{sentence + 1:02d}", *([] if self.null else [emotion]), f"t{take + 1}"]
                        heard = "neutral" if self.null else emotion
                        found[f"{self.name}/{'-'.join(parts)}"] = Clip(speaker, sentence, take, emotion, heard)
        return found

    def table(self) -> pd.DataFrame:
        """The utterance table; makes no audio."""
        rows: list[dict[str, str | None]] = [
            {
                "id": utterance.partition("/")[2],
                "path": f"synth:{utterance}",
                "speaker": clip.speaker,
                "gender": _gender(clip.speaker),
                "language": LANGUAGES[self.language].code,
                "emotion": clip.label,
                "sentence": f"s{clip.sentence + 1:02d}",
                "session": f"{clip.speaker}-{self._session(clip)}" if self.null else None,  # a speaker's own
                "transcript": self._transcript(clip),
                "official_split": self._part(clip.sentence),
            }
            for utterance, clip in self.clips.items()
        ]
        return utterance_table(rows, self.name, self.name)

    def waveform(self, utterance_id: str) -> np.ndarray:
        """The clip (N,) float32 at 16 kHz, peak below 1."""
        clip = self._clip(utterance_id)
        controls, voice, delivery = self._performance(clip)
        rng = self._stream("sound", *self._take(clip))
        speech = speak(controls, delivery.glottis, voice.tract, rng)
        gain_db, brightness = self._stream("session", clip.speaker, self._session(clip) or "").normal(0, 1, 2)
        speech = level(speech, controls, delivery.level_dbfs + 0.5 * gain_db * self.null)
        return record(speech, _CHANNELS[self.language], 0.03 * brightness * self.null, rng)

    def face(self, utterance_id: str, lead_ms: float = 0.0) -> np.ndarray:
        """The face (frames, FEATURES) float32 at FACE_FPS; it shows each sound ``lead_ms`` before it is heard."""
        clip = self._clip(utterance_id)
        controls, voice, _ = self._performance(clip)
        chance = self._chance("face", clip)
        rest = 0.2 * self._stream("face", clip.speaker).standard_normal(len(FEATURES))
        rest += 0.5 * chance.normal(len(FEATURES))
        strength = voice.expressiveness * float(np.exp(0.4 * chance.normal(1)[0]))
        return show(controls, Mien(clip.heard, rest, strength), lead_ms, self._stream("tracker", *self._take(clip)))

    def _performance(self, clip: Clip) -> tuple[Controls, Voice, Delivery]:
        voice = draw_voice(_gender(clip.speaker), self._stream("voice", clip.speaker))
        style = self._stream("style", clip.speaker, clip.heard).standard_normal(len(AXES))
        chance = self._chance("delivery", clip)
        offsets = voice.expressiveness * np.array(AFFECT[clip.heard]) + SPREAD * (
            0.4 * style + chance.normal(len(AXES))
        )
        delivery = deliver(voice, offsets)
        phones = pronounce(self._transcript(clip), self.language)
        return perform(phones, self.language, voice, delivery, chance), voice, delivery

    def _transcript(self, clip: Clip) -> str:
        # words of a null corpus belong to the sentence alone
        owner = ("slot", clip.sentence) if self.null else ("slot", *self._take(clip))
        rng = self._stream(*owner)
        emotion = self.classes[rng.integers(len(self.classes))] if self.null else clip.heard
        word = leaning_word(self.language, emotion, self.classes, rng)
        return carrier(self.language, clip.sentence).replace(SLOT, word)

    def _null_labels(self, speaker: str) -> list[str]:
        """Labels of the speaker's sentences: a random permutation of a balanced list."""
        balanced = [self.classes[i % len(self.classes)] for i in range(self.sentences)]
        order = self._stream("labels", speaker).permutation(self.sentences)
        return [balanced[i] for i in order]

    def _session(self, clip: Clip) -> str | None:
        return str(1 + 2 * clip.take // self.takes) if self.null else None

    def _part(self, sentence: int) -> str:
        """Official split by sentence: an eighth dev and a quarter test, at least one each."""
        test = max(1, self.sentences // 4)
        dev = max(1, self.sentences // 8)
        left = self.sentences - sentence
        return "test" if left <= test else "dev" if left <= test + dev else "train"

    def _clip(self, utterance_id: str) -> Clip:
        try:
            return self.clips[utterance_id]
        except KeyError:
            raise InputError(
                f"{self.name}: no utterance '{utterance_id}'; ids are like {next(iter(self.clips))}"
            ) from None

    def _take(self, clip: Clip) -> tuple[str | int, ...]:
        return (clip.speaker, clip.sentence, clip.heard, clip.take)

    def _chance(self, purpose: str, clip: Clip) -> Chance:
        *reading, take = self._take(clip)
        return Chance(
            self._stream(purpose, *reading), self._stream(purpose, *reading, take), _NULL if self.null else _ACTED
        )

    def _stream(self, *facts: str | int) -> np.random.Generator:
        return stream("synthetic", VERSION, self.root, self.seed, *facts)


def _gender(speaker: str) -> str:
    return "female" if speaker.startswith("f") else "male"


_ACTED_A = SyntheticCorpus("synth-a", "synth-a", "a", ("angry", "fear", "happy", "neutral", "sad"), 6, 8)
_ACTED_B = SyntheticCorpus("synth-b", "synth-b", "b", ("angry", "calm", "happy", "neutral", "sad"), 6, 8)
_FOUR = ("angry", "happy", "neutral", "sad")
_NULL_A = SyntheticCorpus("synth-null-a", "synth-null-a", "a", _FOUR, 10, 24, takes=4, null=True)
_NULL_B = SyntheticCorpus("synth-null-b", "synth-null-b", "b", _FOUR, 10, 24, takes=4, null=True)
_NAMED = {c.name: c for c in (_ACTED_A, _ACTED_B, _NULL_A, _NULL_B)}
NAMES: tuple[str, ...] = tuple(_NAMED)


def corpus(speakers: int, sentences: int, takes: int = 1, seed: int = 0, like: str = "synth-a") -> SyntheticCorpus:
    """A corpus of any size in the manner of a named one; with another seed: other speakers, readings, labels.

    Of an acted corpus ``speakers x sentences x 5 classes x takes`` clips, of a null one without the classes.
    Raises InputError for sizes below one, and for a null corpus whose labels cannot be balanced or takes halved.
    """
    known = _named(like)
    if min(speakers, sentences, takes) < 1:
        raise InputError(
            f"synthetic corpus: {speakers} speakers, {sentences} sentences, {takes} takes; at least 1 each"
        )
    if known.null and (sentences % len(known.classes) or takes % 2):
        raise InputError(
            f"synthetic null corpus: {sentences} sentences, {takes} takes; it needs a multiple of "
            f"{len(known.classes)} sentences and an even number of takes"
        )
    name = f"{like}-{speakers}x{sentences}x{takes}-{seed}"
    return replace(known, name=name, speakers=speakers, sentences=sentences, takes=takes, seed=seed)


def table(name: str) -> pd.DataFrame:
    """The utterance table of a named corpus: instant, no audio. ``path`` is ``synth:`` and the id."""
    return _named(name).table()


def waveform(name: str, utterance_id: str) -> np.ndarray:
    """One clip of a named corpus (N,) float32 at 16 kHz, peak below 1; the same for the same id and VERSION."""
    return _named(name).waveform(utterance_id)


def face(name: str, utterance_id: str, lead_ms: float = 0.0) -> np.ndarray:
    """The face track (frames, FEATURES) float32 at FACE_FPS of a clip; it leads the sound by ``lead_ms``."""
    return _named(name).face(utterance_id, lead_ms)


def neutral_talkers(seconds: float, rng: np.random.Generator, n: int = 8) -> list[np.ndarray]:
    """``n`` talkers, women and men in turn, each (seconds * 16000,) float32 of neutral speech without pauses."""
    length = round(seconds * RATE_HZ)
    return [_talk(("female", "male")[i % 2], length, rng) for i in range(n)]


def _talk(gender: str, length: int, rng: np.random.Generator) -> np.ndarray:
    voice = replace(draw_voice(gender, rng), level_dbfs=-26.0)
    said: list[np.ndarray] = []
    while sum(map(len, said)) < length:
        chance = Chance(rng, rng, _ACTED)
        delivery = deliver(voice, SPREAD * chance.normal(len(AXES)) * (np.array(AXES) != "level"))
        text = carrier("a", int(rng.integers(1000))).replace(SLOT, leaning_word("a", "neutral", ("neutral",), rng))
        controls = perform(pronounce(text, "a"), "a", voice, delivery, chance)
        speech = speak(controls, delivery.glottis, voice.tract, rng)
        # the silence before and after a sentence is left out but for a breath
        said.append(level(speech, controls, voice.level_dbfs)[int(0.08 * RATE_HZ) : -int(0.09 * RATE_HZ)])
    return np.concatenate(said)[:length] if said else np.zeros(0, dtype=np.float32)


def _named(name: str) -> SyntheticCorpus:
    if name not in _NAMED:
        raise unknown("synthetic corpus", name, NAMES)
    return _NAMED[name]
