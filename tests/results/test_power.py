import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from serbench.results.questions.deviations import stored_fold_sd, stored_sd
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.power import minimum_detectable, pooled_sd, power_of
from serbench.results.statistics.speakers import nadeau_bengio
from serbench.tests.support.paired import cells, frames


@pytest.mark.parametrize("n", [3, 6, 10, 24, 100])
def test_power_and_detectable_difference_are_those_of_statsmodels(n):
    theirs = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    found = minimum_detectable(n, 0.1)
    assert found.difference == pytest.approx(0.1 * theirs, rel=1e-5)
    assert power_of(0.07, 0.1, n) == pytest.approx(TTestPower().power(0.7, n, 0.05), abs=1e-6)
    assert power_of(found.difference, 0.1, n) == pytest.approx(0.8)


@pytest.mark.parametrize("n", [3, 9, 44, 93, 400, 3_000])
def test_power_rises_to_one_with_the_difference_and_is_always_a_number(n):
    found = np.array([power_of(d, 0.1, n) for d in np.linspace(0, 1, 101)])  # 44 and 93: NaN where tails are thin
    assert found[0] == pytest.approx(0.05) and (np.diff(found) >= -1e-12).all() and found.max() <= 1 + 1e-12
    assert found[-1] == pytest.approx(1, abs=1e-9) or n == 3


def test_a_test_finds_the_detectable_difference_four_times_in_five():
    rng = np.random.default_rng(0)
    least = minimum_detectable(10, 0.08).difference
    p = stats.ttest_1samp(rng.normal(least, 0.08, (20_000, 10)), 0, axis=1).pvalue
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.01)


def test_two_speakers_detect_nothing_and_more_always_detect_more():
    assert minimum_detectable(2, 0.1).difference is None
    assert minimum_detectable(2, 0.1).reason == "2 test speakers, 3 are needed for a test"
    found = [minimum_detectable(n, 0.1).difference for n in range(3, 30)]
    assert (np.diff(found) < 0).all()


def test_deviation_is_pooled_over_pairs_and_tasks():
    a, b = np.array([0.0, 0.2, 0.4]), np.array([0.1, 0.1, np.nan, 0.3])
    assert pooled_sd([a, b]) == pytest.approx(np.sqrt((2 * a.var(ddof=1) + 2 * np.nanvar(b, ddof=1)) / 4))
    assert pooled_sd([np.array([0.1])]) is None


def test_deviation_of_stored_models():
    rng = np.random.default_rng(1)
    records, predictions = frames(cells(rng, "a") + cells(rng, "b") + cells(rng, "majority"))
    uar = METRICS["uar"]
    joined = predictions.merge(records[["key", "model"]])
    scores = joined.groupby(["model", "speaker"])[["truth", "guess"]].apply(
        lambda part: (part.truth == part.guess).groupby(part.truth).mean().mean()
    )
    expected = (scores["a"] - scores["b"]).std(ddof=1)
    assert stored_sd(records, predictions, uar) == pytest.approx(expected)
    assert stored_sd(records[records.model != "b"], predictions, uar) is None


def test_over_folds_the_mean_varies_more_than_its_folds_say():
    rng = np.random.default_rng(2)
    n, n_train, n_test = 10, 90, 10
    share = 1 / n + n_test / n_train
    found = minimum_detectable(n, 0.1, share=share)
    assert found.difference == pytest.approx(minimum_detectable(n, 0.1).difference * np.sqrt(share * n))
    # correlated folds, as the correction takes them: deviation 0.1, variance of the mean share times 0.01
    common = rng.normal(0, 1, (4_000, 1)) * 0.1 * np.sqrt(share - 1 / n)
    own = rng.normal(0, 1, (4_000, n)) * 0.1
    p = np.array([nadeau_bengio(d, n_train, n_test).p for d in found.difference + common + own])
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.025)
    assert minimum_detectable(2, 0.1, share=0.6).reason == "2 folds, 3 are needed for a test"


def test_deviation_over_folds_of_stored_models():
    rng = np.random.default_rng(3)
    records, predictions = frames(cells(rng, "a") + cells(rng, "b") + cells(rng, "majority"))
    joined = predictions.merge(records[["key", "model", "fold"]])
    scores = joined.groupby(["model", "fold"])[["truth", "guess"]].apply(
        lambda part: (part.truth == part.guess).groupby(part.truth).mean().mean()
    )
    expected = (scores["a"] - scores["b"]).std(ddof=1)
    assert stored_fold_sd(records, predictions, METRICS["uar"]) == pytest.approx(expected)
    assert stored_fold_sd(records[records.model != "b"], predictions, METRICS["uar"]) is None
