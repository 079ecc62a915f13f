"""What the adapters share: finding audio files, and reading corpora whose labels are in the file names."""

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from ...errors import InputError, at_home, named
from ..audio.content import missing_content
from .table import utterance_table

Row = dict[str, str | None]
#: a path below the corpus folder, without its ending -> the row; or why the clip is left out; or None: not its name
Parse = Callable[[str], Row | str | None]
Reading = tuple[pd.DataFrame, tuple[str, ...]]


class LeftOutClip(str):
    """Why a clip of the corpus is left out; ``row``: what its name tells all the same, its id that of the recording."""

    row: Row


def unused(why: str, row: Row) -> LeftOutClip:
    """A clip that is left out, with its row."""
    text = LeftOutClip(why)
    text.row = row
    return text


ENDINGS = (
    ".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".m4v", ".mp4", ".aac", ".aif", ".aiff", ".aifc", ".au",
    ".snd", ".caf", ".w64", ".rf64", ".sph", ".wma", ".webm", ".mkv", ".mka", ".mov", ".avi", ".flv", ".3gp",
)  # fmt: skip
_ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar")
_STRANGE = "their names are not names of this corpus"
_TWICE = "they are there already (an archive that was unpacked twice?)"
_DEEP = "they lie deeper than the folders of this corpus"
_LEVELS = 2  # how far the right folder is looked for, up and down


@dataclass(frozen=True)
class Adapter:
    """How one corpus is read: ``read(folder)`` gives the utterance table and a line for whatever was left out.

    ``parse`` tells the row from the path of a clip: without emotion where the labels lie in other files.
    """

    name: str
    read: Callable[[Path], Reading]
    parse: Parse | None = None


def audio_files(folder: Path) -> list[Path]:
    """All audio files below a folder, whatever the case of their ending, sorted; hidden files are none."""
    files: list[Path] = []
    seen = set()
    for at, folders, names in os.walk(folder, followlinks=True):
        place = Path(at).resolve()
        if place in seen:  # a link that leads back
            folders[:] = []
            continue
        seen.add(place)
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        files += [Path(at, n) for n in names if not n.startswith(".") and Path(n).suffix.lower() in ENDINGS]
    return sorted(files)


def open_folder(corpus: str, source: Path) -> Path:
    """The absolute path of an existing folder. Raises InputError when there is none."""
    root = at_home(source).resolve()
    if not root.exists():
        raise InputError(f"{corpus}: there is no folder {source}")
    if not root.is_dir():
        raise InputError(f"{corpus}: {source} is a file; give the folder of the corpus")
    return root


def no_audio(corpus: str, root: Path) -> InputError:
    """Error for a folder without audio."""
    inside = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    if not inside:
        return InputError(f"{corpus}: {root} is empty")
    packed = [name for name in inside if Path(name).suffix.lower() in _ARCHIVES]
    hint = f"; unpack {', '.join(packed[:3])} first" if packed else ""
    return InputError(f"{corpus}: no audio files in {root} (it holds {', '.join(inside[:4])}){hint}")


def left_out(corpus: str, reasons: dict[str, list[str]]) -> tuple[str, ...]:
    """One note per reason: how many audio files, and which."""
    return tuple(
        f"{corpus}: {len(paths)} audio files left out, {why}: {named(paths)}" for why, paths in reasons.items()
    )


def one_per_stem(corpus: str, files: Iterable[Path]) -> dict[str, Path]:
    """Files by name without ending. Raises InputError for ``a.wav`` beside ``a.flac``."""
    by_stem: dict[str, Path] = {}
    for path in files:
        if by_stem.setdefault(path.stem, path) is not path:
            raise InputError(f"{corpus}: two files for one utterance: {by_stem[path.stem]}, {path}; keep one of them")
    return by_stem


