"""Training a network: one function, read from top to bottom. It sees train and dev, never test."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from ..baselines.registry import Recipe
from ..results.metrics import tally, uar

#: features or waveforms of a clip (T, ...); those of several modalities by name
Clip = Tensor | dict[str, Tensor]
#: a padded batch (B, T, ...), and lengths (B,); by modality where the clips have several
Batch = tuple[Tensor, Tensor] | tuple[dict[str, Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Rows:
    """Clips on the device, in a fixed order, and their classes (n,)."""

    features: Sequence[Clip]
    truth: Tensor
    n_classes: int

    def __len__(self) -> int:
        return len(self.features)


@dataclass
class Fitted:
    """What a training left behind, beside the weights: its curve, the chosen epoch, and what happened on the way."""

    epoch: int
    epochs: int
    n_parameters: int
    history: list[dict[str, float]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    seconds: float = 0.0


def fit(module: nn.Module, recipe: Recipe, train: Rows, dev: Rows, order: np.random.Generator, autocast: Any) -> Fitted:
    """Train ``module`` in place and leave it at the epoch with the best dev UAR (ties: the lower dev loss).

    Without dev rows the last epoch stays. ``order`` shuffles the batches; ``autocast`` is a context manager for the
    precision. A batch that does not fit the device's memory is halved, its gradient accumulated, and that is noted.
    """
    started = time.perf_counter()
    device = train.truth.device
    weights = class_weights(recipe, train)
    optimizer = _optimizer(recipe, _groups(module, recipe))
    schedule = _schedule(recipe, optimizer)
    fitted = Fitted(0, 0, sum(p.numel() for p in module.parameters() if p.requires_grad))
    best, best_state, parts = (-1.0, math.inf), None, 1
    for epoch in range(1, recipe.epochs + 1):
        module.train()
        total, norm = 0.0, 0.0
        # a child per epoch: how the clips are shuffled does not depend on how many batches a model makes of them
        for batch in bucketed(train.features, recipe.batch, order.spawn(1)[0]):
            optimizer.zero_grad(set_to_none=True)
            loss, parts = _backward(module, recipe, train, batch, weights, autocast, parts, fitted.events)
            norm = max(norm, _clip(module, recipe.clip_norm))
            optimizer.step()
            total += loss * len(batch)
        facts = {"epoch": float(epoch), "loss": total / len(train), "lr": optimizer.param_groups[0]["lr"], "norm": norm}
        schedule.step()
        if not math.isfinite(facts["loss"]):
            raise FloatingPointError(f"the training loss is {facts['loss']} in epoch {epoch}; lower the learning rate")
        if len(dev):
            scores = predict(module, dev, recipe.batch, autocast)
            facts["dev_uar"] = dev_uar(dev, scores)
            facts["dev_loss"] = float(functional.nll_loss(scores, dev.truth.to(scores.device)))
            if (facts["dev_uar"], -facts["dev_loss"]) > (best[0], -best[1]):
                fitted.epoch, best = epoch, (facts["dev_uar"], facts["dev_loss"])
                best_state = {name: value.detach().clone() for name, value in module.state_dict().items()}
        facts.update(_own(module, "watch") or {})
        fitted.history.append(facts)
        if len(dev) and epoch - _last_rise(fitted.history) >= recipe.patience:
            break
    fitted.epochs = len(fitted.history)
    if best_state is None:
        fitted.epoch = fitted.epochs
    else:
        module.load_state_dict(best_state)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    fitted.seconds = time.perf_counter() - started
    return fitted


def predict(module: nn.Module, rows: Rows, batch: int, autocast: Any) -> Tensor:
    """Log-probabilities (n, C) float32 on the CPU, in the order of the rows; batches are sorted by length."""
    module.eval()
    by_length = sorted(range(len(rows)), key=lambda i: (steps(rows.features[i]), i))
    parts: list[Tensor] = []
    with torch.inference_mode(), autocast:
        for start in range(0, len(by_length), batch):
            x, lengths = batch_of([rows.features[i] for i in by_length[start : start + batch]])
            parts.append(functional.log_softmax(module(x, lengths).float(), dim=1).cpu())
    scores = torch.cat(parts)
    return scores[torch.tensor(by_length).argsort()]


def dev_uar(dev: Rows, scores: Tensor) -> float:
    """UAR over the classes that dev has."""
    pairs = (dev.truth.cpu() * dev.n_classes + scores.argmax(1)).numpy()
    counts = np.bincount(pairs, minlength=dev.n_classes**2).reshape(dev.n_classes, dev.n_classes)
    return float(uar(tally(counts)))


def steps(clip: Clip) -> int:
    """Length of a clip, by which batches are made; of several modalities the sum."""
    return len(clip) if isinstance(clip, Tensor) else sum(map(len, clip.values()))


def padded(clips: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Clips (T_i, ...) -> a zero-padded batch (B, T, ...) and lengths (B,) on the same device."""
    lengths = torch.tensor([len(clip) for clip in clips], device=clips[0].device)
    return pad_sequence(list(clips), batch_first=True), lengths


