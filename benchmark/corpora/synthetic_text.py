"""What the synthetic speakers say: two small languages, their sentences, and the sounds of a transcript.

Both are read by rule, one letter one sound. Language ``a`` borrows English words; every word of ``b`` is invented.
A sentence is three words drawn from lists and a slot, and the word in the slot leans toward the emotion.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from ...errors import InputError
from ...seeds import stream

#: how often the word in the slot is one of the emotion's own; otherwise it is one of another class
LEAN = 0.6
SLOT = "~"


@dataclass(frozen=True)
class Language:
    """Formants F1-F3 in Hz of its vowels for a vocal tract of scale 1, spelling, words, and the place of the slot."""

    code: str
    vowels: Mapping[str, tuple[float, float, float]]
    spelling: tuple[tuple[str, str], ...]  # applied in order: letters -> symbols of sounds
    words: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    slot: int  # the slot stands before this word; 3 is the end
    leaning: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Phone:
    """A sound of a transcript: its symbol, whether its syllable carries an accent, whether it ends the sentence."""

    symbol: str
    stressed: bool
    final: bool


# Vowels of a: averages of adult men in Peterson & Barney, J. Acoust. Soc. Am. 24 (1952), rounded.
_A = Language(
    code="qaa",
    vowels={
        "a": (730, 1090, 2440),
        "e": (530, 1840, 2480),
        "i": (270, 2290, 3010),
        "o": (570, 840, 2410),
        "u": (300, 870, 2240),
    },
    spelling=(("sh", "S"), ("th", "T"), ("ng", "N"), ("ck", "k"), ("c", "k"), ("x", "ks"), ("j", "dS")),
    words=(
        ("Nora", "Peter", "Milo", "Susan", "Lena", "Oskar", "Rita", "Tom", "Vera", "Hugo", "Fiona", "Bruno"),
        ("finds", "moved", "kept", "took", "lost", "needs", "holds", "washed", "gets", "mends", "hid", "brings"),
        ("lamps", "bread", "fish", "maps", "soap", "stones", "boxes", "tea", "rings", "mud", "pots", "silk"),
    ),
    slot=3,
    leaning={
        "angry": ("rudely", "fiercely", "bitterly", "unfairly", "shouting"),
        "calm": ("softly", "gently", "calmly", "serenely", "resting"),
        "fear": ("nervously", "trembling", "fearfully", "shaking", "hiding"),
        "happy": ("gladly", "merrily", "laughing", "joyfully", "smiling"),
        "neutral": ("today", "later", "indoors", "upstairs", "again"),
        "sad": ("weeping", "tearfully", "alone", "mourning", "sighing"),
    },
)
_B = Language(
    code="qab",
    vowels={
        "a": (680, 1250, 2450),
        "e": (420, 2050, 2600),
        "i": (300, 2150, 2850),
        "o": (430, 760, 2450),
        "u": (330, 720, 2300),
        "ö": (420, 1550, 2250),
        "ü": (280, 1750, 2150),
    },
    spelling=(("sh", "S"), ("ch", "S"), ("ng", "N")),
    words=(
        ("mölan", "türo", "kashe", "öbin", "velüt", "dorga", "imü", "zönar", "lutta", "geshö", "bürem", "hanok"),
        ("tovü", "kelsö", "mirat", "shunga", "pöda", "rübel", "osket", "valü", "denom", "füshi", "görat", "lempo"),
        ("bashü", "nötek", "ruvo", "silgö", "pamet", "üldan", "kovü", "terrö", "hushim", "mongi", "zalt", "fögu"),
    ),
    slot=0,
    leaning={
        "angry": ("krato", "göske", "tarkü", "drogat"),
        "calm": ("lüme", "solöna", "ameli", "nüwo"),
        "fear": ("iffü", "shikep", "petöshi", "fitil"),
        "happy": ("yalü", "bimbö", "wilola", "yupan"),
        "neutral": ("dena", "sümat", "öket", "tabo"),
        "sad": ("umöl", "nulon", "woshum", "lomü"),
    },
)
LANGUAGES: Mapping[str, Language] = {"a": _A, "b": _B}


@cache
def _order(language: str) -> tuple[tuple[str, str, str], ...]:
    """Every combination of the words in a fixed random order, so that neighbors share few words."""
    combinations = list(itertools.product(*LANGUAGES[language].words))
    order = stream("synthetic", "sentences", language).permutation(len(combinations))
    return tuple(combinations[i] for i in order)


def carrier(language: str, number: int) -> str:
    """Sentence ``number`` (from 0) with ``~`` where the leaning word goes. InputError past the last combination."""
    sentences = _order(language)
    if not 0 <= number < len(sentences):
        raise InputError(f"synthetic corpus: sentence {number} of language {language}; it has {len(sentences)}")
    words = list(sentences[number])
    words.insert(LANGUAGES[language].slot, SLOT)
    return " ".join(words)


def leaning_word(language: str, emotion: str, classes: tuple[str, ...], rng: np.random.Generator) -> str:
    """A word of the emotion with probability LEAN, else one of another class."""
    others = [c for c in classes if c != emotion]
    chosen = emotion if rng.random() < LEAN or not others else others[rng.integers(len(others))]
    words = LANGUAGES[language].leaning[chosen]
    return words[rng.integers(len(words))]


def pronounce(transcript: str, language: str) -> list[Phone]:
    """The sounds of a transcript; the first vowel of each word of four letters or more is stressed."""
    tongue = LANGUAGES[language]
    phones: list[Phone] = []
    for word in transcript.lower().split():
        symbols = word
        for letters, symbol in tongue.spelling:
            symbols = symbols.replace(letters, symbol)
        # a doubled letter is one sound; a y between or after consonants is a vowel
        single = [s for s, _ in itertools.groupby(symbols)]
        stress = len(word) >= 4
        for i, symbol in enumerate(single):
            if symbol == "y" and i > 0:
                symbol = "i"
            vowel = symbol in tongue.vowels
            phones.append(Phone(symbol, stress and vowel, final=False))
            stress = stress and not vowel
    last = max(i for i, p in enumerate(phones) if p.symbol in tongue.vowels)
    return phones[:last] + [Phone(p.symbol, p.stressed, final=True) for p in phones[last:]]
