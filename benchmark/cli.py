"""The command line: one group; a command is imported when it is called."""

import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..errors import InputError, printable
from . import stopping

#: command -> the module that holds it under the same name, and the line that `--help` shows
COMMANDS = {
    "run": ("run", "Run models on corpora under a protocol; repeat the command to resume."),
    "plan": ("run", "What `run` would do: trials, folds, and the reason for everything left out."),
    "show": ("show", "The table of a run, also while it is still running."),
    "report": ("report", "Tables, figures and a page of one or several runs."),
    "compare": ("compare", "Paired tests of two models, as the protocol allows."),
    "score": ("score", "Metrics, intervals and tests for predictions made elsewhere."),
    "audit": ("audit", "The leaks of anybody's split: speakers, copies, identical audio."),
    "gate": ("gate", "Is a candidate worse than a base? For your own CI."),
    "verify": ("verify", "Can a run folder be believed? Every file read, every seal checked."),
    "query": ("query", "SQL over the results of a run."),
    "predict": ("predict", "A kept model on new audio files."),
    "tables": ("tables", "A paper's tables, published and measured side by side, with a verdict per number."),
    "corpora": ("corpora", "List, prepare, check and remove corpora."),
    "models": ("models", "List, show and check models."),
    "protocols": ("protocols", "List, show and check protocols, export their folds."),
    "studies": ("studies", "List and show studies: open questions, and what answers them."),
    "doctor": ("doctor", "What is installed, which device, what is missing for what."),
}


class _RaisedError(Exception):
    """Carries an error past click, which takes any end of file for Ctrl-C and a broken pipe for a failure."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class Commands(click.Group):
    """Imports a command's module when the command is asked for, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a user's way, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now; None lets click say that there is none, with the nearest name."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f".commands.{COMMANDS[name][0]}", __package__)
        command: click.Command = getattr(module, name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, past what click makes of errors that are not its own."""
        try:
            return super().invoke(ctx)
        except (EOFError, OSError, KeyboardInterrupt) as error:
            raise _RaisedError(error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="serbench", prog_name="serbench")
def cli() -> None:
    """Speech emotion recognition, evaluated under named protocols.

    Start with: serbench run --protocol cross-corpus
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point.

    Exit codes: 0 done; 1 it ran, and the answer is no; 2 wrong usage or input, said in one line; 70 a fault of
    serbench; 130 and 143 interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a locale that cannot print a character
    with stopping.stoppable():
        try:
            code = _exit_code(arguments)
        except KeyboardInterrupt as error:  # while it was said how another error ended it
            code = stopping.exit_code(error)
        sys.exit(code)


def _exit_code(arguments: Sequence[str] | None) -> int:
    """Run a command; what it raises becomes a line on the error output and an exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if odd := [word for word in words if "\0" in word]:
            raise InputError(f"{odd[0]!r}: no path and no name has a NUL byte in it")
        code = cli.main(args=arguments, prog_name="serbench", standalone_mode=False)
        sys.stdout.flush()
    except _RaisedError as raised:
        return _code_of(raised.error)
    except BaseException as error:
        return _code_of(error)
    return code if isinstance(code, int) else 0


def _code_of(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt):
        click.echo(stopping.STOPPED, err=True)
        return stopping.exit_code(error)
    if isinstance(error, BrokenPipeError):  # the reader of our output has seen enough
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)  # else the interpreter complains at its end
        return 0
    if isinstance(error, InputError):
        click.echo(f"Error: {printable(str(error))}", err=True)
        return 2
    if isinstance(error, OSError) and error.errno is not None:
        click.echo(f"Error: {printable(str(error.filename or 'this machine'))}: {error.strerror}", err=True)
        return 2
    stopping.report_fault(error)
    return stopping.FAULT
