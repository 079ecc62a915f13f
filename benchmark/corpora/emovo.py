"""EMOVO (Italian, acted): ``f1/dis-f1-b1.wav`` is disgust, speaker f1, sentence b1 (b, l, n, d: kinds of sentence)."""

import re

from .folder import Row, by_name

_NAME = re.compile(
    r"(?:[fm][123]/)?(?P<name>(?P<emotion>dis|gio|neu|pau|rab|sor|tri)-(?P<speaker>[fm][123])-(?P<sentence>[bdln]\d))",
    re.IGNORECASE,
)
_EMOTION = {
    "dis": "disgust",
    "gio": "happy",  # gioia
    "neu": "neutral",
    "pau": "fear",  # paura
    "rab": "angry",  # rabbia
    "sor": "surprise",  # sorpresa
    "tri": "sad",  # tristezza
}


def parse(path: str) -> Row | str | None:
    """The row of a clip, from its path below the corpus folder, without ending."""
    name = _NAME.fullmatch(path)
    if not name:
        return None
    speaker = name["speaker"].lower()
    return {
        "id": f"{speaker}/{name['name'].lower()}",
        "speaker": speaker,
        "gender": "female" if speaker[0] == "f" else "male",
        "language": "it",
        "emotion": _EMOTION[name["emotion"].lower()],
        "sentence": name["sentence"].lower(),
    }


ADAPTER = by_name("emovo", parse, inner="[fm][123]", example="f1/dis-f1-b1.wav")
