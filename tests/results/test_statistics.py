import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from serbench.results.evidence.results import Identity, Result, Setup
from serbench.results.evidence.sides import Side, fold_differences_of
from serbench.results.questions.compare import PLAIN, Folds, compare_rows
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.speakers import (
    OVER_BOTH,
    OVER_FOLDS,
    TYPICAL,
    nadeau_bengio,
    paired_of,
    paired_t,
    unit_scores,
    unpaired,
)

UAR = METRICS["uar"]
CLASSES = ("angry", "happy", "sad")


differences = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=3, max_size=30).filter(
    lambda d: np.ptp(d) > 0
)


@settings(max_examples=50, deadline=None)
@given(differences)
def test_paired_t_is_that_of_scipy(d):
    test, theirs = paired_t(np.array(d), "t"), stats.ttest_1samp(d, 0)
    bounds = theirs.confidence_interval(0.95)
    assert (test.t, test.p, test.df) == pytest.approx((theirs.statistic, theirs.pvalue, theirs.df))
    assert (test.low, test.high) == pytest.approx((bounds.low, bounds.high))
    assert test.n == len(d) and test.attainable_p == 2 ** (1 - len(d))


def corrected(d, n_train, n_test, level=0.95):
    """The corrected test of differences over folds of as many rows."""
    return paired_of(OVER_FOLDS, nadeau_bengio(float(np.mean(d)), d, n_train, n_test), level)


def test_nadeau_bengio_by_hand():
    # mean .03, s² = .002/3; two repeats of five-fold would have n_test/n_train = 1/4: variance (1/4 + 1/4) s²
    test = corrected(np.array([0.02, 0.04, 0.00, 0.06]), n_train=80, n_test=20)
    t = 0.03 / math.sqrt(0.5 * 0.002 / 3)
    below = 0.5 + (t / math.sqrt(3) / (1 + t * t / 3) + math.atan(t / math.sqrt(3))) / math.pi  # CDF of t with df 3
    assert (test.t, test.df, test.n, test.units) == (pytest.approx(t), 3, 4, "folds")
    assert test.p == pytest.approx(2 * (1 - below))
    assert (test.low + test.high) / 2 == pytest.approx(0.03)
    assert (test.low < 0) == (test.p > 0.05)


def test_the_corrected_test_is_of_the_pooled_difference_and_folds_give_its_spread_alone():
    d = np.array([0.02, 0.04, 0.00, 0.06])
    pooled, mean = (nadeau_bengio(estimate, d, 80, 20) for estimate in (0.01, 0.03))
    assert (pooled.estimate, pooled.error, pooled.df) == (0.01, mean.error, mean.df)
    assert nadeau_bengio(0.1, d[:2], 80, 20).reason == "2 folds, 3 are needed"
    level = nadeau_bengio(0.1, np.full(4, 0.1), 80, 20)
    assert level.error == 0 and "all 4 folds differ by the same" in paired_of(OVER_FOLDS, level).reason


