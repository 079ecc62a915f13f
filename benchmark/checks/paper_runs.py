"""Whether a run that a paper's table asks for can be had on this machine, and what it takes."""

from dataclasses import replace

from ...baselines.registry import ModelChoice, choose
from ...errors import InputError
from ...results.papers.proposals import Proposal
from ..planning.experiment import check
from ..planning.plan import Plan
from ..planning.ready import prepare
from ..planning.request import Request
from ..planning.study_needs import is_prepared
from .model_list import macs

#: operations per second that the estimate assumes: what a GPU of a data center sustains in single precision
GPU_FLOPS = 1e13
BACKWARD = 3  # a training step counts as so many forward passes


def judged(proposal: Proposal) -> Proposal:
    """With what it lacks here, or with what it costs. Planned where its corpora are prepared; nothing is decoded."""
    from ..prepared.sources import locate, parse_spec

    settings = tuple(f"{name}={value}" for name, value in proposal.settings.items())
    request = Request(proposal.protocol, proposal.models, proposal.corpora, proposal.seeds, settings)
    try:
        experiment = check(request)
        for spec in proposal.corpora:
            try:
                locate(*parse_spec(spec))
            except InputError:
                raise InputError(f"corpus {spec} is not here (`serbench corpora list` says how to get it)") from None
        for choice in experiment.choices:
            if lack := choice.chosen.card.needs(choice.chosen.settings):
                raise InputError(f"{choice.chosen.card.name}: {lack}")
        if not all(is_prepared(spec, experiment.rate_hz) for spec in proposal.corpora):
            return replace(proposal, cost="its corpora are not prepared yet, so it is not planned")
        return replace(proposal, cost=cost_of(prepare(experiment).plan))
    except InputError as error:
        return replace(proposal, lacks=f"{error}".rstrip("."))


def cost_of(plan: Plan) -> str:
    """Trainings, and hours on a GPU: an estimate from the counted operations of every training, epoch by epoch."""
    trials = {cell.trial.training: cell.trial for cell in plan.cells}
    per_clip: dict[str, float] = {}
    total = 0.0
    for trial in trials.values():
        if trial.settings_key not in per_clip:
            per_clip[trial.settings_key] = _operations(choose(trial.spec, dict(trial.overrides)))
        total += per_clip[trial.settings_key] * len(plan.folds[trial.fold].train)
    hours = total / GPU_FLOPS / 3600
    text = f"{len(trials)} trainings"
    return f"{text}, about {_rounded(hours)} on a GPU, an estimate: {total:.0e} operations at {GPU_FLOPS:.0e} a second"


def _operations(choice: ModelChoice) -> float:
    """Of all epochs, for one training clip of 3 s; 0 for what has no network."""
    counted = macs(choice.card, choice.settings)
    return 2.0 * BACKWARD * (counted or 0) * getattr(choice.settings, "epochs", 0)


def _rounded(hours: float) -> str:
    """Two digits are more than an estimate knows.

    >>> _rounded(0.004), _rounded(0.3), _rounded(12.34)
    ('a minute', '20 minutes', '12 hours')
    """
    if hours < 1.5 / 60:
        return "a minute"
    if hours < 1.5:
        minutes = hours * 60
        return f"{round(minutes, -1) if minutes >= 15 else round(minutes):.0f} minutes"
    return f"{hours:.0f} hours"
