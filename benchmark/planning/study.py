"""From a study to requests: what runs, and whether every name in it is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ...baselines.registry import name_of
from ...errors import InputError, unknown
from ...protocols.parts.augment import EXPLAIN, NOTHING, Augment
from ...protocols.parts.factors import point_of
from ...protocols.parts.protocol import Arm
from ...protocols.parts.studies import Study, StudyArm, StudyForm, StudyTest
from .experiment import Experiment, check
from .request import Request, each_map
from .settings import AUGMENT, augment_value, complete_augment


@dataclass(frozen=True)
class Changes:
    """What a user has otherwise than the study: empty, or 0 for seeds, is as the study has it."""

    models: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    seeds: int = 0
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyRequest:
    """A study with a form of it as the user wants it; ``left_out`` are settings of models that do not run."""

    study: Study
    form: StudyForm
    requests: tuple[Request, ...]
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the study does not run."""
        left_out = f"left out with the models that they are of: {', '.join(self.left_out)}"
        return (left_out,) if self.left_out else ()

    @cached_property
    def experiments(self) -> list[Experiment]:
        """Its requests, each checked once. Raises InputError for whatever does not fit."""
        return [check(request) for request in self.requests]


#: the forms of a study as it has them itself, by whether it is the quick one
Forms = Mapping[bool, StudyRequest]


def ask(study: Study, quick: bool = False, changes: Changes = Changes()) -> StudyRequest:
    """The requests of a study, one for each of its protocols. Raises InputError for arms that are none."""
    form = study.form(quick)
    settings = {key: value for key, _, value in (text.partition("=") for text in form.settings)}
    settings |= {key: value for key, _, value in (text.partition("=") for text in changes.settings)}
    models = changes.models or form.models
    gone = {name_of(spec) for spec in form.models} - {name_of(spec) for spec in models}
    left_out = tuple(f"{key}={value}" for key, value in settings.items() if key.partition(".")[0] in gone)
    form = replace(
        form,
        models=models,
        corpora=changes.corpora or form.corpora,
        seeds=changes.seeds or form.seeds,
        settings=tuple(text for key, value in settings.items() if (text := f"{key}={value}") not in left_out),
        arms=tuple(arm for arm in form.arms if arm.model not in gone),
        tests=_renamed(form.tests, form.models, models),
    )
    return StudyRequest(study, form, tuple(_requests(form)), left_out)


def _renamed(tests: tuple[StudyTest, ...], before: tuple[str, ...], now: tuple[str, ...]) -> tuple[StudyTest, ...]:
    """The tests with the user's models where they name the study's: those of one name and variants, in any profile."""
    instead = {a: b for a in before for b in now if (name_of(a), a.split("+")[1:]) == (name_of(b), b.split("+")[1:])}
    names = {spec: instead.get(spec, spec) for spec in before if spec not in now}
    return tuple(
        replace(one, base=names.get(one.base, one.base), levels=tuple(names.get(x, x) for x in one.levels))
        for one in tests
    )


def _requests(form: StudyForm) -> Iterator[Request]:
    """One for each protocol, which takes the options of no other, and for each label map."""
    arms = tuple(map(arm_of, form.arms))
    for protocol in form.protocols:
        others = {name for name in form.protocols if name != protocol}
        settings = tuple(text for text in form.settings if text.partition("=")[0].rpartition(".")[0] not in others)
        yield from each_map(Request(protocol, form.models, form.corpora, form.seeds, settings, arms))


def arm_of(arm: StudyArm) -> Arm:
    """An arm as protocols have them. Raises InputError for what cannot be done to training clips."""
    values = {}
    for key, text in arm.training:
        if key not in AUGMENT:
            raise InputError(f"arm '{arm.name}': {unknown('change of training clips', key, AUGMENT)}")
        values[AUGMENT[key]] = augment_value(key, text)
    augment = Augment(**complete_augment(values)) if values else NOTHING
    if values and augment.rows == NOTHING.rows:
        raise InputError(f"arm '{arm.name}': changes no training clip; {EXPLAIN['copies']}")
    return Arm(arm.name, arm.settings, arm.variants, arm.model, augment, factors=point_of(arm.name))


def forms_of(study: Study) -> Forms:
    """The requests of each of its forms. Raises InputError for arms that are none."""
    return {quick: ask(study, quick) for quick in ((False, True) if study.quick else (False,))}


def check_study(study: Study) -> Forms:
    """Its forms, checked. Raises InputError for a model, setting, corpus, metric or test that nobody has, in either."""
    from ...protocols.parts import labels
    from ...results.questions.answers import TESTS
    from ...results.statistics.probabilities import find_any

    try:
        if study.metric:
            find_any(study.metric)
        forms = forms_of(study)
        for request in forms.values():
            for one in request.form.tests:
                if one.test not in TESTS:
                    raise unknown("test", one.test, TESTS)
            for spec in request.form.corpora:
                _check_corpus(spec)
            for experiment in request.experiments:
                if label_map := experiment.label_map:
                    labels.load(label_map)
        return forms
    except InputError as error:
        raise InputError(f"study {study.name}: {error}") from None


def check_names(request: StudyRequest) -> None:
    """Raise InputError for a test that compares what is not run: it would have no answer after all the trainings."""
    names = set(request.form.protocols)
    for experiment in request.experiments:
        choices = [c for c in experiment.choices if not c.lacks]
        names |= {word for c in choices for word in (c.arm.name, c.model, f"{c.model} [{c.arm.name}]")}
        names |= {condition.name for condition in experiment.protocol.conditions(experiment.options)}
    for one in request.form.tests:
        for word in filter(None, (*one.levels, one.base)):
            if word not in names:
                problem = unknown("arm, model or condition", word, names)
                raise InputError(f"study {request.study.name}: {one.test}: {problem}")


def _check_corpus(spec: str) -> None:
    from ..corpora.registry import cards
    from ..corpora.synthetic import NAMES
    from ..prepared.home import stored
    from ..user_folder import home

    names = {*cards(), *NAMES, *(form.name for form in stored(home()))}
    if "=" not in spec and spec not in names:
        raise unknown("corpus", spec, names)
