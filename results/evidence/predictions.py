"""The predictions of many cells read at once: text columns as categories, log-probabilities as one flat array."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from .compact import CellSource, Compact

TEXTS = ("row", "utterance", "speaker", "truth", "guess")


class Probabilities(NamedTuple):
    """Those of prediction k are ``values[offset[k]:offset[k + 1]]``, none where a model has none."""

    values: np.ndarray  # float32
    offset: np.ndarray  # (predictions + 1,)


def read_predictions(cells: "Sequence[CellSource]") -> pd.DataFrame:
    """Columns ``key`` and `TEXTS`, in the order of the cells, the failed ones without a line."""
    import pyarrow as pa

    tables, sizes = [], np.zeros(len(cells), np.int64)
    for place, span in _spans(cells):
        if isinstance(span, Span):
            tables.append(span.copy.texts.slice(span.start, span.end - span.start))
            sizes[place : place + len(span.sizes)] = span.sizes
        else:
            tables.append(_texts(span))
            sizes[place] = len(tables[-1])
    keys = pd.Categorical.from_codes(np.repeat(np.arange(len(cells)), sizes), [cell.record.key for cell in cells])
    if not tables:
        return pd.DataFrame({"key": keys, **{name: pd.Categorical([]) for name in TEXTS}})
    texts = pa.concat_tables(tables).unify_dictionaries()
    return pd.DataFrame({"key": keys, **{name: _category(texts[name].to_pandas()) for name in TEXTS}})


def read_probabilities(cells: "Sequence[CellSource]") -> Probabilities:
    """The log-probabilities of all predictions of the cells, in their order."""
    values, lengths = [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
    for _, span in _spans(cells):
        if isinstance(span, Span):
            flat, offset = span.copy.probabilities
            values.append(flat[offset[span.start] : offset[span.end]])
            lengths.append(np.diff(offset[span.start : span.end + 1]))
        else:
            more, counts = _lists(span)
            values += more
            lengths.append(counts)
    offset = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return Probabilities(np.concatenate(values).astype(np.float32, copy=False), offset)


@dataclass
class Span:
    """The predictions of cells that lie one behind the other in a compact copy, and how many each has."""

    copy: "Compact"
    start: int
    end: int
    sizes: list[int]


def _spans(cells: "Sequence[CellSource]") -> "Iterator[tuple[int, Span | CellSource]]":
    """What to read for finished cells: (place of the first, span of a copy, or one cell that has files alone)."""
    span, first = None, 0
    for place, cell in enumerate(cells):
        if cell.copy is None or cell.record.status != "done":
            if span is not None:
                yield first, span
            span = None
            if cell.record.status == "done":
                yield place, cell
            continue
        start, end = cell.copy.spans[cell.record.key]
        if span is not None and span.copy is cell.copy and span.end == start:
            span.end = end
            span.sizes.append(end - start)
        else:
            if span is not None:
                yield first, span
            span, first = Span(cell.copy, start, end, [end - start]), place
    if span is not None:
        yield first, span


def _category(column: pd.Series) -> pd.Series:
    """With the categories in the order of the alphabet, as if they were plain text."""
    if column.cat.categories.is_monotonic_increasing:
        return column
    return column.cat.reorder_categories(sorted(column.cat.categories))


def _texts(cell: "CellSource") -> Any:
    import pyarrow as pa

    table = _read(cell, TEXTS)
    for k, name in enumerate(table.column_names):  # a column of nulls only has no text type
        if pa.types.is_null(table.schema.field(name).type):
            table = table.set_column(k, name, pa.chunked_array([pa.nulls(len(table), pa.string()).dictionary_encode()]))
    return table


def _lists(cell: "CellSource") -> tuple[list[np.ndarray], np.ndarray]:
    """The log-probabilities of a cell in pieces, and how many each prediction has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = _read(cell, ("log_probability",))["log_probability"].cast(pa.list_(pa.float32()))
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    return [chunk.flatten().to_numpy() for chunk in lists.chunks], counts


def _read(cell: "CellSource", columns: Sequence[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # of many small files, quicker than `read_table`, and without its threads
    content = cell.run.intact(cell.record)
    file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=list(TEXTS))
    return file.read(columns=list(columns), use_threads=False)