@pytest.mark.parametrize(("repeats", "folds"), [(1, 10), (3, 5), (10, 2)])
def test_nadeau_bengio_is_the_correlated_t_of_baycomp(repeats, folds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import baycomp
    rng = np.random.default_rng(repeats)
    a, b = rng.normal([[0.64], [0.62]], 0.05, (2, repeats * folds))
    left, right = baycomp.two_on_single(b, a, rope=0, runs=repeats)
    test = corrected(a - b, n_train=(folds - 1) * 40, n_test=40)
    assert test.p == pytest.approx(2 * min(left, right), rel=1e-9)
    assert test.p > paired_t(a - b, "plain").p  # the plain test is too sure


def test_no_test_of_two_differences_or_of_equal_ones():
    two = paired_t(np.array([0.1, 0.2]), "t")
    assert two.p is None and two.t is None and two.low is None
    assert two.attainable_p == 0.5
    assert two.reason == "2 paired differences, 3 are needed; no test of the signs of 2 can be below p = 0.5"
    assert paired_t(np.array([]), "t").attainable_p is None
    equal = paired_t(np.full(5, 0.1), "t")
    assert equal.p is None and "all 5 differences are equal (0.1)" in equal.reason
    same = paired_t(np.zeros(5), "t")
    assert (same.mean, same.p, same.low, same.high, same.reason) == (0, 1, 0, 0, None)


def rows(skill, seeds=(0, 1), speakers=6, per_class=8, rng_seed=0):
    """Predictions of a model that finds the true class with probability ``skill``; one fold per speaker."""
    rng, lines = np.random.default_rng(rng_seed), []
    for seed in seeds:
        for s in range(speakers):
            for k in range(per_class * len(CLASSES)):
                truth = CLASSES[k % len(CLASSES)]
                guess = truth if rng.random() < skill else CLASSES[(k + 1) % len(CLASSES)]
                lines.append((seed, 0, f"speaker {s}", f"hash {s}", f"c/{s}/{k}#0", f"c/{s}", truth, guess))
    return pd.DataFrame(lines, columns=["seed", "repeat", "fold", "fold_hash", "row", "speaker", "truth", "guess"])


def sides(a, b):
    """Two models with these rows."""
    setup = Setup("speaker-independent", "c", "c", "clean", "native", ())
    facts = {"status": "done", "role": "model", "training": "t", "train_uar": None}
    seeds = [pd.DataFrame({"seed": rows["seed"].unique(), **facts}) for rows in (a, b)]
    about = ("base", "model", {}, CLASSES, "classes", Identity(*[""] * len(Identity._fields)))
    results = [
        Result(setup, name, *about, dict(enumerate(s.itertuples())), s) for name, s in zip("ab", seeds, strict=True)
    ]
    return [Side(result, rows, UAR) for result, rows in zip(results, (a, b), strict=True)]


def compared(a, b):
    """Two models compared by their rows."""
    return compare_rows(*sides(a, b), Folds(n_train=120, n_test=24))


def test_the_main_test_of_equal_clips_and_speakers_of_their_own_is_the_paired_t_of_their_scores():
    a, b = rows(0.8, rng_seed=1), rows(0.6, rng_seed=2)
    expected = []
    for speaker in sorted(set(a.speaker)):
        score = []
        for frame in (a, b):
            part = frame[frame.speaker == speaker]
            recalls = [[(g.guess == c).mean() for c, g in seed.groupby("truth")] for _, seed in part.groupby("seed")]
            score.append(np.mean(recalls))
        expected.append(score[0] - score[1])
    theirs = stats.ttest_1samp(expected, 0)
    comparison = compared(a, b)
    test = comparison.main
    assert (test.mean, test.t, test.p) == pytest.approx((np.mean(expected), theirs.statistic, theirs.pvalue))
    assert (test.n, test.df, test.name) == (6, pytest.approx(5), OVER_BOTH)
    assert comparison.score_a - comparison.score_b == pytest.approx(test.mean, abs=1e-12)
    typical = next(t for t in comparison.beside if t.name == TYPICAL)
    assert (typical.t, typical.about) == (pytest.approx(theirs.statistic), "trained models")


def test_clips_weigh_in_the_main_test_as_they_do_in_the_score():
    """A guest with a clip of each class, on whom the first model fails, moves the scores by little."""
    a, b = rows(0.8, rng_seed=1), rows(0.8, rng_seed=2)
    guest = rows(1.0, speakers=1, per_class=1).assign(speaker="guest", fold="guest", fold_hash="guest")
    guest["row"] = "guest " + guest["row"]
    bad = guest.assign(guess=guest["truth"].map({"angry": "sad", "happy": "angry", "sad": "happy"}))
    comparison = compared(pd.concat([a, bad]), pd.concat([b, guest]))
    assert comparison.main.mean == pytest.approx(comparison.score_a - comparison.score_b, abs=1e-12)
    typical = next(t for t in comparison.beside if t.name == TYPICAL)
    assert abs(comparison.main.mean) < 0.1 < abs(typical.mean)


def test_the_main_test_is_antisymmetric_blind_to_order_and_takes_different_seeds():
    a, b = rows(0.8, rng_seed=1), rows(0.6, seeds=(7,), rng_seed=2)
    one = compared(a, b).main
    two = compared(b.sample(frac=1, random_state=1), a.sample(frac=1, random_state=2)).main
    assert (two.mean, two.t, two.low, two.p) == pytest.approx((-one.mean, -one.t, -one.high, one.p))


def test_a_deterministic_model_with_more_seeds_is_the_same_evidence():
    a, b = rows(0.8, seeds=(0,), rng_seed=1), rows(0.6, seeds=(0,), rng_seed=2)
    five = [pd.concat([f.assign(seed=s) for s in range(5)]) for f in (a, b)]
    assert compared(*five).main.p == pytest.approx(compared(a, b).main.p)


def changed(frame, column, value, n=2):
    frame = frame.copy()
    frame.loc[frame.index[:n], column] = value
    return frame


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f[f.row != "c/3/5#0"], "1 rows are scored by one model only, or in other folds"),
        (lambda f: f[(f.row != "c/3/5#0") | (f.seed != 1)], "seed 1 of the second model lacks 1 of 144 rows"),
        (lambda f: f.assign(fold="all"), "288 rows are scored by one model only, or in other folds"),
        (lambda f: f.assign(fold_hash="x"), "the folds of 144 rows differ"),
        (lambda f: f.assign(truth=f.truth.map({"angry": "sad", "sad": "angry"}).fillna(f.truth)), "true classes of 96"),
        (lambda f: pd.concat([f, f[:1]]), "the second model has rows that are scored twice under one seed"),
        (lambda f: f[:0], "no predictions"),
    ],
)
def test_what_is_not_paired_is_refused_with_the_reason(change, reason):
    a = rows(0.8)
    test = compared(a, change(rows(0.6))).main
    assert test.p is None and reason in test.reason


