"""The command line: one group; a command is imported when it is called."""

import importlib
import sys
from collections.abc import Sequence

import click

from ..errors import InputError

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
    "query": ("query", "SQL over the results of a run."),
    "predict": ("predict", "A kept model on new audio files."),
    "tables": ("tables", "A paper's tables, published and measured side by side, with a verdict per number."),
    "corpora": ("corpora", "List, prepare, check and remove corpora."),
    "models": ("models", "List, show and check models."),
    "protocols": ("protocols", "List, show and check protocols, export their folds."),
    "studies": ("studies", "List and show studies: open questions, and what answers them."),
    "doctor": ("doctor", "What is installed, which device, what is missing for what."),
}


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
    """Entry point. Exit codes: 0 done; 1 it ran, and the answer is no; 2 wrong usage or input, said in one line."""
    try:
        code = cli.main(args=arguments, prog_name="serbench", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What is finished is kept; the same command goes on from there.", err=True)
        sys.exit(130)
    except InputError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        click.echo(f"Error: {error.filename or 'this machine'}: {error.strerror or error}", err=True)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
