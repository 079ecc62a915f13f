"""A kept model on new audio: which trainings a run folder still holds, and what they say together."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...baselines.registry import ModelChoice, choose, modules_of
from ...errors import InputError, unknown
from ...protocols.parts.protocol import CLEAN, Arm, Condition
from ...results.evidence.files import StoreError, read_json
from ...results.evidence.record import Record
from ...results.evidence.store import Run
from ..audio.bar import bar
from ..device import configure, resolve
from ..environment import source_hash
from ..prepared.clips import Clip, Task, make, restore
from ..training.augment import CopyMaker
from ..training.data import NO_COPIES, Data, Encode, Front
from ..training.trainer import LabelledRows, Streams, Trainer, load_state

FLOOR = float(np.log(np.finfo(np.float32).tiny))  # in place of the log-probability of a class that a model excludes


@dataclass(frozen=True)
class Wanted:
    """Which trainings are asked; None is all there are, but one protocol, label map, arm and train."""

    model: str
    protocol: str | None = None
    label_map: str | None = None
    arm: str | None = None
    train: str | None = None
    fold: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Prediction:
    """What ``trainings`` say of a file; ``agree`` of them choose this class on their own."""

    file: str
    guess: str
    probabilities: dict[str, float] | None  # null where the model has none
    agree: int
    trainings: int


@dataclass(frozen=True)
class Kept:
    """Trainings of one model that differ in fold and seed alone, one record of each."""

    chosen: ModelChoice
    rate_hz: int
    records: tuple[Record, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the log-probabilities."""
        return tuple(self.records[0].classes)


class Files(Data):
    """New audio in place of prepared corpora; a row is the name of a file, and features stay in memory."""

    def __init__(self, waveforms: Mapping[str, np.ndarray]) -> None:
        super().__init__({})
        self.waveforms = waveforms
        self.found: dict[tuple[str, str], np.ndarray] = {}

    def waveform(self, row: str, condition: Condition = CLEAN, maker: CopyMaker = NO_COPIES) -> np.ndarray:
        """Float32 samples (N,) of a file."""
        return self.waveforms[row]

    def features(
        self, key: str, front: Front, rows: Sequence[str], condition: Condition = CLEAN, maker: CopyMaker = NO_COPIES
    ) -> list[np.ndarray]:
        """Features of files, each computed alone and once for all trainings that share ``key``."""
        for row in rows:
            if (key, row) not in self.found:
                (self.found[key, row],) = front([self.waveforms[row]])
        return [self.found[key, row] for row in rows]

    def encoded(
        self,
        modality: str,
        key: str,
        encode: Encode,
        rows: Sequence[str],
        condition: Condition = CLEAN,
        maker: CopyMaker = NO_COPIES,
    ) -> list[np.ndarray]:
        """As `features`; InputError for what is not heard."""
        if modality != "audio":
            raise InputError(f"{rows[0]}: this model needs {modality} too, predict gives it audio alone")
        return self.features(key, lambda clips: [encode(clip) for clip in clips], rows, condition)


def predict(run: Run, wanted: Wanted, files: Sequence[str], device: str) -> tuple[list[Prediction], list[str]]:
    """Ask every training that is wanted and kept; predictions in the order of the files, and notes.

    Log-probabilities are averaged over the trainings; models without them vote, and of equal votes the first class
    counts. Every file is heard alone, so that its prediction depends on no other. Raises InputError for a file that
    cannot be used, and for trainings that are not kept, are of several kinds, or whose model is not what it was.
    """
    kept = find(run, wanted)
    clips = {file: _heard(file, kept.rate_hz) for file in dict.fromkeys(files)}
    where = resolve(device)
    configure(where, "fp32", 0)
    waveforms = {file: restore(clip.pcm, clip.scale) for file, clip in clips.items()}
    trainer = Trainer(Files(waveforms), kept.rate_hz, where, "fp32")
    guesses, scores = [], []
    with bar("predicting") as told:
        for done, record in enumerate(kept.records, start=1):
            guess, of_classes = _ask(run, trainer, kept, record, list(clips))
            guesses.append(guess)
            scores += [] if of_classes is None else [of_classes]
            told(done, len(kept.records))
    found = {p.file: p for p in _together(list(clips), kept.classes, np.stack(guesses), scores)}
    return [found[file] for file in files], [_said(kept, bool(scores)), *_known(run, clips)]


def find(run: Run, wanted: Wanted) -> Kept:
    """The trainings that are wanted, if their weights are kept and they answer the same question."""
    spec = choose(wanted.model).spec
    paths = sorted((run.folder / "records").glob("*.json"))
    records = [Record.from_json(read_json(path), str(path)) for path in paths]
    mine = _where("model in this run", "model", records, spec)
    mine = [record for record in mine if run.weights_path(record.training).exists()]
    if not mine:
        raise InputError(
            f"{run.folder}: no weights of {spec} are kept; run it with --keep-weights, in a new folder if with --out"
        )
    for name in ("protocol", "label_map", "arm", "train"):
        several = f"{spec} has several; choose with --{name.replace('_', '-')}"
        mine = _where(name.replace("_", " "), name, mine, getattr(wanted, name), several)
    for name in ("fold", "seed"):
        value = getattr(wanted, name)
        mine = mine if value is None else _where(name, name, mine, value)
    records = list({record.training: record for record in mine}.values())
    _same(run, spec, records)
    stories = [_story(run, record) for record in records]
    chosen = choose(stories[0]["spec"], stories[0]["overrides"])
    now = source_hash(modules_of(chosen.card)), chosen.card.version, json.dumps(asdict(chosen.settings))
    for record, story in zip(records, stories, strict=True):
        if now != (story["source"], record.model_version, json.dumps(record.settings)):
            by = " ".join(record.environment[fact] for fact in ("serbench", "commit")).strip()
            raise InputError(f"{spec}: its code is not what it was (serbench {by}); use that version, or train again")
    return Kept(chosen, stories[0]["rate_hz"], tuple(records))


