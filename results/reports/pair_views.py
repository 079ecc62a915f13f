"""Every two models on clean audio, held against each other as `compare` does it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..evidence.arms import BASE
from ..evidence.evidence import Evidence
from ..questions.answer_lines import Question
from ..questions.compare import Comparison, family
from ..questions.pair_tests import pairs
from ..statistics.metrics import HEADLINE, METRICS
from ..text import comparison_text, pair_text
from ..text.forms.csv import lines
from ..text.forms.markdown import pipes
from ..text.grids import Grid
from .answer_views import MANY

MOST = 45  # models taken two at a time of one report: ten of them


@dataclass(frozen=True)
class PairTable:
    """The pairs of one protocol and label map, corrected together; ``notes`` below them."""

    grid: Grid
    notes: tuple[str, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class Pairs:
    """All tables, or why there is none; empty where there are no two models."""

    tables: tuple[PairTable, ...] = ()
    reason: str = ""


def pairs_of(evidence: Evidence) -> Pairs:
    """Of the models without changes, the floor left out; p corrected over all pairs and corpora of a protocol."""
    records = evidence.records
    held = evidence.only((records["condition"] == "clean") & (records["arm"] == BASE))
    models = held.records.loc[held.records["role"] != "floor", "model"].nunique()
    if models < 2:
        return Pairs()
    if models * (models - 1) // 2 > MOST or len(evidence.predictions) > MANY:
        size = f"{models} models, {len(evidence.predictions):,} predictions"
        return Pairs(reason=f"Not made for {size}: serbench compare RUN --test main, or RUN A B for two of them.")
    families: dict[tuple[str, ...], list[Comparison]] = {}
    for _, _, comparison in pairs(Question(held, METRICS[HEADLINE])):
        setup = comparison.setup
        families.setdefault((setup.protocol, setup.label_map, *setup.leaks), []).append(comparison)
    return Pairs(tuple(_table(sorted(part, key=lambda c: c.setup.order)) for part in families.values()))


def _table(comparisons: Sequence[Comparison]) -> PairTable:
    every = family(comparisons)
    return PairTable(pair_text.grid(every), tuple(pair_text.notes(every)), tuple(every))


def markdown(shown: Pairs) -> list[str]:
    """The tables with what is said below them."""
    texts = [pipes(table.grid) + "".join(f"\n\n- {note}" for note in table.notes) for table in shown.tables]
    return [*texts, *([pair_text.papers()] if texts else []), *filter(None, [shown.reason])]


def csv(shown: Pairs) -> str:
    """A line per pair."""
    return lines(comparison_text.records([c for table in shown.tables for c in table.comparisons]))
