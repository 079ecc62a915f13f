"""Two models on the same setup: which test is the main one, what is refused, and everything that is printed beside it.

Speaker folds, and a single test set: paired t over test speakers. Folds of utterances (a speaker is in several):
Nadeau-Bengio over folds. A family of comparisons is corrected by Holm.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...errors import InputError, unknown
from ..evidence.pools import ByCell
from ..evidence.results import Result, Setup, by_name, results_of
from ..evidence.sides import Side, fold_differences_of, side, why_unpaired
from ..statistics.metrics import Metric
from ..statistics.speakers import OVER_FOLDS, OVER_SPEAKERS, PairedTest, nadeau_bengio, paired_t, refused
from ..statistics.two_models import (
    ROPE,
    Effect,
    Equivalence,
    McNemar,
    Posterior,
    bayesian_t,
    effect,
    holm,
    mcnemar,
    tost,
    wilcoxon,
)

PLAIN = "plain paired t over folds × seeds"
#: false alarms at a nominal 5 % of what papers print, for two models that are equally good for new speakers but
#: suit each of ten speakers differently (deviation 0.08): simulated and held in tests/results/test_simulations.py
FALSE_ALARMS = {"plain t": 0.23, "mcnemar": 0.12}


@dataclass(frozen=True)
class Comparison:
    """Two models on one setup. ``difference`` is ``a`` minus ``b``, of ``metric``, over the units of the main test.

    ``score_a`` and ``score_b`` are pooled scores, as tables show them. ``main`` is the test to believe; ``beside``
    others that are valid or refused with the reason. ``plain`` and ``mcnemar`` are "as papers print them". ``holm``
    is the main p, corrected for the family it was made in. ``differences`` are those of the main test; ``share``
    as in `two_models`. ``level`` is that of the intervals. With ``reason`` nothing was tested.
    """

    setup: Setup
    a: str
    b: str
    metric: str
    score_a: float | None
    score_b: float | None
    n_rows: int
    n_speakers: int
    n_folds: int
    seeds: tuple[int, int]
    main: PairedTest
    beside: tuple[PairedTest, ...]
    posterior: Posterior | None
    effect: Effect | None
    equivalence: Equivalence | None
    plain: PairedTest | None
    mcnemar: McNemar | None
    holm: float | None
    differences: np.ndarray
    share: float
    notes: tuple[str, ...] = ()
    level: float = 0.95

    @property
    def reason(self) -> str | None:
        """Why the main test is refused; None when it is made."""
        return self.main.reason

    @property
    def where(self) -> str:
        """The corpora, and the condition where it is not the clean one."""
        return self.setup.where if self.setup.condition == "clean" else f"{self.setup.where}, {self.setup.condition}"


@dataclass(frozen=True)
class Folds:
    """Mean numbers of utterances per fold, trained on (without dev) and tested, for the corrected test."""

    n_train: float
    n_test: float


def compare(
    records: pd.DataFrame,
    predictions: pd.DataFrame,
    a: str,
    b: str,
    metric: Metric,
    level: float = 0.95,
) -> list[Comparison]:
    """Models ``a`` and ``b`` on every setup that both have, p corrected over those of a protocol and label map.

    Models by the label of the tables: ``model`` or ``model [arm]``. ``level``: of intervals, and what a test must be
    able to reach with so few differences, or it is refused. Where they share no setup but the corpora, the
    comparison is refused (other protocol, leaks, label map). Raises InputError for a model that is not there.
    """
    results = by_name(results_of(records))
    labels = sorted({result.label for result in results})
    one, two = ({e.setup: e for e in results if e.label == _label(name, labels)} for name in (a, b))
    if _label(a, labels) == _label(b, labels):
        raise InputError(f"{a}: compared with itself; name two models of {', '.join(labels)}")
    shared = sorted((setup for setup in one if setup in two), key=lambda setup: setup.order)
    if not shared:
        apart = [_strangers(one[s], two[t], metric) for s in one for t in two if (s.train, s.test) == (t.train, t.test)]
        return [replace(c, level=level) for c in apart]
    families: dict[tuple[str, ...], list[Comparison]] = {}
    by_cell = ByCell(predictions)
    for setup in shared:
        comparison = compare_sides(side(one[setup], by_cell, metric), side(two[setup], by_cell, metric), level)
        families.setdefault((setup.protocol, setup.label_map, *setup.leaks), []).append(comparison)
    return [replace(c, level=level) for part in families.values() for c in family(part)]


def family(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with the main p of each corrected by Holm over those that were made."""
    corrected = holm([c.main.p for c in comparisons])
    return [replace(c, holm=p) for c, p in zip(comparisons, corrected, strict=True)]


def compare_results(
    a: Result,
    b: Result,
    predictions: pd.DataFrame,
    metric: Metric,
    level: float = 0.95,
    predictions_b: pd.DataFrame | None = None,
) -> Comparison:
    """Two models on one setup; refused with the reason when they stand on different things.

    ``predictions_b`` are those of ``b`` where it comes from another run.
    """
    theirs = predictions if predictions_b is None else predictions_b
    return compare_sides(side(a, ByCell(predictions), metric), side(b, ByCell(theirs), metric), level)


