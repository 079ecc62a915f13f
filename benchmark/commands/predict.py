"""`serbench predict`: a kept model on new audio files."""

from typing import Any

import click

from .forms import form_options, print_document


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("model", metavar="MODEL")
@click.argument("files", metavar="FILES...", nargs=-1, required=True)
@click.option("--protocol", metavar="P", help="Protocol, where the run has several.")
@click.option("--label-map", metavar="L", help="Label map, where the run has several.")
@click.option("--train", metavar="T", help="What it was trained on, where the run has several.")
@click.option("--arm", metavar="A", help="Arm, where the run has several.")
@click.option("--fold", metavar="F", help="One fold.  [default: all, averaged]")
@click.option("--seed", type=int, metavar="N", help="One seed.  [default: all, averaged]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@form_options(json="A list of objects, one per file.", csv="One line per file.")
def predict(
    run: str,
    model: str,
    files: tuple[str, ...],
    form: str | None,
    **options: Any,
) -> None:
    """The class of audio FILES, and the probability of every class, by a MODEL of RUN.

    A table or a text file among FILES lists further ones.

    RUN is a folder, the name of one in runs/, or `latest`, made by `serbench run --keep-weights`. The kept trainings
    of all folds and seeds are averaged. A file that cannot be used is named, and the others are answered (exit code 1).
    """
    from shutil import get_terminal_size

    from ...errors import printable
    from ...results.evidence.store import find_run
    from ..api.predictions import prediction_document
    from ..audio.bar import bar
    from ..audit.listed_files import files_of
    from ..running.predict import PredictOptions, predict

    named, notes = files_of(files)
    with bar("predicting") as progress:
        predictions = predict(find_run(run), named, PredictOptions(model, **options), progress)
    for note in (*notes, *predictions.notes):
        click.echo(f"Note: {note}", err=True)
    for reason in predictions.faults.values():
        click.echo(f"No answer: {printable(reason)}", err=True)
    print_document(prediction_document(predictions.files), form, max(get_terminal_size((100, 24)).columns, 40))
    if predictions.faults:
        raise SystemExit(1)
