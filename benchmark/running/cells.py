"""From a trial to stored cells: load, fit on train and dev, predict test once per condition, append."""

import math
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load, save

from ...baselines.registry import ModelChoice, choose, modules_of
from ...plugins import let_interruptions_pass
from ...protocols.parts.protocol import utterance_of
from ...results.evidence.files import StoreError, damaged, read_json, write_bytes
from ...results.evidence.record import FORMAT, Record
from ...results.evidence.seals import DamageError
from ...results.evidence.seals import digest as digest_of_file
from ...results.evidence.store import Run
from ...results.statistics.metrics import CLASSES
from ..planning.identity import digest
from ..planning.plan import Cell, Plan, Trial
from ..source import source_hash
from ..training.augment import CopyMaker
from ..training.fit import Fit
from ..training.trainer import LabelledRows, Streams, TrainedModel, Trainer, load_state, state_of
from .progress import CellCallback


@dataclass
class RunContext:
    """Where cells are computed and stored, and what every record says about that.

    ``scored`` counts the scorings that are noted in the first ``read`` bytes of the run's log. ``last`` is the training
    that was done last: the next one of its chain begins with its weights.
    """

    run: Run
    trainer: Trainer
    environment: dict[str, str]
    device: str
    precision: str
    keep_weights: bool
    scored: Counter[str]
    read: int = 0
    last: tuple[str, TrainedModel] | None = None

    def refresh(self) -> None:
        """Count what other processes have noted since."""
        more, self.read = self.run.scored(self.read)
        self.scored += more


def run_training(context: RunContext, plan: Plan, cells: Sequence[Cell], store: CellCallback) -> None:
    """Fit once and store every cell of that training. What fails is stored as failed, with its traceback.

    Raises StoreError only: when nothing can be written, going on would lose what is computed.
    """
    trial = cells[0].trial
    chosen = choose(trial.spec, dict(trial.overrides))
    context.refresh()
    try:
        trained = _train(context, plan, trial, chosen)
        context.last = (trial.training, trained)
    except StoreError:
        raise
    except BaseException as error:  # what a model does wrong, also sys.exit(), belongs into the records
        let_interruptions_pass(error)
        for cell in cells:
            _fail(context, plan, cell, store)
        return
    failed = False
    for cell in cells:
        try:
            record, predictions = _score(context, plan, cell, chosen, trained)
        except StoreError:
            raise
        except BaseException as error:  # as above
            let_interruptions_pass(error)
            _fail(context, plan, cell, store)
            failed = True
        else:
            context.run.append(record, predictions)
            store(cell, False)
    if not failed:
        context.run.drop_weights(trial.training)


def _train(context: RunContext, plan: Plan, trial: Trial, chosen: ModelChoice) -> TrainedModel:
    """Fit, or take the weights that an interrupted run on the same device left behind."""
    fold = plan.folds[trial.fold]
    streams = Streams(digest(chosen.card.name, plan.settings[trial.settings_key]), trial.train_key, trial.seed)
    if context.keep_weights:
        write_bytes(context.run.kept_path(trial.training), b"")
    trained = _of_interrupted_run(context, plan, trial, chosen, streams)
    if trained is not None:
        return trained
    begin = None if trial.before is None else _model_before(context, plan, trial.before, chosen)
    started = time.perf_counter()
    train, dev = (labelled_rows(plan, trial, rows) for rows in (fold.train, fold.dev))
    carried = trial.practice.state == "carried"
    trained = context.trainer.learn(chosen, fold.classes, train, dev, streams, carried, begin)
    trained.fit.seconds = time.perf_counter() - started
    state = state_of(trained.model)
    # an empty tensor file cannot be written; a model without state has nothing to keep
    if state:
        content = save(state)
        facts = {
            "format": FORMAT,
            "training": trial.training,
            "weights": digest_of_file(content),
            "fitted": _finite(vars(trained.fit)),
            "facts": _finite(trained.facts),
            "made_on": _device_facts(context),
            # what `predict` needs to build the model again
            "spec": trial.spec,
            "overrides": dict(trial.overrides),
            "source": source_hash(modules_of(chosen.card)),
            "rate_hz": plan.rate_hz,
            "streams": asdict(streams),
        }
        context.run.keep_training(trial.training, facts)
        write_bytes(context.run.weights_path(trial.training), content)
    return trained


def _model_before(context: RunContext, plan: Plan, trial: Trial, chosen: ModelChoice) -> Any:
    """The trained model that a chain goes on from: just done in this process, else trained again from its head."""
    if context.last is not None and context.last[0] == trial.training:
        return context.last[1].model
    return _train(context, plan, trial, chosen).model


def _of_interrupted_run(
    context: RunContext, plan: Plan, trial: Trial, chosen: ModelChoice, streams: Streams
) -> TrainedModel | None:
    """The model of an interrupted run, where its weights are whole and were made on this device in this precision."""
    weights, path = context.run.weights_path(trial.training), context.run.training_path(trial.training)
    if not weights.exists() or not path.exists():
        return None
    try:
        facts = read_json(path)
        if facts["made_on"] != _device_facts(context):
            return None
        model = context.trainer.build(chosen, plan.folds[trial.fold].classes, streams)
        load_state(model, kept_weights(context.run, trial.training, facts))
        return TrainedModel(model, Fit(**facts["fitted"]), facts["facts"])
    except (StoreError, KeyError, TypeError, RuntimeError):  # damaged: it is trained again
        return None


