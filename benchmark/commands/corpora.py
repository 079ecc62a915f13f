"""`serbench corpora`: list, prepare, check, label, remove."""

import json
import re
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import InputError
from .forms import form_options, print_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..prepared.corpus import Corpus
    from ..prepared.shelf import ShelfLine

_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
_jobs = click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes.  [default: one per core]")


@click.group()
def corpora() -> None:
    """List, prepare, check and remove corpora."""


@corpora.command("list")
@form_options(json="A list of objects, one per corpus.", csv="One line per corpus.")
def list_corpora(form: str | None) -> None:
    """All corpora that can be read or made, and what of them is prepared."""
    from rich.console import Console

    from ..prepared.shelf import shelf
    from ..user_folder import home
    from .lists import list_document

    lines = shelf(home())
    facts = json.loads(json.dumps([asdict(line) for line in lines], default=str))
    shown = ("name", "kind", "utterances", "speakers", "classes", "language", "license", "provider", "problem")
    print_document(list_document(facts, shown, lambda width: _listing(lines, home(), width)), form, Console().width)


def _listing(lines: "Sequence[ShelfLine]", root: Path, width: int) -> str:
    """A table of the corpora, what is wrong with some, and where the prepared ones lie."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("corpus", "clips", "speakers", "classes", "language", "license", "prepared"):
        shown.add_column(
            title, justify="right" if title in ("clips", "speakers", "classes") else "left", overflow="fold"
        )
    for line in lines:
        counts = (str(value or "?") for value in (line.utterances, line.speakers, line.classes))
        plugin = "" if line.provider in ("serbench", "your own") else f" (plugin {line.provider})"
        forms = "\n".join(map(str, line.prepared)) or "-"
        shown.add_row(line.name, *counts, line.language, line.license + plugin, forms)
    table = StringIO()
    Console(file=table, highlight=False, width=width).print(shown)
    problems = [f"{line.name}: {line.problem}\n" for line in lines if line.problem]
    size = sum(form.bytes for line in lines for form in line.prepared)
    return (
        f"{table.getvalue()}{''.join(problems)}\n"
        f"Prepared corpora lie in {root} ({_megabytes(size)}). What to cite for each: --json.\n"
        "A corpus of your own is a table with the columns path, speaker, emotion: NAME=TABLE.csv"
    )


@corpora.command()
@click.argument("name")
@click.option("--from", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Its folder, or a CSV table.")
@_jobs
def prepare(name: str, folder: Path | None, jobs: int | None) -> None:
    """Decode a corpus once; a second call is instant.

    Without --from it is looked for under SERBENCH_CORPORA; the built-in ones (synth-a ...) need no folder.
    """
    from ..prepared.corpus import prepare as prepare_corpus
    from ..prepared.sources import locate
    from ..user_folder import home

    started = time.perf_counter()
    source = locate(name, folder)
    before = time.time()
    corpus = prepare_corpus(name, source, home(), jobs=jobs)
    _say_prepared(corpus, time.perf_counter() - started, fresh=corpus.folder.stat().st_mtime >= before)


def _say_prepared(corpus: "Corpus", seconds: float, *, fresh: bool) -> None:
    from ...protocols.parts.names import persons
    from ..prepared.home import folder_size

    table = corpus.table
    n_speakers, questions = persons(table)
    click.echo(
        f"{corpus.name}: {len(table)} utterances, {n_speakers} speakers, "
        f"{table['emotion'].nunique()} classes, {table['seconds'].sum() / 60:.1f} minutes at {corpus.rate_hz} Hz"
    )
    for note in (*questions, *corpus.notes):
        click.echo(f"Note: {note}")
    done = "Prepared" if fresh else "Was prepared already"
    click.echo(f"{done} in {corpus.folder} ({_megabytes(folder_size(corpus.folder))}), {seconds:.1f} s")


@corpora.command()
@click.argument("spec", metavar="NAME[=DIR]")
@click.option("--faces", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw whom videos show, and end.")
@_jobs
@_json
def check(spec: str, faces: Path | None, jobs: int | None, as_json: bool) -> None:
    """Whether a corpus keeps its contract, its folder is as released, and every file can be used.

    Exit code 1 when not. Without a folder only adapter and facts are checked.
    """
    from ..audio.bar import bar
    from ..checks.corpus_check import check as check_corpus
    from ..checks.corpus_check import check_contract
    from ..corpora.registry import broken, cards
    from ..prepared.sources import locate, originals, parse_spec

    name, folder = parse_spec(spec)
    if faces is not None:
        _draw_faces(name, folder, faces)
        return
    if originals(name, folder) is None and (name in cards() or name in broken()):
        report = check_contract(name)
    else:
        source = locate(name, folder)
        if source is None:
            raise InputError(f"{name}: only the original files can be checked; give their folder as {name}=DIR")
        with nullcontext(None) if as_json else bar(f"checking {name}") as progress:
            report = check_corpus(name, source, progress, jobs)
    if as_json:
        facts: dict[str, Any] = {"ok": report.ok, **asdict(report)}
        click.echo(json.dumps(facts, indent=1, default=str))
    else:
        click.echo(report.to_text())
    raise SystemExit(0 if report.ok else 1)


def _draw_faces(name: str, folder: Path | None, path: Path) -> None:
    from ..checks.faces import sheet
    from ..corpora.registry import read
    from ..prepared.sources import originals

    source = originals(name, folder)
    if source is None:
        raise InputError(f"{name}: its videos lie in the original files; give their folder as {name}=DIR")
    n = sheet(read(name, source)[0], path)
    click.echo(f"{name}: {n} clips in {path}; the frame must be around the speaker (if not: `face_view` of a model)")


@corpora.command()
@click.argument("spec", metavar="[NAME=]DIR")
def labels(spec: str) -> None:
    """A label map to edit for the classes of a corpus, as TOML: `serbench corpora labels own=DIR > my.toml`.

    It has every class with the nearest canonical word; `run --label-map my.toml` reads it.
    """
    from ..corpora.draft import draft
    from ..corpora.registry import read

    name, _, folder = spec.rpartition("=")
    source = Path(folder)
    name = name or re.sub(r"[^A-Za-z0-9._-]+", "-", source.absolute().name if source.is_dir() else source.stem)
    click.echo(draft(name, read(name, source)[0]["emotion"].value_counts().to_dict()), nl=False)


@corpora.command()
@click.argument("name")
def remove(name: str) -> None:
    """Delete what was prepared of a corpus; its original files stay."""
    from ..prepared.home import remove as remove_corpus
    from ..user_folder import home

    count, size = remove_corpus(home(), name)
    click.echo(f"{name}: {count} prepared {'form' if count == 1 else 'forms'} removed, {_megabytes(size)} freed")


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"
