"""`serbench query`: SQL over the results of runs."""

import click

from .forms import form_options, mixed_option, print_document

HELP = """Ask the results of RUN with SQL (DuckDB). The last argument is the statement; several runs are read as one.

The run is only read: tables live in memory, no file or address can be reached from SQL. Example:

\b
  serbench query latest "SELECT model, count(*) AS rows, avg((truth = guess)::int) AS wa
  FROM predictions JOIN records USING (key) GROUP BY model ORDER BY wa DESC"

\b
Tables (DESCRIBE records shows the types):
"""


class WithTables(click.Command):
    """The help is made when it is asked for: the tables are described where they are made."""

    def get_help(self, ctx: click.Context) -> str:
        """The help text, with the tables."""
        from textwrap import fill

        from ...results.evidence.query import TABLES

        text = HELP
        for name, (what, columns) in TABLES.items():
            text += f"  {name}: {what}\n" + fill(columns, 76, initial_indent=" " * 4, subsequent_indent=" " * 4) + "\n"
        self.help = text
        return super().get_help(ctx)


@click.command(cls=WithTables)
@click.argument("runs", metavar="RUN... SQL", nargs=-1, required=True)
@mixed_option
@form_options(json="A list of objects, one per line.", csv="CSV.")
def query(runs: tuple[str, ...], mixed: bool, form: str | None) -> None:
    """Ask the results of RUN with SQL."""
    from ...errors import InputError
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.query import query as ask
    from ...results.evidence.store import find_run
    from ...results.text import query_text

    *folders, sql = runs
    if not folders:
        raise InputError(f"query: {sql}: give RUN, and after it the statement in quotes")
    evidence = open_evidence([find_run(run) for run in folders], mixed)
    table = ask(evidence, sql)
    if evidence.incomplete:
        click.echo(f"Note: {evidence.incomplete}", err=True)
    print_document(query_text.document(table), form)
