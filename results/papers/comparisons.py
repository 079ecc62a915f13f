"""A published value held against our runs: which runs are about the same thing, what they give, and the verdict."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ..evidence.arms import BASE
from ..evidence.replays import Replay
from ..evidence.results import label_of
from ..statistics.metrics import METRICS, PER_CLASS, tally
from .publication import Claim, ClaimTask, Matrix
from .verdicts import ENOUGH_SPLITS, OUR_RECIPE, ClaimVerdict, Prediction, judge, predict

SIZE_TOLERANCE = 0.01  # of the number of utterances: damaged and contradictory clips that are dropped by name
Changes = Callable[[Replay], Mapping[str, str]]
NOTED = frozenset({"sentence"})  # acted corpora repeat theirs, also where speakers are new
#: settings that only say where something lies
PLACES = frozenset({"audio_encoder", "text_encoder", "face_encoder", "encoder", "dir"})


def no_changes(replay: Replay) -> Mapping[str, str]:
    """Nothing is known to be changed."""
    return {}


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One value of a table with what it is held against. Shares in [0, 1]; ``printed`` is the percentage as printed.

    ``model``, ``arm``, ``protocol``: what ``replayed`` was run with, or what is to be run; ``recipe``: whose the former
    has. ``of_protocol``: settings of the model that the replayed protocol fixes, and that a run with new speakers must
    have too. ``verdict`` is None for what was recomputed. ``unplanned``: what hints that the number of runs was not
    fixed before.
    """

    table: str
    setting: str
    task: ClaimTask
    metric: str
    label: str
    kind: Literal["claim", "recomputed"]
    value: float
    printed: str
    source: str
    status: str
    remark: str
    model: str = ""
    arm: str = ""
    protocol: str = ""
    settings: Mapping[str, float] = field(default_factory=dict)
    of_protocol: Mapping[str, float] = field(default_factory=dict)
    replayed: Prediction | None = None
    honest: Prediction | None = None
    verdict: ClaimVerdict | None = None
    left_out: str = ""  # runs that are not complete
    recipe: Literal["authors", "ours", ""] = ""
    unplanned: str = ""

    @property
    def digits(self) -> int:
        """Decimals to print: as published, at most two."""
        return min(len(self.printed.partition(".")[2]) or 1, 2)

    def gap(self, ours: Prediction | None) -> float | None:
        """Published minus ours."""
        return None if ours is None or np.isnan(ours.mean) else self.value - ours.mean


def claim_lines(table: str, claim: Claim, replays: Sequence[Replay], changed: Changes = no_changes) -> list[ClaimLine]:
    """A line per replay of the claim, those with our recipe last; "not run yet" where none has one of the authors.

    ``changed`` tells what a run changed of the recipe or rules: name -> text. What the claim does not name makes the
    run not comparable.
    """
    line = ClaimLine(
        table=table,
        setting=claim.places[table],
        task=claim.task,
        metric=claim.metric,
        label=claim.label,
        kind="claim",
        value=claim.number,
        printed=claim.value,
        source=claim.source.cite,
        status=claim.source.status,
        remark=claim.remark,
        model="" if claim.not_comparable else claim.models[0],
        protocol=next(iter(claim.task.protocols), ""),
        settings=claim.settings,
        left_out=_left_out(replays, claim),
    )
    if claim.not_comparable:
        return [replace(line, verdict=ClaimVerdict("not comparable", claim.not_comparable))]
    protocols = claim.task.protocols
    theirs, ours = (
        [_line_of_replay(line, claim, replay, replays, changed) for replay in runs]
        for runs in (matching(replays, claim.task, protocols, m, claim.settings) for m in (claim.models, claim.ours))
    )
    return [*(theirs or [_not_run(line, claim, replays, changed)]), *ours]


def _not_run(line: ClaimLine, claim: Claim, replays: Sequence[Replay], changed: Changes) -> ClaimLine:
    honest, left_out = honest_of(replays, claim, None, changed)
    new = prediction_of(honest, claim.metric, claim.label) if honest else None
    return replace(line, honest=new, verdict=ClaimVerdict("not run yet", left_out))