def compare_sides(a: Side, b: Side, level: float = 0.95) -> Comparison:
    """`compare_results` of sides that are computed already."""
    x, y = a.result, b.result
    if x.setup.leaks != y.setup.leaks:
        return _refusal(x, y, a.metric, f"{_leaks(x, y)}: ask for the effect of protocol (--test protocol-effect)")
    for name in ("target", "protocol_version", "options", "classes", "data"):
        one, two = (
            _augment_aside(getattr(e.identity, name))
            if name == "options" and x.arm != y.arm
            else getattr(e.identity, name)
            for e in (x, y)
        )
        if one != two:
            return _refusal(x, y, a.metric, f"different {name.replace('_', ' ')}: {one[:60]} and {two[:60]}")
    if reason := x.mixed or y.mixed:
        return _refusal(x, y, a.metric, reason)
    cells = pd.concat([x.records, y.records])
    folds = Folds(float(cells["n_train"].mean()), float(cells["n_test"].mean())) if len(cells) else None
    return compare_rows(a, b, folds, level)


def _augment_aside(options: str) -> str:
    """The options of a protocol without what an arm does to training clips."""
    return json.dumps({name: value for name, value in json.loads(options).items() if name != "augment"})


def compare_rows(a: Side, b: Side, folds: Folds | None, level: float = 0.95) -> Comparison:
    """Two models by their rows alone; without ``folds`` there is no test over folds."""
    if reason := why_unpaired(a, b):
        sides = (a.result, b.result)
        lacking = [f"{e.label} has {len(e.records)} of {e.n_cells} cells" for e in sides if len(e.records) < e.n_cells]
        return _refusal(a.result, b.result, a.metric, "; ".join([reason, *lacking]))
    by_fold = fold_differences_of(a, b)
    of_utterances = a.speakers_cross
    by_speaker, speakers_test = _over_speakers(a, b, level)
    folds_test, share = _over_folds(by_fold, folds, level)
    main, beside = (folds_test, speakers_test) if of_utterances else (speakers_test, folds_test)
    differences = by_fold if of_utterances else by_speaker
    share = share if of_utterances else 1 / max(len(by_speaker), 1)
    tested = main.reason is None
    signs = [] if of_utterances or not len(by_speaker) else [wilcoxon(by_speaker, level)]
    leaks = a.result.setup.leaks
    notes = ("test speakers are heard in training: p is not about new speakers",) if "speaker" in leaks else ()
    return Comparison(
        setup=a.result.setup, a=a.label, b=b.label, metric=a.metric.name, score_a=a.pooled, score_b=b.pooled,
        n_rows=a.rows["row"].nunique(), n_speakers=a.rows["speaker"].nunique(),
        n_folds=len(a.rows[["repeat", "fold"]].drop_duplicates()),
        seeds=(a.rows["seed"].nunique(), b.rows["seed"].nunique()), main=main, beside=(beside, *signs),
        posterior=bayesian_t(differences, share) if tested else None, effect=effect(differences) if tested else None,
        equivalence=tost(differences, ROPE, share) if tested else None,
        plain=paired_t(fold_differences_of(a, b, seeds_apart=True), PLAIN, level),
        mcnemar=mcnemar(a.first_run, b.first_run), holm=main.p, differences=differences, share=share, notes=notes,
    )  # fmt: skip


def _over_speakers(a: Side, b: Side, level: float) -> tuple[np.ndarray, PairedTest]:
    if n := int(a.rows["speaker"].isna().sum()):
        return np.zeros(0), refused(OVER_SPEAKERS, a.rows["speaker"].nunique(), f"the speaker of {n} rows is unknown")
    differences = (a.by_speaker - b.by_speaker).to_numpy(float)
    return differences, paired_t(differences, OVER_SPEAKERS, level)


def _over_folds(differences: np.ndarray, folds: Folds | None, level: float) -> tuple[PairedTest, float]:
    """The corrected test and its share; a single test set has no folds to correct for."""
    if len(differences) < 2:
        return refused(OVER_FOLDS, len(differences), "one test set, no folds to test over"), 1.0
    if folds is None:
        return refused(OVER_FOLDS, len(differences), "the size of the training sets is unknown"), 1.0
    share = 1 / len(differences) + folds.n_test / folds.n_train
    return nadeau_bengio(differences, folds.n_train, folds.n_test, level), share


def _refusal(a: Result, b: Result, metric: Metric, reason: str, setup: Setup | None = None) -> Comparison:
    main = refused(OVER_SPEAKERS, 0, reason)
    seeds = (a.records["seed"].nunique(), b.records["seed"].nunique())
    return Comparison(
        setup or a.setup, a.label, b.label, metric.name, None, None, 0, 0, 0, seeds, main, (), None, None, None, None,
        None, None, np.zeros(0), 1.0,
    )  # fmt: skip


def _strangers(a: Result, b: Result, metric: Metric) -> Comparison:
    """The refusal of models that were never run on the same setup."""
    s, t = a.setup, b.setup
    if s.leaks != t.leaks:
        reason = _leaks(a, b)
    else:
        differ = [f"{n} {x} and {y}" for n, x, y in zip(s.facts, s, t, strict=False) if x != y]
        reason = f"run under different {'; '.join(differ)}"
    return _refusal(a, b, metric, reason)


def _leaks(a: Result, b: Result) -> str:
    parts = [f"{e.setup.protocol} (leaks: {', '.join(e.setup.leaks) or 'none'})" for e in (a, b)]
    return f"{' and '.join(parts)} are not compared"


def _label(name: str, labels: Sequence[str]) -> str:
    """The label that the user means: ``model``, ``model [arm]`` or ``model[arm]``."""
    for label in labels:
        if name.replace(" ", "") == label.replace(" ", ""):
            return label
    raise unknown("model", name, labels)
