"""MELD (English, scenes of a television series), as released: three CSV files and three folders of ``diaX_uttY.mp4``.

The files may lie in the folder itself or in ``train``, ``dev`` and ``test`` below it. Dialogues are numbered anew in
every split, so the split is part of the id. Lines that several people speak together have no speaker: they cannot be
held out.
"""

import csv
import io
import re
from pathlib import Path

from ...errors import InputError, named
from .folder import Adapter, Reading, Row, audio_files, left_out, one_per_stem, open_folder, right_folder
from .table import utterance_table
from .text import read_text

_FOLDERS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
_CLIP = re.compile(
    rf"(?P<folder>{'|'.join([*_FOLDERS, *_FOLDERS.values()])})/dia(?P<dialogue>\d+)_utt(?P<utterance>\d+)"
)
_NEEDED = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")
_EMOTION = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "joy": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprise",
}
_MEN, _WOMEN = ("Chandler", "Joey", "Ross"), ("Monica", "Phoebe", "Rachel")
_GENDER = dict.fromkeys(_MEN, "male") | dict.fromkeys(_WOMEN, "female")
_TOGETHER = re.compile(
    r"all|both|everyone|everybody|crowd|group|others|.+ (?:and|with) .+|.+[/&,+].+"
    r"|(?:the |her-|his-)?(?:guys|girls|friends|men|women)",
    re.IGNORECASE,
)


def parse(path: str) -> Row | None:
    """What the path of a clip, without ending, tells: its dialogue, where the folder says of which split."""
    name = _CLIP.fullmatch(path)
    if not name:
        return None
    split = next(split for split, folder in _FOLDERS.items() if name["folder"] in (split, folder))
    return {
        "id": f"{split}/dia{name['dialogue']}_utt{name['utterance']}",
        "language": "en",
        "dialogue": f"{split}_dia{name['dialogue']}",
        "official_split": split,
    }


def read(source: Path) -> Reading:
    """Table of all labelled utterances whose audio is there, and notes on whatever is missing."""
    root = open_folder("meld", source)
    if not _is_root(root) or (root.name in _FOLDERS and _is_root(root.parent)):
        raise right_folder("meld", root, _is_root) or InputError(
            f"meld: no train_sent_emo.csv, dev_sent_emo.csv or test_sent_emo.csv in {root}"
        )
    rows: list[Row] = []
    notes: list[str] = []
    for split in _FOLDERS:
        rows_of_split, notes_of_split = _read_split(root, split)
        rows += rows_of_split
        notes += notes_of_split
    if not rows:
        raise InputError(f"meld: no audio in {root}: none of {', '.join(_FOLDERS.values())} holds a labelled utterance")
    nobody = sum(row["speaker"] is None for row in rows)
    if nobody:
        notes.append(f"meld: {nobody} utterances are spoken by several people together: they have no speaker")
    return utterance_table(rows, "meld", str(root)), tuple(notes)


def _place(root: Path, split: str, name: str) -> Path | None:
    return next((path for path in (root / name, root / split / name) if path.exists()), None)


def _is_root(folder: Path) -> bool:
    return any(_place(folder, split, f"{split}_sent_emo.csv") for split in _FOLDERS)


def _read_split(root: Path, split: str) -> tuple[list[Row], list[str]]:
    labels = _place(root, split, f"{split}_sent_emo.csv")
    if labels is None:
        return [], [f"meld: {split}_sent_emo.csv is missing: the split {split} is left out"]
    rows = _labels(labels, split)
    folder = _place(root, split, _FOLDERS[split])
    if folder is None:
        return [], [f"meld: the folder {_FOLDERS[split]} is missing: {len(rows)} utterances of {split} are left out"]
    files = audio_files(folder)
    beside = {path.with_suffix("") for path in files if path.suffix.lower() == ".mp4"}
    extracted = [path for path in files if path.suffix.lower() != ".mp4" and path.with_suffix("") in beside]
    audio = one_per_stem("meld", sorted({*files} - {*extracted}))
    names = {str(row["id"]).partition("/")[2] for row in rows}
    notes = []
    if extracted:
        paths = named((path.name for path in extracted), 3)
        notes.append(f"meld: {len(extracted)} audio files of {split} lie beside their mp4, which is taken: {paths}")
    if missing := sorted(names - audio.keys()):
        notes.append(f"meld: {len(missing)} utterances of {split} left out, their audio is missing: {named(missing)}")
    if extra := sorted(audio.keys() - names):
        notes += left_out("meld", {f"{labels.name} does not list them": extra})
    clips = [(row, audio.get(str(row["id"]).partition("/")[2])) for row in rows]
    return [row | {"path": str(path)} for row, path in clips if path is not None], notes


def _labels(path: Path, split: str) -> list[Row]:
    lines = csv.DictReader(io.StringIO(read_text(path), newline=""))
    missing = [name for name in _NEEDED if name not in (lines.fieldnames or ())]
    if missing:
        raise InputError(f"meld: {path}: no column {', '.join(missing)} (it has {named(lines.fieldnames or (), 12)})")
    return [_row(line, split, f"meld: {path}: line {lines.line_num}") for line in lines]


def _row(line: dict[str, str], split: str, where: str) -> Row:
    emotion = _EMOTION.get((line["Emotion"] or "").strip().lower())
    numbers = [(line[name] or "").strip() for name in ("Dialogue_ID", "Utterance_ID")]
    if emotion is None or not all(number.isdigit() for number in numbers):
        raise InputError(f"{where}: emotion '{line['Emotion']}', dialogue and utterance {numbers}: not of this corpus")
    dialogue, utterance = (int(number) for number in numbers)
    name = line["Speaker"].strip()
    speaker = None if not name or _TOGETHER.fullmatch(name) else name
    return {
        "id": f"{split}/dia{dialogue}_utt{utterance}",
        "speaker": speaker,
        "gender": None if speaker is None else _GENDER.get(speaker),
        "language": "en",
        "emotion": emotion,
        "dialogue": f"{split}_dia{dialogue}",
        "transcript": line["Utterance"].strip() or None,
        "official_split": split,
    }


ADAPTER = Adapter("meld", read, parse)
