"""What a protocol is: folds over rows, conditions and arms, what it promises and which leaks it permits."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from .augment import NOTHING, Augment, Step
from .rows import copy_of as copy_of
from .rows import row_id as row_id
from .rows import utterance_of as utterance_of

#: what test rows may share with training rows, and what else may reach a prediction: ``selection``, test rows choose
#: the epoch; ``order``, test rows lie class by class and hand their state on; ``statistics``, of the test rows
Leak = Literal["speaker", "session", "audio", "copy", "sentence", "selection", "order", "statistics"]
LEAKS: tuple[Leak, ...] = ("speaker", "session", "audio", "copy", "sentence", "selection", "order", "statistics")
ROW_LEAKS = LEAKS[:5]
#: acted corpora repeat their sentences by design: a note beside a result, not a leak, unless new ones are promised
NOTED: frozenset[Leak] = frozenset({"sentence"})
RATE_HZ = 16_000  # of every waveform in a run, unless its protocol or the user says otherwise


@dataclass(frozen=True, slots=True)
class Fold:
    """Three disjoint sets of row ids, and the task: the classes that are told apart.

    ``train_name`` and ``test_name`` are the corpora, as printed ("emodb", "emodb+emovo"). ``dev`` may be empty:
    then the last epoch is taken, and the tables say so. Where ``dev`` is the test set, the leak ``selection`` says so.
    ``copies``: number of a copy -> how it is made of its utterance. ``arm``: the only arm that has this fold, empty:
    all have it. ``after``: the fold whose trained weights this one begins with, empty: fresh ones.
    ``promises``: leaks that its test rows must not have, although its protocol permits them elsewhere.
    """

    name: str
    train_name: str
    test_name: str
    classes: tuple[str, ...]
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]
    repeat: int = 0
    copies: tuple[tuple[int, tuple[Step, ...]], ...] = ()
    arm: str = ""
    after: str = ""
    promises: frozenset[Leak] = frozenset()


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
class Practice:
    """How rows are scored. The defaults are as they should be; only a protocol with it in its name, or
    `as-coded`, changes one.

    ``order`` of the test rows into batches: by ``length``; ``class`` by class, or ``class-reversed``; ``shuffled``; or
    ``longest``: every short clip beside the longest. ``state``: recurrent networks begin every clip at ``zero``, or
    with the state that the clip before it in the batch slot left, in training too. ``statistics`` for normalization
    are of train, or of test.
    """

    order: Literal["length", "class", "class-reversed", "shuffled", "longest"] = "length"
    state: Literal["zero", "carried"] = "zero"
    statistics: Literal["train", "test"] = "train"

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """What reaches a prediction by this practice."""
        by_order: tuple[Leak, ...] = ("order",) if self.state == "carried" and self.order.startswith("class") else ()
        return (*by_order, "statistics") if self.statistics == "test" else by_order


HONEST = Practice()


@dataclass(frozen=True, slots=True)
class Arm:
    """A change that a protocol compares, with everything else equal.

    ``settings`` of models are (name, value) pairs, ``variants`` their names; ``model``: the only model that has the
    arm, empty: all have it. ``augment``: what is done to training clips. ``practice``: how rows are scored.
    ``folds``: the arm whose folds it has, where that has another name. ``factors``: (name, level) pairs of an arm that
    is a point of a sweep.
    """

    name: str = "base"
    settings: tuple[tuple[str, str], ...] = ()
    variants: tuple[str, ...] = ()
    model: str = ""
    augment: Augment = NOTHING
    practice: Practice = HONEST
    folds: str = ""
    factors: tuple[tuple[str, str], ...] = ()


BASE = Arm()


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Options of a protocol that has none."""


def clean_only(options: Any) -> tuple[Condition, ...]:
    """Conditions of most protocols: the clean test audio."""
    return (CLEAN,)


def base_only(options: Any) -> tuple[Arm, ...]:
    """Arms of most protocols: models as they are."""
    return (BASE,)


def any_given(options: Any, names: Collection[str]) -> None:
    """The check of most protocols: no option is without effect beside others."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A named, versioned rule. If its folds or conditions change, its version changes; old records stay true.

    ``split(table, options)`` gets the labelled table of all chosen corpora: one line per utterance with the columns
    ``id, corpus, speaker, gender, language, label, sentence, session, dialogue, official_split, audio_hash, group``
    (strings or null; ``group`` is shared by utterances with identical audio, which no fold may separate), sorted by
    id. It is a pure function. ``promises`` are the leaks that no fold may have, ``permits`` those that it has by
    design; every table that shows its numbers says so. ``null`` is what its score is on the null corpora.
    ``label_maps``: corpora that have another map than ``label_map``, with it.
    ``min_corpora`` corpora are needed. ``rate_hz``: of all waveforms; a replay has the paper's. ``arms`` may be the
    word ``variants``: every model as it is, and each of its variants. ``check_given(options, names)`` refuses options
    that somebody has set by these names, without effect.
    """

    name: str
    version: int
    summary: str
    split: Callable[[pd.DataFrame, Any], Split]
    promises: frozenset[Leak]
    permits: frozenset[Leak]
    null: Literal["chance", "above", "either"]
    label_map: str = "native"
    label_maps: tuple[tuple[str, str], ...] = ()
    options: Any = NoOptions()  # a frozen dataclass with defaults; `--set PROTOCOL.OPTION=value` changes it
    conditions: Callable[[Any], tuple[Condition, ...]] = clean_only
    arms: Callable[[Any], tuple[Arm, ...]] | Literal["variants"] = base_only
    min_corpora: int = 1
    rate_hz: int = RATE_HZ
    check_given: Callable[[Any, Collection[str]], None] = any_given
