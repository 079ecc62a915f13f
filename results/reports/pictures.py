"""Which pictures a body of evidence gives, and, where a section has none, why."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ..evidence.arms import BASE, ArmGrid, grid_of
from ..evidence.corpora import UNKNOWN, Corpora
from ..evidence.evidence import Evidence
from ..evidence.members import Member
from ..evidence.results import FLOOR
from ..evidence.scores import Score
from ..questions.ladder import Ladder
from ..text.boards import blocks, chunks, first_condition, under
from . import calibration, curves, forest_picture, ladder_picture, plots, sweep_picture
from .matrices import matrix
from .ranking import order_figure, order_of_members, without_twins
from .style import RC, file_name, save

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST_CURVES = 8  # models in one picture
#: why a section has no picture when nothing more is known
REASONS = {
    "leaderboard": "No cell is finished yet.",
    "ladder": "No leak ladder: it needs the protocol leak-ladder, or the same model, with one recipe, on the same "
    "classes and test corpus under a protocol that permits leaks and one that does not (random, speaker-independent), "
    "in one report.",
    "matrix": "No train × test matrix: no protocol here is about other corpora than those trained on.",
    "noise": "No curves: the test audio was heard under one condition only (the protocol noise has more).",
    "sweeps": "No sweep: no protocol here compares arms.",
    "order": "No order: it needs three or more models, tested on the same speakers.",
    "over-corpora": "No forest plot",
    "speakers": "No cell with known speakers is finished yet.",
    "probabilities": "No probabilities: no model here gives any.",
    "training": "No training curves: no finished cell belongs to a model that is trained in epochs.",
}


@dataclass(frozen=True)
class Picture:
    """A picture to draw: its section, the file it goes to (without ending), and what a blind reader is told."""

    section: str
    name: str
    alt: str
    protocol: str
    draw: Callable[[], "Figure"]


def pictures(
    scores: Sequence[Score],
    members: Sequence[Member],
    evidence: Evidence,
    corpora: Corpora = UNKNOWN,
    ladders: Sequence[Ladder] = (),
) -> tuple[list[Picture], dict[str, str]]:
    """All pictures in the order of the sections, and the reason for every section without one."""
    ranked, refusals = _orders(without_twins(members, evidence))
    steps = {one.protocols[0] for one in ladders if one.consecutive and len(one.protocols) == 1}
    others = [s for s in scores if s.protocol not in steps]  # whose arms are no steps
    order = sorted({s.model for s in scores if s.role != FLOOR})  # a model has one color in all pictures
    drawn = [*_boards(scores, order), *ladder_pictures(ladders), *matrices(others, corpora), *_noise(scores, order)]
    forests, why_none = _forests(evidence)
    drawn += [
        *_sweeps(others, evidence, order),
        *ranked,
        *forests,
        *_speakers(members, order),
        *_sure(members, evidence, order),
    ]
    drawn += [*_trainings(scores, members, evidence)]
    reasons = {name: text for name, text in REASONS.items() if name not in {p.section for p in drawn}}
    if "over-corpora" in reasons:
        reasons["over-corpora"] += f": {why_none}."
    if "order" in reasons and refusals:
        reasons["order"] = "No order. " + " ".join(refusals)
    return drawn, reasons


def draw_all(wanted: Sequence[Picture], folder: Path) -> dict[str, Path]:
    """Draw every picture as SVG and PNG; the SVG files by the names of the pictures."""
    import matplotlib

    with matplotlib.rc_context(RC):
        return {picture.name: save(picture.draw(), folder / picture.name) for picture in wanted}


def _picture(section: str, alt: str, of: Score, draw: Callable[[], "Figure"], *more: str) -> Picture:
    parts = (section, of.protocol, of.label_map, *of.leaks, *more)
    return Picture(section, file_name(*parts), alt, of.protocol, draw)


def _boards(scores: Sequence[Score], order: Sequence[str]) -> Iterator[Picture]:
    for block in blocks([s for s in scores if s.n_done]):
        for k, part in enumerate(chunks(first_condition(block))):
            alt = f"UAR with intervals of every model under {block[0].protocol}"
            yield _picture("leaderboard", alt, block[0], partial(plots.leaderboard, part, order), str(k))


def _speakers(members: Sequence[Member], order: Sequence[str]) -> Iterator[Picture]:
    of = {id(m.score): m for m in members if len(m.speakers)}
    for block in blocks([m.score for m in members if len(m.speakers)]):
        for k, part in enumerate(chunks(first_condition(block))):
            chosen = [of[id(s)] for s in part]
            alt = f"UAR of every test speaker under {block[0].protocol}"
            yield _picture("speakers", alt, block[0], partial(plots.speakers, chosen, order), str(k))


def matrices(scores: Sequence[Score], corpora: Corpora = UNKNOWN) -> Iterator[Picture]:
    """A train x test matrix of every model, wherever a test corpus is not the training corpus."""
    for block in blocks([s for s in scores if s.n_done]):
        if all(s.train == s.test for s in block):
            continue
        clean = [s for s in block if s.condition == block[0].condition and s.role != FLOOR]
        for label in dict.fromkeys(s.label for s in clean):
            chosen = [s for s in clean if s.label == label]
            alt = f"UAR of {label} by training and test corpus"
            yield _picture("matrix", alt, block[0], partial(matrix, chosen, corpora), label)


def _noise(scores: Sequence[Score], order: Sequence[str]) -> Iterator[Picture]:
    done = [s for s in scores if s.n_done]
    for _, part in groupby(done, key=lambda s: (s.protocol, s.label_map, s.leaks, s.train, s.test)):
        section = list(part)
        if len({s.condition for s in section}) > 1:
            alt = f"UAR by condition, tested on {section[0].test}"
            more = (section[0].train, section[0].test)
            yield _picture("noise", alt, section[0], partial(curves.noise, section, order), *more)


def _sweeps(found: Sequence[Score], evidence: Evidence, order: Sequence[str]) -> Iterator[Picture]:
    """Two factors as a map for each model, everything else as points."""
    done = [s for block in blocks([s for s in found if s.n_done]) for s in first_condition(block)]
    for _, part in groupby(done, key=lambda s: (s.protocol, s.label_map, s.leaks, s.train, s.test)):
        section = list(part)
        arms: dict[str, list[Score]] = {}
        for s in section:
            arms.setdefault(s.model, []).append(s)
        points = []
        for model, scores in arms.items():
            grid = grid_of_scores(scores, evidence.records) if len(scores) > 2 else None
            if grid is not None and len(grid.factors) == 2:
                alt = f"UAR of {model} by the levels of two factors, tested on {scores[0].test}"
                draw = partial(sweep_picture.heat, scores, grid)
                yield _picture("sweeps", alt, scores[0], draw, scores[0].train, scores[0].test, model)
            elif len({s.arm for s in scores}) > 1:
                points += scores
        if points:
            alt = f"UAR by arm, tested on {points[0].test}"
            draw = partial(curves.arms, points, order)
            yield _picture("sweeps", alt, points[0], draw, points[0].train, points[0].test)


def grid_of_scores(scores: Sequence[Score], records: "pd.DataFrame") -> ArmGrid | None:
    """The arms of one model as points of a grid, the base by its settings."""
    s = scores[0]
    facts = {"protocol": s.protocol, "model": s.model, "train": s.train, "test": s.test, "label_map": s.label_map}
    cells = records
    for name, value in facts.items():
        cells = cells[cells[name] == value]
    base = cells.loc[cells["arm"] == BASE, "settings"]
    augmented = dict.fromkeys(name for options in cells["options"] for name in (options.get("augment") or {}))
    return grid_of({x.arm: x.factors for x in scores}, dict(base.iloc[0]) if len(base) else {}, augmented)


def ladder_pictures(ladders: Sequence[Ladder]) -> Iterator[Picture]:
    """A picture for each test corpus and set of steps, with all models that have them."""
    groups: dict[tuple[object, ...], list[Ladder]] = {}
    for one in ladders:
        steps = tuple((step.name, step.train) for step in one.steps)
        groups.setdefault((one.protocols, one.test, one.classes, one.label_map, one.consecutive, steps), []).append(one)
    for those in groups.values():
        shown = [one for one in those if one.role != FLOOR] or those
        for k in range(0, len(shown), ladder_picture.MOST):
            first, part = shown[0], shown[k : k + ladder_picture.MOST]
            alt = f"UAR on {first.test} from one step to the next: {', '.join(step.name for step in first.steps)}"
            parts = ("ladder", *first.protocols, first.test, first.label_map, *first.classes, str(k))
            yield Picture("ladder", file_name(*parts), alt, first.protocols[0], partial(ladder_picture.ladder, part))


def _sure(members: Sequence[Member], evidence: Evidence, order: Sequence[str]) -> Iterator[Picture]:
    """Reliability and risk against coverage of the models that give probabilities."""
    of = {id(m.score): m for m in members if m.score.role != FLOOR}
    for block in blocks([m.score for m in members if id(m.score) in of]):
        clean = [s for s in first_condition(block) if s.arm == BASE]
        for _, part in groupby(clean, key=lambda s: (s.train, s.test)):
            models = [one for s in part if (one := calibration.sureness(of[id(s)], evidence))]
            for k in range(0, len(models), MOST_CURVES):
                first = models[0].score
                alt = f"How sure models are and how often right, tested on {first.test}"
                draw = partial(calibration.picture, models[k : k + MOST_CURVES], order)
                yield _picture("probabilities", alt, first, draw, first.train, first.test, str(k))


def _trainings(scores: Sequence[Score], members: Sequence[Member], evidence: Evidence) -> Iterator[Picture]:
    keys = evidence.records["key"].to_numpy()
    names = {keys[at]: m.score.label for m in members for at in m.cells}
    records = evidence.records[evidence.records["status"] == "done"]
    for block in blocks([s for s in scores if s.n_done]):
        first = block[0]
        cells = records[(records["protocol"] == first.protocol) & (records["label_map"] == first.label_map)]
        by_training: dict[tuple[str, str], curves.TrainingCurve] = {}
        for r in cells.itertuples(index=False):
            history = evidence.trainings.get(r.training, {}).get("fitted", {}).get("history")
            if history and tuple(sorted(r.leaks)) == first.leaks:
                label = f"{names.get(r.key, r.model)}, trained on {r.train}"
                curve = curves.TrainingCurve(label, history, r.epoch or 0, 1 / len(r.classes))
                by_training.setdefault((r.training, label), curve)
        labels = sorted({label for _, label in by_training})
        for k in range(0, len(labels), 6):
            chosen = [curve for curve in by_training.values() if curve.label in labels[k : k + 6]]
            what = under(first)
            draw = partial(curves.trainings, chosen, what)
            yield _picture("training", f"Loss and dev UAR by epoch under {first.protocol}", first, draw, str(k))


def _forests(evidence: Evidence) -> tuple[list[Picture], str]:
    """A forest plot for every two models or arms, of clean audio; the reason where there is none."""
    found, reason = forest_picture.summaries(evidence.only(evidence.records["condition"] == "clean"))
    made = []
    for x in found:
        t = x.setup
        name = file_name("over-corpora", t.protocol, t.label_map, *t.leaks, x.where, x.what)
        alt = f"Difference {x.what} on each of {len(x.corpora)} corpora, and their mean"
        made.append(Picture("over-corpora", name, alt, t.protocol, partial(forest_picture.forest, x)))
    return made, reason


def _orders(members: Sequence[Member]) -> tuple[list[Picture], list[str]]:
    made, refusals = [], []
    of = {id(m.score): m for m in members}
    for block in blocks([m.score for m in members]):
        first = block[0]
        name = f"{first.protocol}, label map {first.label_map}"
        if "speaker" in first.leaks:
            refusals.append(f"{name}: speakers are in training, so they are no independent blocks.")
            continue
        here = [of[id(s)] for s in first_condition(block) if s.train == s.test]
        order, where, missing = order_of_members(here)
        if order is None:
            refusals.append(f"{name}: no model is complete within a corpus.")
            continue
        if order.reason or len(order.models) < 3:
            reason = order.reason or f"{len(order.models)} models, which the comparison of two tells apart"
            refusals.append(" ".join([f"{name}: {reason}.", *missing]))
            continue
        draw = partial(order_figure, order, under(first), where, missing)
        made.append(_picture("order", f"Models in the order of UAR under {first.protocol}", first, draw))
    return made, refusals
