"""Label maps: the native classes of each corpus -> a common set; every class is kept, merged or dropped, and counted.

A map is a TOML file in ``labels/``: ``name``, ``version``, ``summary``, ``source``, ``classes`` (all that it maps to),
and ``[default]``: by canonical name, what is ``kept``, ``merged`` (native = "into") and ``dropped``. A corpus may say
the same of its own classes (`CorpusLabels`); where it does not, the default holds. With ``own_classes`` it keeps all.
A user's map is such a file anywhere (``my.toml``), with a section ``[corpus.NAME]`` for classes of that corpus alone;
its name in tables ends in a hash of what it says.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from ...emotion_words import emotion as emotion_of
from ...errors import InputError, named, toml_of, unknown

Fate = Literal["kept", "merged", "dropped"]
_FOLDER = files("serbench.protocols") / "labels"
_KEYS = {"name", "version", "summary", "source", "classes", "default"}


@dataclass(frozen=True)
class CorpusLabels:
    """What a corpus says of its own ``classes``: label map -> native class -> class, or None where it is dropped.

    ``label_map`` is the map that protocols inside this corpus use where none is named.
    """

    classes: tuple[str, ...]
    fates: Mapping[str, Mapping[str, str | None]]
    label_map: str = "native"


#: corpus -> what it says of its classes; any other corpus has the default of the map
Fates = Mapping[str, CorpusLabels]


@dataclass(frozen=True)
class LabelMap:
    """A versioned map. ``default``: native class -> class, or None where it is dropped.

    ``own_classes``: a corpus keeps classes of its own that are not among ``classes``. ``sections``: corpus -> what
    becomes of its classes, before anything else.
    """

    name: str
    version: int
    summary: str
    source: str
    classes: tuple[str, ...]
    default: Mapping[str, str | None]
    own_classes: bool
    sections: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def of(self, corpus: CorpusLabels | None) -> Mapping[str, str | None]:
        """Native class -> class or None, for one corpus: as it says, else the default; without a fate: not there."""
        if corpus is None:
            return self.default
        own = {emotion: emotion for emotion in corpus.classes if self.own_classes}
        fates = {**own, **self.default, **corpus.fates.get(self.name, {})}
        return {emotion: fates[emotion] for emotion in corpus.classes if emotion in fates}

    def of_table(self, corpus: str, own: CorpusLabels | None, emotions: Iterable[str]) -> dict[str, str | None]:
        """Native class -> class or None, for the classes that a table of ``corpus`` has; without a fate: not there.

        Where nothing is known about the corpus, a class that is no canonical word is read as the emotion that it
        names, or kept, where the map keeps own classes.
        """
        if own is not None:
            return {**self.of(own), **self.sections.get(corpus, {})}
        fates = {**self.default, **self.sections.get(corpus, {})}
        for emotion in emotions:
            word = emotion_of(emotion) or ""
            if emotion not in fates and self.own_classes:
                fates[emotion] = emotion
            elif emotion not in fates and word in self.default:
                fates[emotion] = self.default[word]
        return fates


class LabelLine(NamedTuple):
    """What becomes of the ``n`` utterances of a native class of a corpus; ``label`` is None where it is dropped."""

    label_map: str
    corpus: str
    emotion: str
    n: int
    fate: Fate
    label: str | None


@dataclass(frozen=True)
class LabelledTable:
    """A table with the column ``label``, without the utterances whose class is dropped.

    ``coverage`` has a line per native class, with the columns of `LabelLine`; the classes of a corpus with facts are
    all there, also those of which the table has none (n = 0).
    """

    table: pd.DataFrame
    coverage: pd.DataFrame
    notes: tuple[str, ...]


def names() -> tuple[str, ...]:
    """The label maps that there are."""
    return tuple(sorted(f.name.removesuffix(".toml") for f in _FOLDER.iterdir() if f.name.endswith(".toml")))


def load(name: str) -> LabelMap:
    """A label map by name, or that of a file; InputError with the nearest one, and for a file that is none."""
    return _of_file(Path(name)) if name.endswith(".toml") else _shipped(name)


def _of_file(path: Path) -> LabelMap:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"label map {path}: cannot be read ({error}); `serbench corpora labels DIR` writes one"
        ) from error
    own = read(text, f"label map {path}")
    facts = (own.name, own.version, own.classes, own.default, own.own_classes, own.sections)
    mark = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
    return replace(own, name=f"{own.name}-{mark}")


@cache
def _shipped(name: str) -> LabelMap:
    if name not in names():
        raise unknown("label map", name, names())
    return read((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"), f"label map {name}")


def read(text: str, where: str) -> LabelMap:
    """A label map from the text of its file; InputError for what is missing, unknown, said twice or no class of it."""
    facts = toml_of(text, where)
    if odd := (facts.keys() - {"own_classes", "corpus"}) ^ _KEYS:
        raise InputError(f"{where}: {', '.join(sorted(odd))} missing or unknown; a map has {', '.join(sorted(_KEYS))}")
    classes = facts["classes"]
    return LabelMap(
        name=facts["name"],
        version=facts["version"],
        summary=facts["summary"],
        source=facts["source"],
        classes=tuple(classes),
        default=_fates(facts["default"], classes, f"{where}, default"),
        own_classes=facts.get("own_classes", False),
        sections={
            corpus: _fates(section, classes, f"{where}, corpus.{corpus}")
            for corpus, section in facts.get("corpus", {}).items()
        },
    )


def corpus_labels(
    classes: Sequence[str], sections: Mapping[str, Mapping[str, Any]], label_map: str, where: str
) -> CorpusLabels:
    """What a corpus says of its ``classes``: label map -> section, as in a map; InputError for what does not fit."""
    load(label_map)
    fates = {name: _fates(section, load(name).classes, f"{where}, {name}") for name, section in sections.items()}
    for name, section in fates.items():
        if odd := sorted(section.keys() - set(classes)):
            raise unknown(f"class of {where}, {name}", odd[0], classes)
    return CorpusLabels(tuple(classes), fates, label_map)


def fate(emotion: str, label: str | None) -> Fate:
    """What happens to a native class."""
    return "dropped" if label is None else "kept" if label == emotion else "merged"


def apply(table: pd.DataFrame, label_map: str | LabelMap, fates: Fates) -> LabelledTable:
    """Give every utterance the class that the map says, and leave out those whose class it drops.

    ``fates``: what the corpora themselves say of it. Raises InputError for a class that the map does not know, with
    the nearest one, and for a corpus of which nothing is kept.
    """
    chosen = load(label_map) if isinstance(label_map, str) else label_map
    name = chosen.name
    table = table.reset_index(drop=True)
    coverage, notes, labels = [], [], []
    for corpus, part in table.groupby("corpus", sort=True):
        counts = part["emotion"].value_counts()
        to = chosen.of_table(str(corpus), fates.get(str(corpus)), map(str, counts.index))
        _check(part, str(corpus), chosen.name, to)
        lines = [LabelLine(name, str(corpus), e, int(counts.get(e, 0)), fate(e, to[e]), to[e]) for e in sorted(to)]
        coverage += [line for line in lines if line.n or corpus in fates]
        notes += _notes(lines)
        labels.append(part["emotion"].map(to))
    kept = table.assign(label=pd.concat(labels) if labels else None)
    kept = kept[kept["label"].notna()].reset_index(drop=True)
    # as objects, so that no class stays None
    every = pd.DataFrame(coverage, columns=list(LabelLine._fields), dtype=object).astype({"n": int})
    return LabelledTable(kept, every, tuple(notes))


def _fates(section: Mapping[str, Any], classes: Sequence[str], where: str) -> dict[str, str | None]:
    if odd := section.keys() - {"kept", "merged", "dropped"}:
        raise unknown(f"key of {where}", min(odd), ("kept", "merged", "dropped"))
    pairs = [(e, e) for e in section.get("kept", [])]
    pairs += list(section.get("merged", {}).items())
    pairs += [(e, None) for e in section.get("dropped", [])]
    fates: dict[str, str | None] = {}
    for emotion, label in pairs:
        if emotion in fates:
            raise InputError(f"{where}: {emotion} is named twice; a class has one fate")
        if label is not None and label not in classes:
            raise unknown(f"class of {where}", label, classes)
        fates[emotion] = label
    return fates


def _check(part: pd.DataFrame, corpus: str, name: str, to: Mapping[str, str | None]) -> None:
    if part["emotion"].isna().any():
        raise InputError(
            f"{corpus}: no emotion for {part.loc[part['emotion'].isna(), 'id'].iloc[0]}; every clip has one"
        )
    counts = part["emotion"].value_counts()
    if odd := sorted(set(counts.index) - to.keys()):
        first = part.loc[part["emotion"] == odd[0], "id"].iloc[0]
        several = f"; in all {named((f'{e} {counts[e]}' for e in odd), 12)}" if len(odd) > 1 else ""
        raise InputError(
            f"{corpus}: {unknown(f'emotion of label map {name}', odd[0], to)} "
            f"({counts[odd[0]]} utterances, e.g. {first}){several}; a map of your own says what becomes of them: "
            f"`serbench corpora labels {corpus}=DIR` writes it, --label-map FILE reads it"
        )
    if not any(to[e] for e in set(part["emotion"])):
        classes = named(sorted(set(part["emotion"])), 12)
        raise InputError(f"{corpus}: label map {name} drops every class it has ({classes}); use another map")


def _notes(lines: Sequence[LabelLine]) -> list[str]:
    into: dict[str, list[str]] = {}
    for line in lines:
        if line.n and line.label and line.fate == "merged":
            into.setdefault(line.label, []).append(f"{line.emotion} {line.n}")
    where = f"{lines[0].corpus}: label map {lines[0].label_map}"
    counted = [f"{named(some, 12)} as {label}" for label, some in sorted(into.items())]
    notes = [f"{where} counts {named(counted, 12, '; ')}"] if counted else []
    if dropped := [line for line in lines if line.n and line.fate == "dropped"]:
        which = named((f"{line.emotion} {line.n}" for line in dropped), 12)
        n, total = (sum(line.n for line in some) for some in (dropped, lines))
        notes.append(f"{where} drops {n} of {total} utterances: {which}")
    return notes
