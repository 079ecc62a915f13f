"""A compact copy of the records and predictions of a large run folder: read at once in place of thousands of files.

``compact/manifest.json`` is sealed and names the other files with their checksums; it is written last. The copy of a
cell counts while the size and date of its two files are what they were when it was copied, so that what is new,
changed or damaged since is read from the files themselves. `verify` reads these, and holds the copy against them.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import seals
from .files import StoreError, read_json, replace_file
from .record import Record

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .store import Run

FORMAT = 1
FOLDER, MANIFEST = "compact", "manifest.json"
WORTH = 1000  # cells from which on a copy is kept
STALE = 0.05  # share of cells that may be read from their own files before the copy is made anew
_FACTS = ("record_size", "record_date", "predictions_size", "predictions_date", "rows")

#: size and date (ns) of a file
Stamp = tuple[int, int]


class CellSource(NamedTuple):
    """A record, the folder that it is taken from, and the copy that holds it, if one does."""

    run: "Run"
    record: Record
    copy: "Compact | None" = None


@dataclass(frozen=True, eq=False)
class Compact:
    """An opened copy: the stamps of the files of each cell, and where its predictions lie. Nothing else is read yet."""

    folder: Path
    names: Mapping[str, str]
    table: "pa.Table"

    @cached_property
    def stamps(self) -> dict[str, tuple[Stamp, Stamp]]:
        """Key -> stamps of record and predictions, as they were when they were copied."""
        numbers = [self.table[name].to_pylist() for name in ("key", *_FACTS[:4])]
        return {key: ((a, b), (c, d)) for key, a, b, c, d in zip(*numbers, strict=True)}

    @cached_property
    def records(self) -> dict[str, Record]:
        """Key -> record. Cells share the lists and dictionaries that are equal."""
        columns = []
        for field in fields(Record):
            values = self.table[field.name]
            columns.append(_parsed(values) if _is_nested(field.name) else values.to_pylist())
        return {row[0]: Record(*row) for row in zip(*columns, strict=True)}

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """Key -> where its predictions begin and end."""
        ends = np.cumsum(self.table["rows"].to_numpy()).tolist()
        return dict(zip(self.table["key"].to_pylist(), zip([0, *ends], ends, strict=False), strict=True))

    @cached_property
    def texts(self) -> "pa.Table":
        """The text columns of all predictions, as dictionaries."""
        return _opened(self.folder, self.names["texts"])

    @cached_property
    def probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        """Their log-probabilities as one flat array, and where those of each begin and end (predictions + 1,)."""
        values = _opened(self.folder, self.names["values"])["value"].to_numpy()
        lengths = _opened(self.folder, self.names["lengths"])["length"].to_numpy()
        return values, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def cells_of(run: "Run") -> list[CellSource]:
    """Every cell of a run that is finished or failed, by their keys. Raises StoreError naming a damaged file.

    From the copy where that is up to date; a copy that is worth it and missing, or mostly stale, is made.
    """
    there = _stamps(run)
    copy = _read(run)
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
    from .predictions import read_predictions, read_probabilities

    copy = _read(run)
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


def _read(run: "Run") -> Compact | None:
    """The copy, None where there is none that can be used: it is made anew, the originals are all there."""
    folder = run.folder / FOLDER
    try:
        manifest = read_json(folder / MANIFEST)
        names = manifest["files"]
        if manifest["copy"] != FORMAT or set(manifest["schema"]) != {f.name for f in fields(Record)}:
            return None
        for name in names.values():
            if seals.digest((folder / name).read_bytes()) != name.partition(".")[0]:
                return None
        return Compact(folder, names, _opened(folder, names["cells"]))
    except (StoreError, OSError, KeyError, TypeError, ValueError):
        return None


def _opened(folder: Path, name: str) -> "pa.Table":
    """A file of the copy, mapped. Its checksum was looked at when the copy was opened."""
    import pyarrow as pa

    with pa.memory_map(str(folder / name)) as source:
        return pa.ipc.open_file(source).read_all()


def _copied(run: "Run", cells: Sequence[CellSource], stamps: Mapping[str, tuple[Stamp, Stamp]]) -> list[CellSource]:
    """Write a copy of these cells; where the folder cannot be written they stay as they are, and are only slower."""
    import pyarrow as pa

    from .predictions import read_predictions, read_probabilities

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
    copy = Compact(folder, names, tables["cells"])
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
            pa.array([json.dumps(value) for value in values]).dictionary_encode() if _is_nested(field.name) else values
        )
    of_files = np.array([[*stamps[record.key][0], *stamps[record.key][1]] for record in records], dtype=np.int64)
    return pa.table({**columns, **dict(zip(_FACTS, (*of_files.reshape(-1, 4).T, rows), strict=True))})


def _dictionary(column: "pd.Series") -> "pa.DictionaryArray":
    """Of the type that Parquet files give."""
    import pyarrow as pa

    codes = column.cat.codes.to_numpy().astype(np.int32)
    names = pa.array(column.cat.categories.to_list(), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), names)


def _is_nested(name: str) -> bool:
    hint = Record.__dataclass_fields__[name].type
    return str(hint).startswith(("list", "dict"))


def _parsed(column: "pa.ChunkedArray") -> list[Any]:
    """The values of a column of JSON, each different text parsed once."""
    plain = column.combine_chunks()
    values = [json.loads(text) for text in plain.dictionary.to_pylist()]
    return [values[code] for code in plain.indices.to_pylist()]


def _bytes(table: "pa.Table") -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    content: bytes = sink.getvalue().to_pybytes()
    return content
