import warnings

import numpy as np
import pytest
from scipy import stats

from serbench.results.statistics.many_models import (
    expanded_tails,
    interquartile_mean,
    page_trend,
    probability_of_improvement,
    rank_models,
    tied_groups,
)

# Demšar 2006, table 6: AUC of four variants of C4.5 on 14 data sets, as five public transcriptions of the table agree
# on it. "Voting" has 0.975 twice in print, and the printed ranks put +cf before +m+cf there
MODELS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
    ]
)  # fmt: skip


def posthocs(scores):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scikit_posthocs

        return scikit_posthocs.posthoc_nemenyi_friedman(scores).to_numpy()


def test_published_ranks_and_critical_difference():
    found = rank_models(DEMSAR, MODELS)
    assert found.models == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert found.ranks == pytest.approx((1.964, 2.000, 2.893, 3.143), abs=5e-4)
    # without the correction for ties the paper has chi² 9.28
    raw = 12 * 14 / (4 * 5) * (sum(r**2 for r in found.ranks) - 4 * 25 / 4)
    assert raw == pytest.approx(9.28, abs=0.01)
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=2e-3)
    assert found.df == 3 and found.reason is None
    assert found.groups == ((0, 3),)  # "not powerful enough": even the best and the worst are within 1.25


def test_published_groups_at_ten_percent():
    # figure 1 (a) of the paper: C4.5 is worse than C4.5+m and C4.5+m+cf, C4.5+cf belongs to both groups; CD 1.12
    found = rank_models(DEMSAR, MODELS, level=0.9)
    assert found.critical_difference == pytest.approx(1.12, abs=5e-3)
    assert [found.models[first : last + 1] for first, last in found.groups] == [
        ("C4.5+m+cf", "C4.5+m", "C4.5+cf"),
        ("C4.5+cf", "C4.5"),
    ]


@pytest.mark.parametrize(("k", "level", "q"), [(3, 0.95, 2.343), (4, 0.95, 2.569), (10, 0.95, 3.164),
                                               (4, 0.9, 2.291), (10, 0.9, 2.920)])  # fmt: skip
