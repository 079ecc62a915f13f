"""`serbench report`: tables, figures and the page of one or several runs."""

import sys
from pathlib import Path

import click

from .forms import mixed_option


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Report folder.  [default: report in the run folder; reports/<time> for several runs]",
)  # fmt: skip
@click.option(
    "--open", "opened", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True,
    help="Show the page in a browser; auto: where a person sits at this terminal.",
)  # fmt: skip
@click.option("--blind", is_flag=True, help="No folders, command lines, hosts or users in it; so for blind runs.")
@mixed_option
def report(runs: tuple[str, ...], out: Path | None, opened: str, blind: bool, mixed: bool) -> None:
    """Write Markdown, CSV, LaTeX, figures and one HTML page of RUN..., finished or still going on.

    Each RUN is a folder, the name of one in runs/, or `latest`. Several runs make one report.
    """
    from ..api.questions import report as write

    files = write(runs, out, mixed=mixed, blind=blind)
    for note in files.notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(str(files.page))
    if opened == "yes" or (opened == "auto" and _somebody_looks()):
        click.launch(str(files.page))


def _somebody_looks() -> bool:
    """A terminal with a screen behind it; not a pipe, a remote shell or a scheduled job."""
    import os

    screen = sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and screen
