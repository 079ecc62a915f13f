"""EMO-DB (German, acted): ``wav/03a01Fa.wav`` is speaker 03, sentence a01, Freude (happiness), take a."""

import re

from .folder import Row, by_name

_NAME = re.compile(
    r"(?:wav/)?(?P<name>(?P<speaker>03|08|09|1[0-6])(?P<sentence>a0[12457]|b0[1239]|b10)(?P<emotion>[WLEAFTN])[a-z]?)"
)
_EMOTION = {
    "W": "angry",  # Wut
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happy",  # Freude
    "T": "sad",  # Trauer
    "N": "neutral",
}
_MEN, _WOMEN = ("03", "10", "11", "12", "15"), ("08", "09", "13", "14", "16")
_GENDER = dict.fromkeys(_MEN, "male") | dict.fromkeys(_WOMEN, "female")


def parse(path: str) -> Row | str | None:
    """The row of a clip, from its path below the corpus folder, without ending."""
    name = _NAME.fullmatch(path)
    if not name:
        return None
    return {
        "id": f"wav/{name['name']}",
        "speaker": name["speaker"],
        "gender": _GENDER.get(name["speaker"]),
        "language": "de",
        "emotion": _EMOTION[name["emotion"]],
        "sentence": name["sentence"],
    }


ADAPTER = by_name("emodb", parse, inner="wav", example="wav/03a01Fa.wav")
