"""How sure models are and how often they are right: reliability, and risk against coverage, as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..evidence.evidence import Evidence
from ..evidence.members import Member
from ..evidence.scores import Score
from ..statistics.probabilities import ECE_BINS, reliability, risk_coverage
from ..text.boards import size, under
from ..text.words import where
from .plots import floor_of
from .style import INK, WIDTH, caption, look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 200  # of a risk-coverage curve
LEAST_ROWS = 10  # of a bin that is drawn


@dataclass(frozen=True)
class Sureness:
    """The answers of one score, runs together: `reliability`, and points (coverage, risk)."""

    score: Score
    bins: pd.DataFrame
    coverage: np.ndarray
    risk: np.ndarray


def sureness(member: Member, evidence: Evidence) -> Sureness | None:
    """Of a score whose predictions all have probabilities; None for others."""
    n = len(member.score.classes)
    first, last = evidence.probabilities.offset[member.at], evidence.probabilities.offset[member.at + 1]
    if not len(first) or not (last - first == n).all():
        return None
    values = np.exp(evidence.probabilities.values[first[:, None] + np.arange(n)].astype(float))
    curve = risk_coverage(member.truth, values)
    first_shown = min(LEAST_ROWS, len(curve)) - 1  # of fewer answers a share says little
    at = np.unique(np.linspace(first_shown, len(curve) - 1, MOST_POINTS).round().astype(int))
    coverage, risk = (curve[name].to_numpy()[at] for name in ("coverage", "risk"))
    return Sureness(member.score, reliability(member.truth, values), coverage, risk)


def picture(models: Sequence[Sureness], order: Sequence[str] = ()) -> "Figure":
    """Two panels: accuracy by confidence, and the share of errors among the surest answers.

    ``order`` as `look` takes it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 2.7))
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.28, "left": 0, "right": 1, "bottom": 0, "top": 1})
    looks = look([one.score.label for one in models], order, floor_of(one.score for one in models))
    for one in models:
        own: dict[str, Any] = looks[one.score.label]
        bins = one.bins[one.bins["n"] >= LEAST_ROWS]
        left.plot(100 * bins["confidence"], 100 * bins["accuracy"], **own, label=one.score.label)
        right.plot(100 * one.coverage, 100 * one.risk, color=own["color"], linestyle=own["linestyle"])
    left.plot([0, 100], [0, 100], color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    chance = models[0].score.chance
    if chance is not None:
        right.axhline(100 * (1 - chance), color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    left.set(xlabel="probability of the answer (%)", ylabel="answers that are right (%)", xlim=(0, 100), ylim=(0, 100))
    right.set(xlabel="surest answers that are kept (%)", ylabel="errors among them (%)", xlim=(0, 100), ylim=(0, 100))
    figure.draw_without_rendering()
    height = figure.get_figheight()
    bottom = figure.get_tightbbox().y0 / height
    columns = max(1, min(len(models), 3))
    figure.legend(
        *left.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0, bottom - 0.05 / height), ncols=columns
    )
    first = models[0].score
    words = (
        f"Left: bins of equal width of the probability ({ECE_BINS} in all, from {LEAST_ROWS} answers on); "
        "on the dashed diagonal a model is as often right as it says. Right: risk against coverage; dashed: chance. "
        f"Answers of all folds, seeds and repeats together. {size([one.score for one in models])}."
    )
    caption(figure, f"How sure and how often right, {where(first)}: {under(first)}", words)
    return figure
