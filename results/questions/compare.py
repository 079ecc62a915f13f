"""Two models on the same setup: which test is the main one, what is refused, and everything that is printed beside it.

What is tested is the difference of the two scores that tables print. Speaker folds, and a single test set: t over
speakers and trainings. Folds of utterances (a speaker is in several): Nadeau-Bengio over folds. A family of comparisons
is corrected by Holm.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ...errors import InputError, named, unknown
from ..evidence.pools import ByCell
from ..evidence.results import Result, Setup, by_name, results_of
from ..evidence.sides import Side, fold_differences_of, side, why_unpaired
from ..evidence.untrained import not_trained
from ..statistics.metrics import Metric
from ..statistics.speakers import (
    OVER_BOTH,
    OVER_FOLDS,
    TRAINED,
    TYPICAL,
    PairedTest,
    nadeau_bengio,
    paired_of,
    paired_t,
    refused,
    refused_of,
)
from ..statistics.two_models import (
    ROPE,
    Effect,
    Equivalence,
    McNemar,
    Posterior,
    effect,
    equivalence,
    holm,
    mcnemar,
    posterior,
    wilcoxon,
)
from ..statistics.uncertainty import Uncertainty, contrast

PLAIN = "plain paired t over folds × seeds"
#: false alarms at a nominal 5 % of what papers print, for two models that are equally good for new speakers but
#: suit each of ten speakers differently (deviation 0.08): simulated and held in tests/results/test_simulations.py
FALSE_ALARMS = {"plain t": 0.23, "mcnemar": 0.12}


@dataclass(frozen=True)
class Comparison:
    """Two models on one setup: ``a`` minus ``b``, of ``metric``.

    ``score_a`` and ``score_b`` are as tables show them, and ``main``, the test to believe, is of their difference;
    ``beside`` are others, valid or refused with the reason. ``plain`` and ``mcnemar`` are "as papers print them".
    ``holm`` is the main p, corrected for the family it was made in. ``uncertainty`` is that of the main test, also
    where it is refused for the algorithms and holds of the trained models. ``level`` is that of the intervals. With
    ``reason`` the main test is refused.
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
    uncertainty: Uncertainty | None
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
    margin: float = ROPE,
) -> list[Comparison]:
    """Models ``a`` and ``b`` on every setup that both have, p corrected over those of a protocol and label map.

    Models by the label of the tables: ``model`` or ``model [arm]``. ``level``: of intervals, and what a test must be
    able to reach with so few differences, or it is refused; ``margin`` that of equivalence. Where they share no setup
    but the corpora, the comparison is refused (other protocol, leaks, label map). Raises InputError for a model that is
    not there.
    """
    results = by_name(results_of(records))
    labels = sorted({result.label for result in results})
    one, two = ({e.setup: e for e in results if e.label == _label(name, labels)} for name in (a, b))
    if _label(a, labels) == _label(b, labels):
        raise InputError(f"{a}: compared with itself; name two models of {named(labels, 12)}")
    shared = sorted((setup for setup in one if setup in two), key=lambda setup: setup.order)
    if not shared:
        apart = [_strangers(one[s], two[t], metric) for s in one for t in two if (s.train, s.test) == (t.train, t.test)]
        return [replace(c, level=level) for c in apart]
    families: dict[tuple[str, ...], list[Comparison]] = {}
    by_cell = ByCell(predictions)
    for setup in shared:
        comparison = compare_sides(side(one[setup], by_cell, metric), side(two[setup], by_cell, metric), level, margin)
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


def compare_sides(a: Side, b: Side, level: float = 0.95, margin: float = ROPE) -> Comparison:
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
    return compare_rows(a, b, folds, level, margin)


def _augment_aside(options: str) -> str:
    """The options of a protocol without what an arm does to training clips."""
    return json.dumps({name: value for name, value in json.loads(options).items() if name != "augment"})


