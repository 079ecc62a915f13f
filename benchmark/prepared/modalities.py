"""Sound, words and face of an utterance: which of them a corpus offers, and in which form a model takes them.

Sound is there always. Words are the transcript of the utterance table. The face is a ``video`` where the clip is a
video file, and a ``track`` (features of a face tracker) in the built-in corpora; nothing is made up without them.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from ...baselines.registry import ModelChoice, choose
from ...errors import InputError
from ...protocols.parts.protocol import CLEAN, Condition
from ...seeds import stream
from ..corpora import synthetic
from ..corpora.excerpt import Excerpt
from ..source import source_hash
from .corpus import Corpus
from .video import ENDINGS, MOST, PER_SECOND, View, has_pictures, pictures

#: modality -> its forms; a model takes any of them unless its settings say otherwise in ``forms``
FORMS: Mapping[str, tuple[str, ...]] = {"audio": ("sound",), "text": ("transcript",), "face": ("video", "track")}
#: kinds of condition that act on what is seen
FACE_CONDITIONS = ("face-shift", "face-shuffled")
_OPENED = 8  # videos of a corpus that are opened before a run, to see whether there are pictures in them
_EDGE = 1 << 16  # bytes at each end of a video that tell it from another: the index lies there


def needs(choice: ModelChoice) -> Mapping[str, tuple[str, ...]]:
    """Modality -> the forms that the model takes, with its settings."""
    forms: Mapping[str, tuple[str, ...]] | None = getattr(choice.settings, "forms", None)
    return {name: FORMS[name] for name in choice.card.modalities} if forms is None else forms


def check(choice: ModelChoice, corpora: Mapping[str, Corpus], used: Iterable[str]) -> None:
    """Raise InputError, with the variants that work, when an utterance lacks a modality that the model needs."""
    tables = {name: corpus.table[corpus.table["id"].isin(set(used))] for name, corpus in corpora.items()}
    problem = _lacking(needs(choice), tables)
    if problem is None:
        return
    card, profile = choice.card, "" if choice.profile == "clean" else f":{choice.profile}"
    others = [f"{card.name}{profile}+{name}" for name, v in card.variants.items() if "modalities" in v.settings]
    works = [spec for spec in others if _lacking(needs(choose(spec)), tables) is None]
    advice = f"variants that work: {', '.join(works)}" if works else "no variant of it does without"
    raise InputError(f"{choice.spec}: {problem}; {advice}")


def _lacking(forms: Mapping[str, tuple[str, ...]], tables: Mapping[str, pd.DataFrame]) -> str | None:
    for modality, taken in forms.items():
        for name, table in tables.items():
            lacking = _without(modality, taken, table)
            if len(lacking):
                one = f"{len(lacking)} of {len(table)} utterances of {name} have none: {lacking.iloc[0]}"
                return f"it needs the {modality} as {' or '.join(taken)}, and {one}{' ...' * (len(lacking) > 1)}"
    return None


def _without(modality: str, taken: tuple[str, ...], table: pd.DataFrame) -> pd.Series:
    """Ids of the utterances that do not have the modality in one of these forms."""
    if modality == "text":
        words = table["transcript"].fillna("").astype(str).str.strip()
        return table.loc[words == "", "id"]
    if modality == "face":
        tracked = table["path"].str.startswith("synth:")
        return table.loc[~(tracked & ("track" in taken)) & ~(_videos(table, tracked) & ("video" in taken)), "id"]
    return table.loc[[], "id"]


def excerpts(table: pd.DataFrame) -> dict[str, Excerpt]:
    """Utterance -> where its pictures lie: as its ``video`` says, else in its own file."""
    videos = table["video"] if "video" in table.columns else pd.Series(index=table.index, dtype=object)
    return {
        utterance: Excerpt(Path(path)) if video is None or pd.isna(video) else Excerpt.of(video)
        for utterance, path, video in zip(table["id"], table["path"], videos, strict=True)
    }


def _videos(table: pd.DataFrame, tracked: pd.Series) -> pd.Series:
    """Which utterances are video files that are there; some of them are opened."""
    paths = [excerpt.path for excerpt in excerpts(table).values()]
    there = np.array([p.suffix.lower() in ENDINGS and p.is_file() for p in paths], dtype=bool) & ~tracked.to_numpy()
    videos = np.flatnonzero(there)
    for index in videos[:: max(1, len(videos) // _OPENED)]:
        there[index] = has_pictures(paths[index])
    return pd.Series(there, index=table.index)


def transcript_of(corpus: Corpus, utterance: str) -> str:
    """The words of an utterance. InputError where the corpus has none for it."""
    words = _column(corpus, "transcript")[utterance]
    if words is None or not str(words).strip():
        raise InputError(f"{utterance}: has no transcript")
    return str(words)


def modality_of(kind: str) -> str:
    """What a kind of condition acts on."""
    return "face" if kind in FACE_CONDITIONS else "audio"


def face_of(
    corpus: Corpus, utterance: str, shift_s: float = 0.0, condition: Condition = CLEAN, view: View = "speaker"
) -> np.ndarray:
    """What is seen, 8 times a second, at most 8 s: pictures (T, H, W, 3) uint8, or features (T, F) of a track.

    ``shift_s`` and a condition ``face-shift`` move it against the sound, later is positive; before its beginning and
    after its end the nearest picture stands still. ``face-shuffled`` puts the pictures in a drawn order. ``view`` as
    `pictures`.
    """
    shift_s += (condition.level or 0) / 1000 if condition.kind == "face-shift" else 0.0
    path = str(_column(corpus, "path")[utterance])
    if path.startswith("synth:"):
        track = synthetic.face(corpus.name, utterance)
        steps = np.arange(0, len(track) / synthetic.FACE_FPS, 1 / PER_SECOND)[:MOST] - shift_s
        shown: np.ndarray = track[np.floor(steps * synthetic.FACE_FPS).astype(int).clip(0, len(track) - 1)]
    else:
        shown = pictures(_excerpts(corpus)[utterance], shift_s, view)[0]
    if condition.kind == "face-shuffled":
        shown = shown[stream("face order", utterance).permutation(len(shown))]
    return shown


@lru_cache(maxsize=16)
def content_of(corpus: Corpus) -> str:
    """A name of what is seen in a corpus, as its fingerprint names what is heard: its videos, and the code that reads.

    A video is known by its size and both ends, where its index lies.
    """
    total = hashlib.sha256(source_hash([__name__, pictures.__module__]).encode())
    if corpus.name in synthetic.NAMES:
        total.update(source_hash(synthetic.MODULES).encode())
        return total.hexdigest()
    of_file: dict[Path, bytes] = {}  # many excerpts lie in one
    for utterance, part in sorted(_excerpts(corpus).items()):
        total.update(f"\n{utterance} ".encode())
        if part.path.suffix.lower() in ENDINGS and part.path.is_file():
            if part.path not in of_file:
                of_file[part.path] = _edges(part.path)
            total.update(of_file[part.path])
            if part != Excerpt(part.path):
                total.update(f" {part.start!r} {part.end!r} {part.half}".encode())
    return total.hexdigest()


def _edges(path: Path) -> bytes:
    """Size and both ends of a file."""
    with path.open("rb") as file:
        start, size = file.read(_EDGE), file.seek(0, 2)
        file.seek(max(0, size - _EDGE))
        return f"{size} ".encode() + start + file.read(_EDGE)


@lru_cache(maxsize=16)
def _excerpts(corpus: Corpus) -> dict[str, Excerpt]:
    return excerpts(corpus.table)


@lru_cache(maxsize=16)
def _column(corpus: Corpus, name: str) -> dict[str, str | None]:
    return dict(zip(corpus.table["id"], corpus.table[name], strict=True))
