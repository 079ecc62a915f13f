"""The answers of a study as text: a table for each test, and the same in words."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...results.evidence.store import Run
    from ...results.questions.answer_lines import Answer
    from ..planning.study import StudyRequest
    from ..running.answers import StudyAnswer

_SHOWN = 4  # comparisons of trained models that a sentence lists


def study_text(request: "StudyRequest", run: "Run", width: int) -> str:
    """What the study's tests say of a run, then in words."""
    from ...results.text import answer_text
    from ...results.text.forms import render
    from ..running.answers import answers

    said = answers(request, run)
    study = request.study
    how = f"No plan was frozen before the run (serbench studies freeze {study.file or study.name})."
    parts = [f"{study.name}: {study.question}", how if said.conformity is None else said.conformity.sentence]
    lines: list[str] = []
    for one in said.tests:
        if one.answer is not None:
            table = render(answer_text.document(one.answer), None, width).rstrip("\n")
            parts.append(f"{one.role.upper()} TEST\n{table}")
        first, *others = _words(one)
        lines += [f"{one.role.capitalize()}: {first}", *others]
    lines.append(said.count)
    if any(of_protocol.synthetic for of_protocol in request.requests):
        lines.append("Built-in synthetic corpora: this shows that everything runs, and is no finding.")
    parts[1] = _wrapped(parts[1], width, "")
    return "\n\n".join([*parts, "\n".join(["In words:", *(_wrapped(text, width) for text in lines)])]) + "\n"


def _words(one: "StudyAnswer") -> list[str]:
    """Sentences of a test, at least one."""
    from ...results.text import answer_words

    if one.answer is None:
        return [f"No answer by {one.test}: {one.reason}."]
    sentences = [*refusal(one.answer), *answer_words.words(one.answer)]
    return sentences or [f"{one.test} has no words beside its table."]


def refusal(answer: "Answer") -> Iterator[str]:
    """Where no line has a p although some were to: that the test is refused, and what holds of the trained models."""
    from ...results.text.answer_text import value

    refused = [line for line in answer.lines if line.reason and line.estimate is not None]
    if not refused or any(line.p is not None for line in answer.lines):
        return
    yield f"{answer.test} is refused: {'; '.join(dict.fromkeys(line.reason for line in refused))}."
    texts = [f"{line.what}: {value(line)}" for line in refused[:_SHOWN]]
    more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    yield f"Measured of these trained models, without a test: {'; '.join(texts)}{more}."


def _wrapped(text: str, width: int, indent: str = "  ") -> str:
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
