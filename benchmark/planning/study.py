"""From a study to requests: what runs, whether its names are known, what of it is missing here, and its answer."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...errors import InputError, unknown
from ...protocols.parts.augment import EXPLAIN, NOTHING, Augment
from ...protocols.parts.protocol import Arm
from ...protocols.parts.studies import Form, Study, StudyArm, StudyTest
from .request import Request, checked, complete_augment, each_map
from .settings import AUGMENT, augment_value

if TYPE_CHECKING:
    from ...results.evidence.store import Run


@dataclass(frozen=True)
class Changes:
    """What a user has otherwise than the study: empty, or 0 for seeds, is as the study has it."""

    models: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    seeds: int = 0
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A study with a form of it as the user wants it; ``left_out`` are settings of models that do not run."""

    study: Study
    form: Form
    requests: tuple[Request, ...]
    left_out: tuple[str, ...] = ()


def ask(study: Study, quick: bool = False, changes: Changes = Changes()) -> Asked:
    """The requests of a study, one for each of its protocols. Raises InputError for arms that are none."""
    form = study.form(quick)
    settings = {key: value for key, _, value in (text.partition("=") for text in form.settings)}
    settings |= {key: value for key, _, value in (text.partition("=") for text in changes.settings)}
    models = changes.models or form.models
    gone = {model_of(spec) for spec in form.models} - {model_of(spec) for spec in models}
    left_out = tuple(f"{key}={value}" for key, value in settings.items() if key.partition(".")[0] in gone)
    form = replace(
        form,
        models=models,
        corpora=changes.corpora or form.corpora,
        seeds=changes.seeds or form.seeds,
        settings=tuple(text for key, value in settings.items() if (text := f"{key}={value}") not in left_out),
        arms=tuple(arm for arm in form.arms if arm.model not in gone),
        tests=_as_called(form.tests, form.models, models),
    )
    return Asked(study, form, tuple(_requests(form)), left_out)


def _as_called(tests: tuple[StudyTest, ...], before: tuple[str, ...], now: tuple[str, ...]) -> tuple[StudyTest, ...]:
    """The tests with the user's models where they name the study's: those of one name and variants, in any profile."""
    instead = {a: b for a in before for b in now if (model_of(a), a.split("+")[1:]) == (model_of(b), b.split("+")[1:])}
    called = {spec: instead.get(spec, spec) for spec in before if spec not in now}
    return tuple(
        replace(one, base=called.get(one.base, one.base), levels=tuple(called.get(x, x) for x in one.levels))
        for one in tests
    )


def _requests(form: Form) -> Iterator[Request]:
    """One for each protocol, which takes the options of no other, and for each label map."""
    arms = tuple(map(arm_of, form.arms))
    for protocol in form.protocols:
        others = {name for name in form.protocols if name != protocol}
        mine = tuple(text for text in form.settings if text.partition("=")[0].rpartition(".")[0] not in others)
        yield from each_map(Request(protocol, form.models, form.corpora, form.seeds, mine, arms))


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
    return Arm(arm.name, arm.settings, arm.variants, arm.model, augment)


def check(study: Study) -> None:
    """Raise InputError for a model, setting, corpus, metric or test that nobody has, in either form."""
    from ...protocols.parts import labels
    from ...results.questions.answers import TESTS
    from ...results.statistics.probabilities import find_any

    where = f"study {study.name}"
    try:
        if study.metric:
            find_any(study.metric)
        for form in filter(None, (study.full, study.quick)):
            for one in form.tests:
                if one.test not in TESTS:
                    raise unknown("test", one.test, TESTS)
            for spec in form.corpora:
                _known_corpus(spec)
            for request in _requests(form):
                if label_map := checked(request).label_map:
                    labels.load(label_map)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def check_names(asked: Asked) -> None:
    """Raise InputError for a test that compares what is not run: it would have no answer after all the trainings."""
    known = set(asked.form.protocols)
    for found in map(checked, asked.requests):
        choices = [c for c in found.choices if not c.lacks]
        known |= {word for c in choices for word in (c.arm.name, c.model, f"{c.model} [{c.arm.name}]")}
        known |= {condition.name for condition in found.protocol.conditions(found.options)}
    for one in asked.form.tests:
        for word in filter(None, (*one.levels, one.base)):
            if word not in known:
                said = unknown("arm, model or condition", word, known)
                raise InputError(f"study {asked.study.name}: {one.test}: {said}")


def _known_corpus(spec: str) -> None:
    from ..corpora.registry import cards
    from ..corpora.synthetic import NAMES
    from ..prepared.home import home, stored

    known = {*cards(), *NAMES, *(form.name for form in stored(home()))}
    if "=" not in spec and spec not in known:
        raise unknown("corpus", spec, known)


