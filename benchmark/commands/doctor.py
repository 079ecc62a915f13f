"""`serbench doctor`."""

import json
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..checks.diagnosis import Check

_STYLE = {"ok": "green", "note": "yellow", "missing": "bold red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--constraints", is_flag=True, help="Print the versions that were tested together, for pip install -c.")
def doctor(as_json: bool, constraints: bool) -> None:
    """What is installed, which device, what is missing for what. Exit code 1 when something needed is missing."""
    from ..checks.diagnosis import checks

    if constraints:
        click.echo((files("serbench") / "constraints.txt").read_text(encoding="utf-8"), nl=False)
        return

    found = checks()
    fine = all(check.state != "missing" for check in found)
    if as_json:
        click.echo(json.dumps({"ok": fine, "checks": [asdict(check) for check in found]}, indent=1))
    else:
        _show(found, fine)
    raise SystemExit(0 if fine else 1)


def _show(found: "list[Check]", fine: bool) -> None:
    """One line per check, never broken, so that it can be searched and pasted."""
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    width = max(len(check.name) for check in found)
    group = ""
    for check in found:
        if check.group != group:
            group = check.group
            console.print(Text(f"\n{group}" if check is not found[0] else group, style="bold"))
        line = Text(f"  {check.name:{width}}  ").append(f"{check.state:8}", _STYLE[check.state]).append(check.value)
        console.print(line.append(f"; {check.hint}" if check.hint else "", "cyan"))
    console.print()
    console.print("Everything needed is here." if fine else "Something needed is missing: see the lines above.")
