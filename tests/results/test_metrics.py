import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_fscore_support, recall_score

from serbench.errors import InputError
from serbench.results.statistics import metrics
from serbench.results.statistics.metrics import METRICS, confusion, counts, find

CLASSES = ("angry", "happy", "neutral", "sad")
labels = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=60)
few = settings(max_examples=60, deadline=None)


def test_doctests_hold():
    assert doctest.testmod(metrics).failed == 0
    assert doctest.testmod(metrics).attempted >= 5


@few
@given(labels)
def test_equal_to_scikit_learn(pairs):
    truth, guess = (list(part) for part in zip(*pairs, strict=True))
    present = sorted(set(truth))
    expected = {
        "uar": recall_score(truth, guess, labels=present, average="macro", zero_division=0),
        "wa": float(np.mean(np.array(truth) == np.array(guess))),
        "macro_f1": f1_score(truth, guess, labels=present, average="macro", zero_division=0),
        "weighted_f1": f1_score(truth, guess, average="weighted", zero_division=0),
    }
    for name, value in expected.items():
        assert METRICS[name].score(truth, guess, CLASSES) == pytest.approx(value, abs=1e-12), name


@few
@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from((*CLASSES, "Angry", "I think sad"))), min_size=1))
def test_an_answer_that_is_no_class_is_wrong_and_no_class_of_its_own(pairs):
    truth, guess = (list(part) for part in zip(*pairs, strict=True))
    present, n = sorted(set(truth)), len(pairs)
    half = np.arange(n) % 2
    by_part = counts(half, truth, guess, 2, CLASSES)
    assert by_part.shape == (2, 4, 5) and by_part[1].sum() == n // 2
    (confusions,) = counts(np.zeros(n, dtype=int), truth, guess, 1, CLASSES)
    assert (by_part.sum(0) == confusions).all()
    expected = {
        "uar": recall_score(truth, guess, labels=present, average="macro", zero_division=0),
        "wa": float(np.mean(np.array(truth) == np.array(guess))),
        "macro_f1": f1_score(truth, guess, labels=present, average="macro", zero_division=0),
        "weighted_f1": f1_score(truth, guess, labels=present, average="weighted", zero_division=0),
    }
    for name, value in expected.items():
        assert METRICS[name].of(confusions) == pytest.approx(value, abs=1e-12), name


def test_uar_is_balanced_accuracy_and_macro_f1_the_default_one_when_every_class_is_present():
    rng = np.random.default_rng(3)
    truth = np.concatenate([CLASSES, rng.choice(CLASSES, 200)])
    guess = np.concatenate([CLASSES, rng.choice(CLASSES, 200)])
    assert METRICS["uar"].score(truth, guess, CLASSES) == pytest.approx(balanced_accuracy_score(truth, guess))
    assert METRICS["macro_f1"].score(truth, guess, CLASSES) == pytest.approx(f1_score(truth, guess, average="macro"))


def test_by_hand():
    # truth: 4 angry, 2 happy, no neutral, 2 sad
    truth = ["angry"] * 4 + ["happy"] * 2 + ["sad"] * 2
    guess = ["angry", "angry", "angry", "neutral", "angry", "happy", "happy", "happy"]
    score = {name: metric.score(truth, guess, CLASSES) for name, metric in METRICS.items()}
    assert score["uar"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert score["wa"] == pytest.approx(4 / 8)
    f1_angry, f1_happy = 2 * 3 / (4 + 4), 2 * 1 / (2 + 3)
    assert score["macro_f1"] == pytest.approx((f1_angry + f1_happy + 0) / 3)
    assert score["weighted_f1"] == pytest.approx((4 * f1_angry + 2 * f1_happy) / 8)


@few
@given(labels, st.permutations(CLASSES), st.randoms(use_true_random=False))
def test_order_of_rows_and_classes_does_not_matter_and_range_holds(pairs, order, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    for metric in METRICS.values():
        value = metric.score(*zip(*pairs, strict=True), CLASSES)
        assert metric.range[0] <= value <= metric.range[1]
        assert metric.score(*zip(*shuffled, strict=True), order) == pytest.approx(value, abs=1e-12)


@few
@given(st.lists(st.sampled_from(CLASSES), min_size=1, max_size=30))
def test_perfect_is_one_and_all_wrong_is_zero(truth):
    wrong = [CLASSES[(CLASSES.index(t) + 1) % 4] for t in truth]
    for metric in METRICS.values():
        assert metric.score(truth, truth, CLASSES) == 1
        assert metric.score(truth, wrong, CLASSES) == 0


@few
@given(labels)
def test_a_stack_is_scored_as_its_matrices_one_by_one(pairs):
    one = confusion(*zip(*pairs, strict=True), CLASSES)
    stack = np.stack([[one, one.T], [2 * one, np.zeros_like(one)]])  # (2, 2, C, C)
    for metric in METRICS.values():
        values = metric.of(stack)
        assert values.shape == (2, 2)
        assert values[0, 0] == metric.of(one)
        assert values[1, 0] == pytest.approx(values[0, 0])
        assert np.isnan(values[1, 1])  # no rows, no score


def test_chance_is_what_uniform_guessing_gets():
    rng = np.random.default_rng(0)
    truth = np.repeat(CLASSES, [60_000, 30_000, 0, 10_000])
    guess = rng.choice(CLASSES, len(truth))
    support = np.array([60_000, 30_000, 0, 10_000])
    for metric in METRICS.values():
        assert metric.score(truth, guess, CLASSES) == pytest.approx(metric.chance(support), abs=0.01), metric.name


def test_names_are_found_whatever_they_are_called_and_mean_one_metric():
    assert find("balanced accuracy") is find("UA") is find("uar") is METRICS["uar"]
    assert find("Accuracy") is METRICS["wa"]
    owners = {}
    for metric in METRICS.values():
        for alias in (metric.name, metric.title, *metric.aliases):
            assert owners.setdefault(alias.casefold(), metric) is metric
        assert metric.formula and metric.title
    with pytest.raises(InputError, match="did you mean 'macro_f1'"):
        find("macro_f2")


@pytest.mark.parametrize(
    ("truth", "guess", "message"),
    [
        ([], [], "0 true"),
        (["sad"], ["sad", "sad"], "1 true and 2 chosen"),
        (["sad"], ["joy"], "chosen classes joy"),
        (["joy", "sad"], ["sad", "sad"], "true classes joy"),
    ],
)
def test_wrong_input_is_named(truth, guess, message):
    with pytest.raises(InputError, match=message):
        confusion(truth, guess, CLASSES)


@few
@given(labels)
def test_per_class_is_that_of_scikit_learn_and_nan_where_there_is_nothing(pairs):
    truth, guess = (list(part) for part in zip(*pairs, strict=True))
    table = metrics.per_class(confusion(truth, guess, CLASSES), CLASSES)
    theirs = precision_recall_fscore_support(truth, guess, labels=CLASSES, zero_division=np.nan)
    for name, values in zip(("precision", "recall", "f1", "n"), theirs, strict=True):
        assert table[name].to_numpy(float) == pytest.approx(np.asarray(values, float), abs=1e-12, nan_ok=True), name
    assert table["label"].tolist() == list(CLASSES)
