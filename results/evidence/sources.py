"""One or several run folders as one body of evidence: what a report is made of, also while the runs go on.

The same as `store.Run.frames`, for many predictions: text columns are categories, log-probabilities one flat array.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .entries import siblings
from .files import read_json
from .groups import GROUPS
from .record import Record
from .replays import sizes
from .store import Run, left_out, newest

TEXTS = ("row", "utterance", "speaker", "truth", "guess")


@dataclass(frozen=True)
class Request:
    """What one command asked for: its run folder and the facts that are stored with its plan."""

    run: str
    facts: dict[str, Any]

    @property
    def command(self) -> str:
        """As it was typed."""
        import shlex

        return shlex.join(["serbench", *map(str, self.facts.get("command", ()))])


@dataclass(frozen=True)
class Evidence:
    """Everything that the runs hold.

    ``predictions`` (``key`` and `TEXTS`, categories) lie in the order of ``records``: those of record i from
    ``start[i]`` on. The log-probabilities of prediction k are ``values[offset[k]:offset[k + 1]]``, none where a model
    has none.
    """

    runs: tuple[str, ...]
    requests: tuple[Request, ...]
    plan: pd.DataFrame
    records: pd.DataFrame
    predictions: pd.DataFrame
    start: np.ndarray  # (records + 1,)
    values: np.ndarray  # float32
    offset: np.ndarray  # (predictions + 1,)
    trainings: dict[str, dict[str, Any]]  # training -> its curve and facts
    utterances: pd.DataFrame  # by id, with what they can be grouped by
    siblings: pd.DataFrame  # fold_hash, row, siblings
    sizes: dict[tuple[str, str, str], int]  # (corpus, start of its fingerprint, label map) -> utterances
    notes: tuple[str, ...]


def gather(runs: Sequence[Run]) -> Evidence:
    """Read runs. A cell that several of them hold counts once, the finished one first. Raises StoreError for damage."""
    asked = [run.plans() for run in runs]
    requests = tuple(Request(str(run.folder), facts) for run, of in zip(runs, asked, strict=True) for _, facts in of)
    held: dict[str, tuple[Run, Record]] = {}
    again = 0
    plans: list[pd.DataFrame] = []
    left: list[str] = []
    for run, of in zip(runs, asked, strict=True):
        plan, old = newest(of)
        plans.append(plan)
        left += old.values()
        for record in (record for record in _records(run) if record.key not in old):
            again += record.key in held
            if record.key not in held or (held[record.key][1].status, record.status) == ("failed", "done"):
                held[record.key] = (run, record)
    records = [record for _, record in held.values()]
    predictions, start, values, offset = _predictions(list(held.values()))
    notes = dict.fromkeys(note for request in requests for note in request.facts.get("notes", ()))
    said = [f"{again} cells are in several of the runs; each counts once"] if again else []
    said += left_out(left)
    return Evidence(
        runs=tuple(str(run.folder) for run in runs),
        requests=requests,
        plan=pd.concat(plans, ignore_index=True).drop_duplicates("key", ignore_index=True),
        records=pd.DataFrame([r.to_json() for r in records], columns=list(Record.__dataclass_fields__)),
        predictions=predictions,
        start=start,
        values=values,
        offset=offset,
        trainings=_trainings(runs, {record.training for record in records}),
        utterances=_utterances(runs),
        siblings=siblings(runs),
        sizes={name: n for run in runs for name, n in sizes(run).items()},
        notes=(*notes, *said),
    )


def _records(run: Run) -> Iterable[Record]:
    for path in sorted((run.folder / "records").glob("*.json")):
        record = Record.from_json(read_json(path), str(path))
        if record.status == "failed" or run.predictions_path(record.key).exists():
            yield record


def _predictions(held: list[tuple[Run, Record]]) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = [_table(run, record) if record.status == "done" else None for run, record in held]
    sizes = [0 if table is None else len(table) for table in tables]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    keys = pd.Categorical.from_codes(np.repeat(np.arange(len(held)), sizes), [record.key for _, record in held])
    known = [table for table in tables if table is not None]
    if not known:
        empty = pd.DataFrame({"key": keys, **{name: pd.Categorical([]) for name in TEXTS}})
        return empty, start, np.zeros(0, np.float32), np.zeros(1, np.int64)
    lists = pa.chunked_array([chunk for table in known for chunk in table["log_probability"].chunks])
    flat = np.concatenate([np.zeros(0, np.float32), *(chunk.flatten().to_numpy() for chunk in lists.chunks)])
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    texts = pa.concat_tables([table.select(TEXTS) for table in known]).unify_dictionaries()
    frame = pd.DataFrame({"key": keys, **{name: _category(texts[name].to_pandas()) for name in TEXTS}})
    return frame, start, flat.astype(np.float32), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _category(column: pd.Series) -> pd.Series:
    """With the categories in the order of the alphabet, as if they were plain text."""
    return column.cat.reorder_categories(sorted(column.cat.categories))


def _table(run: Run, record: Record) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # of many small files, quicker than `read_table`, and without its threads
    table = pq.ParquetFile(pa.BufferReader(run.intact(record)), read_dictionary=list(TEXTS)).read(use_threads=False)
    for k, name in enumerate(table.column_names):  # a column of nulls only has no text type
        if name in TEXTS and pa.types.is_null(table.schema.field(name).type):
            table = table.set_column(k, name, pa.chunked_array([pa.nulls(len(table), pa.string()).dictionary_encode()]))
    probabilities = table["log_probability"].cast(pa.list_(pa.float32()))
    return table.set_column(table.column_names.index("log_probability"), "log_probability", probabilities)


def _trainings(runs: Sequence[Run], wanted: set[str]) -> dict[str, dict[str, Any]]:
    paths = [path for run in runs for path in sorted((run.folder / "trainings").glob("*.json"))]
    return {path.stem: read_json(path) for path in paths if path.stem in wanted}


def _utterances(runs: Sequence[Run]) -> pd.DataFrame:
    """By id; a corpus under two label maps, or in two runs, is kept once."""
    paths: dict[str, Path] = {}
    for run in runs:
        for path in sorted((run.folder / "utterances").glob("*.parquet")):
            paths.setdefault(path.name, path)
    tables = [pd.read_parquet(path) for path in paths.values()]
    columns = ["id", "corpus", "path", "speaker", "seconds", *(name for name in GROUPS if name != "corpus")]
    parts = [table.reindex(columns=columns) for table in tables] or [pd.DataFrame(columns=columns)]
    return pd.concat(parts, ignore_index=True).drop_duplicates("id").set_index("id")
