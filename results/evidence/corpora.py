"""What a run folder knows of its corpora beside the scores: their language, and what became of their classes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .files import read_table
from .store import Run


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a label map makes of a corpus, in utterances; ``classes`` are those that the map gives it."""

    label_map: str
    corpus: str
    kept: int
    merged: int
    dropped: int
    classes: Mapping[str, int]

    @property
    def n(self) -> int:
        """All utterances of the corpus."""
        return self.kept + self.merged + self.dropped


@dataclass(frozen=True, slots=True)
class Corpora:
    """Facts of corpora, for tables. ``languages``: corpus -> its language, where known ("de"; "de+en" for two)."""

    languages: Mapping[str, str] = field(default_factory=dict)
    coverage: tuple[Coverage, ...] = ()

    def language(self, corpora: str) -> str:
        """Of one corpus, or of several trained on together, as scores name them; empty where any is unknown.

        >>> Corpora({"emodb": "de", "emovo": "it"}).language("emodb+emovo"), Corpora().language("emodb")
        ('de+it', '')
        """
        languages = [self.languages.get(corpus, "") for corpus in corpora.split("+")]
        return "+".join(dict.fromkeys(languages)) if all(languages) else ""


UNKNOWN = Corpora()


def corpora_of(runs: Sequence[Run]) -> Corpora:
    """What these runs stored of their corpora; a corpus of which they hold several versions has a line for each."""
    return Corpora(_languages(runs), tuple(_coverage(runs)))


def _languages(runs: Sequence[Run]) -> dict[str, str]:
    languages: dict[str, set[str]] = {}
    for path in _files(runs, "utterances"):
        table = read_table(path)
        if {"corpus", "language"} <= {*table.column_names}:
            pairs = table.select(["corpus", "language"]).group_by(["corpus", "language"]).aggregate([])
            for corpus, language in zip(*(pairs[n].to_pylist() for n in ("corpus", "language")), strict=True):
                languages.setdefault(corpus, set()).update([language] if language else [])
    return {corpus: "+".join(sorted(names_of)) for corpus, names_of in languages.items() if names_of}


def _coverage(runs: Sequence[Run]) -> Iterable[Coverage]:
    """Each once, by label map and corpus; plans of before maps were named in it are left out."""
    lines: dict[str, Coverage] = {}
    for path in _files(runs, "plans"):
        facts = json.loads((read_table(path).schema.metadata or {}).get(b"facts", b"{}"))
        lines |= {repr(c): c for c in coverage_of(line for line in facts.get("coverage", ()) if "label_map" in line)}
    return sorted(lines.values(), key=lambda c: (c.label_map, c.corpus))


def coverage_of(lines: Iterable[Mapping[str, Any]]) -> list[Coverage]:
    """Sums of lines of a native class each: ``label_map, corpus, n, fate`` and the class that it became, ``label``."""
    parts: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for line in lines:
        parts.setdefault((line["label_map"], line["corpus"]), []).append(line)
    return [_summed(label_map, corpus, part) for (label_map, corpus), part in parts.items()]


def _summed(label_map: str, corpus: str, lines: Sequence[Mapping[str, Any]]) -> Coverage:
    n = dict.fromkeys(("kept", "merged", "dropped"), 0)
    classes: dict[str, int] = {}
    for line in lines:
        n[line["fate"]] += line["n"]
        if line["fate"] != "dropped":
            classes[line["label"]] = classes.get(line["label"], 0) + line["n"]
    return Coverage(label_map, corpus, n["kept"], n["merged"], n["dropped"], dict(sorted(classes.items())))


def _files(runs: Sequence[Run], folder: str) -> list[Path]:
    return [path for run in runs for path in sorted((run.folder / folder).glob("*.parquet"))]
