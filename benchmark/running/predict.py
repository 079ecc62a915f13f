"""A kept model on new audio: which trainings a run folder still holds, and what they say together."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...baselines.registry import ModelChoice, choose, modules_of
from ...errors import InputError, named, unknown
from ...protocols.parts.protocol import CLEAN, Arm, Condition, row_id, utterance_of
from ...results.evidence.files import StoreError, read_json, read_table
from ...results.evidence.record import Record
from ...results.evidence.store import Run
from ..audio.duplicates import note
from ..device import configure, resolve
from ..prepared.clip_words import fault_of, oddities
from ..prepared.clips import ClipSource, PreparedClip, make, restore
from ..prepared.corpus import Corpus
from ..source import source_hash
from ..training.augment import CopyMaker
from ..training.data import NO_COPIES, Data
from ..training.trainer import LabelledRows, Streams, Trainer, load_state
from .cells import kept_weights

#: class index (1,) and log-probabilities (1, C) of a file; None where the model has none
Answer = tuple[np.ndarray, np.ndarray | None]
FLOOR = float(np.log(np.finfo(np.float32).tiny))  # in place of the log-probability of a class that a model excludes


@dataclass(frozen=True)
class PredictOptions:
    """Which trainings are asked; None is all there are, but one protocol, label map, train and arm."""

    model: str
    protocol: str | None = None
    label_map: str | None = None
    train: str | None = None
    arm: str | None = None
    fold: str | None = None
    seed: int | None = None
    device: str = "auto"


@dataclass(frozen=True)
class FilePrediction:
    """What ``trainings`` say of a file; ``agree`` of them choose this class on their own."""

    file: str
    guess: str
    probabilities: dict[str, float] | None  # null where the model has none
    agree: int
    trainings: int


@dataclass(frozen=True)
class Ensemble:
    """Trainings of one model that differ in fold and seed alone, one record of each."""

    chosen: ModelChoice
    rate_hz: int
    records: tuple[Record, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the log-probabilities."""
        return tuple(self.records[0].classes)


class NewAudio(Data):
    """New audio in place of prepared corpora, by the names of files; features stay in memory."""

    chunk = 1  # every file is heard alone

    def __init__(self, waveforms: Mapping[str, np.ndarray]) -> None:
        super().__init__({})
        self.waveforms = waveforms

    def waveform(self, row: str, condition: Condition = CLEAN, maker: CopyMaker = NO_COPIES) -> np.ndarray:
        """Float32 samples (N,) of a file."""
        return self.waveforms[utterance_of(row)]

    def corpus_of(self, row: str) -> Corpus:
        """InputError: words and faces lie in corpora."""
        raise InputError(f"{utterance_of(row)}: this model needs words or a face too, predict gives it audio alone")

    def _samples(self, row: str) -> int:
        return len(self.waveforms[utterance_of(row)])

    def _load(self, key: str, name: str, rows: set[str]) -> dict[str, np.ndarray]:
        return {}

    def _save(self, key: str, fresh: Mapping[str, np.ndarray]) -> None:
        """Nothing is kept for others."""


@dataclass(frozen=True)
class Predictions:
    """One prediction for each file that can be heard, in their order, and notes about who was asked.

    ``faults``: by file why another one has none.
    """

    files: list[FilePrediction]
    notes: list[str]
    faults: dict[str, str]


