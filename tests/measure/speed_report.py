"""Time and memory of a report: python tests/measure/speed_report.py FOLDER [models seeds rows-per-cell].

Writes a run of made-up records once (10 models x 2 corpora x 5 folds x 10 seeds, 1,500 predictions each: 1,000 trials)
and reports on it. Not a test: it takes half a minute.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from serbench.results.evidence.plans import PLAN_COLUMNS
from serbench.results.evidence.record import Record
from serbench.results.evidence.store import Run, create

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
FOLDS = 5
SPEAKERS = 10  # of a fold


def main(folder: Path, models: int = 10, seeds: int = 10, n: int = 1500) -> None:
    """Make the run where it is not there, report on it, and print what that took."""
    if not (folder / "run.json").exists():
        write(create(folder, "0"), models, seeds, n)
    from serbench.results.reports.report import report

    started = time.perf_counter()
    made = report([str(folder)], folder.parent / f"{folder.name}-report")
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{seconds:.1f} s, peak {peak:.2f} GB, page {made.page.stat().st_size / 1e6:.2f} MB")


def write(run: Run, models: int, seeds: int, n: int) -> None:
    """Cells of models that are right more and more often, with confident scores."""
    lines = []
    for corpus in ("one", "two"):
        for fold in range(FOLDS):
            rng = np.random.default_rng(fold)
            truth = rng.integers(0, len(CLASSES), n)
            ids = [f"{corpus}/speaker-{fold}-{i % SPEAKERS}/clip-{i:05d}" for i in range(n)]
            speakers = [f"{corpus}/{fold}-{i % SPEAKERS}" for i in range(n)]
            table = pd.DataFrame({"id": ids, "corpus": corpus, "path": [f"/nowhere/{u}.wav" for u in ids]})
            run.add_utterances(f"{corpus}-{fold}", table.assign(speaker=speakers, seconds=2.0))
            for model in range(models):
                for seed in range(seeds):
                    record, predictions = cell(f"model-{model}", corpus, fold, seed, (ids, speakers, truth))
                    run.append(record, predictions)
                    lines.append({name: getattr(record, name) for name in PLAN_COLUMNS})
    run.add_plan(
        pd.DataFrame(lines).assign(settings="0"), {"command": ["run"], "protocol": "speaker-independent", "notes": []}
    )


def cell(
    model: str, corpus: str, fold: int, seed: int, rows: tuple[list[str], list[str], np.ndarray]
) -> tuple[Record, pd.DataFrame]:
    """A finished cell."""
    ids, speakers, truth = rows
    rng = np.random.default_rng([int(model.rpartition("-")[2]), fold, seed])
    scores = rng.normal(0, 1, (len(ids), len(CLASSES)))
    scores[np.arange(len(ids)), truth] += 0.15 * int(model.rpartition("-")[2])
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    names = np.array(CLASSES, dtype=object)
    predictions = pd.DataFrame(
        {
            "row": [f"{u}#0" for u in ids],
            "utterance": ids,
            "speaker": speakers,
            "truth": names[truth],
            "guess": names[scores.argmax(1)],
            "log_probability": list(scores.astype(np.float32)),
        }
    )
    key = f"{model}-{corpus}-{fold}-{seed}"
    record = Record(
        key=key, trial=key, training=key, status="done", protocol="speaker-independent", protocol_version=1,
        model=model, model_version=1, arm="base", train=corpus, test=corpus, fold=f"{corpus}/{fold}",
        fold_hash=str(fold), repeat=0, seed=seed, condition="clean", label_map="native", classes=list(CLASSES),
        leaks=[], n_train=4 * len(ids), n_dev=0, n_test=len(ids), missing=[], test_evaluations=1, epochs=None,
        epoch=None, n_parameters=None, device="cpu", precision="fp32", seconds_fit=1.0, seconds_test=0.1, settings={},
        options={}, environment={"python": "3"}, data={corpus: "0"},
        provider="serbench", code="0", finished="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    return record, predictions


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
