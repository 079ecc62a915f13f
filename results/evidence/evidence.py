"""What one or several run folders hold, as one body of evidence: the one place that decides which cell counts.

A cell that several folders hold counts once: a finished one before a failed one, and of two finished ones with
different predictions always the same, whatever the order of the folders.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from . import blinding
from .cell_sources import cells_of
from .clusters import Cluster, clusters_of, with_clusters
from .compact import CellSource
from .devices import check_devices
from .files import read_json, read_table
from .groups import GROUPS
from .plans import left_out, newest
from .predictions import Probabilities, read_predictions, read_probabilities
from .record import FORMAT, Record
from .store import Run

_TABLE = re.compile(r"(?P<corpus>.+)-(?P<mark>[0-9a-f]{12})-(?P<label_map>.+)")  # the name of a labelled table
CLIP_COLUMNS = ("id", "corpus", "path", "speaker", "seconds", *(name for name in GROUPS if name != "corpus"))


@dataclass(frozen=True)
class RunCommand:
    """A command that filled a run folder, with the facts that are stored with its plan."""

    run: str
    facts: dict[str, Any]

    @property
    def text(self) -> str:
        """As it was typed; "" of a blind run."""
        if "command" not in self.facts:
            return ""
        return shlex.join(["serbench", *map(str, self.facts.get("command", ()))])


@dataclass(frozen=True)
class Evidence:
    """Everything that runs hold; what is large is read when it is first needed.

    ``plan`` has a line for every cell that was asked for, done or not. ``cells`` are those of all records, also where
    ``records`` are only a part of the ``whole``.
    """

    records: pd.DataFrame
    plan: pd.DataFrame
    notes: tuple[str, ...] = ()
    cells: tuple[CellSource, ...] = ()
    runs: tuple[Run, ...] = ()
    commands: tuple[RunCommand, ...] = ()
    whole: "Evidence | None" = None
    cluster: Cluster = "auto"
    blind: bool = False

    def only(self, keep: pd.Series) -> "Evidence":
        """The evidence of some of the records; the predictions, which are read once, are those of the whole."""
        return replace(self, records=self.records[keep].reset_index(drop=True), whole=self.whole or self)

    @property
    def progress(self) -> dict[str, int]:
        """Cells asked for, done, failed, pending."""
        done = int((self.records["status"] == "done").sum())
        pending = int((~self.plan["key"].isin(self.records["key"])).sum())
        counts = {"done": done, "failed": len(self.records) - done, "pending": pending}
        return {"cells": sum(counts.values()), **counts}

    @property
    def incomplete(self) -> str:
        """What is not done of the cells that were asked for; "" where all are."""
        n = self.progress
        if n["done"] == n["cells"]:
            return ""
        return f"not complete: {n['done']} of {n['cells']} cells are done, {n['failed']} failed, {n['pending']} pending"

    def without_names(self) -> "Evidence":
        """The same, but nothing that is told of it says who made it and where."""
        facts = [(name, self.records[name].map(blinding.blind)) for name in blinding.FREE]
        facts.append(("environment", self.records["environment"].map(blinding.blind_environment)))
        return replace(
            self,
            records=self.records.assign(**dict(facts)),
            notes=blinding.blind(self.notes),
            commands=tuple(RunCommand(Path(c.run).name, blinding.blind_plan(c.facts)) for c in self.commands),
            blind=True,
        )

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Columns ``key, row, utterance, speaker, truth, guess``, all categories, in the order of the cells.

        And ``cluster``, where speakers are not their own clusters.
        """
        if self.whole is not None:
            return self.whole.predictions
        return with_clusters(read_predictions(self.cells), clusters_of(self._tables, self.cluster))

    @cached_property
    def start(self) -> np.ndarray:
        """(records + 1,): the predictions of record i lie from ``start[i]`` on."""
        n = np.bincount(self.predictions["key"].cat.codes, minlength=len(self.cells))
        return np.concatenate([[0], np.cumsum(n)]).astype(np.int64)

    @cached_property
    def probabilities(self) -> Probabilities:
        """The log-probabilities of all predictions."""
        return read_probabilities(self.cells) if self.whole is None else self.whole.probabilities

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The predictions with ``log_probability``, an array for each, None where a model has none."""
        if self.whole is not None:
            return self.whole.scored
        offset, values = self.probabilities.offset, self.probabilities.values
        arrays = [values[a:b] if b > a else None for a, b in pairwise(offset)]
        return self.predictions.assign(log_probability=pd.Series(arrays, dtype=object))

    @cached_property
    def trainings(self) -> dict[str, dict[str, Any]]:
        """Training -> its curve and facts, of those that have a cell here."""
        paths = [path for run in self.runs for path in sorted((run.folder / "trainings").glob("*.json"))]
        here = set(self.records["training"])
        return {path.stem: read_json(path) for path in paths if path.stem in here}

    @cached_property
    def siblings(self) -> pd.DataFrame:
        """What test rows have in training: columns fold_hash, row, siblings."""
        parts = [pd.DataFrame(columns=["fold_hash", "row", "siblings"]), *(run.siblings() for run in self.runs)]
        return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)

    @cached_property
    def utterances(self) -> pd.DataFrame:
        """The labelled tables; an utterance has one line per label map."""
        parts = [read_table(path).to_pandas() for path in self._tables]
        return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True) if parts else pd.DataFrame()

    @cached_property
    def clips(self) -> pd.DataFrame:
        """Every utterance once, by id, with what it can be grouped by."""
        paths: dict[str, Path] = {}
        for path in self._tables:  # of one name: the same table in several runs
            paths.setdefault(path.name, path)
        columns = list(CLIP_COLUMNS)
        parts = [read_table(path).to_pandas().reindex(columns=columns) for path in paths.values()]
        parts = parts or [pd.DataFrame(columns=columns)]
        clips = pd.concat(parts, ignore_index=True).drop_duplicates("id").set_index("id")
        return blinding.blind_utterances(clips) if self.blind else clips

    @cached_property
    def sizes(self) -> dict[tuple[str, str, str], int]:
        """(corpus, first 12 of its fingerprint, label map) -> utterances of the corpus after the label map."""
        import pyarrow.parquet as pq

        names = {path: _TABLE.fullmatch(path.stem) for path in self._tables}
        return {(n["corpus"], n["mark"], n["label_map"]): pq.read_metadata(p).num_rows for p, n in names.items() if n}

    @property
    def _tables(self) -> list[Path]:
        return [path for run in self.runs for path in sorted((run.folder / "utterances").glob("*.parquet"))]


def open_evidence(runs: Sequence[Run], mixed: bool = False) -> Evidence:
    """Read runs as one, whatever their order, also while they go on. Raises StoreError for damage.

    Cells that a later command of the same folder asked for anew on the same data, since their code changed, are left
    out with a note. Without ``mixed``, InputError where a score stands on several kinds of device, as `check_devices`.
    """
    ordered = [run for _, run in sorted({run.folder.resolve(): run for run in runs}.items())]
    plans = [run.plans() for run in ordered]
    commands = tuple(
        RunCommand(str(run.folder), facts) for run, of in zip(ordered, plans, strict=True) for _, facts in of
    )
    held: dict[str, list[CellSource]] = {}
    lines: list[pd.DataFrame] = []
    old: list[str] = []
    for run, of_run in zip(ordered, plans, strict=True):
        plan, replaced = newest(of_run)
        lines.append(plan)
        for cell in cells_of(run):
            record = cell.record
            if record.key not in replaced:
                held.setdefault(record.key, []).append(cell)
            elif record.format < FORMAT:
                replaced[record.key] = f"made by serbench {record.environment.get('serbench', '')}".strip()
        old += replaced.values()
    cells = tuple(min(sources, key=_place) if len(sources) > 1 else sources[0] for sources in held.values())
    notes = dict.fromkeys(note for command in commands for note in command.facts.get("notes", ()))
    plan = pd.concat(lines, ignore_index=True).drop_duplicates("key", ignore_index=True)
    columns = {name: [getattr(cell.record, name) for cell in cells] for name in Record.__dataclass_fields__}
    records = pd.DataFrame(columns)
    if not mixed:
        check_devices(records)
    return Evidence(
        records=records,
        plan=plan,
        notes=(*notes, *_of_several(held), *left_out(old)),
        cells=cells,
        runs=tuple(ordered),
        commands=commands,
    )


def _place(cell: CellSource) -> tuple[object, ...]:
    """Of all that hold a cell the first counts: finished before failed, then by content, never by folder."""
    record = cell.record
    return (record.status == "failed", record.predictions_sha256 or "", json.dumps(record.to_json(), sort_keys=True))


def _of_several(held: dict[str, list[CellSource]]) -> list[str]:
    """What must be known of cells that several folders hold."""
    several = [cells for cells in held.values() if len(cells) > 1]
    contents = [{c.record.predictions_sha256 for c in cells if c.record.status == "done"} for cells in several]
    differ = sum(len(content) > 1 for content in contents)
    notes = [f"{len(several)} cells are in several of the runs; each counts once"] if several else []
    if differ:
        notes.append(f"{differ} of them have different predictions: one of these is taken, by their content")
    return notes
