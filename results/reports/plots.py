"""Pictures of scores: leaderboard, spread over speakers, leak ladder, order.

Each function takes scores (or numbers) and returns a figure whose title and caption say what it needs to be read:
what is drawn, on what it stands, how the intervals are made, and where chance is. `style.save` writes it.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evidence.members import Member
from ..evidence.results import FLOOR
from ..evidence.scores import Score
from ..text.axis_words import told_apart
from ..text.boards import BoardLine, lines_of, under
from ..text.words import headline
from .style import INK, LETTER, PAPER, SOFT, WIDTH, caption, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.235  # inches of a line of a leaderboard
MEAN = "Mark: mean over seeds of the UAR of all test folds together."
CHANCE = "Dashed line: chance."


def intervals(scores: Sequence[Score]) -> str:
    """How the intervals of these scores were made."""
    methods = sorted({s.interval_method for s in scores if s.interval_method}, key=str.casefold)
    none = [s for s in scores if s.interval_reason]
    text = f"Bar: 95 % interval, {'; '.join(methods)}." if methods else ""
    return f"{text} Without bar: {none[0].interval_reason}.".strip() if none else text


def unfinished(scores: Sequence[Score]) -> str:
    """A remark where a score lacks cells: what is drawn side by side may then be of other speakers."""
    some = sum(s.n_done < s.n_cells for s in scores)
    return f" Not all cells are done: {some} of {len(scores)} scores lack some." if some else ""


def floor_of(scores: Iterable[Score]) -> list[str]:
    """The models under all others."""
    return list(dict.fromkeys(s.model for s in scores if s.role == FLOOR))


def leaderboard(scores: Sequence[Score], order: Sequence[str] = ()) -> "Figure":
    """Mean and interval of every score of one protocol, a group per train and test; ``order`` as `look` takes it."""
    figure, axes, lines = _rows(scores)
    looks = look([s.model for s in scores], order, floor_of(scores))
    for y, line in enumerate(lines):
        if line.score is None:
            continue
        uar, own = line.score.metrics["uar"], looks[line.score.model]
        if uar.mean is None:
            continue
        if uar.low is not None and uar.high is not None:
            axes.plot([100 * uar.low, 100 * uar.high], [y, y], color=own["color"], linewidth=2.4, alpha=0.55)
        axes.plot(100 * uar.mean, y, marker=own["marker"], color=own["color"], linestyle="none", zorder=3)
        axes.annotate(headline(line.score), (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    _finish(figure, scores, "UAR of every model", f"{MEAN} {intervals(scores)} {CHANCE}")
    return figure


def speakers(members: Sequence[Member], order: Sequence[str] = ()) -> "Figure":
    """UAR of every test speaker, a line per model; ``order`` as `look` takes it."""
    scores = [m.score for m in members]
    figure, axes, lines = _rows(scores)
    looks = look([s.model for s in scores], order, floor_of(scores))
    of = {id(m.score): m for m in members}
    for y, line in enumerate(lines):
        if line.score is None:
            continue
        values = 100 * of[id(line.score)].by_speaker
        shift = 0.26 * np.sin(2.4 * np.arange(len(values)))  # spread out, the same each time
        color = looks[line.score.model]["color"]
        axes.plot(
            values,
            y + shift,
            "o",
            color=color,
            markersize=3.6,
            alpha=0.7,
            markeredgecolor=PAPER,
            mew=0.3,
            clip_on=False,
        )
        if len(values):
            axes.plot([values.mean()] * 2, [y - 0.4, y + 0.4], color=INK, linewidth=1.6, zorder=4)
            text = f"{values.min():.0f} to {values.max():.0f}"
            axes.annotate(text, (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    words = (
        "Dot: UAR of one test speaker over the classes that he or she has, seeds averaged. Upright line: their mean. "
        f"Right: lowest and highest speaker. {CHANCE}"
    )
    _finish(figure, scores, "Spread over test speakers", words)
    return figure


def _rows(scores: Sequence[Score]) -> "tuple[Figure, Axes, list[BoardLine]]":
    """Axes with a line of text per score, chance drawn in each group."""
    from matplotlib.figure import Figure
    from matplotlib.transforms import blended_transform_factory

    lines = lines_of(scores)
    room = LETTER * max(len(line.text) for line in lines if line.score) + 0.15  # inches for the names
    width = max(WIDTH, room + 3.6)
    figure = Figure(figsize=(width, max(1.2, ROW * len(lines) + 0.2)))
    axes = figure.add_axes((room / width, 0, 1 - (room + 1.3) / width, 1))
    axes.set(xlim=(0, 100), ylim=(len(lines) - 0.5, -0.5), xlabel="UAR (%)")
    rows = [y for y, line in enumerate(lines) if line.score]
    axes.set_yticks(rows, [lines[y].text for y in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    for y, line in enumerate(lines):
        if line.score is None:
            box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
            place = blended_transform_factory(figure.transFigure, axes.transData)
            axes.text(0, y, line.text, transform=place, va="center", fontsize=8.5, weight="bold", bbox=box)
        elif line.score.chance is not None:
            axes.plot([100 * line.score.chance] * 2, [y - 0.5, y + 0.5], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    return figure, axes, lines


def _finish(figure: "Figure", scores: Sequence[Score], what: str, words: str) -> None:
    part = " * not all cells are done." if any(s.n_done < s.n_cells for s in scores) else ""
    caption(figure, f"{what}: {under(scores[0])}", words + part)


def draw_points(axes: "Axes", points: Sequence[tuple[float, Score]], own: dict[str, Any], name: str) -> None:
    """Means joined by a line, with upright interval bars."""
    means = [(x, s.metrics["uar"]) for x, s in points if s.metrics["uar"].mean is not None]
    axes.plot([x for x, _ in means], [100 * (u.mean or 0) for _, u in means], **own, label=name, zorder=3)
    for x, u in means:
        if u.low is not None and u.high is not None:
            axes.plot([x, x], [100 * u.low, 100 * u.high], color=own["color"], linewidth=2.2, alpha=0.45)


def legend(figure: "Figure", axes: "Axes", n: int) -> None:
    """Below everything that the axes have drawn."""
    figure.draw_without_rendering()
    height = figure.get_figheight()
    bottom = figure.get_tightbbox().y0 / height
    columns = max(1, min(n, 3))
    figure.legend(
        *axes.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0, bottom - 0.05 / height), ncols=columns
    )


def score_order(names: Sequence[str], scores: Sequence[float], groups: Sequence[Sequence[str]], words: str) -> "Figure":
    """Scores, in [0, 1], best first, on a line of percent, best left; a bar joins what cannot be told apart."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    values = [100 * score for score in scores]
    half = (len(names) + 1) // 2
    figure = Figure(figsize=(WIDTH * 0.62, 0.5 + 0.16 * len(groups) + 0.2 * half))
    axes = figure.add_axes((0, 0, 1, 1))
    depth = 0.7 + 0.8 * len(groups)
    margin = max(0.06 * (max(values) - min(values)), 0.5)
    ends = (max(values) + margin, min(values) - margin)
    axes.set(xlim=ends, ylim=(depth + half + 0.3, -0.9))
    axes.axis("off")
    axes.plot(ends, [0, 0], color=INK, linewidth=1.2)
    for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(ends[1], ends[0]):
        if ends[1] <= tick <= ends[0] and 0 <= tick <= 100:
            axes.plot([tick] * 2, [0, -0.25], color=INK, linewidth=1)
            axes.text(tick, -0.4, f"{tick:g}", ha="center", va="bottom", fontsize=8.5)
    texts = told_apart(values)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        _beside_line(axes, (name, texts[place]), value, place, half, (depth, len(names)))
    of = dict(zip(names, values, strict=True))
    for g, group in enumerate(groups):
        edges = [of[name] for name in group]
        reach = 0.15 * margin
        axes.plot([max(edges) + reach, min(edges) - reach], [0.6 + 0.8 * g] * 2, color=INK, linewidth=4, alpha=0.85)
    caption(figure, "UAR in % of every model, best left", words)
    return figure


def _beside_line(
    axes: "Axes", words: tuple[str, str], value: float, place: int, half: int, sizes: tuple[float, int]
) -> None:
    """A model, by its name and number, beside the line: the better half to the left, the others to the right."""
    left, (depth, n) = place < half, sizes
    first, last = axes.get_xlim()
    y = depth + (place if left else n - 1 - place) + 0.4
    edge = first + 0.02 * (first - last) if left else last - 0.02 * (first - last)
    axes.plot([value, value, edge], [0, y, y], color=SOFT, linewidth=0.9, clip_on=False)
    text = "  ".join(words if left else reversed(words))
    axes.text(edge, y, f"{text} " if left else f" {text}", ha="right" if left else "left", va="center", fontsize=8.5)
