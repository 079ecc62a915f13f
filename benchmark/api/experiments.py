"""Planning and running experiments, preparing corpora, and asking kept models."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from ...results.evidence.store import find_run
from ...results.text.run_table import run_table
from ..audio.bar import hidden
from ..planning.frozen import FrozenPlan
from ..planning.options import RunOptions
from ..planning.options import freeze as freeze_study
from ..planning.summary import Preview
from ..planning.summary import plan as preview
from ..prepared.corpus import Corpus
from ..prepared.corpus import prepare as prepare_corpus
from ..prepared.sources import locate
from ..running.answers import StudyAnswers, answers
from ..running.run import SILENT, RunSummary
from ..running.run import run as run_all
from ..user_folder import home
from .predictions import prediction_document
from .results import Results
from .tables import Table

Names = str | Sequence[str]
Settings = Mapping[str, Any] | Sequence[str]


class RunResults(Results):
    """The results of a run, and what the call did: cells ``done``, ``failed``, ``skipped`` of ``summary``."""

    def __init__(self, summary: RunSummary) -> None:
        super().__init__(run_table([summary.run]))
        self.summary = summary

    @cached_property
    def answers(self) -> StudyAnswers | None:
        """What the tests of a study say; None where the run is of no study."""
        study = self.summary.study
        return None if study is None else answers(study, self.summary.run)

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.summary.folder


def run(
    study: str | None = None,
    *,
    protocol: str | None = None,
    quick: bool = False,
    frozen: str | Path | None = None,
    model: Names = (),
    corpus: Names = (),
    seeds: int | None = None,
    set: Settings = (),
    label_map: str | Path | None = None,
    allow_pair: Names = (),
    distinct: bool = False,
    jobs: int | None = None,
    device: str = "auto",
    precision: str = "fp32",
    out: str | Path | None = None,
    keep_weights: bool = False,
    again: bool = False,
    blind: bool = False,
    progress: bool | None = None,
) -> RunResults:
    """Run models on corpora under a protocol, or a study: what `serbench run` does with these options.

    Finished cells are kept whatever happens; the same call goes on from there, and a finished run is read. A model that
    fails is in ``summary.failures``, no exception. ``set``: settings, {"noise.snr": (20, 0)} or ["noise.snr=20,0"].
    ``label_map``: a file of your own; ``allow_pair``: clips "A=B" that are no copies, or files of such lines;
    ``distinct``: names that may be one (03 and 3) are two. ``blind``: the run folder does not say who made it or where.
    ``progress``: whether bars are shown on the error output; None: in a notebook. Raises InputError before anything
    runs, for whatever does not fit.
    """
    options = _options(
        study, protocol, quick, frozen, model, corpus, seeds, set, jobs, device, precision, out, keep_weights, again,
        label_map, allow_pair, distinct, blind,
    )  # fmt: skip
    if progress or (progress is None and in_notebook()):
        from .terminal_progress import TerminalProgress

        return RunResults(run_all(options, TerminalProgress()))
    return RunResults(run_all(options, SILENT))


def plan(
    study: str | None = None,
    *,
    protocol: str | None = None,
    quick: bool = False,
    frozen: str | Path | None = None,
    model: Names = (),
    corpus: Names = (),
    seeds: int | None = None,
    set: Settings = (),
    label_map: str | Path | None = None,
    allow_pair: Names = (),
    distinct: bool = False,
    out: str | Path | None = None,
) -> Preview:
    """What `run` would do: ``plans``, each with folds, cells and the least difference that could be seen; ``notes``."""
    options = _options(
        study, protocol, quick, frozen, model, corpus, seeds, set, None, "auto", "fp32", out, False, False,
        label_map, allow_pair, distinct,
    )  # fmt: skip
    return preview(options)


def freeze(
    study: str,
    *,
    quick: bool = False,
    model: Names = (),
    corpus: Names = (),
    seeds: int | None = None,
    set: Settings = (),
    out: str | Path | None = None,
) -> FrozenPlan:
    """The plan of a study, dated and hashed before it is run; written to ``out``, for `run(study, frozen=out)`.

    None: written nowhere. Raises InputError where ``out`` is there already.
    """
    options = _options(study, None, quick, None, model, corpus, seeds, set, None, "auto", "fp32", None, False, False)
    return freeze_study(options, None if out is None else Path(out))


def prepare(name: str, source: str | Path | None = None, *, jobs: int | None = None, progress: bool = False) -> Corpus:
    """Decode a corpus once; later calls and runs find it. ``table`` of what comes back has a line per utterance.

    ``source``: its folder or table; None: a built-in corpus, one that is prepared, or one in SERBENCH_CORPORA.
    """
    with nullcontext() if progress else hidden():
        return prepare_corpus(name, locate(name, None if source is None else Path(source)), home(), jobs=jobs)


def predict(
    run: str | Path,
    model: str,
    files: str | Path | Sequence[str | Path],
    *,
    protocol: str | None = None,
    label_map: str | None = None,
    train: str | None = None,
    arm: str | None = None,
    fold: str | None = None,
    seed: int | None = None,
    device: str = "auto",
) -> Table:
    """The class of audio files, and the probability of every class, by a model that `run(keep_weights=True)` kept.

    A table or a text file among ``files`` lists further ones.

    The kept trainings of all folds and seeds are averaged, but for what ``fold``, ``seed`` and the like leave. Notes of
    the table name files that cannot be used; InputError where none can.
    """
    from ..audit.listed_files import files_of
    from ..running.predict import PredictOptions
    from ..running.predict import predict as predict_files

    several = [files] if isinstance(files, (str, Path)) else files
    options = PredictOptions(model, protocol, label_map, train, arm, fold, seed, device)
    named, lists = files_of([str(file) for file in several])
    predictions = predict_files(find_run(str(run)), named, options)
    notes = (*lists, *predictions.notes, *(f"no answer: {reason}" for reason in predictions.faults.values()))
    return Table(prediction_document(predictions.files), notes)


def in_notebook() -> bool:
    """Whether a notebook runs this."""
    shell = sys.modules.get("IPython")
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


def _options(
    study: str | None,
    protocol: str | None,
    quick: bool,
    frozen: str | Path | None,
    model: Names,
    corpus: Names,
    seeds: int | None,
    settings: Settings,
    jobs: int | None,
    device: str,
    precision: str,
    out: str | Path | None,
    keep_weights: bool,
    again: bool,
    label_map: str | Path | None = None,
    allow_pair: Names = (),
    distinct: bool = False,
    blind: bool = False,
) -> RunOptions:
    pairs = settings.items() if isinstance(settings, Mapping) else ()
    texts = [f"{name}={_text(value)}" for name, value in pairs] or list(settings)
    return RunOptions(
        study, protocol, quick, None if frozen is None else Path(frozen), _names(model), _names(corpus), seeds,
        tuple(texts), jobs, device, precision, None if out is None else Path(out), keep_weights, again,
        None if label_map is None else Path(label_map), _names(allow_pair), distinct, blind,
    )  # fmt: skip


def _names(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
