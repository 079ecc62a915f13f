"""Predictions of simulated models, as frames, records and run folders."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from serbench.results.evidence.pools import ByCell
from serbench.results.evidence.record import PREDICTION_COLUMNS, Record
from serbench.results.evidence.store import Run, create
from serbench.tests.support.records import BASE, of_names

CLASSES = ("angry", "happy", "sad")


Cells = list[tuple[Record, pd.DataFrame]]


def cells(
    rng: np.random.Generator, model: str = "a", seeds: int = 1, speakers: int = 8, folds: int = 4, skill: float = 0.7,
    per_class: int = 10, tilt: float = 0.0, crossed: bool = False, **facts: Any,
) -> Cells:  # fmt: skip
    """(record, predictions) of a model; ``tilt``: deviation of its skill over speakers; fold k tests the speakers
    that are k modulo the folds, or, ``crossed``, every folds-th row of all speakers."""
    made = []
    skills = np.clip(skill + rng.normal(0, tilt, speakers), 0, 1)
    task: dict[str, Any] = {"train": "a", "test": "a", "classes": list(CLASSES), "data": {"a": "print"}, **facts}
    for seed in range(seeds):
        for fold in range(folds):
            lines = []
            for s in range(speakers):
                for r in range(per_class * 3):
                    if (r if crossed else s) % folds != fold:
                        continue
                    truth = CLASSES[r % 3]
                    guess = truth if rng.random() < skills[s] else CLASSES[(r + 1 + rng.integers(2)) % 3]
                    name = f"a/{s}-{r:03}"
                    lines.append((f"{name}#0", name, f"a/{s}", truth, guess, None))
            predictions = pd.DataFrame(lines, columns=list(PREDICTION_COLUMNS))
            key = "-".join(map(str, [model, seed, fold, *sorted(v for v in facts.values() if isinstance(v, str))]))
            own = [v for name, v in facts.items() if isinstance(v, str) and name != "condition"]
            training = "-".join([f"{model}-{seed}-{fold}", *own])
            record = replace(
                BASE, key=key.replace(" ", "_").replace("/", "_"), training=training,
                seed=seed, fold=f"a/{fold}", fold_hash=f"h{fold}", n_train=900, n_test=len(lines),
                **of_names({"model": model, **task}),
            )  # fmt: skip
            made.append((record, predictions))
    return made


def frames(made: Cells) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records and predictions as a store gives them."""
    records = pd.DataFrame([record.to_json() for record, _ in made])
    return records, pd.concat([p.assign(key=record.key) for record, p in made], ignore_index=True)


def model_rows(rng: np.random.Generator, **about: Any) -> pd.DataFrame:
    """Frame with the columns that paired tests take."""
    records, predictions = frames(cells(rng, **about))
    return ByCell(predictions).rows(records)


def run_folder(folder: Path, made: Cells) -> Run:
    """A run folder that holds these cells."""
    run = create(folder, "0")
    for record, predictions in made:
        run.append(record, predictions)
    return run
