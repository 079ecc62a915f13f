"""Results: one model and arm on one set-up, and the one rule of which cells are pooled into one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .pools import Cells

#: units of levels of which more is stronger
RISING = frozenset({"s", "ms", "%"})
#: kinds of condition that go in two ways (louder or softer, earlier or later): the level of the clean one, if known
TWO_WAYS: dict[str, float | None] = {"gain": 0.0, "face-shift": 0.0, "header-rate": None}
FLOOR = "floor"  # the role of a model that lies under every table
_CLEAN = ("clean", None, "")
#: columns that name a result
_NAMING = (
    "protocol", "train", "test", "condition", "label_map", "leaks", "condition_kind", "condition_level",
    "condition_unit", "model", "arm",
)  # fmt: skip
_canonical = json.JSONEncoder(sort_keys=True, default=list).encode  # made once: there are many cells


class Setup(NamedTuple):
    """What must be equal for two results to be comparable. The last three are kind, level and unit of the condition."""

    protocol: str
    train: str
    test: str
    condition: str
    label_map: str
    leaks: tuple[str, ...]
    kind: str = "clean"
    level: float | None = None
    unit: str = ""

    @property
    def where(self) -> str:
        """The corpora, as printed: ``emodb``, ``emodb → emovo``."""
        return self.test if self.train == self.test else f"{self.train} → {self.test}"

    @property
    def facts(self) -> dict[str, Any]:
        """What is printed, by name."""
        return dict(zip(self._fields[:6], self, strict=False))

    @property
    def order(self) -> tuple[Any, ...]:
        """Sort key: protocols apart, clean before noise, mild before strong."""
        return (self.protocol, self.label_map, self.leaks, self.train, self.test, condition_order(*self[6:]))

    def under(self, condition: str = "", part: tuple[str, float | None, str] = _CLEAN) -> "Setup":
        """The same under another condition; without one, what is the same under all conditions."""
        return self._replace(condition=condition, kind=part[0], level=part[1], unit=part[2])


class Identity(NamedTuple):
    """What a result stands on, as canonical JSON: cells that differ in any of it are never pooled."""

    classes: str
    code: str
    data: str
    format: str
    model_version: str
    options: str
    protocol_version: str
    provider: str
    settings: str
    target: str

    def differs(self, others: Sequence["Identity"]) -> list[str]:
        """The facts in which any of the others is not the same."""
        return [name for k, name in enumerate(self._fields) if any(other[k] != self[k] for other in others)]


@dataclass(frozen=True, eq=False)
class Result:
    """One model and arm on one set-up.

    ``cells``: all of them by their position among the records, in the order of seed, repeat and fold; ``records``: the
    finished ones. ``factors`` of the arm, empty where it is a name. ``tag`` numbers results of one name that stand on
    different things. ``mixed``: why a name stands for no single result, None where it does.
    """

    setup: Setup
    model: str
    arm: str
    role: str
    factors: Mapping[str, str]
    classes: tuple[str, ...]
    target: str
    identity: Identity
    cells: Cells
    records: pd.DataFrame
    tag: str = ""
    mixed: str | None = None

    @property
    def label(self) -> str:
        """The model with its arm, as tables print it."""
        return label_of(self.model, self.arm)

    @property
    def n_cells(self) -> int:
        """The finished and the failed ones."""
        return len(self.cells)

    @property
    def test_order(self) -> str:
        """How its test rows lie in batches."""
        return str(next(iter(self.cells.values())).test_order)

    @property
    def name(self) -> tuple[Any, ...]:
        """What tells it from every other result."""
        return (self.setup, self.model, self.arm, self.tag)


def label_of(model: str, arm: str) -> str:
    """A model with its arm, as tables print it.

    >>> label_of("sigwavnet", "base"), label_of("sigwavnet", "no-gru")
    ('sigwavnet', 'sigwavnet [no-gru]')
    """
    return model if arm == "base" else f"{model} [{arm}]"


def condition_order(kind: str, level: float | None, unit: str) -> tuple[bool, str, float]:
    """Sort key of conditions: clean first, then by kind, mild before strong.

    >>> sorted([("room", 1, "s"), ("white", 0, "dB"), ("room", 0.2, "s"), _CLEAN], key=lambda c: condition_order(*c))
    [('clean', None, ''), ('room', 0.2, 's'), ('room', 1, 's'), ('white', 0, 'dB')]
    """
    return (kind != "clean", kind, (level or 0) * (1 if unit in RISING else -1))


def setup_of(cell: Any) -> Setup:
    """The set-up of a record, or of a line of a plan."""
    level = None if cell.condition_level is None or pd.isna(cell.condition_level) else float(cell.condition_level)
    return Setup(
        cell.protocol, cell.train, cell.test, cell.condition, cell.label_map, tuple(sorted(cell.leaks)),
        cell.condition_kind, level, cell.condition_unit,
    )  # fmt: skip


def identity_of(cell: Any) -> Identity:
    """What a cell stands on; of the data only the corpora that are trained or tested on."""
    return Identities().of(cell)


class Identities:
    """Identities of many cells: what they share is written as JSON once. The cells must outlive it."""

    def __init__(self) -> None:
        self._texts: dict[tuple[Any, ...], str] = {}

    def of(self, cell: Any) -> Identity:
        """Of one cell."""
        return Identity(*[
            self._data(cell) if name == "data" else self._text(getattr(cell, name)) for name in Identity._fields
        ])  # fmt: skip

    def _text(self, value: Any) -> str:
        key = (type(value), value if isinstance(value, str | int) else id(value))
        if key not in self._texts:
            self._texts[key] = _canonical(value)
        return self._texts[key]

    def _data(self, cell: Any) -> str:
        key = (id(cell.data), cell.train, cell.test)
        if key not in self._texts:
            corpora = {*cell.train.split("+"), *cell.test.split("+")}
            self._texts[key] = _canonical({name: mark for name, mark in cell.data.items() if name in corpora})
        return self._texts[key]


def results_of(records: pd.DataFrame) -> list[Result]:
    """The results that records hold, in an order that does not depend on theirs: the one rule of what is pooled.

    Results of one name that stand on different things have tags.
    """
    if not len(records):
        return []
    groups: dict[tuple[Setup, str, str, Identity], list[tuple[int, Any]]] = {}
    by_look: dict[int, list[tuple[int, Any]]] = {}
    identities = Identities()
    cells = records.astype(object).itertuples(index=False)  # texts as Python's, read once
    for position, (look, cell) in enumerate(zip(_looks(records), cells, strict=True)):
        if look not in by_look:
            name = (setup_of(cell), cell.model, cell.arm, identities.of(cell))
            by_look[look] = groups.setdefault(name, [])
        by_look[look].append((position, cell))
    ordered = sorted(groups.items(), key=lambda item: _order(*item[0]))
    results = [_result(*key, dict(sorted(cells, key=_place)), records) for key, cells in ordered]
    alike: dict[tuple[Any, ...], list[int]] = {}
    for k, result in enumerate(results):
        alike.setdefault(result.name, []).append(k)
    for places in alike.values():
        for tag, k in enumerate(places if len(places) > 1 else (), start=1):
            results[k] = replace(results[k], tag=str(tag))
    return results


def _looks(records: pd.DataFrame) -> list[int]:
    """A number for every cell: cells of one number are of one result, those of several numbers may be.

    Columns are compared by value, and lists and dictionaries by being the same one, which those of large runs are.
    """
    looks = np.zeros(len(records), np.int64)
    for name in (*_NAMING, *Identity._fields):
        column = records[name]
        codes = pd.factorize(np.fromiter(map(id, column), np.int64) if column.dtype == object else column)[0] + 1
        looks = pd.factorize(looks * (len(records) + 1) + codes)[0]
    return looks.tolist()


def by_name(results: Sequence[Result]) -> list[Result]:
    """One result for each name, by set-up and label: those of one name are together one that says why it is mixed."""
    together: dict[tuple[Setup, str, str], list[Result]] = {}
    for result in results:
        together.setdefault((result.setup, result.model, result.arm), []).append(result)
    return sorted(map(_single, together.values()), key=lambda r: (r.setup, r.label))


def _single(results: Sequence[Result]) -> Result:
    first = results[0]
    if len(results) == 1:
        return first
    differ = first.identity.differs([other.identity for other in results])
    return replace(
        first,
        cells={position: cell for result in results for position, cell in result.cells.items()},
        records=pd.concat([result.records for result in results]).sort_index(),
        tag="",
        mixed=f"{first.label} is there in several versions, which differ in {', '.join(differ)}",
    )


def _result(setup: Setup, model: str, arm: str, identity: Identity, cells: Cells, records: pd.DataFrame) -> Result:
    first = next(iter(cells.values()))
    finished = records.iloc[sorted(position for position, cell in cells.items() if cell.status == "done")]
    return Result(
        setup, model, arm, first.role, first.arm_factors, tuple(first.classes), first.target, identity, cells, finished
    )


def _order(setup: Setup, model: str, arm: str, identity: Identity) -> tuple[Any, ...]:
    return (setup.protocol, model, arm, *setup[1:6], identity)


def _place(item: tuple[int, Any]) -> tuple[Any, ...]:
    _, cell = item
    return (cell.seed, cell.repeat, cell.fold, cell.key)
