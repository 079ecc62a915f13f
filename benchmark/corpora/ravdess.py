"""RAVDESS (English, acted): ``Actor_01/03-01-06-01-02-01-12.wav``.

The fields: modality (03 is audio only), channel (01 speech, 02 song), emotion, intensity, statement, repetition, actor.
"""

import re

from .folder import Row, by_name, unused

_NAME = re.compile(
    r"(?:Actor_\d\d/)?(?P<name>(?P<modality>0[123])-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<sentence>0[12])-0[12]-(?P<actor>0[1-9]|1\d|2[0-4]))",
    re.IGNORECASE,
)
_EMOTION = dict(
    zip(
        ("01", "02", "03", "04", "05", "06", "07", "08"),
        ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise"),
        strict=True,
    )
)


def parse(path: str) -> Row | str | None:
    """The row of a spoken clip, from its path below the corpus folder, without ending; song and video are left out."""
    match = _NAME.fullmatch(path)
    if not match:
        return None
    actor = match["actor"]
    row: Row = {
        "id": f"Actor_{actor}/03{match['name'][2:]}",
        "speaker": actor,
        "gender": "male" if int(actor) % 2 else "female",
        "language": "en",
        "emotion": _EMOTION[match["emotion"]],
        "sentence": match["sentence"],
        "intensity": "normal" if match["intensity"] == "01" else "strong",
    }
    if match["channel"] == "02":
        return unused("they are song, not speech", row)
    return row if match["modality"] == "03" else unused("they are video", row)


ADAPTER = by_name("ravdess", parse, inner=r"Actor_\d\d", example="Actor_01/03-01-01-01-01-01-01.wav")
