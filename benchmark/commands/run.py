"""`serbench run` and `serbench plan`: the same options, so that what is planned is what would run."""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..planning.request import Request
    from ..planning.study import Asked
    from ..running.session import Session

#: options that say what is to be run
_WHAT = (
    click.argument("study", required=False, metavar="[STUDY]"),
    click.option("--protocol", metavar="P", help="Protocol; see `serbench protocols list`."),
    click.option("--quick", is_flag=True, help="The quick form of a study."),
    click.option("--model", "models", multiple=True, metavar="M", help="Model[:profile][+variant]; repeatable."),
    click.option("--corpus", "corpora", multiple=True, metavar="C[=DIR]", help="Corpus, or CSV table; repeatable."),
    click.option("--seeds", type=int, metavar="N", help="Trainings per fold.  [default: 1, or as the study has it]"),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Setting, as mfcc-attention.lr=3e-4; repeatable.",
    ),
)
#: options that say how and where to
_HOW = (
    click.option(
        "--jobs", type=int, metavar="N", help="Trainings at a time.  [default: a core each for networks on the CPU]"
    ),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1."),
    click.option("--precision", default="fp32", show_default=True, help="fp32, tf32 or bf16."),
    click.option(
        "--out", type=click.Path(path_type=Path), metavar="DIR",
        help="Run folder.  [default: runs/<protocol or study>-<time>]",
    ),
    click.option("--keep-weights", is_flag=True, help="Keep the weights of every training."),
)  # fmt: skip


def _asked(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all of these options, as requests, the study if there is one, and a session."""

    @wraps(command)
    def called(**given: Any) -> None:
        from ..running.session import Session

        how = {name: given.pop(name) for name in ("jobs", "device", "precision", "out", "keep_weights")}
        what = {name: given.pop(name) for name in ("models", "corpora", "seeds", "settings")}
        study, protocol, quick = (given.pop(name) for name in ("study", "protocol", "quick"))
        asked = _of_study(study, protocol, quick, what) if study else None
        requests = asked.requests if asked else _of_protocol(protocol, quick, what)
        command(requests, asked, Session(**how), **given)

    for option in reversed((*_WHAT, *_HOW)):
        called = option(called)
    return called


def _of_protocol(protocol: str | None, quick: bool, what: dict[str, Any]) -> "tuple[Request, ...]":
    from ...errors import InputError
    from ..planning.request import DEFAULT_CORPORA, DEFAULT_MODELS, Request, each_map

    if protocol is None:
        raise InputError("what is to be run? Name a study (`serbench studies list`) or give --protocol P")
    if quick:
        raise InputError("--quick: is the short form of a study; --protocol has none")
    models, corpora = what["models"] or DEFAULT_MODELS, what["corpora"] or DEFAULT_CORPORA
    seeds = 1 if what["seeds"] is None else what["seeds"]
    return tuple(each_map(Request(protocol, models, corpora, seeds, what["settings"])))


def _of_study(study: str, protocol: str | None, quick: bool, what: dict[str, Any]) -> "Asked":
    from ...errors import InputError
    from ...protocols.parts.studies import find
    from ..planning.study import Changes, ask, check, check_names

    if protocol is not None:
        raise InputError(f"{study} and --protocol {protocol}: a study has its protocol; give one of them")
    if what["seeds"] is not None and what["seeds"] < 1:
        raise InputError(f"--seeds {what['seeds']}: at least one seed is needed")
    found = find(study)
    check(found)
    asked = ask(found, quick, Changes(**{**what, "seeds": what["seeds"] or 0}))
    if not found.missing:
        check_names(asked)
    if asked.left_out:
        click.echo(f"Note: left out with the models that they are of: {', '.join(asked.left_out)}", err=True)
    return asked


@click.command()
@_asked
@click.option("--json", "as_json", is_flag=True, help="Machine-readable; of several protocols or maps a list.")
def plan(requests: "tuple[Request, ...]", asked: "Asked | None", session: "Session", as_json: bool) -> None:
    """What would run, counted, with the reason for everything left out. STUDY or --protocol says of what.

    Says the smallest difference of two models that could be seen, from the models in the run folder where it holds two.
    """
    from ..planning.summary import to_text

    session.checked_device()
    if asked is not None and not as_json:
        click.echo("\n".join([f"{asked.study.name}: {asked.study.question}", *_lacks(asked), ""]))
    found = [_outline(request, session) for request in requests]
    if as_json:
        click.echo(json.dumps(found[0] if len(found) == 1 else found, indent=1))
    else:
        click.echo("\n\n".join(map(to_text, found)))


def _lacks(asked: "Asked") -> list[str]:
    return [f"cannot be run: {line}" for line in asked.study.missing]


def _outline(request: "Request", session: "Session") -> dict[str, Any]:
    from ...results.evidence.store import open_run
    from ...results.questions.deviations import stored_fold_sd, stored_sd
    from ...results.statistics.metrics import METRICS
    from ..planning.request import resolve
    from ..planning.summary import outline
    from ..running.session import notes

    made, corpora = resolve(request)
    run = open_run(session.out) if session.out is not None and session.out.exists() else None
    done = run.done(cell.key for cell in made.cells) if run is not None else set()
    deviations: tuple[float | None, ...] = ()
    if run is not None:
        frames = run.frames()
        held = (frames.records, frames.predictions, METRICS["uar"])
        deviations = (stored_sd(*held), stored_fold_sd(*held))
    return {**outline(made, done, *deviations), "notes": notes(made, corpora, request)}


@click.command()
@_asked
def run(requests: "tuple[Request, ...]", asked: "Asked | None", session: "Session") -> None:
    """Run models on corpora under a protocol, or a study, then print the table.

    STUDY is the name of one that ships (`serbench studies list`) or the path of a file; after the table come its
    question, the tests that answer it, and what they say in words. --model, --corpus and --seeds replace what it has,
    --set adds to it. Finished cells are kept whatever happens; the same command goes on from there.
    """
    from ..planning.study import answer_text, refuse

    if asked is None:
        raise SystemExit(session.run(requests, requests[0].protocol)[1])
    refuse(asked)
    stored, code = session.run(requests, asked.study.name)
    click.echo("\n" + answer_text(asked, stored, _width()), nl=False)
    raise SystemExit(code)


def _width() -> int:
    from shutil import get_terminal_size

    return min(max(get_terminal_size((100, 24)).columns, 80), 140)
