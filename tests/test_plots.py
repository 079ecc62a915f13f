import itertools
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from made_scores import apart, score
from PIL import Image

from serbench.results.corpora import Corpora
from serbench.results.reports import curves, plots, style
from serbench.results.reports.matrices import matrix
from serbench.results.reports.members import Member
from serbench.results.scores import Value

NAMES = ["majority", "functionals-svm", "sigwavnet:released+no-threshold", "mfcc-attention:tiny", "cnn-18-gru"]
BOOT = "bootstrap over 6 or more speakers, expanded percentile"


def board(tests=("emodb", "emovo"), **facts):
    defaults = {"n_speakers": 10, "interval_method": BOOT, "classes": ("a", "b", "c", "d"), "chance": 0.25}
    return [
        score(
            model=name, train=test, test=test,
            **{"metrics": {"uar": Value(0.3 + 0.1 * k, None, 0.25 + 0.1 * k, 0.34 + 0.1 * k)}, **defaults, **facts},
        )
        for test in tests
        for k, name in enumerate(NAMES)
    ]  # fmt: skip


def noisy():
    kinds = [f"{kind} {level} dB" for kind in ("babble", "pink", "white") for level in (20, 10, 0)]
    return [s for name in ("clean", *kinds, "telephone") for s in board(("emodb",), condition=name)]


def member(s):
    values = np.random.default_rng(len(s.model)).uniform(0.2, 0.9, 10)
    none = np.zeros(0, int)
    return Member(
        s, {}, none, none, ((0, 0),), none, none, tuple(f"s{i}" for i in range(10)), values, 0, np.zeros((1, 10, 4, 4))
    )


def curve(label, seed, dev=True):
    rng = np.random.default_rng(seed)
    history = [
        {"epoch": e, "loss": 2 / e + rng.random() / 5, **({"dev_uar": rng.random()} if dev else {})}
        for e in range(1, 9)
    ]
    return curves.Curve(label, history, 5, 0.25)


def arms():
    return [s for arm in ("base", "lambda=0.1", "lambda=1", "lambda=10", "no-gru") for s in board(("emodb",), arm=arm)]


def crossed():
    pairs = itertools.product(("emodb", "emovo", "ravdess"), repeat=2)
    return [replace(board((test,))[1], train=train) for train, test in pairs]


def steps():
    leaky = board(("emodb",), protocol="random", leaks=("session", "speaker"))
    return [leaky, board(("emodb",)), [replace(s, train="ravdess", protocol="cross-corpus") for s in board(("emodb",))]]


FIGURES = {
    "leaderboard": lambda: plots.leaderboard(board()),
    "not whole": lambda: plots.leaderboard(board(("emodb",), n_done=1, interval_reason="2 speakers")),
    "speakers": lambda: plots.speakers([member(s) for s in board()]),
    "matrix": lambda: matrix(crossed()),
    "matrix with languages": lambda: matrix(crossed(), Corpora({"emodb": "de", "emovo": "it", "ravdess": "en"})),
    "ladder": lambda: plots.ladder(steps(), "emodb"),
    "ranking": lambda: plots.critical_difference(
        NAMES, [4.9, 1.5, 2.2, 2.6, 3.8], [NAMES[1:4], NAMES[2:5]], 1.1, "n = 9."
    ),
    "noise": lambda: curves.noise(noisy()),
    "arms": lambda: curves.arms(arms()),
    "training": lambda: curves.trainings([curve("a", 0), curve("a", 1), curve("b", 2, dev=False)], "x"),
}


@pytest.fixture(params=FIGURES)
def figure(request):
    with matplotlib.rc_context(style.RC):
        drawn = FIGURES[request.param]()
        drawn.draw_without_rendering()
        yield drawn


