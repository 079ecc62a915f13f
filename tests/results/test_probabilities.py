import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score

from serbench.errors import InputError
from serbench.results.statistics.probabilities import (
    EVERY,
    PROBABILITY_METRICS,
    auc,
    auc_per_class,
    aurc,
    brier,
    ece,
    find_any,
    probabilities_of,
    probability_scores,
    reliability,
    risk_coverage,
    score_probabilities,
)


def sample(seed, n=200, n_classes=4, digits=6):
    """True classes, all present, and probabilities that lean towards them; few digits make ties."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    scores = rng.normal(0, 1, (n, n_classes)) + 1.2 * (truth[:, None] == np.arange(n_classes))
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    p = np.round(p, digits) + 1e-9
    return truth, p / p.sum(1, keepdims=True)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 6]), st.sampled_from([2, 4]))
def test_auc_and_brier_are_those_of_scikit_learn(seed, digits, n_classes):
    truth, p = sample(seed, 60, n_classes, digits)
    theirs = (
        roc_auc_score(truth, p, multi_class="ovr", average="macro")
        if n_classes > 2
        else np.mean([roc_auc_score(truth == c, p[:, c]) for c in range(2)])
    )
    assert auc(truth, p) == pytest.approx(theirs, abs=1e-12)
    each = [roc_auc_score(truth == c, p[:, c]) for c in range(n_classes)]
    assert auc_per_class(truth, p) == pytest.approx(each, abs=1e-12)
    one_hot = [brier_score_loss(truth == c, p[:, c]) for c in range(n_classes)]
    assert brier(truth, p) == pytest.approx(sum(one_hot), abs=1e-12)


def test_reliability_is_scikit_learns_curve_and_ece_its_weighted_gap():
    truth, p = sample(1, 500)
    right, sure = p.argmax(1) == truth, p.max(1)
    table = reliability(truth, p, 10)
    table = table[table.n > 0]
    accuracy, confidence = calibration_curve(right, sure, n_bins=10)
    assert table.accuracy.to_numpy() == pytest.approx(accuracy)
    assert table.confidence.to_numpy() == pytest.approx(confidence)
    fifteen = reliability(truth, p)
    gaps = [
        abs(right[inside].mean() - sure[inside].mean()) * inside.mean()
        for low in np.arange(15) / 15
        if (inside := (sure > low) & (sure <= low + 1 / 15 + 1e-12)).any()
    ]
    assert fifteen.n.sum() == 500 and ece(truth, p) == pytest.approx(sum(gaps))


def test_calibration_edges():
    certain = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert ece(np.array([0, 0]), certain) == 0 and ece(np.array([1, 1]), certain) == 1
    assert reliability(np.array([0]), np.array([[0.2, 0.8]]), 5).n.tolist() == [0, 0, 0, 1, 0]  # (0.6, 0.8]


def test_risk_coverage_by_hand_and_whatever_the_order_of_equal_rows():
    # surest first: right, then two rows at .7 of which one is wrong, then wrong
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.7, 0.3], [0.6, 0.4]])
    truth = np.array([0, 0, 1, 1])
    curve = risk_coverage(truth, p)
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.risk.tolist() == pytest.approx([0, 0.25, 1 / 3, 0.5])
    assert aurc(truth, p) == pytest.approx((0 + 0.25 + 1 / 3 + 0.5) / 4)
    mixed = [0, 2, 1, 3]
    assert risk_coverage(truth[mixed], p[mixed]).risk.tolist() == pytest.approx(curve.risk.tolist())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 3]))
def test_ranges_hold_and_the_order_of_rows_and_classes_does_not_matter(seed, digits):
    truth, p = sample(seed, 40, 4, digits)
    rows, classes = np.random.default_rng(seed).permutation(40), [2, 0, 3, 1]
    where = np.argsort(classes)
    for metric in PROBABILITY_METRICS.values():
        value = metric.function(truth, p)
        assert metric.range[0] <= value <= metric.range[1]
        assert metric.function(truth[rows], p[rows]) == pytest.approx(value)
        if digits == 3 and metric.name in ("auc", "brier"):
            assert metric.function(where[truth], p[:, classes]) == pytest.approx(value)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_chance_is_what_equal_probabilities_get(n_classes):
    truth = np.arange(n_classes * 10) % n_classes
    p = np.full((len(truth), n_classes), 1 / n_classes)
    for metric in PROBABILITY_METRICS.values():
        assert metric.function(truth, p) == pytest.approx(metric.chance(n_classes)), metric.name


def test_perfect_and_worst():
    truth, right = np.array([0, 1, 1]), np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert [m.function(truth, right) for m in PROBABILITY_METRICS.values()] == [1, 0, 0, 0]
    assert [m.function(1 - truth, right) for m in PROBABILITY_METRICS.values()] == [0, 2, 1, 1]


def test_without_probabilities_there_is_null_and_the_reason():
    none = score_probabilities(["a", "b"], pd.Series([None, None]), ["a", "b"])
    assert {k.value for k in none.values()} == {None}
    assert {k.reason for k in none.values()} == {"the model gives no probabilities"}
    some = pd.Series([[-0.7, -0.7], None])
    assert probabilities_of(some, 2)[1] == "1 rows have no probabilities"
    assert "one probability for each of 3" in probabilities_of(pd.Series([[-0.7, -0.7]]), 3)[1]
    assert probabilities_of(pd.Series([[-3.0, -3.0]]), 2)[1] == "the probabilities of some rows do not add up to 1"
    alone = score_probabilities(["a", "a"], pd.Series([np.log([0.5, 0.5])] * 2), ["a", "b"])
    assert alone["auc"].value is None and alone["auc"].reason == "one class only has rows"
    assert alone["brier"].value == pytest.approx(0.5)


def test_seeds_are_scored_apart_and_averaged():
    logs = [np.log([0.8, 0.2]), np.log([0.3, 0.7])]
    rows = pd.DataFrame({"seed": [0, 0, 1, 1], "repeat": 0, "truth": ["a", "b", "a", "b"]})
    rows["log_probability"] = [*logs, *logs[::-1]]
    found = probability_scores(rows, ["a", "b"])
    assert found["auc"].value == pytest.approx(0.5)  # 1 under one seed, 0 under the other
    assert found["brier"].value == pytest.approx(np.mean([(0.08 + 0.18) / 2, (0.98 + 1.28) / 2]))


def test_one_dictionary_of_all_and_every_name_means_one_metric():
    assert set(EVERY) == {"uar", "wa", "macro_f1", "weighted_f1", "auc", "brier", "ece", "aurc"}
    assert find_any("roc auc").name == "auc" and find_any("UA").name == "uar"
    owners = {}
    for m in EVERY.values():
        assert m.formula and m.range[0] < m.range[1]
        for alias in (m.name, m.title, *m.aliases):
            assert owners.setdefault(alias.casefold(), m) is m
    with pytest.raises(InputError, match="unknown metric 'brie'; did you mean 'brier'"):
        find_any("brie")
