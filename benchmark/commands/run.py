"""`serbench run` and `serbench plan`: the same options, so that what is planned is what would run."""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .forms import columns, form_options, print_document

if TYPE_CHECKING:
    from ..planning.options import RunOptions
    from ..running.run import RunSummary

#: options that say what is to be run
_WHAT = (
    click.argument("study", required=False, metavar="[STUDY]"),
    click.option("--protocol", metavar="P", help="Protocol, or FILE.py; see `serbench protocols list`."),
    click.option("--quick", is_flag=True, help="The quick form of a study."),
    click.option(
        "--frozen", type=click.Path(path_type=Path), metavar="FILE", help="Plan of `studies freeze` to hold to."
    ),
    click.option("--model", multiple=True, metavar="M", help="[FILE.py:]model[:profile][+variant]; repeatable."),
    click.option("--corpus", multiple=True, metavar="C[=DIR]", help="Corpus, or CSV table; repeatable."),
    click.option("--seeds", type=int, metavar="N", help="Trainings per fold.  [default: 1, or as the study has it]"),
    click.option("--label-map", type=click.Path(path_type=Path), metavar="FILE", help="A label map of your own."),
    click.option(
        "--allow-pair",
        multiple=True,
        metavar="A=B|FILE",
        help="Clips that are no copies, whatever the sound; repeatable.",
    ),
    click.option("--distinct", is_flag=True, help="Names such as 03 and 3 are two; else they count as one."),
    click.option("--set", multiple=True, metavar="KEY=VALUE", help="Setting, as mfcc-attention.lr=3e-4; repeatable."),
)
#: options that say how and where to
_HOW = (
    click.option(
        "--jobs", type=int, metavar="N", help="Trainings at a time.  [default: a core each for networks on the CPU]"
    ),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1."),
    click.option("--precision", default="fp32", show_default=True, help="fp32, tf32 or bf16."),
    click.option(
        "--out", type=click.Path(path_type=Path), metavar="DIR",
        help="Run folder.  [default: runs/<protocol or study>-<time>]",
    ),
    click.option("--again", is_flag=True, help="Train anew, in a new run folder."),
    click.option("--blind", is_flag=True, help="No folders, command lines, hosts or users in the run folder."),
    click.option("--keep-weights", is_flag=True, help="Keep the weights of every training."),
)  # fmt: skip


def _with_options(command: "Callable[..., None]") -> Callable[..., None]:
    """Give a command all of these options, as `RunOptions`."""

    @wraps(command)
    def with_options(**values: Any) -> None:
        from dataclasses import fields

        from ..planning.options import RunOptions

        options = RunOptions(**{field.name: values.pop(field.name) for field in fields(RunOptions)})
        command(options, **values)

    for option in reversed((*_WHAT, *_HOW)):
        with_options = option(with_options)
    return with_options


@click.command()
@_with_options
@form_options(json="An object; of several protocols or maps a list.", csv="One line per train, test and arm.")
def plan(options: "RunOptions", form: str | None) -> None:
    """What would run, counted, with the reason for everything left out. STUDY or --protocol says of what.

    Says the smallest difference of two models that could be seen, from the models in the run folder where it holds two.
    """
    from ..planning.summary import plan
    from .plan_text import document

    preview = plan(options, bars=True)
    for note in preview.notes:
        click.echo(f"Note: {note}", err=True)
    print_document(document(preview), form)


@click.command()
@_with_options
@click.option("--json", "as_json", is_flag=True, help="Machine-readable: the table, and what a study's tests say.")
def run(options: "RunOptions", as_json: bool) -> None:
    """Run models on corpora under a protocol, or a study, then print the table.

    STUDY is the name of one that ships (`serbench studies list`) or the path of a file; after the table come its
    question, the tests that answer it, and what they say in words. --model, --corpus and --seeds replace what it has,
    --set adds to it. Finished cells are kept whatever happens; the same command goes on from there.
    """
    from ..api.terminal_progress import TerminalProgress
    from ..running.run import run
    from .study_answer import study_text

    summary = run(options, TerminalProgress())
    if as_json:
        click.echo(_json(summary))
        raise SystemExit(0 if summary.succeeded else 1)
    _show(summary)
    if summary.study is not None:
        click.echo("\n" + study_text(summary.study, summary.run, columns()), nl=False)
    raise SystemExit(0 if summary.succeeded else 1)


def _json(summary: "RunSummary") -> str:
    """The table as `show --json` has it, and the answers of a study, else null."""
    from ...results.reports.run_files import write_tables
    from ...results.text.forms import render
    from ..running.answers import answers

    table = json.loads(render(write_tables(summary.run).document(), "json"))
    study = None if summary.study is None else answers(summary.study, summary.run).data()
    return json.dumps({"table": table, "study": study}, indent=1)


def _show(summary: "RunSummary") -> None:
    """The table, and every failure with the last line of its traceback."""
    from ...results.reports.run_files import write_tables

    folder = summary.folder
    print_document(write_tables(summary.run).document(), None)
    click.echo(f"tables and figures: {folder}/tables, {folder}/figures", err=True)
    for failure in summary.failures:
        click.echo(f"Failed: {failure.model}, {failure.cells} cells: {failure.error}", err=True)
    if summary.failed:
        click.echo(f"{summary.failed} cells failed; tracebacks in {folder}/records; all others are kept", err=True)
