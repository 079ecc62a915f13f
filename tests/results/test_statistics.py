import itertools
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
    BOOTSTRAP,
    OVER_FOLDS,
    STUDENT,
    nadeau_bengio,
    paired_t,
    speaker_interval,
    speaker_intervals,
    unit_scores,
    unpaired,
)

UAR = METRICS["uar"]
CLASSES = ("angry", "happy", "sad")


def speakers_of(rng, n, seeds=1, per_class=15, n_classes=4):
    """Confusions (seeds, n, C, C) of speakers with random effects on the logit scale, balanced classes."""
    logit = np.array([0.5, 1.2, 0.0, 0.8])[:n_classes] + rng.normal(0, 0.6, (n, 1)) + rng.normal(0, 0.4, (n, n_classes))
    hits = rng.binomial(per_class, 1 / (1 + np.exp(-logit)), (seeds, n, n_classes))
    confusions = np.zeros((seeds, n, n_classes, n_classes), dtype=int)
    diagonal = np.arange(n_classes)
    confusions[..., diagonal, diagonal] = hits
    confusions[..., diagonal, (diagonal + 1) % n_classes] = per_class - hits
    return confusions


def coverage(n, runs, reps=2_000):
    """Share of 95 % intervals over n speakers that hold the UAR of all speakers there are."""
    rng = np.random.default_rng([2015, n])
    effects = np.random.default_rng(0).normal(0, math.hypot(0.6, 0.4), (200_000, 1))
    true = (1 / (1 + np.exp(-(np.array([0.5, 1.2, 0.0, 0.8]) + effects)))).mean()
    found = [speaker_interval(speakers_of(rng, n), UAR, rng, reps=reps) for _ in range(runs)]
    return np.mean([i.low <= true <= i.high for i in found])


@pytest.mark.parametrize("n", [6, 10, 20])
def test_the_interval_holds_the_truth_as_often_as_it_says(n):
    assert 0.92 <= coverage(n, 1_000) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 4, 5, 6, 8, 10, 20])
def test_the_interval_holds_the_truth_as_often_as_it_says_long(n):
    assert 0.92 <= coverage(n, 5_000, 10_000) <= 0.97


def test_bootstrap_is_the_expanded_percentile_of_all_samples_of_the_speakers():
    confusions = speakers_of(np.random.default_rng(1), 6, seeds=3)
    samples = np.array(list(itertools.product(range(6), repeat=6)))  # all 6^6 of them
    scores = np.mean([UAR.of(seed[samples].sum(1)) for seed in confusions], 0)
    tail = stats.norm.cdf(-math.sqrt(6 / 5) * stats.t.ppf(0.975, 5))
    assert tail == pytest.approx(0.0024, abs=1e-4)  # instead of 0.025
    interval = speaker_interval(confusions, UAR, np.random.default_rng(5), reps=100_000)
    assert interval.method == BOOTSTRAP and interval.reason is None
    assert interval.low == pytest.approx(np.quantile(scores, tail), abs=0.002)
    assert interval.high == pytest.approx(np.quantile(scores, 1 - tail), abs=0.002)


def test_three_to_five_speakers_get_student_t_around_the_pooled_score():
    # recalls of (class 0, class 1) by speaker: (1, .5), (.5, .5), (0, 1) with 2 and 4 rows
    confusions = np.array([[[[2, 0], [2, 2]], [[1, 1], [2, 2]], [[0, 2], [0, 4]]]])
    interval = speaker_interval(confusions, UAR, np.random.default_rng(0))
    speakers = [0.75, 0.5, 0.5]
    center = (3 / 6 + 8 / 12) / 2
    half = 4.302652729911275 * np.std(speakers, ddof=1) / math.sqrt(3)  # t_{2, .975} from a printed table
    assert interval.method == STUDENT
    assert (interval.low, interval.high) == pytest.approx((center - half, center + half))


def test_student_interval_stays_in_the_range():
    confusions = np.array([[[[9, 0], [0, 9]], [[9, 0], [0, 9]], [[2, 7], [5, 4]]]])
    interval = speaker_interval(confusions, UAR, np.random.default_rng(0))
    assert interval.high == 1.0 and 0 <= interval.low < 1


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_speakers_get_no_interval_but_the_reason(n):
    interval = speaker_interval(speakers_of(np.random.default_rng(0), 2)[:, :n], UAR, np.random.default_rng(0))
    assert (interval.low, interval.high, interval.method) == (None, None, None)
    assert interval.reason == f"{n} test speaker{'' if n == 1 else 's'}, 3 are needed for an interval"


