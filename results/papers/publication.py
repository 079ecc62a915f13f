"""What is known of a published system: where each number stands, and the protocol under which it was obtained."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number stands. ``status``, one of `STATUSES`: who says so; ``numbers``: all of it, where it was read."""

    cite: str
    status: str
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimTask:
    """A corpus with the classes told apart on it; the protocol as published, in words, and what runs here instead.

    ``classes`` are in the names used here, ``utterances`` counts the corpus after the label map. ``protocols`` replay
    what was published, ``honest`` has new speakers; empty where nothing here can be compared. ``readings``: arms of
    these protocols that read the publication in another way. ``unknown_split``: why the published test rows cannot be
    had, so that several splits must be drawn; empty where they are those of the first repeat. ``models``: what the
    paper trained on this task, where it is not its ``models``. ``options`` of the protocols and ``rate_hz`` of the
    sound are the published ones, as text; empty where they are the usual ones.
    """

    corpus: str
    title: str
    published: str
    classes: tuple[str, ...] = ()
    utterances: int | None = None
    label_map: str = ""
    protocols: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    honest: str = ""
    unknown_split: str = ""
    models: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    rate_hz: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """A published system. ``models``: it with recipes of the authors; ``ours``: the same network with our recipe.

    ``tables``: name -> title.
    """

    name: str
    title: str
    authors: str
    venue: str
    link: str
    status: str
    models: tuple[str, ...]
    ours: tuple[str, ...]
    tables: Mapping[str, str]
    sources: Mapping[str, Source]
    tasks: Mapping[str, ClaimTask]
    withdrawn: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A published number. ``places``: table -> the line's name there; ``value`` in percent, as printed.

    ``metric`` is a name of `METRICS`, or with ``label`` (a class) one of `PER_CLASS`; another word where nothing here
    measures it, and ``not_comparable`` then says why. ``models`` (or ``ours``) and ``settings`` are what a record must
    hold.
    """

    paper: str
    places: Mapping[str, str]
    task: ClaimTask
    metric: str
    label: str
    value: str
    source: Source
    models: tuple[str, ...]
    ours: tuple[str, ...]
    settings: Mapping[str, float]
    not_comparable: str
    remark: str

    @property
    def number(self) -> float:
        """The value in [0, 1]."""
        return float(self.value) / 100

    @property
    def digits(self) -> int:
        """Decimals of the value in percent."""
        return len(self.value.partition(".")[2])

    @property
    def rounding(self) -> float:
        """Half a unit of the last printed digit, in [0, 1]: what the value may be off by."""
        return 0.5 / 10.0 ** (self.digits + 2)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A published confusion matrix: counts (C, C), true class by chosen class; ``printed``: what the figure shows."""

    paper: str
    task: ClaimTask
    setting: str
    source: Source
    printed: str
    classes: tuple[str, ...]
    counts: np.ndarray
    models: tuple[str, ...]
    ours: tuple[str, ...]
    not_comparable: str

    @property
    def title(self) -> str:
        """Corpus and setting."""
        return f"{self.task.title}, {self.setting}" if self.setting else self.task.title


@dataclass(frozen=True, slots=True)
class DerivedValue:
    """A number computed from published figures; ``how`` says in which way. No claim."""

    paper: str
    task: ClaimTask
    setting: str
    quantity: str
    value: str
    how: str


@dataclass(frozen=True, slots=True)
class Publication:
    """Everything that is known of one paper."""

    paper: Paper
    claims: tuple[Claim, ...]
    matrices: tuple[Matrix, ...]
    derived: tuple[DerivedValue, ...]

    def table(self, name: str) -> tuple[Claim, ...]:
        """The claims of one table, in its order."""
        return tuple(claim for claim in self.claims if name in claim.places)
