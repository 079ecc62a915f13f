"""Preparing a corpus: every clip decoded once into one int16 file, with its table and a manifest, whole or absent."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from xxhash import xxh3_128

from ...errors import InputError
from ...results.evidence.files import replace_file
from ...results.evidence.seals import digest, opened, sealed
from ..audio.bar import Progress
from ..audio.decode import length_seconds
from ..audio.duplicates import note, settle
from ..audio.workers import ordered
from ..corpora.table import COLUMNS
from ..user_folder import BUILDING
from .clip_words import none_usable, oddities, remarks
from .clips import ClipSource, PreparedClip, make
from .home import AUDIO, FORMAT, MANIFEST, TABLE, discard, maker

SYNTHETIC_SECONDS = 3.0  # of a synthesized clip, at most on average
_SAMPLED = 64  # files whose headers give the size of the whole
_RESERVE = 32 << 20  # bytes that stay free on the disk
_LABELS = tuple(c for c in COLUMNS if c not in ("path", "video"))
_BLOCK = 1 << 24  # bytes that are read at once


@dataclass(frozen=True)
class Material:
    """A corpus as its source gives it: the utterance table, what reading it said, and the name of exactly this state.

    ``source`` is the folder or table, null for a synthesized corpus.
    """

    name: str
    source: Path | None
    table: pd.DataFrame
    notes: tuple[str, ...]
    key: str


def build(material: Material, where: Path, rate_hz: int, progress: Progress, jobs: int, *, alone: bool) -> Path:
    """Write a prepared corpus below ``where`` and return its folder; one that holds the same gets another source.

    ``alone`` says that no other process builds here: then what is in the way is a leftover. Raises InputError when
    no clip can be used or the disk is too small.
    """
    _check_space(material, where, rate_hz)
    temporary = Path(tempfile.mkdtemp(prefix=BUILDING, dir=where))
    try:
        temporary.chmod(0o755)
        table, said = _write_audio(material, temporary / AUDIO, rate_hz, progress, jobs)
        table.to_parquet(temporary / TABLE, index=False)
        _sync(temporary / TABLE)
        source = {
            "source": None if material.source is None else str(material.source),
            "notes": list(material.notes),
            "clip_notes": [note(count, what, names) for what, (count, names) in said.items()],
            "clips": {what: names for what, (_, names) in said.items()},
        }
        facts = _facts(material.name, table, rate_hz)
        held = {"bytes": sizes(temporary), "digests": digests(temporary)}
        write_manifest(temporary, {**facts, **held, "sources": {material.key: source}})
        final = where / f"{facts['fingerprint'][:16]}-{rate_hz}-{maker()}"
        _settle_in(temporary, final, material.key, source, alone=alone)
        return final
    except BrokenProcessPool as error:
        raise InputError(
            f"{material.name}: a process that prepares it died (no memory left, or a script that is not guarded by "
            "`if __name__ == '__main__'`); try again with one job"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _facts(name: str, table: pd.DataFrame, rate_hz: int) -> dict[str, Any]:
    """What the manifest says of the content, so that a list needs no table."""
    return {
        "format": FORMAT,
        "maker": maker(),
        "name": name,
        "rate_hz": rate_hz,
        "fingerprint": fingerprint_of(table),
        "utterances": len(table),
        "speakers": int(table["speaker"].nunique()),
        "classes": sorted(table["emotion"].dropna().unique()),
        "languages": sorted(table["language"].dropna().unique()),
        "seconds": round(float(table["seconds"].sum()), 3),
        "created": datetime.now(UTC).isoformat(timespec="microseconds"),
    }


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of the audio and of the table."""
    return {name: (folder / name).stat().st_size for name in (AUDIO, TABLE)}


