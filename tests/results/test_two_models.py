import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from serbench.results.statistics.two_models import bayesian_t, effect, holm, mcnemar, tost, wilcoxon, worse_than

few = settings(max_examples=40, deadline=None)
differences = st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 2)), min_size=4, max_size=14).filter(
    lambda d: np.ptp(d) > 0.02
)


@pytest.mark.parametrize(("repeats", "folds", "rope"), [(1, 10, 0.01), (3, 5, 0.02), (10, 2, 0.0)])
def test_bayesian_t_is_that_of_baycomp(repeats, folds, rope):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import baycomp
    rng = np.random.default_rng(repeats)
    a, b = rng.normal([[0.64], [0.62]], 0.05, (2, repeats * folds))
    theirs = baycomp.two_on_single(b, a, rope=rope, runs=repeats)  # left: first (b) better
    found = bayesian_t(a - b, 1 / (repeats * folds) + 1 / (folds - 1), rope)
    ours = (found.below, found.within, found.above) if rope else (found.below, found.above)
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert found.below + found.within + found.above == pytest.approx(1)


def test_bayesian_t_over_independent_units_is_the_t_distribution_and_turns_with_the_models():
    d = np.array([0.02, 0.05, -0.01, 0.03, 0.04])
    found, turned = bayesian_t(d), bayesian_t(-d)
    t = stats.t(4, d.mean(), d.std(ddof=1) / math.sqrt(5))
    assert (found.below, found.above) == pytest.approx((t.cdf(-0.01), t.sf(0.01)))
    assert (found.below, found.above) == pytest.approx((turned.above, turned.below))
    assert bayesian_t(d[:2]).reason == "2 paired differences, 3 are needed"
    assert bayesian_t(np.full(4, 0.1)).reason == "all 4 differences are equal"


@few
@given(differences, st.sampled_from([0.01, 0.05, 0.2]))
def test_tost_is_that_of_statsmodels(d, margin):
    theirs = DescrStatsW(np.array(d)).ttost_mean(-margin, margin)[0]
    assert tost(np.array(d), margin).p == pytest.approx(theirs, abs=1e-12)


def test_tost_takes_the_share_of_correlated_folds_and_refuses_what_has_no_spread():
    d = np.array([0.002, -0.004, 0.001, 0.003])
    error = math.sqrt(0.5) * d.std(ddof=1)
    expected = stats.t.sf((0.01 - abs(d.mean())) / error, 3)
    assert tost(d, 0.01, share=0.5).p == pytest.approx(expected)
    assert tost(d, 0.01, share=0.5).p > tost(d, 0.01).p
    assert tost(np.zeros(4)).p is None and tost(np.zeros(1)).reason


@few
@given(differences, st.sampled_from([0.0, 0.01]))
def test_worse_is_the_one_sided_t_of_scipy(d, margin):
    theirs = stats.ttest_1samp(d, -margin, alternative="less").pvalue
    assert worse_than(np.array(d), margin)[0] == pytest.approx(theirs, abs=1e-12)


def test_worse_of_equal_differences_is_decided_by_their_mean():
    assert worse_than(np.zeros(5), 0.01) == (1.0, None)
    assert worse_than(np.full(5, -0.2), 0.01) == (0.0, None)
    assert worse_than(np.zeros(2), 0.01) == (None, "2 paired differences, 3 are needed")


def test_effect_by_hand():
    # differences 1..5: mean 3, deviation sqrt(2.5)
    found = effect(np.arange(1.0, 6.0))
    assert (found.mean, found.sd, found.d_z, found.n) == (3, pytest.approx(2.5**0.5), pytest.approx(3 / 2.5**0.5), 5)
    assert effect(np.zeros(3)).d_z is None and effect(np.zeros(0)).mean is None and effect(np.ones(1)).sd is None


@few
@given(differences)
def test_wilcoxon_is_the_test_over_all_signs_with_ties_too(d):
    values = np.array([x for x in d if x])
    found = wilcoxon(np.array(d))
    if 2.0 ** (1 - len(values)) > 0.05:
        assert found.p is None
        return
    ranks = stats.rankdata(np.abs(values))
    w = ranks[values > 0].sum()
    if len(values) <= 10:
        signs = np.array(list(itertools.product([0, 1], repeat=len(values))))
        sums = signs @ ranks
        expected = min(1, 2 * min((sums <= w + 1e-9).mean(), (sums >= w - 1e-9).mean()))
        assert found.p == pytest.approx(expected, abs=1e-12)
    if len(set(ranks)) == len(ranks) and np.all(ranks == np.round(ranks)):
        assert found.p == pytest.approx(stats.wilcoxon(values, method="exact").pvalue, abs=1e-12)


def test_wilcoxon_of_a_published_example_and_of_too_few():
    # Darwin's maize: heights of 15 pairs of crossed and self-fertilized plants (Fisher 1935); sum of negatives 24
    d = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
    assert wilcoxon(d).p == pytest.approx(0.041259765625)
    assert wilcoxon(np.append(d, 0)).n == 15
    five = wilcoxon(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert five.p is None and five.attainable_p == 0.0625 and "p = 0.0625" in five.reason
    six = wilcoxon(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    assert six.p == six.attainable_p == 1 / 32


@few
@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_that_of_statsmodels(only_a, only_b):
    a = np.array([True] * only_a + [False] * only_b + [True] * 5)
    b = np.array([False] * only_a + [True] * only_b + [True] * 5)
    found = mcnemar(a, b)
    theirs = their_mcnemar([[5, only_a], [only_b, 0]], exact=True).pvalue
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert found.p == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_holm_is_that_of_statsmodels(n):
    p = np.round(np.random.default_rng(n).random(n) ** 3, 2).tolist()
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist(), abs=1e-12)
    assert holm([*p, None])[:-1] == holm(p)
