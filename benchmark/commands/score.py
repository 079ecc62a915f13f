"""`serbench score`: metrics, intervals and tests for predictions made elsewhere."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("files", metavar="FILE [FILE2]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--metric", default="uar", show_default=True, help="Metric of the paired tests of two files.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def score(files: tuple[Path, ...], metric: str, as_json: bool) -> None:
    """Score predictions made elsewhere; of two files also the paired tests, first minus second.

    FILE is CSV or Parquet with the columns id, truth, and guess or one score per class (the column is named like the
    class; probabilities or their logarithms give the metrics of probabilities, too). With the column speaker there
    are intervals and tests; seed, fold, repeat, gender, language, corpus and intensity are understood, and n_train, the
    number of rows (without those for development) that the model of a row's fold was trained on: tests over folds need
    it where the folds are no cross-validation of all rows.
    """
    from ...errors import InputError
    from ...results.evidence.predictions_file import read
    from ...results.questions import file_scores
    from ...results.statistics.metrics import METRICS, Metric
    from ...results.statistics.probabilities import find_any
    from ...results.text import comparison_text, file_text

    if len(files) > 2:
        raise InputError(f"{len(files)} files: give one, or two to compare")
    chosen = find_any(metric)
    if not isinstance(chosen, Metric):
        raise InputError(
            f"metric {chosen.name}: of probabilities; each file shows it with its interval, and tests of two files "
            f"take {', '.join(METRICS)}"
        )
    given = [read(path) for path in files]
    found = [file_scores.score(one) for one in given]
    tests = [file_scores.compare_files(given[0], given[1], chosen)] if len(given) == 2 else []
    if as_json:
        facts = {"files": [file_text.to_json(one) for one in found], "comparison": comparison_text.to_json(tests)}
        click.echo(json.dumps(facts, indent=1, allow_nan=False))
        return
    click.echo("\n".join(file_text.to_text(one) for one in found), nl=False)
    if tests:
        click.echo("\n" + comparison_text.terminal(tests), nl=False)
    click.echo("\n" + file_text.legend(), nl=False)
