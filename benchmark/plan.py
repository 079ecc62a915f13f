"""The experiment as data: trials and cells, named by their content, before anything runs."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ..baselines.registry import Chosen, choose, modules_of, provider
from ..protocols.design import Design
from ..protocols.protocol import NOTED, Condition, Fold, Leak, utterance_of
from ..results.store import PLAN_COLUMNS
from .conditions.kinds import find
from .environment import source_hash

#: behind the name of a corpus: what is seen in it, which its fingerprint does not cover
FACE = ": face"


#: the modules of the harness whose text decides what a training learns and hears
HARNESS = tuple(f"{__package__}.{name}" for name in ("data", "modalities", "models", "train", "video"))


@dataclass(frozen=True, slots=True)
class Trial:
    """One training: model, settings, fold and seed; plain data, so that it can go to another process.

    ``training`` names what is fitted (trials that differ only in their test rows share it), ``key`` the trial.
    ``rows_key`` names the training and dev rows with their labels, ``settings_key`` the model's settings.
    """

    key: str
    training: str
    model: str
    model_version: int
    overrides: tuple[tuple[str, str], ...]
    arm: str
    fold: int  # index into the design's folds
    fold_hash: str
    rows_key: str
    settings_key: str
    seed: int
    provider: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One trial under one condition: the unit of resume."""

    key: str
    trial: Trial
    condition: Condition
    code: str  # hash of the source text behind it


