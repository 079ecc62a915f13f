"""Regenerated tables as data. Shares in [0, 1]; what is unknown is null or empty, never NaN."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from .comparisons import ClaimLine
from .paper_tables import MatrixComparison, PaperTables
from .verdicts import RATES, Prediction

PARTS = ("mean", "low", "high", "n_runs")


def to_json(tables: PaperTables) -> dict[str, Any]:
    """Everything that `serbench tables` shows, as plain objects."""
    paper = tables.paper
    facts = {name: getattr(paper, name) for name in ("name", "title", "authors", "venue", "link", "status")}
    return {
        "paper": {**facts, "withdrawn": paper.withdrawn or None},
        "tables": [
            {"name": t.name, "title": t.title, "lines": [_line(x, tables) for x in t.lines]} for t in tables.tables
        ],
        "per_class": [_line(x, tables) for m in tables.matrices for x in m.per_class],
        "checks": [
            {
                "corpus": c.claim.task.title,
                "metric": c.claim.metric,
                "class": c.claim.label or None,
                "published": c.claim.number,
                "from_figure": c.recomputed,
                "rows_in_figure": int(c.matrix.counts.sum()),
                "agrees": c.agrees,
            }
            for c in tables.checks
        ],
        "matrices": [_matrix(m) for m in tables.matrices],
        "derived": [{**asdict(d), "task": d.task.title} for d in tables.derived],
        "error_rates": {name: share / 100 for name, share in asdict(RATES).items()},
        "to_run": [p.command for p in tables.to_run if not p.lacks],
        "cannot_run": [
            {"protocol": p.protocol, "corpora": list(p.corpora), "models": list(p.models), "lacks": p.lacks}
            for p in tables.to_run
            if p.lacks
        ],
        "devices": list(tables.devices),
    }


def lines(tables: PaperTables) -> list[dict[str, Any]]:
    """One line per value, claims first; then one per matrix, whose distance stands in the columns of the means."""
    return [*(_flat(_line(x, tables)) for x in tables.lines), *(_distance(m, tables) for m in tables.matrices)]


def _line(x: ClaimLine, tables: PaperTables) -> dict[str, Any]:
    verdict = x.verdict
    return {
        "paper": tables.paper.name,
        "paper_status": tables.paper.status,
        "table": x.table,
        "setting": x.setting,
        "corpus": x.task.title,
        "metric": x.metric,
        "class": x.label or None,
        "kind": x.kind,
        "printed": x.printed,
        "published": x.value,
        "published_protocol": x.task.published,
        "source": x.source,
        "status": x.status,
        "model": x.model or None,
        "arm": x.arm or None,
        "recipe": x.recipe or None,
        "protocol": x.protocol or None,
        "honest_protocol": x.task.honest or None,
        "label_map": x.task.label_map or None,
        "replayed": _prediction(x.replayed),
        "honest": _prediction(x.honest),
        "gap_replayed": x.gap(x.replayed),
        "gap_honest": x.gap(x.honest),
        "verdict": verdict.word if verdict else None,
        "reason": (verdict.reason or None) if verdict else None,
        "left_out": x.left_out or None,
        "unplanned": x.unplanned or None,
        "remark": x.remark or None,
    }


def _prediction(p: Prediction | None) -> dict[str, Any] | None:
    if p is None:
        return None
    return {"mean": None if np.isnan(p.mean) else p.mean, "low": p.low, "high": p.high, "n_runs": p.n_runs}


def _flat(line: dict[str, Any]) -> dict[str, Any]:
    """Predictions as columns: replayed_mean, replayed_low, ..."""
    return dict(_columns(line))


def _columns(line: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in line.items():
        if name in ("replayed", "honest"):
            yield from ((f"{name}_{part}", (value or {}).get(part)) for part in PARTS)
        else:
            yield name, value


def _distance(m: MatrixComparison, tables: PaperTables) -> dict[str, Any]:
    matrix = m.matrix
    return {
        "paper": tables.paper.name,
        "paper_status": tables.paper.status,
        "table": "confusion",
        "setting": matrix.setting,
        "corpus": matrix.task.title,
        "metric": "distance of the confusion matrix",
        "kind": "distance",
        "published_protocol": matrix.task.published,
        "source": matrix.source.cite,
        "status": matrix.source.status,
        "replayed_mean": m.distance,
        "honest_mean": m.distance_honest,
        "reason": m.reason or None,
        "left_out": m.left_out or None,
    }


def _matrix(m: MatrixComparison) -> dict[str, Any]:
    return {
        "corpus": m.matrix.task.title,
        "setting": m.matrix.setting or None,
        "source": m.matrix.source.cite,
        "status": m.matrix.source.status,
        "printed": m.matrix.printed,
        "classes": list(m.matrix.classes),
        "published": m.matrix.counts.tolist(),
        "replayed": None if m.replayed is None else m.replayed.tolist(),
        "honest": None if m.honest is None else m.honest.tolist(),
        "recipe": None if m.replayed is None else "ours" if m.our_recipe else "authors",
        "distance": m.distance,
        "distance_honest": m.distance_honest,
        "distance_between_runs": m.between,
        "reason": m.reason or None,
        "left_out": m.left_out or None,
    }
