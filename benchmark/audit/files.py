"""The files of a list as a table: what columns and names tell of each, and what of it may be one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ...errors import named
from ...identities import is_unknown, spelled, whole
from ..corpora.registry import cards, find
from .doubts import alike, questions, same_places
from .lists import TEST, Listing
from .names import NameReading, known_corpus

if TYPE_CHECKING:
    from .sound import SoundGroups

ROLES = ("speaker", "session", "dialogue", "sentence")
Names = list[str | None]


def file_table(
    listing: Listing, readings: Mapping[str, NameReading], sound: "SoundGroups | None", distinct: bool
) -> tuple[pd.DataFrame, list[str]]:
    """One line per file, and notes. A column of the list is believed before the name of the file; both are kept."""
    notes: list[str] = []
    corpus = _corpora(listing, readings)
    columns = {role: _column(role, listing, readings, notes) for role in ROLES}
    told = {role: _told(role, readings) if role in listing.columns else None for role in ROLES}
    if told["speaker"] is not None:
        notes += _disagreement(columns["speaker"], told["speaker"], list(readings))
    notes += _shared_recordings(listing)
    bare = columns["speaker"]
    columns["speaker"] = _within(corpus, bare)
    maybe = {role: alike(names) for role, names in columns.items()}
    certain = [c if c in cards() else "" for c in corpus] if _apart(listing, corpus) else corpus
    maybe["speaker"] = _within(certain, alike(bare))
    fate = "Taken as different, as --distinct says" if distinct else "--distinct takes them as different"
    notes += [f"{line} {fate}" for line in questions({**columns, "speaker": bare})]
    audio = sound.columns(list(readings)) if sound else {"audio_hash": _released(readings), "near": None}
    places = same_places(readings)
    facts = {
        "id": list(readings), "corpus": corpus, "original": [t.original for t in readings.values()],
        "place": [places[path] for path in readings], **columns, **audio,
    }  # fmt: skip
    facts |= {f"named_{role}": names for role, names in told.items()}
    facts |= {f"{role}_alike": names for role, names in maybe.items()}
    return pd.DataFrame(facts, dtype=object), notes


def _corpora(listing: Listing, readings: Mapping[str, NameReading]) -> list[str]:
    """The corpus of each file: as its name tells, else as the list says; where it says nothing, what it says of all."""
    words = [listing.cells[path].get("corpus") for path in readings]
    declared = [known_corpus(word) if word else "" for word in words]
    only = {word for word in declared if word}
    usual = next(iter(only)) if len(only) == 1 else ""
    if all(reading.corpus for reading in readings.values()):
        return [reading.corpus for reading in readings.values()]
    return [word or usual for word in declared]


def _column(role: str, listing: Listing, readings: Mapping[str, NameReading], notes: list[str]) -> Names:
    """The names of a role, of a column where the list has one, else of the files; nobody where nobody knows."""
    if role not in listing.columns:
        return [t.row.get(role) for t in readings.values()]
    cells = [listing.cells[path].get(role) for path in readings]
    unknown = [cell for cell in cells if cell and is_unknown(cell)] if role != "sentence" else []
    if unknown:
        words = named((f"'{word}' ({n})" for word, n in Counter(unknown).most_common()), 3)
        notes.append(f"{role} of nobody: {words}: {len(unknown)} of {len(cells)} files have no {role} that is known")
    gone = set(unknown)
    return [None if cell is None or cell in gone else spelled(cell) for cell in cells]


def _told(role: str, readings: Mapping[str, NameReading]) -> Names:
    """What file names tell of a role, with their corpus."""
    return [(name := t.row.get(role)) and f"{t.corpus}/{name}" for t in readings.values()]


def _within(corpora: Sequence[str], names: Sequence[str | None]) -> Names:
    return [name and (f"{corpus}/{name}" if corpus else name) for corpus, name in zip(corpora, names, strict=True)]


def _apart(listing: Listing, corpus: Sequence[str]) -> bool:
    """Whether no corpus has files on both sides of any split: then its name tells no more than the part."""
    of = dict(zip(dict.fromkeys(p for s in listing.splits for ps in s.parts.values() for p in ps), corpus, strict=True))
    for split in listing.splits:
        test = {of[path] for path in split.parts[TEST]}
        if test & {of[path] for part, paths in split.parts.items() if part != TEST for path in paths}:
            return False
    return True


def _shared_recordings(listing: Listing) -> list[str]:
    """A note on test segments of recordings of which other segments are in train or dev."""
    n, recordings = 0, set()
    for split in listing.splits:
        others = {whole(path)[0] for part, paths in split.parts.items() if part != TEST for path in paths}
        shared = [of for of, span in map(whole, split.parts[TEST]) if span and of in others]
        n += len(shared)
        recordings.update(shared)
    if not n:
        return []
    some = named(sorted(recordings), 3)
    return [
        f"{n} test segments are of recordings that train or dev has segments of, the same session and channel: {some}"
    ]


def _disagreement(columns: Sequence[str | None], told: Sequence[str | None], paths: Sequence[str]) -> list[str]:
    """A note where a speaker by name has several in the column, or the other way round."""
    pairs = [(c, n, p) for c, n, p in zip(columns, told, paths, strict=True) if c and n]
    kinds = {(c, n) for c, n, _ in pairs}
    per_column, per_name = Counter(c for c, _ in kinds), Counter(n for _, n in kinds)
    odd = [f"{p}: column {c}, name {n}" for c, n, p in pairs if per_column[c] > 1 or per_name[n] > 1]
    if not odd:
        return []
    return [f"column speaker and file names disagree on {len(odd)} files, both are checked: {named(odd, 3)}"]


def _released(readings: Mapping[str, NameReading]) -> list[str | None]:
    """What identical recordings of a known corpus share as it was released; null for all others."""
    same = {
        id: group[0]
        for corpus in {t.corpus for t in readings.values() if t.corpus}
        for group in find(corpus).facts.identical
        for id in group
    }
    return [None if t.mark else same.get(t.original) for t in readings.values()]
