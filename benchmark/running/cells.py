"""From a trial to stored cells: load, fit on train and dev, predict test once per condition, append."""

import math
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from ...baselines.registry import ModelChoice, choose, modules_of
from ...protocols.parts.protocol import utterance_of
from ...results.evidence.files import StoreError, read_json, write_bytes, write_json
from ...results.evidence.record import CLASSES, Record
from ...results.evidence.store import Run
from ..planning.identity import digest
from ..planning.plan import Cell, Plan, Trial
from ..source import source_hash
from ..training.augment import CopyMaker
from ..training.train import Fit
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
        learned = _learned(context, plan, trial, chosen)
        context.last = (trial.training, learned)
    except StoreError:
        raise
    except Exception:  # whatever a model does wrong belongs into the record of its cells
        for cell in cells:
            _fail(context, plan, cell, store)
        return
    failed = False
    for cell in cells:
        try:
            record, predictions = _score(context, plan, cell, chosen, learned)
        except StoreError:
            raise
        except Exception:  # as above
            _fail(context, plan, cell, store)
            failed = True
        else:
            context.run.append(record, predictions)
            store(cell, False)
    if not failed:
        context.run.drop_weights(trial.training)


def _learned(context: RunContext, plan: Plan, trial: Trial, chosen: ModelChoice) -> TrainedModel:
    """Fit, or take the weights that an interrupted run on the same device left behind."""
    fold = plan.folds[trial.fold]
    streams = Streams(digest(chosen.card.name, plan.settings[trial.settings_key]), trial.train_key, trial.seed)
    if context.keep_weights:
        write_bytes(context.run.kept_path(trial.training), b"")
    learned = _left_behind(context, plan, trial, chosen, streams)
    if learned is not None:
        return learned
    begin = None if trial.before is None else _before(context, plan, trial.before, chosen)
    started = time.perf_counter()
    train, dev = (labelled(plan, trial, rows) for rows in (fold.train, fold.dev))
    carried = trial.practice.state == "carried"
    learned = context.trainer.learn(chosen, fold.classes, train, dev, streams, carried, begin)
    learned.fit.seconds = time.perf_counter() - started
    state = state_of(learned.model)
    # an empty tensor file cannot be written; a model without state has nothing to keep
    if state:
        story = {
            "fitted": _finite(vars(learned.fit)),
            "facts": _finite(learned.facts),
            "made_on": _made_on(context),
            # what `predict` needs to build the model again
            "spec": trial.spec,
            "overrides": dict(trial.overrides),
            "source": source_hash(modules_of(chosen.card)),
            "rate_hz": plan.rate_hz,
            "streams": asdict(streams),
        }
        write_json(context.run.training_path(trial.training), story)
        write_bytes(context.run.weights_path(trial.training), save(state))
    return learned


def _before(context: RunContext, plan: Plan, trial: Trial, chosen: ModelChoice) -> Any:
    """The trained model that a chain goes on from: just done in this process, else trained again from its head."""
    if context.last is not None and context.last[0] == trial.training:
        return context.last[1].model
    return _learned(context, plan, trial, chosen).model


def _left_behind(
    context: RunContext, plan: Plan, trial: Trial, chosen: ModelChoice, streams: Streams
) -> TrainedModel | None:
    """The model of an interrupted run, where its weights are whole and were made on this device in this precision."""
    weights, story = context.run.weights_path(trial.training), context.run.training_path(trial.training)
    if not weights.exists() or not story.exists():
        return None
    try:
        facts = read_json(story)
        if facts["made_on"] != _made_on(context):
            return None
        model = context.trainer.build(chosen, plan.folds[trial.fold].classes, streams)
        load_state(model, load_file(weights))
        return TrainedModel(model, Fit(**facts["fitted"]), facts["facts"])
    except (StoreError, SafetensorError, KeyError, TypeError, RuntimeError):  # damaged: it is trained again
        return None


def _made_on(context: RunContext) -> dict[str, str]:
    return {"device": context.environment.get("device_name", context.device), "precision": context.precision}


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has no word for, such as the loss of a diverging epoch."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def labelled(plan: Plan, trial: Trial, rows: Sequence[str]) -> LabelledRows:
    """Rows with the index of their class in the fold's task, and how copies among them are made."""
    fold = plan.folds[trial.fold]
    index = {name: i for i, name in enumerate(fold.classes)}
    truth = np.array([index[plan.labels[utterance_of(r)]] for r in rows], dtype=np.int64)
    return LabelledRows(tuple(rows), truth, CopyMaker(dict(fold.copies), trial.seed))


def _score(
    context: RunContext, plan: Plan, cell: Cell, chosen: ModelChoice, learned: TrainedModel
) -> tuple[Record, pd.DataFrame]:
    """Predict the test rows, once."""
    fold = plan.folds[cell.trial.fold]
    context.run.note_scoring(cell.key)
    context.refresh()
    started = time.perf_counter()
    test = labelled(plan, cell.trial, fold.test)
    practice = cell.trial.practice
    guess, scores = context.trainer.predict(chosen, learned.model, test, cell.condition, len(fold.classes), practice)
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
    record = _record(context, plan, cell, learned, seconds_test=seconds, test_evaluations=context.scored[cell.key])
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
    learned: TrainedModel | None,
    seconds_test: float = 0.0,
    test_evaluations: int = 0,
    error: str | None = None,
) -> Record:
    trial, fold, design = cell.trial, plan.folds[cell.trial.fold], plan.design
    fitted = learned.fit if learned else Fit(0, 0, 0)
    if learned and set(fold.dev) & set(fold.test):  # each epoch, or setting, was scored on test rows, to choose one
        test_evaluations += fitted.epochs + int(learned.facts.get("tried", 0))
    present = {plan.labels[utterance_of(row)] for row in fold.test}
    corpora = {row.partition("/")[0] for row in (*fold.train, *fold.test)}
    return Record(
        key=cell.key, trial=trial.key, training=trial.training, status="failed" if error else "done",
        protocol=design.protocol.name, protocol_version=design.protocol.version,
        model=trial.model, model_version=trial.model_version, arm=trial.arm,
        train=fold.train_name, test=fold.test_name, fold=fold.name, fold_hash=trial.fold_hash, repeat=fold.repeat,
        role=trial.role, arm_factors=dict(trial.factors), test_order=trial.practice.order, target=CLASSES,
        condition_kind=cell.condition.kind, condition_level=cell.condition.level, condition_unit=cell.condition.unit,
        seed=trial.seed, condition=cell.condition.name, label_map=design.label_map_of(fold),
        classes=list(fold.classes), leaks=list(plan.leaks_of(trial)),
        n_train=_utterances(fold.train), n_dev=_utterances(fold.dev), n_test=_utterances(fold.test),
        missing=[name for name in fold.classes if name not in present],
        test_evaluations=test_evaluations, epochs=fitted.epochs or None, epoch=fitted.epoch or None,
        n_parameters=fitted.n_parameters or None, device=context.device, precision=context.precision,
        seconds_fit=fitted.seconds, seconds_test=seconds_test,
        settings=plan.settings[trial.settings_key], options=plan.options_of(trial.arm), environment=context.environment,
        data={name: plan.data[name] for name in sorted(corpora)}, provider=trial.provider, code=cell.code,
        finished=datetime.now(UTC).isoformat(timespec="seconds"), error=error,
        notes=[*fitted.events, *([] if fold.dev else ["no dev: last epoch"])],
    )  # fmt: skip
