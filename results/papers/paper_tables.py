"""Published tables, regenerated: every published value beside our runs under the replayed and the honest protocol.

Built from claims and replays; `paper_text` writes them. Whatever is computed from a published figure and was not
published itself is of kind ``recomputed`` and gets no verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..evidence.replays import Replay
from .comparisons import (
    Changes,
    ClaimLine,
    claim_lines,
    honest_of,
    matching,
    named,
    no_changes,
    other_recipe,
    other_task,
    prediction_of,
    replayed_of,
    values_of,
)
from .proposals import Judge, Proposal, as_it_is, proposals
from .publication import Claim, DerivedValue, Matrix, Paper, Publication
from .verdicts import matrix_distance


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A published table: name, title and lines."""

    name: str
    title: str
    lines: tuple[ClaimLine, ...]


@dataclass(frozen=True)
class MatrixComparison:
    """A published matrix and ours, summed over runs (C, C) in its order of classes; None where there is none.

    ``distance`` and ``distance_honest`` as `matrix_distance`; ``between`` is the mean distance of single runs of ours
    from each other, the yardstick. ``reason``: why there is no distance. ``left_out``: runs with new speakers, where
    none fits, and why. ``our_recipe``: ours are not of a recipe of the authors.
    """

    matrix: Matrix
    per_class: tuple[ClaimLine, ...]
    replayed: np.ndarray | None
    honest: np.ndarray | None
    distance: float | None
    distance_honest: float | None
    between: float | None
    reason: str
    left_out: str
    our_recipe: bool


@dataclass(frozen=True, slots=True)
class Check:
    """A published value and the same metric computed from the published figure."""

    claim: Claim
    matrix: Matrix
    recomputed: float

    @property
    def agrees(self) -> bool:
        """Whether the figure gives the value up to its rounding."""
        return abs(self.recomputed - self.claim.number) <= self.claim.rounding + 1e-9


@dataclass(frozen=True)
class PaperTables:
    """Everything that `serbench tables` shows of a paper."""

    paper: Paper
    tables: tuple[PaperTable, ...]
    matrices: tuple[MatrixComparison, ...]
    checks: tuple[Check, ...]
    derived: tuple[DerivedValue, ...]
    to_run: tuple[Proposal, ...]
    devices: tuple[str, ...]

    @property
    def lines(self) -> tuple[ClaimLine, ...]:
        """All lines: those of the tables, then those recomputed from matrices."""
        return (*(x for t in self.tables for x in t.lines), *(x for m in self.matrices for x in m.per_class))


def build(
    published: Publication,
    replays: Sequence[Replay],
    protocols: Iterable[str],
    models: Iterable[str],
    changed: Changes = no_changes,
    judge: Judge = as_it_is,
) -> PaperTables:
    """The tables of a paper. ``protocols`` and ``models`` are those that exist here, for what is proposed to run.

    ``changed`` as `claim_lines` takes it, ``judge`` as `proposals`.
    """
    paper = published.paper
    tables = []
    for name, title in paper.tables.items():
        claims = published.table(name)
        lines = [line for claim in claims for line in claim_lines(name, claim, replays, changed)]
        if lines:
            tables.append(PaperTable(name, title, tuple(lines)))
    matrices = tuple(_compared(matrix, replays, changed) for matrix in published.matrices)
    of_paper = [r for r in replays if r.model.partition("+")[0] in (*paper.models, *paper.ours)]
    return PaperTables(
        paper=paper,
        tables=tuple(tables),
        matrices=matrices,
        checks=tuple(_checks(published)),
        derived=published.derived,
        to_run=tuple(proposals([x for t in tables for x in t.lines], set(protocols), set(models), judge)),
        devices=tuple(sorted({device for r in of_paper for device in r.devices})),
    )


def _compared(matrix: Matrix, replays: Sequence[Replay], changed: Changes) -> MatrixComparison:
    task = matrix.task
    replay = next(iter(matching(replays, task, task.protocols, (*matrix.models, *matrix.ours), {})), None)
    reason = matrix.not_comparable
    if not reason:
        whole = replay is not None and len(replay.by_run) > 0
        reason = (
            other_task(replay, task) or other_recipe(replay, named(matrix), changed)
            if replay and whole
            else "not run yet"
        )
    honest, left_out = (None, "") if matrix.not_comparable else honest_of(replays, matrix, replay, changed)
    ours = None if reason or replay is None else _ordered(replay, matrix)
    theirs = None if honest is None else _ordered(honest, matrix)
    return MatrixComparison(
        matrix=matrix,
        per_class=tuple(_recomputed(matrix, None if reason else replay, honest)),
        replayed=None if ours is None else ours.sum(0),
        honest=None if theirs is None else theirs.sum(0),
        distance=None if ours is None else matrix_distance(matrix.counts, ours.sum(0)),
        distance_honest=None if theirs is None else matrix_distance(matrix.counts, theirs.sum(0)),
        between=None if ours is None else _between(ours),
        reason=reason,
        left_out=left_out,
        our_recipe=replay is not None and replay.model in matrix.ours,
    )


def _ordered(replay: Replay, matrix: Matrix) -> np.ndarray:
    """Matrices of the runs (runs, C, C) in the published order of classes."""
    order = [replay.classes.index(name) for name in matrix.classes]
    return replay.by_run[:, order][:, :, order]


def _between(by_run: np.ndarray) -> float | None:
    pairs = [matrix_distance(a, b) for i, a in enumerate(by_run) for b in by_run[i + 1 :]]
    distances = [d for d in pairs if d is not None]
    return float(np.mean(distances)) if distances else None


def _recomputed(matrix: Matrix, replay: Replay | None, honest: Replay | None) -> Iterable[ClaimLine]:
    """Precision, recall and F1 of every class, from the counts of the published figure."""
    for label in matrix.classes:
        for metric in ("precision", "recall", "f1"):
            value = float(values_of(matrix.counts[None], matrix.classes, metric, label)[0])
            yield ClaimLine(
                table="class",
                setting=matrix.setting,
                task=matrix.task,
                metric=metric,
                label=label,
                kind="recomputed",
                value=value,
                printed=f"{100 * value:.2f}",
                source=matrix.source.cite,
                status=matrix.source.status,
                remark="",
                model=replay.model if replay else next(iter(matrix.models), ""),
                protocol=replay.protocol if replay else next(iter(matrix.task.protocols), ""),
                replayed=replayed_of(replay, matrix.task, metric, label) if replay else None,
                honest=prediction_of(honest, metric, label) if honest else None,
            )


def _checks(published: Publication) -> Iterable[Check]:
    """Claims that a published figure of the same task repeats: what the figure gives for them."""
    for claim in published.claims:
        for matrix in published.matrices:
            same = claim.task == matrix.task and claim.models == matrix.models
            if same and not claim.not_comparable and not matrix.not_comparable:
                value = float(values_of(matrix.counts[None], matrix.classes, claim.metric, claim.label)[0])
                yield Check(claim, matrix, value)
