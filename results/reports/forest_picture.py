"""The forest plot: the difference of two models or arms on each corpus, and its mean over corpora like these."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..evidence.evidence import Evidence
from ..questions.answer_lines import Question
from ..questions.corpus_tests import CorpusDifference, OverCorpora, differences
from ..questions.pair_tests import chosen
from ..statistics.metrics import HEADLINE, METRICS
from ..statistics.random_effects import LEAST_CORPORA
from ..statistics.uncertainty import Uncertainty
from ..text.answer_words import MINUS
from ..text.comparison_text import p_value
from .style import COLORS, INK, LETTER, PAPER, SOFT, WIDTH, caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 60  # comparisons of a page, on all corpora together
ROW = 0.27  # inches
RIGHT = (1.55, 0.62)  # inches for the numbers, and of these for the weights
SQUARES = (2.5, 9.5)  # points: the least side of a square, and that of the heaviest corpus
LEAST_ROOM = 2.4  # inches of the axis
POINT, ALL = COLORS[0], INK


def askable(evidence: Evidence) -> tuple[Question | None, str]:
    """What is asked over corpora; None and the reason where there are too few, or too many comparisons for a page."""
    n = evidence.records["test"].nunique()
    if n < LEAST_CORPORA:
        return None, f"tests on {n} {'corpus' if n == 1 else 'corpora'}, {LEAST_CORPORA} are needed"
    question = Question(evidence, METRICS[HEADLINE])
    pairs = sum(len(chosen(group)) for group in question.groups())
    if pairs > MOST:
        return None, f"{pairs} comparisons, made by serbench compare RUN --test over-corpora --base MODEL"
    return question, ""


def summaries(evidence: Evidence) -> tuple[list[OverCorpora], str]:
    """Everything that can be drawn; the reason where there is nothing."""
    question, reason = askable(evidence)
    found = differences(question) if question is not None else []
    drawn = [one for one in found if one.summary is not None and one.summary.uncertainty.reason is None]
    reasons = dict.fromkeys(one.reason for one in found if one.reason)
    return drawn, reason or "; ".join(reasons) or "no two models are tested on several corpora"


def forest(x: OverCorpora) -> "Figure":
    """One row for each corpus, the diamond of the mean below; there is a summary."""
    from matplotlib.figure import Figure

    assert x.summary is not None
    names = [_name(one) for one in x.corpora]
    last = f"mean over {len(x.kept)} corpora"
    n = len(names)
    room = LETTER * max(map(len, (*names, last))) + 0.1  # inches for the names
    width = max(WIDTH, room + sum(RIGHT) + LEAST_ROOM)
    figure = Figure(figsize=(width, ROW * (n + 2.1)))
    axes = figure.add_axes((room / width, 0, 1 - (room + sum(RIGHT)) / width, 1))
    weights = dict(zip(map(id, x.kept), map(float, x.summary.weights), strict=True))
    heaviest = max(weights.values())
    for y, one in enumerate(x.corpora):
        _row(axes, y, one, weights.get(id(one)), heaviest)
    _diamond(axes, n + 0.4, x.summary.uncertainty)
    _numbers(axes, n + 0.4, x.summary.uncertainty, None)
    axes.axvline(0, color=INK, linewidth=1, zorder=1.5)
    mean = 100 * x.summary.uncertainty.estimate
    axes.plot([mean, mean], [-0.5, n + 0.4], color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
    axes.axhline(n - 0.3, color=SOFT, linewidth=0.6, xmin=-room / (width - room - sum(RIGHT)), xmax=1, clip_on=False)
    _frame(axes, names, last, x)
    figure.draw_without_rendering()
    caption(figure, _title(x), _words(x))
    return figure


def _title(x: OverCorpora) -> str:
    t = x.setup
    leaks = f", LEAK: {', '.join(t.leaks)}" if t.leaks else ""
    return f"{x.what} over corpora: {', '.join(filter(None, (t.protocol, f'label map {t.label_map}', x.aside)))}{leaks}"


def _name(one: CorpusDifference) -> str:
    n = one.uncertainty.n_clusters
    return f"{one.corpus} ({n} {one.uncertainty.unit})" if one.uncertainty.reason is None else one.corpus


def _row(axes: "Axes", y: float, one: CorpusDifference, weight: float | None, heaviest: float) -> None:
    u = one.uncertainty
    if weight is None:
        _beside(axes, y, RIGHT[0], "not in it", color=SOFT)
        return
    low, high = u.interval()
    if low is not None and high is not None:
        axes.plot([100 * low, 100 * high], [y, y], color=POINT, linewidth=1.4, zorder=2, solid_capstyle="butt")
    least, most = SQUARES
    side = max(least, most * (weight / heaviest) ** 0.5)
    axes.plot(100 * u.estimate, y, "s", color=POINT, markersize=side, markeredgecolor=PAPER, mew=0.4, zorder=3)
    _numbers(axes, y, u, weight)


def _diamond(axes: "Axes", y: float, u: Uncertainty) -> None:
    from matplotlib.patches import Polygon

    low, high = u.interval()
    if low is None or high is None:
        return
    corners = [(100 * low, y), (100 * u.estimate, y - 0.3), (100 * high, y), (100 * u.estimate, y + 0.3)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=ALL, edgecolor=ALL, linewidth=0.8, zorder=3))


def _numbers(axes: "Axes", y: float, u: Uncertainty, weight: float | None) -> None:
    """To the right: the difference with its interval, and the weight in percent."""
    low, high = u.interval()
    bold = "bold" if weight is None else "normal"
    text = f"{100 * u.estimate:+.1f}"
    if low is not None and high is not None:
        text += f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    _beside(axes, y, RIGHT[0], text.replace("-", "−"), bold)
    _beside(axes, y, sum(RIGHT), f"{100 * weight:.0f} %" if weight is not None else "100 %", bold)


def _beside(axes: "Axes", y: float, inches: float, text: str, weight: str = "normal", color: str = INK) -> None:
    """Text that ends so far right of the axes."""
    place: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
    look: Any = {"ha": "right", "va": "center", "fontsize": 8, "weight": weight, "color": color}
    axes.annotate(text, (1, y), (72 * inches, 0), **look, **place)


def _frame(axes: "Axes", names: Sequence[str], last: str, x: OverCorpora) -> None:
    n = len(names)
    a, _, b = x.what.partition(MINUS)
    axes.set(ylim=(n + 0.9, -1.2), xlabel=f"difference in {x.metric.title} (points)")
    below: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 8, "va": "top"}
    axes.annotate(f"← {b} better", (0, 0), (-6, -32), ha="right", annotation_clip=False, **below)
    axes.annotate(f"{a} better →", (0, 0), (6, -32), ha="left", annotation_clip=False, **below)
    axes.set_yticks([*range(n), n + 0.4], [*names, last])
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    _beside(axes, -0.9, RIGHT[0], "difference [95 %]", "bold")
    _beside(axes, -0.9, sum(RIGHT), "weight", "bold")


def _words(x: OverCorpora) -> str:
    assert x.summary is not None
    lost = [f"{one.corpus}: {one.uncertainty.reason}" for one in x.corpora if one.uncertainty.reason]
    out = f" Not in it: {'; '.join(lost)}." if lost else ""
    notes = ". ".join(f"{note[:1].upper()}{note[1:]}" for note in x.notes if not note.startswith("left out"))
    p = p_value(x.summary.uncertainty.p())
    return (
        "Square: difference of the scores in the tables, its area by weight; line: 95 % interval over speakers and "
        f"trainings. Diamond: mean over corpora like these with its 95 % interval, p = {p}, not corrected for other "
        f"comparisons. {notes}.{out}"
    ).replace("p = <", "p < ")
