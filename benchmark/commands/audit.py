"""`serbench audit`: the leaks of anybody's split, from a list of files."""

from pathlib import Path

import click

from .forms import form_options, print_document

_file = click.Path(path_type=Path)


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=_file)
@click.option("--train", type=_file, metavar="FILE", help="Instead of one FILE: the list of the training part,")
@click.option("--dev", type=_file, metavar="FILE", help="of the dev part,")
@click.option("--test", type=_file, metavar="FILE", help="and of the test part.")
@click.option("--path-column", metavar="NAME", help="Column of the paths.  [default: path, file, wav, ...]")
@click.option("--split-column", metavar="NAME", help="Column of parts or folds.  [default: split, fold, ...]")
@click.option("--speaker-column", metavar="NAME", help="Column of the speakers.  [default: speaker, actor, ...]")
@click.option("--sentence-column", metavar="NAME", help="Column of the sentences.  [default: sentence, text, ...]")
@click.option("--corpus", metavar="NAME", help="Read names as this corpus spells them only.")
@click.option("--audio", type=_file, metavar="DIR", help="The recordings: finds identical and near-identical ones.")
@click.option("--allow-pair", multiple=True, metavar="A=B|FILE", help="Files that are no copies; repeatable.")
@click.option("--promise", type=click.Choice(["sentence"]), help="Shared sentences are a leak, not a note.")
@click.option("--distinct", is_flag=True, help="Names such as 03 and 3 are two; else a leak is in doubt.")
@form_options(json="A list of objects, one per FILE.", csv="One line per rule.")
def audit(
    files: tuple[Path, ...],
    train: Path | None,
    dev: Path | None,
    test: Path | None,
    path_column: str | None,
    split_column: str | None,
    speaker_column: str | None,
    sentence_column: str | None,
    corpus: str | None,
    audio: Path | None,
    promise: str | None,
    distinct: bool,
    allow_pair: tuple[str, ...],
    form: str | None,
) -> None:
    """Does any test file share a speaker, recording, copy, session or sentence with training?

    FILE is CSV, JSON or JSON Lines with a path and a part per file: train, dev, test, or the number of a fold, each of
    which is test in turn. Speakers and sentences come from columns, or from file names where they are those of a
    corpus that serbench knows. Exit code 1 when there is a leak.
    """
    from ..api import questions
    from ..audit.audit_text import document

    audits = questions.audit(
        *files, train=train, dev=dev, test=test, path_column=path_column, split_column=split_column,
        speaker_column=speaker_column, sentence_column=sentence_column, corpus=corpus, audio=audio,
        promise=["sentence"] if promise else (), distinct=distinct, allow_pair=allow_pair,
    )  # fmt: skip
    print_document(document(audits), form)
    raise SystemExit(1 if any(one.leaks or one.doubts for one in audits) else 0)
