"""Intervals of AUC, Brier, ECE and AURC: a resample in weights is the metric of the repeated rows; coverage."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from serbench.results.statistics.many_models import expanded_tails
from serbench.results.statistics.probabilities import PROBABILITY_METRICS
from serbench.results.statistics.probability_intervals import EXCESS, ProbabilityRows, difference, estimate, rows_of
from serbench.results.statistics.weighted_metrics import WEIGHTED, RunRows

C = 4
BRIER = PROBABILITY_METRICS["brier"]


def drawn(rng, speakers, clips, skill=1.5, digits=8):
    """Overconfident scores of speakers whose skill differs."""
    truth = rng.integers(0, C, (speakers, clips))
    scores = rng.normal(0, 1, (speakers, clips, C))
    scores += rng.normal(skill, 0.5, (speakers, 1, 1)) * (np.arange(C) == truth[..., None])
    p = np.round(np.exp(1.6 * scores) / np.exp(1.6 * scores).sum(-1, keepdims=True), digits)
    return RunRows(truth.ravel(), p.reshape(-1, C), np.repeat(np.arange(speakers), clips))


def of(*runs):
    n = max(r.speaker.max() for r in runs) + 1
    return ProbabilityRows(tuple(f"s{k}" for k in range(n)), runs)


@pytest.mark.parametrize("name", sorted(PROBABILITY_METRICS))
@pytest.mark.parametrize("digits", [8, 1])  # 1: many rows are equally sure
def test_weighted_speakers_are_repeated_rows(name, digits):
    rng = np.random.default_rng(digits)
    rows = drawn(rng, 5, 9, digits=digits)
    function = WEIGHTED[name](rows, 5)
    metric = PROBABILITY_METRICS[name].function
    assert function(np.ones((1, 5)))[0] == pytest.approx(metric(rows.truth, rows.probabilities), rel=1e-12)
    weights = rng.integers(0, 4, (30, 5)).astype(float)
    weights[:, 0] += 1  # never nobody
    for w, value in zip(weights, function(weights), strict=True):
        at = np.repeat(np.arange(len(rows.truth)), w.astype(int)[rows.speaker])
        assert value == pytest.approx(metric(rows.truth[at], rows.probabilities[at]), rel=1e-12, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", sorted(PROBABILITY_METRICS))
def test_weights_are_as_exact_over_many_rows_and_without_any(name):
    rng = np.random.default_rng(11)
    rows = drawn(rng, 20, 400, digits=3)  # some rows are equally sure, most are not
    weights = np.vstack([rng.multinomial(20, np.full(20, 1 / 20), 3), np.zeros(20)]).astype(float)
    with np.errstate(invalid="ignore"):
        found = WEIGHTED[name](rows, 20)(weights)
    at = [np.repeat(np.arange(8_000), w.astype(int)[rows.speaker]) for w in weights[:3]]
    direct = [PROBABILITY_METRICS[name].function(rows.truth[i], rows.probabilities[i]) for i in at]
    assert found[:3] == pytest.approx(direct, rel=1e-12) and np.isnan(found[3])


def test_weighted_auc_is_that_of_scikit_learn_with_weights():
    rng = np.random.default_rng(3)
    rows = drawn(rng, 6, 30)
    p = rows.probabilities / rows.probabilities.sum(1, keepdims=True)
    w = np.array([0.0, 1, 2, 3, 1, 1])
    theirs = np.mean([roc_auc_score(rows.truth == c, p[:, c], sample_weight=w[rows.speaker]) for c in range(C)])
    assert WEIGHTED["auc"](RunRows(rows.truth, p, rows.speaker), 6)(w[None])[0] == pytest.approx(theirs)


def test_interval_is_the_expanded_percentile_of_the_naive_bootstrap():
    rows = of(drawn(np.random.default_rng(4), 8, 20), drawn(np.random.default_rng(5), 8, 20))
    found = estimate(rows, BRIER, np.random.default_rng(6), reps=400)
    rng, samples = np.random.default_rng(6), []
    draws = rng.integers(0, 8, (400, 8))
    for draw in draws:
        values = []
        for run in rows.runs:
            at = np.concatenate([np.flatnonzero(run.speaker == s) for s in draw])
            values.append(BRIER.function(run.truth[at], run.probabilities[at]))
        samples.append(np.mean(values))
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(np.quantile(samples, expanded_tails(8))))
    assert found.value == pytest.approx(np.mean([BRIER.function(r.truth, r.probabilities) for r in rows.runs]))


def test_three_to_five_speakers_get_student_t_and_ece_has_no_interval():
    rows = of(drawn(np.random.default_rng(7), 4, 50))
    found = estimate(rows, BRIER, np.random.default_rng(0))
    (run,) = rows.runs
    each = [BRIER.function(run.truth[run.speaker == s], run.probabilities[run.speaker == s]) for s in range(4)]
    half = stats.t.ppf(0.975, 3) * np.std(each, ddof=1) / 2
    assert found.interval.high - found.value == pytest.approx(half) and "Student" in found.interval.method
    assert found.interval.about == "trained models"
    ece = PROBABILITY_METRICS["ece"]
    for value in (estimate(rows, ece, np.random.default_rng(0)), difference(rows, rows, ece, np.random.default_rng(0))):
        assert value.value is not None and value.interval.low is None and value.interval.reason == EXCESS
    two = estimate(of(drawn(np.random.default_rng(7), 2, 50)), BRIER, np.random.default_rng(0))
    assert two.value is not None and two.interval.reason == "2 test speakers, 3 are needed for an interval"


def test_difference_is_of_the_same_resamples():
    one, other = of(drawn(np.random.default_rng(8), 9, 40)), of(drawn(np.random.default_rng(8), 9, 40))
    same = difference(one, other, BRIER, np.random.default_rng(1))
    assert (same.value, same.interval.low, same.interval.high) == (0, 0, 0)
    better = RunRows(
        one.runs[0].truth, 0.5 * one.runs[0].probabilities + 0.5 * np.eye(C)[one.runs[0].truth], one.runs[0].speaker
    )
    found = difference(of(better), one, BRIER, np.random.default_rng(1))
    apart = BRIER.function(better.truth, better.probabilities) - estimate(one, BRIER, np.random.default_rng(1)).value
    assert found.value == pytest.approx(apart) and found.interval.high < 0
    assert (
        "same rows"
        in difference(one, of(drawn(np.random.default_rng(9), 9, 40)), BRIER, np.random.default_rng(1)).interval.reason
    )


@pytest.mark.parametrize("speakers", [4, 8])  # t over speakers, and resamples
def test_a_run_that_goes_on_has_no_rows_of_some_speakers(speakers):
    done, begun = drawn(np.random.default_rng(12), speakers, 30), drawn(np.random.default_rng(13), speakers, 30)
    first = begun.speaker < 2
    begun = RunRows(begun.truth[first], begun.probabilities[first], begun.speaker[first])
    both = of(done, begun)
    found = estimate(both, BRIER, np.random.default_rng(0))
    assert found.interval.low < found.value < found.interval.high
    if speakers == 4:
        by_speaker = [BRIER.function(r.truth[at], r.probabilities[at]) for r in both.runs for s in range(4)
                      if (at := r.speaker == s).any()]  # fmt: skip
        each = [(by_speaker[0] + by_speaker[4]) / 2, (by_speaker[1] + by_speaker[5]) / 2, *by_speaker[2:4]]
        half = stats.t.ppf(0.975, 3) * np.std(each, ddof=1) / 2
        assert found.interval.high - found.value == pytest.approx(half)
    assert difference(both, both, BRIER, np.random.default_rng(0)).value == 0
    for other in (of(done), of(done, done)):
        assert "same rows" in difference(both, other, BRIER, np.random.default_rng(0)).interval.reason
    assert difference(of(done, done), of(done), BRIER, np.random.default_rng(0)).value == pytest.approx(0)


def test_rows_by_run_and_what_has_no_probabilities():
    rng = np.random.default_rng(10)
    run = drawn(rng, 3, 5)
    p = run.probabilities / run.probabilities.sum(1, keepdims=True)
    classes = ["a", "b", "c", "d"]
    frame = pd.DataFrame(
        {
            "seed": np.arange(15) % 2, "repeat": 0, "speaker": [f"s{k}" for k in run.speaker],
            "truth": [classes[t] for t in run.truth], "log_probability": np.log(p + 1e-12).tolist(),
        }
    )  # fmt: skip
    found, reason = rows_of(frame, classes)
    assert reason == "" and len(found.runs) == 2 and found.n_speakers == 3
    assert np.array_equal(found.runs[1].truth, run.truth[1::2])
    assert rows_of(frame.assign(log_probability=None), classes) == (None, "the model gives no probabilities")
    frame.loc[0, "speaker"] = None
    found, _ = rows_of(frame, classes)
    assert "1 rows is unknown" in estimate(found, BRIER, rng).interval.reason


def coverage(name, n, runs, seed):
    rng = np.random.default_rng(seed)
    metric = PROBABILITY_METRICS[name]
    everybody = drawn(np.random.default_rng(0), 3_000, 60)
    true = metric.function(everybody.truth, everybody.probabilities)
    inside = 0
    for _ in range(runs):
        i = estimate(of(drawn(rng, n, 40)), metric, rng, reps=400).interval
        inside += i.low <= true <= i.high
    return inside / runs


@pytest.mark.parametrize("name", ["auc", "brier", "aurc"])
def test_intervals_hold_the_truth(name):
    assert 0.87 <= coverage(name, 10, 100 if name == "aurc" else 250, 1) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 10, 20])
@pytest.mark.parametrize("name", ["auc", "brier", "aurc"])
def test_intervals_hold_the_truth_long(name, n):
    assert 0.89 <= coverage(name, n, 3_000, 2) <= 0.97
