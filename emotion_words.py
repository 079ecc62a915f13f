"""What emotions are called in other people's labels and answers, and how such a word is read as one of some classes."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

#: emotion -> its other names: nouns, adjectives, and the codes of corpora
WORDS: dict[str, tuple[str, ...]] = {
    "angry": ("anger", "ang", "mad", "furious"),
    "boredom": ("bored", "bor"),
    "calm": ("calmness", "cal"),
    "contempt": ("contemptuous",),
    "disgust": ("disgusted", "dis"),
    "excited": ("excitement", "exc"),
    "fear": ("fearful", "fea", "afraid", "scared"),
    "frustrated": ("frustration", "fru"),
    "happy": ("happiness", "hap", "joy", "joyful"),
    "neutral": ("neutrality", "neu"),
    "other": ("others", "oth"),
    "sad": ("sadness",),
    "surprise": ("surprised", "sur", "pleasant surprise", "pleasantly surprised"),
    "undecided": ("xxx",),
}
_EMOTION = {word: emotion for emotion, words in WORDS.items() for word in (emotion, *words)}
_NUMBER = re.compile(r"([+-]?)0*(\d+)(?:[.,]0*)?|([+-]?)0*(\d*)[.,](\d*[1-9])0*")


def plain(word: str) -> str:
    """A word without capitals, and without blanks and signs around it.

    >>> plain(" 'Pleasant_surprise.' "), plain("-1")
    ('pleasant surprise', '-1')
    """
    text = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", unicodedata.normalize("NFKC", word).casefold())
    return text.strip(" .,;:!?'\"()[]*`")


def emotion(word: str) -> str | None:
    """The emotion that a word names; None for any other word.

    >>> emotion("Anger"), emotion("ang "), emotion("Ang Lee")
    ('angry', 'angry', None)
    """
    return _EMOTION.get(plain(word))


def number(word: str) -> str | None:
    """A number as it is written shortest; None for what is none.

    >>> number("1.0"), number("01"), number("2,50"), number("-0"), number("nan")
    ('1', '1', '2.5', '0', None)
    """
    found = _NUMBER.fullmatch(word.strip())
    if not found:
        return None
    sign, digits = (found[1], found[2]) if found[2] else (found[3], f"{found[4] or 0}.{found[5]}")
    return ("-" if sign == "-" and digits != "0" else "") + digits


def one_spelling(counts: Mapping[str, int]) -> dict[str, str]:
    """Word -> the commonest spelling of the same class: without regard to capitals, signs around it, and ``.0``.

    >>> one_spelling({"Angry": 1, "angry": 5, "1": 1, "1.0": 2, "2": 1})
    {'Angry': 'angry', 'angry': 'angry', '1': '1.0', '1.0': '1.0', '2': '2'}
    """
    sets: dict[str, list[str]] = {}
    for word in counts:
        sets.setdefault(number(word) or plain(word) or word, []).append(word)
    names = {key: max(words, key=lambda word: (counts[word], word.islower(), word)) for key, words in sets.items()}
    return {word: names[number(word) or plain(word) or word] for word in counts}


def reader_of(classes: Sequence[str]) -> Callable[[str], str | None]:
    """A function that reads a word as one of the classes; None where it is none, or could be either of two.

    A word is a class by its spelling, else without capitals and signs, else as a number, else by the emotion it names.

    >>> read = reader_of(["angry", "sad", "1"])
    >>> [read(word) for word in ("angry", "Anger", "SAD.", "1.0", "2", "I think angry")]
    ['angry', 'angry', 'sad', '1', None, None]
    >>> reader_of(["joy", "happy"])("happy"), reader_of(["joy", "happy"])("Happiness")
    ('happy', None)
    """
    ways: tuple[Callable[[str], str | None], ...] = (str, plain, number, emotion)
    steps = [(way, _only((way(name), name) for name in classes)) for way in ways]

    def read(word: str) -> str | None:
        for way, names in steps:
            key = way(word)
            if key and key in names:
                return names[key]
        return None

    return read


def _only(pairs: Iterable[tuple[str | None, str]]) -> dict[str, str | None]:
    """Class by key; None where two classes have the key, so that no later way of reading decides between them."""
    names: dict[str, str | None] = {}
    for key, name in pairs:
        if key:
            names[key] = None if key in names else name
    return names