def _left_out(replays: Sequence[Replay], claim: Claim) -> str:
    """Runs about the claim that are not complete, under whichever of its protocols."""
    protocols = (*claim.task.protocols, claim.task.honest)
    if claim.not_comparable:
        return ""
    models = (*claim.models, *claim.ours)
    open_runs = [r for r in matching(replays, claim.task, protocols, models, claim.settings) if r.n_open]
    return "; ".join(
        f"{r.n_open} of {r.n_open + len(r.by_run)} runs of {r.model} under {r.protocol}" for r in open_runs
    )


def _line_of_replay(
    line: ClaimLine, claim: Claim, replay: Replay, replays: Sequence[Replay], changed: Changes
) -> ClaimLine:
    honest, left_out = honest_of(replays, claim, replay, changed)
    ours = replayed_of(replay, claim.task, claim.metric, claim.label)
    new = prediction_of(honest, claim.metric, claim.label) if honest else None
    leaks = set(replay.leaks) - (set(honest.leaks) if honest else set()) - NOTED
    own = replay.model in claim.ours
    if other := other_task(replay, claim.task) or other_recipe(replay, named(claim), changed):
        verdict = ClaimVerdict("not comparable", other)
    elif ours is None:
        verdict = ClaimVerdict("not run yet", f"{replay.n_open} runs of {replay.model} are not complete")
    elif replay.not_trained:
        verdict = ClaimVerdict("not trained", replay.not_trained.partition(": ")[2])
    elif own:
        verdict = ClaimVerdict(OUR_RECIPE, "")
    else:
        verdict = judge(claim.number, claim.rounding, ours, new, bool(leaks))
    if left_out:
        verdict = replace(verdict, reason="; ".join(filter(None, (verdict.reason, left_out))))
    ran = replace(line, model=replay.model, arm=replay.arm, protocol=replay.protocol, of_protocol=_fixed(replay))
    ran = replace(ran, recipe="ours" if own else "authors", unplanned=_unplanned(replay))
    return replace(ran, replayed=ours, honest=new, verdict=verdict)


def _unplanned(replay: Replay) -> str:
    """What is seen of a number of runs that was not fixed before; empty where nothing is."""
    n = len(replay.by_run)
    texts = [f"{replay.n_open} of {n + replay.n_open} runs of {replay.model} are missing"] if replay.n_open else []
    if replay.folders > 1:
        texts.append(f"the {n} runs of {replay.model} come from {replay.folders} run folders")
    return "; ".join(texts)


def _fixed(replay: Replay) -> dict[str, float]:
    """Settings of the model that are options of the protocol: it sets them, whatever the recipe has."""
    options = {name: _number(value) for name, value in replay.options.items()}
    return {n: value for n, value in options.items() if value is not None and replay.settings.get(n) == value}


def differences(settings: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, str]:
    """Setting -> what it is and what it usually is, also where only one of the two has it; places do not count.

    >>> differences({"lr": 0.1, "epochs": 3, "dir": "a"}, {"keep": "best", "lr": 0.1, "dir": "b"})
    {'keep': 'keep nothing instead of best', 'epochs': 'epochs 3 instead of nothing'}
    """
    texts = {}
    for name in dict.fromkeys((*usual, *settings)):
        ours, theirs = (_text(values[name]) if name in values else "nothing" for values in (settings, usual))
        if ours != theirs and name not in PLACES:
            texts[name] = f"{name} {ours} instead of {theirs}"
    return texts


def _text(value: Any) -> str:
    """As JSON has it, so that a stored list is a tuple again; numbers without a tail."""
    plain = json.loads(json.dumps(value, default=list))
    return f"{plain:g}" if isinstance(plain, float) else str(plain) if isinstance(plain, str) else json.dumps(plain)


def named(about: Claim | Matrix) -> set[str]:
    """Settings and options that a claim, or its task, names."""
    return {*(about.settings if isinstance(about, Claim) else ()), *about.task.options}


def other_recipe(replay: Replay, settings: Collection[str], changed: Changes) -> str:
    """What was changed beside the settings that a claim names; empty where nothing was."""
    texts = [text for name, text in changed(replay).items() if name not in settings]
    return f"run with {', '.join(texts)}" if texts else ""


