"""`serbench studies`: list and show."""

import json
from dataclasses import asdict

import click

_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def studies() -> None:
    """List and show studies: questions with the protocol, models and test that answer them."""


@studies.command("list")
@_json
def list_studies(as_json: bool) -> None:
    """Every study that ships: its question, its protocol, and what is missing here to run it."""
    from ...protocols.parts.studies import load, names
    from ..checks.study_list import line_of, listing
    from .models import columns

    lines = [line_of(load(name)) for name in names()]
    if as_json:
        click.echo(json.dumps([{**asdict(line), "runs": line.runs} for line in lines], indent=1))
    else:
        click.echo(listing(lines, columns()))


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
    from .models import columns

    study = find(name)
    forms = check_study(study)
    if not study.missing:
        for request in forms.values():
            check_names(request)
    click.echo(json.dumps(facts(forms), indent=1) if as_json else page(forms, columns()))
