"""Training a network: one function, read from top to bottom. It sees train and dev, never test."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...baselines.registry import Recipe
from ...results.statistics.metrics import tally, uar
from .batches import FeatureRows, batch_of, bucketed
from .fit import Fit
from .optimization import groups_of, optimizer_of, schedule_of
from .scoring import carry_state, predict


def fit(
    module: nn.Module,
    recipe: Recipe,
    train: FeatureRows,
    dev: FeatureRows,
    order: np.random.Generator,
    autocast: Any,
    carried: bool = False,
) -> Fit:
    """Train ``module`` in place and leave it at the epoch with the best dev UAR (ties: the lower dev loss).

    Without dev rows, or where the recipe keeps it, the last epoch stays. ``order`` shuffles the batches; ``autocast``
    is a context manager for the precision. A batch that does not fit the device's memory is halved, its gradient
    accumulated, and that is noted. ``carried``: a recurrent network hands its state on from batch to batch.
    """
    started = time.perf_counter()
    weights = class_weights(recipe, train)
    optimizer = optimizer_of(recipe, groups_of(module, recipe))
    schedule = schedule_of(recipe, optimizer)
    result = Fit(0, 0, sum(p.numel() for p in module.parameters() if p.requires_grad))
    chooses, best, parts = len(dev) > 0 and recipe.keep == "best", Best(), 1
    for epoch in range(1, recipe.epochs + 1):
        module.train()
        carry_state(module, carried)
        total, norm = 0.0, 0.0
        # a child per epoch: how the clips are shuffled does not depend on how many batches a model makes of them
        for batch in bucketed(train.features, recipe.batch, order.spawn(1)[0]):
            optimizer.zero_grad(set_to_none=True)
            loss, parts = _backward(module, recipe, train, batch, weights, autocast, parts, result.events)
            norm = max(norm, _clip(module, recipe.clip_norm))
            optimizer.step()
            total += loss * len(batch)
        facts = {"epoch": float(epoch), "loss": total / len(train), "lr": optimizer.param_groups[0]["lr"], "norm": norm}
        schedule.step()
        if not math.isfinite(facts["loss"]):
            raise FloatingPointError(f"the training loss is {facts['loss']} in epoch {epoch}; lower the learning rate")
        if len(dev):
            facts |= _on_dev(module, dev, recipe.batch, autocast, carried)
            if chooses:
                best.consider(module, epoch, facts)
        facts |= _own(module, "watch") or {}
        result.history.append(facts)
        if chooses and epoch - best.rise >= recipe.patience:
            break
    carry_state(module, False)
    best.restore(module)
    result.epochs = len(result.history)
    result.epoch = best.epoch or result.epochs
    if train.truth.device.type == "cuda":
        torch.cuda.synchronize(train.truth.device)
    result.seconds = time.perf_counter() - started
    return result


@dataclass
class Best:
    """The best epoch so far: dev UAR, at a tie the lower dev loss. ``rise``: the epoch in which the UAR last rose."""

    epoch: int = 0
    rise: int = 0
    uar: float = -1.0
    loss: float = math.inf
    state: dict[str, Tensor] = field(default_factory=dict)

    def consider(self, module: nn.Module, epoch: int, facts: Mapping[str, float]) -> None:
        """Keep the weights of this epoch if it is better."""
        if facts["dev_uar"] > self.uar:
            self.rise = epoch
        if (facts["dev_uar"], -facts["dev_loss"]) > (self.uar, -self.loss):
            self.epoch, self.uar, self.loss = epoch, facts["dev_uar"], facts["dev_loss"]
            self.state = {name: value.detach().clone() for name, value in module.state_dict().items()}

    def restore(self, module: nn.Module) -> None:
        """Give the network the weights of the best epoch, where one was chosen."""
        if self.epoch:
            module.load_state_dict(self.state)


def _on_dev(module: nn.Module, dev: FeatureRows, batch: int, autocast: Any, carried: bool) -> dict[str, float]:
    scores = predict(module, dev, batch, autocast, carried=carried)
    loss = float(functional.nll_loss(scores, dev.truth.to(scores.device)))
    return {"dev_uar": dev_uar(dev, scores), "dev_loss": loss}


def dev_uar(dev: FeatureRows, scores: Tensor) -> float:
    """UAR over the classes that dev has."""
    pairs = (dev.truth.cpu() * dev.n_classes + scores.argmax(1)).numpy()
    counts = np.bincount(pairs, minlength=dev.n_classes**2).reshape(dev.n_classes, dev.n_classes)
    return float(uar(tally(counts)))


def class_weights(recipe: Recipe, train: FeatureRows) -> Tensor:
    """Loss weight of every class (C,): ones, or the inverse frequency in train with mean 1 over the train rows."""
    if recipe.class_weights == "none":
        return torch.ones(train.n_classes, device=train.truth.device)
    counts = torch.bincount(train.truth.cpu(), minlength=train.n_classes).to(train.truth.device)
    return len(train) / (train.n_classes * counts.clamp(min=1).float())


def _backward(
    module: nn.Module,
    recipe: Recipe,
    rows: FeatureRows,
    batch: list[int],
    weights: Tensor,
    autocast: Any,
    parts: int,
    events: list[str],
) -> tuple[float, int]:
    """Gradient of one batch in ``parts`` pieces; halves the pieces as long as they do not fit."""
    while True:
        try:
            total, whole = 0.0, weights[rows.truth[torch.as_tensor(batch, device=rows.truth.device)]].sum()
            for piece in np.array_split(np.asarray(batch), min(parts, len(batch))):
                x, lengths = batch_of([rows.features[i] for i in piece])
                truth = rows.truth[torch.as_tensor(piece, device=rows.truth.device)]
                with autocast:
                    loss = loss_of(module, recipe, module(x, lengths), truth, weights)
                # the harness's loss divides by the weights of its rows, a model's own is taken for a plain mean
                share = len(piece) / len(batch) if hasattr(module, "loss") else float(weights[truth].sum() / whole)
                (loss * share).backward()  # type: ignore[no-untyped-call]
                total += float(loss.detach()) * share
            return total, parts
        except torch.cuda.OutOfMemoryError:
            if parts >= len(batch):
                raise
            module.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            parts *= 2
            events.append(f"batch of {len(batch)} did not fit: accumulated in {parts} parts{_of_parts(module)}")


def _of_parts(module: nn.Module) -> str:
    """What is no longer of the whole batch when it is accumulated in parts; '' where the gradient stays the same."""
    affected = []
    if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules()):
        affected.append("batch normalization")
    if hasattr(module, "loss"):
        affected.append("the model's own loss")
    return f"; of one part at a time: {' and '.join(affected)}" if affected else ""


def loss_of(module: nn.Module, recipe: Recipe, scores: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    """The model's own loss, or weighted cross-entropy; plus its penalty where it has one."""
    loss = _own(module, "loss", scores, truth, weights)
    if loss is None:
        loss = functional.cross_entropy(scores.float(), truth, weight=weights, label_smoothing=recipe.label_smoothing)
    penalty = _own(module, "penalty")
    total: Tensor = loss if penalty is None else loss + penalty
    return total


def _own(module: nn.Module, method: str, *arguments: Tensor) -> Any:
    """What an optional method of a model returns; None where the model has none."""
    call: Any = getattr(module, method, None)
    return None if call is None else call(*arguments)


def _clip(module: nn.Module, limit: float) -> float:
    """Norm of the gradient before clipping; ``limit`` 0 leaves it as it is."""
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if limit:
        nn.utils.clip_grads_with_norm_(module.parameters(), limit, norm)
    return float(norm)
