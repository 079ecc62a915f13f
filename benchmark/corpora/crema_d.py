"""CREMA-D (English, acted): ``AudioWAV/1001_DFA_ANG_XX.wav`` is actor 1001, sentence DFA, anger, level unspecified.

The class is the emotion that the actor was asked for; the votes of listeners are another matter and are not used.
"""

import csv
import re
from pathlib import Path

import pandas as pd

from ...errors import InputError, at_home, named
from .folder import Adapter, Reading, Row, by_name, unused
from .text import read_text

_NAME = re.compile(
    r"(?:(?P<folder>Audio(?:WAV|MP3)|VideoFlash)/)?"
    r"(?P<name>(?P<actor>10[0-8]\d|109[01])_(?P<sentence>IEO|TIE|IOM|IWW|TAI|MTI|IWL|ITH|DFA|ITS|TSI|WSI)"
    r"_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_(?P<level>LO|MD|HI|XX?))",
    re.IGNORECASE,
)
_EMOTION = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_INTENSITY = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}


def parse(path: str) -> Row | str | None:
    """The row of a clip, from its path below the corpus folder, without ending; MP3 and video copies are left out."""
    match = _NAME.fullmatch(path)
    if not match:
        return None
    name = match["name"].upper()
    if name.endswith("_X"):  # the release on GitHub spells one file so
        name += "X"
    actor, sentence, emotion, level = name.split("_")
    row: Row = {
        "id": f"AudioWAV/{name}",
        "speaker": actor,
        "gender": None,
        "language": "en",
        "emotion": _EMOTION[emotion],
        "sentence": sentence,
        "intensity": _INTENSITY[level],
    }
    copy = match["folder"] and match["folder"].lower() != "audiowav"
    return unused("they are copies of the clips in AudioWAV", row) if copy else row


_CLIPS = by_name("crema-d", parse, inner="AudioWAV", example="AudioWAV/1001_DFA_ANG_XX.wav")


def read(source: Path) -> Reading:
    """The table; gender from ``VideoDemographics.csv`` where it lies in the folder."""
    table, notes = _CLIPS.read(source)
    lists = sorted(at_home(source).resolve().glob("**/VideoDemographics.csv"))
    if not lists:
        return table, (*notes, "crema-d: no VideoDemographics.csv in the folder: the gender of the actors is not known")
    gender = _gender(lists[0])
    actors = table["speaker"].str.partition("/")[2]
    unknown = sorted(set(actors) - gender.keys())
    if unknown:
        notes = (*notes, f"crema-d: actors that {lists[0]} does not name, gender not known: {named(unknown)}")
    table["gender"] = pd.Series([gender.get(actor) for actor in actors], index=table.index, dtype=object)
    return table, notes


def _gender(path: Path) -> dict[str, str]:
    rows = list(csv.DictReader(read_text(path).splitlines()))
    if not rows or not {"ActorID", "Sex"} <= rows[0].keys():
        raise InputError(f"crema-d: {path}: needs the columns ActorID and Sex")
    return {row["ActorID"].strip(): row["Sex"].strip().lower() for row in rows}


ADAPTER = Adapter("crema-d", read, parse)
