import numpy as np
import pytest
from scipy import stats

from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.robustness import area_under, degradation, snr_curve, snr_where_half, speaker_scores
from serbench.tests.support.parts import parts_of_hits

UAR = METRICS["uar"]
LEVELS = (20.0, 10.0, 0.0)


def heard(rng, skill, speakers=8, seeds=2, per_class=20):
    """Confusions (seeds, speakers, 2, 2) of speakers whose skill is ``skill`` (speakers,)."""
    hits = rng.binomial(per_class, np.broadcast_to(skill, (seeds, speakers))[..., None], (seeds, speakers, 2))
    found = np.zeros((seeds, speakers, 2, 2), dtype=int)
    found[..., [0, 1], [0, 1]], found[..., [0, 1], [1, 0]] = hits, per_class - hits
    return found


@pytest.fixture
def curve():
    rng = np.random.default_rng(0)
    own = rng.normal(0, 0.04, 8)
    clean = heard(rng, np.clip(0.9 + own, 0, 1))
    noisy = np.stack([heard(rng, np.clip(s + own, 0, 1)) for s in (0.85, 0.7, 0.55)])
    return clean, noisy


def as_parts(confusions):
    """Of confusions (seeds, speakers, 2, 2), one training for every speaker and seed."""
    support = confusions[0].sum(-1)
    return parts_of_hits(confusions[..., [0, 1], [0, 1]], support)


def test_degradation_is_the_paired_t_of_scipy_over_speakers(curve):
    clean, noisy = curve
    loss = degradation(as_parts(clean), as_parts(noisy[1]), UAR, 0.5)
    before, after = (UAR.of(c).mean(0) for c in (clean, noisy[1]))
    theirs = stats.ttest_rel(after, before)
    assert (loss.change.estimate / loss.change.error, loss.change.p()) == pytest.approx(
        (theirs.statistic, theirs.pvalue)
    )
    assert loss.change.estimate < 0 and loss.change.interval()[1] < 0
    whole, rest = (UAR.of(c.sum(1)).mean() for c in (clean, noisy[1]))
    assert loss.kept == pytest.approx((rest - 0.5) / (whole - 0.5))
    nothing = degradation(as_parts(np.ones((2, 8, 2, 2), dtype=int)), as_parts(noisy[1]), UAR, 0.5)
    assert nothing.kept is None  # clean is at chance
    assert speaker_scores(noisy, UAR).shape == (3, 8)


def test_area_is_that_of_trapezoids_in_any_order_of_levels():
    scores = np.array([[0.8, 0.6, 0.2], [0.5, 0.5, 0.5]])
    assert area_under(LEVELS, scores) == pytest.approx([(7 + 4) / 20, 0.5])
    assert area_under(LEVELS[::-1], scores[:, ::-1]) == pytest.approx(area_under(LEVELS, scores))
    assert area_under((20.0, 0.0, -5.0), np.array([0.8, 0.4, 0.2])) == pytest.approx((12 + 1.5) / 25)


def test_snr50_by_hand():
    # clean .9, chance .1: half is .5
    assert snr_where_half(LEVELS, np.array([0.8, 0.6, 0.4]), 0.9, 0.1) == pytest.approx(5)
    assert snr_where_half(LEVELS, np.array([0.8, 0.4, 0.6]), 0.9, 0.1) == pytest.approx(12.5)  # the first crossing
    assert np.isnan(snr_where_half(LEVELS, np.array([0.8, 0.7, 0.6]), 0.9, 0.1))  # never that bad
    assert np.isnan(snr_where_half(LEVELS, np.array([0.4, 0.3, 0.2]), 0.9, 0.1))  # bad from the start
    assert np.isnan(snr_where_half(LEVELS, np.array([0.1, 0.1, 0.1]), 0.1, 0.1))


def test_curve_has_pooled_values_and_intervals_over_speakers(curve):
    clean, noisy = curve
    found = snr_curve(LEVELS, noisy, clean, UAR, 0.5, np.random.default_rng(1), reps=500)
    pooled = UAR.of(noisy.sum(2)).mean(1)
    assert found.area.value == pytest.approx(area_under(LEVELS, pooled))
    assert found.area.interval.low < found.area.value < found.area.interval.high
    clean_score = UAR.of(clean.sum(1)).mean()
    assert found.snr50.value == pytest.approx(snr_where_half(LEVELS, pooled, clean_score, 0.5))
    assert found.snr50.interval.low < found.snr50.value < found.snr50.interval.high


def test_few_speakers_get_student_t_for_the_area_and_nothing_for_snr50(curve):
    clean, noisy = curve
    four = snr_curve(LEVELS, noisy[:, :, :4], clean[:, :4], UAR, 0.5, np.random.default_rng(1))
    areas = area_under(LEVELS, UAR.of(noisy[:, :, :4]).mean(1).T)
    half = stats.t.ppf(0.975, 3) * areas.std(ddof=1) / 2
    assert four.area.interval.high - four.area.value == pytest.approx(half)
    assert four.snr50.value is not None and "4 speakers" in four.snr50.interval.reason
    two = snr_curve(LEVELS, noisy[:, :, :2], clean[:, :2], UAR, 0.5, np.random.default_rng(1))
    assert two.area.interval.low is None and "2 test speakers" in two.area.interval.reason


def test_what_a_curve_cannot_say_has_its_reason(curve):
    clean, noisy = curve
    rng = np.random.default_rng(1)
    mild = snr_curve(LEVELS[:2], noisy[[0, 0]], clean, UAR, 0.5, rng, reps=50)
    assert mild.snr50.value is None and "does not cross" in mild.snr50.interval.reason
    one = snr_curve(LEVELS[:1], noisy[:1], clean, UAR, 0.5, rng)
    assert one.area.value is None and "1 levels" in one.area.interval.reason
