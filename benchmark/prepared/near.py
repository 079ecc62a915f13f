"""Near-identical audio in the corpora of a run: found once, kept beside what was prepared, and put in one group.

Of two corpora the finding lies beside the first by name. Built-in corpora are not searched: the takes of a sentence
are nearly the same there by design, and the program knows that none is a copy.
"""

import io
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import resolve_name
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from ...errors import InputError, named
from ...results.evidence.files import StoreError, write_bytes
from ...results.evidence.seals import digest, opened, sealed
from ..audio.alignment import Agreement
from ..audio.allowed import NONE, AllowedPairs, check, note
from ..audio.bar import bar
from ..audio.fingerprint import CODE, Match
from ..audio.likeness import ClipCodes, Likeness, Pair, codes_of, joined, near_pairs
from ..corpora.synthetic import NAMES as BUILT_IN
from ..source import source_hash
from .corpus import Corpus


def link(
    table: pd.DataFrame, corpora: Mapping[str, Corpus], allowed: AllowedPairs = NONE
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The utterances of ``corpora`` with near-identical ones in one ``group``, and notes of what was found.

    ``group`` becomes the first id that has the audio. Different labels are only noted: the clips stay. Suspicions and
    ``allowed`` pairs change nothing. Raises InputError for allowed clips that are not there.
    """
    check(allowed, set(table["id"]), dict(zip(table["id"], table["audio_hash"], strict=True)))
    copies, suspicions = near_identical(corpora, allowed)
    if copies:
        groups = pd.Series(table["group"].fillna(table["id"]).to_numpy(), index=table["id"])
        table = table.assign(group=table.groupby(joined(groups, copies))["id"].transform("min"))
    group = dict(zip(table["id"], table["group"], strict=True))
    apart = [pair for pair in suspicions if group[pair.a] != group[pair.b]]
    still = [(a, b) for a, b in sorted(allowed) if group[a] == group[b]]
    return table, (*note(allowed, still), *_notes(table, copies), *_weaker(apart))


def near_identical(corpora: Mapping[str, Corpus], allowed: AllowedPairs = NONE) -> tuple[list[Pair], list[Pair]]:
    """Pairs of near-identical utterances within and between corpora, and suspicions, without ``allowed`` ones.

    Copies of a copy are not all listed: the pairs connect whatever belongs together.
    """
    real = [corpora[name] for name in sorted(corpora) if name not in BUILT_IN]
    pairs = [pair for a, b in combinations_with_replacement(real, 2) for pair in _between(a, b, allowed)]
    return [pair for pair in pairs if pair.how.copy], [pair for pair in pairs if pair.how.suspect]


def _notes(table: pd.DataFrame, copies: Sequence[Pair]) -> list[str]:
    """A line for every set of corpora that share near-identical audio."""
    clips = table[table["id"].isin([id for pair in copies for id in pair[:2]])]
    by_corpora: dict[str, list[pd.DataFrame]] = {}
    for _, same in clips.groupby("group", sort=False):
        by_corpora.setdefault(", ".join(sorted(set(same["corpus"]))), []).append(same)
    return [
        f"{corpora}: {sum(map(len, sets))} clips kept as {len(sets)} {'group' if len(sets) == 1 else 'groups'}, "
        f"near-identical audio: {named(map(_set, sets), 4)}"
        for corpora, sets in sorted(by_corpora.items())
    ]


def _set(same: pd.DataFrame) -> str:
    labels = list(dict.fromkeys(map(str, same["emotion"])))
    odd = [f"under different labels: {', '.join(labels)}"] if len(labels) > 1 else []
    odd += ["of different speakers"] if same["speaker"].nunique(dropna=False) > 1 else []
    return named(same["id"]).replace(", ", " = ") + (f" ({'; '.join(odd)})" if odd else "")


def _weaker(suspicions: Sequence[Pair]) -> list[str]:
    by_corpora: dict[str, list[str]] = {}
    for a, b, how in suspicions:
        corpora = ", ".join(sorted({a.partition("/")[0], b.partition("/")[0]}))
        by_corpora.setdefault(corpora, []).append(f"{a} ~ {b} ({how})")
    return [
        f"{corpora}: {len(pairs)} {'suspicion' if len(pairs) == 1 else 'suspicions'} of near-identical audio, too "
        f"little to say so, kept apart: {named(pairs, 4)}"
        for corpora, pairs in sorted(by_corpora.items())
    ]


def _between(a: Corpus, b: Corpus, allowed: AllowedPairs) -> list[Pair]:
    """Pairs between two corpora, or within one, from the disk where they were found before."""
    here = sorted(pair for pair in allowed if {id.partition("/")[0] for id in pair} == {a.name, b.name})
    mark = "-" + digest(json.dumps(here).encode())[:16] if here else ""
    path = _shelf(a) / f"{b.name}-{b.folder.name}{mark}.json"
    try:
        stored = opened(json.loads(path.read_bytes()))["pairs"]
        return [Pair(first, second, _likeness(how)) for first, second, how in stored]
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, KeyError) as error:
        print(f"Note: {path}: damaged ({error}), found again", file=sys.stderr)
    pairs = near_pairs(_clips(a), None if a is b else _clips(b), frozenset(here))
    _keep(path, json.dumps(sealed({"pairs": pairs})).encode())
    return pairs


def _likeness(stored: Sequence[Any]) -> Likeness:
    match, samples = stored
    return Likeness(Match(*match), None if samples is None else Agreement(*samples))


def _clips(corpus: Corpus) -> ClipCodes:
    ids = list(corpus.table["id"])
    codes, frames = _codes(corpus, ids)
    audio = list(corpus.table["audio_hash"])
    return ClipCodes(ids, audio, codes, frames, lambda i: corpus.waveform(ids[i]), corpus.rate_hz)


def _codes(corpus: Corpus, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    path = _shelf(corpus) / "codes.npz"
    try:
        with path.open("rb") as file, np.load(file) as kept:
            return kept["codes"].astype(np.float32), kept["frames"]
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, OSError, EOFError, BadZipFile, zlib.error) as error:
        print(f"Note: {path}: damaged ({error}), computed again", file=sys.stderr)
    codes = np.empty((len(ids), CODE), dtype=np.float32)
    frames = np.empty(len(ids), dtype=np.int64)
    with bar(f"fingerprints of {corpus.name}") as progress:
        for i, one in enumerate(codes_of(map(corpus.waveform, ids), corpus.rate_hz)):
            codes[i], frames[i] = one
            progress(i + 1, len(ids))
    rounded = codes.astype(np.float16)  # as they are kept: what is found must not depend on who computed them
    buffer = io.BytesIO()
    np.savez(buffer, codes=rounded, frames=frames)
    _keep(path, buffer.getvalue())
    return rounded.astype(np.float32), frames


def _shelf(corpus: Corpus) -> Path:
    return corpus.folder / f"near-{_version()}"


@cache
def _version() -> str:
    """A name for how it is found: the sources that decide it."""
    names = (
        resolve_name(f"..audio.{name}", f"{__package__}") for name in ("fingerprint", "alignment", "likeness", "decode")
    )
    return source_hash([*names])[:16]


def _keep(path: Path, content: bytes) -> None:
    try:
        write_bytes(path, content)
    except StoreError as error:
        raise InputError(
            f"cannot write {path} ({error.__cause__}); make room there, or let SERBENCH_HOME name a folder elsewhere"
        ) from error
