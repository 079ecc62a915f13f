"""Optimizer and schedule of a recipe."""

import math
from typing import Any

import torch
from torch import nn

from ...baselines.registry import Recipe


def groups_of(module: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Trainable parameters with their learning rate: the recipe's, or the share of it that the model gives a group."""
    own: Any = getattr(module, "groups", None)
    groups = None if own is None else own()
    if groups is None:
        groups = [(list(module.parameters()), 1.0)]
    return [
        {"params": [p for p in parameters if p.requires_grad], "lr": recipe.lr * share}
        for parameters, share in groups
        if parameters
    ]


def optimizer_of(recipe: Recipe, parameters: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimizer of a recipe over groups of parameters."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay)
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, recipe.lr, eps=recipe.eps, weight_decay=recipe.weight_decay)


def schedule_of(recipe: Recipe, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule of a recipe; one step of it is an epoch."""
    if recipe.schedule == "cosine":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: _cosine(recipe, done))
    if recipe.schedule == "step":
        return torch.optim.lr_scheduler.StepLR(optimizer, recipe.step_epochs, recipe.step_factor)
    if recipe.schedule == "warmup":
        rise = max(1, recipe.epochs // 10)
        fall = recipe.epochs - rise
        return torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda done: (done + 1) / rise if done < rise else (recipe.epochs - done) / (fall + 1)
        )
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)


def _cosine(recipe: Recipe, done: int) -> float:
    """Share of the rate after ``done`` epochs: up in equal steps, then half a cosine down to ``final_share``."""
    rise = round(recipe.rise_share * recipe.epochs)
    if done < rise:
        return (done + 1) / rise
    way = (done - rise) / (recipe.epochs - rise)
    return recipe.final_share + (1 - recipe.final_share) * (1 + math.cos(math.pi * way)) / 2