@dataclass(frozen=True)
class Plan:
    """Everything that a command asks for, and a line for whatever it leaves out."""

    design: Design
    data: dict[str, str]  # corpus -> fingerprint; corpus and FACE -> name of what is seen, where a model looks
    rate_hz: int
    models: tuple[str, ...]
    seeds: int
    cells: tuple[Cell, ...]
    settings: dict[str, dict[str, Any]]  # settings key -> settings

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The folds that the trials' indices mean."""
        return self.design.split.folds

    @cached_property
    def labels(self) -> dict[str, str]:
        """Utterance id -> class after the label map."""
        table = self.design.labelled.table
        return dict(zip(table["id"], table["label"], strict=True))

    @cached_property
    def speakers(self) -> dict[str, str | None]:
        """Utterance id -> speaker."""
        table = self.design.labelled.table
        return {u: None if pd.isna(s) else s for u, s in zip(table["id"], table["speaker"], strict=True)}

    @cached_property
    def leaks(self) -> dict[tuple[str, str], list[Leak]]:
        """(train, test) -> the permitted leaks found in any of its folds: one line of a table has one list."""
        found: dict[tuple[str, str], set[Leak]] = {}
        for fold, leaks in zip(self.folds, self.design.fold_leaks, strict=True):
            found.setdefault((fold.train_name, fold.test_name), set()).update(leaks)
        return {names: sorted(leaks - NOTED) for names, leaks in found.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped or could not be done, and which corpora repeat their sentences over a fold."""
        pairs = zip(self.folds, self.design.fold_leaks, strict=True)
        repeated = dict.fromkeys(fold.test_name for fold, leaks in pairs if "sentence" in leaks)
        said = f"{', '.join(repeated)}: the same sentences in train and test, spoken by the speakers of each"
        return (*self.design.notes, *([said] if repeated else []))

    def frame(self) -> pd.DataFrame:
        """One line per cell, as the run folder keeps it."""
        options = asdict(self.design.options)
        settings = {key: digest(facts, options) for key, facts in self.settings.items()}
        lines = []
        for cell in self.cells:
            t, fold = cell.trial, self.folds[cell.trial.fold]
            facts = (
                cell.key, t.key, t.training, self.design.protocol.name, t.model, t.arm, fold.train_name,
                fold.test_name, fold.name, fold.repeat, t.seed, cell.condition.name,
                self.design.label_map_of(fold), self.leaks[fold.train_name, fold.test_name], list(fold.classes),
                cell.code, settings[t.settings_key],
            )  # fmt: skip
            lines.append(facts)
        return pd.DataFrame(lines, columns=list(PLAN_COLUMNS))


def make_plan(
    design: Design,
    conditions: Sequence[Condition],
    models: Sequence[tuple[str, Mapping[str, str]]],
    seeds: int,
    data: Mapping[str, str],
    rate_hz: int,
) -> Plan:
    """The full grid: models (each with its overrides) x arms x folds x seeds x conditions. Draws nothing."""
    folds = _fold_keys(design, data, rate_hz)
    protocol = design.protocol
    rule = digest(protocol.name, protocol.version, source_hash([protocol.split.__module__]))
    heard = [(c, *_condition_key(c)) for c in conditions]
    harness = source_hash(HARNESS)
    cells: list[Cell] = []
    settings: dict[str, dict[str, Any]] = {}
    specs: list[str] = []
    for (spec, overrides), arm in itertools.product(models, protocol.arms):
        changes = {**overrides, **dict(arm.settings)}
        chosen = choose(spec, changes)
        specs.append(chosen.spec)
        facts = asdict(chosen.settings)
        text = source_hash(modules_of(chosen.card))
        about_model = (chosen.card.name, chosen.card.version, text, harness, facts)
        settings_key = digest(*about_model, *_outside(chosen, data))
        settings[settings_key] = facts
        named = "/".join((chosen.spec, arm.name, rule))
        marks = [(c, mark, digest(text, harness, rule, effect)) for c, mark, effect in heard]
        shared: dict[str, Any] = {
            "model": chosen.spec, "model_version": chosen.card.version, "overrides": tuple(sorted(changes.items())),
            "arm": arm.name, "settings_key": settings_key, "provider": provider(chosen.card),
        }  # fmt: skip
        for (index, keys), seed in itertools.product(enumerate(folds), range(seeds)):
            training = name_of("training", settings_key, keys.rows, str(seed))
            key = name_of("trial", training, keys.line, named)
            trial = Trial(
                key=key, training=training, fold=index, fold_hash=keys.fold, rows_key=keys.rows, seed=seed, **shared
            )
            cells += [Cell(name_of("cell", key, mark), trial, c, code) for c, mark, code in marks]
    return Plan(design, dict(data), rate_hz, tuple(dict.fromkeys(specs)), seeds, tuple(cells), settings)


@dataclass(frozen=True, slots=True)
class _FoldKeys:
    """Names of what is trained on (rows, labels, fingerprints), of the whole fold, and of its line in a table."""

    rows: str
    fold: str
    line: str


def _outside(chosen: Chosen, data: Mapping[str, str]) -> list[Mapping[str, str]]:
    """What decides a model's results beside its settings and the fingerprints: weights that it loads, what it sees."""
    weights: Mapping[str, str] = getattr(chosen.settings, "contents", {})
    forms = getattr(chosen.settings, "forms", chosen.card.modalities)
    seen = {name: value for name, value in data.items() if name.endswith(FACE)} if "face" in forms else {}
    return [found for found in (weights, seen) if found]


def _condition_key(condition: Condition) -> tuple[str, str]:
    """Name of what is heard (kind, level, recordings, and the text of the code that makes it), and that text's hash."""
    text = source_hash(find(condition.kind).modules)
    return digest(condition.kind, condition.level, condition.unit, condition.content, text), text


def name_of(*names: str) -> str:
    """A name for names, as `digest` gives: quicker, for the many."""
    return hashlib.sha256("|".join(names).encode()).hexdigest()[:32]


def digest(*facts: Any) -> str:
    """A name for content: 32 hexadecimal digits of the SHA-256 of its canonical JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=list).encode()).hexdigest()[:32]


def _fold_keys(design: Design, data: Mapping[str, str], rate_hz: int) -> list[_FoldKeys]:
    """Rows with their labels and the fingerprints of their corpora; the line adds label map and leaks."""
    labels = dict(zip(design.labelled.table["id"], design.labelled.table["label"], strict=True))

    def part(rows: Sequence[str]) -> str:
        corpora = sorted({row.partition("/")[0] for row in rows})
        return digest([(row, labels[utterance_of(row)]) for row in rows], [(c, data[c]) for c in corpora])

    found = []
    for fold, leaks in zip(design.split.folds, design.fold_leaks, strict=True):
        rows = digest(part(fold.train), part(fold.dev), fold.classes, rate_hz)
        whole = digest(rows, part(fold.test), fold.name, fold.repeat)
        found.append(_FoldKeys(rows, whole, digest(whole, design.label_map_of(fold), leaks)))
    return found
