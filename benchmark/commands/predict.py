"""`serbench predict`: a kept model on new audio files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .forms import form_options, print_document

if TYPE_CHECKING:
    from ...results.text.grids import Document, Grid, Records
    from ..running.predict import FilePrediction


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

    RUN is a folder, the name of one in runs/, or `latest`, made by `serbench run --keep-weights`. The kept trainings
    of all folds and seeds are averaged.
    """
    from shutil import get_terminal_size

    from ...results.evidence.store import find_run
    from ..audio.bar import bar
    from ..running.predict import PredictOptions, predict

    with bar("predicting") as progress:
        predictions = predict(find_run(run), files, PredictOptions(model, **options), progress)
    for note in predictions.notes:
        click.echo(f"Note: {note}", err=True)
    print_document(document(predictions.files), form, max(get_terminal_size((100, 24)).columns, 40))


def document(predictions: "Sequence[FilePrediction]") -> "Document":
    """File, class, how many trainings agree, and the probabilities; these are null where the model has none."""
    from ...results.text.grids import Document

    facts = [
        {"file": p.file, "class": p.guess, "probabilities": p.probabilities, "agree": p.agree, "trainings": p.trainings}
        for p in predictions
    ]
    return Document(lambda width: [(_fitting(predictions, width),)], None, lambda: _records(predictions), lambda: facts)


def _records(predictions: "Sequence[FilePrediction]") -> "Records":
    """A row per file, a column per class that has a probability."""
    from ...results.text.grids import Records

    rows = []
    for p in predictions:
        shares = [f"{share:.6f}" for share in (p.probabilities or {}).values()]
        rows.append((p.file, p.guess, *shares, p.agree, p.trainings))
    return Records(("file", "class", *(predictions[0].probabilities or ()), "agree", "trainings"), tuple(rows))


def _fitting(predictions: "Sequence[FilePrediction]", width: int | None) -> "Grid":
    """The probabilities in %: beside the file where they fit, else below it."""
    from ...results.text.forms.terminal import aligned

    wide = _grid(predictions, list(predictions[0].probabilities or ["probability"]))
    return wide if width is None or max(map(len, aligned(wide))) <= width else _narrow(predictions, width)


def _grid(predictions: "Sequence[FilePrediction]", classes: list[str]) -> "Grid":
    from ...results.text.grids import Grid

    rows = [
        (
            p.file,
            p.guess,
            f"{p.agree}/{p.trainings}",
            *(_percent((p.probabilities or {}).get(name)) for name in classes),
        )
        for p in predictions
    ]
    return Grid(_title(predictions), ("file", "class", "agree", *classes), tuple(rows), left=2)


def _narrow(predictions: "Sequence[FilePrediction]", width: int) -> "Grid":
    """The probabilities of a file in lines of their own, the largest first."""
    import textwrap

    from ...results.text.grids import Grid

    rows: list[tuple[str, ...]] = []
    for p in predictions:
        rows.append((p.file, p.guess, f"{p.agree}/{p.trainings}"))
        shares = sorted((p.probabilities or {}).items(), key=lambda pair: -pair[1])
        text = "  ".join(f"{name}\N{NO-BREAK SPACE}{_percent(share)}" for name, share in shares)
        rows += [("  " + line.replace("\N{NO-BREAK SPACE}", " "),) for line in textwrap.wrap(text, width - 2)]
    return Grid(_title(predictions), ("file", "class", "agree"), tuple(rows), left=2)


def _title(predictions: "Sequence[FilePrediction]") -> str:
    return (
        ""
        if predictions[0].probabilities is None
        else "Probabilities in %; agree: trainings that choose this class alone"
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