def other_task(replay: Replay, task: ClaimTask) -> str:
    """Why a replay is not about the same task; empty when it is."""
    if set(replay.classes) != set(task.classes):
        return f"{len(replay.classes)} classes ({', '.join(replay.classes)}) where {len(task.classes)} are published"
    if replay.utterances is None or task.utterances is None:
        return "the size of the corpus is not known"
    if abs(replay.utterances / task.utterances - 1) > SIZE_TOLERANCE:
        return f"the corpus has {replay.utterances} utterances where {task.utterances} are published"
    return ""


def matching(
    replays: Sequence[Replay],
    task: ClaimTask,
    protocols: Sequence[str],
    models: Sequence[str],
    settings: Mapping[str, float],
) -> list[Replay]:
    """Replays of these models (each with these settings) under these protocols, in the order in which they are named.

    A claim without settings is about the model as it is: then no arm of a sweep is meant, but each way in which a
    replay reads the publication.
    """
    chosen = [
        r
        for r in replays
        if r.corpus == task.corpus
        and r.protocol in protocols
        and r.model in models
        and (settings or r.arm in (BASE, *task.readings))
        and all(_number(r.settings.get(name)) == value for name, value in settings.items())
        and (r.protocol not in task.protocols or all(r.options.get(k) == v for k, v in task.options.items()))
    ]
    return sorted(chosen, key=lambda r: (protocols.index(r.protocol), models.index(r.model)))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def honest_of(
    replays: Sequence[Replay], about: Claim | Matrix, replay: Replay | None, changed: Changes
) -> tuple[Replay | None, str]:
    """The complete runs with new speakers: of the same model and settings as the replay, where there is one.

    Where none fits: None, and which were left out, each with what is different.
    """
    task, settings = about.task, about.settings if isinstance(about, Claim) else {}
    rate = f"{replay.rate_hz}" if replay else task.rate_hz
    models = (replay.model,) if replay else about.models
    left_out: dict[str, None] = {}
    for run in matching(replays, task, (task.honest,), models, settings):
        if len(run.by_run):
            misfit = other_task(run, task) or _apart(run, replay, settings, rate, changed)
            if not misfit:
                return run, ""
            left_out[f"{label_of(run.model, run.arm)} under {run.protocol} is left out: {misfit}"] = None
    return None, "; ".join(left_out)


def _apart(run: Replay, replay: Replay | None, settings: Mapping[str, float], rate: str, changed: Changes) -> str:
    """Why a run with new speakers says nothing about a replay; empty when it does.

    What the replay has too without being a changed one, its protocol fixes: in the run it is no change either. So it
    is with the rate of the sound.
    """
    if rate and f"{run.rate_hz}" != rate:
        return f"run at {run.rate_hz} Hz instead of {rate}"
    settings = {**settings, "rate_hz": float(run.rate_hz)} if rate else settings
    if replay is None:
        return other_recipe(run, settings, changed)
    other = differences(run.settings, replay.settings)
    fixed = replay.settings.keys() - other.keys() - changed(replay).keys()
    texts = ", ".join(other.values())
    return other_recipe(run, {*settings, *fixed}, changed) or (f"run with {texts}" if texts else "")


def values_of(by_run: np.ndarray, classes: Sequence[str], metric: str, label: str) -> np.ndarray:
    """A metric of every run (runs,), over all classes or of one."""
    if label:
        _, function = PER_CLASS[metric]
        values: np.ndarray = function(tally(by_run))[:, list(classes).index(label)]
        return values
    return METRICS[metric].of(by_run)


def prediction_of(replay: Replay, metric: str, label: str) -> Prediction | None:
    """Mean and interval of a metric over the complete runs; None without any."""
    if not len(replay.by_run) or (label and label not in replay.classes):
        return None
    values = values_of(replay.by_run, replay.classes, metric, label)
    return predict(values, replay.seeds, (replay.repeats, replay.splits), replay.step)


def replayed_of(replay: Replay, task: ClaimTask, metric: str, label: str) -> Prediction | None:
    """The same under a published protocol: no interval where the published split is unknown and one was drawn."""
    ours = prediction_of(replay, metric, label)
    if ours is None or not task.unknown_split or len(np.unique(replay.splits)) > 1:
        return ours
    lack = f"{task.unknown_split}, and all runs test the same rows: draw several splits"
    reason = f"{lack}, --set {replay.protocol}.repeats={ENOUGH_SPLITS}"
    return replace(ours, low=None, high=None, reason="; ".join(filter(None, (ours.reason, reason))))
