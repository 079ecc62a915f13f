import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from serbench.results.questions.deviations import stored_deviations
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.power import detectable, over_both, over_folds, pooled_sd, power_of
from serbench.results.statistics.speakers import nadeau_bengio
from serbench.results.statistics.uncertainty import contrast
from serbench.tests.support.paired import cells, frames
from serbench.tests.support.parts import parts_of_hits

UAR = METRICS["uar"]


@pytest.mark.parametrize("n", [3, 6, 10, 24, 100])
def test_power_and_detectable_difference_are_those_of_statsmodels(n):
    theirs = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    error = 0.1 / n**0.5
    least = detectable(error, n - 1)
    assert least == pytest.approx(0.1 * theirs, rel=1e-5)
    assert power_of(0.07, error, n - 1) == pytest.approx(TTestPower().power(0.7, n, 0.05), abs=1e-6)
    assert power_of(least, error, n - 1) == pytest.approx(0.8)


@pytest.mark.parametrize("n", [3, 9, 44, 93, 400, 3_000])
def test_power_rises_to_one_with_the_difference_and_is_always_a_number(n):
    powers = np.array([power_of(d, 0.1 / n**0.5, n - 1) for d in np.linspace(0, 1, 101)])  # 44, 93: NaN in thin tails
    assert powers[0] == pytest.approx(0.05) and (np.diff(powers) >= -1e-12).all() and powers.max() <= 1 + 1e-12
    assert powers[-1] == pytest.approx(1, abs=1e-9) or n == 3


def test_a_test_finds_the_detectable_difference_four_times_in_five():
    rng = np.random.default_rng(0)
    least = over_both(10, 10, 1, 0.08, 0.0).difference
    p = stats.ttest_1samp(rng.normal(least, 0.08, (20_000, 10)), 0, axis=1).pvalue
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(("folds", "seeds"), [(1, 3), (4, 3), (6, 1), (12, 1)])
def test_what_is_planned_is_what_the_main_test_finds(folds, seeds):
    """Speakers and trainings as the plan takes them, through the test itself."""
    n, sd, luck, clips = 12, 0.1, 0.04, 4_000  # so many clips that they add nothing
    least = over_both(n, folds, seeds, sd, luck).difference
    rng, place, support = np.random.default_rng([folds, seeds]), np.arange(n) % folds, np.full((n, 1), clips)
    seen, runs = 0, 250
    for _ in range(runs):
        own = rng.normal(0, sd, n) if folds < n else rng.normal(0, (sd**2 - 2 * luck**2) ** 0.5, n)
        terms = []
        for sign, side in ((1.0, "a"), (-1.0, "b")):
            recall = 0.5 + sign * (least + own) / 2 + rng.normal(0, luck, (seeds, folds))[:, place]
            terms.append((sign, parts_of_hits(np.round(recall * clips)[..., None], support, place.tolist(), side)))
        seen += contrast(terms, UAR).p() < 0.05
    assert seen / runs == pytest.approx(0.8, abs=0.1)


def test_more_speakers_and_seeds_detect_more_and_too_few_nothing():
    assert over_both(2, 2, 5, 0.1, 0.03).reason == "2 test speakers, 3 are needed for a test"
    assert over_both(2, 2, 5, 0.1, 0.03).difference is None
    one = over_both(10, 1, 1, 0.1, 0.03)
    assert one.difference is None and "3 seeds allow a test of the algorithms" in one.reason
    assert "2 seeds:" in over_both(10, 5, 2, 0.1, 0.03).reason
    by_speakers = [over_both(n, 1, 3, 0.1, 0.03).difference for n in range(3, 30)]
    by_seeds = [over_both(10, 1, k, 0.1, 0.03).difference for k in range(3, 20)]
    assert (np.diff(by_speakers) < 0).all() and (np.diff(by_seeds) < 0).all()
    assert over_both(10, 1, 3, 0.1, 0.0).difference == pytest.approx(detectable(0.1 / 10**0.5, 9))


def test_deviation_is_pooled_over_pairs_and_tasks():
    a, b = np.array([0.0, 0.2, 0.4]), np.array([0.1, 0.1, np.nan, 0.3])
    assert pooled_sd([a, b]) == pytest.approx(np.sqrt((2 * a.var(ddof=1) + 2 * np.nanvar(b, ddof=1)) / 4))
    assert pooled_sd([np.array([0.1])]) is None


def test_deviations_of_stored_models():
    rng = np.random.default_rng(1)
    records, predictions = frames(cells(rng, "a", 2) + cells(rng, "b", 2) + cells(rng, "majority", 2))
    joined = predictions.merge(records[["key", "model", "seed", "fold"]])

    def uar(by):
        return joined.groupby(by)[["truth", "guess"]].apply(
            lambda part: (part.truth == part.guess).groupby(part.truth).mean().mean()
        )

    by_speaker = uar(["model", "seed", "speaker"]).groupby(["model", "speaker"]).mean()
    by_fold = uar(["model", "seed", "fold"])
    stored = stored_deviations(records, predictions, UAR)
    assert stored.speakers == pytest.approx((by_speaker["a"] - by_speaker["b"]).std(ddof=1))
    over_folds = by_fold.groupby(["model", "fold"]).mean()
    assert stored.folds == pytest.approx((over_folds["a"] - over_folds["b"]).std(ddof=1))
    lucks = by_fold.drop("majority").groupby(["model", "fold"]).var(ddof=1)
    assert stored.luck == pytest.approx(lucks.mean() ** 0.5)
    alone = stored_deviations(records[records.model != "b"], predictions, UAR)
    assert (alone.speakers, alone.folds) == (None, None) and alone.luck is not None


def test_over_folds_the_mean_varies_more_than_its_folds_say():
    rng = np.random.default_rng(2)
    n, n_train, n_test = 10, 90, 10
    share = 1 / n + n_test / n_train
    least = over_folds(n, share, 0.1).difference
    assert least == pytest.approx(detectable(0.1 / n**0.5, n - 1) * np.sqrt(share * n))
    # correlated folds, as the correction takes them: deviation 0.1, variance of the mean share times 0.01
    common = rng.normal(0, 1, (4_000, 1)) * 0.1 * np.sqrt(share - 1 / n)
    own = rng.normal(0, 1, (4_000, n)) * 0.1
    p = np.array([nadeau_bengio(float(d.mean()), d, n_train, n_test).p() for d in least + common + own])
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.025)
    assert over_folds(2, 0.6, 0.1).reason == "2 folds, 3 are needed for a test"
