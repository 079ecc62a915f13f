"""The experiment as data: trials and cells, named by their content, before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.util import resolve_name
from typing import Any

import pandas as pd

from ...baselines.registry import ModelChoice, modules_of, provider
from ...protocols.parts.augment import NOTHING, Augment, Step
from ...protocols.parts.copies import augmented
from ...protocols.parts.design import Design
from ...protocols.parts.protocol import (
    HONEST,
    LEAKS,
    NOTED,
    RATE_HZ,
    Arm,
    Condition,
    Fold,
    Leak,
    Practice,
    utterance_of,
)
from ...results.evidence.plans import PLAN_COLUMNS
from ..conditions.kinds import KINDS, find
from ..source import source_hash
from .arms import Choice, possible
from .identity import HARNESS, digest, name_of

#: behind the name of a corpus: what is seen in it, which its fingerprint does not cover
FACE = ": face"


@dataclass(frozen=True, slots=True)
class Trial:
    """One training: model, settings, fold and seed; plain data, so that it can go to another process.

    ``training`` names what is fitted (trials that differ only in their test rows share it), ``key`` the trial.
    ``train_key`` names the training rows with their labels, by which weights and order are drawn: the same whatever
    dev is; ``settings_key`` the model's settings. ``spec`` and ``overrides`` build the model, which tables call
    ``model``; ``role`` is the model's and ``factors`` are the arm's. ``seeded``: whether the seed decides anything that
    is learned. ``before`` is the trial whose trained weights it begins with; ``practice`` says how its rows are scored.
    """

    key: str
    training: str
    model: str
    spec: str
    model_version: int
    overrides: tuple[tuple[str, str], ...]
    arm: str
    fold: int  # index into the plan's folds
    fold_hash: str
    train_key: str
    settings_key: str
    seed: int
    provider: str
    role: str = "model"
    factors: tuple[tuple[str, str], ...] = ()
    practice: Practice = HONEST
    seeded: bool = True
    before: "Trial | None" = None

    @property
    def group(self) -> str:
        """The training at the head of its chain: trainings of one group run one after another."""
        return self.training if self.before is None else self.before.group


@dataclass(frozen=True, slots=True)
class Cell:
    """One trial under one condition: the unit of resume."""

    key: str
    trial: Trial
    condition: Condition
    code: str  # hash of the source text behind it


@dataclass(frozen=True)
class Plan:
    """Everything that a command asks for, and a line for whatever it leaves out.

    ``folds`` are what the trials' indices mean: those of the design, then what arms make of them.
    """

    design: Design
    data: dict[str, str]  # corpus -> fingerprint; corpus and FACE -> name of what is seen, where a model looks
    rate_hz: int
    models: tuple[str, ...]
    seeds: int
    folds: tuple[Fold, ...]
    cells: tuple[Cell, ...]
    settings: dict[str, dict[str, Any]]  # settings key -> settings
    augments: dict[str, Augment]  # arm -> what it does to training clips
    leaks: dict[tuple[str, str, str], list[Leak]]  # (arm, train, test) -> permitted leaks found in any of its folds
    left_out: tuple[str, ...] = ()  # a line for each arm that some model cannot have

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

    def leaks_of(self, trial: Trial) -> list[Leak]:
        """The permitted leaks of a trial's line in a table: one line has one list."""
        fold = self.folds[trial.fold]
        return self.leaks[trial.arm, fold.train_name, fold.test_name]

    def options_of(self, arm: str) -> dict[str, Any]:
        """The protocol's options, what an arm does to training clips, and the rate where it is not the usual one."""
        augment = self.augments[arm]
        more: dict[str, Any] = {"augment": asdict(augment)} if augment.name else {}
        rate = {} if self.rate_hz == RATE_HZ else {"rate_hz": self.rate_hz}
        return asdict(self.design.options) | more | rate

    @property
    def notes(self) -> tuple[str, ...]:
        """What was dropped or could not be done, and which corpora repeat their sentences over a fold."""
        pairs = zip(self.design.split.folds, self.design.fold_leaks, strict=True)
        repeated = dict.fromkeys(fold.test_name for fold, leaks in pairs if "sentence" in leaks)
        note = f"{', '.join(repeated)}: the same sentences in train and test, spoken by the speakers of each"
        return (*self.design.notes, *self.left_out, *([note] if repeated else []))

    def frame(self) -> pd.DataFrame:
        """One line per cell, as the run folder keeps it."""
        options = {arm: self.options_of(arm) for arm in self.augments}
        settings: dict[tuple[str, str], str] = {}
        lines = []
        for cell in self.cells:
            t, fold = cell.trial, self.folds[cell.trial.fold]
            if (of := (t.settings_key, t.arm)) not in settings:
                settings[of] = digest(self.settings[t.settings_key], options[t.arm])
            facts = (
                cell.key, t.key, t.training, self.design.protocol.name, t.model, t.arm, fold.train_name,
                fold.test_name, fold.name, fold.repeat, t.seed, cell.condition.name,
                self.design.label_map_of(fold), self.leaks_of(t), list(fold.classes), cell.code, settings[of],
                t.role, cell.condition.kind, cell.condition.level, cell.condition.unit,
            )  # fmt: skip
            lines.append(facts)
        return pd.DataFrame(lines, columns=list(PLAN_COLUMNS))


