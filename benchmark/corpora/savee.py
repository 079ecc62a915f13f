"""SAVEE (English, acted, four men): ``DC/a01.wav``, ``AudioData/DC/a01.wav`` or ``DC_a01.wav``.

Sentences are numbered per emotion: the text id is the code, ``a01``, the same for the four speakers.
"""

import re

from .folder import Row, by_name

_NAME = re.compile(
    r"(?:AudioData/)?(?:(?P<folder>DC|JE|JK|KL)/)?(?:(?P<prefix>DC|JE|JK|KL)_)?"
    r"(?P<sentence>(?P<emotion>a|d|f|h|n|sa|su)\d\d)",
    re.IGNORECASE,
)
_EMOTION = {
    "a": "angry",
    "d": "disgust",
    "f": "fear",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprise",
}


def parse(path: str) -> Row | str | None:
    """The row of a clip, from its path below the corpus folder, without ending."""
    match = _NAME.fullmatch(path)
    if not match:
        return None
    speakers = {name.upper() for name in (match["folder"], match["prefix"]) if name}
    if len(speakers) != 1:  # none, or the folder contradicts the name
        return None
    speaker, sentence = speakers.pop(), match["sentence"].lower()
    return {
        "id": f"{speaker}/{sentence}",
        "speaker": speaker,
        "gender": "male",
        "language": "en",
        "emotion": _EMOTION[match["emotion"].lower()],
        "sentence": sentence,
    }


ADAPTER = by_name("savee", parse, inner="DC|JE|JK|KL", example="DC/a01.wav")
