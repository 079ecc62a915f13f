import itertools
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from PIL import Image

from serbench.results.evidence.arms import grid_of
from serbench.results.evidence.corpora import Corpora
from serbench.results.evidence.members import Member
from serbench.results.evidence.scores import Value
from serbench.results.evidence.siblings import SiblingPart, Siblings
from serbench.results.questions.ladder import Drop, Ladder, LadderStep
from serbench.results.reports import curves, plots, style
from serbench.results.reports.calibration import Sureness, picture
from serbench.results.reports.ladder_picture import ladder
from serbench.results.reports.matrices import matrix
from serbench.results.reports.sweep_picture import heat
from serbench.results.statistics.confusions import Parts
from serbench.results.statistics.probabilities import reliability, risk_coverage
from serbench.results.statistics.speakers import Interval, PairedTest
from serbench.tests.support.made_scores import apart, of_arms, score

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
    names = np.array([f"s{i}" for i in range(10)], object)
    same = np.zeros(10, int)
    parts = Parts(np.zeros((10, 4, 5)), same, names, same.astype(object), names, np.ones(1))
    return Member(s, {}, none, none, ((0, 0),), none, none, tuple(names), values, 0, np.zeros((1, 10, 4, 4)), parts)


def curve(label, seed, dev=True):
    rng = np.random.default_rng(seed)
    history = [
        {"epoch": e, "loss": 2 / e + rng.random() / 5, **({"dev_uar": rng.random()} if dev else {})}
        for e in range(1, 9)
    ]
    return curves.TrainingCurve(label, history, 5, 0.25)


def arms():
    return [s for arm in ("base", "lambda=0.1", "lambda=1", "lambda=10", "no-gru") for s in board(("emodb",), arm=arm)]


def crossed():
    pairs = itertools.product(("emodb", "emovo", "ravdess"), repeat=2)
    return [replace(board((test,))[1], train=train) for train, test in pairs]


RUNGS = (
    ("row-scored", ("audio", "copy", "speaker"), "emodb"),
    ("rows split after augmentation", ("audio", "copy", "speaker"), "emodb"),
    ("random by utterance", ("speaker",), "emodb"),
    ("new speakers and sentences", (), "emodb"),
    ("new corpus", (), "emovo+ravdess"),
)


def rungs(model, siblings=True, consecutive=True, n=5):
    steps = []
    for k, (name, leaks, train) in enumerate(RUNGS[:n]):
        score = 0.95 - 0.12 * k
        between = Interval(score - 0.06, score + 0.05, BOOT)
        test = PairedTest("t", 10, -0.05 * k, -0.05 * k - 0.04, -0.05 * k + 0.04, -3.0, 9, 0.01, 0.002)
        drop = Drop("x", 339, 0, score, score, test) if k else None
        parts = [SiblingPart(100, 10, s, Interval(s - 0.03, s + 0.03, BOOT)) for s in (score + 0.02, score - 0.1)]
        split = Siblings(*parts, test) if siblings and "copy" in leaks else None
        steps.append(LadderStep(name, leaks, train, 339, score, between, drop, split))
    return Ladder(("leak-ladder",), model, "emodb", "basic4", ("a", "b", "c", "d"), consecutive, tuple(steps))


def grid():
    arms = [
        "base",
        *(f"lr={lr} batch={b}" for lr in ("0.1", "0.01", "0.001") for b in (16, 32) if (lr, b) != ("0.1", 16)),
    ]
    scores = [score(arm=arm, model="m", n_speakers=10, interval_method=BOOT) for arm in [*arms, "no-gru"]]
    return scores, grid_of(of_arms(arms), {"lr": 0.1, "batch": 16})


def sure(model, strength):
    rng = np.random.default_rng(len(model))
    truth, scores = rng.integers(0, 4, 300), rng.normal(0, 1, (300, 4))
    scores[np.arange(300), truth] += strength
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    curve = risk_coverage(truth, p)
    s = score(model=model, classes=("a", "b", "c", "d"), chance=0.25)
    return Sureness(s, reliability(truth, p), curve["coverage"].to_numpy()[9:], curve["risk"].to_numpy()[9:])


