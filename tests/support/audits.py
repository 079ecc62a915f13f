"""Lists to audit, and what the command says of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from serbench.benchmark.corpora.releases import release
from serbench.tests.support.tiny import serbench

RAVDESS = [file.path for file in release("ravdess")]
CREMA_D = [file.path for file in release("crema-d")]


def by_actor(path: str) -> str:
    """A clean split: actors 21 to 24 are test, 19 and 20 dev."""
    actor = int(path[-6:-4])
    return "test" if actor > 20 else "val" if actor > 18 else "train"


def table(path: Path, rows: Sequence[Sequence[object]], columns: Sequence[str] = ("path", "split")) -> Path:
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False)
    return path


def audit(*arguments: str | Path) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Exit code, the first audit, and its rules by name."""
    code, out, err = serbench("audit", *arguments, "--json")
    assert not err, err
    found = json.loads(out)[0]
    return code, found, {rule["rule"]: rule for rule in found["rules"]}


def refused(*arguments: str | Path) -> str:
    code, out, err = serbench("audit", *arguments)
    assert (code, out) == (2, "") and err.startswith("Error: ") and err.count("\n") == 1
    return err