def make_plan(
    design: Design,
    conditions: Sequence[Condition],
    choices: Sequence[Choice],
    seeds: int,
    data: Mapping[str, str],
    rate_hz: int,
) -> Plan:
    """The full grid: choices (models under their arms) x folds x seeds x conditions. Draws nothing.

    An arm that a model cannot have is left out with a line; InputError where a model has none.
    """
    protocol = design.protocol
    rule = digest(protocol.name, protocol.version, source_hash([protocol.split.__module__]))
    effects = [(c, *_condition_key(c)) for c in conditions]
    harnesses = {kind: source_hash(modules) for kind, modules in HARNESS.items()}
    folds = _Folds(design, data, rate_hz)
    choices, left_out = possible(choices, lambda arm: [folds.all[index] for index, _ in folds.of(arm)])
    cells: list[Cell] = []
    settings: dict[str, dict[str, Any]] = {}
    cards = {choice.chosen.card.name: choice.chosen.card for choice in choices}
    texts = {name: source_hash(modules_of(card)) for name, card in cards.items()}  # once: many arms have one model
    for choice in choices:
        chosen, arm = choice.chosen, choice.arm
        facts = asdict(chosen.settings)
        text, harness = texts[chosen.card.name], harnesses[chosen.card.kind]
        about_model = (chosen.card.name, chosen.card.version, text, harness, facts)
        settings_key = digest(*about_model, *_outside(chosen, data))
        settings[settings_key] = facts
        how = (arm.practice.order, arm.practice.statistics)
        named = "/".join((choice.model, arm.name, rule, *(how if arm.practice != HONEST else ())))
        marks = [(c, mark, digest(text, harness, rule, effect)) for c, mark, effect in effects]
        shared: dict[str, Any] = {
            "model": choice.model, "spec": choice.spec, "model_version": chosen.card.version, "arm": arm.name,
            "overrides": tuple(sorted(choice.overrides.items())), "settings_key": settings_key,
            "provider": provider(chosen.card), "practice": arm.practice,
            "role": chosen.card.role, "factors": arm.factors,
            "seeded": chosen.card.seeded or arm.augment.rows != NOTHING.rows,
        }  # fmt: skip
        state = () if arm.practice.state == "zero" else (arm.practice.state,)
        chain: dict[tuple[str, int], Trial] = {}
        for index, keys in folds.of(arm):
            fold = folds.all[index]
            for seed in range(seeds):
                before = chain[fold.after, seed] if fold.after else None
                begins = () if before is None else (before.training,)
                training = name_of("training", settings_key, keys.rows, str(seed), *state, *begins)
                trial = Trial(
                    key=name_of("trial", training, keys.line, named), training=training, fold=index,
                    fold_hash=keys.fold, train_key=keys.train, seed=seed, before=before, **shared,
                )  # fmt: skip
                chain[fold.name, seed] = trial
                cells += [Cell(name_of("cell", trial.key, mark), trial, c, code) for c, mark, code in marks]
    return Plan(
        design, dict(data), rate_hz, tuple(dict.fromkeys(c.model for c in choices)), seeds, tuple(folds.all),
        tuple(cells), settings, {c.arm.name: c.arm.augment for c in choices}, folds.leaks(choices),
        tuple(left_out),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _FoldKeys:
    """Names of what is trained on (rows, labels, fingerprints), of dev too, of the fold, and of its line in a table."""

    train: str
    rows: str
    fold: str
    line: str


class _Folds:
    """The folds of a design and what arms make of them, each once, with their names."""

    def __init__(self, design: Design, data: Mapping[str, str], rate_hz: int) -> None:
        self.design, self.data, self.rate_hz = design, data, rate_hz
        self.labels = dict(zip(design.labelled.table["id"], design.labelled.table["label"], strict=True))
        self.all = list(design.split.folds)
        self._keys = [self._named(fold, leaks) for fold, leaks in zip(self.all, design.fold_leaks, strict=True)]
        self._folds: dict[Augment, list[tuple[int, _FoldKeys]]] = {NOTHING: list(enumerate(self._keys))}

    def of(self, arm: Arm) -> list[tuple[int, _FoldKeys]]:
        """Index into ``all``, and names, of the folds that an arm has."""
        if arm.augment not in self._folds:
            self._folds[arm.augment] = [self._changed(i, arm.augment) for i in range(len(self.design.split.folds))]
        return [(i, keys) for i, keys in self._folds[arm.augment] if self.all[i].arm in ("", arm.folds or arm.name)]

    def leaks(self, choices: Sequence[Choice]) -> dict[tuple[str, str, str], list[Leak]]:
        """(arm, train, test) -> permitted leaks: those of its folds, and of how its rows are scored."""
        places: dict[tuple[str, str, str], set[Leak]] = {}
        for arm in {choice.arm.name: choice.arm for choice in choices}.values():
            for fold, leaks in zip(self.design.split.folds, self.design.fold_leaks, strict=True):
                if fold.arm in ("", arm.folds or arm.name):
                    place = (arm.name, fold.train_name, fold.test_name)
                    places.setdefault(place, set()).update(leaks, arm.practice.leaks)
        return {place: [leak for leak in sorted(leaks - NOTED) if leak in LEAKS] for place, leaks in places.items()}

    def _changed(self, index: int, augment: Augment) -> tuple[int, _FoldKeys]:
        fold, leaks = augmented(self.all[index], augment), self.design.fold_leaks[index]
        self.all.append(fold)
        return len(self.all) - 1, self._named(fold, leaks)

    def _named(self, fold: Fold, leaks: Sequence[Leak]) -> _FoldKeys:
        """Rows with their labels and the fingerprints of their corpora; the line adds label map and leaks."""

        def part(rows: Sequence[str]) -> str:
            corpora = sorted({row.partition("/")[0] for row in rows})
            return digest([(row, self.labels[utterance_of(row)]) for row in rows], [(c, self.data[c]) for c in corpora])

        copies: list[Any] = (
            [[(copy, [_facts(step) for step in steps]) for copy, steps in fold.copies]] if fold.copies else []
        )
        if any(step.kind == "snr" for _, steps in fold.copies for step in steps):
            copies.append(_training_noise())
        train = digest(part(fold.train), fold.classes, self.rate_hz, *copies)
        rows = digest(train, part(fold.dev))
        whole = digest(rows, part(fold.test), fold.name, fold.repeat)
        return _FoldKeys(train, rows, whole, digest(whole, self.design.label_map_of(fold), leaks))


def _outside(chosen: ModelChoice, data: Mapping[str, str]) -> list[Mapping[str, str]]:
    """What decides a model's results beside its settings and the fingerprints: weights that it loads, what it sees."""
    weights: Mapping[str, str] = getattr(chosen.settings, "contents", {})
    forms = getattr(chosen.settings, "forms", chosen.card.modalities)
    face = {name: value for name, value in data.items() if name.endswith(FACE)} if "face" in forms else {}
    return [names for names in (weights, face) if names]


def _facts(step: Step) -> dict[str, Any]:
    """What decides a step: not where its recordings lie, but what they are."""
    return {name: value for name, value in asdict(step).items() if name != "source"}


@cache
def _training_noise() -> str:
    """The text of what makes the noise that training clips are heard in."""
    modules = {module for kind in KINDS.values() if kind.unit == "dB" for module in kind.modules}
    return source_hash([*modules, resolve_name("..conditions.training", f"{__package__}")])


def _condition_key(condition: Condition) -> tuple[str, str]:
    """Name of what is heard (kind, level, recordings, and the text of the code that makes it), and that text's hash."""
    text = source_hash(find(condition.kind).modules)
    return digest(condition.kind, condition.level, condition.unit, condition.content, text), text
