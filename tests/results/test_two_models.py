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

from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.two_models import effect, equivalence, holm, mcnemar, posterior, wilcoxon
from serbench.results.statistics.uncertainty import Uncertainty, contrast
from serbench.tests.support.parts import parts_of_hits

UAR = METRICS["uar"]
few = settings(max_examples=40, deadline=None)
differences = st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 2)), min_size=4, max_size=14).filter(
    lambda d: np.ptp(d) > 0.02
)


def student(d, share=None):
    """The mean of differences, whose variance is ``share`` times theirs, as an uncertain difference."""
    n, deviation = len(d), float(np.std(d, ddof=1))
    error = math.sqrt(1 / n if share is None else share) * deviation
    return Uncertainty(float(np.mean(d)), error, n - 1, deviation=deviation, n_clusters=n, effective=n)


@pytest.mark.parametrize(("repeats", "folds", "rope"), [(1, 10, 0.01), (3, 5, 0.02), (10, 2, 0.0)])
def test_the_posterior_is_that_of_baycomp(repeats, folds, rope):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import baycomp
    rng = np.random.default_rng(repeats)
    a, b = rng.normal([[0.64], [0.62]], 0.05, (2, repeats * folds))
    theirs = baycomp.two_on_single(b, a, rope=rope, runs=repeats)  # left: first (b) better
    ours = posterior(student(a - b, 1 / (repeats * folds) + 1 / (folds - 1)), rope)
    chances = (ours.below, ours.within, ours.above) if rope else (ours.below, ours.above)
    assert chances == pytest.approx(theirs, abs=1e-12)
    assert ours.below + ours.within + ours.above == pytest.approx(1)


def test_the_posterior_is_the_t_distribution_of_any_degrees_of_freedom_and_turns_with_the_models():
    u = Uncertainty(0.026, 0.01, 6.3)
    ours, turned = posterior(u), posterior(Uncertainty(-0.026, 0.01, 6.3))
    t = stats.t(6.3, 0.026, 0.01)
    assert (ours.below, ours.above) == pytest.approx((t.cdf(-0.01), t.sf(0.01)))
    assert (ours.below, ours.above) == pytest.approx((turned.above, turned.below))
    nothing = posterior(Uncertainty(0.1, None, None, reason="2 test speakers, 3 are needed"))
    assert (nothing.within, nothing.reason) == (None, "2 test speakers, 3 are needed")


@few
@given(differences, st.sampled_from([0.01, 0.05, 0.2]))
def test_equivalence_is_that_of_statsmodels(d, margin):
    theirs = DescrStatsW(np.array(d)).ttost_mean(-margin, margin)[0]
    ours = equivalence(student(d), margin)
    assert ours.p == pytest.approx(theirs, abs=1e-12)
    at = equivalence(student(d), ours.least)  # the margin that is just ruled out at 5 %
    assert at.p == pytest.approx(0.05, abs=1e-9) and (ours.p < 0.05) == (margin > ours.least)


def test_equivalence_takes_the_error_that_it_is_given_and_has_the_reason_where_there_is_none():
    d = np.array([0.002, -0.004, 0.001, 0.003])
    expected = stats.t.sf((0.01 - abs(d.mean())) / (math.sqrt(0.5) * d.std(ddof=1)), 3)
    assert equivalence(student(d, share=0.5), 0.01).p == pytest.approx(expected)
    assert equivalence(student(d, share=0.5), 0.01).p > equivalence(student(d), 0.01).p
    nothing = equivalence(Uncertainty(0.0, None, None, reason="why"))
    assert (nothing.p, nothing.least, nothing.reason) == (None, None, "why")
    equal = equivalence(student(np.zeros(4)), 0.01)
    assert (equal.p, equal.least) == (0, 0)


@few
@given(differences, st.sampled_from([0.0, 0.01]))
def test_worse_than_a_margin_is_the_one_sided_t_of_scipy(d, margin):
    theirs = stats.ttest_1samp(d, -margin, alternative="less").pvalue
    assert student(d).above(-margin) == pytest.approx(theirs, abs=1e-12)


def test_effect_by_hand():
    # differences 1..5: mean 3, deviation sqrt(2.5)
    found = effect(student(np.arange(1.0, 6.0)))
    assert (found.mean, found.sd, found.d_z, found.n) == (3, pytest.approx(2.5**0.5), pytest.approx(3 / 2.5**0.5), 5)
    assert effect(student(np.zeros(3))).d_z is None
    nothing = effect(Uncertainty(0.2, None, None, reason="why"))
    assert (nothing.mean, nothing.sd, nothing.d_z, nothing.low) == (0.2, None, None, None)


@few
@given(differences, st.sampled_from([0.8, 0.95]))
def test_the_interval_of_d_z_holds_what_a_noncentral_t_allows(d, level):
    u = student(d)
    found = effect(u, level)
    t, root = u.estimate / u.error, math.sqrt(len(d))
    assert found.d_z == pytest.approx(np.mean(d) / np.std(d, ddof=1))
    tails = [stats.nct.sf(t, u.df, found.low * root), stats.nct.cdf(t, u.df, found.high * root)]
    assert tails == pytest.approx([(1 - level) / 2] * 2, abs=1e-6)


def test_d_z_of_a_paired_contrast_is_that_of_the_speakers_differences():
    rng = np.random.default_rng(5)
    clips = np.full((9, 3), 10)
    a, b = (parts_of_hits(rng.binomial(10, p, (1, 9, 3)), clips, side=s) for p, s in ((0.7, "a"), (0.5, "b")))
    d = UAR.of(a.confusions) - UAR.of(b.confusions)
    found = effect(contrast([(1, a), (-1, b)], UAR))
    assert (found.mean, found.sd) == pytest.approx((d.mean(), d.std(ddof=1)))
    assert found.d_z == pytest.approx(d.mean() / d.std(ddof=1)) and found.low < found.d_z < found.high


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
