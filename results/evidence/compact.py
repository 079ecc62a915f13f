"""A compact copy of the records and predictions of a large run folder: read at once in place of thousands of files.

``compact/manifest.json`` is sealed and names the other files with their checksums; it is written last. The copy of a
cell counts while the size and date of its two files are what they were when it was copied (`cell_sources`).
"""

import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import seals
from .files import StoreError, read_json
from .record import Record

if TYPE_CHECKING:
    import pyarrow as pa

    from .store import Run

FORMAT = 1
FOLDER, MANIFEST = "compact", "manifest.json"
#: columns of its cells beside those of a record: sizes and dates of the files, and the number of predictions
FACTS = ("record_size", "record_date", "predictions_size", "predictions_date", "rows")

#: size and date (ns) of a file
Stamp = tuple[int, int]


class CellSource(NamedTuple):
    """A record, the folder that it is taken from, and the copy that holds it, if one does."""

    run: "Run"
    record: Record
    copy: "Compact | None" = None


@dataclass(frozen=True, eq=False)
class Compact:
    """An opened copy: its files are mapped, so that they stay readable when a newer copy takes their place.

    ``cells``: a line per cell with its record and `FACTS`; ``texts``: of all predictions, as dictionaries; ``values``:
    their log-probabilities, of which each prediction has so many as ``lengths`` says.
    """

    cells: "pa.Table"
    texts: "pa.Table"
    values: "pa.Table"
    lengths: "pa.Table"

    @cached_property
    def stamps(self) -> dict[str, tuple[Stamp, Stamp]]:
        """Key -> stamps of record and predictions, as they were when they were copied."""
        numbers = [self.cells[name].to_pylist() for name in ("key", *FACTS[:4])]
        return {key: ((a, b), (c, d)) for key, a, b, c, d in zip(*numbers, strict=True)}

    @cached_property
    def records(self) -> dict[str, Record]:
        """Key -> record. Cells share the lists and dictionaries that are equal."""
        columns = []
        for field in fields(Record):
            values = self.cells[field.name]
            columns.append(_parsed(values) if is_nested(field.name) else values.to_pylist())
        return {row[0]: Record(*row) for row in zip(*columns, strict=True)}

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """Key -> where its predictions begin and end."""
        ends = np.cumsum(self.cells["rows"].to_numpy()).tolist()
        return dict(zip(self.cells["key"].to_pylist(), zip([0, *ends], ends, strict=False), strict=True))

    @cached_property
    def probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        """The log-probabilities as one flat array, and where those of each prediction begin and end (n + 1,)."""
        ends = np.cumsum(self.lengths["length"].to_numpy(), dtype=np.int64)
        return self.values["value"].to_numpy(), np.concatenate([[0], ends])


def read_copy(run: "Run") -> Compact | None:
    """The copy, None where there is none that can be used: it is made anew, the originals are all there."""
    folder = run.folder / FOLDER
    try:
        manifest = read_json(folder / MANIFEST)
        if manifest["copy"] != FORMAT or set(manifest["schema"]) != {f.name for f in fields(Record)}:
            return None
        return Compact(**{what: _mapped(folder / name) for what, name in manifest["files"].items()})
    except (StoreError, OSError, KeyError, TypeError, ValueError):
        return None


def _mapped(path: Path) -> "pa.Table":
    """A table whose file is named by its checksum. ValueError where that does not fit."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        content = file.read_buffer()
        if seals.digest(memoryview(content)) != path.name.partition(".")[0]:
            raise seals.DamageError(f"{path}: its checksum does not fit")
        return pa.ipc.open_file(content).read_all()


def is_nested(name: str) -> bool:
    """Whether a field of records is a list or dictionary, which the copy holds as JSON."""
    hint = Record.__dataclass_fields__[name].type
    return str(hint).startswith(("list", "dict"))


def _parsed(column: "pa.ChunkedArray") -> list[Any]:
    """The values of a column of JSON, each different text parsed once."""
    plain = column.combine_chunks()
    values = [json.loads(text) for text in plain.dictionary.to_pylist()]
    return [values[code] for code in plain.indices.to_pylist()]