def batch_of(clips: Sequence[Clip]) -> Batch:
    """`padded`, for each modality where the clips have several."""
    by_name = [clip for clip in clips if isinstance(clip, dict)]
    if not by_name:
        return padded([clip for clip in clips if isinstance(clip, Tensor)])
    parts = {name: padded([clip[name] for clip in by_name]) for name in by_name[0]}
    return {name: x for name, (x, _) in parts.items()}, {name: lengths for name, (_, lengths) in parts.items()}


def bucketed(clips: Sequence[Clip], batch: int, order: np.random.Generator) -> Iterator[list[int]]:
    """Indices of one epoch's batches: shuffled, but of similar length within a batch.

    The shuffled clips are sorted by length within pools of 16 batches; the batches are shuffled again. A last batch
    of one clip is joined to its neighbor, since normalization over a batch of one is undefined.
    """
    shuffled = order.permutation(len(clips)).tolist()
    pool = 16 * batch
    batches: list[list[int]] = []
    for start in range(0, len(shuffled), pool):
        by_length = sorted(shuffled[start : start + pool], key=lambda i: steps(clips[i]))
        batches += [by_length[i : i + batch] for i in range(0, len(by_length), batch)]
    if len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    for index in order.permutation(len(batches)):
        yield batches[index]


def class_weights(recipe: Recipe, train: Rows) -> Tensor:
    """Loss weight of every class (C,): ones, or the inverse frequency in train with mean 1 over the train rows."""
    if recipe.class_weights == "none":
        return torch.ones(train.n_classes, device=train.truth.device)
    counts = torch.bincount(train.truth.cpu(), minlength=train.n_classes).to(train.truth.device)
    return len(train) / (train.n_classes * counts.clamp(min=1).float())


def _backward(
    module: nn.Module,
    recipe: Recipe,
    rows: Rows,
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
            events.append(f"batch of {len(batch)} did not fit: accumulated in {parts} parts")


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


def _last_rise(history: list[dict[str, float]]) -> float:
    """The epoch in which the dev UAR last rose above everything before it."""
    best, rise = -1.0, 0.0
    for facts in history:
        if facts["dev_uar"] > best:
            best, rise = facts["dev_uar"], facts["epoch"]
    return rise


def _groups(module: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Trainable parameters with their learning rate: the recipe's, or the share of it that the model gives a group."""
    groups = _own(module, "groups")
    if groups is None:
        groups = [(list(module.parameters()), 1.0)]
    return [
        {"params": [p for p in parameters if p.requires_grad], "lr": recipe.lr * share}
        for parameters, share in groups
        if parameters
    ]


def _optimizer(recipe: Recipe, parameters: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, recipe.lr, eps=recipe.eps, weight_decay=recipe.weight_decay)


def _schedule(recipe: Recipe, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    if recipe.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    if recipe.schedule == "step":
        return torch.optim.lr_scheduler.StepLR(optimizer, recipe.step_epochs, recipe.step_factor)
    if recipe.schedule == "warmup":
        rise = max(1, recipe.epochs // 10)
        fall = recipe.epochs - rise
        return torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda done: (done + 1) / rise if done < rise else (recipe.epochs - done) / (fall + 1)
        )
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)
