"""What is not complete: results with fewer cells than the plan, or than were begun."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from ..evidence.evidence import Evidence
from ..evidence.results import Result, by_name, results_of
from .compare import Comparison

NAMED = 4  # results that a note names
_PLANNED = ["protocol", "model", "arm", "train", "test", "condition", "label_map"]


def incomplete(results: Iterable[Result], plan: pd.DataFrame) -> str | None:
    """The first of them with how many cells they have, in a line; None where all are complete."""
    counted = [
        f"{e.label}, {e.setup.where}, {e.setup.condition}: {len(e.records)} of {n} cells"
        for e, n in _lacking(results, plan)
    ]
    more = f"; and {len(counted) - NAMED} more" if len(counted) > NAMED else ""
    return f"not complete: {'; '.join(counted[:NAMED])}{more}" if counted else None


def unfinished(evidence: Evidence, models: Collection[str] = ()) -> str | None:
    """`incomplete` of all that runs hold; ``models`` limits it, by label."""
    results = [e for e in by_name(results_of(evidence.records)) if not models or e.label in models]
    return incomplete(results, evidence.plan)


def with_unfinished(comparisons: Sequence[Comparison], evidence: Evidence) -> list[Comparison]:
    """The comparisons, each with a note where a side is not complete, also where both lack the same fold."""
    names = {(c.setup, label) for c in comparisons for label in (c.a, c.b)}
    results = [e for e in by_name(results_of(evidence.records)) if (e.setup, e.label) in names]
    counts = {
        (e.setup, e.label): f"{e.label} has {len(e.records)} of {n} cells" for e, n in _lacking(results, evidence.plan)
    }
    notes = [[counts[c.setup, x] for x in (c.a, c.b) if (c.setup, x) in counts and c.n_rows] for c in comparisons]
    return [
        replace(c, notes=(*c.notes, f"not complete: {', '.join(lines)}")) if lines else c
        for c, lines in zip(comparisons, notes, strict=True)
    ]


def _lacking(results: Iterable[Result], plan: pd.DataFrame) -> Iterator[tuple[Result, int]]:
    """Those with fewer finished cells than they should have, and that number."""
    planned: dict[tuple[str, ...], int] = plan.groupby(_PLANNED).size().to_dict() if len(plan) else {}
    for e in results:
        t = e.setup
        n = max(e.n_cells, planned.get((t.protocol, e.model, e.arm, t.train, t.test, t.condition, t.label_map), 0))
        if len(e.records) < n:
            yield e, n
