"""`serbench score`: metrics, intervals and tests for predictions made elsewhere."""

from pathlib import Path

import click

from .forms import form_options, print_document


@click.command()
@click.argument("files", metavar="FILE [FILE2]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--metric", default="uar", show_default=True, help="Metric of the paired tests of two files.")
@click.option("--classes", metavar="A,B,…", default="", help="The classes of the task, where truths lack some.")
@click.option("--distinct", is_flag=True, help="Speakers such as 03 and 3 are two; else they count as one.")
@form_options(csv="One line per metric.")
def score(files: tuple[Path, ...], metric: str, classes: str, distinct: bool, form: str | None) -> None:
    """Score predictions made elsewhere; of two files also the paired tests, first minus second.

    FILE is CSV or Parquet with the columns id, truth, and guess or one score per class (the column is named like the
    class; probabilities or their logarithms give the metrics of probabilities, too). Classes are those of the truth, or
    --classes; a guess in other words ("Anger", "1.0") is read as its class, and one that is none is named and counts as
    wrong. With the column speaker there are intervals and tests; seed, fold, repeat, gender, language, corpus and
    intensity are understood, and n_train, the number of rows (without those for development) that the model of a row's
    fold was trained on: tests over folds need it where the folds are no cross-validation of all rows.
    """
    from ..api.questions import score

    names = [name.strip() for name in classes.split(",") if name.strip()]
    table = score(*files, metric=metric, classes=names, distinct=distinct)
    print_document(table.document, form, table.width)
