"""Small run folders with made-up results, for the tests of reports."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from serbench.results.evidence.plans import PLAN_COLUMNS
from serbench.results.evidence.record import Record
from serbench.results.evidence.store import Run, create
from serbench.tests.support.records import BASE, of_names

CLASSES = ("angry", "happy", "sad")
SPEAKERS = 6
SEEDS = 3  # that allow a test of the algorithms
EVIL = "<script>window.broken = 1</script>"


def cells(run: Run, skill: dict[str, float], audio: Path | None = None, **facts: Any) -> list[Record]:
    """Two folds of three speakers each, for every model with its skill; stored, with their plan."""
    records = []
    for model, strength in skill.items():
        for fold in range(2):
            for seed in range(SEEDS):
                record, predictions = _cell(model, strength, fold, seed, facts)
                run.append(record, predictions)
                records.append(record)
    run.add_utterances(f"c-{'0' * 12}-native-{run.folder.name}", utterances(audio))
    return records


def plan(run: Run, records: list[Record], **facts: Any) -> None:
    """What was asked for: these records, done or not."""
    lines = pd.DataFrame([{name: getattr(r, name) for name in PLAN_COLUMNS} for r in records]).assign(settings="0")
    defaults = {"command": ["run", "--set", "a b"], "protocol": "speaker-independent", "notes": ["one <b> note"]}
    run.add_plan(lines, {**defaults, "protocol_version": 1, "summary": "new speakers", "coverage": [], **facts})


def utterances(audio: Path | None = None) -> pd.DataFrame:
    """The clips of both folds; the first speaker's name wants to break the page. ``audio``: folder of real files."""
    lines = [
        {"id": clip, "corpus": "c", "speaker": speaker, "path": str(audio / f"{k}.wav") if audio else f"/no/{EVIL}.wav"}
        for k, (clip, speaker, _) in enumerate(rows(0) + rows(1))
    ]
    if audio:
        audio.mkdir(parents=True, exist_ok=True)
        for line in lines:
            soundfile.write(line["path"], np.zeros(800), 8000)
    return pd.DataFrame(lines).assign(seconds=1.0)


def rows(fold: int) -> list[tuple[str, str, str]]:
    """(clip, speaker, true class)."""
    names = [f"c/{EVIL}" if (fold, k) == (0, 0) else f"c/f{fold}-{k}" for k in range(SPEAKERS // 2)]
    return [(f"{name}/{true}-{take}", name, true) for name in names for true in CLASSES for take in range(4)]


def _cell(model: str, strength: float, fold: int, seed: int, facts: dict[str, Any]) -> tuple[Record, pd.DataFrame]:
    those = rows(fold)
    rng = np.random.default_rng([len(model), fold, seed])
    truth = np.array([CLASSES.index(true) for _, _, true in those])
    scores = rng.normal(0, 1, (len(those), len(CLASSES)))
    scores[np.arange(len(those)), truth] += strength
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    predictions = pd.DataFrame(
        {
            "row": [f"{clip}#0" for clip, _, _ in those],
            "utterance": [clip for clip, _, _ in those],
            "speaker": [speaker for _, speaker, _ in those],
            "truth": [true for _, _, true in those],
            "guess": [CLASSES[k] for k in scores.argmax(1)],
            "log_probability": list(scores.astype(np.float32)) if model != "majority" else None,
        }
    )
    about = "-".join(str(value) for value in facts.values() if not isinstance(value, (list, dict)))
    key = f"{model}-{fold}-{seed}-{about}".replace(" ", "_").replace("/", "_").replace("<", "_")
    record = replace(
        BASE, key=key, trial=key, training=key, train="c", test="c", fold=f"c/{fold}", seed=seed,
        fold_hash=f"{fold}-{facts.get('protocol')}", classes=list(CLASSES), n_test=len(those), data={"c": "0" * 64},
        environment={"python": "3.11"}, **of_names({"model": model, **facts}),
    )  # fmt: skip
    return record, predictions


def complete(folder: Path, audio: Path | None = None, **facts: Any) -> Run:
    """A finished run of three models."""
    run = create(folder, "0")
    plan(run, cells(run, {"majority": 0.0, "weak": 0.8, "strong": 2.5}, audio, **facts))
    return run
