"""Pictures with a course: conditions from mild to strong, arms of a sweep, epochs of trainings."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evidence.arms import BASE, number
from ..evidence.results import TWO_WAYS
from ..evidence.scores import Score
from ..text.axis_words import level_axis
from ..text.boards import size, under
from ..text.words import where
from .plots import CHANCE, MEAN, draw_points, floor_of, intervals, legend, unfinished
from .style import COLORS, INK, SOFT, WIDTH, caption, chance_line, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TrainingCurve:
    """One training: a line per epoch, and the epoch that was taken. Curves of one ``label`` share a panel."""

    label: str
    history: list[dict[str, float]]
    epoch: int
    chance: float | None


def noise(scores: Sequence[Score], order: Sequence[str] = ()) -> "Figure":
    """UAR of every model by condition: a panel per kind with several levels, from clean (left) to strong (right), and
    one for all other conditions; ``order`` as `look` takes it."""
    from matplotlib.figure import Figure

    parts = [(s, s.kind, s.level, s.unit) for s in scores]
    clean = [s for s, kind, level, _ in parts if level is None and kind == "clean"]
    levels: dict[str, set[float | None]] = {}
    for _, kind, level, _ in parts:
        levels.setdefault(kind, set()).add(level)
    kinds = [kind for kind, known in levels.items() if len(known) > 1]
    single = [s for s, kind, _, _ in parts if kind not in kinds and kind != "clean"]
    panels = [*kinds, *([""] if single else [])]
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH if columns == 2 else 0.62 * WIDTH, 2.35 * rows))
    grid: Any = figure.subplots(rows, columns, sharey=True, squeeze=False, gridspec_kw={"hspace": 0.65, "wspace": 0.08})
    names = list(dict.fromkeys(s.label for s in scores))
    looks = look(names, order, floor_of(scores))
    for k, (kind, axes) in enumerate(zip(panels, grid.flat, strict=False)):
        those = [s for s, of, _, _ in parts if of == kind] if kind else single
        unit = next((u for _, of, _, u in parts if of == kind), "")
        _panel(axes, [*clean, *those], looks, kind, level_axis(kind, unit) if kind else "")
        axes.set_ylabel("UAR (%)" if k % columns == 0 else "")
        chance_line(axes, scores[0].chance)
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    legend(figure, grid.flat[0], len(names))
    but = ", but for those with train_snr" if any("train_snr" in s.arm for s in scores) else ""
    words = f"{MEAN} {intervals(scores)} {CHANCE} Trained on clean speech{but}. {size(scores)}.{unfinished(scores)}"
    caption(figure, f"UAR by condition, {where(scores[0])}: {under(scores[0])}", words)
    return figure


def _panel(axes: "Axes", scores: Sequence[Score], looks: dict[str, dict[str, Any]], title: str, below: str) -> None:
    """One kind, what its levels are ``below`` it; without title, those that have no course, and no line joins them.

    What goes in two ways has clean between them, or no line where its place is not known.
    """
    names = list(dict.fromkeys(s.condition for s in scores))
    level_of = {s.condition: s.level for s in scores}
    kind = next(s.kind for s in scores if s.condition == names[-1])
    clean = TWO_WAYS.get(kind)
    if title and clean is not None:
        place = {name: clean if name == "clean" else level_of[name] or 0.0 for name in names}
        names.sort(key=place.__getitem__)
    levels = [level_of[name] for name in names]
    text = [name if level is None or not title else f"{level:g}" for name, level in zip(names, levels, strict=True)]
    for k, (name, own) in enumerate(looks.items()):
        points = [(names.index(s.condition), s) for s in scores if s.label == name]
        shift = 0.4 * (k - (len(looks) - 1) / 2) / max(len(looks), 4)
        joined = bool(title) and (kind not in TWO_WAYS or clean is not None)
        line = own if joined else {**own, "linestyle": "none"}
        draw_points(axes, sorted((x + shift, s) for x, s in points), line, name) if points else None
    turn: Any = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if max(map(len, text)) > 9 else {}
    axes.set_xticks(range(len(names)), text, **turn)
    axes.set(title=title or "other conditions", xlabel=below, ylim=(0, 100), xlim=(-0.5, len(names) - 0.5))
    axes.grid(visible=False, axis="x")


def arms(scores: Sequence[Score], order: Sequence[str] = ()) -> "Figure":
    """UAR of every model by arm, under one train, test and condition; arms stand in the order of their levels.

    ``order`` as `look` takes it.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(s.arm for s in sorted(scores, key=arm_order)))
    models = list(dict.fromkeys(s.model for s in scores))
    looks = look(models, order, floor_of(scores))
    figure = Figure(figsize=(WIDTH if len(names) > 4 else 0.7 * WIDTH, 2.6))
    axes = figure.add_axes((0, 0, 1, 1))
    for k, model in enumerate(models):
        shift = 0.5 * (k - (len(models) - 1) / 2) / max(len(models), 4)
        points = sorted((names.index(s.arm) + shift, s) for s in scores if s.model == model)
        draw_points(axes, points, {**looks[model], "linestyle": "none"}, model)
    turn: Any = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 8 else {}
    axes.set_xticks(range(len(names)), names, **turn)
    axes.set(ylim=(0, 100), xlim=(-0.5, len(names) - 0.5), ylabel="UAR (%)", xlabel="arm (a change of settings)")
    axes.grid(visible=False, axis="x")
    chance_line(axes, scores[0].chance)
    legend(figure, axes, len(models))
    condition = "" if scores[0].condition == "clean" else f", {scores[0].condition}"
    words = f"{MEAN} {intervals(scores)} {CHANCE} {size(scores)}.{unfinished(scores)}"
    caption(figure, f"UAR by arm, {where(scores[0])}{condition}: {under(scores[0])}", words)
    return figure


