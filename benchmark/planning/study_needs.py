"""What a study needs and this machine, or serbench, lacks."""

from ...errors import InputError
from .study import StudyRequest


def missing_corpora(request: StudyRequest) -> list[str]:
    """The corpora of a study that this machine lacks, as they are written."""
    from ..prepared.sources import locate, parse_spec

    missing = []
    for spec in request.form.corpora:
        try:
            locate(*parse_spec(spec))
        except InputError:
            missing.append(spec)
    return missing


def is_prepared(spec: str, rate_hz: int | None = None) -> bool:
    """Whether a corpus can be opened, at this rate or at any, without decoding it now."""
    from ..corpora.synthetic import NAMES
    from ..prepared.home import stored
    from ..prepared.sources import parse_spec
    from ..user_folder import home

    name, _ = parse_spec(spec)
    return name in NAMES or any(
        form.manifest is not None and not form.state and rate_hz in (None, form.manifest.get("rate_hz"))
        for form in stored(home(), name)
    )


def missing_models(request: StudyRequest) -> list[str]:
    """The models of a study whose weights or package this machine lacks, each with what it lacks."""
    models = [choice.chosen for experiment in request.experiments for choice in experiment.choices]
    lacks = [(model.card.name, model.card.needs(model.settings)) for model in models]
    return list(dict.fromkeys(f"{name}: {text}" for name, text in lacks if text))


def missing_here(request: StudyRequest) -> list[str]:
    """What serbench lacks for a study, then corpora, weights and extras that this machine lacks; a line for each."""
    corpora = [f"corpus {spec}" for spec in missing_corpora(request)]
    return [*request.study.missing, *corpora, *missing_models(request)]


def check_needs(request: StudyRequest) -> None:
    """InputError for a study that serbench, or this machine, cannot run, with everything that is missing."""
    study = request.study
    if study.missing:
        raise InputError(f"study {study.name} cannot be run: {'; '.join(study.missing)}")
    corpora, lacks = missing_corpora(request), missing_models(request)
    if corpora:
        how = "not found; name each as --corpus NAME=DIR, or put them where SERBENCH_CORPORA says"
        lacks.insert(0, f"corpora {', '.join(corpora)} {how} (serbench corpora list)")
    if lacks:
        full = study.quick and {*corpora} <= {*study.full.corpora}
        quick = f"; the quick form needs none of it: serbench run {study.name} --quick" if full else ""
        raise InputError(f"study {study.name} cannot be run here: {'; '.join(lacks)}{quick}")
