"""The answers of a study as text: a table for each test, and the same in words."""

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...results.evidence.store import Run
    from ..planning.study import StudyRequest


def study_text(request: "StudyRequest", run: "Run", width: int) -> str:
    """What the study's tests say of a run, then in words."""
    from ...results.text import answer_text, answer_words
    from ...results.text.forms import render
    from ..running.answers import answers

    parts = [f"{request.study.name}: {request.study.question}"]
    lines: list[str] = []
    for one in answers(request, run):
        if one.answer is None:
            lines.append(f"No answer by {one.test}: {one.reason}.")
        else:
            parts.append(render(answer_text.document(one.answer), None, width).rstrip("\n"))
            lines += answer_words.words(one.answer)
    if any(of_protocol.synthetic for of_protocol in request.requests):
        lines.append("Built-in synthetic corpora: this shows that everything runs, and is no finding.")
    return "\n\n".join([*parts, "\n".join(["In words:", *(_wrapped(text, width) for text in lines)])]) + "\n"


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(
        text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
