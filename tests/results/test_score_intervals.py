"""Intervals of scores: Wilson's where clips are independent, inside the range, never a point."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from serbench.results.evidence.parts import parts_of
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.score_intervals import METHOD, clips, score_interval, score_intervals, wilson
from serbench.results.statistics.speakers import Interval
from serbench.results.statistics.uncertainty import Uncertainty, contrast
from serbench.tests.support.parts import CLASSES, parts_of_hits, random_rows
from serbench.tests.support.simulations import score_coverage

UAR, WA = METRICS["uar"], METRICS["wa"]
HUGE = 1e12  # degrees of freedom


def bounds(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None and interval.high is not None and interval.reason is None
    return interval.low, interval.high


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 3_000), st.floats(0.0, 1.0), st.sampled_from([0.8, 0.95, 0.99]))
def test_independent_clips_get_the_interval_of_statsmodels(n: int, part: float, level: float) -> None:
    hits = round(part * n)
    share = hits / n
    u = Uncertainty(share, (share * (1 - share) / n) ** 0.5, HUGE)
    theirs = proportion_confint(hits, n, 1 - level, method="wilson")
    assert bounds(wilson(u, (0.0, 1.0), n, 1, level)) == pytest.approx(theirs, abs=1e-7)


def test_the_number_of_clips_is_that_which_answers_have_and_student_takes_the_place_of_the_normal() -> None:
    u = Uncertainty(0.7, 0.05, 6.0)
    n = 0.7 * 0.3 / 0.05**2  # as many independent clips deviate as much
    q = stats.t.ppf(0.975, 6)
    theirs = proportion_confint(0.7 * n, n, 2 * stats.norm.sf(q), method="wilson")
    assert bounds(wilson(u, (0.0, 1.0), 1e9)) == pytest.approx(theirs, abs=1e-10)
    wide = wilson(replace(u, estimate=2 * 0.7 - 1, error=0.1), (-1.0, 1.0), 1e9)  # of a metric from -1 to 1
    assert bounds(wide) == pytest.approx(tuple(2 * x - 1 for x in theirs), abs=1e-10)


def test_clips_of_wa_are_counted_and_those_of_uar_are_the_harmonic_mean_of_classes() -> None:
    support = np.array([[10, 2, 30], [8, 5, 1], [9, 9, 9]])
    parts = parts_of_hits(support[None] // 2, support)
    assert clips(parts, WA) == pytest.approx(support.sum(), rel=1e-6)
    assert clips(parts, UAR) == pytest.approx(9 / (1 / support.sum(0)).sum(), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.integers(3, 9),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([0.0, 0.5, 0.97, 1.0]),
)
def test_an_interval_holds_its_score_lies_in_the_range_and_is_no_point(
    seed: int, seeds: int, speakers: int, folds: int | None, skill: float
) -> None:
    rng = np.random.default_rng(seed)
    says = [CLASSES, ("no class",), ("angry",)][seed % 3]
    rows = random_rows(rng, rng, "a", seeds, 1, speakers, folds, skill=skill, says=says)
    parts = parts_of(rows, CLASSES)
    for level in (0.5, 0.95):
        for name, interval in score_intervals(parts, list(METRICS.values()), level).items():
            if interval.low is None:
                assert interval.reason and interval.high is None and interval.method is None
                continue
            low, high = bounds(interval)
            score = parts.score(METRICS[name])
            assert 0 <= low <= score + 1e-12 and score - 1e-12 <= high <= 1
            assert high - low > 1e-3
            assert interval.method == METHOD[interval.about]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.9, 1.0]))
def test_a_higher_level_is_wider_on_both_sides(seed: int, skill: float) -> None:
    rng = np.random.default_rng(seed)
    parts = parts_of(random_rows(rng, rng, seeds=3, folds=1, skill=skill), CLASSES)
    edges = [(i.low, i.high) for i in (score_interval(parts, WA, level) for level in (0.5, 0.8, 0.95, 0.99))]
    if edges[0][0] is None:
        assert score_interval(parts, WA).reason
        return
    lows, highs = np.array(edges, float).T
    assert (np.diff(lows) <= 1e-12).all() and (np.diff(highs) >= -1e-12).all() and lows[0] > lows[-1]


def test_all_right_is_bounded_below_by_the_clips_there_are_whatever_the_seeds() -> None:
    support = np.full((10, 3), 10)
    for seeds in (1, 3):
        parts = parts_of_hits(np.broadcast_to(support, (seeds, 10, 3)), support, [0] * 10 if seeds > 1 else None)
        low, high = bounds(score_interval(parts, UAR))
        q = stats.t.ppf(0.975, 9)
        assert (low, high) == pytest.approx((1 / (1 + q**2 / 300), 1), rel=1e-6)


def test_it_says_what_it_is_about_and_why_there_is_none() -> None:
    support = np.full((8, 3), 10)
    one = parts_of_hits(np.full((1, 8, 3), 6), support, [0] * 8)
    assert score_interval(one, UAR).about == "trained models"
    assert score_interval(parts_of_hits(np.full((3, 8, 3), 6), support, [0] * 8), UAR).about == "algorithms"
    two = score_interval(parts_of_hits(np.full((3, 2, 3), 6), support[:2], [0, 0]), UAR)
    assert (two.low, two.high, two.method) == (None, None, None)
    assert two.reason == "2 test speakers, 3 are needed"


@pytest.mark.parametrize("order", [[2, 0, 1], [1, 2, 0]])
def test_the_order_of_classes_does_not_matter(order: list[int]) -> None:
    rng = np.random.default_rng(3)
    support = rng.integers(2, 20, (7, 3))
    hits = rng.binomial(support, 0.7, (3, 7, 3))
    parts = parts_of_hits(hits, support, [0] * 7)
    turned = replace(parts, confusions=parts.confusions[:, order][..., [*order, 3]])
    for metric in METRICS.values():
        assert bounds(score_interval(turned, metric)) == pytest.approx(bounds(score_interval(parts, metric)), rel=1e-9)
        assert contrast([(1, turned)], metric).df == pytest.approx(contrast([(1, parts)], metric).df, rel=1e-6)


@pytest.mark.parametrize("n", [6, 10, 20])
def test_the_interval_holds_the_truth_as_often_as_it_says(n: int) -> None:
    assert 0.92 <= score_coverage(n, 400) <= 0.985  # 98 %, and two Monte-Carlo errors


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 10, 20])
def test_the_interval_holds_the_truth_as_often_as_it_says_long(n: int) -> None:
    assert 0.92 <= score_coverage(n, 5_000) <= 0.98
