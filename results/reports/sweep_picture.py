"""A sweep of two factors as a picture: UAR of every arm by their levels, the base marked."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evidence.arms import BASE, ArmGrid
from ..evidence.scores import Score
from ..text.axis_words import setting_axis
from ..text.boards import size, under
from ..text.words import percent, where
from .plots import intervals
from .style import GRID, INK, WIDTH, caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = (0.86, 0.5)  # inches
FRAME: Any = {"fill": False, "edgecolor": INK, "linewidth": 1.8}
WHITE_FROM = 0.62  # of the range of colors


def heat(found: Sequence[Score], grid: ArmGrid) -> "Figure":
    """One model under one train, test and condition; ``grid`` has two factors, the second runs across."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    (down, rows), (across, columns) = grid.factors.items()
    scores = {s.arm: s for s in found}
    width = min(CELL[0], WIDTH / len(columns))
    figure = Figure(figsize=(width * len(columns), CELL[1] * len(rows)))
    axes = figure.add_axes((0, 0, 1, 1))
    values = np.full((len(rows), len(columns)), np.nan)
    places = _places(grid, scores, rows, columns)
    bands = _bands(grid, scores, rows, columns)
    for band, score in bands:
        values[band] = 100 * (score.metrics["uar"].mean or np.nan)
    for place, score in places.items():
        values[place] = 100 * (score.metrics["uar"].mean or np.nan)
    measured = values[~np.isnan(values)]
    low, high = (float(measured.min()), float(measured.max())) if len(measured) else (0.0, 1.0)
    span = max(high - low, 5.0)  # a flat sweep looks flat
    shades: Any = {"cmap": "Blues", "vmin": high - span, "vmax": high, "edgecolors": GRID, "linewidth": 1, "zorder": 0}
    colors = axes.pcolormesh(np.ma.masked_invalid(values), **shades)
    for (i, j), score in places.items():
        _cell(axes, score, (i, j), (values[i, j] - high + span) / span)
    for (those, them), score in bands:
        top, left, tall, wide = those.start, them.start, those.stop - those.start, them.stop - them.start
        value = float(values[top, left])
        axes.add_patch(
            Rectangle((left, top), wide, tall, facecolor=colors.to_rgba(np.array([value]))[0], edgecolor=GRID)
        )
        _cell(axes, score, (top + (tall - 1) / 2, left + (wide - 1) / 2), (value - high + span) / span)
    if (framed := _base_place(grid, rows, columns)) in places:
        axes.add_patch(Rectangle((framed[1] + 0.03, framed[0] + 0.05), 0.94, 0.9, **FRAME))
    axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0), xlabel=setting_axis(across), ylabel=setting_axis(down))
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    caption(figure, f"UAR by {down} and {across}: {found[0].model}, {where(found[0])}", _words(found, grid, scores))
    return figure


def _places(
    grid: ArmGrid, scores: Mapping[str, Score], rows: Sequence[str], columns: Sequence[str]
) -> dict[tuple[int, int], Score]:
    """Row and column of every arm; the base where no other arm has its place."""
    down, across = grid.factors
    places: dict[tuple[int, int], Score] = {}
    for arm, point in sorted(grid.points.items(), key=lambda item: item[0] != BASE):  # the base first
        if arm in scores and down in point and across in point:
            places[rows.index(point[down]), columns.index(point[across])] = scores[arm]
    return places


def _base_place(grid: ArmGrid, rows: Sequence[str], columns: Sequence[str]) -> tuple[int, int] | None:
    """Row and column of the levels of the base, whichever arm stands there."""
    (down, across), point = grid.factors, grid.points.get(BASE, {})
    return (rows.index(point[down]), columns.index(point[across])) if down in point and across in point else None


def _bands(
    grid: ArmGrid, scores: Mapping[str, Score], rows: Sequence[str], columns: Sequence[str]
) -> list[tuple[tuple[slice, slice], Score]]:
    """Rows and columns of every arm that has a level of one factor only: without a loss there is no margin to vary."""
    down = next(iter(grid.factors))
    full = [point for point in grid.points.values() if len(point) > 1]
    bands = []
    for arm, point in grid.points.items():
        if arm not in scores or len(point) != 1:
            continue
        ((name, level),) = point.items()
        if any(other[name] == level for other in full):
            continue  # its cells are taken
        at = (rows if name == down else columns).index(level)
        one, every = slice(at, at + 1), slice(0, len(columns) if name == down else len(rows))
        bands.append(((one, every) if name == down else (every, one), scores[arm]))
    return bands


def _cell(axes: "Axes", s: Score, place: tuple[float, float], shade: float) -> None:
    i, j = place
    uar = s.metrics["uar"]
    color = "#fdfdfd" if shade > WHITE_FROM else "#111111"  # on blue in any theme
    fixed: Any = {"ha": "center", "va": "center", "color": color}
    star = "*" if s.n_done < s.n_cells else ""
    axes.text(j + 0.5, i + 0.36, percent(uar.mean) + star, weight="bold", fontsize=9, **fixed)
    if uar.low is not None:
        axes.text(j + 0.5, i + 0.72, f"[{percent(uar.low)}, {percent(uar.high)}]", fontsize=6.5, **fixed)


def _words(found: Sequence[Score], grid: ArmGrid, scores: Mapping[str, Score]) -> str:
    base = scores.get(BASE)
    levels = [list(names) for names in grid.factors.values()]
    shown = _base_place(grid, levels[0], levels[1]) in _places(grid, scores, levels[0], levels[1])
    beside = f" The base (not on the grid): {percent(base.metrics['uar'].mean)}." if base and not shown else ""
    framed = " Framed: the base." if shown else beside
    banded = {s.arm for _, s in _bands(grid, scores, *map(list, grid.factors.values()))}
    absent = [s.arm for s in found if s.arm not in {BASE, *banded} and len(grid.points.get(s.arm, {})) < 2]
    named = ", ".join(f"{arm} {percent(scores[arm].metrics['uar'].mean)}" for arm in absent)
    others = f" Not on the grid: {named}." if absent else ""
    part = " * not all cells are done." if any(s.n_done < s.n_cells for s in found) else ""
    return (
        f"{under(found[0])}. In %: UAR, mean over seeds; brackets: {intervals(found).removeprefix('Bar: ')} "
        f"{size(found)}. Colors span the scores shown, 5 points at least.{framed}{others}{part}"
    )