def right_folder(corpus: str, root: Path, is_root: Callable[[Path], bool]) -> InputError | None:
    """The error that names the folder to give, where the corpus lies at most two levels above or below."""
    above = [parent for parent in list(root.parents)[:_LEVELS] if is_root(parent)]
    if above:
        return InputError(f"{corpus}: {root} is a part of the corpus folder; give {above[-1]}")
    below = [path for depth in range(1, _LEVELS + 1) for path in sorted(root.glob("/".join("*" * depth)))]
    return _too_high(corpus, root, [path for path in below if path.is_dir() and is_root(path)])


def by_name(corpus: str, parse: Parse, inner: str, example: str) -> Adapter:
    """Adapter for a corpus whose file names carry the labels.

    ``inner`` is a pattern for the folders inside the corpus folder, ``example`` the path of a clip.
    """
    return Adapter(corpus, partial(read_by_name, corpus, parse, re.compile(inner, re.IGNORECASE), example), parse)


def read_by_name(corpus: str, parse: Parse, inner: re.Pattern[str], example: str, source: Path) -> Reading:
    """Table of all clips below a folder whose paths parse, and a note for all others.

    Raises InputError when the folder is missing or empty, or the clips lie one level higher or lower.
    """
    root = open_folder(corpus, source)
    files = audio_files(root)
    if not files:
        raise no_audio(corpus, root)
    rows: list[Row] = []
    reasons: dict[str, list[str]] = {}
    inside = [path.relative_to(root).with_suffix("").as_posix() for path in files]
    strange: list[tuple[Path, str]] = []
    for path, clip in zip(files, inside, strict=True):
        row: Row | str | None = parse(clip)
        if row is not None and path.is_symlink():
            row = missing_content(path) or row
        if isinstance(row, dict):
            rows.append(row | {"path": str(path)})
        elif row:
            reasons.setdefault(row, []).append(path.relative_to(root).as_posix())
        else:
            strange.append((path, clip))
    ids = {str(row["id"]) for row in rows}
    for path, clip in strange:
        reasons.setdefault(_why_strange(parse, clip, ids), []).append(path.relative_to(root).as_posix())
    if not rows or inner.fullmatch(root.name):
        wrong = _wrong_level(corpus, parse, root, inside)
        if wrong:
            raise wrong
    if not rows:
        why = ", ".join(f"{len(paths)}: {why} ({paths[0]})" for why, paths in reasons.items())
        raise InputError(f"{corpus}: no clip named like {example} among {len(files)} audio files in {root}; {why}")
    return utterance_table(rows, corpus, str(root)), left_out(corpus, reasons)


def _why_strange(parse: Parse, clip: str, ids: Collection[str]) -> str:
    """Why the path of a clip is none of the corpus; ``ids`` are those that are."""
    ends = ("/".join(clip.split("/")[depth:]) for depth in range(1, clip.count("/") + 1))
    row = next((row for end in ends if isinstance(row := parse(end), dict)), None)
    return _STRANGE if row is None else _TWICE if str(row["id"]) in ids else _DEEP


def _wrong_level(corpus: str, parse: Parse, root: Path, inside: list[str]) -> InputError | None:
    for parent in list(root.parents)[:_LEVELS]:
        prefix = f"{root.relative_to(parent).as_posix()}/"
        if any(isinstance(parse(prefix + path), dict) for path in inside):
            return InputError(f"{corpus}: {root} is a part of the corpus folder; give {parent}")
    return _too_high(corpus, root, _roots_below(parse, root, inside))


def _roots_below(parse: Parse, root: Path, inside: list[str]) -> list[Path]:
    """Folders below that would parse, most clips first."""
    count: Counter[str] = Counter()
    for path in inside:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if isinstance(parse("/".join(parts[depth:])), dict):
                count["/".join(parts[:depth])] += 1
                break
    return [root / name for name, _ in count.most_common()]


def _too_high(corpus: str, root: Path, below: list[Path]) -> InputError | None:
    if not below:
        return None
    if len(below) == 1:
        return InputError(f"{corpus}: {root} lies above the corpus folder; give {below[0]}")
    return InputError(f"{corpus}: {root} holds it more than once; give one of {named(map(str, below), 3)}")