def arm_order(score: Score) -> tuple[bool, str, float, str]:
    """Sort key of arms: base first, then by name and level (lambda 0.1 before lambda 1)."""
    *others, (name, text) = score.factors.items() or [("", "")]
    level = number(text)
    if not name or level is None:
        return (score.arm != BASE, score.arm, 0.0, score.arm)
    return (score.arm != BASE, " ".join([*(f"{k}={v}" for k, v in others), name]), level, score.arm)


def trainings(curves: Sequence[TrainingCurve], what: str) -> "Figure":
    """Loss and dev UAR by epoch, a row per label, a thin line per training, a ring at the epoch that was taken."""
    from matplotlib.figure import Figure

    ordered = sorted(curves, key=lambda c: c.label)
    groups = [(label, list(part)) for label, part in groupby(ordered, key=lambda c: c.label)]
    figure = Figure(figsize=(WIDTH, 1.95 * len(groups)))
    space = {"hspace": 0.65, "wspace": 0.26}
    grid: Any = figure.subplots(len(groups), 2, squeeze=False, gridspec_kw=space)
    for (left, right), (label, those) in zip(grid, groups, strict=True):
        for curve in those:
            _course(left, curve, "loss", 1, COLORS[0])
            _course(right, curve, "dev_uar", 100, COLORS[0])
        n = len(those)
        left.set(title=f"{label}: {n} training{'s' if n > 1 else ''}", ylabel="training loss", xlabel="epoch")
        right.set(ylabel="UAR on dev (%)", xlabel="epoch", ylim=(0, 100))
        chance_line(right, those[0].chance)
        for axes in (left, right):
            axes.xaxis.get_major_locator().set_params(integer=True)
        if not any("dev_uar" in line for curve in those for line in curve.history):
            middle: Any = {"transform": right.transAxes, "ha": "center", "color": SOFT}
            right.text(0.5, 0.5, "no dev set:\nthe last epoch is taken", **middle)
    words = "Thin line: one training (a fold and seed). Ring: the epoch that dev chose, the last one without dev. "
    caption(figure, f"Training curves: {what}", words + CHANCE)
    return figure


def _course(axes: "Axes", curve: TrainingCurve, name: str, scale: float, color: str) -> None:
    points = [(line["epoch"], scale * line[name]) for line in curve.history if name in line]
    if points:
        x, y = np.array(points).T
        axes.plot(x, y, color=color, linewidth=0.9, alpha=0.55)
        taken = x == curve.epoch
        axes.plot(
            x[taken], y[taken], "o", markersize=4, markerfacecolor="none", markeredgecolor=INK, mew=0.8, clip_on=False
        )  # whole at 100 %, too
