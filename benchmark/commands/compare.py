"""`serbench compare`: two models, tested as the protocol allows, or any other test of what runs hold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from .forms import form_options, print_document

if TYPE_CHECKING:
    from ...results.questions.answer_lines import Block

COMPARED = 80  # columns of what is said of two models
HELP = """Compare models A and B on every task of RUN that both have; with --test, ask one question of all of RUN.

RUN is a folder, the name of one in runs/, or `latest`; several are read as one, also while they go on. A model is named
as in the tables: functionals-svm, or 'sigwavnet [no-gru]' for an arm. Differences are A minus B; the main test is the
one that holds for the protocol, p is corrected over the tasks, and a test that does not hold is refused.

With --test NAME there are no A and B, and p is corrected over all lines. Arms are held against the arm `base` where a
model has several, models against each other; --base names another arm or model, --levels limits and orders them:

\b
  serbench compare latest functionals-svm mfcc-attention
  serbench compare latest --test friedman
  serbench compare latest --test page --levels 'cnn-3-gru;cnn-5-gru;cnn-11-gru;cnn-18-gru'
  serbench compare latest --test protocol-effect --csv

\b
Tests:
"""


class WithTests(click.Command):
    """The help is made when it is asked for: the tests are described where they are made."""

    def get_help(self, ctx: click.Context) -> str:
        """The help text, with the tests."""
        from ...results.text.answer_text import explained

        self.help = HELP + explained(74)
        return super().get_help(ctx)


@click.command(cls=WithTests)
@click.argument("runs", metavar="RUN... [A B]", nargs=-1, required=True)
@click.option("--metric", default="uar", show_default=True, help="By any of its names, which `serbench score` lists.")
@click.option("--test", metavar="NAME", help="One of the tests above, of everything that RUN holds.")
@click.option("--base", default="", metavar="ARM|MODEL", help="The reference arm or model, for --test.")
@click.option("--levels", default="", metavar="L;L;...", help="Arms, models or conditions in order, for --test.")
@click.option(
    "--blocks",
    type=click.Choice(["speaker", "corpus"]),
    default="speaker",
    show_default=True,
    help="What friedman and page rank within.",
)
@click.option(
    "--level",
    type=click.FloatRange(0.5, 0.9999),
    default=0.95,
    show_default=True,
    help="Of intervals; a test that so few differences cannot bring to it is refused.",
)
@form_options(csv="One line per comparison.")
def compare(
    runs: tuple[str, ...],
    metric: str,
    test: str | None,
    base: str,
    levels: str,
    blocks: "Block",
    level: float,
    form: str | None,
) -> None:  # the help is made by the class
    """Compare models, arms, conditions or protocols."""
    from ...errors import InputError

    if test is not None:
        ordered = [name.strip() for name in levels.split(";") if name.strip()]
        _ask(runs, (metric, test, base, ordered), blocks, level, form)
    elif base or levels or blocks != "speaker":
        raise InputError("compare: --base, --levels and --blocks belong to --test NAME")
    elif len(runs) < 3:
        raise InputError("compare: give RUN A B, two models as the tables name them, or RUN --test NAME")
    else:
        _two(runs[:-2], runs[-2], runs[-1], metric, level, form)


def _two(runs: Sequence[str], a: str, b: str, metric: str, level: float, form: str | None) -> None:
    """Two models on every task."""
    from ...errors import InputError
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.store import find_run
    from ...results.questions.compare import compare as compare_models
    from ...results.statistics.metrics import Metric
    from ...results.statistics.probabilities import find_any
    from ...results.text import comparison_text

    chosen = find_any(metric)
    if not isinstance(chosen, Metric):
        asked = f"serbench compare {' '.join(runs)} --test probabilities --metric {chosen.name} --base '{b}'"
        raise InputError(f"metric {chosen.name}: of probabilities, which have intervals of their differences: {asked}")
    evidence = open_evidence([find_run(run) for run in runs])
    for note in evidence.notes:
        click.echo(f"Note: {note}", err=True)
    comparisons = compare_models(evidence.records, evidence.predictions, a, b, chosen, level)
    print_document(comparison_text.document(comparisons), form, COMPARED)


def _ask(
    runs: Sequence[str],
    question: tuple[str, str, str, list[str]],
    blocks: "Block",
    level: float,
    form: str | None,
) -> None:
    """One test of everything."""
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.store import find_run
    from ...results.questions.answers import answer
    from ...results.text import answer_text

    evidence = open_evidence([find_run(run) for run in runs])
    for note in evidence.notes:
        click.echo(f"Note: {note}", err=True)
    print_document(answer_text.document(answer(evidence, *question, blocks=blocks, level=level)), form)