def missing_corpora(asked: Asked) -> list[str]:
    """The corpora of a study that this machine lacks, as they are written."""
    from ..prepared.corpus import locate, parse_spec

    found = []
    for spec in asked.form.corpora:
        try:
            locate(*parse_spec(spec))
        except InputError:
            found.append(spec)
    return found


def missing_models(asked: Asked) -> list[str]:
    """The models of a study whose weights or package this machine lacks, each with what it lacks."""
    every = [choice.chosen for request in asked.requests for choice in checked(request).choices]
    lacks = [(chosen.card.name, chosen.card.needs(chosen.settings)) for chosen in every]
    return list(dict.fromkeys(f"{name}: {text}" for name, text in lacks if text))


def missing_here(asked: Asked) -> list[str]:
    """What serbench lacks for a study, then corpora, weights and extras that this machine lacks; a line for each."""
    return [*asked.study.missing, *(f"corpus {spec}" for spec in missing_corpora(asked)), *missing_models(asked)]


def refuse(asked: Asked) -> None:
    """InputError for a study that serbench, or this machine, cannot run, with everything that is missing."""
    study = asked.study
    if study.missing:
        raise InputError(f"study {study.name} cannot be run: {'; '.join(study.missing)}")
    corpora, lacks = missing_corpora(asked), missing_models(asked)
    if corpora:
        how = "not found; name each as --corpus NAME=DIR, or put them where SERBENCH_CORPORA says"
        lacks.insert(0, f"corpora {', '.join(corpora)} {how} (serbench corpora list)")
    if lacks:
        full = study.quick and {*corpora} <= {*study.full.corpora}
        quick = f"; the quick form needs none of it: serbench run {study.name} --quick" if full else ""
        raise InputError(f"study {study.name} cannot be run here: {'; '.join(lacks)}{quick}")


def commands(asked: Asked, quick: bool) -> list[str]:
    """The command that runs it, then those that run each of its arms by itself under each of its protocols."""
    found = [shlex.join(["serbench", "run", asked.study.file or asked.study.name, *(["--quick"] if quick else [])])]
    return [*found, *(_command(request, arm) for request in asked.requests for arm in asked.form.arms or (_NO_ARM,))]


def parts(asked: Asked) -> list[str]:
    """A command for each of its protocols, which runs the same but for the arms."""
    return [_command(request, _NO_ARM) for request in asked.requests]


_NO_ARM = StudyArm("")


def _command(request: Request, arm: StudyArm) -> str:
    """``serbench run --protocol`` for one request under one arm."""
    words = ["serbench", "run", "--protocol", request.protocol]
    names = [spec for spec in request.models if arm.model in ("", model_of(spec))]
    for spec in names:
        words += ["--model", "+".join((spec, *arm.variants))]
    for corpus in request.corpora:
        words += ["--corpus", corpus]
    words += ["--seeds", str(request.seeds)] if request.seeds > 1 else []
    of_arm = [f"{model_of(spec)}.{name}={value}" for spec in names for name, value in arm.settings]
    settings = [*request.settings, *dict.fromkeys(of_arm), *(f"{key}={value}" for key, value in arm.training)]
    for setting in settings:
        if setting.partition(".")[0] not in {model_of(spec) for spec in request.models} - set(map(model_of, names)):
            words += ["--set", setting]
    return shlex.join(words)


def answer_text(asked: Asked, run: "Run", width: int) -> str:
    """What the study's tests say of a run, and the same in words; both follow from the run alone."""
    from ...results.evidence.entries import siblings, utterances
    from ...results.questions.answers import answer
    from ...results.text import answer_text, answer_words

    study, form = asked.study, asked.form
    frames = replace(run.frames(), notes=())
    parts = [f"{study.name}: {study.question}"]
    said: list[str] = []
    for one in form.tests:
        try:
            found = answer(frames, study.metric, one.test, one.base, one.levels, siblings([run]), utterances([run]))
        except InputError as error:
            said.append(f"No answer by {one.test}: {error}.")
            continue
        parts.append(answer_text.terminal(found, width).rstrip("\n"))
        said += answer_words.words(found)
    if any(request.synthetic for request in asked.requests):
        said.append("Built-in synthetic corpora: this shows that everything runs, and is no finding.")
    return "\n\n".join([*parts, "\n".join(["In words:", *(_wrapped(text, width) for text in said)])]) + "\n"


def _wrapped(text: str, width: int) -> str:
    import textwrap

    return textwrap.fill(
        text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )


def model_of(spec: str) -> str:
    """The name of the model in ``name:profile+variant``."""
    return spec.partition(":")[0].partition("+")[0]
