"""`serbench studies`: list and show."""

import json
from dataclasses import asdict

import click

from .forms import columns, form_options, print_document

NARROWEST = 60  # columns for which text is made
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def studies() -> None:
    """List and show studies: questions with the protocol, models and test that answer them."""


@studies.command("list")
@form_options(json="A list of objects, one per study.", csv="One line per study.")
def list_studies(form: str | None) -> None:
    """Every study that ships: its question, its protocol, and what is missing here to run it."""
    from ...protocols.parts.studies import load, names
    from ..checks.study_list import line_of, listing
    from .lists import list_document

    lines = [line_of(load(name)) for name in names()]
    facts = [{**asdict(line), "runs": line.runs} for line in lines]
    shown = ("name", "question", "protocol", "models", "corpora", "runs")
    document = list_document(facts, shown, lambda width: listing(lines, width))
    print_document(document, form, columns(NARROWEST))


@studies.command()
@click.argument("name")
@_json
def show(name: str, as_json: bool) -> None:
    """Everything about a study: question, arms, tests, counts of its plans, and the commands that run it.

    NAME is that of one that ships, or the path of a file.
    """
    from ...protocols.parts.studies import find
    from ..checks.study_list import facts, page
    from ..planning.study import check_names, check_study

    study = find(name)
    forms = check_study(study)
    if not study.missing:
        for request in forms.values():
            check_names(request)
    click.echo(json.dumps(facts(forms), indent=1) if as_json else page(forms, columns(NARROWEST)))