def predict(
    run: Run, files: Sequence[str], options: PredictOptions, progress: Callable[[int, int], None] | None = None
) -> Predictions:
    """Ask every training that is meant and kept; ``progress`` is told how many of how many are done.

    Log-probabilities are averaged over the trainings; models without them vote, and of equal votes the first class
    counts. Every file is heard alone: its prediction depends on no other, and one that cannot be used ends nothing.
    Raises InputError where none can be used, and for trainings that are not kept, are of several kinds, or whose model
    is not what it was.
    """
    ensemble = find(run, options)
    clips, faults = _heard(files, ensemble.rate_hz)
    device = resolve(options.device)
    configure(device, "fp32", 0)
    waveforms = {file: restore(clip.pcm, clip.scale) for file, clip in clips.items()}
    trainer = Trainer(NewAudio(waveforms), ensemble.rate_hz, device, "fp32")
    answers = []
    for done, record in enumerate(ensemble.records, start=1):
        _check_some(len(faults) + len(clips), faults)
        answers.append(_ask(run, trainer, ensemble, record, list(clips), faults))
        clips = {file: clip for file, clip in clips.items() if file not in faults}
        if progress is not None:
            progress(done, len(ensemble.records))
    _check_some(len(faults) + len(clips), faults)
    guesses = np.stack([np.concatenate([answer[file][0] for file in clips]) for answer in answers])
    scores = [np.concatenate(rows) for answer in answers if (rows := _scores(answer, clips))]
    predictions = {p.file: p for p in _combined(list(clips), ensemble.classes, guesses, scores)}
    notes = [_ensemble_note(ensemble, bool(scores)), *_repeated_note(run, clips), *_odd_notes(clips)]
    return Predictions([predictions[file] for file in files if file in predictions], notes, faults)


def find(run: Run, options: PredictOptions) -> Ensemble:
    """The trainings that are meant, if their weights are kept and they answer the same question."""
    spec = choose(options.model).spec
    records = [run.record(path.stem) for path in sorted((run.folder / "records").glob("*.json"))]
    records = _matching("model in this run", "model", records, spec)
    records = [record for record in records if run.weights_path(record.training).exists()]
    if not records:
        raise InputError(
            f"{run.folder}: no weights of {spec} are kept; run it with --keep-weights, in a new folder if with --out"
        )
    for name in ("protocol", "label_map", "arm", "train"):
        several = f"{spec} has several; choose with --{name.replace('_', '-')}"
        records = _matching(name.replace("_", " "), name, records, getattr(options, name), several)
    for name in ("fold", "seed"):
        value = getattr(options, name)
        records = records if value is None else _matching(name, name, records, value)
    records = list({record.training: record for record in records}.values())
    _same(run, spec, records)
    facts = [_training_facts(run, record) for record in records]
    chosen = choose(facts[0]["spec"], facts[0]["overrides"])
    now = source_hash(modules_of(chosen.card)), chosen.card.version, json.dumps(asdict(chosen.settings))
    for record, each in zip(records, facts, strict=True):
        if now != (each["source"], record.model_version, json.dumps(record.settings)):
            by = " ".join(record.environment[fact] for fact in ("serbench", "commit")).strip()
            raise InputError(f"{spec}: its code is not what it was (serbench {by}); use that version, or train again")
    return Ensemble(chosen, facts[0]["rate_hz"], tuple(records))


def _matching(kind: str, name: str, records: list[Record], value: Any, several: str = "") -> list[Record]:
    """The records with that value; without one, all of them if they have only one."""
    values = {str(getattr(record, name)) for record in records}
    if value is None and len(values) > 1:
        raise InputError(f"{kind} {named(sorted(values), 12)}: {several}")
    if value is not None and str(value) not in values:
        raise unknown(kind, str(value), values)
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


def _training_facts(run: Run, record: Record) -> dict[str, Any]:
    """What the run wrote beside the weights."""
    path = run.training_path(record.training)
    facts: dict[str, Any] = read_json(path)
    if missing := {"spec", "overrides", "source", "rate_hz", "streams"} - facts.keys():
        raise StoreError(f"{path}: lacks {', '.join(sorted(missing))}; another version of serbench wrote it")
    return facts


def _heard(files: Sequence[str], rate_hz: int) -> tuple[dict[str, PreparedClip], dict[str, str]]:
    """The files as a run would hear them, and why it would leave others out."""
    clips, faults = {}, {}
    for file in dict.fromkeys(files):
        clip = make(ClipSource(file, "", file, rate_hz))
        if clip.problem:
            faults[file] = fault_of(clip, file, rate_hz)
        else:
            clips[file] = clip
    return clips, faults


def _check_some(files: int, faults: Mapping[str, str]) -> None:
    """InputError where every file has a fault."""
    if len(faults) == files:
        first = next(iter(faults.values()), "no file is given")
        raise InputError(first if files <= 1 else f"none of {files} files can be used; the first: {first}")


