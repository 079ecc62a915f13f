"""Differences over corpora: random effects by statsmodels and metafor, false alarms, the lines, the forest plot."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from serbench.results.questions.answer_lines import Question
from serbench.results.questions.answers import answer
from serbench.results.questions.corpus_tests import SAME_DATA, SHARED, differences
from serbench.results.reports import forest_picture, style
from serbench.results.reports.pictures import pictures
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.random_effects import random_effects
from serbench.results.statistics.uncertainty import contrast
from serbench.results.text.answer_words import words
from serbench.tests.support.corpora_of_differences import BCG, difference_alarms, equal_models
from serbench.tests.support.evidence import evidence_of
from serbench.tests.support.paired import cells, frames

UAR = METRICS["uar"]
SIZES = {"emodb": 8, "emovo": 6, "ravdess": 12, "savee": 4}
MODELS = {"a": 0.75, "b": 0.6}


def several(sizes=SIZES, trains=None, seeds=3, models=MODELS, folds=2, protocol="speaker-independent"):
    """Two models on several corpora; ``trains``: corpora that one training each is tested on all others."""
    rng = np.random.default_rng(3)
    made = []
    for test, speakers in sizes.items():
        for train in [test] if trains is None else [t for t in trains if t != test]:
            for model, skill in models.items():
                about = {"train": train, "test": test, "data": {test: "x"}, "protocol": protocol}
                for record, rows in cells(rng, model, seeds, speakers, folds, skill, tilt=0.05, **about):
                    names = {c: rows[c].str.replace("a/", f"{test}/") for c in ("row", "utterance", "speaker")}
                    training = f"{train}-{model}-{record.seed}" if trains else f"{test}-{record.training}"
                    made.append((replace(record, training=training), rows.assign(**names)))
    records, predictions = frames(made)
    columns = ["protocol", "model", "arm", "train", "test", "condition", "label_map"]
    return evidence_of(records, predictions, records[columns])


@pytest.fixture(scope="module")
def own():
    return several()


def of(evidence):
    (found,) = differences(Question(evidence, UAR))
    return found


def test_metafor_has_the_same_summary_of_the_bcg_trials():
    """Published with metafor: rma(yi, vi, data=dat, method="DL", test="knha")."""
    summary = random_effects(*BCG)
    u = summary.uncertainty
    assert (round(u.estimate, 4), round(u.error, 4), u.df) == (-0.7141, 0.1807, 12)
    assert round(summary.tau**2, 4) == 0.3088 and round(100 * summary.i2, 2) == 92.12
    assert u.interval() == pytest.approx((-1.1078, -0.3204), abs=1e-4)


def test_statsmodels_has_the_same_summary():
    rng = np.random.default_rng(0)
    n = 0
    for _ in range(50):
        d, e = rng.normal(0.02, 0.05, 6), rng.uniform(0.01, 0.03, 6)
        theirs = combine_effects(d, e**2, method_re="dl", use_t=True)
        if theirs.tau2 > 0 and theirs.scale_hksj_re > 1:
            n += 1
            u = random_effects(d, e).uncertainty
            assert u.interval() == pytest.approx(theirs.conf_int()[3], abs=1e-12)
            assert u.estimate == pytest.approx(theirs.mean_effect_re, abs=1e-12)
    assert n > 10


def test_without_heterogeneity_tau_is_zero_and_weights_are_those_of_the_errors():
    d, e = np.array([0.02, 0.021, 0.019]), np.array([0.01, 0.02, 0.04])
    summary = random_effects(d, e)
    assert (summary.tau, summary.i2) == (0, 0)
    assert summary.weights == pytest.approx(e**-2 / (e**-2).sum())
    assert summary.uncertainty.estimate == pytest.approx(np.average(d, weights=e**-2))
    assert summary.uncertainty.error == pytest.approx((e**-2).sum() ** -0.5)  # and not less


def test_lines_are_the_differences_of_the_tables_and_only_the_summary_is_tested(own):
    found = answer(own, test="over-corpora")
    assert [line.what for line in found.lines] == [*(f"a − b: {corpus}" for corpus in SIZES), "a − b"]
    main = {line.where: line for line in answer(own, test="main").lines}
    for line, corpus in zip(found.lines, SIZES, strict=False):
        assert (line.estimate, line.low, line.high, line.n) == pytest.approx(
            (main[corpus].estimate, main[corpus].low, main[corpus].high, SIZES[corpus])
        )
        assert line.p is None
    last = found.lines[-1]
    errors = [one.uncertainty.error for one in of(own).corpora]
    u = random_effects(np.array([line.estimate for line in found.lines[:-1]]), np.array(errors)).uncertainty
    assert (last.estimate, last.p, last.counted) == (pytest.approx(u.estimate), pytest.approx(u.p()), "4 corpora")
    assert last.low > 0.05 and "tau" in last.note and "I²" in last.note
    assert SHARED not in last.note and SAME_DATA not in last.note
    assert words(found)[1].startswith("'a' scores ")


def test_the_level_is_that_of_all_intervals(own):
    wide, narrow = (answer(own, test="over-corpora", level=level).lines for level in (0.99, 0.8))
    assert all(a.low < b.low and a.high > b.high for a, b in zip(wide, narrow, strict=True))


def test_a_corpus_that_cannot_be_tested_is_left_out_and_named():
    found = answer(several({**SIZES, "tess": 2}), test="over-corpora").lines
    of_tess = next(line for line in found if line.what.endswith("tess"))
    assert of_tess.reason == "2 test speakers, 3 are needed" and of_tess.low is None
    assert found[-1].n == 4 and "left out: tess" in found[-1].note


def test_fewer_than_three_corpora_are_refused():
    lines = answer(several({"emodb": 8, "emovo": 6, "tess": 2}), test="over-corpora").lines
    assert lines[-1].p is None and lines[-1].reason == "2 corpora (left out: tess), 3 are needed"
    assert lines[0].low is not None
    assert answer(several({"emodb": 8}), test="over-corpora").lines == ()


def test_one_seed_of_a_model_that_scores_several_speakers_is_no_statement_on_algorithms():
    lines = answer(several(seeds=1), test="over-corpora").lines
    assert lines[-1].reason.startswith("0 corpora (left out: ") and "these trained models alone" in lines[0].note
    assert "3 seeds allow" in lines[0].reason


def test_trainings_that_several_corpora_share_are_said_and_in_the_interval():
    evidence = several(trains=["iemocap"], folds=1, protocol="cross-corpus")
    shared = of(evidence)
    apart = random_effects(*np.array([(o.uncertainty.estimate, o.uncertainty.error) for o in shared.kept]).T)
    last = answer(evidence, test="over-corpora").lines[-1]
    assert SHARED in last.note and SAME_DATA in last.note and last.where.startswith("trained on others: ")
    assert last.estimate == pytest.approx(apart.uncertainty.estimate)
    assert shared.summary.uncertainty.error**2 == pytest.approx(apart.uncertainty.error**2 + shared.summary.luck)
    assert shared.summary.luck > 0


def test_a_corpus_that_is_tested_after_several_trainings_counts_once():
    evidence = several(trains=list(SIZES), folds=1, protocol="cross-corpus")
    found = of(evidence)
    assert [len(one.meetings) for one in found.corpora] == [3, 3, 3, 3]
    first = found.corpora[0]
    u = contrast([(x / 3, p) for m in first.meetings for x, p in m.terms], UAR)
    assert first.uncertainty == u
    assert u.estimate == pytest.approx(np.mean([m.a.pooled - m.b.pooled for m in first.meetings]))
    lines = answer(evidence, test="over-corpora").lines
    assert len(lines) == 5 and lines[0].note == "mean after training on emovo, ravdess, savee"


@pytest.mark.parametrize("tau", [0.0, 0.05])
@pytest.mark.parametrize("sizes", [(6, 10, 24, 10, 60), (4, 6, 10, 24, 10, 60, 12, 8, 30, 16)], ids=["5", "10"])
def test_false_alarms_with_unequal_corpora(sizes, tau):
    n = 1500
    assert difference_alarms(np.random.default_rng(7), sizes, tau, n) <= 0.07 + 2 * np.sqrt(0.07 * 0.93 / n)


def test_false_alarms_where_corpora_share_trainings():
    n, rng = 60, np.random.default_rng(8)
    alarms = np.mean([equal_models(rng, (6, 10, 24), luck=0.04) < 0.05 for _ in range(n)])
    assert alarms <= 0.07 + 2 * np.sqrt(0.07 * 0.93 / n)


def test_the_forest_plot_has_the_numbers_of_the_answer(own):
    figure = forest(of(own))
    last = answer(own, test="over-corpora").lines[-1]
    number = f"{100 * last.estimate:+.1f} [{100 * last.low:+.1f}, {100 * last.high:+.1f}]"
    assert number in texts(figure) and "mean over 4 corpora" in texts(figure)
    (axes,) = figure.axes
    (diamond,) = axes.patches
    assert [diamond.xy[k, 0] / 100 for k in (0, 1, 2)] == pytest.approx([last.low, last.estimate, last.high])
    squares = [line.get_markersize() for line in axes.lines if line.get_marker() == "s"]
    assert np.argsort(squares).tolist() == np.argsort(of(own).summary.weights).tolist()


def test_a_corpus_left_out_has_no_square_and_a_reason():
    x = of(several({**SIZES, "tess": 2}))
    shown = texts(forest(x))
    assert "not in it" in shown and "tess: 2 test speakers, 3 are needed" in " ".join(shown.split())


def test_the_report_has_forest_plots_or_says_why_not(own):
    drawn, _ = forest_picture.summaries(own)
    assert [x.what for x in drawn] == ["a − b"]
    made, reasons = pictures([], [], own)
    assert [p.section for p in made if p.section == "over-corpora"] and "over-corpora" not in reasons
    _, reasons = pictures([], [], several({"emodb": 8, "emovo": 6}))
    assert reasons["over-corpora"] == "No forest plot: tests on 2 corpora, 3 are needed."


def forest(x):
    with matplotlib.rc_context(style.RC):
        return forest_picture.forest(x)


def texts(figure):
    found = [t.get_text() for t in [*figure.texts, *figure.axes[0].texts, *figure.axes[0].get_yticklabels()]]
    return "\n".join(found).replace("−", "-")