def words_of(figure):
    """Every text that is drawn, with its box; slanted ones are told apart by their distance, not by boxes."""
    found = list(figure.texts)
    for axes in figure.axes:
        ticks = [label for axis in (axes.xaxis, axes.yaxis) for label in _in_view(axis)] if axes.axison else []
        names = [axes.xaxis.label, axes.yaxis.label] if axes.axison else []
        found += [*axes.texts, *ticks, *names, axes._left_title]
    for legend in figure.legends:
        found += legend.get_texts()
    return [(t.get_text(), t.get_window_extent()) for t in found if t.get_text().strip() and not t.get_rotation() % 90]


def _in_view(axis):
    low, high = sorted(axis.get_view_interval())
    return [label for at, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False) if low <= at <= high]


def test_no_word_lies_on_another(figure):
    for (one, a), (two, b) in itertools.combinations(words_of(figure), 2):
        assert apart(a, b), (one, two)


def test_it_says_what_it_is(figure):
    texts = " ".join(text for text, _ in words_of(figure)).replace("\n", " ")
    assert "Mean rank" in texts or "UAR" in texts
    assert any(word in texts for word in ("n = ", "Thin line", "Dot:"))
    if "Mean rank" not in texts:
        assert "chance" in texts.lower()


def test_files_are_whole_and_the_same_each_time(tmp_path):
    with matplotlib.rc_context(style.RC):
        one, two = (style.save(plots.leaderboard(board()), tmp_path / name / "x.y") for name in ("a", "b"))
    assert one.name == "x.y.svg" and one.read_bytes() == two.read_bytes()
    png = one.with_name("x.y.png")
    assert png.read_bytes() == two.with_name("x.y.png").read_bytes()
    pixels = np.asarray(Image.open(png).convert("L"))
    assert all(edge.min() == 255 for edge in (pixels[:4], pixels[-4:], pixels[:, :4], pixels[:, -4:]))


def test_no_two_models_look_alike_and_their_marks_tell_them_apart_in_grey():
    looks = style.look([f"m{k}" for k in range(9)] + ["majority"])
    assert len({(v["color"], v["marker"]) for v in looks.values()}) == 10
    assert len({v["marker"] for v in looks.values()}) == 10
    many = style.look([f"m{k}" for k in range(63)])
    assert len({(v["color"], v["marker"], str(v["linestyle"])) for v in many.values()}) == 64
    assert style.look(["b", "a"])["b"] == style.look(["b"])["b"]


def test_colors_stand_out_from_paper_and_differ_in_lightness():
    from matplotlib.colors import to_rgb

    def luminance(color):
        parts = np.array(to_rgb(color))
        return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)

    assert all(1.05 / (luminance(c) + 0.05) > 2 for c in style.COLORS)
    assert all(1.05 / (luminance(c) + 0.05) > 5 for c in (style.INK, style.SOFT))
    assert all(abs(luminance(a) - luminance(b)) > 0.03 for a, b in itertools.pairwise(style.COLORS))


def test_chance_is_drawn_where_it_is():
    with matplotlib.rc_context(style.RC):
        (axes,) = plots.ladder(steps(), "emodb").axes
        dashed = [line for line in axes.lines if line.get_color() == style.INK]
    assert [list(line.get_ydata()) for line in dashed] == [[25.0, 25.0]]


def test_conditions_go_from_clean_to_strong():
    with matplotlib.rc_context(style.RC):
        figure = curves.noise(noisy())
    panels = {axes.get_title("left"): [t.get_text() for t in axes.get_xticklabels()] for axes in figure.axes}
    assert panels["white, level in dB"] == ["clean", "20", "10", "0"]
    assert panels["other conditions"] == ["clean", "telephone"]


def test_arms_stand_in_the_order_of_their_levels():
    names = ["l=10", "no-gru", "l=0.5", "base", "l=2"]
    assert sorted(names, key=curves.arm_order) == ["base", "l=0.5", "l=2", "l=10", "no-gru"]


def test_file_names_are_safe_and_differ():
    names = [style.file_name(*p) for p in (("a", "b/c"), ("a", "b c"), ("a/b", "c"), ("../..", "x" * 400), ("<b>",))]
    assert len(set(names)) == 5 and all("/" not in n and "<" not in n and len(n) < 120 for n in names)
