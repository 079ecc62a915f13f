"""What a run folder keeps of a plan before anything runs: what was asked for, and the labelled tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from ...protocols.parts.protocol import utterance_of
from ...results.evidence.plans import plan_name
from ...results.evidence.store import Run
from ..planning.plan import Plan
from ..planning.ready import ReadyPlan

#: what the run folder keeps of every utterance
UTTERANCE_COLUMNS = (
    "id", "corpus", "path", "speaker", "gender", "language", "emotion", "label", "sentence", "session", "dialogue",
    "intensity", "official_split", "seconds", "audio_hash",
)  # fmt: skip


def store_plan(run: Run, ready: ReadyPlan, command: Sequence[str], frozen: Mapping[str, Any] | None = None) -> None:
    """Store a plan, so that the run folder explains itself; ``command``: in the words of the command line.

    ``frozen``: the plan of a study that was frozen before, and what is asked otherwise; one that is stored stays.
    """
    plan, protocol = ready.plan, ready.plan.design.protocol
    facts = {
        "command": list(command),
        "request": asdict(ready.request),
        "protocol": protocol.name,
        "protocol_version": protocol.version,
        "summary": protocol.summary,
        "promises": sorted(protocol.promises),
        "permits": sorted(protocol.permits),
        "leaks": sorted({leak for leaks in plan.leaks.values() for leak in leaks}),
        "notes": ready.notes,
        "coverage": plan.design.coverage.to_dict(orient="records"),
        "corpora": {c.name: {"fingerprint": c.fingerprint, "rate_hz": c.rate_hz} for c in ready.corpora.values()},
    }
    frame = plan.frame()
    if frozen := frozen or _frozen(run, frame):
        facts["frozen"] = dict(frozen)
    run.add_plan(frame, facts)
    _store_siblings(run, plan)
    table = plan.design.labelled.table
    for name, part in table.groupby("corpus"):
        columns = [c for c in UTTERANCE_COLUMNS if c in part.columns]
        run.add_utterances(f"{name}-{plan.data[name][:12]}-{plan.design.maps[name]}", part[columns])


def _frozen(run: Run, cells: pd.DataFrame) -> Mapping[str, Any] | None:
    """What an earlier command stored beside the same cells."""
    name = plan_name(cells["key"])
    stored = [facts.get("frozen") for frame, facts in run.plans() if plan_name(frame["key"]) == name]
    return stored[-1] if stored else None


def _store_siblings(run: Run, plan: Plan) -> None:
    """For folds that train on copies of their test rows: how many of them each test row has there."""
    for number, fold_hash in {cell.trial.fold: cell.trial.fold_hash for cell in plan.cells}.items():
        fold = plan.folds[number]
        copies = Counter(utterance_of(row) for row in fold.train)
        counts = [copies[utterance_of(row)] for row in fold.test]
        if any(counts):
            run.add_siblings(fold_hash, pd.DataFrame({"row": fold.test, "siblings": counts}))