def compare_rows(a: Side, b: Side, folds: Folds | None, level: float = 0.95, margin: float = ROPE) -> Comparison:
    """Two models by their rows alone; without ``folds`` there is no test over folds."""
    if reason := why_unpaired(a, b):
        sides = (a.result, b.result)
        lacking = [f"{e.label} has {len(e.records)} of {e.n_cells} cells" for e in sides if len(e.records) < e.n_cells]
        return _refusal(a.result, b.result, a.metric, "; ".join([reason, *lacking]))
    over_folds = _over_folds(a, b, folds)
    both = _over_both(a, b)
    u = over_folds if a.speakers_cross else both
    main = _main(OVER_FOLDS if a.speakers_cross else OVER_BOTH, u, level)
    known = a.rows["speaker"].notna().all()
    beside = [paired_of(TRAINED, both, level)] if both.about == "trained models" and known else []
    beside += [_main(OVER_BOTH, both, level) if a.speakers_cross else paired_of(OVER_FOLDS, over_folds, level)]
    if known:
        differences = (a.by_speaker - b.by_speaker).to_numpy(float)
        typical = replace(paired_t(differences, TYPICAL, level), about="trained models")
        beside += [typical, *([] if a.speakers_cross else [wilcoxon(differences, level)])]
    tested = main.reason is None
    leaks = a.result.setup.leaks
    notes = ["test speakers are heard in training: p is not about new speakers"] if "speaker" in leaks else []
    alike = [e.label for e in (a, b) if e.parts.fixed and e.rows["seed"].nunique() > 1]
    notes += [f"{e.label}: {text}" for e in (a, b) if (text := not_trained(e.result.cells.values()))]
    notes += [f"{label}: all seeds gave the same answers, which count as one run" for label in alike]
    return Comparison(
        setup=a.result.setup, a=a.label, b=b.label, metric=a.metric.name, score_a=a.pooled, score_b=b.pooled,
        n_rows=a.rows["row"].nunique(), n_speakers=a.rows["speaker"].nunique(),
        n_folds=len(a.rows[["repeat", "fold"]].drop_duplicates()),
        seeds=(a.rows["seed"].nunique(), b.rows["seed"].nunique()), main=main, beside=tuple(beside),
        posterior=posterior(u) if tested else None, effect=effect(u, level) if tested else None,
        equivalence=equivalence(u, margin, level) if tested else None,
        plain=paired_t(fold_differences_of(a, b, seeds_apart=True), PLAIN, level),
        mcnemar=mcnemar(a.first_run, b.first_run), holm=main.p, uncertainty=u, notes=tuple(notes),
    )  # fmt: skip


def _main(name: str, u: Uncertainty, level: float) -> PairedTest:
    """The test of the algorithms, refused where only the trained models can be told apart."""
    return refused_of(name, u) if u.about == "trained models" and not u.reason else paired_of(name, u, level)


def _over_both(a: Side, b: Side) -> Uncertainty:
    if n := int(a.rows["speaker"].isna().sum()):
        known = a.rows["speaker"].nunique()
        return Uncertainty(
            a.pooled - b.pooled, None, None, n_clusters=known, reason=f"the speaker of {n} rows is unknown"
        )
    return contrast([(1.0, a.parts), (-1.0, b.parts)], a.metric)


def _over_folds(a: Side, b: Side, folds: Folds | None) -> Uncertainty:
    """The corrected difference; a single test set has no folds to correct for."""
    by_fold = fold_differences_of(a, b)
    nothing = Uncertainty(a.pooled - b.pooled, None, None, n_clusters=len(by_fold), unit="folds")
    if len(by_fold) < 2:
        return replace(nothing, reason="one test set, no folds to test over")
    if folds is None:
        return replace(nothing, reason="the size of the training sets is unknown")
    return nadeau_bengio(a.pooled - b.pooled, by_fold, folds.n_train, folds.n_test)


def _refusal(a: Result, b: Result, metric: Metric, reason: str, setup: Setup | None = None) -> Comparison:
    main = refused(OVER_BOTH, 0, reason)
    seeds = (a.records["seed"].nunique(), b.records["seed"].nunique())
    return Comparison(
        setup or a.setup, a.label, b.label, metric.name, None, None, 0, 0, 0, seeds, main, (), None, None, None, None,
        None, None, None,
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
