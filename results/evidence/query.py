"""SQL over what runs hold: five tables in a DuckDB database in memory, closed to files and network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...errors import InputError
from .evidence import Evidence
from .files import read_json
from .predictions import TEXTS
from .store import Run

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: table -> what a line is, and its columns
TABLES = {
    "records": (
        "a line per cell: one training tested under one condition",
        "key, training, status, protocol, model, arm, train, test, fold, repeat, seed, condition, label_map, classes, "
        "leaks, n_train, n_dev, n_test, epoch, epochs, n_parameters, device, precision, seconds_fit, seconds_test, "
        "error, notes, and the other fields of a record; settings, options, environment, data and arm_factors as JSON "
        "text",
    ),
    "predictions": (
        "a line per test row of a finished cell",
        "key (of its record), row, utterance, speaker, truth, guess, log_probability (a list in the order of the "
        "record's classes, or null)",
    ),
    "utterances": (
        "a line per utterance and label map",
        "id, corpus, path, speaker, gender, language, emotion, label, sentence, session, dialogue, intensity, "
        "official_split, seconds, audio_hash",
    ),
    "siblings": (
        "a line per test row of a fold that trains on copies of its test rows",
        "fold_hash (as in records), row, siblings (training rows of the same utterance)",
    ),
    "trainings": (
        "a line per epoch of a training",
        "training (as in records), chosen (the epoch whose weights were kept), epoch, loss, lr, norm, dev_uar, "
        "dev_loss, and what the model watches",
    ),
}
_JSON = ("settings", "options", "environment", "data", "arm_factors")


def table(evidence: Evidence, name: str) -> "pd.DataFrame | pa.Table":
    """One of `TABLES`; the large one as Arrow, which is not copied."""
    if name == "records":
        return evidence.records.assign(**{c: evidence.records[c].map(_text) for c in _JSON})
    if name == "predictions":
        return _predictions(evidence)
    if name == "siblings":
        return evidence.siblings.astype({"siblings": int})
    return trainings(evidence.runs) if name == "trainings" else evidence.utterances


def _predictions(evidence: Evidence) -> "pa.Table":
    import pyarrow as pa

    texts = pa.Table.from_pandas(evidence.predictions[["key", *TEXTS]], preserve_index=False)
    values, offset = evidence.probabilities.values, evidence.probabilities.offset
    lists = pa.ListArray.from_arrays(
        pa.array(offset, pa.int32()), pa.array(values, pa.float32()), mask=pa.array(np.diff(offset) == 0)
    )
    return texts.append_column("log_probability", lists)


def trainings(runs: Sequence[Run]) -> pd.DataFrame:
    """The curves of all trainings, a line per epoch; also of those that have no finished cell yet."""
    lines = []
    for run in runs:
        for path in sorted((run.folder / "trainings").glob("*.json")):
            fitted = read_json(path)["fitted"]
            lines += [{"training": path.stem, "chosen": fitted["epoch"], **epoch} for epoch in fitted["history"]]
    columns = ["training", "chosen", "epoch", "loss", "lr", "norm", "dev_uar", "dev_loss"]
    table = pd.DataFrame(lines)
    if not len(table):
        return pd.DataFrame({c: pd.Series(dtype=str if c == "training" else float) for c in columns})
    return table.astype({"epoch": int})


def query(evidence: Evidence, sql: str) -> pd.DataFrame:
    """The result of one SQL statement. Raises InputError for wrong SQL, and for what would reach outside."""
    import duckdb

    with duckdb.connect(":memory:") as base:
        for name in _named(base, sql):
            frame = table(evidence, name)
            if len(frame.columns):
                base.register(name, frame)
        base.execute("SET enable_external_access = false")
        base.execute("SET lock_configuration = true")
        try:
            statements = base.extract_statements(sql)
            if [s.type.name for s in statements] not in (["SELECT"], ["EXPLAIN"]):
                raise InputError("query: give one SELECT; the run is read, never changed")
            return base.execute(statements[0]).df()
        except duckdb.Error as error:
            raise InputError(f"query: {' '.join(str(error).split())}") from error


def _named(base: "duckdb.DuckDBPyConnection", sql: str) -> list[str]:
    """The tables that a statement reads; all of them where it names others, which the database will tell."""
    import duckdb

    try:
        names = base.get_table_names(sql)
    except duckdb.Error:
        return [*TABLES]
    return [*TABLES] if names - TABLES.keys() else sorted(names)


def _text(value: object) -> str:
    import json

    return json.dumps(value, sort_keys=True)
