"""A run folder: what was planned, every record, every prediction; appended cell by cell, readable at any time.

``run.json`` format · ``plans/`` what each command asked for · ``records/`` one JSON per cell · ``predictions/`` one
Parquet per cell, written before its record, so that a record means finished · ``trainings/`` curves · ``weights/``
until the last cell of a training is stored · ``utterances/`` the labelled tables · ``siblings/`` which test rows have
copies of themselves in training · ``compact/`` a copy of records and predictions where there are many ·
``scored.log`` one line per scoring of a cell, which is what ``test_evaluations`` counts · ``locks/`` held while a
training is under way.
"""

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import InputError
from . import blinding, seals
from .files import StoreError, damaged, read_json, read_table, write_bytes, write_json
from .plans import PLAN_COLUMNS, plan_name, read_plan
from .record import FORMAT, PREDICTION_COLUMNS, Record
from .seals import DamageError

_UNMARKED = re.compile(r"[0-9a-f]{32}")  # a line of scored.log without a mark, as it was before


@dataclass(frozen=True)
class Run:
    """A run folder that is known to be one of ours and of this format.

    ``blind``: nothing in it says who made it and where.
    """

    folder: Path
    blind: bool = False

    def record_path(self, key: str) -> Path:
        """Where the record of a cell lies."""
        return self.folder / "records" / f"{key}.json"

    def predictions_path(self, key: str) -> Path:
        """Where the predictions of a cell lie."""
        return self.folder / "predictions" / f"{key}.parquet"

    def weights_path(self, training: str) -> Path:
        """Where the weights of a training lie."""
        return self.folder / "weights" / f"{training}.safetensors"

    def kept_path(self, training: str) -> Path:
        """There when the weights of a training stay after its last cell."""
        return self.folder / "weights" / f"{training}.keep"

    def drop_weights(self, training: str) -> None:
        """Remove the weights of a training whose cells are stored, unless they are to be kept."""
        if not self.kept_path(training).exists():
            self.weights_path(training).unlink(missing_ok=True)

    def training_path(self, training: str) -> Path:
        """Where the curve of a training lies."""
        return self.folder / "trainings" / f"{training}.json"

    def keep_training(self, training: str, facts: dict[str, Any]) -> None:
        """Store the curve of a training, and what `predict` needs to build its model again."""
        write_json(self.training_path(training), blinding.blind(facts) if self.blind else facts)

    def done(self, keys: Iterable[str]) -> set[str]:
        """Those cells that are finished. A failed cell has a record only, and is tried again."""
        return {key for key in keys if self.record_path(key).exists() and self.predictions_path(key).exists()}

    def append(self, record: Record, predictions: pd.DataFrame | None) -> None:
        """Store a finished cell with its predictions, or a failed one without."""
        record = blinding.blind_record(record) if self.blind else record
        if predictions is not None:
            # of an earlier failure: record and predictions mean done
            self.record_path(record.key).unlink(missing_ok=True)
            content = _parquet(predictions[list(PREDICTION_COLUMNS)])
            record = replace(record, predictions_sha256=hashlib.sha256(content).hexdigest())
            write_bytes(self.predictions_path(record.key), content)
        write_json(self.record_path(record.key), record.to_json())

    def scored(self, start: int = 0) -> tuple[Counter[str], int]:
        """How often the test rows of each cell were scored, noted from byte ``start`` on; and where the notes end.

        Raises StoreError for a line that is not what was written; lines of 0.1.0 carry no mark of it.
        """
        path = self.folder / "scored.log"
        if not path.exists():
            return Counter(), 0
        with path.open("rb") as file:
            file.seek(start)
            text = file.read()
        keys = []
        for line in text.decode(errors="replace").removesuffix("\n").split("\n") if text else ():
            key, _, mark = line.partition(" ")
            if mark != _mark(key) and not _UNMARKED.fullmatch(line):
                raise damaged(path, f"the line '{line}' is not what was written", "take this line out")
            keys.append(key)
        return Counter(keys), start + len(text)

    def note_scoring(self, key: str) -> None:
        """Note that the test rows of a cell are about to be scored."""
        path = self.folder / "scored.log"
        try:
            with path.open("a") as file:  # one short line: appended whole, whoever else appends
                file.write(f"{key} {_mark(key)}\n")
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}; make room and repeat the command") from error

    def add_plan(self, cells: pd.DataFrame, facts: dict[str, Any]) -> None:
        """Store what a command asked for; the same command writes the same file."""
        facts = blinding.blind_plan(facts) if self.blind else facts
        content = _parquet(cells[list(PLAN_COLUMNS)], {"facts": json.dumps(facts), **seals.METADATA})
        write_bytes(self.folder / "plans" / f"{plan_name(cells['key'])}.parquet", seals.seal_parquet(content))

    def add_utterances(self, name: str, table: pd.DataFrame) -> None:
        """Store a labelled table once, for groups, speakers and texts in reports."""
        table = blinding.blind_utterances(table) if self.blind else table
        self._once(self.folder / "utterances" / f"{name}.parquet", table)

    def add_siblings(self, fold_hash: str, siblings: pd.DataFrame) -> None:
        """Store, once, how many training rows each test ``row`` of a fold shares its utterance with: ``siblings``."""
        self._once(self.folder / "siblings" / f"{fold_hash}.parquet", siblings[["row", "siblings"]])

    def _once(self, path: Path, table: pd.DataFrame) -> None:
        """Write a table unless it is there and undamaged."""
        if path.exists():
            with suppress(StoreError):
                read_table(path)
                return
        write_bytes(path, seals.seal_parquet(_parquet(table, seals.METADATA)))

    def siblings(self) -> pd.DataFrame:
        """Columns fold_hash, row, siblings, of the folds in which test rows have copies of themselves in training."""
        paths = sorted((self.folder / "siblings").glob("*.parquet"))
        parts = [read_table(path).to_pandas().assign(fold_hash=path.stem) for path in paths]
        columns = ["fold_hash", "row", "siblings"]
        return pd.concat([pd.DataFrame(columns=columns), *parts], ignore_index=True)[columns]

    def plans(self) -> list[tuple[pd.DataFrame, dict[str, Any]]]:
        """What was asked for, with the facts that are stored beside it, in the order of the commands."""
        paths = sorted((self.folder / "plans").glob("*.parquet"), key=lambda path: (path.stat().st_mtime_ns, path))
        return [read_plan(path) for path in paths]

    def plan(self, path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
        """One of them. Raises StoreError where it is damaged."""
        return read_plan(path)

    def records(self) -> list[Record]:
        """Of every cell that is finished or failed, by their keys. Raises StoreError naming a damaged file."""
        records = [self.record(path.stem) for path in sorted((self.folder / "records").glob("*.json"))]
        return [r for r in records if r.status == "failed" or self.predictions_path(r.key).exists()]

    def record(self, key: str) -> Record:
        """Of one cell. Raises StoreError where it is damaged, or of another cell."""
        path = self.record_path(key)
        values = read_json(path)
        try:
            record = Record.from_json(values, str(path))
        except DamageError as error:
            raise damaged(path, error) from error
        if record.key != key:
            raise damaged(path, f"it is the record of cell {record.key}")
        return record

    def intact(self, record: Record) -> bytes:
        """The Parquet file of a cell. Raises StoreError when it is not what the record says."""
        path = self.predictions_path(record.key)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise damaged(path, error) from error
        if hashlib.sha256(content).hexdigest() != record.predictions_sha256:
            raise StoreError(f"{path}: damaged; delete it and repeat the command: this cell then runs again")
        return content


def _mark(key: str) -> str:
    """What a line of ``scored.log`` ends with, so that damage is found."""
    return seals.digest(key.encode())[:8]


def create(folder: Path, version: str, blind: bool = False) -> Run:
    """Open a run folder, made when it is not there; one that was made blind stays blind.

    Raises InputError for a folder that is something else, or that was not made ``blind`` and is to be.
    """
    if not (folder / "run.json").exists():
        # what a killed or a concurrent process has begun to write is no foreign file
        if folder.exists() and (
            not folder.is_dir()
            or any(not p.name.startswith(".run.json.") and p.name != "run.json" for p in folder.iterdir())
        ):
            raise InputError(f"{folder}: exists and is not a run folder; choose another with --out")
        write_json(folder / "run.json", {"format": FORMAT, "serbench": version} | ({"blind": True} if blind else {}))
    run = open_run(folder)
    if blind and not run.blind:
        raise InputError(
            f"{folder}: was not made blind, and its files say where it was made; choose another with --out, "
            "or blind its report alone: `serbench report --blind`"
        )
    if (facts := read_json(folder / "run.json"))["format"] < FORMAT:  # what is added now, older versions cannot read
        write_json(folder / "run.json", {**facts, "format": FORMAT})
    return run


def open_run(folder: Path) -> Run:
    """Open an existing run folder. Raises InputError when it is none, or of another format."""
    manifest = folder / "run.json"
    if not manifest.exists():
        raise InputError(f"{folder}: not a run folder (no run.json in it); `serbench run --out {folder} ...` makes one")
    facts = read_json(manifest)
    number = facts.get("format") if isinstance(facts, dict) else None
    if number not in range(1, FORMAT + 1):
        raise InputError(
            f"{folder}: a run folder of format {number}, this serbench reads up to format {FORMAT}; "
            "use the version that wrote it, or another --out"
        )
    return Run(folder, facts.get("blind") is True)


def find_run(name: str, root: Path = Path("runs")) -> Run:
    """The run folder ``name``: a path, the name of a folder under ``runs/``, or ``latest``."""
    if name == "latest":
        runs = sorted(root.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
        if not runs:
            raise InputError(f"no run under {root.absolute()}; `serbench run --protocol cross-corpus` makes one")
        return open_run(runs[-1].parent)
    path = Path(name)
    return open_run(root / name if not path.exists() and (root / name).exists() else path)


def _parquet(frame: pd.DataFrame, metadata: dict[str, str] | None = None) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **(metadata or {})})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def free_damaged(run: Run, keys: Iterable[str], plans: Iterable[str]) -> list[str]:
    """Read everything that is stored of these cells, and these plans; delete what is damaged, so that it is made again.

    Returns a text for each, which names the file.
    """
    texts: list[str] = []
    for key in keys:
        try:
            run.intact(run.record(key))
        except StoreError as error:
            texts.append(f"{error}".partition(";")[0])
            run.record_path(key).unlink(missing_ok=True)  # without a record a cell is not finished
    for name in plans:
        path = run.folder / "plans" / f"{name}.parquet"
        if path.exists():
            try:
                read_table(path)
            except StoreError as error:
                texts.append(f"{error}".partition(";")[0])
                path.unlink()
    return texts
