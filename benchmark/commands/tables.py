"""`serbench tables`: the tables of a paper, published and measured side by side, with a verdict per number."""

import click

from .forms import form_options, mixed_option, print_document


class WithPapers(click.Command):
    """The help is made when it is asked for: papers are found by their data."""

    def get_help(self, ctx: click.Context) -> str:
        """The help text, with the papers."""
        from ...results.papers.claims import names

        *others, last = names()
        for option in self.params:
            if isinstance(option, click.Option) and option.name == "paper":
                option.help = f"{', '.join(others)} or {last}."
        return super().get_help(ctx)


@click.command(cls=WithPapers)
@click.option("--paper", required=True, metavar="NAME", help="A paper.")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@mixed_option
@form_options(json="Everything, with sources and intervals.", csv="One line per value.")
def tables(paper: str, runs: tuple[str, ...], mixed: bool, form: str | None) -> None:
    """The published tables of a paper beside RUNs: folders, names of some in runs/, or `latest`.

    A verdict is given where classes, corpus size, recipe and rules are the published ones. A run with our recipe (a
    model without a profile of its authors) is shown without one; a run with other settings is not comparable. "Above"
    and "below" are decided at any width of the interval, "reproduced" only within 10 points; where the published split
    is unknown, several must be drawn (--set PROTOCOL.repeats=5). Fix the number of seeds before you look: the error
    rates under the tables hold for that. Without a RUN: the published values, and what to run.
    """
    from ...baselines.registry import cards
    from ...protocols.parts import catalog
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.replays import replays
    from ...results.evidence.store import find_run
    from ...results.papers.claims import published
    from ...results.papers.paper_tables import build
    from ...results.text import paper_text
    from ..checks.paper_runs import judged
    from ..planning.recipes import changed

    claims = published(paper)
    evidence = open_evidence([find_run(run) for run in runs], mixed) if runs else None
    for note in evidence.notes if evidence else ():
        click.echo(f"Note: {note}", err=True)
    ours = replays(evidence) if evidence else []
    regenerated = build(claims, ours, catalog.protocols(), cards(), changed, judged)
    print_document(paper_text.document(regenerated), form)
