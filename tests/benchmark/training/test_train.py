"""Training: known answers of the loop, of its choices, and of every part that has a formula."""

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from serbench.baselines.registry import Recipe
from serbench.benchmark.training.batches import FeatureRows, batch_of, bucketed, padded, steps
from serbench.benchmark.training.fit import Fit
from serbench.benchmark.training.scoring import predict
from serbench.benchmark.training.train import class_weights, dev_uar, fit, loss_of

PLAIN = Recipe(optimizer="sgd", momentum=0.0, lr=0.1, batch=8, epochs=3)


class Linear(nn.Module):
    """Frames (B, T, D) -> the mean of the valid ones -> scores (B, C)."""

    def __init__(self, inputs: int = 2, classes: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        valid = torch.arange(x.shape[1]) < lengths[:, None]
        scores: Tensor = self.layer((x * valid[..., None]).sum(1) / lengths[:, None])
        return scores


def clusters(n: int = 48, classes: int = 3, seed: int = 0) -> FeatureRows:
    """Points around well separated centers, as clips of one to four equal frames."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % classes
    angle = 2 * np.pi * truth / classes
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.1 * rng.standard_normal((n, 2))
    clips = [torch.tensor(point, dtype=torch.float32).repeat(1 + i % 4, 1) for i, point in enumerate(points)]
    return FeatureRows(clips, torch.from_numpy(truth), classes)


def part(rows: FeatureRows, count: int) -> FeatureRows:
    return FeatureRows(rows.features[:count], rows.truth[:count], rows.n_classes)


def train(module: nn.Module, recipe: Recipe, rows: FeatureRows, dev: FeatureRows | None = None, seed: int = 0) -> Fit:
    torch.manual_seed(seed)
    order = np.random.default_rng(seed)
    return fit(module, recipe, rows, part(rows, 0) if dev is None else dev, order, nullcontext())


def built(seed: int = 0, kind: Callable[[], nn.Module] = Linear) -> Any:
    torch.manual_seed(seed)
    return kind()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_linear_problem_is_learned(optimizer: Any) -> None:
    module, rows = built(), clusters()
    fitted = train(module, Recipe(optimizer=optimizer, lr=0.1, batch=16, epochs=30), rows, clusters(seed=1))
    assert fitted.history[-1]["loss"] < 0.1 < fitted.history[0]["loss"]
    assert (predict(module, rows, 7, nullcontext()).argmax(1) == rows.truth).all()
    assert fitted.history[fitted.epoch - 1]["dev_uar"] == 1
    assert fitted.n_parameters == 9
    assert fitted.epochs == len(fitted.history) and fitted.seconds > 0


def test_one_step_is_the_gradient_of_the_mean_loss() -> None:
    module, rows = built(), clusters(8)
    before = module.layer.weight.detach().clone()
    points = torch.stack([clip[0] for clip in rows.features])
    shares = torch.softmax(module.layer(points), dim=1).detach()
    residual = shares - functional.one_hot(rows.truth, 3)  # the gradient of cross-entropy by the scores
    fitted = train(module, replace(PLAIN, epochs=1), rows)
    torch.testing.assert_close(module.layer.weight.detach(), before - 0.1 * residual.T @ points / 8)
    expected = -shares[torch.arange(8), rows.truth].log().mean()
    assert fitted.history[0]["loss"] == pytest.approx(float(expected))


class Scripted(nn.Module):
    """Answers the dev rows as a script says for every epoch; a buffer tells in which epoch it is."""

    epoch: Tensor

    def __init__(self, script: Sequence[tuple[int, float]], truth: Tensor) -> None:
        super().__init__()
        self.script, self.truth = script, truth
        self.scale = nn.Parameter(torch.zeros(()))
        self.register_buffer("epoch", torch.tensor(0))

    def train(self, mode: bool = True) -> "Scripted":
        self.epoch += int(mode)
        return super().train(mode)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if self.training:
            return self.scale * torch.ones(len(x), 2)
        right, confidence = self.script[int(self.epoch) - 1]
        rows = x[:, 0, 0].long()
        chosen = torch.where(rows < right, self.truth[rows], 1 - self.truth[rows])
        return confidence * functional.one_hot(chosen, 2).float()


SCRIPT = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0.5, 1.0, 2.0])), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(SCRIPT, st.integers(1, 5))
def test_the_best_dev_epoch_is_chosen_and_patience_ends_it(script: list[tuple[int, float]], patience: int) -> None:
    truth = torch.tensor([0, 0, 1, 0, 1, 1])
    rows = FeatureRows([torch.tensor([[float(i)]]) for i in range(6)], truth, 2)
    module = Scripted(script, truth)
    fitted = train(module, replace(PLAIN, epochs=len(script), patience=patience), rows, rows)

    def judged(right: int, confidence: float) -> tuple[float, float]:
        recalls = [np.mean([i < right for i in range(6) if truth[i] == c]) for c in (0, 1)]
        loss = np.log1p(np.exp(-confidence)) * right + np.log1p(np.exp(confidence)) * (6 - right)
        return float(np.mean(recalls)), float(loss / 6)

    scores = [judged(*line) for line in script]
    stop, rise = len(script), 1
    for epoch in range(1, len(script) + 1):
        if epoch > 1 and scores[epoch - 1][0] > max(uar for uar, _ in scores[: epoch - 1]):
            rise = epoch
        if epoch - rise >= patience:
            stop = epoch
            break
    assert fitted.epochs == stop
    for facts, (uar, loss) in zip(fitted.history, scores[:stop], strict=True):
        assert (facts["dev_uar"], facts["dev_loss"]) == (pytest.approx(uar), pytest.approx(loss))
    # equal scripted lines have equal losses to the bit: the first of equals stays
    best = max(range(stop), key=lambda i: (round(scores[i][0], 9), -round(scores[i][1], 9), -i))
    assert fitted.epoch == best + 1
    assert int(module.epoch) == fitted.epoch  # the weights and buffers are those of that epoch


def test_without_dev_the_last_epoch_stays() -> None:
    module, rows = built(), clusters()
    fitted = train(module, replace(PLAIN, patience=1, epochs=4), rows)
    assert (fitted.epoch, fitted.epochs) == (4, 4)
    longer = built()
    train(longer, replace(PLAIN, patience=1, epochs=5), rows)
    assert not torch.equal(module.layer.weight, longer.layer.weight)
    assert "dev_uar" not in fitted.history[0]


@pytest.mark.parametrize(
    ("change", "rate"),
    [
        ({}, lambda done: 0.1),
        ({"schedule": "warmup", "epochs": 20}, lambda done: 0.05 * (done + 1) if done < 2 else 0.1 * (20 - done) / 19),
        ({"schedule": "warmup"}, lambda done: 0.1 * (7 - done) / 7),
        ({"schedule": "cosine"}, lambda done: 0.05 * (1 + math.cos(math.pi * done / 7))),
        (
            {"schedule": "cosine", "rise_share": 0.3, "final_share": 0.01},
            lambda done: (
                0.1 * ((done + 1) / 2 if done < 2 else 0.01 + 0.495 * (1 + math.cos(math.pi * (done - 2) / 5)))
            ),
        ),
        ({"schedule": "step", "step_epochs": 3, "step_factor": 0.5}, lambda done: 0.1 * 0.5 ** (done // 3)),
    ],
)
def test_the_rate_of_every_epoch(change: dict[str, Any], rate: Callable[[int], float]) -> None:
    recipe = replace(PLAIN, **{"epochs": 7, **change})
    fitted = train(built(), recipe, clusters(16))
    assert [facts["lr"] for facts in fitted.history] == pytest.approx([rate(done) for done in range(recipe.epochs)])


@pytest.mark.parametrize("limit", [0.0, 0.05, 100.0])
def test_the_norm_of_the_gradient_is_limited(limit: float) -> None:
    module, rows = built(), clusters(8)
    before = [p.detach().clone() for p in module.parameters()]
    fitted = train(module, replace(PLAIN, epochs=1, lr=1.0, clip_norm=limit), rows)
    moved = math.sqrt(
        sum(float((p.detach() - b).square().sum()) for p, b in zip(module.parameters(), before, strict=True))
    )
    norm = fitted.history[0]["norm"]
    assert norm > 0.05
    assert moved == pytest.approx(min(norm, limit) if limit else norm, rel=1e-4)


def test_balanced_weights_are_the_inverse_frequency() -> None:
    rows = FeatureRows([torch.zeros(1, 1)] * 6, torch.tensor([0, 1, 1, 1, 3, 3]), 4)
    assert class_weights(PLAIN, rows).tolist() == [1, 1, 1, 1]
    weights = class_weights(replace(PLAIN, class_weights="balanced"), rows)
    assert weights.tolist() == pytest.approx([6 / 4, 6 / 12, 6 / 4, 6 / 8])  # a class without rows: as if it had one
    full = FeatureRows(rows.features, torch.tensor([0, 1, 1, 1, 2, 2]), 3)
    assert float(class_weights(replace(PLAIN, class_weights="balanced"), full)[full.truth].mean()) == pytest.approx(1)


@given(st.lists(st.integers(1, 50), max_size=200), st.integers(1, 12), st.integers(0, 9))
@example([1] * 9, 8, 0)  # a last batch of one
@example([1] * 25, 8, 0)
def test_batches_hold_every_index_once_with_clips_of_similar_length(sizes: list[int], batch: int, seed: int) -> None:
    clips = [torch.zeros(size, 0) for size in sizes]
    batches = list(bucketed(clips, batch, np.random.default_rng(seed)))
    assert sorted(i for indices in batches for i in indices) == list(range(len(sizes)))
    assert all(len(indices) <= batch + 1 for indices in batches)
    if batch > 1 and len(sizes) > 1:
        assert min(map(len, batches)) > 1
    assert sum(len(indices) != batch for indices in batches) <= 1
    assert batches == list(bucketed(clips, batch, np.random.default_rng(seed)))


@given(st.lists(st.integers(1, 50), min_size=2, max_size=128), st.integers(0, 9))
@example([*range(1, 26)], 0)
def test_within_a_pool_no_batch_reaches_into_another(sizes: list[int], seed: int) -> None:
    """Up to 16 batches are one pool: sorted by length they follow each other."""
    batches = list(bucketed([torch.zeros(size, 0) for size in sizes], 8, np.random.default_rng(seed)))
    ranges = sorted((min(sizes[i] for i in indices), max(sizes[i] for i in indices)) for indices in batches)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges))


def test_batches_come_in_another_order_every_epoch() -> None:
    clips, order = [torch.zeros(1 + i % 5, 0) for i in range(64)], np.random.default_rng(0)
    assert list(bucketed(clips, 8, order)) != list(bucketed(clips, 8, order))


class Cramped(Linear):
    """Has memory for a few clips at once."""

    room = 8

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if len(x) > self.room:
            raise torch.cuda.OutOfMemoryError("no memory for so many clips")
        return super().forward(x, lengths)


class Decaying(Cramped):
    def penalty(self) -> Tensor:
        return 0.1 * self.layer.weight.square().sum()


@pytest.mark.parametrize(("kind", "weights"), [(Cramped, "none"), (Decaying, "none"), (Cramped, "balanced")])
def test_a_batch_that_does_not_fit_is_accumulated_to_the_same_gradient(kind: type[Cramped], weights: Any) -> None:
    even = clusters(39)
    kept = [i for i, label in enumerate(even.truth.tolist()) if label != 1 or i % 2]
    rows = FeatureRows([even.features[i] for i in kept[:26]], even.truth[kept[:26]], 3)  # classes of unequal size
    recipe = replace(PLAIN, batch=13, epochs=2, class_weights=weights)
    whole, cramped = built(0, kind), built(0, kind)
    whole.room, cramped.room = 13, 4
    one, other = train(whole, recipe, rows), train(cramped, recipe, rows)
    assert one.events == []
    assert other.events == [f"batch of 13 did not fit: accumulated in {parts} parts" for parts in (2, 4)]
    torch.testing.assert_close(cramped.layer.weight, whole.layer.weight, rtol=1e-5, atol=1e-7)
    assert [f["loss"] for f in other.history] == pytest.approx([f["loss"] for f in one.history])
    assert [f["norm"] for f in other.history] == pytest.approx([f["norm"] for f in one.history])


class Grouped(Cramped):
    """With what looks at a whole batch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def loss(self, scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
        return nn.functional.cross_entropy(scores, truth)


def test_what_is_not_the_same_in_parts_is_noted() -> None:
    module = built(0, Grouped)
    module.room = 7
    events = train(module, replace(PLAIN, batch=13, epochs=1), clusters(13)).events
    said = "; of one part at a time: batch normalization and the model's own loss"
    assert events == ["batch of 13 did not fit: accumulated in 2 parts" + said]


def test_a_single_clip_that_does_not_fit_is_an_error() -> None:
    module = built(0, Cramped)
    module.room = 0
    with pytest.raises(torch.cuda.OutOfMemoryError):
        train(module, PLAIN, clusters(8))


def test_a_loss_that_is_not_finite_is_an_error() -> None:
    rows = clusters(8)
    rows.features[3][:] = math.nan  # type: ignore[index]
    with pytest.raises(FloatingPointError, match="training loss is nan in epoch 1; lower the learning rate"):
        train(built(), PLAIN, rows)


def test_the_same_seed_gives_the_same_bytes() -> None:
    class Dropping(Linear):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
            return super().forward(functional.dropout(x, 0.5, self.training), lengths)

    def trained(seed: int) -> tuple[bytes, list[dict[str, float]]]:
        module = built(seed, Dropping)
        fitted = train(module, Recipe(lr=0.01, batch=8, epochs=3), clusters(), clusters(12, seed=1), seed)
        return module.layer.weight.detach().numpy().tobytes(), fitted.history

    assert trained(1) == trained(1)
    assert trained(1)[0] != trained(2)[0]


class Own(Linear):
    """Has its own loss and penalty, and shows a fact."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def loss(self, scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
        self.seen.append(weights)
        return scores.square().mean()

    def penalty(self) -> Tensor:
        return self.layer.bias.abs().sum() + 2

    def watch(self) -> dict[str, float]:
        return {"bias": float(self.layer.bias.detach().abs().sum())}


def test_a_model_brings_its_loss_penalty_and_facts() -> None:
    module, rows = built(0, Own), clusters()
    fitted = train(module, replace(PLAIN, epochs=60, class_weights="balanced"), rows)
    assert torch.equal(module.seen[0], class_weights(replace(PLAIN, class_weights="balanced"), rows))
    assert fitted.history[-1]["bias"] == pytest.approx(float(module.layer.bias.detach().abs().sum()), abs=1e-6)
    assert fitted.history[-1]["loss"] == pytest.approx(2, abs=0.2)  # all scores went to 0; the constant stays
    assert float(module.layer.weight.detach().abs().max()) < 0.2


def test_the_loss_is_cross_entropy_unless_a_model_says_otherwise() -> None:
    scores = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    truth, weights = torch.tensor([0, 2]), torch.tensor([1.0, 1.0, 3.0])
    log = torch.log_softmax(scores, dim=1)
    expected = -(log[0, 0] + 3 * log[1, 2]) / 4
    assert float(loss_of(Linear(), PLAIN, scores, truth, weights)) == pytest.approx(float(expected))
    smooth = replace(PLAIN, label_smoothing=0.3)
    targets = functional.one_hot(truth, 3) * 0.7 + 0.1
    expected = -(log * targets).sum(1).mean()
    assert float(loss_of(Linear(), smooth, scores, truth, torch.ones(3))) == pytest.approx(float(expected))


def test_frozen_parameters_stay() -> None:
    module = built()
    module.layer.weight.requires_grad = False
    before = module.layer.weight.detach().clone()
    fitted = train(module, PLAIN, clusters())
    assert torch.equal(module.layer.weight, before) and fitted.n_parameters == 3


class Shared(Linear):
    """Its bias learns at half the rate."""

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        return [([self.layer.weight], 1.0), ([self.layer.bias], 0.5)]


def test_a_model_gives_groups_a_share_of_the_rate() -> None:
    plain, shared, rows = built(), built(0, Shared), clusters(8)
    before = plain.layer.bias.detach().clone()
    fitted = [train(module, replace(PLAIN, epochs=1), rows) for module in (plain, shared)]
    assert torch.equal(plain.layer.weight, shared.layer.weight)
    torch.testing.assert_close(shared.layer.bias.detach() - before, (plain.layer.bias.detach() - before) / 2)
    assert [f.history[0]["lr"] for f in fitted] == [0.1, 0.1]


@pytest.mark.parametrize("batch", [1, 5, 100])
def test_predictions_come_in_the_order_of_the_rows(batch: int) -> None:
    module, rows = built(), clusters(11)
    alone = torch.cat(
        [predict(module, FeatureRows([clip], rows.truth[:1], 3), 1, nullcontext()) for clip in rows.features]
    )
    scores = predict(module, rows, batch, nullcontext())
    torch.testing.assert_close(scores, alone)
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(11))
    assert not module.training and scores.dtype == torch.float32


def test_dev_uar_counts_the_classes_that_dev_has() -> None:
    dev = FeatureRows([torch.zeros(1, 1)] * 4, torch.tensor([0, 0, 2, 2]), 3)
    scores = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0, 0, 1.0]])
    assert dev_uar(dev, scores) == pytest.approx((0.5 + 1) / 2)


def test_clips_of_several_modalities_are_padded_each() -> None:
    clips = [{"audio": torch.ones(n, 2), "text": torch.ones(5 - n, 3)} for n in (1, 4)]
    x, lengths = batch_of(clips)
    assert {name: tuple(value.shape) for name, value in x.items()} == {"audio": (2, 4, 2), "text": (2, 4, 3)}
    assert {name: value.tolist() for name, value in lengths.items()} == {"audio": [1, 4], "text": [4, 1]}
    assert [steps(clip) for clip in clips] == [5, 5]


def test_clips_are_padded_behind() -> None:
    x, lengths = padded([torch.ones(2, 3), torch.ones(4, 3)])
    assert x.shape == (2, 4, 3) and lengths.tolist() == [2, 4]
    assert x[0].sum() == 6 and not x[0, 2:].any()
