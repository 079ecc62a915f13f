"""Verdicts, judged on simulated systems whose truth is known."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serbench.results.papers import verdicts
from serbench.results.papers.verdicts import MEANING, WIDEST, Prediction, judge, matrix_distance, predict, side
from serbench.seeds import stream

ROUNDING = 0.0005  # one decimal


def test_doctests_hold() -> None:
    assert doctest.testmod(verdicts).failed == 0


def predicted(values: np.ndarray, step: float = 0.0) -> Prediction:
    """Of runs that differ in their seed."""
    return predict(np.asarray(values, float), np.arange(len(values)), np.zeros(len(values), int), step)


def test_the_interval_by_hand() -> None:
    p = predicted(np.array([0.80, 0.82, 0.84]))  # sd 0.02, t(0.975, 2) = 4.3027
    half = 4.30265273 * 0.02 * np.sqrt(1 + 1 / 3)
    assert (p.mean, p.low, p.high, p.n_runs) == pytest.approx((0.82, 0.82 - half, 0.82 + half, 3))


def test_one_run_decides_nothing() -> None:
    p = predicted(np.array([0.9]))
    assert (p.low, p.high, p.mean, p.n_runs) == (None, None, 0.9, 1)
    verdict = judge(0.9, ROUNDING, p, None, leaks=False)
    assert verdict.word == "inconclusive" and "seeds" in verdict.reason


def test_runs_without_rows_decide_nothing() -> None:
    verdict = judge(0.9, ROUNDING, predicted(np.array([np.nan, np.nan])), None, leaks=False)
    assert (verdict.word, verdict.reason) == ("inconclusive", "no run has rows to score")


def words(system: float, published: float, sd: float, runs: int, trials: int, n: int | None = None) -> list[str]:
    """Verdicts where one run of a published system is held against runs of ours; with n rows scores are shares."""
    rng = stream("test verdicts", f"{system} {published} {sd}", runs, n or 0)
    found = []
    for _ in range(trials):
        ours = np.clip(rng.normal(system, sd, runs), 0, 1)
        claim = float(np.clip(rng.normal(published, sd), 0, 1))
        if n:
            ours, claim = np.round(ours * n) / n, round(claim * n) / n
        p = predicted(ours, 1 / n if n else 0.0)
        found.append(judge(round(claim, 3), ROUNDING, p, None, leaks=False).word)
    return found


@pytest.mark.parametrize(("runs", "sd"), [(3, 0.003), (5, 0.008), (10, 0.015)])  # fewer runs decide less
def test_an_identical_system_is_reproduced(runs: int, sd: float) -> None:
    found = words(0.80, 0.80, sd, runs, 2000)
    assert found.count("reproduced") >= 0.90 * len(found)
    decided = len(found) - found.count("inconclusive")
    assert 0.935 <= found.count("reproduced") / decided <= 0.985


@pytest.mark.parametrize("n", [100, 428, 2240])
def test_scores_near_the_ceiling_are_reproduced_too(n: int) -> None:
    """Few errors among n rows: runs are often equal, and the spread between them must not be taken for none."""
    found = words(0.995, 0.995, 0.4 / n, 3, 1500, n)
    assert found.count("reproduced") >= 0.90 * len(found)


def test_a_system_ten_points_worse_is_not_reproduced() -> None:
    found = words(0.70, 0.80, 0.01, 5, 2000)
    assert found.count("reproduced") <= 0.001 * len(found)
    assert found.count("above") >= 0.95 * len(found)
    assert words(0.80, 0.70, 0.01, 5, 500).count("below") >= 475


def test_wide_intervals_are_inconclusive() -> None:
    found = words(0.70, 0.80, 0.05, 5, 1000)
    assert found.count("inconclusive") >= 0.95 * len(found)
    verdict = judge(0.8, ROUNDING, Prediction(0.7, 0.6, 0.7001, 5), None, leaks=False)
    assert verdict.word == "inconclusive" and "10.0 points wide" in verdict.reason
    assert judge(0.65, ROUNDING, Prediction(0.65, 0.60, 0.70, 5), None, leaks=False).word == "reproduced"


def test_another_split_is_covered_where_the_split_is_repeated() -> None:
    """Seeds and splits vary: the claim has its own of both."""
    rng = stream("test verdicts crossed")
    inside = []
    for _ in range(2000):
        seed, split = rng.normal(0, 0.005, 5), rng.normal(0, 0.01, 5)
        values = 0.8 + (seed[:, None] + split + rng.normal(0, 0.003, (5, 5))).ravel()
        p = predict(values, np.repeat(np.arange(5), 5), np.tile(np.arange(5), 5), 0.0)
        claim = 0.8 + rng.normal(0, 0.005) + rng.normal(0, 0.01) + rng.normal(0, 0.003)
        inside.append(side(claim, 0.0, p) == "inside")
    assert 0.93 <= np.mean(inside) <= 0.995


def test_only_with_the_leak() -> None:
    leaky, honest = Prediction(0.99, 0.97, 1.0, 5), Prediction(0.55, 0.50, 0.60, 5)
    assert judge(0.995, ROUNDING, leaky, honest, leaks=True).word == "only with the leak"
    assert judge(0.995, ROUNDING, leaky, honest, leaks=False).word == "reproduced"
    assert judge(0.975, ROUNDING, leaky, Prediction(0.97, 0.96, 0.98, 5), leaks=True).word == "reproduced"
    assert judge(0.96, ROUNDING, leaky, honest, leaks=True).word == "below"
    unknown = judge(0.995, ROUNDING, leaky, None, leaks=True)
    assert unknown.word == "reproduced" and "honest" in unknown.reason
    assert judge(0.995, ROUNDING, leaky, Prediction(0.55, None, None, 1), leaks=True).reason == unknown.reason


shares = st.floats(0, 1)
spread = st.lists(shares, min_size=2, max_size=8)


@settings(max_examples=50)
@given(spread, shares)
def test_the_verdict_does_not_depend_on_the_order_of_runs(values: list[float], claim: float) -> None:
    one, two = predicted(np.array(values)), predicted(np.array(values[::-1]))
    assert (one.low, one.high) == pytest.approx((two.low, two.high))
    assert one.low <= one.mean + 1e-12 and one.mean <= one.high + 1e-12
    assert one.low >= 0 and one.high <= 1


@settings(max_examples=50)
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 100), st.booleans())
def test_exactly_one_side(value: int, low: int, width: int, leaks: bool) -> None:
    """Every value has one verdict, and it says where the value lies."""
    p = Prediction((low + width / 2) / 1000, low / 1000, (low + width) / 1000, 5)
    word = judge(value / 1000, 0.0, p, None, leaks).word
    assert word in MEANING
    assert word == ("reproduced" if low <= value <= low + width else "below" if value < low else "above")


@settings(max_examples=50)
@given(shares, spread)
def test_more_rounding_never_rules_a_value_out(claim: float, values: list[float]) -> None:
    p = predicted(np.array(values))
    if side(claim, 0.0, p) == "inside":
        assert side(claim, 0.005, p) == "inside"


@settings(max_examples=50)
@given(spread, st.floats(0.001, 0.2))
def test_a_coarser_score_widens_the_interval(values: list[float], step: float) -> None:
    fine, coarse = predicted(np.array(values)), predicted(np.array(values), step)
    assert coarse.low <= fine.low + 1e-12 and coarse.high >= fine.high - 1e-12


def test_rounding_favors_the_value() -> None:
    p = Prediction(0.848, 0.8478, 0.8482, 5)
    assert (
        side(0.847, 0.0005, p) == "below" and side(0.8475, 0.0005, p) == "inside" and side(0.849, 0.0005, p) == "above"
    )
    assert WIDEST == 0.10


matrices = st.integers(2, 5).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 50), min_size=n, max_size=n), min_size=n, max_size=n)
)


@settings(max_examples=50)
@given(matrices, st.integers(2, 5))
def test_the_distance_of_a_matrix_from_itself_is_none(counts: list[list[int]], times: int) -> None:
    m = np.array(counts)
    if m.sum():
        assert matrix_distance(m, m * times) == pytest.approx(0)


@settings(max_examples=50)
@given(matrices)
def test_the_distance_is_a_share(counts: list[list[int]]) -> None:
    m = np.array(counts) + 1
    d = matrix_distance(m, m[:, ::-1])
    assert d is not None and 0 <= d <= 1 + 1e-12


def test_distances_by_hand() -> None:
    right, wrong = np.diag([10, 30]), np.array([[0, 10], [30, 0]])
    assert matrix_distance(right, wrong) == 1.0
    half = np.array([[5, 5], [0, 30]])
    assert matrix_distance(right, half) == pytest.approx(0.25 * 0.5)
    assert matrix_distance(half, right) == pytest.approx(0.25 * 0.5)
    assert matrix_distance(right, np.array([[10, 0], [0, 0]])) is None  # none of ours
    assert matrix_distance(np.array([[10, 0], [0, 0]]), right) == 0.0
