"""`serbench models`: list, show, check."""

import json
from dataclasses import asdict

import click

_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.group()
def models() -> None:
    """List, show and check models, built in and from plugins."""


@models.command("list")
@_json
def list_models(as_json: bool) -> None:
    """All models: kind, origin, input, trainable parameters, profiles."""
    from ..model_list import lines, listing

    found = lines()
    click.echo(json.dumps([asdict(line) for line in found], indent=1) if as_json else listing(found))


@models.command()
@click.argument("name")
@_json
def show(name: str, as_json: bool) -> None:
    """Profiles, variants and every setting of a model, explained."""
    from ...baselines.registry import find
    from ..model_list import facts, page

    card = find(name)
    click.echo(json.dumps(facts(card), indent=1) if as_json else page(card))


@models.command()
@click.argument("name")
@click.option(
    "--profile", "profiles", multiple=True, metavar="P", help="Profile; repeatable.  [default: tiny, or clean]"
)
@_json
def check(name: str, profiles: tuple[str, ...], as_json: bool) -> None:
    """Whether a model holds what every model must. Exit code 1 when not."""
    from ...baselines.registry import find
    from ..model_check import outcomes, quick_profile

    card = find(name)
    failed, found = 0, []
    for profile in profiles or (quick_profile(card),):
        if not as_json:
            click.echo(f"{card.name}:{profile}")
        for outcome in outcomes(card, profile):
            found.append({"profile": profile, **asdict(outcome)})
            failed += outcome.problem is not None
            if not as_json:
                click.echo(
                    f"  {'ok    ' if outcome.problem is None else 'FAILED'}  {outcome.check:11} {outcome.demands}"
                )
            if not as_json and outcome.problem is not None:
                click.echo(f"          {'':11} {outcome.problem}")
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo(f"{failed} of {len(found)} checks failed" if failed else f"all {len(found)} checks hold")
    raise SystemExit(1 if failed else 0)
