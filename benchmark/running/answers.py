"""The answers of a study: what its tests say of a run."""

from dataclasses import dataclass

from ...errors import InputError
from ...results.evidence.evidence import open_evidence
from ...results.evidence.store import Run
from ...results.questions.answer_lines import Answer
from ...results.questions.answers import answer
from ..planning.study import StudyRequest


@dataclass(frozen=True)
class StudyAnswer:
    """A test of a study and its answer; without one, the reason."""

    test: str
    answer: Answer | None
    reason: str = ""


def answers(request: StudyRequest, run: Run) -> list[StudyAnswer]:
    """What each test says; all follows from the run alone."""
    evidence = open_evidence([run])
    all_answers: list[StudyAnswer] = []
    for one in request.form.tests:
        try:
            one_answer = answer(evidence, request.study.metric, one.test, one.base, one.levels)
            all_answers.append(StudyAnswer(one.test, one_answer))
        except InputError as error:
            all_answers.append(StudyAnswer(one.test, None, str(error)))
    return all_answers
