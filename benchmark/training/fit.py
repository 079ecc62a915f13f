"""What a training tells of itself."""

from dataclasses import dataclass, field


@dataclass
class Fit:
    """What a training left behind, beside the weights: its curve, the chosen epoch, and what happened on the way.

    ``train_uar`` in [0, 1] and ``train_guesses``, how many classes it chose: of the kept model on its training rows.
    """

    epoch: int
    epochs: int
    n_parameters: int
    history: list[dict[str, float]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    seconds: float = 0.0
    train_uar: float | None = None
    train_guesses: int | None = None
