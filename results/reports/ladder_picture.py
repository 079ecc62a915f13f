"""The leak ladder as a picture: scores step down as leaks are closed, each drop with its interval."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..evidence.siblings import SiblingPart
from ..questions.ladder import Drop, Ladder, LadderStep
from .style import COLORS, GRID, INK, PAPER, SOFT, WIDTH, caption, chance_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 4  # models in one picture
STEP = 0.8  # inches of a step, at least
TOP = 118  # of the axis: room for the drops above what is near 100
LETTERS = 12  # of a line below a step
POINT, HAVING, LACKING = COLORS[0], COLORS[2], COLORS[4]


def ladder(ladders: Sequence[Ladder]) -> "Figure":
    """A panel per model; all have the same steps on the same test corpus."""
    from matplotlib.figure import Figure

    first = ladders[0]
    n = len(first.steps)
    figure = Figure(figsize=(max(0.6 * WIDTH, STEP * n), 2.4 * len(ladders)))
    space = {"hspace": 0.28, "left": 0, "right": 1, "bottom": 0, "top": 1}
    panels: Any = figure.subplots(len(ladders), 1, squeeze=False, sharex=True, gridspec_kw=space)[:, 0]
    for axes, one in zip(panels, ladders, strict=True):
        _panel(axes, one)
    panels[-1].set_xticks(range(n), [_below(ladders, x) for x in range(n)], fontsize=7.5)
    _legend(figure, panels[0], first)
    test, against = first.test, "the one before" if first.consecutive else "the first"
    name = "Leak ladder" if len(first.protocols) == 1 else "The same utterances under several protocols"
    sizes = sorted({step.n for one in ladders for step in one.steps})
    utterances = f", n = {sizes[0]} test utterances" if len(sizes) == 1 else ""
    title = f"{name}, tested on {test}: {len(first.classes)} classes{utterances}"
    caption(figure, title, _words(ladders, against, len(sizes) > 1))
    return figure


def _panel(axes: "Axes", one: Ladder) -> None:
    scores = [(x, step) for x, step in enumerate(one.steps) if step.score is not None]
    if one.consecutive:
        heights = [100 * (step.score or 0) for _, step in scores]
        axes.plot([x for x, _ in scores], heights, color=SOFT, linewidth=0.9, zorder=2)
    for x, step in enumerate(one.steps):
        if step.leaks:
            axes.axvspan(x - 0.5, x + 0.5, color=GRID, alpha=0.45, linewidth=0, zorder=0)
        _point(axes, x, step)
        if step.siblings is not None:
            _part(axes, x + 0.2, step.siblings.having, HAVING, "^")
            _part(axes, x + 0.32, step.siblings.lacking, LACKING, "v")
        if step.drop is not None:
            _drop(axes, x, one.steps[x - 1] if one.consecutive else None, step, step.drop)
    axes.set(xlim=(-0.5, len(one.steps) - 0.5), ylim=(0, TOP), ylabel="UAR (%)", title=one.model)
    axes.set_yticks(range(0, 101, 20))
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    chance_line(axes, one.chance)


def _point(axes: "Axes", x: float, step: LadderStep) -> None:
    if step.score is None:
        return
    _bar(axes, x, step.interval.low, step.interval.high, POINT)
    face = PAPER if step.leaks else POINT
    axes.plot(x, 100 * step.score, "o", markersize=6, markeredgecolor=POINT, markerfacecolor=face, mew=1.4, zorder=4)
    left = step.siblings is not None  # whose marks stand to the right
    place: Any = {"ha": "right" if left else "left", "va": "bottom", "fontsize": 7.5, "color": INK, "zorder": 3}
    axes.text(x - 0.1 if left else x + 0.08, 100 * step.score + 1.5, f"{100 * step.score:.0f}", **place)


def _part(axes: "Axes", x: float, part: SiblingPart, color: str, mark: str) -> None:
    if part.score is None:
        return
    _bar(axes, x, part.interval.low, part.interval.high, color, 1.4)
    axes.plot(x, 100 * part.score, mark, markersize=4.5, color=color, zorder=4)


def _bar(axes: "Axes", x: float, low: float | None, high: float | None, color: str, width: float = 2.4) -> None:
    if low is not None and high is not None:
        axes.plot([x, x], [100 * low, 100 * high], color=color, linewidth=width, alpha=0.45, zorder=3)


def _drop(axes: "Axes", x: int, before: LadderStep | None, step: LadderStep, drop: Drop) -> None:
    """The drop between two steps, above both; against the first step, above the step itself."""
    test = drop.test
    if test.mean is None:
        return
    at = x - 0.5 if before is not None else x
    tops = [_top(s) for s in (step, before) if s is not None]
    sure = test.low is not None and test.high is not None and (test.low > 0 or test.high < 0)
    text = f"{100 * test.mean:+.1f}".replace("-", "−")
    if test.low is not None and test.high is not None:
        text += f"\n[{100 * test.low:.1f}, {100 * test.high:.1f}]".replace("-", "−")
    weight = "bold" if sure else "normal"
    place: Any = {"ha": "center", "va": "bottom", "fontsize": 7, "linespacing": 1.05}
    axes.text(at, min(max(tops) + 4, TOP - 15), text, weight=weight, color=INK if sure else SOFT, zorder=5, **place)


def _top(step: LadderStep) -> float:
    """Of everything that is drawn of a step."""
    parts = [] if step.siblings is None else [step.siblings.having, step.siblings.lacking]
    values = [step.score, step.interval.high, *(v for p in parts for v in (p.score, p.interval.high))]
    return 100 * max((v for v in values if v is not None), default=0.0)


def _below(ladders: Sequence[Ladder], x: int) -> str:
    """Name, leaks and training corpus of a step; how many utterances it tests, where steps differ in that."""
    step = ladders[0].steps[x]
    lines = textwrap.wrap(step.name, LETTERS, break_on_hyphens=True)
    if step.train != ladders[0].test:
        corpora = textwrap.wrap(step.train.replace("+", "+ "), LETTERS)
        lines += ["trained on", *(line.replace("+ ", "+") for line in corpora)]
    if len({other.n for one in ladders for other in one.steps}) > 1:
        lines.append(f"n = {step.n}")
    leaks = textwrap.wrap("leaks: " + ", ".join(step.leaks), LETTERS) if step.leaks else ["no leak"]
    return "\n".join([*lines, *leaks])


def _legend(figure: "Figure", axes: "Axes", one: Ladder) -> None:
    """What the marks are, below everything."""
    from matplotlib.lines import Line2D

    def mark(color: str, marker: str, face: str, text: str) -> Line2D:
        return Line2D([], [], color=color, marker=marker, markerfacecolor=face, linestyle="none", label=text)

    marks = [mark(POINT, "o", PAPER, "the step leaks"), mark(POINT, "o", POINT, "it does not")]
    if any(step.siblings for step in one.steps):
        marks += [
            mark(HAVING, "^", HAVING, "test rows with a sibling in training"),
            mark(LACKING, "v", LACKING, "without"),
        ]
    figure.draw_without_rendering()
    height = figure.get_figheight()
    bottom = figure.get_tightbbox().y0 / height
    left = axes.get_position().x0
    figure.legend(handles=marks, loc="upper left", bbox_to_anchor=(left, bottom - 0.05 / height), ncols=2)


def _words(ladders: Sequence[Ladder], against: str, several: bool) -> str:
    steps = [step for one in ladders for step in one.steps]
    methods = sorted({step.interval.method for step in steps if step.interval.method}, key=str.casefold)
    none = next((step.interval.reason for step in steps if step.interval.reason), None)
    how = f"bar: 95 % interval, {'; '.join(methods)}" if methods else f"no bar: {none}"
    left = any(step.drop and step.drop.left_out for step in steps)
    common = ", on the utterances that both test" if left else ""
    return (
        f"Circle: UAR, mean over seeds; {how}. Numbers: this step minus {against}, in points, with the "
        f"95 % interval{common}; bold where it does not hold 0 (effect of protocol, "
        "not corrected for the number of steps). Shaded: the step leaks, its score says nothing about new speakers. "
        f"Dashed line: chance.{' n = test utterances.' if several else ''}"
    )
