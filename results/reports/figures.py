"""Figures: confusion matrices, as PNG and SVG. Importing this file is cheap; drawing imports matplotlib."""

import hashlib
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..evidence.scores import Score, scores
from ..text.words import headline, percent
from .style import RC, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL_INCHES = 0.62  # of a cell; a small matrix has larger ones, to be SIDE_INCHES wide
SIDE_INCHES = 2.6
WHITE_FROM = 0.7  # share from which white numbers are easier to read than black ones
LETTER_INCHES = 0.078  # room for a letter of 9 points


def confusions(records: pd.DataFrame, predictions: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw one confusion matrix per score of these frames into ``folder``; returns the PNG files.

    Beside each lies the same picture as SVG.
    """
    return draw(scores(records, predictions), folder)


def draw(found: Sequence[Score], folder: Path) -> list[Path]:
    """Draw the confusion matrix of every score that has one; returns the PNG files, in the order of the scores."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for score in found:
        if score.confusion is not None and score.confusion.sum():
            path = folder / f"{file_name(score)}.png"
            confusion(score.confusion, score.classes, title(score), path)
            paths.append(path)
    return paths


def file_name(score: Score) -> str:
    """A name for files (without ending) that no other score has; letters, digits, ``-``, ``.`` and ``_`` only."""
    parts = (score.protocol, score.label, score.train, score.test, score.condition, score.label_map)
    readable = [re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-.")[:40] for part in parts]
    mark = hashlib.sha256(repr((parts, score.leaks)).encode()).hexdigest()[:6]
    return "_".join(["confusion", *readable, mark])


def title(score: Score) -> list[str]:
    """Lines above the matrix: what it is, what it scores, and what is counted."""
    where = score.test if score.train == score.test else f"{score.train} → {score.test}"
    condition = [score.condition] if score.kind != "clean" else []
    leaks = [f"LEAK: {', '.join(score.leaks)} shared"] if score.leaks else []
    part = [f"{score.n_done} of {score.n_cells} cells"] if score.n_done < score.n_cells else []
    runs = f" × {score.n_runs} runs" if score.n_runs > 1 else ""
    return [
        score.label,
        ", ".join([score.protocol, where, *condition, *leaks]),
        f"UAR {headline(score)} %, chance {percent(score.chance)} %",
        ", ".join([f"{score.n_utterances} utterances{runs}", *part]) + "; numbers: % of row, count",
    ]


def confusion(counts: np.ndarray, classes: Sequence[str], title: Sequence[str], path: Path) -> list[Path]:
    """Draw counts (C, C), true class by chosen class, to ``path`` (PNG) and beside it as SVG; returns both.

    Color and upper number: percent of the row (recall on the diagonal). Lower number: the count. A class without
    test rows is hatched. The same input gives the same bytes.
    """
    import matplotlib

    with matplotlib.rc_context(RC):
        svg = save(_confusion_figure(counts, classes, title), path.with_suffix(""))
    return [svg.with_suffix(".png"), svg]


def _confusion_figure(counts: np.ndarray, classes: Sequence[str], title: Sequence[str]) -> "Figure":
    """Sizes are in inches; whoever saves it crops or widens the page to what is drawn."""
    from matplotlib.figure import Figure

    n = len(classes)
    side = max(n * CELL_INCHES, SIDE_INCHES)
    figure = Figure(figsize=(side, side))
    axes = figure.add_axes((0, 0, 1, 1))
    rows = counts.sum(1, keepdims=True)
    share = np.where(rows > 0, counts / np.maximum(rows, 1), np.nan)
    axes.pcolormesh(np.ma.masked_invalid(share), cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1.2)
    axes.set(xlim=(0, n), ylim=(n, 0), xlabel="predicted class", ylabel="true class (n)")
    slanted = max(map(len, classes)) * LETTER_INCHES > side / n - 0.04
    turn: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axes.set_xticks(np.arange(n) + 0.5, classes, **turn)
    axes.set_yticks(np.arange(n) + 0.5, [f"{c} ({k})" for c, k in zip(classes, rows[:, 0], strict=True)])
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _write_title(figure, axes, title)  # before the cells, whose many texts would be laid out for it
    _write_cells(axes, counts, share)
    return figure


def _write_cells(axes: "Axes", counts: np.ndarray, share: np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    n = len(counts)
    rise = 0.08 * n / max(n * CELL_INCHES, SIDE_INCHES)  # of the upper number, 0.08 inches in parts of a cell
    for i in np.flatnonzero(np.isnan(share[:, 0])):
        axes.add_patch(Rectangle((0.0, float(i)), n, 1, facecolor="0.94", edgecolor="0.75", hatch="///", linewidth=0))
        box = {"facecolor": "0.94", "edgecolor": "none", "pad": 2}
        axes.text(n / 2, i + 0.5, "no test rows", ha="center", va="center", fontsize=8, bbox=box)
    for i, j in zip(*np.nonzero(~np.isnan(share)), strict=True):
        color = "white" if share[i, j] > WHITE_FROM else "black" if counts[i, j] else "0.55"
        weight = "bold" if i == j else "normal"
        at: dict[str, Any] = {"ha": "center", "va": "center", "color": color}
        upper = axes.text(j + 0.5, i + 0.5 - rise, f"{100 * share[i, j]:.1f}", fontsize=9, weight=weight, **at)
        lower = axes.text(j + 0.5, i + 0.5 + 1.4 * rise, f"{counts[i, j]}", fontsize=7, **at)
        upper.set_in_layout(False)  # inside the axes: the page is found without them
        lower.set_in_layout(False)


def _write_title(figure: "Figure", axes: "Axes", title: Sequence[str]) -> None:
    """Lines above the matrix from the left edge of what is drawn, wrapped to its width."""
    figure.draw_without_rendering()
    left = figure.transFigure.inverted().transform(axes.yaxis.label.get_window_extent())[0, 0]  # < 0: beside the axes
    width = (1 - left) * figure.get_figwidth()
    lines = [part for line in title for part in textwrap.wrap(line, int(width / LETTER_INCHES))]
    height = figure.get_figheight()
    for k, line in enumerate(reversed(lines)):
        first = k == len(lines) - 1
        figure.text(left, 1 + (0.12 + 0.18 * k) / height, line, fontsize=9, weight="bold" if first else "normal")
