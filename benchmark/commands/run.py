"""`serbench run` and `serbench plan`: the same options, so that what is planned is what would run."""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..request import Request
    from ..session import Session

#: options that say what is to be run
_WHAT = (
    click.option("--protocol", required=True, metavar="P", help="Protocol; see `serbench protocols list`."),
    click.option("--model", "models", multiple=True, metavar="M", help="Model[:profile][+variant]; repeatable."),
    click.option("--corpus", "corpora", multiple=True, metavar="C[=DIR]", help="Corpus, or CSV table; repeatable."),
    click.option("--seeds", default=1, show_default=True, metavar="N", help="Trainings per fold."),
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
        "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder.  [default: runs/<protocol>-<time>]"
    ),
    click.option("--keep-weights", is_flag=True, help="Keep the weights of every training."),
)


def _asked(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all of these options, as a request and a session."""

    @wraps(command)
    def called(**given: Any) -> None:
        from ..request import DEFAULT_CORPORA, DEFAULT_MODELS, Request
        from ..session import Session

        how = {name: given.pop(name) for name in ("jobs", "device", "precision", "out", "keep_weights")}
        what = {name: given.pop(name) for name in ("protocol", "models", "corpora", "seeds", "settings")}
        what["models"] = what["models"] or DEFAULT_MODELS
        what["corpora"] = what["corpora"] or DEFAULT_CORPORA
        command(Request(**what), Session(**how), **given)

    for option in reversed((*_WHAT, *_HOW)):
        called = option(called)
    return called


@click.command()
@_asked
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def plan(request: "Request", session: "Session", as_json: bool) -> None:
    """What would run, counted, with the reason for everything left out.

    Says the smallest difference of two models that could be seen, from the models in the run folder where it holds two.
    """
    from ...results.metrics import METRICS
    from ...results.statistics.power import stored_sd
    from ...results.store import open_run
    from ..outline import outline, to_text
    from ..request import resolve

    session.checked_device()
    made, _ = resolve(request)
    run = open_run(session.out) if session.out is not None and session.out.exists() else None
    done = run.done(cell.key for cell in made.cells) if run is not None else set()
    frames = run.frames() if run is not None else None
    sd = stored_sd(frames.records, frames.predictions, METRICS["uar"]) if frames is not None else None
    facts = outline(made, done, sd)
    click.echo(json.dumps(facts, indent=1) if as_json else to_text(facts))


@click.command()
@_asked
def run(request: "Request", session: "Session") -> None:
    """Run models on corpora under a protocol, then print the table.

    Finished cells are kept whatever happens; the same command goes on from there.
    """
    raise SystemExit(session.run(request))