def _where(kind: str, name: str, records: list[Record], value: Any, several: str = "") -> list[Record]:
    """The records with that value; without one, all of them if they have only one."""
    known = {str(getattr(record, name)) for record in records}
    if value is None and len(known) > 1:
        raise InputError(f"{kind} {', '.join(sorted(known))}: {several}")
    if value is not None and str(value) not in known:
        raise unknown(kind, str(value), known)
    return [record for record in records if value is None or getattr(record, name) == value]


def _same(run: Run, spec: str, records: Sequence[Record]) -> None:
    """Refuse trainings that answer different questions: other classes, or other settings."""
    if len(several := {", ".join(record.classes): record.fold for record in records}) > 1:
        folds = "; ".join(f"fold '{fold}': {classes}" for classes, fold in several.items())
        raise InputError(f"{run.folder}: trainings of {spec} know different classes ({folds}); choose with --fold")
    first = records[0].settings
    odd = sorted({name for r in records for name in first if r.settings.get(name) != first[name]})
    if odd:
        raise InputError(f"{run.folder}: trainings of {spec} differ in {', '.join(odd)}; give each a run of its own")


def _story(run: Run, record: Record) -> dict[str, Any]:
    """What the run wrote beside the weights."""
    path = run.training_path(record.training)
    story: dict[str, Any] = read_json(path)
    if missing := {"spec", "overrides", "source", "rate_hz", "streams"} - story.keys():
        raise StoreError(f"{path}: lacks {', '.join(sorted(missing))}; another version of serbench wrote it")
    return story


def _heard(file: str, rate_hz: int) -> Clip:
    """The file as a run would hear it; InputError where a run would leave it out."""
    clip = make(Task(file, "", file, rate_hz))
    if clip.problem == "unreadable":
        raise InputError(clip.reason)
    if clip.problem:
        raise InputError(f"{file}: {'no sound in it' if clip.problem == 'silent' else f'no sample at {rate_hz} Hz'}")
    return clip


def _ask(
    run: Run, trainer: Trainer, kept: Kept, record: Record, files: Sequence[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Class indices (n,) and log-probabilities (n, C) or None of one training."""
    model = trainer.build(kept.chosen, kept.classes, Streams(**_story(run, record)["streams"]))
    path = run.weights_path(record.training)
    try:
        load_state(model, load_file(path, str(trainer.device)))
    except SafetensorError as error:
        raise StoreError(f"{path}: damaged ({error}); choose other folds or seeds, or train again") from error
    parts = [LabelledRows((file,), np.zeros(1, dtype=np.int64)) for file in files]
    said = [trainer.predict(kept.chosen, model, part, CLEAN, len(kept.classes)) for part in parts]
    scores = [of_classes for _, of_classes in said if of_classes is not None]
    for file, of_classes in zip(files, scores, strict=False):
        if np.isnan(of_classes).any():
            raise InputError(f"{file}: {kept.chosen.spec}, fold '{record.fold}', gives scores that are no numbers")
    return np.concatenate([guess for guess, _ in said]), np.concatenate(scores) if scores else None


def _together(
    files: Sequence[str], classes: Sequence[str], guesses: np.ndarray, scores: Sequence[np.ndarray]
) -> Iterator[Prediction]:
    """One prediction per file from guesses (K, n) and log-probabilities K x (n, C) of K trainings."""
    votes = (guesses[..., None] == np.arange(len(classes))).sum(axis=0)  # (n, C)
    means = np.maximum(np.stack(scores), FLOOR).mean(axis=0, dtype=np.float64) if scores else None
    for i, file in enumerate(files):
        best = int(votes[i].argmax() if means is None else means[i].argmax())
        shares = None if means is None else np.exp(means[i] - np.logaddexp.reduce(means[i]))
        probabilities = None if shares is None else dict(zip(classes, shares.tolist(), strict=True))
        yield Prediction(file, classes[best], probabilities, int(votes[i, best]), len(guesses))


def _said(kept: Kept, probable: bool) -> str:
    """Who was asked, in a line."""
    first, n = kept.records[0], len(kept.records)
    folds, seeds = (len({getattr(record, name) for record in kept.records}) for name in ("fold", "seed"))
    arm = "" if first.arm == Arm().name else f", arm {first.arm}"
    how = "" if n == 1 else "; log-probabilities are averaged" if probable else "; they vote"
    what = f"1 training, fold '{first.fold}', seed {first.seed}" if n == 1 else f"{n} trainings"
    counted = "" if n == 1 else f" ({folds} folds, {seeds} seed{'s' * (seeds > 1)})"
    return f"{kept.chosen.spec}{arm}, trained on {first.train}: {what}{counted}{how}"


def _known(run: Run, clips: Mapping[str, Clip]) -> Iterator[str]:
    """A note when new files are clips of the run's own corpora."""
    tables = [pd.read_parquet(path, columns=["id", "audio_hash"]) for path in (run.folder / "utterances").glob("*")]
    known = {h: i for table in tables for i, h in zip(table["id"], table["audio_hash"], strict=True)}
    again = [(file, known[clip.audio_hash]) for file, clip in clips.items() if clip.audio_hash in known]
    if again:
        file, utterance = again[0]
        yield f"{len(again)} of {len(clips)} files are clips of this run ({file} is {utterance}): this is no test"
