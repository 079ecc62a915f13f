"""What a model is without importing it: the card, its settings, and what the harness and a model agree on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from ...errors import InputError

Kind = Literal["network", "classical", "inference"]
#: what a model is in a table: one among others, or the floor under them
Role = Literal["model", "floor"]


@dataclass(frozen=True)
class Task:
    """What a model is built for: the classes in order, and the rate of the waveforms it will get."""

    classes: tuple[str, ...]
    rate_hz: int = 16_000


@dataclass(frozen=True)
class Recipe:
    """How the harness trains a network; the settings of a network inherit from it. `RECIPE` explains each field."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.0
    eps: float = 1e-8
    momentum: float = 0.9
    batch: int = 32
    epochs: int = 100
    patience: int = 15
    schedule: Literal["constant", "cosine", "step", "warmup"] = "constant"
    rise_share: float = 0.0
    final_share: float = 0.0
    step_epochs: int = 20
    step_factor: float = 0.1
    clip_norm: float = 0.0
    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    keep: Literal["best", "last"] = "best"

    def __post_init__(self) -> None:
        """Refuse values that no training can have."""
        require(self, "above 0", lambda value: value > 0, "lr", "eps", "step_factor")
        require(self, "at least 1", lambda value: value >= 1, "batch", "epochs", "patience", "step_epochs")
        require(self, "0 or more", lambda value: value >= 0, "weight_decay", "clip_norm")
        require(self, "in [0, 1)", lambda value: 0 <= value < 1, "momentum", "label_smoothing", "final_share")
        require(self, "from 0 to 0.5", lambda value: 0 <= value <= 0.5, "rise_share")


#: a line for every field of `Recipe`
RECIPE: Mapping[str, str] = {
    "optimizer": "adam (L2 in the gradient), adamw (decoupled decay) or sgd",
    "lr": "learning rate",
    "weight_decay": "decay of all weights, as the optimizer understands it",
    "eps": "added to the denominator of adam and adamw",
    "momentum": "of sgd",
    "batch": "clips per step",
    "epochs": "at most this many",
    "patience": "stop after this many epochs without a better dev UAR",
    "schedule": "of the learning rate, epoch by epoch: constant, cosine, step, or warmup (over a tenth of the "
    "epochs up, then down)",
    "rise_share": "share of the epochs, rounded, in which the rate of schedule cosine rises first",
    "final_share": "share of the rate at which schedule cosine ends",
    "step_epochs": "epochs between two steps of schedule step",
    "step_factor": "the rate is multiplied by this at each step",
    "clip_norm": "largest norm of the gradient; 0 is off",
    "label_smoothing": "share of the target that is spread over all classes",
    "class_weights": "none, or balanced: inverse frequency in train, mean 1",
    "keep": "best: the epoch with the best dev UAR; last: the last one, and no early stopping",
}


@dataclass(frozen=True)
class NoSettings:
    """Nothing to set."""


def require(settings: object, rule: str, holds: Callable[[Any], bool], *names: str) -> None:
    """Raise InputError for the first of the named fields whose value breaks the rule."""
    for name in names:
        value = getattr(settings, name)
        if not holds(value):
            raise InputError(f"setting '{name}': {value!r} is not {rule}")


class Classical(Protocol):
    """A model that trains itself. ``front`` is fixed; rows are float32 arrays."""

    def front(self, waveform: np.ndarray) -> np.ndarray:
        """Features of one clip: waveform (N,) float32 -> any fixed-size array; no statistics of other clips."""
        ...

    def fit(
        self, train: np.ndarray, truth: np.ndarray, dev: np.ndarray, dev_truth: np.ndarray, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Train on stacked features (n, ...) and class indices (n,); dev may be empty. Returns facts to store.

        Among them ``tried``, where it chooses on dev: how often it scored dev.
        """
        ...

    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Class indices (n,) and log-probabilities (n, C), or None where the model has none."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """Everything ``fit`` learned, as arrays."""
        ...

    def load(self, state: dict[str, np.ndarray]) -> None:
        """Undo ``state``."""
        ...


@dataclass(frozen=True)
class Variant:
    """One named change of settings, with the line that explains it."""

    summary: str
    settings: Mapping[str, Any]


def nothing(settings: Any) -> None:
    """What a model needs that comes with serbench."""


def never(settings: Any) -> bool:
    """Most models have no recurrent state, and some take no statistics."""
    return False


def always(settings: Any) -> bool:
    """Whatever the settings."""
    return True


@dataclass(frozen=True)
class Card:
    """What a model is, without importing it.

    ``settings`` is an instance of a frozen dataclass: profile ``clean``. ``profiles`` says what every profile changes
    in it (``clean``: nothing). ``build(settings, task)`` returns a ``torch.nn.Module`` (kind ``network``), a
    `Classical`, or a module that is only asked for scores (kind ``inference``). ``module`` is where the card lies;
    ``sources`` are further modules (a leading dot: relative to the card's package) whose text is part of the model's
    identity and that no import statement shows. ``origin`` says paper, year and status. Clips shorter than
    ``min_seconds`` are padded with zeros to that length and count as that long. ``companions`` are the profiles in
    which the other clips of a batch change a prediction, ``idle`` the parameters that may stay without a gradient.
    ``needs(settings)`` says in a line what is missing here to use the model with these settings, an extra or weights;
    None: nothing. It loads nothing and asks no network. ``recurrent(settings)``: whether the network has a method
    ``carry`` that hands its recurrent state from batch to batch. ``adapts(settings)``: whether it has a method
    ``adapt`` that takes the statistics of given rows to normalize by. ``role``: what it is in a table. ``seeded``:
    whether the seed decides anything that it learns; without that, one training says as much as many.
    """

    name: str
    version: int
    kind: Kind
    summary: str
    origin: str
    settings: Any
    build: Callable[[Any, Task], Any]
    module: str
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    explain: Mapping[str, str] = field(default_factory=dict)
    modalities: tuple[str, ...] = ("audio",)
    sources: tuple[str, ...] = ()
    min_seconds: float = 0.0
    companions: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    needs: Callable[[Any], str | None] = nothing
    recurrent: Callable[[Any], bool] = never
    adapts: Callable[[Any], bool] = never
    role: Role = "model"
    seeded: bool = True
