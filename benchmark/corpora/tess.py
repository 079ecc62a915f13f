"""TESS (English, acted, an older and a younger woman): ``OAF_Fear/OAF_back_fear.wav`` says the word "back" in fear.

The folders are spelled in several ways and one file begins with ``OA_``: speaker and class come from the file name, and
ids are spelled as in the release, so that they do not depend on the copy.
"""

import re

from .folder import Row, by_name

_NAME = re.compile(
    r"(?:[OY]AF_[^/]+/)?(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)",
    re.IGNORECASE,
)
_EMOTION = {"ps": "surprise"}  # "pleasant surprise"
_FOLDER = {
    ("OAF", "fear"): "OAF_Fear",
    ("OAF", "ps"): "OAF_Pleasant_surprise",
    ("OAF", "sad"): "OAF_Sad",
    ("YAF", "ps"): "YAF_pleasant_surprised",
}


def parse(path: str) -> Row | str | None:
    """The row of a clip, from its path below the corpus folder, without ending."""
    name = _NAME.fullmatch(path)
    if not name:
        return None
    speaker = "YAF" if name["speaker"].upper() == "YAF" else "OAF"
    word, code = name["word"].lower(), name["emotion"].lower()
    folder = _FOLDER.get((speaker, code), f"{speaker}_{code}")
    return {
        "id": f"{folder}/{speaker}_{word}_{code}",
        "speaker": speaker,
        "gender": "female",
        "language": "en",
        "emotion": _EMOTION.get(code, code),
        "sentence": word,
    }


ADAPTER = by_name("tess", parse, inner="[OY]AF_.+", example="OAF_Fear/OAF_back_fear.wav")
