"""A plan in numbers: what would run, and the reason for whatever is left out."""

from collections.abc import Iterator
from typing import Any

from ..protocols.protocol import utterance_of
from ..results.statistics.power import PILOT_SD, PILOT_SOURCE, minimum_detectable
from .plan import Plan


def outline(plan: Plan, done: set[str], stored_sd: float | None = None) -> dict[str, Any]:
    """Counts per train -> test (and arm, where arms have their own folds), totals, notes, and the difference of two
    models that could be seen.

    ``done`` are keys of cells that a run folder holds already; ``stored_sd`` the deviation of speaker differences
    that its models have, None: that of the pilot runs.
    """
    folds: dict[tuple[str, str, str], dict[str, Any]] = {}
    for fold in plan.design.split.folds:
        line = folds.setdefault(
            (fold.train_name, fold.test_name, fold.arm),
            {"train": fold.train_name, "test": fold.test_name, "arm": fold.arm, "folds": 0,
             "classes": list(fold.classes), "test_rows": 0, "train_rows": [], "dev_rows": [], "speakers": set()},
        )  # fmt: skip
        line["folds"] += 1
        line["test_rows"] += len(fold.test)
        line["train_rows"].append(len(fold.train))
        line["dev_rows"].append(len(fold.dev))
        line["speakers"].update(plan.speakers[utterance_of(row)] for row in fold.test)
    for line in folds.values():
        line.update(_detectable(line.pop("speakers"), stored_sd))
    protocol = plan.design.protocol
    return {
        "protocol": protocol.name,
        "label_map": plan.design.label_map,
        "leaks": sorted({leak for leaks in plan.leaks.values() for leak in leaks}),
        "models": list(plan.models),
        "arms": list(plan.augments),
        "seeds": plan.seeds,
        "conditions": list(dict.fromkeys(cell.condition.name for cell in plan.cells)),
        "folds": list(folds.values()),
        "trainings": len({cell.trial.training for cell in plan.cells}),
        "trials": len({cell.trial.key for cell in plan.cells}),
        "cells": len(plan.cells),
        "done": sum(cell.key in done for cell in plan.cells),
        "notes": list(plan.notes),
    }


def _detectable(speakers: set[str | None], stored_sd: float | None) -> dict[str, Any]:
    """How many test speakers there are, and the UAR difference that a paired t over them finds in 80 % of runs."""
    n = len(speakers - {None})
    found = minimum_detectable(n, PILOT_SD if stored_sd is None else stored_sd)
    source = PILOT_SOURCE if stored_sd is None else "models of the run folder"
    reason = "the speaker of some test rows is unknown" if None in speakers else found.reason
    least = {"difference": None if reason else found.difference, "sd": found.sd, "source": source, "reason": reason}
    return {"speakers": n, "detectable": least}


def to_text(facts: dict[str, Any]) -> str:
    """The outline for a reader."""
    lines = [f"protocol {facts['protocol']}, label map {facts['label_map']}"]
    if facts["leaks"]:
        lines.append(f"permitted leaks, found in the folds: {', '.join(facts['leaks'])}")
    lines.append("")
    width = max(len(_place(fold)) for fold in facts["folds"])
    lines.append(f"{'train -> test':{width}}  folds  train rows  dev rows  test rows  classes")
    for fold in facts["folds"]:
        lines.append(
            f"{_place(fold):{width}}  {fold['folds']:5}"
            f"  {_range(fold['train_rows']):>10}  {_range(fold['dev_rows']):>8}"
            f"  {fold['test_rows']:9}  {len(fold['classes'])}: {', '.join(fold['classes'])}"
        )
    lines += ["", *_seen(facts["folds"]), "", *facts["notes"]]
    n_folds = sum(fold["folds"] for fold in facts["folds"])
    if len(facts["arms"]) > 1:
        lines.append(f"{len(facts['arms'])} arms: {'; '.join(facts['arms'])}")
    lines.append(
        f"{len(facts['models'])} models x {n_folds} folds x {facts['seeds']} seeds = {facts['trials']} trials "
        f"({facts['trainings']} trainings), x {len(facts['conditions'])} conditions = {facts['cells']} cells; "
        f"{facts['done']} done already"
    )
    return "\n".join(lines)


def _place(fold: dict[str, Any]) -> str:
    own = f" [{fold['arm']}]" if fold["arm"] else ""
    return f"{fold['train']} -> {fold['test']}{own}"


def _seen(folds: list[dict[str, Any]]) -> Iterator[str]:
    """The minimum detectable differences, and what they rest on."""
    yield "smallest UAR difference of two models that a paired t over test speakers finds at 80 % power, in points"
    said = []
    for fold in folds:
        least = fold["detectable"]
        found = f"none: {least['reason']}" if least["reason"] else f"{100 * least['difference']:.1f}"
        said.append(f"  {fold['train']} -> {fold['test']}: {found} ({fold['speakers']} speakers)")
    yield from dict.fromkeys(said)
    for sd, source in dict.fromkeys((fold["detectable"]["sd"], fold["detectable"]["source"]) for fold in folds):
        yield f"  from the deviation of speakers' differences, {100 * sd:.1f} points ({source})"


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low}-{high}"
