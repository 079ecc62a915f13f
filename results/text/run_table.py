"""The table of runs: scores as far as they have come, leak ladders, answers that stay the same, and notes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..evidence.corpora import Corpora, corpora_of
from ..evidence.evidence import Evidence, open_evidence
from ..evidence.scores import Score, scores
from ..evidence.store import Run
from ..questions.ladder import Ladder
from . import ladder_table, stability_table, tables
from .grids import Document


@dataclass(frozen=True)
class RunTable:
    """What `show` prints, and what it is computed from."""

    scores: list[Score]
    evidence: Evidence
    corpora: Corpora
    ladders: list[Ladder]

    def document(self) -> Document:
        """The table with the notes of the run, ladders, and answers that stay the same; as data, the scores."""
        table = tables.document(self.scores, self.evidence.notes, self.corpora)
        stability = stability_table.document(self.evidence.records, self.evidence.predictions)
        below = (ladder_table.document(self.ladders), stability)
        return replace(table, text=lambda width: [p for part in (table, *below) for p in part.text(width)])


def run_table(runs: Sequence[Run], mixed: bool = False) -> RunTable:
    """Read runs as one, as `open_evidence` does."""
    evidence = open_evidence(runs, mixed)
    ladders = ladder_table.found(evidence.records, evidence.predictions, evidence.plan, evidence.siblings)
    every = scores(evidence.records, evidence.predictions, evidence.plan)
    return RunTable(every, evidence, corpora_of(evidence.runs), ladders)