def test_published_critical_values(k, level, q):
    # table 5 (a) of the paper, whose numbers are cut off at three decimals
    found = rank_models(np.random.default_rng(k).random((6, k)), [str(i) for i in range(k)], level)
    assert found.critical_difference / np.sqrt(k * (k + 1) / 36) == pytest.approx(q, abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_friedman_is_that_of_scipy_and_nemenyi_that_of_scikit_posthocs(seed):
    rng = np.random.default_rng(seed)
    scores = DEMSAR if seed == 0 else np.round(rng.normal([0.5, 0.52, 0.6, 0.7, 0.61], 0.1, (9, 5)), seed)
    names = [f"m{i}" for i in range(scores.shape[1])]
    found = rank_models(scores, names)
    chi2, p = stats.friedmanchisquare(*scores.T)
    assert (found.chi2, found.friedman_p) == pytest.approx((chi2, p), abs=1e-12)
    place = [names.index(m) for m in found.models]
    assert found.p == pytest.approx(posthocs(scores)[np.ix_(place, place)], abs=1e-6)
    apart = np.abs(np.subtract.outer(found.ranks, found.ranks)) >= found.critical_difference
    assert (apart == (found.p <= 0.05)).all()


def test_ranks_are_best_first_and_groups_hold_what_cannot_be_told_apart():
    assert tied_groups(np.array([1.0, 1.4, 1.9, 3.0]), 0.6) == ((0, 1), (1, 2))
    assert tied_groups(np.array([1.0, 2.0]), 0.5) == ()
    assert tied_groups(np.array([1.0, 1.1, 1.2]), 5) == ((0, 2),)
    clear = rank_models(np.arange(24.0).reshape(8, 3) % 3, ["low", "middle", "high"])
    assert clear.models == ("high", "middle", "low") and clear.ranks == (1, 2, 3)
    assert clear.groups == ((0, 1), (1, 2))  # 8 blocks: a rank of one is not enough, of two it is


def test_ranks_are_refused_with_the_reason():
    rng = np.random.default_rng(0)
    two = rank_models(rng.random((2, 3)), list("abc"))
    assert two.friedman_p is None and two.attainable_p == pytest.approx(np.exp(-2)) and "2 blocks" in two.reason
    assert "2 models" in rank_models(rng.random((9, 2)), list("ab")).reason
    gap = rng.random((9, 3))
    gap[4, 1] = np.nan
    assert "lack" in rank_models(gap, list("abc")).reason
    same = rank_models(np.ones((9, 3)), list("abc"))
    assert same.chi2 == 0 and same.friedman_p == 1 and same.groups == ((0, 2),)


def test_page_trend_of_the_published_example():
    # Page's L of nine students on three tutorials; statistic and exact p as in the documentation of scipy
    table = np.array(
        [[3, 4, 3], [2, 2, 4], [3, 3, 5], [1, 3, 2], [2, 3, 2], [2, 4, 5], [1, 2, 4], [3, 4, 4], [2, 4, 5], [1, 3, 4]]
    )
    found = page_trend(table.astype(float))
    assert (found.L, found.p) == (133.5, pytest.approx(0.0018191161948127822))
    order = stats.rankdata(table, axis=1).sum(0) @ [1, 2, 3]  # Page 1963: L = sum of rank sums times levels
    assert order == found.L
    assert page_trend(-table.astype(float)).p > 0.9


def test_page_trend_is_refused_with_the_reason():
    assert "2 levels" in page_trend(np.ones((9, 2))).reason
    one = page_trend(np.array([[1.0, 2.0, 3.0]]))
    assert one.p is None and "1 blocks" in one.reason
    assert "lack" in page_trend(np.array([[1.0, 2, np.nan]] * 5)).reason


def test_interquartile_mean_is_the_trimmed_mean_with_an_interval_over_blocks():
    rng = np.random.default_rng(0)
    scores = rng.normal(0.6, 0.1, (12, 5))
    found = interquartile_mean(scores, np.random.default_rng(1))
    ordered = np.sort(scores.ravel())
    assert found.value == pytest.approx(ordered[15:45].mean())
    for size in ((7, 3), (6, 1), (9, 2)):
        odd = rng.random(size)
        assert interquartile_mean(odd, rng, 10).value == pytest.approx(stats.trim_mean(odd, 0.25, axis=None))
    assert found.interval.low < found.value < found.interval.high
    wild = scores.copy()
    wild[3, 2] = 40.0  # one wild run moves the mean, not the middle
    assert interquartile_mean(wild, rng).value == pytest.approx(found.value, abs=0.01)
    few = interquartile_mean(scores[:4], rng)
    assert few.value is not None and few.interval.reason == "4 blocks, 6 are needed for an interval"


def test_probability_of_improvement_is_mann_whitney_per_block():
    rng = np.random.default_rng(2)
    a, b = np.round(rng.normal(0.62, 0.1, (8, 5)), 1), np.round(rng.normal(0.6, 0.1, (8, 4)), 1)
    expected = np.mean([stats.mannwhitneyu(x, y).statistic / 20 for x, y in zip(a, b, strict=True)])
    found = probability_of_improvement(a, b, rng)
    assert found.value == pytest.approx(expected)
    assert found.interval.low <= found.value <= found.interval.high
    assert probability_of_improvement(b, a, rng).value == pytest.approx(1 - expected)


def test_the_interval_over_blocks_holds_the_truth():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(200):
        scores = rng.normal(0.6, 0.08, (10, 1)) + rng.normal(0, 0.02, (10, 3))
        i = interquartile_mean(scores, rng, reps=1_000).interval
        inside += i.low <= 0.6 <= i.high
    assert 0.91 <= inside / 200 <= 0.99


def test_tails_are_those_of_the_expanded_percentile():
    low, high = expanded_tails(6)
    assert low == pytest.approx(stats.norm.cdf(np.sqrt(6 / 5) * stats.t.ppf(0.025, 5))) and low + high == 1
