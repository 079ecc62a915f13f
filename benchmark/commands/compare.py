"""`serbench compare`: two models, tested as the protocol allows."""

import json

import click


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--metric", default="uar", show_default=True, help="uar, wa, macro_f1, weighted_f1, or another name.")
@click.option("--json", "form", flag_value="json", help="A list of objects, one per task.")
@click.option("--csv", "form", flag_value="csv", help="One line per task.")
@click.option("--latex", "form", flag_value="latex", help="A table (booktabs) per protocol.")
def compare(runs: tuple[str, ...], a: str, b: str, metric: str, form: str | None) -> None:
    """Compare models A and B on every task of RUN that both have.

    RUN is a folder, the name of one in runs/, or `latest`; several are read as one. A model is named as in the
    tables: functionals-svm, or 'sigwavnet [no-gru]' for an arm. Differences are A minus B; the main test is the one
    that holds for the protocol, p is corrected over the tasks, and a test that does not hold is refused.
    """
    from ...results.metrics import find
    from ...results.statistics import comparison_text
    from ...results.statistics.compare import compare as compare_models
    from ...results.statistics.entries import joined
    from ...results.store import find_run

    frames = joined([find_run(run) for run in runs])
    for note in frames.notes:
        click.echo(f"Note: {note}", err=True)
    found = compare_models(frames.records, frames.predictions, a, b, find(metric))
    if form == "json":
        click.echo(json.dumps(comparison_text.to_json(found), indent=1, allow_nan=False))
    elif form == "csv":
        click.echo(comparison_text.csv(found), nl=False)
    elif form == "latex":
        click.echo(comparison_text.latex(found), nl=False)
    else:
        click.echo(comparison_text.terminal(found), nl=False)
