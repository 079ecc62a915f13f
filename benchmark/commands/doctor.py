"""`serbench doctor`."""

import json
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..checks.diagnosis import Fact

_STYLE = {"ok": "green", "note": "yellow", "missing": "bold red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--constraints", is_flag=True, help="Print the versions that were tested together, for pip install -c.")
def doctor(as_json: bool, constraints: bool) -> None:
    """What is installed, which device, what is missing for what. Exit code 1 when something needed is missing."""
    from ..checks.diagnosis import facts

    if constraints:
        click.echo((files("serbench") / "constraints.txt").read_text(encoding="utf-8"), nl=False)
        return

    lines = facts()
    fine = all(line.state != "missing" for line in lines)
    if as_json:
        click.echo(json.dumps({"ok": fine, "checks": [asdict(line) for line in lines]}, indent=1))
    else:
        _show(lines, fine)
    raise SystemExit(0 if fine else 1)


def _show(facts: "list[Fact]", fine: bool) -> None:
    """One line per fact, never broken, so that it can be searched and pasted."""
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    width = max(len(fact.name) for fact in facts)
    group = ""
    for fact in facts:
        if fact.group != group:
            group = fact.group
            console.print(Text(f"\n{group}" if fact is not facts[0] else group, style="bold"))
        line = Text(f"  {fact.name:{width}}  ").append(f"{fact.state:8}", _STYLE[fact.state]).append(fact.value)
        console.print(line.append(f"; {fact.hint}" if fact.hint else "", "cyan"))
    console.print()
    console.print("Everything needed is here." if fine else "Something needed is missing: see the lines above.")
