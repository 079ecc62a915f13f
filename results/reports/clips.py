"""The clips behind confusion cells, packed for the page: chosen classes of every run, mean scores in whole percent.

Every part is compressed and only unpacked when somebody looks at it.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..evidence.evidence import Evidence
from ..evidence.members import Member

MOST_BYTES = 6_000_000  # of packed scores before compression; what is beyond is left out of the page, and said
UNKNOWN = 255


@dataclass
class Clips:
    """``rows``: packed list of [clip, speaker, address of its audio file or ""]; ``sets``: packed lists of rows.

    ``of`` has an entry per score, in their order: set, number of runs, whether scores are known, and the packed bytes
    (true class of every row, chosen class by run and row, mean score in percent by row and class); None: left out.
    """

    rows: str = ""
    sets: list[str] = field(default_factory=list)
    of: list[dict[str, Any] | None] = field(default_factory=list)


def pack(members: Sequence[Member], evidence: Evidence) -> Clips:
    """Clips of every score; those under the first conditions of a table come before the others if room is short."""
    clips = Clips(of=[None] * len(members))
    codes = evidence.predictions["row"].cat.codes.to_numpy()
    sets: dict[bytes, int] = {}
    used: list[np.ndarray] = []
    room = MOST_BYTES
    for k in sorted(range(len(members)), key=lambda k: (members[k].score.condition != "clean", k)):
        member = members[k]
        rows, place = np.unique(codes[member.at], return_inverse=True)
        content, scored = _content(member, place, len(rows), evidence)
        if len(content) > room:
            continue
        room -= len(content)
        number = sets.setdefault(rows.tobytes(), len(used))
        if number == len(used):
            used.append(rows)
        clips.of[k] = {"set": number, "runs": len(member.runs), "scored": scored, "data": packed(content)}
    everything = np.unique(np.concatenate(used)) if used else np.zeros(0, np.int64)
    clips.sets = [packed(np.searchsorted(everything, rows).astype("<u4").tobytes()) for rows in used]
    clips.rows = packed(json.dumps(_rows(everything, codes, evidence), ensure_ascii=False).encode())
    return clips


def packed(content: bytes) -> str:
    """Compressed, as text."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _content(member: Member, place: np.ndarray, n: int, evidence: Evidence) -> tuple[bytes, bool]:
    """Bytes: truth (rows), choice (runs, rows), mean score in percent (rows, C)."""
    truth = np.zeros(n, np.uint8)
    truth[place] = member.truth
    choice = np.full((len(member.runs), n), UNKNOWN, np.uint8)
    choice[member.run, place] = member.guess
    mean = _mean_scores(member, place, n, evidence)
    return truth.tobytes() + choice.tobytes() + (b"" if mean is None else mean.tobytes()), mean is not None


def _mean_scores(member: Member, place: np.ndarray, n: int, evidence: Evidence) -> np.ndarray | None:
    """Mean probability over runs (rows, C) in whole percent; None where a prediction has none."""
    classes = len(member.score.classes)
    first, last = evidence.probabilities.offset[member.at], evidence.probabilities.offset[member.at + 1]
    if not len(first) or not (last - first == classes).all():
        return None
    total = np.stack(
        [np.bincount(place, np.exp(evidence.probabilities.values[first + c]), minlength=n) for c in range(classes)],
        axis=1,
    )
    share = total / np.bincount(place, minlength=n)[:, None]
    return np.clip(np.rint(100 * np.nan_to_num(share)), 0, 100).astype(np.uint8)


def _rows(everything: np.ndarray, codes: np.ndarray, evidence: Evidence) -> list[list[str]]:
    """[clip, speaker, address]: a clip is its utterance, with its copy where it is not the clip itself."""
    at = np.zeros(len(evidence.predictions["row"].cat.categories), np.int64)
    at[codes[::-1]] = np.arange(len(codes))[::-1]  # the first prediction of each row
    rows = evidence.predictions.iloc[at[everything]]
    paths = evidence.clips["path"]
    lines = []
    for row, utterance, speaker in zip(rows["row"], rows["utterance"], rows["speaker"], strict=True):
        path = paths.get(utterance)
        clip = utterance if row == f"{utterance}#0" else row
        lines.append([clip, speaker if isinstance(speaker, str) else "", address(path)])
    return lines


def address(path: object) -> str:
    """The address of a file that is there, for a player; empty for anything else."""
    if not isinstance(path, str) or not path:
        return ""
    file = Path(path)
    return file.absolute().as_uri() if file.is_file() else ""
