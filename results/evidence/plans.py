"""The plans of a run folder: which cells each command asked for, which of them count, and what they are called."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .files import StoreError, damaged, read_table
from .old_records import of_plan

#: columns of a plan: one line per cell that was asked for
PLAN_COLUMNS = (
    "key", "trial", "training", "protocol", "model", "arm", "train", "test", "fold", "repeat", "seed", "condition",
    "label_map", "leaks", "classes", "code", "settings", "role", "condition_kind", "condition_level", "condition_unit",
)  # fmt: skip
_SINCE_2 = PLAN_COLUMNS[-4:]  # plans of format 1 lack them

#: what a cell is of that was asked for anew on the same data; a plan names neither recordings nor weights
_OLDER, _CHANGED = "of older code", "of earlier recordings, faces, weights or folds"


def newest(plans: Sequence[tuple[pd.DataFrame, dict[str, Any]]]) -> tuple[pd.DataFrame, dict[str, str]]:
    """All cells once, in the order of plans; and those that a later plan asked for anew: key -> what they are of.

    On other data a cell is another one: neither takes the place of the other.
    """
    if not plans:
        return pd.DataFrame(columns=list(PLAN_COLUMNS)), {}
    parts = [cells.assign(data=_data(cells, facts)) for cells, facts in plans]
    cells = pd.concat(parts, ignore_index=True).drop_duplicates("key", keep="last")
    apart = ("key", "trial", "training", "leaks", "classes", "code", *_SINCE_2)
    alike = ["data", *(name for name in PLAN_COLUMNS if name not in apart)]
    old = cells.duplicated(alike, keep="last")
    several = cells[cells.duplicated(alike, keep=False)]
    other = several["code"] != several.groupby(alike, sort=False)["code"].transform("last")
    what = dict(zip(several["key"], other.map({True: _OLDER, False: _CHANGED}), strict=True))
    return cells[~old].drop(columns="data").reset_index(drop=True), {key: what[key] for key in cells.loc[old, "key"]}


def left_out(what: Iterable[str]) -> list[str]:
    """A note for each kind of cells that `newest` leaves out."""
    return [f"{n} cells {kind} are stored too and not shown" for kind, n in Counter(what).items()]


def plan_name(keys: Iterable[str]) -> str:
    """Name of a plan: a hash of the keys of its cells, whatever command asked for them."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:16]


def read_plan(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The cells of a stored plan, and its facts. Raises StoreError where it is damaged or of another version."""
    table = read_table(path)
    try:
        facts = json.loads((table.schema.metadata or {})[b"facts"])
        if not isinstance(facts, dict):
            raise TypeError("its facts are no JSON object")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise damaged(path, error) from error
    if missing := set(PLAN_COLUMNS) - set(_SINCE_2) - set(table.column_names):
        raise StoreError(
            f"{path}: no column {', '.join(sorted(missing))}; written by another version: use that, or another --out"
        )
    cells = table.to_pandas()
    if lacking := [name for name in _SINCE_2 if name not in cells.columns]:
        more = pd.DataFrame([of_plan(cell) for cell in cells.to_dict("records")], columns=list(_SINCE_2))
        cells = cells.assign(**{name: more[name] for name in lacking})
    return cells, facts


def _data(cells: pd.DataFrame, facts: dict[str, Any]) -> list[str]:
    """For every cell the fingerprints of the corpora that it is trained and tested on."""
    marks = {name: about["fingerprint"] for name, about in facts.get("corpora", {}).items()}
    pairs = list(zip(cells["train"], cells["test"], strict=True))
    used = {pair: sorted({name for names in pair for name in names.split("+")}) for pair in set(pairs)}
    of = {pair: " ".join(marks.get(name, "") for name in names) for pair, names in used.items()}
    return [of[pair] for pair in pairs]
