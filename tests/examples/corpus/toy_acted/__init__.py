"""A corpus of acted speech: ``anna/contempt-2.wav`` is Anna's second sentence, spoken with contempt."""

import re

from serbench.benchmark.corpora.folder import Row, by_name

_NAME = re.compile(r"(?P<speaker>anna|bert|carl|dora)/(?P<emotion>angry|contempt|neutral|sad)-(?P<sentence>\d)")


def parse(path: str) -> Row | None:
    """The row of a clip, from its path below the corpus folder, without ending."""
    name = _NAME.fullmatch(path)
    if not name:
        return None
    return {
        "id": path,
        "speaker": name["speaker"],
        "gender": "female" if name["speaker"] in ("anna", "dora") else "male",
        "language": "en",
        "emotion": name["emotion"],
        "sentence": name["sentence"],
    }


ADAPTER = by_name("toy-acted", parse, inner="anna|bert|carl|dora", example="anna/angry-1.wav")
