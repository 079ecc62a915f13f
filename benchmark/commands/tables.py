"""`serbench tables`: the tables of a paper, published and measured side by side, with a verdict per number."""

import json

import click


@click.command()
@click.option("--paper", required=True, metavar="NAME", help="sigwavnet, mfcc-attention, cnn-n-gru or wavfusion.")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--json", "form", flag_value="json", help="Everything, with sources and intervals.")
@click.option("--csv", "form", flag_value="csv", help="One line per value.")
@click.option("--latex", "form", flag_value="latex", help="Tables for a document that uses booktabs.")
@click.option("--markdown", "form", flag_value="markdown", help="Markdown.")
def tables(paper: str, runs: tuple[str, ...], form: str | None) -> None:
    """The published tables of a paper beside RUNs: folders, names of some in runs/, or `latest`.

    A verdict is given where classes, corpus size, recipe and rules are the published ones; a run with other settings
    is shown, and not comparable. Without a RUN: the published values, and what to run.
    """
    from shutil import get_terminal_size

    from ...baselines.registry import cards
    from ...protocols.parts import catalog
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.replays import replays
    from ...results.evidence.store import find_run
    from ...results.papers import paper_data
    from ...results.papers.claims import published
    from ...results.papers.paper_tables import build
    from ...results.text import paper_text
    from ..planning.recipes import changed

    known = published(paper)
    evidence = open_evidence([find_run(run) for run in runs]) if runs else None
    for note in evidence.notes if evidence else ():
        click.echo(f"Note: {note}", err=True)
    made = build(known, replays(evidence) if evidence else [], catalog.protocols(), cards(), changed)
    if form == "json":
        click.echo(json.dumps(paper_data.to_json(made), indent=1, allow_nan=False, ensure_ascii=False))
    elif form == "csv":
        click.echo(paper_data.csv(made), nl=False)
    elif form == "latex":
        click.echo(paper_text.latex(made), nl=False)
    elif form == "markdown":
        click.echo(paper_text.markdown(made), nl=False)
    else:
        width = min(max(get_terminal_size((100, 24)).columns, 80), 140)
        click.echo(paper_text.terminal(made, width), nl=False)
