"""Augmentation as a change of a fold: training rows are replaced or joined by numbered copies of their utterances.

So every kind of model trains on it, and neither dev nor test can have any of it.
"""

from collections.abc import Sequence
from dataclasses import replace

from .augment import Augment, Step
from .protocol import Fold
from .rows import copy_of, row_id, utterance_of


def augmented(fold: Fold, augment: Augment) -> Fold:
    """The fold with ``augment`` done to its training rows; dev and test stay as they are.

    Further copies get numbers after those in the fold, so that a number means one thing; a row that is heard in noise
    becomes a copy too, since it is no longer the clip itself.
    """
    if not augment.made and not augment.heard:
        return fold
    copies = dict(fold.copies)
    first = max([0, *copies, *map(copy_of, (*fold.train, *fold.dev, *fold.test))]) + 1
    train = list(fold.train)
    if augment.made:
        numbers = range(first, first + augment.copies)
        copies |= dict.fromkeys(numbers, augment.made)
        clips = dict.fromkeys(utterance_of(row) for row in fold.train)
        train += [row_id(clip, number) for clip in clips for number in numbers]
        first += augment.copies
    if augment.heard:
        train, copies = _all_changed(train, copies, augment.heard, first)
    return replace(fold, train=tuple(sorted(train)), copies=tuple(sorted(copies.items())))


def _all_changed(
    rows: Sequence[str], copies: dict[int, tuple[Step, ...]], steps: tuple[Step, ...], first: int
) -> tuple[list[str], dict[int, tuple[Step, ...]]]:
    """Every row as a new copy, which has the steps of the old one and then ``steps``."""
    old = sorted({copy_of(row) for row in rows})
    number = {copy: first + i for i, copy in enumerate(old)}
    changed = [row_id(utterance_of(row), number[copy_of(row)]) for row in rows]
    return changed, copies | {number[copy]: (*copies.get(copy, ()), *steps) for copy in old}
