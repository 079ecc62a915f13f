"""`serbench show`: the table of runs, also while they go on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from .forms import form_options, print_document

if TYPE_CHECKING:
    from ...results.evidence.corpora import Corpora
    from ...results.evidence.evidence import Evidence
    from ...results.evidence.scores import Score
    from ...results.evidence.store import Run
    from ...results.questions.ladder import Ladder
    from ...results.text.grids import Document

    Shown = tuple[list[Score], Evidence, Corpora, list[Ladder]]


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@form_options(json="A list of objects, one per line of the table.", csv="One line per score and metric.")
def show(runs: tuple[str, ...], form: str | None) -> None:
    """The table of RUN: a folder, the name of one in runs/, or `latest`; several are read as one."""
    from ...results.evidence.store import find_run

    print_document(document_of(*shown_of([find_run(run) for run in runs])), form)


def shown_of(runs: "Sequence[Run]") -> "Shown":
    """The scores of runs as far as they have come, what they are computed from, facts of their corpora, ladders."""
    from ...results.evidence.corpora import corpora_of
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.scores import scores
    from ...results.text import ladder_table

    evidence = open_evidence(runs)
    steps = ladder_table.found(evidence.records, evidence.predictions, evidence.plan, evidence.siblings)
    return scores(evidence.records, evidence.predictions, evidence.plan), evidence, corpora_of(evidence.runs), steps


def document_of(
    scores: "Sequence[Score]", evidence: "Evidence", corpora: "Corpora", ladders: "Sequence[Ladder]"
) -> "Document":
    """The table with the notes of the run, ladders, and answers that stay the same; other forms have the scores."""
    from ...results.text import ladder_table, stability_table, tables

    table = tables.document(scores, evidence.notes, corpora)
    below = (ladder_table.document(ladders), stability_table.document(evidence.records, evidence.predictions))
    return replace(table, text=lambda width: [p for part in (table, *below) for p in part.text(width)])


def write_tables(run: "Run") -> "Shown":
    """Write `tables/` and `figures/` of a run folder; returns what they show."""
    from ...results.evidence.files import write_bytes
    from ...results.reports import figures
    from ...results.reports.pictures import draw_all, ladder_pictures, matrices
    from ...results.text.forms import render

    shown = shown_of([run])
    scores, _, corpora, steps = shown
    for form, ending in (("markdown", "md"), ("csv", "csv")):
        write_bytes(run.folder / "tables" / f"table.{ending}", render(document_of(*shown), form).encode())
    clean = [score for score in scores if score.condition == "clean"]
    figures.draw(clean, run.folder / "figures")
    if wanted := [*matrices([] if steps else clean, corpora), *ladder_pictures(steps)]:
        draw_all(wanted, run.folder / "figures")
    return shown
