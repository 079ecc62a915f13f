"""A plan in numbers: what would run, and the reason for whatever is left out."""

from typing import Any

from .plan import Plan


def outline(plan: Plan, done: set[str]) -> dict[str, Any]:
    """Counts per train -> test, totals, notes. ``done`` are keys of cells that a run folder holds already."""
    folds: dict[tuple[str, str], dict[str, Any]] = {}
    for fold in plan.folds:
        line = folds.setdefault(
            (fold.train_name, fold.test_name),
            {"train": fold.train_name, "test": fold.test_name, "folds": 0, "classes": list(fold.classes),
             "test_rows": 0, "train_rows": [], "dev_rows": []},
        )  # fmt: skip
        line["folds"] += 1
        line["test_rows"] += len(fold.test)
        line["train_rows"].append(len(fold.train))
        line["dev_rows"].append(len(fold.dev))
    protocol = plan.design.protocol
    return {
        "protocol": protocol.name,
        "label_map": plan.design.label_map,
        "leaks": sorted({leak for leaks in plan.leaks.values() for leak in leaks}),
        "models": list(plan.models),
        "seeds": plan.seeds,
        "conditions": list(dict.fromkeys(cell.condition.name for cell in plan.cells)),
        "folds": list(folds.values()),
        "trainings": len({cell.trial.training for cell in plan.cells}),
        "trials": len({cell.trial.key for cell in plan.cells}),
        "cells": len(plan.cells),
        "done": sum(cell.key in done for cell in plan.cells),
        "notes": list(plan.notes),
    }


def to_text(facts: dict[str, Any]) -> str:
    """The outline for a reader."""
    lines = [f"protocol {facts['protocol']}, label map {facts['label_map']}"]
    if facts["leaks"]:
        lines.append(f"permitted leaks, found in the folds: {', '.join(facts['leaks'])}")
    lines.append("")
    width = max(len(f"{fold['train']} -> {fold['test']}") for fold in facts["folds"])
    lines.append(f"{'train -> test':{width}}  folds  train rows  dev rows  test rows  classes")
    for fold in facts["folds"]:
        name = f"{fold['train']} -> {fold['test']}"
        lines.append(
            f"{name:{width}}  {fold['folds']:5}  {_range(fold['train_rows']):>10}  {_range(fold['dev_rows']):>8}"
            f"  {fold['test_rows']:9}  {len(fold['classes'])}: {', '.join(fold['classes'])}"
        )
    lines += ["", *facts["notes"]]
    n_folds = sum(fold["folds"] for fold in facts["folds"])
    lines.append(
        f"{len(facts['models'])} models x {n_folds} folds x {facts['seeds']} seeds = {facts['trials']} trials "
        f"({facts['trainings']} trainings), x {len(facts['conditions'])} conditions = {facts['cells']} cells; "
        f"{facts['done']} done already"
    )
    return "\n".join(lines)


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low}-{high}"
