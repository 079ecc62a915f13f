"""The one record schema: a flat frozen dataclass of JSON types, one per cell (a trial under a condition)."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from ...errors import InputError, named
from ..statistics.metrics import CLASSES, metrics_of
from .old_records import LACKING, completed
from .schema import faults
from .seals import DamageError

FORMAT = 4  # of a record and of a run folder; a change of the schema below raises it, and `old_records` says how


@dataclass(frozen=True, slots=True)
class Record:
    """One cell: what was trained on what, tested on what, where, and how long it took.

    ``key`` names the cell, ``trial`` the trial, ``training`` what was fitted (trials that differ only in their test
    rows share it). ``n_train``, ``n_dev``, ``n_test`` are utterances, however many copies of each there are.
    ``classes`` is the order of the log-probabilities. ``missing`` are classes of the task without
    test rows in this fold. ``epoch`` is the epoch that dev chose (the last one where there is no dev), null where a
    model has no epochs. ``error`` is the traceback of a failed cell. ``role`` of the model: ``floor`` for what is under
    every table. ``arm_factors``: factor -> level of an arm that is a point of a sweep. ``test_order``: how test rows
    lie in batches. ``target``: what kind of truth a row has. ``seeded``: whether the seed decides anything that is
    learned, of the model or of its training clips. ``train_uar``, in [0, 1], and ``train_guesses``, the number of
    classes that it chose: of the kept model on its training rows; null where nothing is learned, and before format 4.
    """

    key: str
    trial: str
    training: str
    status: Literal["done", "failed"]
    protocol: str
    protocol_version: int
    model: str
    model_version: int
    arm: str
    train: str
    test: str
    fold: str
    fold_hash: str
    repeat: int
    seed: int
    condition: str
    label_map: str
    classes: list[str]
    leaks: list[str]
    n_train: int
    n_dev: int
    n_test: int
    missing: list[str]
    test_evaluations: int
    epochs: int | None
    epoch: int | None
    n_parameters: int | None
    device: str
    precision: str
    seconds_fit: float
    seconds_test: float
    settings: dict[str, Any]  # of the model
    options: dict[str, Any]  # of the protocol
    environment: dict[str, str]
    data: dict[str, str]  # corpus -> fingerprint
    provider: str  # of the model: "serbench", or a plugin's package and version
    code: str  # hash of the source text that decides the result: model, training, protocol, condition
    finished: str  # UTC, ISO 8601
    error: str | None = None
    notes: list[str] = field(default_factory=list)
    predictions_sha256: str | None = None  # of the Parquet file
    format: int = FORMAT
    target: str = CLASSES
    role: str = "model"
    condition_kind: str = "clean"
    condition_level: float | None = None
    condition_unit: str = ""
    arm_factors: dict[str, str] = field(default_factory=dict)
    test_order: str = "length"
    seeded: bool = True
    train_uar: float | None = None
    train_guesses: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As a plain dictionary; lists and dictionaries in it are those of the record."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, values: dict[str, Any], where: str) -> Self:
        """From a stored dictionary, also one of an older format.

        InputError that names the file for a newer format or other fields, DamageError for values that no record has.
        """
        number = values.get("format", 1)
        if type(number) is not int or number not in range(1, FORMAT + 1):
            raise InputError(
                f"{where}: a record of format {number}, this serbench reads up to {FORMAT}; use a newer one"
            )
        names = [f.name for f in fields(cls)]
        expected = {name for name in names if name not in LACKING.get(number, ())}
        if odd := sorted(values.keys() ^ expected):
            raise InputError(f"{where}: not a record of format {number}: {named(odd)} missing or unknown")
        values = values if number == FORMAT else completed(values, number)
        if odd := [*faults(values, cls), *_out_of_range(values)]:
            raise DamageError(f"{where}: {'; '.join(odd[:3])}")
        record = cls(**values)
        metrics_of(record.target, where)
        return record


def _out_of_range(values: dict[str, Any]) -> list[str]:
    """What no cell can have, of the right type."""
    counts = ("repeat", "seed", "n_train", "n_dev", "n_test", "test_evaluations", "seconds_fit", "seconds_test")
    odd = [f"{name} is {values[name]}" for name in counts if isinstance(values[name], int | float) and values[name] < 0]
    if values["status"] == "done" and isinstance(values["classes"], list) and len(set(map(str, values["classes"]))) < 1:
        odd.append("classes are missing")
    return odd


#: columns of a stored prediction: row id, utterance id, speaker, true class, chosen class, log-probability of every
#: class in the order of the record's ``classes`` (null where a model has none)
PREDICTION_COLUMNS = ("row", "utterance", "speaker", "truth", "guess", "log_probability")