def test_too_few_or_unknown_speakers_are_refused():
    test = compared(rows(0.8, speakers=2), rows(0.6, speakers=2)).main
    assert test.p is None and test.reason == "2 test speakers, 3 are needed"
    nobody = [rows(skill).assign(speaker=None) for skill in (0.8, 0.6)]
    over_folds = compared(*nobody)  # of whom it is not known whether they are in several folds
    assert over_folds.main.name == OVER_FOLDS
    assert over_folds.beside[0].reason == "the speaker of 288 rows is unknown"
    one_set = [f.assign(fold="all", fold_hash="all") for f in nobody]
    assert compared(*one_set).main.reason == "the speaker of 288 rows is unknown"
    assert unpaired(*nobody) is None


def test_fold_differences_average_seeds_first_or_keep_them_apart_as_papers_do():
    a, b = rows(0.8, rng_seed=1), rows(0.6, rng_seed=2)
    per_fold, per_run = (fold_differences_of(*sides(a, b), apart) for apart in (False, True))
    assert per_fold.shape == (6,) and per_run.shape == (12,)
    assert per_run.reshape(6, 2).mean(1) == pytest.approx(per_fold)
    comparison = compared(a, b)
    difference = comparison.score_a - comparison.score_b
    over_folds = next(test for test in comparison.beside if test.name == OVER_FOLDS)
    assert over_folds == paired_of(OVER_FOLDS, nadeau_bengio(difference, per_fold, n_train=120, n_test=24))
    assert comparison.plain == paired_t(per_run, PLAIN)
    scores = unit_scores(a, CLASSES, UAR, "fold")
    assert list(scores.columns) == ["seed", "repeat", "fold", "score"] and len(scores) == 12
