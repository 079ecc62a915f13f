"""What a protocol is: folds over rows, conditions and arms, what it promises and which leaks it permits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Leak = Literal["speaker", "session", "audio", "copy", "sentence"]
LEAKS: tuple[Leak, ...] = ("speaker", "session", "audio", "copy", "sentence")
#: acted corpora repeat their sentences by design: a note beside a result, not a leak, unless new ones are promised
NOTED: frozenset[Leak] = frozenset({"sentence"})


def row_id(utterance: str, copy: int = 0) -> str:
    """The row ``utterance#copy``; copy 0 is the clip itself."""
    return f"{utterance}#{copy}"


def utterance_of(row: str) -> str:
    """The utterance that a row is a copy of."""
    return row.rpartition("#")[0]


def copy_of(row: str) -> int:
    """The number of the copy; 0 is the clip itself."""
    return int(row.rpartition("#")[2])


@dataclass(frozen=True, slots=True)
class Fold:
    """Three disjoint sets of row ids, and the task: the classes that are told apart.

    ``train_name`` and ``test_name`` are the corpora, as printed ("emodb", "emodb+emovo"). ``dev`` may be empty:
    then the last epoch is taken, and the tables say so.
    """

    name: str
    train_name: str
    test_name: str
    classes: tuple[str, ...]
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """What a protocol makes of a table: folds, and a line for everything it dropped or could not do."""

    folds: tuple[Fold, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """What is done to the test audio: a kind that ``benchmark.conditions`` knows, and its level in ``unit``.

    ``source`` is a folder of recordings, ``content`` the hash of what lies in it.
    """

    kind: str = "clean"
    level: float | None = None
    unit: str = ""
    source: str = ""
    content: str = ""

    @property
    def name(self) -> str:
        """As printed and stored: ``clean``, ``white 10 dB``."""
        return self.kind if self.level is None else f"{self.kind} {self.level:g} {self.unit}".strip()


CLEAN = Condition()


@dataclass(frozen=True, slots=True)
class Arm:
    """A change of model settings that a protocol compares; ``settings`` are (name, value) pairs."""

    name: str = "base"
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Options of a protocol that has none."""


def clean_only(options: Any) -> tuple[Condition, ...]:
    """Conditions of most protocols: the clean test audio."""
    return (CLEAN,)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A named, versioned rule. If its folds or conditions change, its version changes; old records stay true.

    ``split(table, options)`` gets the labelled table of all chosen corpora: one line per utterance with the columns
    ``id, corpus, speaker, gender, language, label, sentence, session, dialogue, official_split, audio_hash, group``
    (strings or null; ``group`` is shared by utterances with identical audio, which no fold may separate), sorted by
    id. It is a pure function. ``promises`` are the leaks that no fold may have, ``permits`` those that it has by
    design; every table that shows its numbers says so. ``null`` is what its score is on the null corpora.
    ``min_corpora`` corpora are needed; with ``separate`` every corpus is split on its own.
    """

    name: str
    version: int
    summary: str
    split: Callable[[pd.DataFrame, Any], Split]
    promises: frozenset[Leak]
    permits: frozenset[Leak]
    null: Literal["chance", "above", "either"]
    label_map: str = "native"
    options: Any = NoOptions()  # a frozen dataclass with defaults; `--set PROTOCOL.OPTION=value` changes it
    conditions: Callable[[Any], tuple[Condition, ...]] = clean_only
    arms: tuple[Arm, ...] = (Arm(),)
    min_corpora: int = 1
    separate: bool = True
