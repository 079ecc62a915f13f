"""How many answers stay the same under `perturb`, as plain lines."""

from dataclasses import dataclass

from ..evidence.evidence import Evidence
from ..text.stability_table import of_perturb, said


@dataclass(frozen=True)
class StabilityRow:
    """A model under one change, as text. ``reason``: why there is no interval."""

    protocol: str
    test: str
    where: str
    model: str
    condition: str
    share: str
    answers: str
    reason: str


def stability_rows(evidence: Evidence) -> list[StabilityRow]:
    """One line per model and change, mild before strong."""
    return [
        StabilityRow(
            protocol=s.setup.protocol,
            test=s.setup.test,
            where=s.setup.where,
            model=s.label,
            condition=s.setup.condition,
            share=said(s),
            answers=f"{s.n} of {s.n_clean}" if s.n < s.n_clean else str(s.n),
            reason=s.interval.reason or "",
        )
        for s in of_perturb(evidence.records, evidence.predictions)
    ]
