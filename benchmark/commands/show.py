"""`serbench show`: the table of a run, also while it goes on."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...results.corpora import Corpora
    from ...results.scores import Score
    from ...results.store import Frames, Run


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--json", "form", flag_value="json", help="A list of objects, one per line of the table.")
@click.option("--csv", "form", flag_value="csv", help="One line per score and metric.")
@click.option("--markdown", "form", flag_value="markdown", help="Markdown.")
def show(run: str, form: str | None) -> None:
    """The table of RUN: a folder, the name of one in runs/, or `latest`."""
    from ...results import tables
    from ...results.scores import to_json
    from ...results.store import find_run

    scores, frames, corpora = scores_of(find_run(run))
    if form == "json":
        click.echo(json.dumps(to_json(scores), indent=1, allow_nan=False))
    elif form == "csv":
        click.echo(tables.csv(scores, corpora), nl=False)
    elif form == "markdown":
        click.echo(markdown_of(scores, frames, corpora), nl=False)
    else:
        click.echo(text_of(scores, frames, corpora), nl=False)


def scores_of(run: "Run") -> "tuple[list[Score], Frames, Corpora]":
    """The scores of a run as far as it has come, what they were computed from, and facts of its corpora."""
    from ...results.corpora import corpora_of
    from ...results.scores import scores

    frames = run.frames()
    return scores(frames.records, frames.predictions, frames.plan), frames, corpora_of([run])


def text_of(scores: "Sequence[Score]", frames: "Frames", corpora: "Corpora") -> str:
    """The table for a terminal, with the notes of the run below it."""
    from shutil import get_terminal_size

    from ...results import stability_table, tables

    width = min(max(get_terminal_size((100, 24)).columns, 80), 140)
    same = stability_table.terminal(frames.records, frames.predictions, width)
    return tables.terminal(scores, frames.notes, width, corpora) + same


def markdown_of(scores: "Sequence[Score]", frames: "Frames", corpora: "Corpora") -> str:
    """The table as Markdown, with the notes of the run below it."""
    from ...results import stability_table, tables

    same = stability_table.markdown(frames.records, frames.predictions)
    return tables.markdown(scores, frames.notes, corpora) + same


def write_tables(run: "Run") -> "tuple[list[Score], Frames, Corpora]":
    """Write `tables/` and `figures/` of a run folder; returns what they show."""
    from ...results import figures, tables
    from ...results.files import write_bytes
    from ...results.reports.pictures import draw_all, matrices

    scores, frames, corpora = scores_of(run)
    write_bytes(run.folder / "tables" / "table.md", markdown_of(scores, frames, corpora).encode())
    write_bytes(run.folder / "tables" / "table.csv", tables.csv(scores, corpora).encode())
    clean = [score for score in scores if score.condition == "clean"]
    figures.draw(clean, run.folder / "figures")
    if wanted := list(matrices(clean, corpora)):
        draw_all(wanted, run.folder / "figures")
    return scores, frames, corpora
