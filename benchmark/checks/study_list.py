"""What there is to say about studies: a few lines for the list, a page for one."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...baselines.registry import name_of
from ...errors import InputError
from ...protocols.parts.studies import Study, StudyForm
from ..planning.ready import prepare
from ..planning.study import Forms, StudyRequest, forms_of
from ..planning.study_commands import commands, parts
from ..planning.study_needs import is_prepared, missing_corpora, missing_here
from ..planning.summary import summarize
from .model_list import hanging

OF_MARGIN = ("tost", "bayes")  # tests that take a margin
ARMS = (
    "Arms run in the study alone. One of them by itself: add what it sets as --set MODEL.KEY=VALUE (what it does to "
    "training clips without MODEL), and write its variants as --model MODEL+VARIANT."
)


@dataclass(frozen=True)
class StudyLine:
    """A study in the list.

    ``missing_here`` keeps its full form from running, ``quick_missing_here`` its quick form (where there is none, the
    full one); both begin with ``missing``, what serbench lacks.
    """

    name: str
    question: str
    source: str
    kind: str
    protocol: tuple[str, ...]
    models: tuple[str, ...]
    corpora: tuple[str, ...]
    metric: str
    test: tuple[str, ...]
    quick: bool
    missing: tuple[str, ...]
    missing_here: tuple[str, ...]
    quick_missing_here: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def runs(self) -> str:
        """What of it can be run here."""
        if not self.missing_here:
            return "runs here"
        return "quick form runs here" if self.quick and not self.quick_missing_here else "does not run here"


def line_of(study: Study) -> StudyLine:
    """The line of one study."""
    return _line(forms_of(study))


def _line(forms: Forms) -> StudyLine:
    study = forms[False].study
    full = study.full
    missing = {quick: tuple(missing_here(request)) for quick, request in forms.items()}
    lacks, quick = missing[False], missing.get(True, missing[False])
    return StudyLine(
        study.name, study.question, study.source, study.kind, full.protocols, full.models, full.corpora, study.metric,
        tuple(one.test for one in full.tests), study.quick is not None, study.missing, lacks, quick, study.notes,
    )  # fmt: skip


def listing(lines: Sequence[StudyLine], columns: int) -> str:
    """The list as text."""
    width = max((len(line.name) for line in lines), default=0)
    text = []
    for line in lines:
        what = ", ".join(line.protocol) or "no protocol"
        text.append(hanging(f"{line.name:{width}}  ", line.question, columns))
        text.append(hanging(f"{'':{width}}  ", f"{what}; {line.runs}", columns))
        if line.missing_here:
            text.append(hanging(f"{'':{width}}  missing here: ", _short(line.missing_here, line.models), columns))
    n = sum(line.runs != "does not run here" for line in lines)
    words = (
        f"{len(lines)} studies, {n} of them run here in a full or a quick form. `serbench studies show NAME` says "
        "everything about one, `serbench run NAME --quick` runs it in two minutes where there is a quick form; "
        "--corpus names other corpora than a study has."
    )
    return "\n".join([*text, "", hanging("", words, columns)])


def page(forms: Forms, columns: int) -> str:
    """Everything about a study, with the counts of its plans where the corpora are there."""
    return "\n".join(hanging(start, text, columns) if text else start for start, text in _page(forms))


def facts(forms: Forms) -> dict[str, Any]:
    """The same for machines; the plan of a form is null where it cannot be made here."""
    of_forms = {
        "quick" if quick else "full": {
            **asdict(request.study.form(quick)),
            **_planned(request),
            "commands": commands(request, quick) if request.form.protocols else [],
        }
        for quick, request in forms.items()
    }
    return {**asdict(_line(forms)), "margin": forms[False].study.margin, "forms": of_forms}


def _page(forms: Forms) -> Iterator[tuple[str, str]]:
    """Pairs (begins a line, text that is wrapped beside it)."""
    study = forms[False].study
    yield f"{study.name}: ", study.question
    yield "  ", f"{study.kind} of: {study.source}"
    if study.metric:
        yield "  metric: ", study.metric
    for number, one in enumerate(study.full.tests):
        yield f"  {'secondary' if number else 'primary'} test: ", f"{one.test}: {_summary(one.test)}"
    if any(one.test in OF_MARGIN for one in study.full.tests):
        yield "  margin: ", f"± {study.margin:g} points"
    for note in study.notes:
        yield "  not in it: ", note
    for line in study.missing:
        yield "  cannot be run: ", line
    for quick, request in forms.items():
        yield "", ""
        yield from _form(request, quick)


def _form(request: StudyRequest, quick: bool) -> Iterator[tuple[str, str]]:
    study, form, name = request.study, request.study.form(quick), "quick form" if quick else "full form"
    yield f"{name}: ", f"{_join(form.protocols)} on {_join(form.corpora)}, {form.seeds} seed{'s' * (form.seeds > 1)}"
    yield "  models: ", _join(form.models)
    if form.settings:
        yield "  settings: ", "; ".join(form.settings)
    yield from _arms(form)
    for one in form.tests:
        words = [
            *([f"against {one.base}"] if one.base else []),
            *([f"of {', '.join(one.levels)}"] if one.levels else []),
        ]
        if words:
            yield f"  {one.test}: ", "; ".join(words)
    lacks = missing_here(request)
    for text in (text for text in lacks if text not in study.missing):
        yield "  missing here: ", text
    preview = _planned(request)
    for plan in preview["plans"] or ():
        yield "  plan: ", _counts(plan)
    if preview["reason"]:
        yield "  plan: ", f"not made here: {preview['reason']}"
    if form.protocols:
        yield "  command: ", commands(request, quick)[0]
        for command in parts(request):
            yield "  without the study: ", command
    if form.arms:
        yield "  ", ARMS


def _arms(form: StudyForm) -> Iterator[tuple[str, str]]:
    for arm in form.arms:
        words = [f"{name}={value}" for name, value in (*arm.settings, *arm.training)]
        words += [f"variant {name}" for name in arm.variants]
        yield "  arm: ", f"'{arm.name}'{f' of {arm.model}' if arm.model else ''}: {', '.join(words) or 'as it is'}"


def _planned(request: StudyRequest) -> dict[str, Any]:
    """``plans``: the summary of each request, None with the ``reason`` where corpora or encoders are not there."""
    if lacks := [f"corpus {spec}" for spec in missing_corpora(request)]:
        return {"plans": None, "reason": _short(lacks)}
    if fresh := [spec for spec in request.form.corpora if not is_prepared(spec)]:
        return {"plans": None, "reason": f"{_join(fresh)} not prepared yet; `serbench plan` prepares and counts"}
    try:
        return {"plans": [asdict(summarize(prepare(each).plan)) for each in request.experiments], "reason": ""}
    except InputError as error:
        return {"plans": None, "reason": str(error)}


def _counts(plan: dict[str, Any]) -> str:
    folds = sum(line["folds"] for line in plan["folds"])
    return (
        f"{plan['protocol']}: {len(plan['models'])} models, {len(plan['arms'])} arms, {folds} folds, "
        f"{plan['seeds']} seeds, {len(plan['conditions'])} conditions: {plan['trainings']} trainings, "
        f"{plan['cells']} cells"
    )


def _summary(test: str) -> str:
    from ...results.questions.answers import TESTS

    return TESTS[test].summary


def _short(lacks: Sequence[str], models: Sequence[str] = ()) -> str:
    """What serbench lacks, then the corpora together, then what ``models`` lack, by their names."""
    corpora = [text.removeprefix("corpus ") for text in lacks if text.startswith("corpus ")]
    names = {name_of(spec) for spec in models}
    unready = {name for text in lacks if (name := text.partition(": ")[0]) in names}
    words = [text for text in lacks if not text.startswith("corpus ") and text.partition(": ")[0] not in unready]
    words += [f"{'corpus' if len(corpora) == 1 else 'corpora'} {_join(corpora)}"] if corpora else []
    words += [f"weights or an extra for {_join(sorted(unready))} (`serbench models list`)"] if unready else []
    return "; ".join(words)


def _join(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
