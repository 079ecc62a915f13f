"""What a model hears, reads and sees of a row, and fixed features that are computed once and kept."""

import hashlib
import io
import sys
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ...protocols.parts.protocol import CLEAN, Condition, utterance_of
from ...results.evidence.files import StoreError, write_bytes
from ..conditions.kinds import apply
from ..prepared.corpus import Corpus
from ..prepared.modalities import content_of, face_of, modality_of, transcript_of
from ..prepared.video import View
from .augment import CopyMaker

#: clips (N_i,) in, one array (T_i, ...) per clip out
Front = Callable[[list[np.ndarray]], list[np.ndarray]]
#: sound (N,), transcript, or face of one clip in, its vectors (T, D) out
Encode = Callable[[Any], np.ndarray]
MEMORY = 6 * 2**30  # bytes of features kept in memory; the oldest go first
SHARD = 2**28  # bytes of fresh features after which they are written
NO_COPIES = CopyMaker()  # no copies: every row is a clip itself


class Data:
    """The prepared corpora of a run, and the features that were computed from them.

    Features of clean rows also lie beside the prepared corpus (and are removed with it), so that another process or
    the next run does not compute them again. ``key`` names what computes them: sources and settings.
    """

    chunk = 64  # clips that a front gets at once

    def __init__(self, corpora: Mapping[str, Corpus], memory: int = MEMORY) -> None:
        self.corpora, self._memory = corpora, memory
        self._kept: OrderedDict[tuple[str, str, str], np.ndarray] = OrderedDict()
        self._bytes = 0
        self._shards: dict[Path, frozenset[str]] = {}  # files of features -> their rows

    def corpus_of(self, row: str) -> Corpus:
        """The corpus that a row belongs to."""
        return self.corpora[row.partition("/")[0]]

    def waveform(self, row: str, condition: Condition = CLEAN, maker: CopyMaker = NO_COPIES) -> np.ndarray:
        """Float32 samples (N,) of a row under a condition. InputError for a copy that ``maker`` cannot make."""
        corpus, utterance = self.corpus_of(row), utterance_of(row)
        sound = corpus.waveform(utterance)
        if maker.key(row):
            sound = maker.sound(sound, corpus.rate_hz, row)
        return apply(sound, corpus.rate_hz, utterance, condition)

    def features(
        self, key: str, front: Front, rows: Sequence[str], condition: Condition = CLEAN, maker: CopyMaker = NO_COPIES
    ) -> list[np.ndarray]:
        """Features of rows, in their order; the missing ones are computed in chunks of similar length."""

        def compute(chunk: Sequence[str]) -> list[np.ndarray]:
            return front([self.waveform(row, condition, maker) for row in chunk])

        features: dict[str, np.ndarray] = {}
        for recipe, part in maker.parts(rows):
            features |= zip(part, self._features_of(key, compute, part, condition, recipe), strict=True)
        return [features[row] for row in rows]

    def encoded(
        self,
        modality: str,
        key: str,
        encode: Encode,
        rows: Sequence[str],
        condition: Condition = CLEAN,
        maker: CopyMaker = NO_COPIES,
        view: View = "speaker",
    ) -> list[np.ndarray]:
        """Features of one modality of rows, each clip encoded alone; a condition acts on the modality of its kind.

        ``view``: which person of a video is seen.
        """
        own_condition = condition if modality == modality_of(condition.kind) else CLEAN

        def material(row: str) -> Any:
            if modality == "audio":
                return self.waveform(row, own_condition, maker)
            corpus, utterance = self.corpus_of(row), utterance_of(row)
            if modality == "text":
                return transcript_of(corpus, utterance)
            return face_of(corpus, utterance, maker.face_shift_s(row), own_condition, view)

        def compute(chunk: Sequence[str]) -> list[np.ndarray]:
            return [encode(material(row)) for row in chunk]

        features: dict[str, np.ndarray] = {}
        for name in sorted({row.partition("/")[0] for row in rows}):
            # the name of a prepared corpus covers its sound and words, not what is seen
            own = [row for row in rows if row.partition("/")[0] == name]
            pictures = f"-{content_of(self.corpus_of(own[0]))[:16]}" if modality == "face" else ""
            for recipe, part in maker.parts(own):
                full_key = f"{modality}-{key}{pictures}"
                values = self._features_of(full_key, compute, part, own_condition, recipe)
                features |= zip(part, values, strict=True)
        return [features[row] for row in rows]

    def _features_of(
        self,
        key: str,
        compute: Callable[[Sequence[str]], list[np.ndarray]],
        rows: Sequence[str],
        condition: Condition,
        recipe: str,
    ) -> list[np.ndarray]:
        """Features that are kept in memory or beside their corpus, and the others, which are computed and kept.

        ``recipe`` names how the rows are made, empty for clips themselves: only these are kept beside the corpus.
        """
        name = f"{condition.name}|{condition.content}|{recipe}"
        features = {row: self._kept[key, name, row] for row in rows if (key, name, row) in self._kept}
        stored = condition == CLEAN and not recipe
        if stored:
            features |= self._load(key, name, set(rows) - features.keys())
        missing = sorted((row for row in rows if row not in features), key=lambda row: (self._samples(row), row))
        fresh: dict[str, np.ndarray] = {}
        for start in range(0, len(missing), self.chunk):
            chunk = missing[start : start + self.chunk]
            fresh.update(zip(chunk, compute(chunk), strict=True))
            if start + self.chunk >= len(missing) or sum(value.nbytes for value in fresh.values()) > SHARD:
                if stored:
                    self._save(key, fresh)
                self._keep(key, name, fresh)
                features |= fresh
                fresh = {}
        return [features[row] for row in rows]

    def _samples(self, row: str) -> int:
        return self.corpus_of(row).n_samples(utterance_of(row))

    def _keep(self, key: str, name: str, fresh: Mapping[str, np.ndarray]) -> None:
        for row, value in fresh.items():
            old = self._kept.pop((key, name, row), None)
            self._kept[key, name, row] = value
            self._bytes += value.nbytes - (0 if old is None else old.nbytes)
        while self._bytes > self._memory:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes

    def _save(self, key: str, fresh: Mapping[str, np.ndarray]) -> None:
        """One file per corpus and call, named by its rows; whole or absent."""
        for corpus in {row.partition("/")[0] for row in fresh}:
            rows = sorted(row for row in fresh if row.partition("/")[0] == corpus)
            values = [fresh[row] for row in rows]
            if not values[0].size:
                continue
            buffer = io.BytesIO()
            lengths = np.array([len(value) for value in values])
            np.savez(buffer, rows=np.array(rows), lengths=lengths, values=np.concatenate(values))
            name = hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
            folder = self.corpora[corpus].folder / "features" / key
            try:
                write_bytes(folder / f"{name}.npz", buffer.getvalue())
            except StoreError as error:
                raise StoreError(
                    f"cannot keep features in {folder} ({error.__cause__}); make room there, or let SERBENCH_HOME "
                    "name a folder on another disk"
                ) from error

    def _load(self, key: str, name: str, rows: set[str]) -> dict[str, np.ndarray]:
        """What other processes or earlier runs kept of ``rows``; a file is read when one of them lies in it."""
        features: dict[str, np.ndarray] = {}
        for corpus in sorted({row.partition("/")[0] for row in rows}):
            for path in sorted((self.corpora[corpus].folder / "features" / key).glob("*.npz")):
                try:
                    if path not in self._shards:
                        with np.load(path) as shard:
                            self._shards[path] = frozenset(shard["rows"].tolist())
                    if self._shards[path].isdisjoint(rows):
                        continue
                    with np.load(path) as shard:
                        parts = np.split(shard["values"], np.cumsum(shard["lengths"])[:-1])
                        values = dict(zip(shard["rows"].tolist(), parts, strict=True))
                except (ValueError, KeyError, OSError, EOFError, BadZipFile, zlib.error) as error:
                    print(f"Note: {path}: damaged ({error}), computed again", file=sys.stderr)
                    path.unlink(missing_ok=True)
                    continue
                self._keep(key, name, values)
                features |= {row: value for row, value in values.items() if row in rows}
        return features
