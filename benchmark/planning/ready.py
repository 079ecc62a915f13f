"""From an experiment to a plan that is ready to run: open the corpora, design the folds, make the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ...baselines.registry import ModelChoice
from ...protocols.parts.design import Design, design
from ...protocols.parts.protocol import RATE_HZ
from ..audio.allowed import NONE, AllowedPairs
from ..corpora.registry import fates
from ..prepared import corpus as prepared
from ..prepared import modalities
from ..prepared.corpus import Corpus
from ..prepared.near import link
from .experiment import Experiment, check
from .plan import FACE, Plan, make_plan
from .request import Request, unique


@dataclass(frozen=True)
class ReadyPlan:
    """A plan with the request behind it, and the corpora that it needs, prepared."""

    request: Request
    plan: Plan
    corpora: dict[str, Corpus]

    @property
    def notes(self) -> list[str]:
        """A line for whatever is dropped or odd; `run` stores them, `plan` says them before."""
        synthetic = "built-in synthetic corpora: a check that everything runs, not a finding"
        of_corpora = [f"{c.name}: {note}" for c in self.corpora.values() for note in c.notes]
        changes = [f"set: {', '.join(self.request.settings)}"] if self.request.settings else []
        return [*([synthetic] if self.request.synthetic else []), *changes, *of_corpora, *self.plan.notes]


def plan_of(request: Request) -> ReadyPlan:
    """Check, open, design, plan. Raises InputError for whatever does not fit."""
    return prepare(check(request))


def prepare(experiment: Experiment) -> ReadyPlan:
    """The plan of an experiment. Raises InputError for corpora that are not there or lack what a model needs."""
    conditions = experiment.conditions()
    recorded = experiment.of_recordings(conditions)
    corpora, table, near = open_corpora(experiment.request.corpora, experiment.rate_hz, experiment.allowed)
    folds = design(experiment.protocol, table, experiment.label_map, experiment.options, fates(), experiment.distinct)
    folds = replace(folds, notes=tuple(dict.fromkeys((*recorded, *near, *folds.notes))))
    data = _data(folds, [choice.chosen for choice in experiment.choices], corpora)
    plan = make_plan(folds, conditions, experiment.choices, experiment.request.seeds, data, experiment.rate_hz)
    return ReadyPlan(experiment.request, plan, corpora)


def open_corpora(
    specs: Sequence[str], rate_hz: int = RATE_HZ, allowed: AllowedPairs = NONE
) -> tuple[dict[str, Corpus], pd.DataFrame, tuple[str, ...]]:
    """The corpora by name, at this rate; their utterances by id, near-identical ones in one group; notes about those.

    ``allowed`` pairs are not held as copies. Raises InputError for a corpus that is given twice, or not there.
    """
    unique("--corpus", [spec.partition("=")[0] for spec in specs])
    corpora = {corpus.name: corpus for corpus in (prepared.open_corpus(spec, rate_hz) for spec in specs)}
    table = pd.concat([corpus.table for corpus in corpora.values()])
    return corpora, *link(table.sort_values("id", ignore_index=True), corpora, allowed)


def _data(folds: Design, models: Sequence[ModelChoice], corpora: Mapping[str, Corpus]) -> dict[str, str]:
    """Names of what is heard in the corpora and, if a model looks at faces, seen; InputError where a model lacks it."""
    for model in models:
        if set(modalities.needs(model)) - {"audio"}:
            modalities.check(model, corpora, folds.labelled.table["id"])
    data = {name: corpus.fingerprint for name, corpus in corpora.items()}
    if any("face" in modalities.needs(model) for model in models):
        data |= {name + FACE: modalities.content_of(corpus) for name, corpus in corpora.items()}
    return data
