"""Trainings that did not train: what they score says nothing about the model."""

from collections.abc import Iterable
from typing import Any

from .results import FLOOR

MARGIN = 0.05  # above the UAR of guessing, on the rows that a model was trained on


def untrained(cell: Any) -> bool:
    """Whether the training of a finished record did not train: judged on its own training rows, at the kept epoch.

    Its UAR there is less than `MARGIN` above guessing, or it gives all of them one class. Unknown for records before
    format 4 and for models that learn nothing; what lies under every table is not meant to learn.
    """
    if cell.role == FLOOR or cell.status != "done" or cell.train_uar is None or cell.train_uar != cell.train_uar:
        return False
    return bool(cell.train_uar < 1 / len(cell.classes) + MARGIN or cell.train_guesses == 1)


def not_trained(cells: Iterable[Any]) -> str:
    """What a table says of the trainings of one score, each counted once; empty where all trained."""
    trainings = {cell.training: cell for cell in cells if cell.status == "done"}
    bad = [cell for cell in trainings.values() if untrained(cell)]
    if not bad:
        return ""
    scores = sorted(100 * cell.train_uar for cell in bad)
    span = f"{scores[0]:.1f}" if f"{scores[0]:.1f}" == f"{scores[-1]:.1f}" else f"{scores[0]:.1f} to {scores[-1]:.1f}"
    one = sum(cell.train_guesses == 1 for cell in bad)
    same = f"; {one} of them give every row one class" if one else ""
    return (
        f"not trained: {len(bad)} of {len(trainings)} trainings, UAR {span} % on their own training rows, where "
        f"guessing gives {100 / len(bad[0].classes):.1f}{same}"
    )
