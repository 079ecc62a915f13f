"""`serbench show`: the table of runs, also while they go on."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...results.evidence.corpora import Corpora
    from ...results.evidence.evidence import Evidence
    from ...results.evidence.scores import Score
    from ...results.evidence.store import Run
    from ...results.questions.ladder import Ladder

    Shown = tuple[list[Score], Evidence, Corpora, list[Ladder]]


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--json", "form", flag_value="json", help="A list of objects, one per line of the table.")
@click.option("--csv", "form", flag_value="csv", help="One line per score and metric.")
@click.option("--markdown", "form", flag_value="markdown", help="Markdown.")
@click.option("--latex", "form", flag_value="latex", help="Tables (booktabs) for a document.")
def show(runs: tuple[str, ...], form: str | None) -> None:
    """The table of RUN: a folder, the name of one in runs/, or `latest`; several are read as one."""
    from ...results.evidence.scores import to_json
    from ...results.evidence.store import find_run
    from ...results.text import tables

    shown = shown_of([find_run(run) for run in runs])
    scores, _, corpora, _ = shown
    if form == "json":
        click.echo(json.dumps(to_json(scores), indent=1, allow_nan=False))
    elif form == "csv":
        click.echo(tables.csv(scores, corpora), nl=False)
    elif form == "markdown":
        click.echo(markdown_of(*shown), nl=False)
    elif form == "latex":
        from ...results.text import latex  # with it come pictures, which nothing else here needs

        click.echo("\n".join(latex.tables([score for score in scores if score.n_done])), nl=False)
    else:
        click.echo(text_of(*shown), nl=False)


def shown_of(runs: "Sequence[Run]") -> "Shown":
    """The scores of runs as far as they have come, what they are computed from, facts of their corpora, ladders."""
    from ...results.evidence.corpora import corpora_of
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.scores import scores
    from ...results.text import ladder_table

    evidence = open_evidence(runs)
    steps = ladder_table.found(evidence.records, evidence.predictions, evidence.plan, evidence.siblings)
    return scores(evidence.records, evidence.predictions, evidence.plan), evidence, corpora_of(evidence.runs), steps


def text_of(scores: "Sequence[Score]", evidence: "Evidence", corpora: "Corpora", ladders: "Sequence[Ladder]") -> str:
    """The table for a terminal, with the notes of the run below it, ladders, and answers that stay the same."""
    from shutil import get_terminal_size

    from ...results.text import ladder_table, stability_table, tables

    width = min(max(get_terminal_size((100, 24)).columns, 80), 140)
    same = stability_table.terminal(evidence.records, evidence.predictions, width)
    return tables.terminal(scores, evidence.notes, width, corpora) + ladder_table.terminal(ladders, width) + same


def markdown_of(
    scores: "Sequence[Score]", evidence: "Evidence", corpora: "Corpora", ladders: "Sequence[Ladder]"
) -> str:
    """The same as Markdown."""
    from ...results.text import ladder_table, stability_table, tables

    same = stability_table.markdown(evidence.records, evidence.predictions)
    return tables.markdown(scores, evidence.notes, corpora) + ladder_table.markdown(ladders) + same


def write_tables(run: "Run") -> "Shown":
    """Write `tables/` and `figures/` of a run folder; returns what they show."""
    from ...results.evidence.files import write_bytes
    from ...results.reports import figures
    from ...results.reports.pictures import draw_all, ladder_pictures, matrices
    from ...results.text import tables

    shown = shown_of([run])
    scores, _, corpora, steps = shown
    write_bytes(run.folder / "tables" / "table.md", markdown_of(*shown).encode())
    write_bytes(run.folder / "tables" / "table.csv", tables.csv(scores, corpora).encode())
    clean = [score for score in scores if score.condition == "clean"]
    figures.draw(clean, run.folder / "figures")
    if wanted := [*matrices([] if steps else clean, corpora), *ladder_pictures(steps)]:
        draw_all(wanted, run.folder / "figures")
    return shown