def test_speakers_without_rows_do_not_count():
    confusions = speakers_of(np.random.default_rng(0), 8)
    confusions[:, 5:] = 0
    assert speaker_interval(confusions, UAR, np.random.default_rng(0)).method == STUDENT


@pytest.mark.parametrize("n", [4, 9])
def test_interval_does_not_depend_on_the_order_of_classes_and_several_metrics_share_resamples(n):
    confusions = speakers_of(np.random.default_rng(2), n, seeds=2)
    alone = speaker_interval(confusions, UAR, np.random.default_rng(1), reps=500)
    order = [2, 0, 3, 1]
    turned = speaker_interval(confusions[:, :, order][..., order], UAR, np.random.default_rng(1), reps=500)
    assert (turned.low, turned.high) == pytest.approx((alone.low, alone.high))
    assert speaker_intervals(confusions, list(METRICS.values()), np.random.default_rng(1), reps=500)["uar"] == alone


def test_blocks_of_replicates_fill_up_to_the_number_asked_for(monkeypatch):
    monkeypatch.setattr("serbench.results.statistics.speakers._BLOCK", 5_000)
    interval = speaker_interval(speakers_of(np.random.default_rng(2), 9), UAR, np.random.default_rng(1), reps=1_000)
    assert 0 < interval.low < interval.high < 1


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


def test_nadeau_bengio_by_hand():
    # mean .03, s² = .002/3; two repeats of five-fold would have n_test/n_train = 1/4: variance (1/4 + 1/4) s²
    test = nadeau_bengio(np.array([0.02, 0.04, 0.00, 0.06]), n_train=80, n_test=20)
    t = 0.03 / math.sqrt(0.5 * 0.002 / 3)
    below = 0.5 + (t / math.sqrt(3) / (1 + t * t / 3) + math.atan(t / math.sqrt(3))) / math.pi  # CDF of t with df 3
    assert (test.t, test.df, test.n) == (pytest.approx(t), 3, 4)
    assert test.p == pytest.approx(2 * (1 - below))
    assert (test.low + test.high) / 2 == pytest.approx(0.03)
    assert (test.low < 0) == (test.p > 0.05)


@pytest.mark.parametrize(("repeats", "folds"), [(1, 10), (3, 5), (10, 2)])
def test_nadeau_bengio_is_the_correlated_t_of_baycomp(repeats, folds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import baycomp
    rng = np.random.default_rng(repeats)
    a, b = rng.normal([[0.64], [0.62]], 0.05, (2, repeats * folds))
    left, right = baycomp.two_on_single(b, a, rope=0, runs=repeats)
    test = nadeau_bengio(a - b, n_train=(folds - 1) * 40, n_test=40)
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
    seeds = [pd.DataFrame({"seed": rows["seed"].unique()}) for rows in (a, b)]
    about = ("base", "model", {}, CLASSES, "classes", Identity(*[""] * len(Identity._fields)))
    results = [
        Result(setup, name, *about, dict(enumerate(s.itertuples())), s) for name, s in zip("ab", seeds, strict=True)
    ]
    return [Side(result, rows, UAR) for result, rows in zip(results, (a, b), strict=True)]


def compared(a, b):
    """Two models compared by their rows."""
    return compare_rows(*sides(a, b), Folds(n_train=120, n_test=24))


def test_the_main_test_by_hand():
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
    found = compared(a, b)
    test = found.main
    assert found.differences == pytest.approx(expected)
    assert (test.mean, test.t, test.p) == pytest.approx((np.mean(expected), theirs.statistic, theirs.pvalue))
    assert (test.n, test.df, test.name) == (6, 5, "paired t over speakers")


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
    assert test.p is None and test.reason.startswith("2 paired differences, 3 are needed")
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
    found = compared(a, b)
    assert found.beside[0] == nadeau_bengio(per_fold, n_train=120, n_test=24)
    assert found.plain == paired_t(per_run, PLAIN)
    scores = unit_scores(a, CLASSES, UAR, "fold")
    assert list(scores.columns) == ["seed", "repeat", "fold", "score"] and len(scores) == 12