def _ask(
    run: Run, trainer: Trainer, ensemble: Ensemble, record: Record, files: Sequence[str], faults: dict[str, str]
) -> dict[str, Answer]:
    """What one training says of each file; why it says nothing of others goes into ``faults``."""
    facts = _training_facts(run, record)
    model = trainer.build(ensemble.chosen, ensemble.classes, Streams(**facts["streams"]))
    load_state(model, kept_weights(run, record.training, facts))
    answers = {}
    for file in files:
        part = LabelledRows((row_id(file),), np.zeros(1, dtype=np.int64))
        try:
            guess, scores = trainer.predict(ensemble.chosen, model, part, CLEAN, len(ensemble.classes))
        except InputError as error:
            faults[file] = str(error)
            continue
        if scores is not None and np.isnan(scores).any():
            who = f"{ensemble.chosen.spec}, fold '{record.fold}'"
            faults[file] = f"{file}: {who}, gives scores that are no numbers"
        answers[file] = guess, scores
    return answers


def _scores(answers: Mapping[str, Answer], files: Iterable[str]) -> list[np.ndarray]:
    """Log-probabilities (1, C) of each file; none where the model has none."""
    return [scores for file in files if (scores := answers[file][1]) is not None]


def _combined(
    files: Sequence[str], classes: Sequence[str], guesses: np.ndarray, scores: Sequence[np.ndarray]
) -> Iterator[FilePrediction]:
    """One prediction per file from guesses (K, n) and log-probabilities K x (n, C) of K trainings."""
    votes = (guesses[..., None] == np.arange(len(classes))).sum(axis=0)  # (n, C)
    means = np.maximum(np.stack(scores), FLOOR).mean(axis=0, dtype=np.float64) if scores else None
    for i, file in enumerate(files):
        best = int(votes[i].argmax() if means is None else means[i].argmax())
        shares = None if means is None else np.exp(means[i] - np.logaddexp.reduce(means[i]))
        probabilities = None if shares is None else dict(zip(classes, shares.tolist(), strict=True))
        yield FilePrediction(file, classes[best], probabilities, int(votes[i, best]), len(guesses))


def _ensemble_note(ensemble: Ensemble, probable: bool) -> str:
    """Who was asked, in a line."""
    first, n = ensemble.records[0], len(ensemble.records)
    folds, seeds = (len({getattr(record, name) for record in ensemble.records}) for name in ("fold", "seed"))
    arm = "" if first.arm == Arm().name else f", arm {first.arm}"
    how = "" if n == 1 else "; log-probabilities are averaged" if probable else "; they vote"
    what = f"1 training, fold '{first.fold}', seed {first.seed}" if n == 1 else f"{n} trainings"
    counted = "" if n == 1 else f" ({folds} folds, {seeds} seed{'s' * (seeds > 1)})"
    return f"{ensemble.chosen.spec}{arm}, trained on {first.train}: {what}{counted}{how}"


def _repeated_note(run: Run, clips: Mapping[str, PreparedClip]) -> Iterator[str]:
    """A note when new files are clips of the run's own corpora."""
    tables = [
        read_table(path, ["id", "audio_hash"]).to_pandas() for path in (run.folder / "utterances").glob("*.parquet")
    ]
    utterances = {h: i for table in tables for i, h in zip(table["id"], table["audio_hash"], strict=True)}
    again = [(file, utterances[clip.audio_hash]) for file, clip in clips.items() if clip.audio_hash in utterances]
    if again:
        file, utterance = again[0]
        yield f"{len(again)} of {len(clips)} files are clips of this run ({file} is {utterance}): this is no test"


def _odd_notes(clips: Mapping[str, PreparedClip]) -> list[str]:
    """What is odd about files that are heard all the same."""
    odd: dict[str, list[str]] = {}
    for file, clip in clips.items():
        for what, how_much in oddities(clip.lacking, clip.peak):
            odd.setdefault(what, []).append(f"{file} ({how_much})")
    return [note(len(files), what, files) for what, files in odd.items()]
