"""The registry: cards that say what a model is, one decorator, and plugins by entry point.

A card is light: importing the file that holds it imports no torch. Its ``build`` imports the network.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol

import numpy as np

from ..errors import InputError, unknown

Kind = Literal["network", "classical", "inference"]
GROUP = "serbench.models"


@dataclass(frozen=True)
class Task:
    """What a model is built for: the classes in order, and the rate of the waveforms it will get."""

    classes: tuple[str, ...]
    rate_hz: int = 16_000


@dataclass(frozen=True)
class Recipe:
    """How the harness trains a network; the settings of a network inherit from it.

    ``lr`` learning rate; ``batch`` clips per step; at most ``epochs``, stopped after ``patience`` epochs without a
    better dev UAR; ``clip_norm`` 0 is off; ``class_weights``: ``none`` or ``balanced`` (inverse frequency, mean 1).
    """

    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.0
    eps: float = 1e-8
    momentum: float = 0.9
    batch: int = 32
    epochs: int = 100
    patience: int = 15
    schedule: Literal["constant", "cosine", "step"] = "constant"
    step_epochs: int = 20
    step_factor: float = 0.1
    clip_norm: float = 0.0
    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"


class Classical(Protocol):
    """A model that trains itself. ``front`` is fixed; rows are float32 arrays; scores choose by their maximum."""

    def front(self, waveform: np.ndarray) -> np.ndarray:
        """Features of one clip: waveform (N,) float32 -> any fixed-size array; no statistics of other clips."""
        ...

    def fit(
        self, train: np.ndarray, truth: np.ndarray, dev: np.ndarray, dev_truth: np.ndarray, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Train on stacked features (n, ...) and class indices (n,); dev may be empty. Returns facts to store."""
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


@dataclass(frozen=True)
class Card:
    """What a model is, without importing it.

    ``settings`` is a frozen dataclass whose defaults are profile ``clean``; ``explain`` has a line for each of its
    own fields. ``build(settings, task)`` returns a ``torch.nn.Module`` (kind ``network``), a `Classical`, or a
    module that is only asked for scores (kind ``inference``). ``sources`` are the modules whose text is part of the
    model's identity, beside the one the card lies in. ``origin`` says paper, year and status.
    """

    name: str
    version: int
    kind: Kind
    summary: str
    origin: str
    settings: Any  # an instance: the defaults
    build: Callable[[Any, Task], Any]
    module: str
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    explain: Mapping[str, str] = field(default_factory=dict)
    modalities: tuple[str, ...] = ("audio",)
    sources: tuple[str, ...] = ()
    min_seconds: float = 0.0


#: the built-in files that hold cards; plugins come by entry point
_FOUND: dict[str, Card] = {}
_BROKEN: dict[str, str] = {}