def kept_weights(run: Run, training: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of a training as tensors. Raises StoreError where they are damaged, or of another training."""
    path = run.weights_path(training)
    try:
        content = path.read_bytes()
        # before format 4 neither name nor digest were kept
        if facts.get("training", training) != training or facts.get("weights") not in (None, digest_of_file(content)):
            raise DamageError("not the weights that this training stored")
        return load(content)
    except (DamageError, SafetensorError, OSError) as error:
        raise damaged(path, error, "choose other folds or seeds, or train again") from error


def _device_facts(context: RunContext) -> dict[str, str]:
    return {"device": context.environment.get("device_name", context.device), "precision": context.precision}


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has no word for, such as the loss of a diverging epoch."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def labelled_rows(plan: Plan, trial: Trial, rows: Sequence[str]) -> LabelledRows:
    """Rows with the index of their class in the fold's task, and how copies among them are made."""
    fold = plan.folds[trial.fold]
    index = {name: i for i, name in enumerate(fold.classes)}
    truth = np.array([index[plan.labels[utterance_of(r)]] for r in rows], dtype=np.int64)
    return LabelledRows(tuple(rows), truth, CopyMaker(dict(fold.copies), trial.seed))


def _score(
    context: RunContext, plan: Plan, cell: Cell, chosen: ModelChoice, trained: TrainedModel
) -> tuple[Record, pd.DataFrame]:
    """Predict the test rows, once."""
    fold = plan.folds[cell.trial.fold]
    context.run.note_scoring(cell.key)
    context.refresh()
    started = time.perf_counter()
    test = labelled_rows(plan, cell.trial, fold.test)
    practice = cell.trial.practice
    guess, scores = context.trainer.predict(chosen, trained.model, test, cell.condition, len(fold.classes), practice)
    seconds = time.perf_counter() - started
    if scores is not None and not np.isfinite(scores).all():
        rows = int((~np.isfinite(scores)).any(axis=1).sum())
        raise FloatingPointError(f"{rows} of {len(scores)} test rows have scores that are no numbers")
    utterances = [utterance_of(row) for row in fold.test]
    names = np.array(fold.classes, dtype=object)
    predictions = pd.DataFrame(
        {
            "row": list(fold.test),
            "utterance": utterances,
            "speaker": [plan.speakers[u] for u in utterances],
            "truth": names[test.truth],
            "guess": names[guess],
            "log_probability": None if scores is None else list(np.asarray(scores, dtype=np.float32)),
        }
    )
    record = _record(context, plan, cell, trained, seconds_test=seconds, test_evaluations=context.scored[cell.key])
    return record, predictions


def _fail(context: RunContext, plan: Plan, cell: Cell, store: CellCallback) -> None:
    error = traceback.format_exc()
    context.run.append(_record(context, plan, cell, None, test_evaluations=context.scored[cell.key], error=error), None)
    store(cell, True)


def _utterances(rows: Sequence[str]) -> int:
    """Copies of an utterance are no utterances of their own: a test over folds would take them for more evidence."""
    return len(set(map(utterance_of, rows)))


def _record(
    context: RunContext,
    plan: Plan,
    cell: Cell,
    trained: TrainedModel | None,
    seconds_test: float = 0.0,
    test_evaluations: int = 0,
    error: str | None = None,
) -> Record:
    trial, fold, design = cell.trial, plan.folds[cell.trial.fold], plan.design
    fit = trained.fit if trained else Fit(0, 0, 0)
    if trained and set(fold.dev) & set(fold.test):  # each epoch, or setting, was scored on test rows, to choose one
        test_evaluations += fit.epochs + int(trained.facts.get("tried", 0))
    present = {plan.labels[utterance_of(row)] for row in fold.test}
    corpora = {row.partition("/")[0] for row in (*fold.train, *fold.test)}
    return Record(
        key=cell.key, trial=trial.key, training=trial.training, status="failed" if error else "done",
        protocol=design.protocol.name, protocol_version=design.protocol.version,
        model=trial.model, model_version=trial.model_version, arm=trial.arm,
        train=fold.train_name, test=fold.test_name, fold=fold.name, fold_hash=trial.fold_hash, repeat=fold.repeat,
        role=trial.role, seeded=trial.seeded, arm_factors=dict(trial.factors), test_order=trial.practice.order,
        target=CLASSES,
        condition_kind=cell.condition.kind, condition_level=cell.condition.level, condition_unit=cell.condition.unit,
        seed=trial.seed, condition=cell.condition.name, label_map=design.label_map_of(fold),
        classes=list(fold.classes), leaks=list(plan.leaks_of(trial)),
        n_train=_utterances(fold.train), n_dev=_utterances(fold.dev), n_test=_utterances(fold.test),
        missing=[name for name in fold.classes if name not in present],
        test_evaluations=test_evaluations, epochs=fit.epochs or None, epoch=fit.epoch or None,
        n_parameters=fit.n_parameters or None, device=context.device, precision=context.precision,
        seconds_fit=fit.seconds, seconds_test=seconds_test,
        settings=plan.settings[trial.settings_key], options=plan.options_of(trial.arm), environment=context.environment,
        data={name: plan.data[name] for name in sorted(corpora)}, provider=trial.provider, code=cell.code,
        finished=datetime.now(UTC).isoformat(timespec="seconds"), error=error,
        train_uar=fit.train_uar, train_guesses=fit.train_guesses,
        notes=[*fit.events, *([] if fold.dev else ["no dev: last epoch"])],
    )  # fmt: skip
