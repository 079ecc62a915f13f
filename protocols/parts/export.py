"""A protocol and its folds as plain data, for tables and for anybody's code."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from . import labels
from .design import Design
from .folds import by_corpus, sessions_nest
from .labels import Fates
from .protocol import LEAKS, Condition, Leak, Protocol, utterance_of

EXPORTED = (
    "protocol", "version", "label_map", "train", "test", "arm", "fold", "repeat", "part", "row", "label", "speaker",
)  # fmt: skip


def of_protocol(protocol: Protocol) -> dict[str, Any]:
    """What a protocol declares; conditions are those of its default options."""
    return {
        "protocol": protocol.name,
        "version": protocol.version,
        "summary": protocol.summary,
        "promises": _sorted(protocol.promises),
        "permits": _sorted(protocol.permits),
        "null": protocol.null,
        "label_map": protocol.label_map,
        "min_corpora": protocol.min_corpora,
        "options": asdict(protocol.options),
        "conditions": [condition.name for condition in protocol.conditions(protocol.options)],
    }


def of_design(design: Design, conditions: Sequence[Condition]) -> dict[str, Any]:
    """What a protocol makes of corpora: beside its declaration the folds with their counts, leaks and notes."""
    table = design.labelled.table
    coverage = design.coverage.astype(object)
    return of_protocol(design.protocol) | {
        "options": asdict(design.options),
        "conditions": [condition.name for condition in conditions],
        "label_map": design.label_map,
        "sessions_nest": sorted(corpus for corpus, part in by_corpus(table) if sessions_nest(part)),
        "leaks": list(design.leaks),
        "notes": list(design.notes),
        "folds": list(_folds(design)),
        "languages": {c: sorted(set(part["language"].dropna())) for c, part in by_corpus(table)},
        "coverage": coverage.where(coverage.notna(), None).to_dict(orient="records"),
    }


def of_label_map(name: str, corpora: Fates) -> list[dict[str, Any]]:
    """What a label map makes of each corpus that says what its classes are, and of any other (`default`)."""
    chosen = labels.load(name)
    lines = []
    every: dict[str, Mapping[str, str | None]] = {**chosen.sections}
    every |= {corpus: chosen.of_table(corpus, own, ()) for corpus, own in sorted(corpora.items())}
    every["default"] = chosen.default
    for corpus, fates in every.items():
        names: dict[str, list[str]] = {"kept": [], "dropped": []}
        into: dict[str, list[str]] = {}
        for emotion, label in sorted(fates.items()):
            fate = labels.fate(emotion, label)
            (into.setdefault(str(label), []) if fate == "merged" else names[fate]).append(emotion)
        merged = [f"{', '.join(those)} = {label}" for label, those in sorted(into.items())]
        lines.append({"corpus": corpus, **names, "merged": merged})
    return lines


def exported(design: Design) -> list[dict[str, Any]]:
    """One line per fold and row, with the keys EXPORTED; ``arm`` is empty where all arms have the fold."""
    table = design.labelled.table
    label = dict(zip(table["id"], table["label"], strict=True))
    speaker = dict(zip(table["id"], table["speaker"].astype(object).where(table["speaker"].notna(), None), strict=True))
    lines = []
    for fold in design.split.folds:
        about = (design.protocol.name, design.protocol.version, design.label_map_of(fold))
        where = (fold.train_name, fold.test_name, fold.arm, fold.name, fold.repeat)
        for part, rows in (("train", fold.train), ("dev", fold.dev), ("test", fold.test)):
            for row in rows:
                clip = utterance_of(row)
                values = (*about, *where, part, row, label[clip], speaker[clip])
                lines.append(dict(zip(EXPORTED, values, strict=True)))
    return lines


def _folds(design: Design) -> Iterator[dict[str, Any]]:
    table = design.labelled.table
    speakers = dict(zip(table["id"], table["speaker"], strict=True))
    labelled = dict(zip(table["id"], table["label"], strict=True))
    for fold, leaks in zip(design.split.folds, design.fold_leaks, strict=True):
        tested = {labelled[utterance_of(row)] for row in fold.test}
        yield {
            "arm": fold.arm,
            "fold": fold.name,
            "repeat": fold.repeat,
            "train": fold.train_name,
            "test": fold.test_name,
            "label_map": design.label_map_of(fold),
            "classes": list(fold.classes),
            "chance": 1 / len(fold.classes),
            "n_train": len(fold.train),
            "n_dev": len(fold.dev),
            "n_test": len(fold.test),
            "missing_in_test": [label for label in fold.classes if label not in tested],
            "dev_speakers": _names(fold.dev, speakers),
            "test_speakers": _names(fold.test, speakers),
            "leaks": list(leaks),
        }


def _names(rows: Sequence[str], speakers: dict[str, Any]) -> list[str]:
    names = {speakers[utterance_of(row)] for row in rows}
    return sorted(name for name in names if isinstance(name, str))


def _sorted(leaks: frozenset[Leak]) -> list[Leak]:
    return [leak for leak in LEAKS if leak in leaks]
