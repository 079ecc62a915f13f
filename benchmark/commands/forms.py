"""Options of several commands: the form in which one prints, for each file in `results/text/forms`, and --mixed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ...results.text import forms

if TYPE_CHECKING:
    from ...results.text.grids import Document

Command = Callable[..., Any]


#: for every command that reads runs
mixed_option = click.option("--mixed", is_flag=True, help="Pool cells of several devices or precisions in one score.")


def form_options(**texts: str) -> Callable[[Command], Command]:
    """``--json``, ``--csv`` and so on, as the parameter ``form``; ``texts``: help of some for this command."""

    def decorate(command: Command) -> Command:
        for name in reversed([name for name in forms.names() if name != forms.SCREEN]):
            text = texts.get(name) or forms.summary(name)
            command = click.option(f"--{name}", "form", flag_value=name, help=text)(command)
        return command

    return decorate


def print_document(document: "Document", form: str | None, width: int | None = None) -> None:
    """Print it; for a terminal as wide as this one, 80 to 140 columns, or ``width``."""
    click.echo(forms.render(document, form, width or columns()), nl=False)


def columns(least: int = 80) -> int:
    """Width of this terminal, as far as text is comfortable to read."""
    from shutil import get_terminal_size

    return min(max(get_terminal_size((100, 24)).columns, least), 140)
