"""The answers of a study: what its primary and secondary tests say of a run, and whether it kept to its plan."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ...errors import InputError
from ...results.evidence.evidence import Evidence, open_evidence
from ...results.evidence.store import Run
from ...results.questions.answer_lines import Answer, corrected_together
from ...results.questions.answers import answer
from ..planning.frozen import FrozenPlan, differences, other_data
from ..planning.study import StudyRequest


@dataclass(frozen=True)
class StudyAnswer:
    """A test of a study, its role and its answer; without one, the reason."""

    role: Literal["primary", "secondary"]
    test: str
    answer: Answer | None
    reason: str = ""

    @property
    def n_tests(self) -> int:
        """How many p it has."""
        return 0 if self.answer is None else sum(line.p is not None for line in self.answer.lines)


@dataclass(frozen=True)
class Conformity:
    """The frozen plan of a run, and what is otherwise in the run: where that is empty, the run followed the plan."""

    date: str
    sha256: str
    differences: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """In plain words."""
        plan = f"the plan frozen on {self.date[:16].replace('T', ' ')} ({self.sha256[:12]})"
        if not self.differences:
            return f"It follows {plan}."
        return f"It does not follow {plan}: {'; '.join(self.differences)}."


@dataclass(frozen=True)
class StudyAnswers:
    """Every test of a study, the primary one first; ``conformity`` is None where no plan was frozen."""

    request: StudyRequest
    tests: tuple[StudyAnswer, ...]
    conformity: Conformity | None

    @property
    def n_tests(self) -> int:
        """How many p were looked at."""
        return sum(one.n_tests for one in self.tests)

    @property
    def count(self) -> str:
        """In plain words, how many tests were looked at."""
        if not self.n_tests:
            return "No test was looked at: there is no p value."
        primary = sum(one.n_tests for one in self.tests if one.role == "primary")
        word = f"{self.n_tests} test{'s were' if self.n_tests > 1 else ' was'} looked at (p values)"
        return (
            f"{word}: {primary} primary and {self.n_tests - primary} secondary, each of the two corrected by Holm over "
            "its own."
        )

    def data(self) -> dict[str, Any]:
        """For machines."""
        study = self.request.study
        return {
            "study": study.name, "question": study.question, "margin": study.margin, "tests_looked_at": self.n_tests,
            "frozen": None if self.conformity is None else asdict(self.conformity),
            "tests": [asdict(one) for one in self.tests],
        }  # fmt: skip


def answers(request: StudyRequest, run: Run) -> StudyAnswers:
    """What each test says; all follows from the run alone."""
    evidence = open_evidence([run])
    tests: list[StudyAnswer] = []
    for one in request.form.tests:
        role: Literal["primary", "secondary"] = "secondary" if tests else "primary"
        try:
            answer_of_test = answer(
                evidence, request.study.metric, one.test, one.base, one.levels, margin=request.study.margin / 100
            )
            tests.append(StudyAnswer(role, one.test, answer_of_test))
        except InputError as error:
            tests.append(StudyAnswer(role, one.test, None, str(error)))
    return StudyAnswers(request, (*_corrected(tests[:1]), *_corrected(tests[1:])), conformity(request, run, evidence))


def _corrected(tests: Sequence[StudyAnswer]) -> list[StudyAnswer]:
    """With all their lines as one family."""
    corrected = iter(corrected_together([one.answer for one in tests if one.answer is not None]))
    return [one if one.answer is None else replace(one, answer=next(corrected)) for one in tests]


def conformity(request: StudyRequest, run: Run, evidence: Evidence) -> Conformity | None:
    """Whether what a run folder holds, and what is asked of it, is what was frozen; None where nothing was."""
    plans = run.plans()
    frozen = [facts["frozen"] for _, facts in plans if facts.get("frozen")]
    if not frozen:
        return None
    content = {key: value for key, value in frozen[-1].items() if key not in ("sha256", "differences")}
    plan = FrozenPlan(content, frozen[-1]["sha256"])
    texts = [] if plan.intact else ["the file was changed after its hash"]
    used: dict[str, str] = {}
    followed: set[str] = set()
    for cells, facts in plans:
        if (facts.get("frozen") or {}).get("sha256") == plan.sha256:
            texts += facts["frozen"]["differences"]
            used |= {name: of_corpus["fingerprint"] for name, of_corpus in facts["corpora"].items()}
            followed |= set(cells["key"])
    texts += [*differences(content, request), *other_data(content, used)]
    if beside := len({key for cells, _ in plans for key in cells["key"]} - followed):
        texts.append(f"{beside} cells of the run folder that the plan does not have")
    when = datetime.fromisoformat(plan.date)
    if early := sum(datetime.fromisoformat(text) < when for text in evidence.records["finished"]):
        texts.append(f"{early} cells finished before it was frozen")
    return Conformity(plan.date, plan.sha256, tuple(dict.fromkeys(texts)))
