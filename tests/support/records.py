"""Records and predictions made by hand, for the tests of the store."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from serbench.results.evidence.old_records import factors_of, of_plan, order_of
from serbench.results.evidence.record import Record
from serbench.results.evidence.store import Run

BASE = Record(
    key="0" * 32, trial="1" * 32, training="2" * 32, status="done", protocol="speaker-independent", protocol_version=1,
    model="majority", model_version=1, arm="base", train="synth-a", test="synth-a", fold="synth-a/f1", fold_hash="3",
    repeat=0, seed=0, condition="clean", label_map="native", classes=["happy", "sad"], leaks=[], n_train=4, n_dev=0,
    n_test=2, missing=[], test_evaluations=1, epochs=None, epoch=None, n_parameters=None, device="cpu",
    precision="fp32", seconds_fit=0.1, seconds_test=0.1, settings={}, options={}, environment={"python": "3"},
    role="floor", data={"synth-a": "4"}, provider="serbench", code="5", finished="2026-01-01T00:00:00+00:00",
)  # fmt: skip


def of_names(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says beside its model, arm and condition, by their names; what is said already stays."""
    line = {"model": BASE.model, "arm": "base", "condition": "clean", **facts}
    more = {**of_plan(line), "arm_factors": factors_of(line["arm"]), "test_order": order_of(line["arm"])}
    return {**more, **facts}


def cell(key: str, **changes: object) -> tuple[Record, pd.DataFrame]:
    """A finished cell with two predictions."""
    record = replace(BASE, key=key, **of_names(changes))
    predictions = pd.DataFrame(
        {
            "row": ["synth-a/x#0", "synth-a/y#0"],
            "utterance": ["synth-a/x", "synth-a/y"],
            "speaker": ["synth-a/f1", "synth-a/f1"],
            "truth": ["happy", "sad"],
            "guess": ["happy", "happy"],
            "log_probability": [[-0.1, -2.4], [-0.2, -1.7]],
        }
    )
    return record, predictions


def append_many(folder: str, start: int) -> None:
    """Twenty cells of its own, and one that another process writes too."""
    run = Run(Path(folder))
    for i in range(20):
        run.append(*cell(f"{start + i:032d}"))
        run.append(*cell("f" * 32))
        run.note_scoring("f")
