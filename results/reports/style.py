"""The one look of all figures: sizes, inks, colors and marks that can be told apart in grey and by the color-blind.

Ink, paper and grid are written into the SVG files as they stand here; the page replaces them by its theme.
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID, PAPER = "#1b1b1d", "#5f6368", "#d9dce1", "#ffffff"
#: after Okabe and Ito 2008, in an order of changing lightness
COLORS = ("#0072b2", "#e69f00", "#d55e00", "#56b4e9", "#7a4fb5", "#cc79a7", "#009e73")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (1, 1)))
WIDTH = 6.3  # inches: a text column
LETTER = 0.073  # inches of a letter of 9 points, about
RC: Any = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 9, "axes.labelsize": 9, "legend.fontsize": 8.5,
    "xtick.labelsize": 8.5, "ytick.labelsize": 8.5, "text.parse_math": False, "svg.hashsalt": "serbench",
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": SOFT, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER,
    "axes.titleweight": "bold", "axes.titlelocation": "left", "legend.frameon": False, "lines.linewidth": 1.5,
    "lines.markersize": 5, "xtick.major.size": 3, "ytick.major.size": 3,
}  # fmt: skip


def look(names: Sequence[str], order: Sequence[str] = (), floor: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Color, mark and dash of each name; those of the ``floor`` are grey. No two names look alike up to 63 of them.

    ``order``: names of several pictures, in which those of this one look alike; it is left where two of few names
    would share a color.
    """
    shown = [name for name in dict.fromkeys(names) if name not in floor]
    place = {name: k for k, name in enumerate(dict.fromkeys(name for name in (*order, *shown) if name not in floor))}
    if len({place[name] % len(COLORS) for name in shown}) < min(len(shown), len(COLORS)):
        place = {name: k for k, name in enumerate(shown)}
    looks: dict[str, dict[str, Any]] = {}
    for name in shown:
        k = place[name]
        mark, dash = MARKS[k % len(MARKS)], DASHES[k % len(DASHES)]
        looks[name] = {"color": COLORS[k % len(COLORS)], "marker": mark, "linestyle": dash}
    grey = {"color": SOFT, "marker": "x", "linestyle": DASHES[4]}
    return looks | dict.fromkeys(floor or [""], grey)  # its place is kept where it is not there


def chance_line(axes: "Axes", value: float | None, upright: bool = False) -> None:
    """A dashed line at chance, where it is known (a share in [0, 1]; axes are in percent)."""
    if value is not None:
        draw = axes.axvline if upright else axes.axhline
        draw(100 * value, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)


def wrapped(text: str, width_inches: float = WIDTH) -> str:
    """Lines that fit a width."""
    import textwrap

    return "\n".join(textwrap.wrap(text, max(20, int(width_inches / LETTER)), break_on_hyphens=False))


def caption(figure: "Figure", title: str, words: str) -> None:
    """A bold title above everything that is drawn, and words below it; both wrapped to the width of the figure."""
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    left, room = box.x0 / width, max(box.x1, width) - box.x0
    figure.text(left, (box.y1 + 0.12) / height, wrapped(title, room), ha="left", va="bottom", weight="bold")
    text = wrapped(words, room * 1.2)
    figure.text(left, (box.y0 - 0.1) / height, text, ha="left", va="top", fontsize=8, color=SOFT)


def save(figure: "Figure", path: Path) -> Path:
    """Write ``path`` (without ending) as SVG and PNG; returns the SVG. The same figure gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    page = figure.get_tightbbox().padded(0.08)
    svg, png = path.parent / f"{path.name}.svg", path.parent / f"{path.name}.png"
    figure.savefig(png, dpi=200, metadata={"Software": None}, bbox_inches=page)
    figure.savefig(svg, metadata={"Date": None, "Creator": None}, bbox_inches=page)
    return svg


def file_name(*parts: str) -> str:
    """A name for a file: letters, digits, ``-``, ``.`` and ``_`` only, at most 120 long, and no other text has it."""
    import hashlib

    readable = "_".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-.")[:40] for part in parts)
    return f"{readable[:110]}_{hashlib.sha256(repr(parts).encode()).hexdigest()[:6]}"
