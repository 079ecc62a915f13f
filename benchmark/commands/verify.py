"""`serbench verify`: whether a run folder is what was written."""

import click

from .forms import form_options, print_document


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@form_options(json="A list of objects, one per folder, with all findings.", csv="One line per finding.")
def verify(runs: tuple[str, ...], form: str | None) -> None:
    """Read every file of RUN as a reviewer would before believing it: seals, types, records against plans, predictions
    against records and labels, cells of a fold against each other.

    It finds damage and exchanged files, not forgery: who writes records, predictions and seals anew is found only by
    training again. Exit code 1 where a file is not what was written.
    """
    from ...results.text import verification_text
    from ..api.results import verify as verify_runs

    verifications = verify_runs(*runs)
    print_document(verification_text.document(verifications), form)
    raise SystemExit(0 if all(v.ok for v in verifications) else 1)
