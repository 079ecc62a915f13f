"""`serbench protocols`: list, show, check, and the folds as a file."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...plugins import let_interruptions_pass
from .forms import form_options, print_document

if TYPE_CHECKING:
    from ...protocols.parts.design import Design
    from ...protocols.parts.protocol import Protocol

SPEAKERS = 6  # that a line of the table names
ENDINGS = (".csv", ".json")


@click.group()
def protocols() -> None:
    """List, show and check protocols, export their folds."""


@protocols.command("list")
@form_options(json="A list of objects, one per protocol.", csv="One line per protocol.")
def list_protocols(form: str | None) -> None:
    """Every protocol: what it promises, which leaks it permits, what it scores where nothing can be learned."""
    from ...plugins import in_one_line
    from ...protocols.parts import catalog
    from ...protocols.parts import export as outline
    from .lists import list_document

    problems = catalog.broken()
    every = []
    for protocol in catalog.protocols().values():
        try:
            every.append(outline.of_protocol(protocol) | {"provider": catalog.origin_of(protocol)})
        except BaseException as error:  # a stranger's protocol must not hide the others
            let_interruptions_pass(error)
            problems[protocol.name] = f"cannot say what it is: {in_one_line(error)}; see `serbench protocols check`"
    for name, problem in problems.items():
        click.echo(f"Not used: {name}: {problem}", err=True)
    shown = ("protocol", "summary", "promises", "permits", "null", "conditions", "provider")
    print_document(list_document(every, shown, lambda width: "\n".join(map(_listed, every))), form)


def _listed(facts: dict[str, Any]) -> str:
    """A protocol in three lines."""
    n = len(facts["conditions"])
    of = "" if facts["provider"] == "serbench" else f" ({facts['provider']})"
    return (
        f"{facts['protocol']}{of}\n  {facts['summary']}\n  {_promised(facts['promises'])}; "
        f"{_permitted(facts['permits'])}; null corpora: {facts['null']}; "
        f"{n} condition{'' if n == 1 else 's'}"
    )


@protocols.command()
@click.argument("name", metavar="NAME|FILE.py")
@click.option("--corpus", "corpora", multiple=True, metavar="C[=DIR]", help="Corpus, or CSV table; repeatable.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Option, e.g. noise.snr=20,0 or label_map=native."
)
@click.option(
    "--export", type=click.Path(path_type=Path), metavar="FILE", help="Write the folds, a line per row: .csv or .json."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def show(name: str, corpora: tuple[str, ...], settings: tuple[str, ...], export: Path | None, as_json: bool) -> None:
    """Folds, counts, promises and permitted leaks of a protocol, on the built-in corpora unless others are named."""
    from ...errors import InputError
    from ...protocols.parts import catalog
    from ...protocols.parts import export as outline
    from ..conditions.kinds import complete

    protocol = catalog.find(name)
    if export is not None and export.suffix.lower() not in ENDINGS:
        raise InputError(f"--export {export}: the file ends in {' or '.join(ENDINGS)}")
    plan, notes = _design(protocol, corpora, settings)
    conditions = [complete(condition) for condition in protocol.conditions(plan.options)]
    facts = outline.of_design(plan, conditions)
    facts["notes"] = [*notes, *facts["notes"]]
    if export is not None:
        _write(export, outline.exported(plan))
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    if not corpora:
        click.echo("On the built-in synthetic corpora; name others with --corpus.\n")
    click.echo(_text(facts, _map_of(settings) or plan.label_map.partition(",")[0]))
    if export is not None:
        click.echo(f"\nFolds written to {export}")


@protocols.command()
@click.argument("name", metavar="NAME|FILE.py")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Option, e.g. sweep.grid=lr=0.1,0.2.")
def check(name: str, settings: tuple[str, ...]) -> None:
    """What every protocol must hold, on the built-in corpora. Exit code 1 when something fails."""
    from ...protocols.parts import catalog
    from ...protocols.parts.design import options_from
    from ..checks.protocol_check import outcomes
    from ..planning.settings import parse

    protocol = catalog.find(name)
    # its own options are a part of what is checked
    options = options_from(protocol, parse(settings, protocol, ()).protocol) if settings else None
    problems = 0
    for outcome in outcomes(protocol, options):
        problems += bool(outcome.problem)
        word = "fails" if outcome.problem else "holds"
        click.echo(f"{word}  {outcome.check:10}  {outcome.problem or outcome.demands}")
    failed = "1 check fails" if problems == 1 else f"{problems} checks fail"
    click.echo(f"{protocol.name}: {failed if problems else 'holds everything that a protocol must'}")
    raise SystemExit(1 if problems else 0)


def _design(protocol: "Protocol", corpora: Sequence[str], settings: Sequence[str]) -> "tuple[Design, list[str]]":
    """The folds, and what the corpora note; what is wrong with an option is said before a corpus is prepared."""
    from ...protocols.parts.design import design, maps_for, options_from
    from ..audio import allowed
    from ..corpora.registry import fates
    from ..planning.ready import open_corpora
    from ..planning.request import DEFAULT_CORPORA
    from ..planning.settings import is_distinct, parse

    values = parse(settings, protocol, ())
    label_map = values.run.get("label_map")
    maps_for(protocol, label_map, [])
    options = options_from(protocol, values.protocol)
    by_name, table, near = open_corpora(
        corpora or DEFAULT_CORPORA, allowed=allowed.parse(values.run.get("allow_pairs", ""))
    )
    notes = [f"{corpus.name}: {note}" for corpus in by_name.values() for note in corpus.notes]
    return design(protocol, table, label_map, options, fates(), is_distinct(values.run)), [*notes, *near]


def _write(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    from ...errors import InputError
    from ...results.evidence.files import StoreError, write_bytes

    if path.suffix.lower() == ".json":
        text = "[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n]\n"
    else:
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, fieldnames=list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        text = buffer.getvalue()
    try:
        write_bytes(path, text.encode())
    except StoreError as error:
        raise InputError(f"--export {path}: cannot be written ({error.__cause__}); choose another place") from error


def _text(facts: dict[str, Any], label_map: str) -> str:
    """The protocol and its folds for a reader; ``label_map``: the main one by name."""
    nested = f" (and new sessions: {_join(facts['sessions_nest'])})" if facts["sessions_nest"] else ""
    options = [f"{facts['protocol']}.{name}={_plain(value)}" for name, value in facts["options"].items()]
    lines = [
        f"{facts['protocol']}, version {facts['version']}: {facts['summary']}",
        f"{_promised(facts['promises'])}{nested if 'speaker' in facts['promises'] else ''}",
        f"{_permitted(facts['permits'])}; found in these folds: {', '.join(facts['leaks']) or 'none'}",
        f"on the null corpora: {facts['null']}",
        f"options: {'  '.join(options) or 'none'}",
        f"conditions, {len(facts['conditions'])}: {_join(facts['conditions'])}",
        f"label map: {facts['label_map']}",
        *_label_map(facts, label_map),
    ]
    lines += ["", *_folds(facts)]
    lines += ["", *_classes(facts["folds"])]
    return "\n".join([*lines, *(f"Note: {note}" for note in facts["notes"])])


def _map_of(settings: Sequence[str]) -> str:
    """The label map that settings name, empty where they name none."""
    return next((text.partition("=")[2] for text in settings if text.startswith("label_map=")), "")


def _label_map(facts: dict[str, Any], name: str) -> list[str]:
    """What a label map is, what it says of every corpus, and what that makes of these."""
    from ...protocols.parts import export as outline
    from ...protocols.parts import labels
    from ...results.evidence.corpora import Corpora, coverage_of
    from ...results.text.forms.terminal import aligned
    from ...results.text.transfer import shares
    from ..corpora.registry import fates

    chosen = labels.load(name)
    lines = [f"  version {chosen.version}: {chosen.summary}", f"  source: {chosen.source}"]
    if name != "native":
        cells = [
            [line["corpus"], _join(line["kept"]), "; ".join(line["merged"]) or "-", _join(line["dropped"])]
            for line in outline.of_label_map(name, fates())
        ]
        lines += ["", *_table(["corpus", "kept", "merged", "dropped"], cells)]
    corpora = Corpora({corpus: "+".join(languages) for corpus, languages in facts["languages"].items() if languages})
    coverage = coverage_of(facts["coverage"])
    for each in dict.fromkeys(c.label_map for c in coverage):
        grids = shares([c for c in coverage if c.label_map == each], corpora)
        lines += [line for grid in grids for line in ("", *aligned(grid))]
    if any(line["fate"] != "kept" for line in facts["coverage"]):
        counted = [[c["corpus"], c["emotion"], str(c["n"]), c["fate"], c["label"] or "-"] for c in facts["coverage"]]
        lines += ["", *_table(["corpus", "emotion", "n", "fate", "class"], counted)]
    return lines


def _classes(folds: Sequence[dict[str, Any]]) -> list[str]:
    """Which folds tell which classes apart: by train -> test, equal ones together."""
    tasks: dict[tuple[str, ...], dict[str, None]] = {}
    for fold in folds:
        tasks.setdefault(tuple(fold["classes"]), {})[f"{fold['train']} -> {fold['test']}"] = None
    return [f"classes: {_join(names)}" + f" ({_join(list(of))})" * (len(tasks) > 1) for names, of in tasks.items()]


def _folds(facts: dict[str, Any]) -> list[str]:
    """A line per fold; with the languages where any is tested on another corpus than it is trained on."""
    spoken = any(fold["train"] != fold["test"] for fold in facts["folds"])
    names = ["classes", "chance", "train", "dev", "test", "leaks", "speakers in test"]
    heads = ["fold", "train -> test", *(["language"] if spoken else []), *names]
    return _table(heads, [_fold(fold, facts["languages"] if spoken else None) for fold in facts["folds"]])


def _fold(fold: dict[str, Any], languages: dict[str, list[str]] | None) -> list[str]:
    who = [name.removeprefix(f"{fold['test']}/") for name in fold["test_speakers"]]
    some = " ".join(who[:SPEAKERS]) + (" ..." if len(who) > SPEAKERS else "")
    name = fold["fold"] + (f" repeat {fold['repeat'] + 1}" if fold["repeat"] else "")
    name += f" [{fold['arm']}]" if fold["arm"] not in ("", "base") else ""
    spoken = [" -> ".join(_spoken(fold[part], languages) for part in ("train", "test"))] if languages else []
    return [
        name,
        f"{fold['train']} -> {fold['test']}",
        *spoken,
        str(len(fold["classes"])),
        f"{fold['chance']:.3f}",
        *(str(fold[key]) for key in ("n_train", "n_dev", "n_test")),
        _join(fold["leaks"]),
        f"{len(who)}: {some}" + (f"; no {_join(fold['missing_in_test'])}" if fold["missing_in_test"] else ""),
    ]


def _spoken(corpora: str, languages: dict[str, list[str]]) -> str:
    """Languages of one corpus, or of several trained on together."""
    return "+".join(dict.fromkeys(name for corpus in corpora.split("+") for name in languages[corpus])) or "-"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width; numbers to the right."""
    widths = [max(len(line[i]) for line in (heads, *lines)) for i in range(len(heads))]
    right = [all(line[i].replace(".", "").isdigit() for line in lines) for i in range(len(heads))]
    return [
        "  ".join(
            f"{cell:>{w}}" if r else f"{cell:{w}}" for cell, w, r in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in (heads, *lines)
    ]


def _promised(names: Sequence[str]) -> str:
    return f"promises new {', '.join(names)}" if names else "promises nothing new"


def _permitted(names: Sequence[str]) -> str:
    return f"permits the same {', '.join(names)}" if names else "permits no leak"


def _join(names: Sequence[str]) -> str:
    return ", ".join(names) or "-"


def _plain(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ",".join(_plain(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
