"""Where each cell of a run is read from: a compact copy, while its files are as they were, or these files.

What is new, changed or damaged since the copy was made is read from the files themselves. `verify` reads these all, and
holds the copy against them.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import seals
from .compact import FACTS, FOLDER, FORMAT, MANIFEST, CellSource, Compact, Stamp, is_nested, read_copy
from .files import replace_file
from .predictions import read_predictions, read_probabilities
from .record import Record

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .store import Run

WORTH = 1000  # cells from which on a copy is kept
STALE = 0.05  # share of cells that may be read from their own files before the copy is made anew


def cells_of(run: "Run") -> list[CellSource]:
    """Every cell of a run that is finished or failed, by their keys. Raises StoreError naming a damaged file.

    From the copy where that is up to date; a copy that is worth it and missing, or mostly stale, is made.
    """
    there = _stamps(run)
    copy = read_copy(run)
    known = {} if copy is None else copy.stamps
    cells = []
    for key, stamps in there.items():
        if copy is not None and known.get(key) == stamps:
            cells.append(CellSource(run, copy.records[key], copy))
        else:
            record = run.record(key)
            if record.status == "failed" or stamps[1] != (-1, -1):
                cells.append(CellSource(run, record))
    read = sum(cell.copy is None for cell in cells)
    if len(cells) >= WORTH and read > STALE * len(cells):
        return _copied(run, cells, there)
    return cells


def unlike(run: "Run") -> Iterator[str]:
    """Keys of the cells whose copy would be taken, and is not what their files say. Raises StoreError for damage."""
    copy = read_copy(run)
    known = {} if copy is None else copy.stamps
    keys = [key for key, stamps in _stamps(run).items() if known.get(key) == stamps]
    for start in range(0, len(keys), WORTH):
        part = keys[start : start + WORTH]
        files = [CellSource(run, run.record(key)) for key in part]
        copies = [CellSource(run, copy.records[key], copy) for key in part] if copy is not None else []
        alike = [a.record == b.record for a, b in zip(files, copies, strict=True)]
        texts = [read_predictions(cells).astype(object) for cells in (files, copies)]
        values = [read_probabilities(cells) for cells in (files, copies)]
        same = texts[0].equals(texts[1]) and all(np.array_equal(*pair) for pair in zip(*values, strict=True))
        yield from (key for key, equal in zip(part, alike, strict=True) if not (equal and same))


def _stamps(run: "Run") -> dict[str, tuple[Stamp, Stamp]]:
    """Key -> stamps of its record and of its predictions, (-1, -1) where there are none; by keys."""
    records, predictions = (
        _files(run.folder / name, end) for name, end in (("records", ".json"), ("predictions", ".parquet"))
    )
    return {key: (records[key], predictions.get(key, (-1, -1))) for key in sorted(records)}


def _files(folder: Path, ending: str) -> dict[str, Stamp]:
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        chosen = [entry for entry in entries if entry.name.endswith(ending) and not entry.name.startswith(".")]
        stats = [(entry.name.removesuffix(ending), entry.stat()) for entry in chosen]
    return {name: (facts.st_size, facts.st_mtime_ns) for name, facts in stats}


def _copied(run: "Run", cells: Sequence[CellSource], stamps: Mapping[str, tuple[Stamp, Stamp]]) -> list[CellSource]:
    """Write a copy of these cells; where the folder cannot be written they stay as they are, and are only slower."""
    import pyarrow as pa

    predictions, probabilities = read_predictions(cells), read_probabilities(cells)
    rows = np.bincount(predictions["key"].cat.codes, minlength=len(cells))
    tables = {
        "cells": _cells_table(cells, stamps, rows),
        "texts": pa.table({name: _dictionary(predictions[name]) for name in predictions.columns[1:]}),
        "values": pa.table({"value": probabilities.values}),
        "lengths": pa.table({"length": np.diff(probabilities.offset).astype(np.int32)}),
    }
    folder = run.folder / FOLDER
    names = {}
    try:
        folder.mkdir(exist_ok=True)
        for what, table in tables.items():
            content = _bytes(table)
            names[what] = f"{seals.digest(content)}.{what}.arrow"
            replace_file(folder / names[what], content)
        facts = {"copy": FORMAT, "files": names, "schema": [f.name for f in fields(Record)]}
        text = json.dumps(seals.sealed(facts), indent=1) + "\n"
        replace_file(folder / MANIFEST, text.encode())
        _free(folder, names.values())
    except OSError:
        return list(cells)
    copy = Compact(**tables)
    return [CellSource(run, cell.record, copy) for cell in cells]


def _free(folder: Path, names: Iterable[str]) -> None:
    """Delete the files of older copies; who reads one now has opened it."""
    for path in folder.glob("*.arrow"):
        if path.name not in {*names}:
            path.unlink(missing_ok=True)


def _cells_table(
    cells: Sequence[CellSource], stamps: Mapping[str, tuple[Stamp, Stamp]], rows: np.ndarray
) -> "pa.Table":
    import pyarrow as pa

    records = [cell.record for cell in cells]
    columns: dict[str, Any] = {}
    for field in fields(Record):
        values = [getattr(record, field.name) for record in records]
        columns[field.name] = (
            pa.array([json.dumps(value) for value in values]).dictionary_encode() if is_nested(field.name) else values
        )
    of_files = np.array([[*stamps[record.key][0], *stamps[record.key][1]] for record in records], dtype=np.int64)
    return pa.table({**columns, **dict(zip(FACTS, (*of_files.reshape(-1, 4).T, rows), strict=True))})


def _dictionary(column: "pd.Series") -> "pa.DictionaryArray":
    """Of the type that Parquet files give."""
    import pyarrow as pa

    codes = column.cat.codes.to_numpy().astype(np.int32)
    names = pa.array(column.cat.categories.to_list(), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), names)


def _bytes(table: "pa.Table") -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    content: bytes = sink.getvalue().to_pybytes()
    return content
