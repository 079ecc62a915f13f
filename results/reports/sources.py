"""What a report is made of: evidence with its scores, and the parts of the page that follow from them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..evidence.corpora import Corpora, corpora_of
from ..evidence.evidence import Evidence, open_evidence
from ..evidence.members import Member, members
from ..evidence.scores import Score, scores
from ..evidence.store import Run
from ..papers.comparisons import Changes
from ..questions.ladder import Ladder, ladders
from ..statistics.metrics import HEADLINE, METRICS
from ..text.tables import LEAK_WORDS
from . import answer_views, claim_views, pair_views, views
from .clips import pack
from .condition_views import condition_rows
from .page import Content
from .pictures import draw_all, pictures
from .stability_views import stability_rows


@dataclass(frozen=True)
class Sources:
    """Evidence, and what is computed from it once for all parts of a report."""

    evidence: Evidence
    scores: list[Score]
    members: list[Member]
    corpora: Corpora
    ladders: list[Ladder]
    changed: Changes

    @property
    def clean(self) -> list[Score]:
        """The scores of clean audio that have any cell."""
        return [s for s in self.scores if s.condition == "clean" and s.n_done]


def sources_of(runs: Sequence[Run], changed: Changes, mixed: bool = False, blind: bool = False) -> Sources:
    """Read the runs, as `open_evidence` does, and score them; ``blind``, or one of them is: without names."""
    evidence = open_evidence(runs, mixed)
    if blind or any(run.blind for run in runs):
        evidence = evidence.without_names()
    table = scores(evidence.records, evidence.predictions, evidence.plan)
    order = tuple(dict.fromkeys(evidence.plan["arm"]))
    steps = ladders(evidence.records, evidence.predictions, METRICS[HEADLINE], evidence.siblings, order)
    return Sources(evidence, table, members(table, evidence), corpora_of(evidence.runs), steps, changed)


def content_of(sources: Sources, figures: Path) -> Content:
    """The parts of the page; its pictures are drawn into the folder ``figures``."""
    evidence, table, members = sources.evidence, sources.scores, sources.members
    drawn, reasons = pictures(table, members, evidence, sources.corpora, sources.ladders)
    return Content(
        title=_title(evidence),
        overview=_overview(evidence),
        sections=views.sections(table, members),
        pictures=drawn,
        svgs=draw_all(drawn, figures),
        reasons=reasons,
        members=members,
        clips=pack(members, evidence),
        claims=claim_views.claims(evidence, sources.changed),
        conditions=condition_rows(members),
        stability=stability_rows(evidence),
        answers=answer_views.views(evidence, bool(sources.ladders)),
        pairs=pair_views.pairs_of(evidence),
        failures=views.failures(evidence),
        repeat={"commands": views.commands(evidence), "environments": views.environments(evidence)},
    )


def _title(evidence: Evidence) -> str:
    protocols = list(dict.fromkeys([*evidence.records["protocol"], *evidence.plan["protocol"]]))
    corpora = list(dict.fromkeys([*evidence.records["test"], *evidence.plan["test"]]))
    return f"serbench report: {', '.join(protocols) or 'nothing planned'}; {', '.join(corpora) or 'no corpus'}"


def _overview(evidence: Evidence) -> dict[str, object]:
    leaks = {leak for names in evidence.records["leaks"] for leak in names}
    return {
        "progress": evidence.progress,
        "predictions": f"{len(evidence.predictions):,}",
        "models": list(dict.fromkeys(evidence.records["model"])),
        "written": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "leaks": [LEAK_WORDS.get(leak, leak) for leak in sorted(leaks)],
        "corpora": views.corpora(evidence),
        "notes": list(evidence.notes),
        "coverage": views.coverage(evidence),
    }
