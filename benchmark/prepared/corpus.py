"""Prepared corpora: found or built once, then opened in an instant and read from a memory-mapped int16 file."""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...errors import InputError
from ...results.evidence.seals import digest
from ..audio.bar import Progress, bar
from ..audio.longest import LONGEST_S, longest_s
from ..audio.workers import importing
from ..corpora import synthetic
from ..corpora.registry import read
from ..corpora.table import COLUMNS
from ..environment import cores
from ..source import source_hash
from ..user_folder import home, place
from .build import Material, build, digests, sizes
from .clips import restore
from .home import AUDIO, TABLE, PreparedForm, discard, leftovers, locked, stored, tidy, writing
from .sources import locate, parse_spec

RATE_HZ = 16_000
READ_AT_ONCE = 1 << 31  # bytes that are checked when a corpus is opened, in a second or less
_TEXT = (*COLUMNS, "audio_hash", "group")


@dataclass(frozen=True, eq=False)
class Corpus:
    """A prepared corpus: its usable utterances and their audio at one rate.

    ``table`` has the columns of the utterance table and ``n_samples`` (at ``rate_hz``), ``seconds``, ``audio_hash``,
    ``group`` (the first id with the same audio), ``native_hz``, ``channels``, ``clipped`` (samples), and ``offset``,
    ``scale`` and ``digest`` of the stored codes; sorted by id. ``notes`` name what was left out or is odd. Plain data:
    it can go to another process, which maps the audio again.
    """

    name: str
    rate_hz: int
    fingerprint: str
    folder: Path
    table: pd.DataFrame
    notes: tuple[str, ...]

    def waveform(self, utterance: str) -> np.ndarray:
        """Float32 samples (N,) of one utterance, not limited to +-1.

        Raises InputError for an unknown id, and where what is stored is not what was stored: its first reading counts.
        """
        offset, n, scale = self._find(utterance)
        codes = self._codes[offset : offset + n]
        if utterance in self._unread:
            if len(codes) != n or digest(codes.tobytes()) != self._unread[utterance]:
                raise InputError(
                    f"{self.folder / AUDIO}: damaged, at {utterance}; repeat the command: it is prepared again"
                )
            del self._unread[utterance]
        return restore(codes, scale)

    @cached_property
    def _unread(self) -> dict[str, str]:
        """Digests of the clips that this process has not read yet."""
        return dict(zip(self.table["id"], self.table["digest"], strict=True))

    def waveforms(self, utterances: Sequence[str]) -> list[np.ndarray]:
        """`waveform` of each."""
        return [self.waveform(utterance) for utterance in utterances]

    def n_samples(self, utterance: str) -> int:
        """Length of one utterance at ``rate_hz``."""
        return self._find(utterance)[1]

    def _find(self, utterance: str) -> tuple[int, int, float]:
        try:
            return self._places[utterance]
        except KeyError:
            raise InputError(f"{self.name}: no utterance '{utterance}' among the {len(self.table)} prepared") from None

    @cached_property
    def _places(self) -> dict[str, tuple[int, int, float]]:
        t = self.table
        places = zip(t["offset"].tolist(), t["n_samples"].tolist(), t["scale"].tolist(), strict=True)
        return dict(zip(t["id"], places, strict=True))

    @cached_property
    def _codes(self) -> np.ndarray:
        return np.memmap(self.folder / AUDIO, dtype="<i2", mode="r")

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # a mapped file would travel by value


def open_corpus(spec: str, rate_hz: int = RATE_HZ, progress: Progress | None = None) -> Corpus:
    """The corpus that NAME or NAME=DIR means, prepared now if it is not.

    Without ``progress`` a bar shows how far it is. Raises InputError for whatever cannot be found or used.
    """
    name, folder = parse_spec(spec)
    return prepare(name, locate(name, folder), home(), rate_hz, progress)


def prepare(
    name: str,
    folder: Path | None,
    root: Path,
    rate_hz: int = RATE_HZ,
    progress: Progress | None = None,
    jobs: int | None = None,
) -> Corpus:
    """Decode a corpus into ``root`` unless exactly this state of it lies there already.

    ``folder`` is what the adapter reads; None for synthesized corpora, and for prepared ones whose folder is not at
    hand. ``jobs`` processes (default: one per core). A process that is killed leaves nothing that looks prepared;
    of two that prepare the same, the second waits. Raises InputError.
    """
    if rate_hz < 1000:
        raise InputError(f"rate {rate_hz}: give a sampling rate of at least 1000 Hz")
    tidy(root, name)
    if folder is None and name not in synthetic.NAMES:
        return _without_source(name, root, rate_hz, progress, jobs)
    material = _material(name, folder)
    where = place(root, name)
    if prepared := _find(material, root, rate_hz):
        return prepared
    if importing():  # the process that started this one has the lock, and waits for it
        raise InputError(
            f"{name}: preparing it starts processes, and these run this script again; put what the script does under "
            "`if __name__ == '__main__':`"
        )
    with writing(where), locked(root, name) as alone:
        where.mkdir(parents=True, exist_ok=True)
        if prepared := _find(material, root, rate_hz):  # another process was quicker
            return prepared
        old = [s for s in stored(root, name) if not _sound(s)]
        notes = [f"{_state(s)} lay there and was replaced" for s in old] if alone else []
        if alone:
            for leftover in (*leftovers(where), *(s.folder for s in old)):
                discard(leftover)
        with bar(f"preparing {name}") if progress is None else nullcontext(progress) as tick:
            built = build(material, where, rate_hz, tick, jobs or cores(), alone=alone)
    prepared = _of_source(_stored_at(root, name, built), material)
    return replace(prepared, notes=(*notes, *prepared.notes))


