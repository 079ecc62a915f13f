"""`serbench gate`: exit code 1 when a candidate is worse than a base."""

from pathlib import Path

import click

from .forms import form_options, mixed_option, print_document


@click.command()
@click.argument("base", metavar="BASE")
@click.argument("candidate", metavar="CANDIDATE")
@click.option("--metric", default="uar", show_default=True, help="By any of its names, which `serbench score` lists.")
@click.option("--margin", default=0.01, show_default=True, help="How much worse is still taken as equal, in [0, 1].")
@click.option("--model", "models", multiple=True, metavar="M", help="Only these models; repeatable.")
@click.option("--trained", is_flag=True, help="Judge the trained models where too few seeds tell of the algorithms.")
@mixed_option
@form_options(csv="One line per comparison.")
def gate(
    base: str,
    candidate: str,
    metric: str,
    margin: float,
    models: tuple[str, ...],
    trained: bool,
    mixed: bool,
    form: str | None,
) -> None:
    """Is CANDIDATE worse than BASE by more than the margin?

    Both are runs, or both are files of predictions as `score` reads them. Every model is compared with itself on each
    task that both runs have; where each run has one model, these two. Exit code 0: no evidence that it is worse; 1:
    it is worse, by the main test of the protocol, one-sided at 5 %, corrected over all comparisons; 2: it is not
    known to be, and no test is possible in one comparison or more.
    """
    from ...errors import InputError
    from ...results.evidence.evidence import open_evidence
    from ...results.evidence.predictions_file import read
    from ...results.evidence.store import find_run
    from ...results.questions import gate as gates
    from ...results.questions.file_scores import compare_files
    from ...results.questions.unfinished import unfinished
    from ...results.statistics.metrics import find
    from ...results.text import gate_text

    if not 0 <= margin < 1:
        raise InputError(f"--margin {margin}: give a share in [0, 1), 0.01 for one point")
    if Path(base).is_file() and Path(candidate).is_file():
        tables = [read(Path(name)) for name in (candidate, base)]
        for table in tables:
            for note in table.notes:
                click.echo(f"Note: {table.name}: {note}", err=True)
        verdicts = gates.judge([compare_files(tables[0], tables[1], find(metric))], margin, trained=trained)
    else:
        sides = [open_evidence([find_run(name)], mixed) for name in (base, candidate)]
        verdicts = gates.gate(sides[0], sides[1], find(metric), margin, models, trained=trained)
        for note in gates.left_out(sides[0], sides[1], models):
            click.echo(f"Note: {note}", err=True)
        for name, side in zip(("base", "candidate"), sides, strict=True):
            if lacking := unfinished(side, models):
                click.echo(f"Note: {name} {lacking}", err=True)
    if any(v.trained for v in verdicts):
        click.echo("Note: of these trained models, not of the algorithms, whose luck of training is unknown", err=True)
    print_document(gate_text.document(verdicts, margin), form, 80)
    if any(v.answer == "worse" for v in verdicts):
        raise SystemExit(1)
    if refusal := gates.refusal(verdicts):
        hint = "" if trained else "; --trained judges the trained models"
        raise InputError(f"gate: {refusal}{hint if 'allow a test of the algorithms' in refusal else ''}")
