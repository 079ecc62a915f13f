"""`serbench show`: the table of runs, also while they go on."""

import click

from .forms import form_options, mixed_option, print_document


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@mixed_option
@form_options(json="A list of objects, one per line of the table.", csv="One line per score and metric.")
def show(runs: tuple[str, ...], mixed: bool, form: str | None) -> None:
    """The table of RUN: a folder, the name of one in runs/, or `latest`; several are read as one."""
    from ..api.results import load

    print_document(load(*runs, mixed=mixed).table.document, form)
