"""Verdicts, judged on simulated systems whose truth is known."""

import doctest
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from serbench.results.papers import verdicts
from serbench.results.papers.verdicts import MEANING, RATES, WIDEST, Prediction, judge, matrix_distance, predict, side
from serbench.seeds import stream
from serbench.tests.support.simulations import ReplayDesign, leak_blamed, outside, replay_words, stopped_early

ROUNDING = 0.0005  # one decimal
MOST = 0.07  # of all replays of an identical system: above or below
PAGE = Path(__file__).parents[2] / "results" / "measured" / "verdicts.md"


def test_doctests_hold() -> None:
    assert doctest.testmod(verdicts).failed == 0


def predicted(values: np.ndarray, step: float = 0.0) -> Prediction:
    """Of runs that differ in their seed."""
    return predict(np.asarray(values, float), np.arange(len(values)), (np.zeros(len(values), int),), step)


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


def within(share: float, trials: int) -> bool:
    """Whether a simulated share is at most `MOST`, up to three Monte-Carlo errors."""
    return share <= MOST + 3 * math.sqrt(MOST * (1 - MOST) / trials)


@pytest.mark.parametrize("rows", [None, 57, 428])
@pytest.mark.parametrize("runs", [2, 3, 5, 10])
@pytest.mark.parametrize("sd", [0.3, 0.5, 1.0, 2.0, 4.0])
def test_an_identical_system_is_seldom_called_above_or_below(runs: int, sd: float, rows: int | None) -> None:
    """Of all replays, at any width of the interval; scores with steps and without."""
    assert within(outside(replay_words(ReplayDesign(runs, sd, rows=rows), 1000)), 1000)


@pytest.mark.parametrize("split_sd", [1.0, 2.0, 3.0])
@pytest.mark.parametrize(("splits", "runs", "crossed", "lost"), [(3, 3, True, 0), (5, 5, True, 4), (5, 1, False, 0)])
def test_several_splits_cover_one_that_is_unknown(
    splits: int, runs: int, crossed: bool, lost: int, split_sd: float
) -> None:
    for sd in (0.5, 2.0):
        assert within(outside(replay_words(ReplayDesign(runs, sd, splits, split_sd, crossed, lost), 1000)), 1000)


def test_one_split_would_not_cover_it_and_runs_that_are_added_err_more() -> None:
    """Why such verdicts are withheld, and why the number of runs must be fixed."""
    assert outside(replay_words(ReplayDesign(5, 0.5, 1, 3.0), 1000)) > 0.5
    assert 0.10 <= stopped_early(10, 1.0, 1000) <= (RATES.added + 3) / 100


@pytest.mark.parametrize("runs", [2, 3, 5, 10])
def test_the_leak_is_seldom_blamed_where_new_speakers_cost_nothing(runs: int) -> None:
    for sd in (0.3, 1.0):
        assert leak_blamed(runs, sd, 1000) <= 0.03 + 3 * math.sqrt(0.03 * 0.97 / 1000)


def test_the_rates_that_are_printed_are_those_of_the_page() -> None:
    """The page is what the simulation printed; the sentence under tables has its largest figures, rounded up."""
    parts = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S))

    def largest(*titles: str) -> float:
        tables = "".join(parts[title].partition("\nWith one split")[0] for title in titles)
        return max(float(cell) for cell in re.findall(r"(?<=\| )\d+\.\d(?= \|)", tables))

    one, several, *_ = parts
    assert math.ceil(largest(one, several)) == RATES.fixed <= 100 * MOST
    assert math.ceil(largest("Runs that are added until they decide")) == RATES.added
    assert math.ceil(largest("New speakers that cost nothing")) == RATES.leak


def test_all_runs_with_one_seed_decide_nothing() -> None:
    """A seed of its own is what a further run would have."""
    p = predict(np.array([0.8, 0.81, 0.82]), np.zeros(3, int), (np.arange(3),), 0.0)
    assert (p.low, p.reason) == (None, "all 3 runs have one seed: run 5 or more seeds")


def test_the_interval_of_splits_with_unequal_runs_by_hand() -> None:
    """Three runs of one split and one of another are hardly more than one split: k = 16 / (9 + 1)."""
    values = np.array([0.8000, 0.8002, 0.8001, 0.8005])
    p = predict(values, np.arange(4), (np.array([0, 0, 0, 1]),), 0.0)
    k = 1.6
    half = special.stdtrit(k - 1, 0.975) * np.sqrt(values.var() * k / (k - 1) * (1 + 1 / k))
    assert half < 0.1 and (p.low, p.high) == pytest.approx((0.8002 - half, 0.8002 + half))


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


def test_a_wide_interval_only_withholds_reproduced() -> None:
    found = words(0.80, 0.80, 0.05, 5, 1000)
    assert found.count("inconclusive") >= 0.90 * len(found) and found.count("reproduced") <= 0.03 * len(found)
    wide = Prediction(0.65, 0.6, 0.7001, 5)
    verdict = judge(0.65, ROUNDING, wide, None, leaks=False)
    assert verdict.word == "inconclusive" and "10.0 points wide" in verdict.reason
    assert [judge(value, ROUNDING, wide, None, leaks=True).word for value in (0.55, 0.75)] == ["below", "above"]
    assert judge(0.65, ROUNDING, Prediction(0.65, 0.60, 0.70, 5), None, leaks=False).word == "reproduced"


def test_another_split_is_covered_where_the_split_is_repeated() -> None:
    """Seeds and splits vary: the claim has its own of both."""
    rng = stream("test verdicts crossed")
    inside = []
    for _ in range(2000):
        seed, split = rng.normal(0, 0.005, 5), rng.normal(0, 0.01, 5)
        values = 0.8 + (seed[:, None] + split + rng.normal(0, 0.003, (5, 5))).ravel()
        p = predict(values, np.repeat(np.arange(5), 5), (np.tile(np.arange(5), 5),), 0.0)
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
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 300), st.booleans())
def test_exactly_one_side(value: int, low: int, width: int, leaks: bool) -> None:
    """Every value has one verdict, and it says where the value lies."""
    p = Prediction((low + width / 2) / 1000, low / 1000, (low + width) / 1000, 5)
    word = judge(value / 1000, 0.0, p, None, leaks).word
    assert word in MEANING
    inside = "reproduced" if width <= 100 else "inconclusive"
    assert word == (inside if low <= value <= low + width else "below" if value < low else "above")


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