FIGURES = {
    "leaderboard": lambda: plots.leaderboard(board()),
    "not whole": lambda: plots.leaderboard(board(("emodb",), n_done=1, interval_reason="2 speakers")),
    "speakers": lambda: plots.speakers([member(s) for s in board()]),
    "matrix": lambda: matrix(crossed()),
    "matrix with languages": lambda: matrix(crossed(), Corpora({"emodb": "de", "emovo": "it", "ravdess": "en"})),
    "ladder": lambda: ladder([rungs("sigwavnet:released"), rungs("cnn-18-gru", siblings=False)]),
    "ladder against the first": lambda: ladder([rungs("m", consecutive=False, n=3)]),
    "sweep of two factors": lambda: heat(*grid()),
    "sweep with an arm of one factor": lambda: heat(*without_loss()),
    "calibration": lambda: picture([sure("mfcc-attention", 1.2), sure("sigwavnet:released", 0.6)]),
    "order": lambda: plots.score_order(NAMES, [0.724, 0.71, 0.702, 0.56, 0.451], [NAMES[:3], NAMES[3:5]], "n = 9."),
    "order of scores that lie close": lambda: plots.score_order(
        NAMES, [0.5003, 0.5002, 0.5001, 0.5, 0.5], [], "n = 9."
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
    assert any(what in texts for what in ("UAR", "how often right"))
    assert any(word in texts for word in ("n = ", "Thin line", "Dot:"))
    if "best left" not in texts:
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
    looks = style.look([f"m{k}" for k in range(9)] + ["majority"], floor=["majority"])
    assert len({(v["color"], v["marker"]) for v in looks.values()}) == 10
    assert len({v["marker"] for v in looks.values()}) == 10
    many = style.look([f"m{k}" for k in range(63)])
    assert len({(v["color"], v["marker"], str(v["linestyle"])) for v in many.values()}) == 64
    assert style.look(["b", "a"])["b"] == style.look(["b"])["b"]


def test_a_model_looks_alike_in_pictures_with_other_models():
    order = ["a", "b", "c", "majority"]
    first, second = (style.look(names, order, ["majority"]) for names in (["a", "b"], ["majority", "c", "b"]))
    assert first["b"] == second["b"] and len({v["color"] for v in (*first.values(), second["c"])}) == 4
    assert set(first) == {"a", "b", "majority"}
    many = style.look(["m0", "m7"], [f"m{k}" for k in range(9)])  # the colors of an order begin again
    assert many["m0"]["color"] != many["m7"]["color"]


def test_colors_stand_out_from_paper_and_differ_in_lightness():
    from matplotlib.colors import to_rgb

    def luminance(color):
        parts = np.array(to_rgb(color))
        return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)

    assert all(1.05 / (luminance(c) + 0.05) > 2 for c in style.COLORS)
    assert all(1.05 / (luminance(c) + 0.05) > 5 for c in (style.INK, style.SOFT))
    assert all(abs(luminance(a) - luminance(b)) > 0.03 for a, b in itertools.pairwise(style.COLORS))


def test_chance_is_drawn_where_it_is_and_leaks_are_shaded():
    with matplotlib.rc_context(style.RC):
        (axes,) = ladder([rungs("m")]).axes
        dashed = [line for line in axes.lines if line.get_color() == style.INK]
    assert [list(line.get_ydata()) for line in dashed] == [[25.0, 25.0]]
    assert len(axes.patches) == sum(bool(leaks) for _, leaks, _ in RUNGS)
    drops = [t.get_text().split("\n")[0] for t in axes.texts if "[" in t.get_text()]
    assert drops == ["−5.0", "−10.0", "−15.0", "−20.0"]


def test_an_order_stands_at_its_scores_best_left_with_a_bar_over_each_group():
    scores = [0.724, 0.71, 0.702, 0.56, 0.451]
    with matplotlib.rc_context(style.RC):
        (axes,) = plots.score_order(NAMES, scores, [NAMES[:3], NAMES[3:5]], "n = 9.").axes
    first, last = axes.get_xlim()
    assert first > 72.4 and last < 45.1
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 4]
    assert len(bars) == 2
    for k, (left, right) in enumerate(bars):
        joined = [100 * s for s in scores if right <= 100 * s <= left]
        assert joined == [100 * s for s in (scores[:3], scores[3:])[k]]
    stems = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 3]
    assert stems == [100 * s for s in scores]
    assert f"{NAMES[0]}  72.4 " in [t.get_text() for t in axes.texts]


