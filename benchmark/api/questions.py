"""What is asked of results: comparisons, scores of predictions made elsewhere, audits, reports."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...errors import InputError
from ...results.evidence.clusters import Cluster
from ...results.evidence.evidence import open_evidence
from ...results.evidence.predictions_file import read, with_speakers_of
from ...results.evidence.store import find_run
from ...results.questions import file_scores
from ...results.questions.answers import answer
from ...results.questions.compare import compare as compare_models
from ...results.questions.unfinished import with_unfinished
from ...results.statistics.metrics import METRICS, Metric
from ...results.statistics.probabilities import find_any
from ...results.statistics.two_models import ROPE
from ...results.text import answer_text, comparison_text, file_text
from .tables import Table

if TYPE_CHECKING:
    from ...results.reports.report import Report
    from ..audit.judge import Audit

NARROW = 80  # columns of what is said of two models, or of a file

Runs = str | Path | Sequence[str | Path]


def compare(
    runs: Runs,
    a: str | None = None,
    b: str | None = None,
    *,
    metric: str = "uar",
    test: str | None = None,
    base: str = "",
    levels: Sequence[str] = (),
    blocks: Literal["speaker", "corpus"] = "speaker",
    level: float = 0.95,
    margin: float = ROPE,
    cluster: Cluster = "auto",
    mixed: bool = False,
) -> Table:
    """Models ``a`` and ``b``, named as tables name them, on every task that both have; or one ``test`` of all.

    Differences are a minus b; the main test is the one that holds for the protocol, p is corrected over the tasks, and
    a test that does not hold is refused. ``base``: the reference arm or model, and ``levels``: arms, models or
    conditions in order, for a ``test``. ``margin``, in [0, 1]: within it a difference is taken as none. ``cluster``:
    what is sampled as one, sessions where these have their own speakers. ``mixed`` as in `load`. Raises InputError for
    names that the runs do not have.
    """
    evidence = open_evidence([find_run(str(run)) for run in _several(runs)], mixed)
    evidence = replace(evidence, cluster=cluster)
    notes = tuple(evidence.notes)
    if test is not None:
        if a is not None or b is not None:
            raise InputError("compare: a test is of everything that runs hold; leave out the two models")
        answers = answer(evidence, metric, test, base, list(levels), blocks=blocks, level=level, margin=margin)
        return Table(answer_text.document(answers), notes)
    if base or levels or blocks != "speaker":
        raise InputError("compare: base, levels and blocks belong to a test")
    if a is None or b is None:
        raise InputError("compare: give two models as the tables name them, or a test")
    chosen = find_any(metric)
    if not isinstance(chosen, Metric):
        of = " ".join(map(str, _several(runs)))
        command = f"serbench compare {of} --test probabilities --metric {chosen.name} --base '{b}'"
        raise InputError(
            f"metric {chosen.name}: of probabilities, which have intervals of their differences: {command}"
        )
    comparisons = compare_models(evidence.records, evidence.predictions, a, b, chosen, level, margin)
    return Table(comparison_text.document(with_unfinished(comparisons, evidence)), notes, NARROW)


def score(*files: str | Path, metric: str = "uar", classes: Sequence[str] = (), distinct: bool = False) -> Table:
    """Predictions made elsewhere, one file or two: metrics, and of two the paired tests, first minus second.

    A file is CSV or Parquet with the columns id, truth, and guess or one score per class; with speaker there are
    intervals and tests. ``classes`` are those of the task, by default those of the truth: a guess in other words is
    read as its class, one that is none counts as wrong.
    ``distinct``: speakers that may be one (03 and 3) are two. Raises InputError for a file that cannot be read so.
    """
    if not 1 <= len(files) <= 2:
        raise InputError(f"{len(files)} files: give one, or two to compare")
    chosen = find_any(metric)
    if not isinstance(chosen, Metric):
        raise InputError(
            f"metric {chosen.name}: of probabilities; each file shows it with its interval, and tests of two files "
            f"take {', '.join(METRICS)}"
        )
    tables = [read(Path(file), classes, distinct) for file in files]
    if len(tables) == 2 and not distinct:
        tables[1] = with_speakers_of(tables[1], tables[0])
    tests = [file_scores.compare_files(tables[0], tables[1], chosen)] if len(tables) == 2 else []
    return Table(file_text.document([file_scores.score(one) for one in tables], tests), (), NARROW)


def audit(
    *files: str | Path,
    train: str | Path | None = None,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    path_column: str | None = None,
    split_column: str | None = None,
    speaker_column: str | None = None,
    sentence_column: str | None = None,
    corpus: str | None = None,
    audio: str | Path | None = None,
    promise: Collection[Literal["sentence"]] = (),
    distinct: bool = False,
    allow_pair: Sequence[str] = (),
) -> "list[Audit]":
    """The leaks of split files, one audit for each: does any test file share a speaker or recording with training?

    A file is CSV, JSON or JSON Lines with a path and a part per file; or ``train`` and ``test`` are a list each.
    ``audio``: the recordings, which finds identical and near-identical ones; ``allow_pair``: of these files "A=B" that
    are no copies, or files of such lines. ``distinct``: names that may be one (03 and 3) are two. An audit has
    ``leaks``, ``doubts``, and a verdict for every rule.
    """
    from ..audio import allowed
    from ..audit.judge import judge
    from ..audit.lists import Columns, read_parts, read_split

    columns = Columns(path_column, split_column, speaker_column, sentence_column)
    parts = {part: Path(file) for part, file in (("train", train), ("dev", dev), ("test", test)) if file is not None}
    if bool(files) == bool(parts):
        raise InputError("give FILE with all parts, or one list per part: --train A [--dev B] --test C")
    if parts and ("train" not in parts or len(parts) < 2):
        raise InputError(f"--{' and --'.join(parts)} alone: leaks lie between --train and --test (or --dev)")
    listings = [read_parts(parts, columns)] if parts else [read_split(Path(file), columns) for file in files]
    recordings = None if audio is None else Path(audio)
    if allow_pair and recordings is None:
        raise InputError("--allow-pair: overrules what is heard; give the recordings with --audio DIR")
    pairs = allowed.parse(allowed.read(allow_pair))
    return [judge(listing, corpus, recordings, frozenset(promise), distinct, pairs) for listing in listings]


def report(runs: Runs, out: str | Path | None = None, *, mixed: bool = False, blind: bool = False) -> "Report":
    """Write Markdown, CSV, LaTeX, figures and one HTML page of runs; ``page`` of what comes back is its path.

    ``out``: the report folder; by default in the run folder, or ``reports/<time>`` for several runs. ``mixed`` as in
    `load`. ``blind``: it does not say who made the runs and where, for a double-blind review.
    """
    from ...results.reports.report import report as write
    from ..planning.recipes import changed

    return write([str(run) for run in _several(runs)], None if out is None else Path(out), changed, mixed, blind)


def _several(runs: Runs) -> Sequence[str | Path]:
    return [runs] if isinstance(runs, (str, Path)) else runs
