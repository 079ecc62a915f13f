"""The predictions of many cells read at once: text columns as categories, log-probabilities as one flat array."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from .record import Record
    from .store import Run

TEXTS = ("row", "utterance", "speaker", "truth", "guess")


class Probabilities(NamedTuple):
    """Those of prediction k are ``values[offset[k]:offset[k + 1]]``, none where a model has none."""

    values: np.ndarray  # float32
    offset: np.ndarray  # (predictions + 1,)


def read_predictions(cells: "Sequence[tuple[Run, Record]]") -> pd.DataFrame:
    """Columns ``key`` and `TEXTS`, in the order of the cells, the failed ones without a line."""
    import pyarrow as pa

    tables = [_texts(*cell) if cell[1].status == "done" else None for cell in cells]
    sizes = [0 if table is None else len(table) for table in tables]
    keys = pd.Categorical.from_codes(np.repeat(np.arange(len(cells)), sizes), [record.key for _, record in cells])
    there = [table for table in tables if table is not None]
    if not there:
        return pd.DataFrame({"key": keys, **{name: pd.Categorical([]) for name in TEXTS}})
    texts = pa.concat_tables(there).unify_dictionaries()
    return pd.DataFrame({"key": keys, **{name: _category(texts[name].to_pandas()) for name in TEXTS}})


def read_probabilities(cells: "Sequence[tuple[Run, Record]]") -> Probabilities:
    """The log-probabilities of all predictions of the cells, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [_column(*cell) for cell in cells if cell[1].status == "done"]
    if not columns:
        return Probabilities(np.zeros(0, np.float32), np.zeros(1, np.int64))
    lists = pa.chunked_array([chunk for column in columns for chunk in column.chunks])
    flat = np.concatenate([np.zeros(0, np.float32), *(chunk.flatten().to_numpy() for chunk in lists.chunks)])
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return Probabilities(flat.astype(np.float32), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def _category(column: pd.Series) -> pd.Series:
    """With the categories in the order of the alphabet, as if they were plain text."""
    return column.cat.reorder_categories(sorted(column.cat.categories))


def _texts(run: "Run", record: "Record") -> Any:
    import pyarrow as pa

    table = _read(run, record, TEXTS)
    for k, name in enumerate(table.column_names):  # a column of nulls only has no text type
        if pa.types.is_null(table.schema.field(name).type):
            table = table.set_column(k, name, pa.chunked_array([pa.nulls(len(table), pa.string()).dictionary_encode()]))
    return table


def _column(run: "Run", record: "Record") -> Any:
    import pyarrow as pa

    return _read(run, record, ("log_probability",))["log_probability"].cast(pa.list_(pa.float32()))


def _read(run: "Run", record: "Record", columns: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # of many small files, quicker than `read_table`, and without its threads
    file = pq.ParquetFile(pa.BufferReader(run.intact(record)), read_dictionary=list(TEXTS))
    return file.read(columns=list(columns), use_threads=False)
