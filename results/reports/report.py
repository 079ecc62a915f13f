"""Run folders to a report folder: Markdown, CSV, LaTeX, figures, and one HTML page."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..evidence.evidence import Evidence
from ..evidence.files import write_bytes
from ..evidence.results import FLOOR
from ..evidence.store import find_run
from ..papers.comparisons import Changes, no_changes
from ..text import stability_table, tables
from ..text.boards import boards
from ..text.forms import render
from ..text.forms.latex import table, whole
from . import answer_views, aside, claim_views, pair_views, views
from .page import Content, html
from .report_text import markdown
from .sources import Sources, content_of, sources_of

DRAWN_FIRST = 40  # confusion matrices that are drawn as files; the page has them all


@dataclass(frozen=True)
class Report:
    """What was written: the folder, its page, and a line for whatever a reader should know of it."""

    folder: Path
    page: Path
    notes: tuple[str, ...]


def report(
    runs: Sequence[str],
    out: Path | None = None,
    changed: Changes = no_changes,
    mixed: bool = False,
    blind: bool = False,
) -> Report:
    """Write the report of one or several runs (as `store.find_run` takes them), finished or not.

    ``changed`` tells what a run changed of recipe and rules, for claims. Default folder: ``report`` in the run's own,
    or ``reports/<time>`` for several runs. ``mixed`` as in `open_evidence`. ``blind``: no folders,
    command lines, hosts or users in it, which holds of blind runs without asking. Raises InputError for what is no run
    folder, StoreError for damaged files.
    """
    opened = list({run.folder.resolve(): run for run in map(find_run, runs)}.values())
    folder = out or (
        opened[0].folder / "report" if len(opened) == 1 else Path("reports") / time.strftime("%Y%m%d-%H%M%S")
    )
    figures = folder / "figures"
    sources = sources_of(opened, changed, mixed, blind)
    matrices = aside.start([s for s in sources.clean if s.role != FLOOR][:DRAWN_FIRST], figures)
    with matrices:
        content = content_of(sources, figures)
        for texts_of in TEXTS:
            for name, text in texts_of(sources, content).items():
                write_bytes(folder / name, text.encode())
    notes = _notes(sources.evidence, content, sum(s.role != FLOOR for s in sources.clean))
    return Report(folder, folder / "report.html", tuple(notes))


def _page(sources: Sources, content: Content) -> Mapping[str, str]:
    return {"report.html": html(content)}


def _scores(sources: Sources, content: Content) -> Mapping[str, str]:
    """The tables of scores, alone as CSV, and within the Markdown of the whole report."""
    evidence = sources.evidence
    document = tables.document(sources.scores, evidence.notes, sources.corpora)
    same = stability_table.document(evidence.records, evidence.predictions)
    text = render(document, "markdown") + "\n" + render(same, "markdown")
    return {"report.md": markdown(content, text), "scores.csv": render(document, "csv")}


def _lists(sources: Sources, content: Content) -> Mapping[str, str]:
    return {
        "speakers.csv": views.speakers_csv(sources.members),
        "claims.csv": claim_views.csv(content.claims.rows),
        "answers.csv": answer_views.csv(content.answers),
        "pairs.csv": pair_views.csv(content.pairs),
    }


def _latex(sources: Sources, content: Content) -> Mapping[str, str]:
    """Every table in a file of its own, and all in one document."""
    grids = [*boards([s for s in sources.scores if s.n_done]), *(t.grid for t in content.pairs.tables)]
    parts = [table(grid) for grid in grids]
    files = {f"tables/table-{k}.tex": part for k, part in enumerate(parts, start=1)}
    return {"tables.tex": whole(parts), **files}


#: what makes the texts of a report: names of files -> what is in them
TEXTS: tuple[Callable[[Sources, Content], Mapping[str, str]], ...] = (_page, _scores, _lists, _latex)


def _notes(evidence: Evidence, content: Content, n_clean: int) -> list[str]:
    notes = [evidence.incomplete] if evidence.incomplete else []
    if n_clean > DRAWN_FIRST:
        notes.append(f"{DRAWN_FIRST} of {n_clean} confusion matrices are drawn as files; the page has them all")
    if left := sum(clips is None for clips in content.clips.of):
        notes.append(f"the clips of {left} scores are left out of the page to keep it small")
    return notes
