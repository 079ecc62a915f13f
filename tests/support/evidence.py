"""Evidence made of frames in memory, for the tests of what is asked of it."""

from collections.abc import Sequence

import pandas as pd

from serbench.results.evidence.evidence import Evidence


def evidence_of(
    records: pd.DataFrame,
    predictions: pd.DataFrame,
    plan: pd.DataFrame | None = None,
    *,
    notes: Sequence[str] = (),
    siblings: pd.DataFrame | None = None,
    clips: pd.DataFrame | None = None,
    sizes: dict[tuple[str, str, str], int] | None = None,
) -> Evidence:
    """As if it had been read from run folders; ``clips`` has the column ``id``."""
    none = pd.DataFrame(columns=["fold_hash", "row", "siblings"])
    clips = pd.DataFrame(columns=["id"]) if clips is None else clips
    made = Evidence(records, pd.DataFrame(columns=["key"]) if plan is None else plan, tuple(notes))
    vars(made).update(
        predictions=predictions,
        scored=predictions,
        siblings=none if siblings is None else siblings,
        clips=clips.set_index("id"),
        sizes=sizes or {},
    )
    return made


def both(first: Evidence, second: Evidence) -> Evidence:
    """The evidence of two together."""
    parts = [
        pd.concat([getattr(e, n) for e in (first, second)], ignore_index=True)
        for n in ("records", "predictions", "plan")
    ]
    return evidence_of(*parts)
