"""Whether a run folder can be believed: every file read, every seal checked, all that is said twice compared.

It finds damage and files that were put in the place of others. Who changes records, predictions and seals together is
not found: for that, train a cell again.
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ...errors import InputError
from . import cell_sources, compact, seals
from .files import SEALED_FROM, StoreError, read_json, read_table
from .record import Record
from .store import Run

Severity = Literal["fault", "not verifiable", "note"]
#: what a record and the line of the plan for its cell both say
_TWICE = (
    "trial", "training", "protocol", "model", "arm", "train", "test", "fold", "repeat", "seed", "condition",
    "label_map", "code", "role", "condition_kind", "condition_unit",
)  # fmt: skip
_FOLDERS = ("records", "predictions", "plans", "trainings", "weights", "utterances", "siblings", "locks")
_OTHERS = ("run.json", "scored.log", "compact", "tables", "figures", "report")


@dataclass(frozen=True, slots=True)
class RunFinding:
    """Something about a file. A fault: not to be believed as it is. Not verifiable: of a format without seals."""

    severity: Severity
    file: str
    text: str


@dataclass(frozen=True)
class Verification:
    """What a folder holds: files read by kind, cells finished of those planned, and everything that was found."""

    folder: Path
    files: dict[str, int]
    done: int
    planned: int
    findings: tuple[RunFinding, ...]

    @property
    def ok(self) -> bool:
        """No fault: what is missing, or cannot be verified, is none."""
        return all(finding.severity != "fault" for finding in self.findings)


def verify(run: Run) -> Verification:
    """Read all of a run folder. Raises nothing for what is wrong in it: that is in the findings."""
    findings = list(_of_manifest(run))
    plan: dict[str, Any] = {}
    for path in _files(run, "plans", ".parquet"):
        findings += _of_table(run, path)
        try:
            plan |= {cell.key: cell for cell in run.plan(path)[0].itertuples(index=False)}
        except StoreError as error:
            findings.append(_fault(run, path, error))
    truths: dict[str, pd.DataFrame] = {}
    for path in _files(run, "utterances", ".parquet"):
        findings += _of_table(run, path)
        truths |= _truths(path)
    for path in _files(run, "siblings", ".parquet"):
        findings += _of_table(run, path)
    for path in _files(run, "trainings", ".json"):
        findings += _of_training(run, path)
    scored = Counter[str]()
    try:
        scored = run.scored()[0]
    except (OSError, StoreError) as error:
        findings.append(_fault(run, run.folder / "scored.log", error))
    done, rows_of = 0, dict[tuple[str, str], tuple[str, str]]()
    for path in _files(run, "records", ".json"):
        try:
            record = run.record(path.stem)
        except InputError as error:
            findings.append(_fault(run, path, error))
            continue
        if record.format < SEALED_FROM:
            findings.append(
                RunFinding("not verifiable", _name(run, path), f"of format {record.format}, without a seal")
            )
        findings += [
            RunFinding("fault", _name(run, path), text) for text in _against_plan(record, plan.get(record.key))
        ]
        if record.status == "done":
            faults = list(_of_cell(run, record, truths, rows_of, scored))
            findings += faults
            done += not faults
    findings += [*_strangers(run), *_of_copy(run)]
    return Verification(
        folder=run.folder,
        files={name: len(list((run.folder / name).iterdir())) for name in _FOLDERS if (run.folder / name).is_dir()},
        done=done,
        planned=len(plan),
        findings=tuple(dict.fromkeys(findings)),
    )


def _files(run: Run, folder: str, ending: str) -> list[Path]:
    return sorted((run.folder / folder).glob(f"*{ending}"))


def _name(run: Run, path: Path) -> str:
    return path.relative_to(run.folder).as_posix()


def _fault(run: Run, path: Path, error: object) -> RunFinding:
    text = f"{error}".partition(";")[0].replace(f"{path}: ", "")
    return RunFinding("fault", _name(run, path), text)


def _of_manifest(run: Run) -> Iterator[RunFinding]:
    path = run.folder / "run.json"
    try:
        if read_json(path)["format"] < SEALED_FROM:
            yield RunFinding("not verifiable", "run.json", "of a format without seals")
    except (StoreError, KeyError) as error:
        yield _fault(run, path, error)


def _of_table(run: Run, path: Path) -> Iterator[RunFinding]:
    try:
        read_table(path)
        if not seals.check_parquet(path.read_bytes()):
            yield RunFinding("not verifiable", _name(run, path), "without a seal")
    except (StoreError, seals.DamageError) as error:
        yield _fault(run, path, error)


def _of_training(run: Run, path: Path) -> Iterator[RunFinding]:
    """Its curve, and the weights beside it if they are kept."""
    try:
        facts = read_json(path)
    except StoreError as error:
        yield _fault(run, path, error)
        return
    if facts.get("format", 0) < SEALED_FROM:
        yield RunFinding("not verifiable", _name(run, path), "without a seal")
    if not isinstance(facts.get("fitted"), dict):
        yield RunFinding("fault", _name(run, path), "it is the curve of no training")
        return
    if facts.get("training", path.stem) != path.stem:
        yield RunFinding("fault", _name(run, path), f"is of training {facts['training']}")
    weights = run.weights_path(path.stem)
    if weights.exists() and "weights" not in facts:
        yield RunFinding("not verifiable", _name(run, weights), "its digest is not stored")
    elif weights.exists() and seals.digest(weights.read_bytes()) != facts["weights"]:
        yield RunFinding("fault", _name(run, weights), "not the weights that this training stored")


def _truths(path: Path) -> dict[str, pd.DataFrame]:
    """The name of a labelled table -> label and speaker of its utterances."""
    try:
        table = read_table(path).to_pandas()
    except StoreError:
        return {}
    if not {"id", "label", "speaker"} <= {*table.columns}:
        return {}
    return {path.stem: table.set_index("id")[["label", "speaker"]]}


def _against_plan(record: Record, cell: Any) -> Iterator[str]:
    """What a record says otherwise than the plan of its cell."""
    if cell is None:
        yield "no plan asks for this cell"
        return
    for name in _TWICE:
        ours, theirs = getattr(record, name), getattr(cell, name)
        if ours != theirs:
            yield f"{name} is {ours}, in the plan {theirs}"
    for name in ("classes", "leaks"):
        if list(getattr(record, name)) != list(getattr(cell, name)):
            yield f"{name} are {', '.join(getattr(record, name))}, in the plan {', '.join(getattr(cell, name))}"


def _of_cell(
    run: Run, record: Record, truths: dict[str, pd.DataFrame], rows_of: dict[Any, tuple[str, str]], scored: Counter[str]
) -> Iterator[RunFinding]:
    """The predictions of a finished cell, against its record, the labelled tables, and other cells of its fold."""
    path = run.predictions_path(record.key)
    if not path.exists():
        yield RunFinding("note", _name(run, path), "not there: the cell is not finished, and the same command makes it")
        return
    try:
        table = pd.read_parquet(io.BytesIO(run.intact(record)))
    except (StoreError, ValueError, OSError) as error:
        yield _fault(run, path, error)
        return
    name = _name(run, path)
    yield from (RunFinding("fault", name, text) for text in _of_predictions(record, table))
    tested = seals.digest("\n".join(sorted(map(str, table["row"]))).encode())
    first, rows = rows_of.setdefault((record.fold_hash, record.test_order), (record.key, tested))
    if rows != tested:
        yield RunFinding("fault", name, f"tests other rows than cell {first} of the same fold")
    yield from (RunFinding("fault", name, text) for text in _against_labels(record, table, truths))
    if scored[record.key] < 1:
        yield RunFinding("fault", "scored.log", f"does not note the scoring of cell {record.key}")


def _of_predictions(record: Record, table: pd.DataFrame) -> Iterator[str]:
    if table["row"].duplicated().any():
        yield f"row {table['row'][table['row'].duplicated()].iloc[0]} is there twice"
    if (n := table["utterance"].nunique()) != record.n_test:
        yield f"{n} utterances, in the record {record.n_test}"
    for name in ("truth", "guess"):
        if odd := sorted(set(map(str, table[name])) - set(record.classes)):
            yield f"{name} {odd[0]} is no class of the record"
    given = table["log_probability"].notna()
    if not given.any():
        return
    scores = table.loc[given, "log_probability"]
    if {len(values) for values in scores} != {len(record.classes)}:
        yield f"log-probabilities are not of {len(record.classes)} classes"
        return
    sums = np.logaddexp.reduce(np.stack(scores.to_numpy()).astype(np.float64), axis=1)
    if not np.isfinite(sums).all() or np.abs(sums).max() > 1e-3:
        yield f"probabilities of row {table.loc[given, 'row'].iloc[int(np.abs(sums).argmax())]} do not sum to 1"


def _against_labels(record: Record, table: pd.DataFrame, truths: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Labels and speakers, as the labelled tables of the record's data and label map have them."""
    names = {f"{corpus}-{mark[:12]}-{record.label_map}" for corpus, mark in record.data.items()}
    parts = [truths[name] for name in truths if name in names]
    if not parts:
        return
    known = pd.concat(parts)
    known = known[~known.index.duplicated()]
    of = known.reindex(table["utterance"])
    there = of["label"].notna().to_numpy()
    wrong = there & (of["label"].to_numpy() != table["truth"].to_numpy())
    if wrong.any():
        yield f"truth of {table['utterance'][wrong].iloc[0]} is not its label"
    other = there & (of["speaker"].fillna("").to_numpy() != table["speaker"].fillna("").to_numpy())
    if other.any():
        yield f"speaker of {table['utterance'][other].iloc[0]} is not that of the labelled table"


def _of_copy(run: Run) -> Iterator[RunFinding]:
    """What tables would be made of in place of the files."""
    try:
        cells = list(cell_sources.unlike(run))
    except InputError:  # named above already
        return
    if cells:
        text = f"differs from records and predictions in up to {len(cells)} cells, the first is {cells[0]}; delete it"
        yield RunFinding("fault", compact.FOLDER, text)


def _strangers(run: Run) -> Iterator[RunFinding]:
    """What is no file of a run folder, or belongs to nothing in it."""
    for path in sorted(run.folder.iterdir()):
        if path.name not in (*_FOLDERS, *_OTHERS):
            yield RunFinding("note", path.name, "no file of a run folder")
    for path in _files(run, "predictions", ".parquet"):
        if not run.record_path(path.stem).exists():
            yield RunFinding("note", _name(run, path), "no record: the cell is not finished, the same command makes it")
    for folder in _FOLDERS:
        for path in sorted((run.folder / folder).glob(".*")):
            yield RunFinding("note", _name(run, path), "left by a command that was stopped")
