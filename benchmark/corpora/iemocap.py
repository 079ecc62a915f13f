"""IEMOCAP (English, dyadic, five sessions of a woman and a man), as released: ``Session1`` to ``Session5``.

Labels of all turns in ``SessionN/dialog/EmoEvaluation/*.txt``, words in ``dialog/transcriptions``, audio in
``sentences/wav/DIALOGUE/TURN.wav``. The speaker is session and gender of the turn: in ``Ses01F_impro01_M003`` the man
speaks (the F says who wore the markers). Turns without a majority (``xxx``) are the class ``undecided``.

Pictures are those of the turn in ``SessionN/dialog/avi/DivX/DIALOGUE.avi``, where that is there: two people side by
side, on the left the one with the markers. So public pipelines cut them; no release was at hand to see it, so look:
`corpora check iemocap=DIR --faces FILE.png` draws whom it takes, and ``face_view`` of a model takes the other one.
"""

import re
from pathlib import Path

from ...errors import InputError, named
from .excerpt import Excerpt
from .folder import Adapter, Reading, Row, audio_files, left_out, one_per_stem, open_folder, right_folder
from .table import utterance_table
from .text import read_text

_LABEL = re.compile(r"\[(?P<start>\d+\.?\d*) - (?P<end>\d+\.?\d*)\]\s+(?P<turn>\S+)\s+(?P<emotion>[a-z]{3})\s+\[")
_TURN = re.compile(
    r"(?P<dialogue>(?P<session>Ses0[1-5])[FM]_(?:impro\d+[a-z]*|(?P<script>script\d+_\d+)[a-z]*))_(?P<gender>[FM])\d+"
)
_WORDS = re.compile(r"(?P<turn>Ses\w+)\s+\[[^\]]*\]:?\s*(?P<text>.*\S)?\s*")
_EMOTION = {
    "ang": "angry",
    "hap": "happy",
    "sad": "sad",
    "neu": "neutral",
    "fea": "fear",
    "dis": "disgust",
    "sur": "surprise",
    "exc": "excited",
    "fru": "frustrated",
    "oth": "other",
    "xxx": "undecided",
}


def parse(path: str) -> Row | None:
    """What the path of a turn, without ending, tells: everything but its emotion and words."""
    turn = _TURN.fullmatch(path.rpartition("/")[2])
    if not turn:
        return None
    session = turn["session"]
    return {
        "id": _place(turn["dialogue"], turn[0]),
        "speaker": f"{session}_{turn['gender']}",
        "gender": "female" if turn["gender"] == "F" else "male",
        "language": "en",
        "sentence": turn["script"],  # all sessions play the same scripts; their turns are cut differently
        "session": session,
        "dialogue": turn["dialogue"],
    }


def read(source: Path) -> Reading:
    """Table of all labelled turns whose audio is there, and notes on turns without audio, words or labels."""
    root = open_folder("iemocap", source)
    if not _is_root(root):
        raise right_folder("iemocap", root, _is_root) or InputError(
            f"iemocap: no Session1 to Session5 with dialog/EmoEvaluation in {root}"
        )
    audio: dict[str, Path] = {}
    words: dict[str, str] = {}
    rows: list[Row] = []
    odd: list[str] = []
    for session in _sessions(root):
        audio |= one_per_stem("iemocap", audio_files(session / "sentences" / "wav"))
        words |= _words(session / "dialog" / "transcriptions")
        for path in _texts(session / "dialog" / "EmoEvaluation"):
            turns_of_dialogue, strange = _labels(path)
            rows += turns_of_dialogue
            odd += strange
    turns = {str(row["id"]) for row in rows}
    if not turns & audio.keys():
        raise InputError(f"iemocap: no audio in {root}: sentences/wav of the sessions holds none of the labelled turns")
    table = [_complete(row, audio[str(row["id"])], words) for row in rows if row["id"] in audio]
    return utterance_table(table, "iemocap", str(root)), _notes(turns, audio, words, odd)


def _notes(turns: set[str], audio: dict[str, Path], words: dict[str, str], odd: list[str]) -> tuple[str, ...]:
    silent, wordless = sorted(turns - audio.keys()), sorted((turns & audio.keys()) - words.keys())
    extra = sorted(audio.keys() - turns)
    notes = []
    if odd:
        notes.append(f"iemocap: {len(odd)} label lines are not understood and left out: {named(odd, 2)}")
    if silent:
        notes.append(f"iemocap: {len(silent)} labelled turns left out, their audio is missing: {named(silent)}")
    if wordless:
        notes.append(f"iemocap: {len(wordless)} turns have no transcript: {named(wordless)}")
    return (*notes, *(left_out("iemocap", {"they have no label": extra}) if extra else ()))


def _sessions(root: Path) -> list[Path]:
    return [path for path in sorted(root.glob("Session[1-5]")) if (path / "dialog" / "EmoEvaluation").is_dir()]


def _is_root(folder: Path) -> bool:
    return bool(_sessions(folder))


def _texts(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.txt")) if not path.name.startswith(".")]


def _labels(path: Path) -> tuple[list[Row], list[str]]:
    """Rows of one dialogue, without path and transcript; and lines that look like labels but are none."""
    rows: list[Row] = []
    odd: list[str] = []
    for line in read_text(path).splitlines():
        if not line.startswith("["):
            continue  # legend, blank lines, and the votes of single raters
        label = _LABEL.match(line)
        turn = parse(label["turn"]) if label else None
        if not label or not turn or label["emotion"] not in _EMOTION:
            odd.append(f"{path.name}: {line.strip()}")
            continue
        if float(label["end"]) <= float(label["start"]):
            odd.append(f"{path.name}: {line.strip()}")
            continue
        half = "left" if _wore_markers(label["turn"]) else "right"
        film = path.parent.parent / "avi" / "DivX" / f"{turn['dialogue']}.avi"
        video = str(Excerpt(film, float(label["start"]), float(label["end"]), half)) if film.is_file() else None
        rows.append(turn | {"id": label["turn"], "emotion": _EMOTION[label["emotion"]], "video": video})
    return rows, odd


def _wore_markers(turn: str) -> bool:
    """Whether the speaker of a turn is the one whose face was tracked.

    >>> _wore_markers("Ses01F_impro01_F003"), _wore_markers("Ses01F_impro01_M003")
    (True, False)
    """
    return turn[5] == turn.rpartition("_")[2][0]


def _complete(row: Row, path: Path, words: dict[str, str]) -> Row:
    place = _place(str(row["dialogue"]), str(row["id"]))
    return row | {"id": place, "path": str(path), "transcript": words.get(str(row["id"]))}


def _place(dialogue: str, turn: str) -> str:
    """The path of a turn in the release, without ending."""
    return f"Session{dialogue[4]}/sentences/wav/{dialogue}/{turn}"


def _words(folder: Path) -> dict[str, str]:
    lines = [line for path in _texts(folder) for line in read_text(path).splitlines()]
    return {match["turn"]: match["text"] for line in lines if (match := _WORDS.fullmatch(line)) and match["text"]}


ADAPTER = Adapter("iemocap", read, parse)
