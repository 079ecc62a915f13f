"""The SVM on functionals, and the majority: features against librosa, and how the cost is chosen."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from serbench.baselines.functionals_svm import FunctionalsSvm, Settings, functionals
from serbench.baselines.majority import Majority
from serbench.baselines.registry import Task, choose

NOTHING = np.zeros((0,), dtype=np.float32)
NO_TRUTH = np.zeros(0, dtype=np.int64)


def voice(seconds: float, rate_hz: int = 16_000) -> np.ndarray:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(1).standard_normal(len(time))
    return (0.2 * np.sin(2 * np.pi * (200 + 30 * np.sin(9 * time)) * time) + 0.01 * noise).astype(np.float32)


@pytest.mark.parametrize(("rate_hz", "n_fft"), [(8_000, 256), (16_000, 512), (44_100, 2048)])
def test_functionals_are_statistics_of_librosas_mfcc(rate_hz: int, n_fft: int) -> None:
    import librosa

    clip = voice(1.3, rate_hz)
    frames = {"n_fft": n_fft, "hop_length": rate_hz // 100, "win_length": round(rate_hz * 0.025)}
    mfcc = librosa.feature.mfcc(y=clip, sr=rate_hz, n_mfcc=20, n_mels=40, **frames)
    tracks = np.vstack([mfcc, librosa.feature.delta(mfcc, mode="nearest")])
    values = functionals(clip, rate_hz).reshape(7, 40)
    assert np.allclose(values[0], tracks.mean(axis=1), atol=1e-3)
    assert np.allclose(values[1], tracks.std(axis=1), atol=1e-3)
    for row, percent in zip(values[2:], (10, 25, 50, 75, 90), strict=True):
        assert np.allclose(row, np.percentile(tracks, percent, axis=1), atol=1e-3)


@pytest.mark.parametrize("seconds", [0.01, 0.2, 20.0])
def test_functionals_of_any_length_are_280_finite_numbers(seconds: float) -> None:
    values = functionals(voice(seconds), 16_000)
    assert values.shape == (280,) and values.dtype == np.float32 and np.isfinite(values).all()


def blobs(n: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four clouds on different scales, and a column that never changes."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 4
    rows = rng.standard_normal((n, 6)) * spread + np.eye(4, 6)[truth] * 3
    return (np.c_[rows, np.ones(n)] * [1, 10, 100, 0.01, 1, 1, 5]).astype(np.float32), truth


def machine(**settings: object) -> FunctionalsSvm:
    return FunctionalsSvm(Settings(**settings), 16_000)  # type: ignore[arg-type]


def fitted(spread: float = 1.0, **settings: object) -> FunctionalsSvm:
    svm = machine(**settings)
    svm.fit(*blobs(80, spread), *blobs(40, spread, 1), np.random.default_rng(0))
    return svm


def test_it_learns_and_has_no_probabilities() -> None:
    rows, truth = blobs(200, 0.5, 2)
    guess, scores = fitted(0.5).predict(rows)
    assert scores is None
    assert np.mean(guess == truth) > 0.97


def board(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Fields of a checkerboard: only a large cost bends the border enough."""
    rows = np.random.default_rng(seed).uniform(0, 3, (n, 2)).astype(np.float32)
    return rows, np.floor(rows).sum(axis=1).astype(np.int64) % 2


@pytest.mark.parametrize(
    ("train", "dev", "smallest"),
    [(blobs(80, 1.6), blobs(60, 1.6, 1), True), (board(300, 0), board(200, 1), False)],
    ids=["a small cost wins", "a large cost wins"],
)
def test_dev_chooses_the_cost_and_is_never_trained_on(
    train: tuple[np.ndarray, np.ndarray], dev: tuple[np.ndarray, np.ndarray], smallest: bool
) -> None:
    uar = {}
    for cost in (1.0, 3.0, 10.0, 100.0):
        svm = machine(costs=(cost,))
        svm.fit(*train, *dev, np.random.default_rng(0))
        guess = svm.predict(dev[0])[0]
        uar[cost] = float(np.mean([np.mean(guess[dev[1] == c] == c) for c in np.unique(dev[1])]))
    svm = machine(costs=(10.0, 100.0, 3.0, 1.0))
    facts = svm.fit(*train, *dev, np.random.default_rng(0))
    best = max(uar.values())
    assert facts["cost"] == min(cost for cost in uar if uar[cost] == best)
    assert facts["dev_uar"] == pytest.approx(best)
    assert (facts["cost"] == 1.0) == smallest and len(set(uar.values())) > 2
    assert len(svm.state()["rows"]) == len(train[0])


def test_of_equal_costs_the_smallest_wins() -> None:
    rows, truth = blobs(80, 0.01)
    facts = machine(costs=(10.0, 3.0, 1.0)).fit(rows, truth, rows, truth, np.random.default_rng(0))
    assert (facts["cost"], facts["dev_uar"]) == (1.0, 1.0)


def test_without_dev_the_smallest_cost_is_taken_and_said() -> None:
    facts = machine().fit(*blobs(80, 1.0), NOTHING, NO_TRUTH, np.random.default_rng(0))
    assert (facts["cost"], facts["dev_uar"]) == (1.0, None)


def test_scaling_is_of_train_alone() -> None:
    train, truth = blobs(80, 1.0)
    svm = fitted()
    assert np.allclose(svm.state()["mean"], train.mean(axis=0), atol=1e-4)
    deviation = train.std(axis=0)
    deviation[-1] = 1  # constant in train
    assert np.allclose(svm.state()["deviation"], deviation, rtol=1e-4)
    far = train.copy()
    far[:, -1] = 7  # but not in test: no division by zero
    assert np.isin(svm.predict(far)[0], truth).all()


def test_balanced_weights_help_the_rare_class() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], [190, 10])
    rows = (rng.standard_normal((200, 2)) + truth[:, None]).astype(np.float32)
    share = {}
    for weights in ("none", "balanced"):
        svm = machine(class_weights=weights, costs=(1.0,))
        svm.fit(rows, truth, NOTHING, NO_TRUTH, rng)
        share[weights] = np.mean(svm.predict(rows)[0] == 1)
    assert share["balanced"] > 2 * share["none"]


@pytest.mark.parametrize("name", ["functionals-svm", "majority"])
def test_the_state_survives_a_file(name: str) -> None:
    chosen = choose(name)
    rows, truth = blobs(80, 1.6)
    first, second = (chosen.card.build(chosen.settings, Task(tuple("abcd"))) for _ in range(2))
    first.fit(rows, truth, *blobs(40, 1.6, 1), np.random.default_rng(0))
    second.load(load(save({key: np.ascontiguousarray(value) for key, value in first.state().items()})))
    new, _ = blobs(300, 1.6, 5)
    assert np.array_equal(first.predict(new)[0], second.predict(new)[0])
    assert all(np.array_equal(first.state()[key], second.state()[key]) for key in first.state())


def test_majority_takes_the_first_of_equals_and_smooths_its_shares() -> None:
    model = Majority(4)
    facts = model.fit(np.zeros((5, 0)), np.array([2, 1, 2, 1, 3]), NOTHING, NO_TRUTH, np.random.default_rng(0))
    guess, scores = model.predict(np.zeros((3, 0)))
    assert guess.tolist() == [1, 1, 1]
    assert np.allclose(np.exp(scores), np.array([1, 3, 3, 2]) / 9)
    assert facts == {"counts": [0, 2, 2, 1]}
    assert model.front(voice(0.2)).size == 0
