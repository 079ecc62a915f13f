"""Published claims about the models of a report, with verdicts, as plain lines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from ..evidence.arms import BASE
from ..evidence.evidence import Evidence
from ..evidence.replays import replays
from ..evidence.results import label_of
from ..papers.claims import names, published
from ..papers.comparisons import Changes, ClaimLine, claim_lines, no_changes
from ..papers.verdicts import JUDGED, MEANING, RATES, Prediction
from ..text.forms.csv import lines
from ..text.grids import Records
from ..text.words import NONE, percent


@dataclass(frozen=True)
class ClaimRow:
    """A published value beside ours, as text in percent; ``judged`` tells whether we ran anything for it."""

    paper: str
    table: str
    what: str
    metric: str
    published: str
    replayed: str
    honest: str
    verdict: str
    reason: str
    source: str
    model: str
    judged: bool


@dataclass(frozen=True)
class Claims:
    """Rows with a verdict from runs, how many more are open, the meaning of the words used; or why there is none."""

    rows: tuple[ClaimRow, ...]
    n_open: int
    meaning: tuple[tuple[str, str], ...]
    reason: str = ""


def claims(evidence: Evidence, changed: Changes = no_changes) -> Claims:
    """Of every paper whose model is among the records; ``changed`` as `claim_lines` takes it."""
    here = {model.partition("+")[0].partition(":")[0] for model in evidence.records["model"]}
    papers = [name for name in names() if {m.partition(":")[0] for m in published(name).paper.models} & here]
    if not papers:
        every = ", ".join(names())
        return Claims((), 0, (), f"No claims: none of these models is one whose published numbers are kept ({every}).")
    runs = replays(evidence)
    rows = []
    for name in papers:
        known_paper = published(name)
        for table in known_paper.paper.tables:
            for claim in known_paper.table(table):
                rows += [_row(known_paper.paper.title, line) for line in claim_lines(table, claim, runs, changed)]
    judged = tuple(row for row in rows if row.judged)
    words = Counter(row.verdict for row in judged)
    meaning = [(str(word), text) for word, text in MEANING.items() if word in words]
    meaning += [("error rates, simulated", RATES.text)] if words.keys() & {*JUDGED} else []
    reason = "" if judged else f"No claim is judged yet: {len(rows)} published values wait for complete runs."
    return Claims(judged, len(rows) - len(judged), tuple(meaning), reason)


def _row(paper: str, line: ClaimLine) -> ClaimRow:
    word = line.verdict.word if line.verdict else NONE
    return ClaimRow(
        paper=paper,
        table=line.table,
        what=", ".join(part for part in (line.task.title, line.setting) if part) + _ran(line),
        metric=f"{line.metric} of {line.label}" if line.label else line.metric,
        published=line.printed,
        replayed=_ours(line.replayed),
        honest=_ours(line.honest),
        verdict=word,
        reason=line.verdict.reason if line.verdict else "",
        source=f"{line.source} ({line.status})",
        model=label_of(line.model, line.arm or BASE),
        judged=line.replayed is not None or line.honest is not None,
    )


def _ran(line: ClaimLine) -> str:
    """What was run for it."""
    recipe = "our recipe" if line.recipe == "ours" else "recipe of the authors"
    return f" ({label_of(line.model, line.arm or BASE)}, {recipe}, under {line.protocol})" if line.replayed else ""


def _ours(prediction: Prediction | None) -> str:
    """Mean and prediction interval with the number of runs."""
    if prediction is None or not prediction.n_runs:
        return NONE
    runs = f"{prediction.n_runs} run{'s' if prediction.n_runs > 1 else ''}"
    if prediction.low is None:
        return f"{percent(prediction.mean)} ({runs})"
    return f"{percent(prediction.mean)} [{percent(prediction.low)}, {percent(prediction.high)}] ({runs})"


def csv(rows: Sequence[ClaimRow]) -> str:
    """One line per judged claim."""
    columns = tuple(f.name for f in fields(ClaimRow))[:-1]
    return lines(Records(columns, tuple(astuple(row)[:-1] for row in rows)))
