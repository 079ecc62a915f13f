"""A draft of a label map for a corpus of the user's own: its classes, each with the nearest canonical word."""

import json
from collections.abc import Mapping
from difflib import get_close_matches

from ...emotion_words import WORDS, emotion, plain
from ...protocols.parts import labels

_HEAD = """\
# What becomes of each class; edit it, then give it as --label-map FILE.
# kept: as it is; merged: counts as another class; dropped: left out, by name and number.
# [default] is for corpora of which nothing else is said, [corpus.NAME] for one corpus.
"""


def draft(corpus: str, counts: Mapping[str, int]) -> str:
    """The text of the map; ``counts``: class -> utterances. `labels.read` takes it as it is."""
    native = labels.load("native").classes
    canonical = {word: emotion(word) for word in counts}
    into = {word: name for word, name in canonical.items() if name in native and name != word}
    own = [word for word in counts if word not in into]
    classes = sorted({*own, *(str(name) for name in into.values())})
    lines = [
        f"name = {_text(corpus)}", "version = 1", f"summary = {_text(f'the classes of {corpus}')}",
        'source = ""', f"classes = [{', '.join(map(_text, classes))}]", "", "[default]",
        f"kept = [{', '.join(_text(name) for name in native if name in classes)}]",
        f"dropped = [{', '.join(_text(name) for name in native if name not in classes)}]",
        "", f"[corpus.{_text(corpus)}]", "kept = [",
        *(f"  {_text(word)},  # {counts[word]} utterances{_near(word, native)}" for word in own),
        "]", "dropped = []", "", f"[corpus.{_text(corpus)}.merged]",
        *(f"{_text(word)} = {_text(str(name))}  # {counts[word]} utterances" for word, name in into.items()),
    ]  # fmt: skip
    return _HEAD + "\n".join(lines) + "\n"


def _near(word: str, native: tuple[str, ...]) -> str:
    """The canonical word that a class is nearest to by its letters, where any is near."""
    if word in native or emotion(word) == word:
        return ""
    words = {name: emotion for emotion, names in WORDS.items() for name in (emotion, *names)}
    near = get_close_matches(plain(word), words, 1, 0.7)
    return f"; {words[near[0]]}?" if near else ""


def _text(word: str) -> str:
    """A string of TOML: JSON writes it so, too."""
    return json.dumps(word, ensure_ascii=False)
