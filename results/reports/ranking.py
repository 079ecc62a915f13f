"""Models ranked over test speakers: which models and corpora are in it, and the critical-difference diagram."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ..evidence.members import Member
from ..statistics.many_models import Ranking, rank_models
from . import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ranking_of(here: Sequence[Member]) -> tuple[Ranking | None, str, list[str]]:
    """Ranks over the speakers of one or more corpora; which corpora; and sentences on what is not in it.

    Ranked are the models that are complete within a corpus: of all corpora the largest set. Corpora that lack one of
    them, or where they were tested on different rows, give no blocks. None where no model is complete.
    """
    complete = [m for m in here if m.score.n_done == m.score.n_cells]
    every = [list(part) for _, part in groupby(complete, key=lambda m: m.score.test)]
    labels = max(([m.score.label for m in section] for section in every), key=len, default=[])
    rows, where, other = [], [], []
    for section in every:
        chosen = {m.score.label: m for m in section if m.score.label in labels}
        if len(chosen) == len(labels) and len({(m.basis, m.speakers) for m in chosen.values()}) == 1:
            rows.append(np.stack([chosen[label].by_speaker for label in labels], axis=1))
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
    matrix = np.concatenate(rows) if rows else np.zeros((0, len(labels)))
    return rank_models(matrix, labels) if labels else None, ", ".join(where), missing


def ranking_figure(ranking: Ranking, under: str, where: str, missing: Sequence[str]) -> "Figure":
    """The critical-difference diagram of these ranks; ``under``: protocol and label map."""
    groups = [ranking.models[first : last + 1] for first, last in ranking.groups]
    p = "p < 0.001" if (ranking.friedman_p or 0) < 0.001 else f"p = {ranking.friedman_p:.3f}"
    p = p.replace(" ", "\N{NO-BREAK SPACE}")  # stays on one line
    words = (
        f"{under}; {where}. Models are ranked by UAR on each of n = {ranking.n_blocks} test speakers, seeds averaged. "
        f"A bar joins models that the Nemenyi test does not tell apart at 5 %. Friedman's test of all being equal: {p}."
    )
    return plots.critical_difference(
        ranking.models, ranking.ranks, groups, ranking.critical_difference, " ".join([words, *missing])
    )
