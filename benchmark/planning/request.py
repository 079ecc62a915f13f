"""From what the user typed to a plan: cheap checks first, then corpora, then folds."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ...baselines.registry import ModelChoice, cards, choose
from ...errors import InputError
from ...protocols.parts.catalog import find
from ...protocols.parts.design import Design, design, options_from
from ...protocols.parts.protocol import Arm, Condition, Protocol
from ..conditions.kinds import complete
from ..corpora.registry import fates
from ..corpora.synthetic import NAMES as SYNTHETIC
from ..prepared import corpus as prepared
from ..prepared.corpus import Corpus
from ..prepared.near import link
from ..training import modalities
from .arms import Choice, Decided, arms_of_run
from .plan import FACE, Plan, make_plan
from .settings import parse

DEFAULT_MODELS = ("majority", "functionals-svm", "mfcc-attention")
DEFAULT_CORPORA = ("synth-a", "synth-b")
RATE_HZ = 16_000  # of every waveform in a run; a model that wants another rate resamples inside itself

_MAPS = "label_map="


@dataclass(frozen=True)
class Request:
    """The options of `run` and `plan`; ``corpora`` are NAME or NAME=DIR, ``settings`` are key=value.

    ``arms`` are a study's own.
    """

    protocol: str
    models: tuple[str, ...] = DEFAULT_MODELS
    corpora: tuple[str, ...] = DEFAULT_CORPORA
    seeds: int = 1
    settings: tuple[str, ...] = ()
    arms: tuple[Arm, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether any corpus of the run is built in: then its numbers are no finding."""
        return any(corpus.partition("=")[0] in SYNTHETIC for corpus in self.corpora)


def each_map(request: Request) -> Iterator[Request]:
    """A request for every label map that ``label_map=A,B`` names. Raises InputError for one that is named twice."""
    lists = [text for text in request.settings if text.startswith(_MAPS)]
    if len(lists) != 1:
        yield request
        return
    names = [name.strip() for name in lists[0].removeprefix(_MAPS).split(",")]
    if not all(names):
        raise InputError(f"--set {lists[0]}: names of label maps with a comma between two, as basic4,arousal2")
    unique(f"--set {lists[0]}:", names)
    others = tuple(text for text in request.settings if text not in lists)
    for name in names:
        yield replace(request, settings=(*others, _MAPS + name))


@dataclass(frozen=True)
class Checked:
    """A request whose names and values fit each other, before any corpus is opened."""

    protocol: Protocol
    options: Any
    label_map: str | None
    choices: list[Choice]


def checked(request: Request) -> Checked:
    """Protocol, models, settings and arms, the cheap checks. Raises InputError for whatever does not fit."""
    if request.seeds < 1:
        raise InputError(f"--seeds {request.seeds}: at least one seed is needed")
    protocol = find(request.protocol)
    names = [spec.partition(":")[0].partition("+")[0] for spec in request.models]
    given = parse(request.settings, protocol, names)
    models = [(spec, given.models[name]) for spec, name in zip(request.models, names, strict=True)]
    unique("--model", [choose(spec, overrides).spec for spec, overrides in models])
    options = options_from(protocol, given.protocol)
    decided = Decided(protocol, options, request.arms, complete_augment(given.augment))
    unique("--corpus", [spec.partition("=")[0] for spec in request.corpora])
    _see_models_of_arms(decided, names)
    choices = arms_of_run(decided, models)
    _see_what_varies(protocol, choices)
    return Checked(protocol, options, given.run.get("label_map"), choices)


def resolve(request: Request) -> tuple[Plan, dict[str, Corpus]]:
    """The plan, and the corpora it needs, prepared. Raises InputError for whatever does not fit."""
    found = checked(request)
    conditions = [complete(condition) for condition in found.protocol.conditions(found.options)]
    _see_what_moves(conditions, [choice.chosen for choice in found.choices])
    corpora, table, near = opened(request.corpora)
    made = design(found.protocol, table, found.label_map, found.options, fates())
    made = replace(made, notes=tuple(dict.fromkeys((*near, *made.notes))))
    seen = _seen(made, [choice.chosen for choice in found.choices], corpora)
    data = {name: corpus.fingerprint for name, corpus in corpora.items()} | seen
    return make_plan(made, conditions, found.choices, request.seeds, data, RATE_HZ), corpora


def opened(specs: Sequence[str]) -> tuple[dict[str, Corpus], pd.DataFrame, tuple[str, ...]]:
    """The corpora by name; their utterances by id, near-identical ones in one group; and what that found.

    Raises InputError for a corpus that is given twice, or not there.
    """
    unique("--corpus", [spec.partition("=")[0] for spec in specs])
    corpora = {corpus.name: corpus for corpus in (prepared.open_corpus(spec, RATE_HZ) for spec in specs)}
    table = pd.concat([corpus.table for corpus in corpora.values()])
    return corpora, *link(table.sort_values("id", ignore_index=True), corpora)


def _seen(made: Design, every: Sequence[ModelChoice], corpora: Mapping[str, Corpus]) -> dict[str, str]:
    """Names of what is seen in the corpora, if a model looks at faces; InputError where one lacks what it needs."""
    for chosen in every:
        if set(modalities.needs(chosen)) - {"audio"}:
            modalities.check(chosen, corpora, made.labelled.table["id"])
    looks = any("face" in modalities.needs(chosen) for chosen in every)
    return {name + FACE: modalities.content_of(corpus) for name, corpus in corpora.items() if looks}


def complete_augment(augment: Mapping[str, Any]) -> dict[str, Any]:
    """With the hash of the recordings that training clips are heard in, if any."""
    if not augment.get("dir"):
        return dict(augment)
    from ..conditions.recordings import recordings

    return {**augment, "content": recordings(augment["dir"]).content}


def _see_models_of_arms(decided: Decided, names: Sequence[str]) -> None:
    """InputError where arms of the protocol set a model that there is, but not in the run.

    A study may have arms of models that its quick form leaves out.
    """
    arms = () if decided.given else decided.arms()
    absent = [arm.model for arm in arms if arm.model in cards() and arm.model not in names]
    if absent:
        raise InputError(
            f"{decided.protocol.name}: varies settings of {absent[0]}, which is not among the models; "
            f"add --model {absent[0]}"
        )


def _see_what_varies(protocol: Protocol, choices: Sequence[Choice]) -> None:
    """InputError where a protocol compares variants of models, and no model has one."""
    if protocol.arms == "variants" and not any(choice.arm.variants for choice in choices):
        models = ", ".join(dict.fromkeys(choice.model for choice in choices))
        raise InputError(
            f"{protocol.name}: what varies? no variant to compare with {models}; for instance --model mfcc-attention"
        )


def _see_what_moves(conditions: Sequence[Condition], every: Sequence[ModelChoice]) -> None:
    """InputError for a model that sees no face, under a condition that acts on the face."""
    moved = [c.name for c in conditions if modalities.modality_of(c.kind) == "face"]
    blind = [chosen.spec for chosen in every if moved and "face" not in modalities.needs(chosen)]
    if blind:
        raise InputError(f"{blind[0]}: sees no face, so {moved[0]} changes nothing; choose a model that does")


def unique(option: str, values: Sequence[str]) -> None:
    """InputError for a value that is given twice."""
    doubled = [value for value, n in Counter(values).items() if n > 1]
    if doubled:
        raise InputError(f"{option} {doubled[0]}: given twice; give it once")
