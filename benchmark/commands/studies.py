"""`serbench studies`: list, show and freeze."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from .forms import columns, form_options, print_document

NARROWEST = 60  # columns for which text is made
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def studies() -> None:
    """List, show and freeze studies: questions with the protocol, models and test that answer them."""


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


@studies.command()
@click.argument("study")
@click.option("--quick", is_flag=True, help="The quick form of a study.")
@click.option("--model", multiple=True, metavar="M", help="[FILE.py:]model[:profile][+variant]; repeatable.")
@click.option("--corpus", multiple=True, metavar="C[=DIR]", help="Corpus, or CSV table; repeatable.")
@click.option("--seeds", type=int, metavar="N", help="Trainings per fold.  [default: as the study has it]")
@click.option("--set", multiple=True, metavar="KEY=VALUE", help="Setting, as mfcc-attention.lr=3e-4; repeatable.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="A new file.  [default: STUDY-frozen.toml]"
)
def freeze(
    study: str,
    quick: bool,
    model: tuple[str, ...],
    corpus: tuple[str, ...],
    seeds: int | None,
    set: tuple[str, ...],
    out: Path | None,
) -> None:
    """Write the plan of a study, dated and hashed, before it is run.

    `serbench run STUDY --frozen FILE` then runs it as it was planned, and its answer says whether it was followed.
    """
    from ...protocols.parts.studies import find
    from ..planning.options import RunOptions
    from ..planning.options import freeze as freeze_study

    path = out or Path(f"{find(study).name}-frozen.toml")
    plan = freeze_study(RunOptions(study, quick=quick, model=model, corpus=corpus, seeds=seeds, set=set), path)
    click.echo(f"{path}: plan of {plan.study}, frozen on {plan.date}, SHA-256 {plan.sha256}")
