"""`serbench compare`: two models, tested as the protocol allows, or any other test of what runs hold."""

from typing import TYPE_CHECKING, Any

import click

from .forms import form_options, mixed_option, print_document

if TYPE_CHECKING:
    from ...results.evidence.clusters import Cluster
    from ...results.questions.answer_lines import Block

HELP = """Compare models A and B on every task of RUN that both have; with --test, ask one question of all of RUN.

RUN is a folder, the name of one in runs/, or `latest`; several are read as one, also while they go on. A model is named
as in the tables: functionals-svm, or 'sigwavnet [no-gru]' for an arm. Differences are A minus B; the main test is the
one that holds for the protocol, p is corrected over the tasks, and a test that does not hold is refused.

With --test NAME there are no A and B, and p is corrected over all lines. Arms are held against the arm `base` where a
model has several, models against each other; --base names another arm or model, --levels limits and orders them:

\b
  serbench compare latest functionals-svm mfcc-attention
  serbench compare latest --test order
  serbench compare latest --test trend --levels 'cnn-3-gru;cnn-5-gru;cnn-11-gru;cnn-18-gru'
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
    help="What order, friedman and page have as blocks.",
)
@click.option(
    "--cluster",
    type=click.Choice(["auto", "speaker", "session"]),
    default="auto",
    show_default=True,
    help="What is sampled as one: speakers, or sessions; auto: sessions where these have their own speakers.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    default=1.0,
    show_default=True,
    help="Points within which a difference is taken as none, for tost and bayes.",
)
@click.option(
    "--level",
    type=click.FloatRange(0.5, 0.9999),
    default=0.95,
    show_default=True,
    help="Of intervals; a test that so few differences cannot bring to it is refused.",
)
@mixed_option
@form_options(csv="One line per comparison.")
def compare(
    runs: tuple[str, ...],
    metric: str,
    test: str | None,
    base: str,
    levels: str,
    blocks: "Block",
    level: float,
    cluster: "Cluster",
    margin: float,
    mixed: bool,
    form: str | None,
) -> None:  # the help is made by the class
    """Compare models, arms, conditions or protocols."""
    from ...errors import InputError
    from ..api.questions import compare

    common: dict[str, Any] = {"level": level, "margin": margin / 100, "cluster": cluster, "mixed": mixed}
    ordered = [name.strip() for name in levels.split(";") if name.strip()]
    if test is not None:
        table = compare(runs, metric=metric, test=test, base=base, levels=ordered, blocks=blocks, **common)
    elif base or levels or blocks != "speaker":
        raise InputError("compare: --base, --levels and --blocks belong to --test NAME")
    elif len(runs) < 3:
        raise InputError("compare: give RUN A B, two models as the tables name them, or RUN --test NAME")
    else:
        table = compare(runs[:-2], runs[-2], runs[-1], metric=metric, **common)
    for note in table.notes:
        click.echo(f"Note: {note}", err=True)
    print_document(table.document, form, table.width)
