import itertools
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from serbench.results.evidence.scores import Score, Value
from serbench.results.reports import aside, figures, style
from serbench.results.reports.figures import confusion, confusions, draw, file_name, title
from serbench.tests.support.made_scores import of_score

NAMES = ("angry", "happy", "neutral", "sad", "fear", "disgust", "surprise", "calm", "boredom", "excited", "frustrated")
TITLE = ("sigwavnet:released+no-threshold", "speaker-independent, emodb → ravdess", "UAR 45.3 [41.0, 49.6] %")


def counts_of(n, scale=100):
    return np.random.default_rng(n).integers(0, 40, (n, n)) * scale + np.eye(n, dtype=int) * 99 * scale


def score(**facts):
    defaults = {
        **{"protocol": "speaker-independent", "model": "sigwavnet:released", "arm": "base", "train": "a", "test": "a"},
        **{"condition": "clean", "label_map": "basic4", "leaks": (), "chance": 0.5, "n_folds": 2, "n_seeds": 1},
        **{"n_failed": 0, "n_utterances": 9, "n_cells": 2, "n_done": 2, "n_runs": 1, "classes": ("happy", "sad")},
        **{"metrics": {"uar": Value(0.453, None, 0.41, 0.496)}, "confusion": np.array([[3, 1], [2, 3]])},
    }
    return Score(**of_score({**defaults, **facts}))


def apart(one, two):
    return one.x1 <= two.x0 + 1 or two.x1 <= one.x0 + 1 or one.y1 <= two.y0 + 1 or two.y1 <= one.y0 + 1


@pytest.mark.parametrize("n", range(2, 12))
def test_nothing_overlaps_and_every_number_fits_its_cell(n):
    import matplotlib

    with matplotlib.rc_context(style.RC):
        figure = figures._confusion_figure(counts_of(n), NAMES[:n], TITLE)
        figure.draw_without_rendering()
        (axes,) = figure.axes
        numbers = [text.get_window_extent() for text in axes.texts]
        side = axes.get_window_extent().width / n
        assert len(numbers) == 2 * n * n
        assert all(apart(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True))  # share and count
        assert all(box.width <= side - 4 and box.height <= side / 2 for box in numbers)
        ticks = axes.get_xticklabels()
        boxes = [tick.get_window_extent() for tick in ticks]
        if ticks[0].get_rotation():  # slanted: the distance across the text counts
            assert side * math.sin(math.radians(40)) >= 9 / 72 * figure.dpi
        else:
            assert all(apart(*pair) for pair in itertools.pairwise(boxes))
        lines = [text.get_window_extent() for text in figure.texts]
        rest = [axes.get_window_extent(), axes.yaxis.get_tightbbox(), axes.xaxis.get_tightbbox()]
        assert all(apart(*pair) for pair in itertools.combinations(lines, 2))
        assert all(apart(line, other) for line in lines for other in rest)
        assert apart(axes.xaxis.label.get_window_extent(), boxes[-1])
        assert all(apart(axes.yaxis.label.get_window_extent(), t.get_window_extent()) for t in axes.get_yticklabels())


def test_numbers_can_be_read_on_their_color_in_grey_too():
    import matplotlib

    for share in np.linspace(0, 1, 201):
        color = np.array(matplotlib.colormaps["Blues"](share)[:3])
        linear = np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
        luminance = linear @ (0.2126, 0.7152, 0.0722)
        contrast = 1.05 / (luminance + 0.05) if share > figures.WHITE_FROM else (luminance + 0.05) / 0.05
        assert contrast >= 4.3  # WCAG asks for 4.5 of small and 3 of large letters


