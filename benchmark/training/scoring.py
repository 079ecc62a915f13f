"""What a network says of rows, batch by batch, without learning from them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import InputError
from .batches import FeatureRows, batch_of, by_length


def predict(
    module: nn.Module,
    rows: FeatureRows,
    batch: int,
    autocast: Any,
    order: Sequence[int] | None = None,
    carried: bool = False,
) -> Tensor:
    """Log-probabilities (n, C) float32 on the CPU, in the order of the rows.

    ``order`` is that in which they are batched, by default by length; with ``carried`` each batch of a recurrent
    network begins with the state that the one before it left.
    """
    module.eval()
    order = by_length(rows) if order is None else order
    parts: list[Tensor] = []
    carry_state(module, carried)
    with torch.inference_mode(), autocast:
        for start in range(0, len(order), batch):
            x, lengths = batch_of([rows.features[i] for i in order[start : start + batch]])
            parts.append(functional.log_softmax(module(x, lengths).float(), dim=1).cpu())
    carry_state(module, False)
    scores = torch.cat(parts)
    return scores[torch.tensor(order).argsort()]


def carry_state(module: nn.Module, on: bool) -> None:
    """Begin or end handing the recurrent state on. InputError for a network that has none to hand on."""
    carry: Any = getattr(module, "carry", None)
    if carry is not None:
        carry(on)
    elif on:
        raise InputError(f"{type(module).__name__}: has no recurrent state to carry; choose a recurrent network")
