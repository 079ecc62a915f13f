"""Answers that the page and the Markdown file show beside pictures, by section."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..evidence.arms import BASE
from ..evidence.evidence import Evidence
from ..evidence.results import FLOOR
from ..questions.answer_lines import Answer, AnswerLine, Question
from ..questions.answers import TESTS, answer_to
from ..questions.descriptions import spread_lines
from ..statistics.metrics import HEADLINE, METRICS
from ..text import answer_text, spread_text
from ..text.comparison_text import p_value
from ..text.forms.csv import lines
from ..text.forms.markdown import parts, pipes
from ..text.grids import Grid, Records
from .forest_picture import askable

MOST_LINES = 400  # of one table
MANY = 600_000  # predictions, from which what takes long is left to `serbench compare`
TITLES = {
    "protocol-effect": "Drops",
    "main": "Each arm against its base",
    "trend": "Trends along levels",
    "over-corpora": "Differences over corpora",
    "degradation": "Each condition against clean",
    "interaction": "Does a condition cost one more than another?",
    "spread": "Where the spread comes from",
    "groups": "Groups of speakers and clips",
    "probabilities": "Metrics of probabilities",
}
SLOW = ("groups", "over-corpora", "probabilities")


@dataclass(frozen=True)
class Row:
    """A line as text; ``value`` sorts the estimates."""

    where: str
    what: str
    estimate: str
    value: float | None
    n: str
    p: str
    holm: str
    remark: str


@dataclass(frozen=True)
class View:
    """An answer in a section: its table, or why it has none; ``notes`` are of the whole table.

    ``grid``, where there is one, is shown in place of the rows.
    """

    section: str
    title: str
    summary: str
    family: int
    rows: tuple[Row, ...]
    remark: str
    answer: Answer | None
    notes: tuple[str, ...] = ()
    grid: Grid | None = None


def views(evidence: Evidence, ladders: bool) -> list[View]:
    """What stands in each section; ``ladders``: whether there are any."""
    held = (evidence, evidence.only(evidence.records["condition"] == "clean"), _arms_alike(evidence))
    every, heard, arms = (Question(part, METRICS[HEADLINE]) for part in held)
    noisy = evidence.records["condition"].nunique() > 1
    wanted: list[tuple[str, str, Question, bool]] = [
        ("ladder", "protocol-effect", every, ladders),
        ("noise", "degradation", every, noisy),
        ("noise", "interaction", every, noisy),
        ("sweeps", "main", arms, len(arms.records) > 0),
        ("sweeps", "trend", arms, len(arms.records) > 0),
        ("over-corpora", "over-corpora", heard, askable(heard.evidence)[0] is not None),
        ("speakers", "spread", heard, True),
        ("groups", "groups", heard, True),
        ("probabilities", "probabilities", heard, True),
    ]
    shown = [_view(section, test, question) for section, test, question, there in wanted if there]
    return [view for view in shown if view.rows or view.remark]


def _arms_alike(evidence: Evidence) -> Evidence:
    """The clean cells of models that have several arms which leak alike, a base among them."""
    held = evidence.only((evidence.records["condition"] == "clean") & (evidence.records["role"] != FLOOR))
    records = held.records
    if not len(records):
        return held
    leaks = records["leaks"].map(lambda those: " ".join(sorted(those)))
    keys = [records[name] for name in ("protocol", "model", "train", "test", "label_map")] + [leaks]
    arms = records.groupby(keys)["arm"]
    return held.only((arms.transform("nunique") > 1) & (records["arm"] == BASE).groupby(keys).transform("any"))


def _view(section: str, test: str, question: Question) -> View:
    title, summary = TITLES[test], TESTS[test].summary
    if test in SLOW and len(question.predictions) > MANY:
        text = f"Not made for {len(question.predictions):,} predictions: serbench compare RUN --test {test}"
        return View(section, title, summary, 0, (), text, None)
    result = answer_to(question, test)
    kept = [line for line in result.lines if line.estimate is not None or line.p is not None or line.reason]
    rows = tuple(map(_row, kept[:MOST_LINES]))
    more = f"{len(kept) - MOST_LINES} more lines: serbench compare RUN --test {test}" if len(kept) > MOST_LINES else ""
    family = sum(line.p is not None for line in result.lines)
    if test == "spread" and rows:
        spread = spread_lines(question)
        notes = (*result.notes, *spread_text.notes(spread))
        return View(section, title, summary, 0, rows, "", result, notes, spread_text.grid(spread, METRICS[HEADLINE]))
    return View(section, title, summary, family, rows, more, result, result.notes if rows else ())


def _row(line: AnswerLine) -> Row:
    remark = "; ".join(filter(None, (line.reason, line.note)))
    tested = line.p is not None or line.holm is not None
    p, holm = (p_value(line.p), p_value(line.holm)) if tested else ("", "")
    return Row(line.where, line.what, answer_text.value(line), line.estimate, line.counted, p, holm, remark)


def csv(shown: Sequence[View]) -> str:
    """All lines of all answers."""
    records = [answer_text.records(view.answer) for view in shown if view.answer is not None]
    columns = records[0].columns if records else ("test", "metric")
    return lines(Records(columns, tuple(row for part in records for row in part.rows)))


def markdown(tables: Sequence[View], section: str) -> list[str]:
    """The answers of a section as Markdown."""
    texts = []
    for view in tables:
        if view.section == section:
            if view.grid is not None:
                shown = [view.grid.caption, pipes(view.grid), *(f"- {note}" for note in view.notes)]
            else:
                there = view.answer is not None and view.answer.lines
                shown = parts(answer_text.document(view.answer)) if view.answer is not None and there else []
            texts += [f"### {view.title}", *shown, *filter(None, [view.remark])]
    return texts
