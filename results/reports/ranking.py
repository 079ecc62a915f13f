"""Models in the order of their scores: which models and corpora are in it, and the diagram of what is told apart."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from ..evidence.contestants import without_copies
from ..evidence.evidence import Evidence
from ..evidence.members import Member
from ..evidence.results import results_of
from ..statistics.metrics import METRICS
from ..statistics.order import Order, order_models
from . import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def without_twins(members: Sequence[Member], evidence: Evidence) -> list[Member]:
    """Without the points of a sweep that are its base over again, as `compare` ranks: one model counts once."""
    kept = {result.name for result in without_copies([r for r in results_of(evidence.records) if len(r.records)])}
    return [m for m in members if m.score.name in kept]


def order_of_members(here: Sequence[Member]) -> tuple[Order | None, str, list[str]]:
    """Order by UAR on one corpus, or its mean over several; which corpora; and sentences on what is not in it.

    In it are the models that are complete within a corpus: of all corpora the largest set. Corpora that lack one of
    them, or where they were tested on different rows, are left out. None where no model is complete.
    """
    complete = [m for m in here if m.score.n_done == m.score.n_cells]
    every = [list(part) for _, part in groupby(complete, key=lambda m: m.score.test)]
    labels = max(([m.score.label for m in section] for section in every), key=len, default=[])
    parts, where, other = [], [], []
    for section in every:
        chosen = {m.score.label: m for m in section if m.score.label in labels}
        if len(chosen) == len(labels) and len({(m.basis, m.speakers) for m in chosen.values()}) == 1:
            parts.append([chosen[label].parts for label in labels])
            where.append(section[0].score.test)
        elif len(chosen) == len(labels):
            other.append(section[0].score.test)
    out: dict[str, list[str]] = {}
    for m in here:
        if m.score.test not in where or m.score.label not in labels:
            if m.score.n_done < m.score.n_cells:
                reason = "incomplete"
            else:
                reason = "tested on other rows" if m.score.test in other else "not all corpora have the same models"
            out.setdefault(reason, []).append(f"{m.score.label} on {m.score.test}")
    missing = [f"Not in it, {reason}: {', '.join(of)}." for reason, of in out.items()]
    return order_models(parts, labels, METRICS["uar"]) if parts else None, ", ".join(where), missing


def order_figure(order: Order, under: str, where: str, missing: Sequence[str]) -> "Figure":
    """The models on a line of scores; ``under``: protocol and label map."""
    groups = [order.models[first : last + 1] for first, last in order.groups]
    several = ", mean over corpora" if "," in where else ""
    words = (
        f"{under}; {where}. UAR as in the tables{several}. A bar joins models that are not told apart at 5 %: t of the "
        f"difference of their scores over n = {order.n_speakers} test speakers and over trainings, corrected by Holm "
        "over all pairs."
    )
    return plots.score_order(order.models, order.scores, groups, " ".join([words, *missing]))