def test_shares_are_of_the_row_and_a_class_without_rows_is_said():
    figure = figures._confusion_figure(np.array([[3, 1, 0], [0, 0, 0], [1, 1, 6]]), NAMES[:3], TITLE)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[0] == "no test rows"
    assert texts[1:] == ["75.0", "3", "25.0", "1", "0.0", "0", "12.5", "1", "12.5", "1", "75.0", "6"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["angry (4)", "happy (0)", "neutral (8)"]


def test_png_and_svg_are_written_and_the_same_input_gives_the_same_bytes(tmp_path):
    one, two = (confusion(counts_of(4), NAMES[:4], TITLE, tmp_path / f / "c.png") for f in ("one", "two"))
    assert [p.name for p in one] == ["c.png", "c.svg"]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    pixels = np.asarray(Image.open(one[0]).convert("L"))
    assert min(pixels.shape) > 600
    edges = [pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]]
    assert all(edge.min() == 255 for edge in edges)  # nothing is cut off
    assert pixels.min() < 60 and b"<svg" in one[1].read_bytes()


def test_names_with_odd_characters_are_drawn_as_they_are(tmp_path):
    classes = ("$x^", "a_very_long_class_name_of_somebody", "<&>")
    png, svg = confusion(counts_of(3), classes, ["$model$ with a very_long_name " * 4], tmp_path / "c.png")
    assert png.stat().st_size > 10_000 and svg.stat().st_size > 10_000


def test_title_says_what_it_is_and_what_is_not_whole():
    assert title(score()) == [
        "sigwavnet:released",
        "speaker-independent, a",
        "UAR 45.3 [41.0, 49.6] %, chance 50.0 %",
        "9 utterances; numbers: % of row, count",
    ]
    odd = score(train="b", condition="white 0 dB", leaks=("copy", "speaker"), n_done=1, n_runs=3, arm="low")
    assert title(odd)[:2] == [
        "sigwavnet:released [low]",
        "speaker-independent, b → a, white 0 dB, LEAK: copy, speaker shared",
    ]
    assert title(odd)[3] == "9 utterances × 3 runs, 1 of 2 cells; numbers: % of row, count"


def test_file_names_are_safe_and_differ():
    variants = [
        score(), score(model="sigwavnet+released"), score(train="b"), score(condition="white 0 dB"), score(arm="x"),
        score(label_map="native"), score(leaks=("copy",)), score(tag="2"), score(model="../../etc/" + "x" * 300),
    ]  # fmt: skip
    names = [file_name(s) for s in variants]
    assert len(set(names)) == len(names)
    assert names[0].startswith("confusion_speaker-independent_sigwavnet-released_a_a_clean_basic4_")
    for name in names:
        assert "/" not in name and len(name) < 250 and not name.startswith(".")


def test_one_picture_per_score_and_none_without_predictions(tmp_path):
    paths = draw([score(), score(test="b"), score(model="z", confusion=None)], tmp_path / "figures")
    assert len(paths) == 2 and all(p.exists() and p.with_suffix(".svg").exists() for p in paths)
    assert sorted(p.suffix for p in (tmp_path / "figures").iterdir()) == [".png", ".png", ".svg", ".svg"]
    assert confusions(pd.DataFrame({"key": []}), pd.DataFrame(columns=COLUMNS), tmp_path / "empty") == []


COLUMNS = ["key", "row", "utterance", "speaker", "truth", "guess", "log_probability"]


def test_importing_draws_no_matplotlib_in():
    code = (
        "import sys, serbench.results.reports.figures; sys.exit(any(m in sys.modules for m in ('matplotlib', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_matrices_drawn_by_a_second_process_are_the_same(tmp_path, monkeypatch):
    found = [score(model=f"m{k}", confusion=np.array([[3 + k, 1], [2, 3]])) for k in range(2)]
    figures.draw(found, tmp_path / "here")
    monkeypatch.setattr(aside, "FEWEST", 2)
    begun = aside.start(found, tmp_path / "there")
    assert begun.process is not None
    with begun:
        pass
    names = sorted(p.name for p in (tmp_path / "here").iterdir())
    assert names == sorted(p.name for p in (tmp_path / "there").iterdir()) and len(names) == 4
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_what_a_second_process_cannot_draw_is_drawn_here(tmp_path, monkeypatch):
    monkeypatch.setattr(aside, "FEWEST", 1)
    monkeypatch.setattr(aside.sys, "executable", "/bin/false")
    begun = aside.start([score()], tmp_path)
    with begun:
        pass
    assert len(list(tmp_path.glob("*.png"))) == 1
    assert aside.start([], tmp_path).process is None