def digests(folder: Path, names: Sequence[str] = (AUDIO, TABLE)) -> dict[str, str]:
    """Of the audio and of the table, read at the speed of the disk."""
    found = {}
    for name in names:
        count = xxh3_128()
        with (folder / name).open("rb") as file:
            while block := file.read(_BLOCK):
                count.update(block)
        found[name] = count.hexdigest()
    return found


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Atomically, with a seal; what it describes must be on the disk already."""
    text = json.dumps(sealed(manifest), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    replace_file(folder / MANIFEST, text.encode())
    _sync(folder)


def fingerprint_of(table: pd.DataFrame) -> str:
    """SHA-256 over ids, audio at its native rate and labels, sorted by id: neither folder nor dates are part of it."""
    digest = hashlib.sha256()
    for row in table.sort_values("id")[[*_LABELS, "audio_hash"]].itertuples(index=False):
        digest.update(json.dumps([None if pd.isna(value) else str(value) for value in row]).encode() + b"\n")
    return digest.hexdigest()


def _settle_in(temporary: Path, final: Path, key: str, source: dict[str, Any], *, alone: bool) -> None:
    """Rename, or join what is there with the same content."""
    if alone and final.exists() and not _same(temporary, final):
        discard(final)
    try:
        temporary.rename(final)
    except OSError:
        if not _same(temporary, final):
            raise
        manifest = opened(json.loads((final / MANIFEST).read_bytes()))
        manifest["sources"][key] = source
        write_manifest(final, manifest)
    _sync(final.parent)


def _same(new: Path, old: Path) -> bool:
    """Whether ``old`` is undamaged and holds the same: its manifest says so, and its files are what that says."""
    try:
        a, b = (opened(json.loads((folder / MANIFEST).read_bytes())) for folder in (new, old))
        facts = ("format", "maker", "fingerprint", "rate_hz", "utterances")
        return digests(old) == b.get("digests") and all(a[fact] == b.get(fact) for fact in facts)
    except (OSError, ValueError, TypeError):
        return False


def _write_audio(
    material: Material, path: Path, rate_hz: int, progress: Progress, jobs: int
) -> tuple[pd.DataFrame, dict[str, tuple[int, list[str]]]]:
    """Decode everything into ``path``: (the table of what can be used, clips by what is to be said of them)."""
    tasks = [
        ClipSource(id, material.name, None if material.source is None else str(file), rate_hz)
        for id, file in zip(material.table["id"], material.table["path"], strict=True)
    ]
    rows: list[tuple[Any, ...]] = []
    bad: list[PreparedClip] = []
    odd: dict[str, list[str]] = {}
    offset = 0
    with path.open("wb") as file, closing(ordered(make, tasks, jobs)) as clips:
        for done, clip in enumerate(clips, start=1):
            if clip.problem:
                bad.append(clip)
            else:
                codes = clip.pcm.astype("<i2", copy=False).tobytes()
                file.write(codes)
                rows.append(
                    (clip.id, len(clip.pcm), len(clip.pcm) / rate_hz, clip.audio_hash, offset, clip.scale,
                     digest(codes), clip.native_hz, clip.channels, clip.clipped)
                )  # fmt: skip
                offset += len(clip.pcm)
                for what, how_much in oddities(clip.lacking, clip.peak):
                    odd.setdefault(what, []).append(f"{clip.id} ({how_much})")
            progress(done, len(tasks))
        file.flush()
        os.fsync(file.fileno())
    if not rows:
        raise InputError(none_usable(material.name, bad, rate_hz))
    names = [
        "id", "n_samples", "seconds", "audio_hash", "offset", "scale", "digest", "native_hz", "channels", "clipped",
    ]  # fmt: skip
    facts = pd.DataFrame(rows, columns=names).astype({"digest": object, "id": object, "audio_hash": object})
    table, doubled = settle(material.table.merge(facts, on="id").sort_values("id", ignore_index=True))
    if table.empty:
        raise InputError(f"{material.name}: no clip is left: all have identical audio under different labels")
    said = remarks(bad, odd, table, rate_hz)
    said |= {what: (sum(s.count(" = ") + 1 for s in sets), sets) for what, sets in doubled.items()}
    return table, said


def _check_space(material: Material, where: Path, rate_hz: int) -> None:
    free = shutil.disk_usage(where).free
    needed = int(_seconds(material) * rate_hz * 2 * 1.1) + _RESERVE
    if free < needed:
        raise InputError(
            f"{where}: {free / 1e6:.0f} MB free, about {needed / 1e6:.0f} MB needed to prepare {material.name} at "
            f"{rate_hz} Hz; make room or set SERBENCH_HOME to another folder"
        )


def _seconds(material: Material) -> float:
    """About how long the whole corpus is, from the headers of some files and the sizes of all."""
    if material.source is None:
        return SYNTHETIC_SECONDS * len(material.table)
    paths = [Path(path) for path in material.table["path"]]
    sizes = [path.stat().st_size if path.is_file() else 0 for path in paths]
    some = range(0, len(paths), max(1, len(paths) // _SAMPLED))
    seconds = {i: length_seconds(paths[i]) for i in some}
    readable = sum(sizes[i] for i, length in seconds.items() if length > 0)
    return sum(seconds.values()) / readable * sum(sizes) if readable else 0.0


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
