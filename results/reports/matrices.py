"""The train x test matrix of a model as a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evidence.corpora import UNKNOWN, Corpora
from ..evidence.scores import Score
from ..text.boards import under
from ..text.words import percent
from .style import GRID, INK, caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REST = "all other\ncorpora"


def matrix(scores: Sequence[Score], corpora: Corpora = UNKNOWN) -> "Figure":
    """UAR by training corpus (down) and test corpus (across) of one model; all scores share the condition.

    Where every score is trained on all corpora but its own, they share a row.
    """
    rest = _left_out(scores)
    trains = [REST] if rest else sorted({s.train for s in scores}, key=lambda t: (t.count("+"), t))
    tests = sorted({s.test for s in scores})
    figure, axes = _axes(*([_named(name, corpora) for name in names] for names in (trains, tests)))
    values = np.full((len(trains), len(tests)), np.nan)
    for s in scores:
        i, j = 0 if rest else trains.index(s.train), tests.index(s.test)
        values[i, j] = _shade(s)
        _write_cell(axes, s, i, j)
    shades: Any = {"cmap": "Blues", "vmin": 0, "vmax": 1, "edgecolors": GRID, "linewidth": 1, "zorder": 0}
    axes.pcolormesh(np.ma.masked_invalid(values), **shades)
    words = (
        "Percent: UAR, mean over seeds; below it the 95 % interval, chance, and the number of test "
        "utterances. Color: how far UAR lies above chance, of how far it can."
    )
    if any(s.train == s.test for s in scores):
        words += " Framed: trained and tested on the same corpus, on new speakers."
    caption(figure, f"{scores[0].label}: trained on (down), tested on (across); {under(scores[0])}", words)
    return figure


def _axes(down: Sequence[str], across: Sequence[str]) -> "tuple[Figure, Axes]":
    """Cells of 1.15 by 0.92 inches, named at the left and below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.15 * len(across), 0.92 * len(down)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, len(across)), ylim=(len(down), 0), xlabel="tested on", ylabel="trained on")
    slanted = max(len(line) for name in across for line in name.split("\n")) > 12
    turn: Any = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(np.arange(len(across)) + 0.5, across, **turn)
    axes.set_yticks(np.arange(len(down)) + 0.5, down)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    return figure, axes


def _left_out(scores: Sequence[Score]) -> bool:
    """Whether each of several scores is trained on all corpora of these scores but the one that it is tested on."""
    everything = {name for s in scores for name in (s.test, *s.train.split("+"))}
    return len(scores) > 1 and all({*s.train.split("+")} == everything - {s.test} for s in scores)


def _named(names: str, corpora: Corpora) -> str:
    language = corpora.language(names)
    return f"{names}\n({language})" if language else names


def _shade(s: Score) -> float:
    """From 0 at chance (and below) to 1 for a perfect model, whatever the number of classes; NaN where unknown."""
    uar, chance = s.metrics["uar"].mean, s.chance
    return np.nan if uar is None or chance is None else max(0.0, (uar - chance) / (1 - chance))


def _write_cell(axes: "Axes", s: Score, i: int, j: int) -> None:
    from matplotlib.patches import Rectangle

    uar = s.metrics["uar"]
    fixed: Any = {
        "ha": "center",
        "va": "center",
        "color": "#fdfdfd" if _shade(s) > 0.62 else "#111111",
    }  # on blue in any theme
    star = "*" if s.n_done < s.n_cells else ""
    axes.text(j + 0.5, i + 0.27, percent(uar.mean) + star, weight="bold", fontsize=10, **fixed)
    if uar.low is not None:
        axes.text(j + 0.5, i + 0.5, f"[{percent(uar.low)}, {percent(uar.high)}]", fontsize=7.5, **fixed)
    axes.text(j + 0.5, i + 0.76, f"chance {percent(s.chance)}\nn = {s.n_utterances}", fontsize=6.5, **fixed)
    if s.train == s.test:
        axes.add_patch(Rectangle((j + 0.03, i + 0.035), 0.94, 0.93, fill=False, edgecolor=INK, linewidth=1.4))