def _stored_at(root: Path, name: str, folder: Path) -> PreparedForm:
    return next(s for s in stored(root, name) if s.folder == folder)


def _material(name: str, folder: Path | None) -> Material:
    """Read the labels, and name the state of the source: labels, and names, sizes and dates of the audio files."""
    if folder is None:
        table = synthetic.table(name)
        text = source_hash(synthetic.MODULES)
        return Material(name, None, table, (), _digest(name, synthetic.VERSION, text, _lines(table)))
    table, notes = read(name, folder)
    notes = tuple(note.removeprefix(f"{name}: ") for note in notes)
    files = [_date(path) for path in table["path"]]
    limit = [] if longest_s() == LONGEST_S else [longest_s()]  # of another limit other clips are left
    return Material(name, folder.absolute(), table, notes, _digest(name, _lines(table), files, *limit))


def _lines(table: pd.DataFrame) -> list[list[str | None]]:
    return [[None if pd.isna(v) else str(v) for v in row] for row in table[list(COLUMNS)].itertuples(index=False)]


def _date(path: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, thousands of times
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def _digest(*facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _find(material: Material, root: Path, rate_hz: int) -> Corpus | None:
    """What was prepared from exactly this source; None as well where it is damaged."""
    for s in stored(root, material.name):
        m = s.manifest
        if m and m["rate_hz"] == rate_hz and material.key in m["sources"] and _sound(s):
            return _of_source(s, material)
    return None


def _of_source(s: PreparedForm, material: Material) -> Corpus:
    """Paths and notes are those of the source as it was read now: the same content may lie in several folders."""
    corpus = _load(s, material.key, material.notes)
    paths = dict(zip(material.table["id"], material.table["path"], strict=True))
    return replace(corpus, table=corpus.table.assign(path=corpus.table["id"].map(paths).astype(object)))


def _whole(s: PreparedForm) -> bool:
    """Whether today's code made it, and the files have the sizes that the manifest says."""
    try:
        return s.manifest is not None and not s.state and s.manifest["bytes"] == sizes(s.folder)
    except OSError:
        return False


def _sound(s: PreparedForm) -> bool:
    """The same, and the table is what was stored; the audio too, unless it takes long to read: then clip by clip."""
    if s.manifest is None or not _whole(s):
        return False
    names = [name for name, size in s.manifest["bytes"].items() if size <= READ_AT_ONCE]
    held = digests(s.folder, names)
    return all(s.manifest["digests"].get(name) == held[name] for name in names)


def _load(s: PreparedForm, key: str, notes: Sequence[str] | None = None) -> Corpus:
    """With the ``notes`` that reading the source gave: now, or when it was prepared."""
    m = s.manifest or {}
    source = m["sources"][key]
    try:
        table = pd.read_parquet(s.folder / TABLE)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{s.folder / TABLE}: damaged ({error}); `serbench corpora remove {s.name}` frees it"
        ) from error
    text = [column for column in _TEXT if column in table.columns]
    table[text] = table[text].astype(object).where(table[text].notna(), None)
    notes = (*(source["notes"] if notes is None else notes), *source["clip_notes"])
    return Corpus(s.name, m["rate_hz"], m["fingerprint"], s.folder, table, notes)


def _without_source(name: str, root: Path, rate_hz: int, progress: Progress | None, jobs: int | None) -> Corpus:
    """The newest prepared form of a corpus whose folder is not at hand."""
    all_forms = stored(root, name)
    right = [s for s in all_forms if s.manifest and s.manifest["rate_hz"] == rate_hz and _sound(s)]
    if right:
        newest = right[-1]
        corpus = _load(newest, list((newest.manifest or {})["sources"])[-1])
        if len(right) == 1:
            return corpus
        note = f"{len(right)} states of it are prepared; the newest is used ({newest.folder.name})"
        return replace(corpus, notes=(note, *corpus.notes))
    folders = [Path(source["source"]) for s in all_forms if s.manifest for source in s.manifest["sources"].values()]
    for folder in reversed(folders):
        if folder.exists():
            return prepare(name, folder, root, rate_hz, progress, jobs)
    states = ", ".join(_state(s) for s in all_forms) or "nothing prepared"
    raise InputError(f"{name}: not prepared at {rate_hz} Hz ({states}); give its folder as {name}=DIR")


def _state(s: PreparedForm) -> str:
    if s.manifest and _sound(s):
        return f"{s.manifest['rate_hz']} Hz"
    return f"a form of the {s.state}" if s.state.startswith("older") else "a damaged form"
