"""`serbench run` and `serbench plan`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..request import Request


def _request_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that `run` and `plan` share."""
    for option in reversed(
        [
            click.option("--protocol", required=True, metavar="P", help="Protocol; see `serbench protocols list`."),
            click.option(
                "--model", "models", multiple=True, metavar="M", help="Model[:profile][+variant]; repeatable."
            ),
            click.option(
                "--corpus", "corpora", multiple=True, metavar="C[=DIR]", help="Corpus, or CSV table; repeatable."
            ),
            click.option("--seeds", default=1, show_default=True, metavar="N", help="Trainings per fold."),
            click.option(
                "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Setting, e.g. mfcc-attention.lr=3e-4."
            ),
        ]
    ):
        command = option(command)
    return command


def _request(
    protocol: str, models: tuple[str, ...], corpora: tuple[str, ...], seeds: int, settings: tuple[str, ...]
) -> "Request":
    from ..request import DEFAULT_CORPORA, DEFAULT_MODELS, Request

    return Request(protocol, models or DEFAULT_MODELS, corpora or DEFAULT_CORPORA, seeds, settings)


@click.command()
@_request_options
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="A run folder: cells done there are left out."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def plan(
    protocol: str,
    models: tuple[str, ...],
    corpora: tuple[str, ...],
    seeds: int,
    settings: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """What would run, counted, with the reason for everything left out.

    Says the smallest difference of two models that could be seen, from the models in the run folder where it holds two.
    """
    from ...results.metrics import METRICS
    from ...results.power import stored_sd
    from ...results.store import open_run
    from ..outline import outline, to_text
    from ..request import resolve

    made, _ = resolve(_request(protocol, models, corpora, seeds, settings))
    run = open_run(out) if out is not None else None
    done = run.done(cell.key for cell in made.cells) if run is not None else set()
    frames = run.frames() if run is not None else None
    sd = stored_sd(frames.records, frames.predictions, METRICS["uar"]) if frames is not None else None
    facts = outline(made, done, sd)
    click.echo(json.dumps(facts, indent=1) if as_json else to_text(facts))


@click.command()
@_request_options
@click.option("--jobs", default=1, show_default=True, metavar="N", help="Trainings at a time.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--precision", default="fp32", show_default=True, help="fp32, tf32 or bf16.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run folder.  [default: runs/<protocol>-<time>]"
)
@click.option("--keep-weights", is_flag=True, help="Keep the weights of every training.")
def run(
    protocol: str,
    models: tuple[str, ...],
    corpora: tuple[str, ...],
    seeds: int,
    settings: tuple[str, ...],
    jobs: int,
    device: str,
    precision: str,
    out: Path | None,
    keep_weights: bool,
) -> None:
    """Run models on corpora under a protocol, then print the table.

    Finished cells are kept whatever happens; the same command goes on from there.
    """
    from ..session import Session

    session = Session(jobs=jobs, device=device, precision=precision, out=out, keep_weights=keep_weights)
    raise SystemExit(session.run(_request(protocol, models, corpora, seeds, settings)))
