"""`serbench models`: list, show, check."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .forms import columns, form_options, print_document

if TYPE_CHECKING:
    from ..checks.model_check import CheckOutcome

NARROWEST = 60  # columns for which text is made
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def models() -> None:
    """List, show and check models, built in and from plugins."""


@models.command("list")
@form_options(json="A list of objects, one per model.", csv="One line per model.")
def list_models(form: str | None) -> None:
    """All models: kind, origin, input, trainable parameters, profiles."""
    from ..checks.model_list import lines, listing
    from .lists import list_document

    rows = lines()
    shown = ("name", "kind", "input", "parameters", "profiles", "origin", "provider", "problem")
    document = list_document([asdict(row) for row in rows], shown, lambda width: listing(rows, width))
    print_document(document, form, columns(NARROWEST))


@models.command()
@click.argument("spec", metavar="[FILE.py:]NAME[:PROFILE][+VARIANT]")
@_json
def show(spec: str, as_json: bool) -> None:
    """Profiles, variants and every setting of a model, explained; with its size and values as it is written."""
    from ...baselines.registry import choose
    from ..checks.model_list import facts, page

    choice = choose(spec)
    click.echo(json.dumps(facts(choice), indent=1) if as_json else page(choice, columns(NARROWEST)))


@models.command()
@click.argument("name", metavar="[FILE.py:]NAME")
@click.option(
    "--profile", "profiles", multiple=True, metavar="P", help="Profile; repeatable.  [default: tiny, or clean]"
)
@_json
def check(name: str, profiles: tuple[str, ...], as_json: bool) -> None:
    """Whether a model holds what every model must. Exit code 1 when not."""
    from ...baselines.registry import find, settings_of
    from ...errors import InputError
    from ..checks.model_check import outcomes, quick_profile
    from ..device import configure, resolve

    card = find(name)
    configure(resolve("auto"), "fp32", 0)  # as in a run: what cannot be repeated is an error
    results = []
    for profile in profiles or (quick_profile(card),):
        if missing := card.needs(settings_of(card, profile)):
            raise InputError(f"{card.name}:{profile} cannot be checked here: {missing}")
        if not as_json:
            click.echo(f"{card.name}:{profile}")
        for outcome in outcomes(card, profile):
            results.append({"profile": profile, **asdict(outcome)})
            if not as_json:
                click.echo(_lines(outcome))
    failed = sum(outcome["problem"] is not None for outcome in results)
    if as_json:
        click.echo(json.dumps(results, indent=1))
    else:
        n_run = sum(outcome["not_run"] is None for outcome in results)
        left = f", {len(results) - n_run} not run" if n_run < len(results) else ""
        click.echo((f"{failed} of {n_run} checks failed" if failed else f"all {n_run} checks hold") + left)
    raise SystemExit(1 if failed else 0)


def _lines(outcome: "CheckOutcome") -> str:
    """A check, and what failed."""
    from ..checks.model_check import FIRST
    from ..checks.model_list import hanging

    mark = "not run" if outcome.not_run else "ok" if outcome.problem is None else "FAILED"
    lines = hanging(f"  {mark:7}  {outcome.check:11} ", outcome.demands, columns(NARROWEST))
    if words := outcome.problem or outcome.not_run:
        lines += "\n" + hanging(" " * 23, words, columns(NARROWEST))
        if outcome.problem and outcome.check in FIRST:
            lines += "\n  The other checks stand on this one and were not run."
    return lines
