"""Batches: how clips of several lengths are put together, and in which order."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

#: features or waveforms of a clip (T, ...); those of several modalities by name
Clip = Tensor | dict[str, Tensor]
#: a padded batch (B, T, ...), and lengths (B,); by modality where the clips have several
Batch = tuple[Tensor, Tensor] | tuple[dict[str, Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class FeatureRows:
    """Clips on the device, in a fixed order, and their classes (n,)."""

    features: Sequence[Clip]
    truth: Tensor
    n_classes: int

    def __len__(self) -> int:
        return len(self.features)


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


def by_length(rows: FeatureRows) -> list[int]:
    """Short clips first, so that little is padded."""
    return sorted(range(len(rows)), key=lambda i: (steps(rows.features[i]), i))


def arranged(
    rows: FeatureRows,
    batch: int,
    how: Literal["length", "class", "class-reversed", "shuffled", "longest"],
    rng: np.random.Generator,
) -> list[int]:
    """The order in which rows are batched, as `Practice` names it. ``longest``: one of the longest in every batch."""
    truth = rows.truth.tolist()
    if how == "class":
        return sorted(range(len(rows)), key=lambda i: (truth[i], i))
    if how == "class-reversed":
        return sorted(range(len(rows)), key=lambda i: (-truth[i], i))
    if how == "shuffled":
        return [int(i) for i in rng.permutation(len(rows))]
    left = by_length(rows)
    if how == "length" or batch == 1:
        return left
    longest = [left.pop() for _ in range(math.ceil(len(left) / batch))]
    return [i for k, long in enumerate(longest) for i in (long, *left[k * (batch - 1) : (k + 1) * (batch - 1)])]
