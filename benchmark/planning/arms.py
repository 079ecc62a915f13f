"""The arms of a protocol, worked out for one model: what is chosen, with which settings, on which training clips."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...baselines.registry import ModelChoice, choose
from ...errors import InputError, named, unknown
from ...protocols.parts.augment import NOTHING
from ...protocols.parts.protocol import BASE, Arm, Fold, NoOptions, Protocol

#: orders of test rows that choose the companions of a clip
COMPANIONS = ("shuffled", "longest")


@dataclass(frozen=True)
class ArmSource:
    """Where the arms of a run come from, beside the model.

    ``study_arms``: a study's own, each combined with each of the protocol's; ``augment``: field -> value that the user
    sets for all arms (`--set train_snr=5..20`).
    """

    protocol: Protocol
    options: Any
    study_arms: tuple[Arm, ...] = ()
    augment: Mapping[str, Any] | None = None

    def arms(self) -> tuple[Arm, ...]:
        """Arms that do not depend on the model. InputError where those of study and protocol do not combine."""
        own = (BASE,) if self.protocol.arms == "variants" else self.protocol.arms(self.options)
        if self.study_arms and self.protocol.arms == "variants":
            raise InputError(f"{self.protocol.name}: its arms are variants; a study with arms needs another protocol")
        before = tuple(_both(one, other) for one in own for other in self.study_arms) if self.study_arms else own
        arms = tuple(self._changed(arm) for arm in before)
        if self.augment and all(new.augment.rows == old.augment.rows for new, old in zip(arms, before, strict=True)):
            raise InputError(
                "--set: no training clip is changed: train_noise needs train_snr, "
                "augment.copies needs augment.noise, pitch, stretch or shift"
            )
        return arms

    def _changed(self, arm: Arm) -> Arm:
        if not self.augment:
            return arm
        for name in self.augment:
            if getattr(arm.augment, name) != getattr(NOTHING, name):
                raise InputError(f"arm '{arm.name}' sets {name} of the training clips itself; leave it out of --set")
        augment = replace(arm.augment, **self.augment)
        more = replace(NOTHING, **self.augment)
        name = augment.name if arm.name == BASE.name else f"{arm.name} {more.name}"
        points = augment.factors if arm.name == BASE.name else (*arm.factors, *more.factors) if arm.factors else ()
        return replace(arm, name=name or arm.name, augment=augment, folds=arm.folds or arm.name, factors=points)


def _both(own: Arm, of_study: Arm) -> Arm:
    """An arm of a protocol and one of a study as one. InputError where both change the same."""
    same = [name for name, _ in own.settings if name in dict(of_study.settings)]
    same += ["the training clips"] if NOTHING not in (own.augment, of_study.augment) else []
    same += ["the model"] if own.model and of_study.model and own.model != of_study.model else []
    if same:
        raise InputError(f"arms '{own.name}' of the protocol and '{of_study.name}' of the study both set {same[0]}")
    changed = [arm for arm in (own, of_study) if arm.name != BASE.name]
    names = [arm.name for arm in changed] or [BASE.name]
    return replace(
        own,
        name=(" " if all("=" in name for name in names) else ", ").join(names),
        settings=(*own.settings, *of_study.settings),
        variants=(*own.variants, *of_study.variants),
        model=own.model or of_study.model,
        augment=of_study.augment if own.augment == NOTHING else own.augment,
        folds=own.folds or own.name,
        factors=(*own.factors, *of_study.factors) if all(arm.factors for arm in changed) else (),
    )


@dataclass(frozen=True)
class Choice:
    """A model under one arm: ``spec`` and ``overrides`` are what `choose` takes; ``model`` is how tables name it.

    ``lacks``: why the model cannot have the arm's settings, empty where it can.
    """

    arm: Arm
    model: str
    spec: str
    overrides: dict[str, str]
    chosen: ModelChoice
    lacks: str = ""


def choices(source: ArmSource, model: str, overrides: Mapping[str, str]) -> Iterator[Choice]:
    """The model under each of its arms. InputError when there is none."""
    base = choose(model, overrides)
    arms = [arm for arm in source.arms() if arm.model in ("", base.card.name)]
    if not arms:
        others = sorted({arm.model for arm in source.arms()})
        raise InputError(f"{source.protocol.name}: no arm for model {model}; there are arms for {named(others, 12)}")
    if source.protocol.arms == "variants":
        variants = source.options.variants or tuple(base.card.variants)
        arms += [_variant(arms[0], name) for name in base.card.variants if name in set(variants) - set(base.variants)]
    for arm in arms:
        spec = "+".join((model, *arm.variants))
        for name, _ in arm.settings:
            if name in overrides:
                raise InputError(f"--set {base.card.name}.{name}: arm '{arm.name}' sets it too; keep one of them")
        changes = {**overrides, **dict(arm.settings)}
        lacks = _lacks(base, arm)
        chosen = base if lacks else choose(spec, changes)
        yield Choice(arm, base.spec, spec, changes, chosen, lacks)


def _lacks(base: ModelChoice, arm: Arm) -> str:
    """Why a model cannot have what an arm for all models sets; empty where it can."""
    if arm.practice.state == "carried" and not base.card.recurrent(base.settings):
        return "no recurrent state to carry on; a recurrent network has one"
    lacking = [name for name, _ in arm.settings if not hasattr(base.settings, name)]
    if lacking and not arm.model:
        return f"no setting {', '.join(lacking)}"
    if arm.practice.order in COMPANIONS and arm.practice.state == "zero" and not _hears_padding(base):
        return "it declares that neither padding nor other clips of a batch change its answers; `models check` tests it"
    return ""


def _hears_padding(base: ModelChoice) -> bool:
    """Whether other clips can change an answer, as its card says and `models check` tests, or can be made to."""
    return bool(base.card.companions) or hasattr(base.settings, "mask_padding")


def _variant(base: Arm, name: str) -> Arm:
    return replace(base, name=name if base.name == BASE.name else f"{name} {base.name}", variants=(name,))


def arms_of_run(source: ArmSource, models: Sequence[tuple[str, Mapping[str, str]]]) -> list[Choice]:
    """Every model of a run under each of its arms; two arms of one name must be one thing."""
    of_run = [choice for model, overrides in models for choice in choices(source, model, overrides)]
    _check_names(source, of_run)
    by_name: dict[tuple[str, str], Choice] = {}
    for choice in of_run:
        key = (choice.model, choice.arm.name)
        if key in by_name:
            raise InputError(f"{choice.model}: two arms are called '{choice.arm.name}'; give every arm its own name")
        by_name[key] = choice
    return of_run


def _check_names(source: ArmSource, of_run: Sequence[Choice]) -> None:
    """InputError for models and settings of arms, and for chosen variants, that the run does not have."""
    names = {choice.chosen.card.name for choice in of_run}
    for arm in () if source.study_arms else source.arms():
        if arm.model and arm.model not in names:
            raise InputError(f"{source.protocol.name}: arm '{arm.name}': {unknown('model', arm.model, names)}")
    possible_arms = {choice.arm.name for choice in of_run if not choice.lacks}
    for choice in of_run:
        stateless = choice.arm.practice.state == "carried"  # lacks more than a setting: `possible` says what
        own = not source.study_arms and isinstance(source.options, NoOptions)  # nobody typed its settings
        if choice.arm.name not in possible_arms and choice.arm.settings and not stateless and not own:
            choose(choice.spec, choice.overrides)  # raises, with the nearest name
    if source.protocol.arms == "variants":
        variants = {name for choice in of_run for name in choice.chosen.card.variants}
        for name in source.options.variants:
            if name not in variants:
                raise unknown("variant of any model in the run", name, variants)


def possible(choices: Sequence[Choice], folds_of: Callable[[Arm], Sequence[Fold]]) -> tuple[list[Choice], list[str]]:
    """The choices that can be run, and a line for each arm that is left out, for whom and why.

    InputError where a model is left without any arm.
    """
    can_run: list[Choice] = []
    reasons: dict[tuple[str, str], list[str]] = {}
    for choice in choices:
        why = _impossible(choice, folds_of(choice.arm))
        if why:
            reasons.setdefault((choice.arm.name, why), []).append(choice.model)
        else:
            can_run.append(choice)
    lines = list(_lines(reasons))
    if gone := {choice.model for choice in choices} - {choice.model for choice in can_run}:
        model = min(gone)
        texts = [f"arm '{arm}': {why}" for (arm, why), models in reasons.items() if model in models]
        raise InputError(f"{model}: nothing to run: {named(texts, between='; ')}")
    return can_run, lines


def _lines(reasons: Mapping[tuple[str, str], Sequence[str]]) -> Iterator[str]:
    """A line for each reason and the models that it keeps from the same arms."""
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (arm, why), models in reasons.items():
        together.setdefault((why, tuple(models)), []).append(f"'{arm}'")
    for (why, models), arms in together.items():
        which = f"arm {arms[0]}" if len(arms) == 1 else f"{len(arms)} arms ({named(arms, 12)})"
        yield f"{which} left out for {', '.join(models)}: {why}"


def _impossible(choice: Choice, folds: Sequence[Fold]) -> str:
    """Why a model cannot be run under an arm; empty where it can."""
    card = choice.chosen.card
    if not folds:
        return "these corpora give no folds for it"
    if choice.lacks:
        return choice.lacks
    if choice.arm.practice.statistics == "test" and not card.adapts(choice.chosen.settings):
        return "it normalizes by no statistics of its training rows, so test has none to give"
    if card.kind != "network" and any(fold.after for fold in folds):
        return "no training that goes on from given weights; a network has one"
    return ""
