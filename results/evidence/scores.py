"""From records and predictions to scores: one per protocol, model, arm, train, test, condition and label map.

Per seed the test predictions of all folds of a repeat are pooled, and the metric is taken over the classes of the
task; repeats are averaged within a seed, then come mean and deviation over seeds.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ...errors import InputError
from ..statistics.metrics import CLASSES, HEADLINE, Metric, metrics_of
from ..statistics.score_intervals import score_intervals
from ..statistics.speakers import Interval, mean_known, unknown_speakers
from ..statistics.uncertainty import LEAST_TRAININGS
from .devices import kinds_of
from .pools import Cells, Pool, Rows, code_rows, pool_cells
from .results import FLOOR, Identity, Result, Setup, condition_order, label_of, results_of, setup_of
from .untrained import not_trained

#: what tells scores apart, as printed
FACTS = ("protocol", "model", "arm", "train", "test", "condition", "label_map", "leaks")
_MARK = 8  # digits by which a note names a hash
PUBLIC = (*FACTS, "chance", "n_folds", "n_seeds", "n_failed", "n_utterances", "interval_of", "metrics")


@dataclass(frozen=True, slots=True)
class Value:
    """A metric of a score in [0, 1]; what is unknown is None.

    ``mean`` and ``sd`` over seeds, ``low`` and ``high`` of the 95 % interval (``interval_of``), ``sd_folds`` and
    ``sd_speakers``: deviation of the scores of folds and of speakers, seeds averaged.
    """

    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    sd_folds: float | None = None
    sd_speakers: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """What tables show of a result. `PUBLIC` fields are what ``show --json`` prints.

    ``interval_of``: ``algorithm``, where intervals are over speakers and trainings, or ``trained models``, where they
    are over speakers alone; None without an interval.

    ``tag`` numbers scores that agree in all public facts and still stand on different things (versions, source code,
    settings, data); a note says on which.
    """

    protocol: str
    model: str
    arm: str
    train: str
    test: str
    condition: str
    label_map: str
    leaks: tuple[str, ...]
    chance: float | None
    n_folds: int
    n_seeds: int
    n_failed: int
    n_utterances: int
    metrics: dict[str, Value]
    tag: str = ""
    place: int = 0  # of the arm among those that were planned
    classes: tuple[str, ...] = ()
    confusion: np.ndarray | None = None  # (C, C) counts over all folds, seeds and repeats
    n_runs: int = 0  # (seed, repeat) pairs that are pooled in it
    n_cells: int = 0
    n_done: int = 0
    n_pending: int = 0
    n_speakers: int = 0
    missing: dict[str, int] = field(default_factory=dict)  # class -> folds without a test row of it
    interval_method: str | None = None
    interval_reason: str | None = None
    interval_of: str | None = None
    devices: tuple[str, ...] = ()  # as `devices.kind_of`
    notes: tuple[str, ...] = ()
    not_trained: str = ""  # what is to be said of trainings that did not train
    errors: tuple[str, ...] = ()  # last lines of the tracebacks
    role: str = "model"
    kind: str = "clean"  # of the condition, with level and unit
    level: float | None = None
    unit: str = ""
    target: str = CLASSES
    factors: Mapping[str, str] = field(default_factory=dict)  # of the arm, where it is a point of a sweep

    @property
    def name(self) -> tuple[Any, ...]:
        """That of its result."""
        rest = (self.condition, self.label_map, self.leaks, self.kind, self.level, self.unit)
        return (Setup(self.protocol, self.train, self.test, *rest), self.model, self.arm, self.tag)

    @property
    def label(self) -> str:
        """The model, with arm and tag where there is one."""
        return f"{label_of(self.model, self.arm)}{self.tag and f' ({self.tag})'}"


def scores(
    records: pd.DataFrame,
    predictions: pd.DataFrame,
    planned: pd.DataFrame | None = None,
) -> list[Score]:
    """Scores of records (columns as `Record`) and predictions (``key`` and `PREDICTION_COLUMNS`), in table order.

    ``planned`` has a line per cell that was asked for, as `Evidence.plan`. Those without a
    record are pending, beside cells of the same code. Predictions without a record belong to a cell that is not
    finished; they are left out. Raises InputError for a cell stored twice and for labels outside the task.
    """
    doubled = records["key"][records["key"].duplicated()]
    if len(doubled):
        raise InputError(f"records: cell {doubled.iloc[0]} is stored twice; delete one of them")
    rows = code_rows(records, predictions)
    pending: dict[tuple[Setup, str, str, str], list[Any]] = {}
    if planned is not None:
        for cell in planned[~planned["key"].isin(records["key"])].itertuples(index=False):
            pending.setdefault((setup_of(cell), cell.model, cell.arm, cell.code), []).append(cell)
    results = results_of(records)
    lines = []
    for r, note in zip(results, _apart(results), strict=True):
        waiting = pending.pop((r.setup, r.model, r.arm, next(iter(r.cells.values())).code), [])
        score = _score(_facts_of(r), r.cells, rows, waiting)
        lines.append(replace(score, tag=r.tag, notes=(note, *score.notes)) if note else score)
    lines += [_score(_planned_facts(cells[0]), {}, rows, cells) for cells in pending.values()]
    if planned is not None:
        place = {arm: k for k, arm in enumerate(dict.fromkeys(planned["arm"]))}
        lines = [replace(score, place=place.get(score.arm, len(place))) for score in lines]
    return sorted(lines, key=order)


def to_json(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """As `show --json` prints them: plain, unknown is None, never NaN."""
    plain = []
    for score in scores:
        values = {name: getattr(score, name) for name in PUBLIC}
        metrics = {name: asdict(value) for name, value in score.metrics.items()}
        plain.append({**values, "leaks": list(score.leaks), "metrics": metrics})
    return plain


def order(score: Score) -> tuple[Any, ...]:
    """Sort key of tables: clean before noise, mild before strong, the floor before the models."""
    return (score.protocol, score.label_map, score.leaks, *within(score))


def within(score: Score) -> tuple[Any, ...]:
    """Sort key of the scores of one protocol and label map; arms stand in the order in which they were planned."""
    model = (score.role != FLOOR, score.model, score.arm != "base", score.place, score.arm, score.tag)
    return (score.train, score.test, condition_order(score.kind, score.level, score.unit), model)


def _facts_of(result: Result) -> dict[str, Any]:
    """What a score takes from its result as it is."""
    s = result.setup
    more = {"role": result.role, "kind": s.kind, "level": s.level, "unit": s.unit, "factors": result.factors}
    more["target"] = result.target
    return {**s.facts, "model": result.model, "arm": result.arm, **more}


def _planned_facts(cell: Any) -> dict[str, Any]:
    """The same of what is only planned so far."""
    s = setup_of(cell)
    return {
        **s.facts,
        "model": cell.model,
        "arm": cell.arm,
        "role": cell.role,
        **dict(zip(s._fields[6:], s[6:], strict=True)),
    }


def _apart(results: Sequence[Result]) -> Iterator[str]:
    """For each result what tells it from those that would print alike, empty where none would."""
    for result in results:
        alike = [other for other in results if other.name[:3] == result.name[:3]] if result.tag else []
        flat = {other.tag: _flat(other.identity) for other in alike}
        names = sorted({name for basis in flat.values() for name in basis})
        differ = [n for n in names if len({json.dumps(basis.get(n), default=list) for basis in flat.values()}) > 1]
        own = flat.get(result.tag, {})
        yield "apart from its namesakes: " + ", ".join(f"{n} {own.get(n)}" for n in differ) if alike else ""


def _flat(identity: Identity) -> dict[str, Any]:
    """Without dictionaries in it, and every hash by its first digits, as a note has room for."""
    basis = {name: json.loads(text) for name, text in identity._asdict().items()}
    basis |= {"code": str(basis["code"])[:_MARK], "data": {c: mark[:_MARK] for c, mark in basis["data"].items()}}
    flat = {name: value for name, value in basis.items() if not isinstance(value, dict)}
    return flat | {f"{name}.{k}": v for name, part in basis.items() if isinstance(part, dict) for k, v in part.items()}


def _score(facts: dict[str, Any], cells: Cells, rows: Rows, pending: list[Any]) -> Score:
    lines = [*cells.values(), *pending]
    classes = tuple(getattr(lines[0], "classes", ()))
    folds, seeds = {(getattr(c, "repeat", 0), c.fold) for c in lines}, {c.seed for c in lines}
    done = {position: c for position, c in cells.items() if c.status == "done"}
    idle = not_trained(done.values())
    failed = [c for c in cells.values() if c.status == "failed"]
    missing = Counter(name for name, *_ in {(name, c.repeat, c.fold) for c in done.values() for name in c.missing})
    score = Score(
        **facts,
        chance=1 / len(classes) if classes else None,
        n_folds=len(folds),
        n_seeds=len(seeds),
        n_failed=len(failed),
        n_utterances=0,
        metrics={name: Value() for name in metrics_of(facts.get("target", CLASSES))},
        classes=classes,
        n_cells=max(len(lines), len(folds) * len(seeds)),
        n_done=len(done),
        n_pending=len(pending),
        missing=dict(sorted(missing.items())),
        devices=kinds_of(done.values()),
        notes=tuple(dict.fromkeys([*([idle] if idle else []), *(n for c in cells.values() for n in c.notes)])),
        not_trained=idle,
        errors=tuple(_last_lines(c.error for c in failed)),
    )
    return _measured(score, done, rows) if done else score


def _last_lines(errors: Iterable[str | None]) -> list[str]:
    counts = Counter((error or "no traceback").strip().splitlines()[-1] for error in errors)
    return [line if n == 1 else f"{line} ({n} cells)" for line, n in counts.items()]


def _measured(score: Score, done: Cells, rows: Rows) -> Score:
    """The score with its values."""
    metrics = metrics_of(score.target)
    pool = pool_cells(done, rows, score.classes)
    if pool.n_unknown or not pool.n_utterances:
        nothing = Interval(None, None, None, "there are no predictions")
        intervals = dict.fromkeys(metrics, unknown_speakers(pool.n_unknown) if pool.n_unknown else nothing)
    else:
        intervals = score_intervals(pool.parts, list(metrics.values()))
    first = intervals[HEADLINE]
    covered: dict[int, set[tuple[int, str]]] = {}
    for c in done.values():
        covered.setdefault(c.seed, set()).add((c.repeat, c.fold))
    alike = len(set(map(frozenset, covered.values()))) == 1
    uneven = () if alike else ("seeds cover different folds so far: no deviation over seeds",)
    return replace(
        score,
        n_utterances=pool.n_utterances,
        metrics={name: _value(pool, m, intervals[name], alike) for name, m in metrics.items()},
        confusion=pool.by_run.sum(0),
        n_runs=len(pool.by_run),
        n_speakers=0 if pool.n_unknown else pool.by_speaker.shape[1],
        interval_method=first.method,
        interval_reason=first.reason,
        interval_of=None if first.method is None else "algorithm" if first.about == "algorithms" else first.about,
        notes=(*score.notes, *pool.notes, *uneven, *_of_trainings(first)),
    )


def _of_trainings(interval: Interval) -> Iterator[str]:
    """What more seeds would allow."""
    if interval.about == "trained models":
        yield f"{LEAST_TRAININGS} seeds allow an interval of the algorithm instead of these trained models"


def _value(pool: Pool, metric: Metric, interval: Interval, alike: bool) -> Value:
    seeds = _means(metric.of(pool.by_run), pool.seed)
    speakers = mean_known(metric.of(pool.by_speaker), 0)
    return Value(
        mean=float(seeds.mean()) if len(seeds) else None,
        sd=_sd(seeds) if alike else None,
        low=interval.low,
        high=interval.high,
        sd_folds=_sd(_means(metric.of(pool.by_cell), pool.fold)),
        sd_speakers=None if pool.n_unknown else _sd(speakers),
    )


def _means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Means of the values (n,) with equal codes (n,); what is NaN is left out."""
    there = ~np.isnan(values)
    _, codes = np.unique(codes[there], return_inverse=True)
    means: np.ndarray = np.bincount(codes, values[there]) / np.bincount(codes)
    return means


def _sd(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None
