"""A plan in numbers: what would run, and the reason for whatever is left out."""

from collections.abc import Iterator
from typing import Any

from ...protocols.parts.protocol import Fold, utterance_of
from ...results.statistics.power import PILOT_SD, PILOT_SOURCE, minimum_detectable
from ...results.statistics.speakers import OVER_FOLDS, OVER_SPEAKERS
from .plan import Plan

STORED = "models of the run folder"


def outline(
    plan: Plan, done: set[str], stored_sd: float | None = None, stored_fold_sd: float | None = None
) -> dict[str, Any]:
    """Counts per train -> test (and arm, where arms have their own folds), totals, notes, and the difference of two
    models that could be seen.

    ``done`` are keys of cells that a run folder holds already; ``stored_sd`` the deviation of speaker differences
    that its models have, None: that of the pilot runs. ``stored_fold_sd``: of differences by fold, None: unknown.
    """
    folds: dict[tuple[str, str, str], dict[str, Any]] = {}
    for fold in _planned(plan):
        line = folds.setdefault(
            (fold.train_name, fold.test_name, fold.arm),
            {"train": fold.train_name, "test": fold.test_name, "arm": fold.arm, "folds": 0,
             "classes": list(fold.classes), "test_rows": 0, "train_rows": [], "dev_rows": [], "speakers": [],
             "rows": set()},
        )  # fmt: skip
        line["folds"] += 1
        line["test_rows"] += len(fold.test)
        line["rows"] |= set(fold.test)
        line["train_rows"].append(len(fold.train))
        line["dev_rows"].append(len(fold.dev))
        line["speakers"].append((fold.repeat, {plan.speakers[utterance_of(row)] for row in fold.test}))
    for line in folds.values():
        of_folds = line.pop("speakers")
        speakers = set().union(*(those for _, those in of_folds))
        tested = [(repeat, speaker) for repeat, those in of_folds for speaker in those]
        crossed = len(set(tested)) < len(tested)  # a speaker is in several folds: the main test is over folds
        least = _over_folds(line, stored_fold_sd) if crossed else _over_speakers(speakers, stored_sd)
        line.update(speakers=len(speakers - {None}), rows=len(line["rows"]), detectable=least)
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


def _planned(plan: Plan) -> list[Fold]:
    """The folds that some cell has: those of arms that no model can have are left out with them."""
    used = {plan.folds[index].arm for index in {cell.trial.fold for cell in plan.cells}}
    return [fold for fold in plan.design.split.folds if fold.arm in used]


def _over_speakers(speakers: set[str | None], stored_sd: float | None) -> dict[str, Any]:
    """The UAR difference that a paired t over test speakers finds in 80 % of runs, and what it rests on."""
    sd, source = (PILOT_SD, PILOT_SOURCE) if stored_sd is None else (stored_sd, STORED)
    found = minimum_detectable(len(speakers - {None}), sd)
    reason = "the speaker of some test rows is unknown" if None in speakers else found.reason
    difference = None if reason else found.difference
    return {"test": OVER_SPEAKERS, "n": found.n, "difference": difference, "sd": sd, "source": source, "reason": reason}


def _over_folds(line: dict[str, Any], sd: float | None) -> dict[str, Any]:
    """The UAR difference that the corrected t over folds finds in 80 % of runs, and what it rests on."""
    n = line["folds"]
    facts: dict[str, Any] = {"test": OVER_FOLDS, "n": n, "difference": None, "sd": sd, "source": None}
    if sd is None:
        said = "the deviation of folds' differences depends on their size; run two models, and plan with --out RUN"
        return {**facts, "reason": said}
    found = minimum_detectable(n, sd, share=1 / n + line["test_rows"] / sum(line["train_rows"]))
    return {**facts, "difference": found.difference, "source": STORED, "reason": found.reason}


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
            f"  {fold['rows']:9}  {len(fold['classes'])}: {', '.join(fold['classes'])}"
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
    """The minimum detectable differences, and what they rest on; with the arm where arms differ in theirs."""
    yield "smallest UAR difference of two models that their main test finds at 80 % power, in points"
    said: dict[str, dict[str, list[str]]] = {}  # train and test -> what is found -> its arms
    sources: dict[str, None] = {}
    for fold in folds:
        least = fold["detectable"]
        units = "speakers" if least["test"] == OVER_SPEAKERS else "folds"
        found = f"none: {least['reason']}" if least["reason"] else f"{100 * least['difference']:.1f}"
        how = "" if units == "speakers" else ", Nadeau-Bengio: speakers are in several folds"
        here = said.setdefault(f"{fold['train']} -> {fold['test']}", {})
        here.setdefault(f"{found} ({least['n']} {units}{how})", []).append(fold["arm"])
        if least["sd"] is not None:
            sources[
                f"  from the deviation of {units}' differences, {100 * least['sd']:.1f} points ({least['source']})"
            ] = None
    for place, texts in said.items():
        for text, arms in texts.items():
            of_arms = f" [{'; '.join(arms)}]" if len(texts) > 1 else ""
            yield f"  {place}{of_arms}: {text}"
    yield from sources


def _range(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low}-{high}"