def test_the_base_of_a_sweep_is_framed_or_named_beside_the_grid():
    scores, of = grid()
    with matplotlib.rc_context(style.RC):
        (axes,) = heat(scores, of).axes
        assert len(axes.patches) == 1
        beside = [s for s in scores if s.arm == "base" or "=" in s.arm]
        off = grid_of(of_arms(s.arm for s in beside), {"lr": 0.5, "batch": 16})
        (axes, words) = (lambda f: (f.axes[0], " ".join(t.get_text() for t in f.texts)))(heat(beside, off))
    assert len(axes.patches) == 1 and len(off.factors["lr"]) == 4  # a level of its own
    with matplotlib.rc_context(style.RC):
        figure = heat(scores, grid_of(of_arms(s.arm for s in scores), {}))
    words = " ".join(t.get_text() for t in figure.texts).replace("\n", " ")
    assert "The base (not on the grid): 45.3" in words and not figure.axes[0].patches


def without_loss():
    arms = ["base", "discrepancy=0", *(f"discrepancy={w} margin={m}" for w in (0.1, 1) for m in (0.05, 0.15, 0.3))]
    scores = [score(arm=arm, model="m", n_speakers=10, interval_method=BOOT) for arm in arms]
    return scores, grid_of(of_arms(arms), {"discrepancy": 0.1, "margin": 0.05})


def test_a_map_has_the_arm_without_the_loss_across_all_margins_and_axes_in_words():
    with matplotlib.rc_context(style.RC):
        figure = heat(*without_loss())
    (axes,) = figure.axes
    assert (axes.get_xlabel()[-1], axes.get_ylabel()[-1]) == ("α", "λ")
    assert [t.get_text() for t in axes.get_yticklabels()] == ["0", "0.1", "1"]
    assert not np.ma.getmaskarray(axes.collections[0].get_array()).any()
    assert sum("45.3" in t.get_text() for t in axes.texts) == 7  # once for the row of 0
    words = " ".join(" ".join(t.get_text() for t in figure.texts).split())
    assert "ot on the grid" not in words and "Framed: the base." in words  # an arm stands at its place
    assert sum(not patch.get_fill() for patch in axes.patches) == 1


def test_an_order_has_no_number_beyond_all_and_numbers_that_differ_look_different():
    with matplotlib.rc_context(style.RC):
        (axes,) = plots.score_order(NAMES[:3], [1.0, 0.9999, 0.9996], [], "n = 9.").axes
    texts = [t.get_text().split() for t in axes.texts]
    assert all(float(word) <= 100 for words in texts for word in words if word[0].isdigit())
    assert {"100.00", "99.99", "99.96"} <= {word for words in texts for word in words}


def test_conditions_go_from_clean_to_strong():
    with matplotlib.rc_context(style.RC):
        figure = curves.noise(noisy())
    assert {axes.get_xlabel() for axes in figure.axes} == {"SNR (dB)", ""}
    panels = {axes.get_title("left"): [t.get_text() for t in axes.get_xticklabels()] for axes in figure.axes}
    assert panels["white"] == ["clean", "20", "10", "0"]
    assert panels["other conditions"] == ["clean", "telephone"]


def test_curves_say_that_cells_are_missing():
    some = [replace(s, n_done=s.n_cells - (s.condition == "white 0 dB")) for s in noisy()]
    with matplotlib.rc_context(style.RC):
        words = [" ".join(curves.noise(found).texts[-1].get_text().split()) for found in (noisy(), some)]
    assert "Not all cells are done" not in words[0]
    assert words[1].endswith(f"Not all cells are done: {len(NAMES)} of {len(some)} scores lack some.")


def test_arms_stand_in_the_order_of_their_levels():
    names = ["l=10", "no-gru", "l=0.5", "base", "l=2"]
    scores = [score(arm=name) for name in names]
    assert [s.arm for s in sorted(scores, key=curves.arm_order)] == ["base", "l=0.5", "l=2", "l=10", "no-gru"]


def test_file_names_are_safe_and_differ():
    names = [style.file_name(*p) for p in (("a", "b/c"), ("a", "b c"), ("a/b", "c"), ("../..", "x" * 400), ("<b>",))]
    assert len(set(names)) == 5 and all("/" not in n and "<" not in n and len(n) < 120 for n in names)
