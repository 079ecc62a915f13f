"""The metrics: one dictionary, each with formula, range, chance and the names the field gives it.

Every metric is one function of a `Tally`, which is linear in the confusion matrix. So the same code scores one
matrix, a stack of folds, and ten thousand bootstrap replicates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ... import plugins
from ...errors import InputError, named, unknown


class Tally(NamedTuple):
    """What the metrics need of confusion matrices: three arrays (..., C) of counts."""

    hits: np.ndarray  # rows of the class that are guessed as it
    support: np.ndarray  # rows of the class
    guessed: np.ndarray  # rows that are guessed as the class


def tally(confusions: np.ndarray) -> Tally:
    """Of confusion matrices (..., C, C), true class by chosen class; (..., C, C + 1) as `counts` makes them.

    >>> tally(np.array([[3, 1, 4], [1, 1, 0]])).support  # four answers are no class: wrong, and guessed as none
    array([8, 2])
    """
    within = confusions[..., : confusions.shape[-2]]
    return Tally(np.einsum("...ii->...i", within), confusions.sum(-1), within.sum(-2))


def counts(
    part: np.ndarray, truth: Sequence[str], guess: Sequence[str], n_parts: int, classes: Sequence[str]
) -> np.ndarray:
    """Confusions (n_parts, C, C + 1) of rows whose part is a number; the last column: answers that are no class."""
    n, index = len(classes), pd.Index(classes)
    true, chosen = (index.get_indexer(pd.Index(labels)) for labels in (truth, guess))
    flat = (part * n + true) * (n + 1) + np.where(chosen < 0, n, chosen)
    return np.bincount(flat, minlength=n_parts * n * (n + 1)).reshape(n_parts, n, n + 1)


def confusion(truth: Sequence[str], guess: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Counts (C, C): true class by chosen class, in the order of ``classes``.

    Raises InputError for no rows, unequal lengths, and labels outside ``classes``.

    >>> confusion(["sad", "sad", "happy"], ["sad", "happy", "happy"], ["happy", "sad"])
    array([[1, 0],
           [1, 1]])
    """
    if len(truth) != len(guess) or len(truth) == 0:
        raise InputError(f"predictions: {len(truth)} true and {len(guess)} chosen classes; give one of each per row")
    codes = []
    for what, labels in (("true", truth), ("chosen", guess)):
        code = pd.Index(classes).get_indexer(pd.Index(labels))
        if (code < 0).any():
            odd = sorted({str(label) for label, c in zip(labels, code, strict=True) if c < 0})
            raise InputError(f"predictions: {what} classes {named(odd)} are not among {named(classes, 12)}")
        codes.append(code)
    n = len(classes)
    return np.bincount(codes[0] * n + codes[1], minlength=n * n).reshape(n, n)


def _over_present(values: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Mean (...) of values (..., C) over the classes with rows; NaN where no class has any."""
    present = support > 0
    n = present.sum(-1)
    return np.where(n > 0, (values * present).sum(-1) / np.maximum(n, 1), np.nan)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part of the whole; 0 where the whole is 0 (those entries are weighted by 0)."""
    return part / np.where(whole > 0, whole, 1)


def _rows(total: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (...), NaN where there are no rows."""
    return np.where(total > 0, values, np.nan)


def uar(t: Tally) -> np.ndarray:
    """Unweighted average recall (...): the mean of per-class recall over the classes of the task with test rows.

    >>> float(uar(tally(np.array([[3, 1], [1, 1]]))))  # recalls 3/4 and 1/2
    0.625
    """
    return _over_present(_share(t.hits, t.support), t.support)


def wa(t: Tally) -> np.ndarray:
    """Weighted accuracy (...): the share of rows whose chosen class is the true one.

    >>> float(wa(tally(np.array([[3, 1], [1, 1]]))))
    0.6666666666666666
    """
    total = t.support.sum(-1)
    return _rows(total, _share(t.hits.sum(-1), total))


def class_recall(t: Tally) -> np.ndarray:
    """Recall (..., C): the share of a class's rows that are guessed as it; NaN for a class without rows.

    >>> class_recall(tally(np.array([[3, 1], [1, 1]])))
    array([0.75, 0.5 ])
    """
    return _rows(t.support, _share(t.hits, t.support))


def class_precision(t: Tally) -> np.ndarray:
    """Precision (..., C): the share of the rows guessed as a class that are of it; NaN for a class never guessed.

    >>> class_precision(tally(np.array([[3, 1], [1, 1]])))
    array([0.75, 0.5 ])
    """
    return _rows(t.guessed, _share(t.hits, t.guessed))


def class_f1(t: Tally) -> np.ndarray:
    """F1 (..., C): 2 hits / (rows of the class + rows guessed as it); NaN for a class with neither.

    >>> class_f1(tally(np.array([[3, 1], [1, 1]])))
    array([0.75, 0.5 ])
    """
    return _rows(t.support + t.guessed, _f1(t))


def per_class(confusions: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """One line per class of a confusion matrix (C, C): ``label, n, recall, precision, f1``; NaN as above.

    >>> per_class(np.array([[3, 1], [0, 0]]), ["happy", "sad"]).round(2).to_dict("list")
    {'label': ['happy', 'sad'], 'n': [4, 0], 'recall': [0.75, nan], 'precision': [1.0, 0.0], 'f1': [0.86, 0.0]}
    """
    t = tally(confusions)
    scores = {name: function(t) for name, (_, function) in PER_CLASS.items()}
    return pd.DataFrame({"label": list(classes), "n": t.support.astype(int), **scores})


def _f1(t: Tally) -> np.ndarray:
    """F1 (..., C) of every class: 2 hits / (support + guessed)."""
    return _share(2 * t.hits, t.support + t.guessed)


def macro_f1(t: Tally) -> np.ndarray:
    """Mean of per-class F1 (...) over the classes of the task with test rows, as for UAR.

    A class that is guessed but has no test rows costs the recall of the true class and is no term of its own
    (scikit-learn's default would add a term 0; with ``labels=`` the present classes it gives the same number).

    >>> float(macro_f1(tally(np.array([[3, 1], [1, 1]]))))  # F1 of 3/4 and 1/2
    0.625
    """
    return _over_present(_f1(t), t.support)


def weighted_f1(t: Tally) -> np.ndarray:
    """Mean of per-class F1 (...), weighted by the number of rows of the class.

    >>> float(weighted_f1(tally(np.array([[3, 1], [1, 1]]))))  # (4 · 3/4 + 2 · 1/2) / 6
    0.6666666666666666
    """
    total = t.support.sum(-1)
    return _rows(total, _share((_f1(t) * t.support).sum(-1), total))


def _chance_recall(support: np.ndarray) -> float:
    return 1 / len(support)


def _chance_f1(support: np.ndarray) -> np.ndarray:
    """F1 (C,) of guessing every class equally often, in the limit of many rows: 2pq / (p + q), q = 1/C."""
    share = support / support.sum()
    f1: np.ndarray = 2 * share / (share * len(support) + 1)
    return f1


#: metrics of one class: name -> (formula, function of a `Tally` to (..., C)); range [0, 1]. Guessing every class
#: equally often has recall 1/C and the precision n(c)/n
PER_CLASS: dict[str, tuple[str, Callable[[Tally], np.ndarray]]] = {
    "recall": ("n(c guessed as c) / n(c)", class_recall),
    "precision": ("n(c guessed as c) / n(guessed as c)", class_precision),
    "f1": ("2 n(c guessed as c) / (n(c) + n(guessed as c))", class_f1),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric and what must be known to read it.

    ``chance(support)`` is its value for guessing every class of the task equally often, given the rows per class
    (C,). ``function`` maps a `Tally` of arrays (..., C) to scores (...); NaN where there are no rows. ``column``: the
    head of its column in tables of scores, of one or two lines; without one it has none. ``narrow``: it has one where
    room is scarce, too (LaTeX).
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    formula: str
    range: tuple[float, float]
    chance: Callable[[np.ndarray], float]
    function: Callable[[Tally], np.ndarray]
    column: str = ""
    narrow: bool = True

    def of(self, confusions: np.ndarray) -> np.ndarray:
        """Scores (...) of confusion matrices (..., C, C)."""
        return self.function(tally(confusions))

    def score(self, truth: Sequence[str], guess: Sequence[str], classes: Sequence[str]) -> float:
        """Score of chosen classes; ``classes`` are those of the task. Raises InputError as `confusion` does."""
        return float(self.of(confusion(truth, guess, classes)))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="uar",
            title="UAR",
            aliases=("UA", "unweighted average recall", "unweighted accuracy", "balanced accuracy", "macro recall"),
            formula="mean over classes c with rows: n(c guessed as c) / n(c)",
            range=(0.0, 1.0),
            chance=_chance_recall,
            function=uar,
            column="UAR",
        ),
        Metric(
            name="wa",
            title="WA",
            aliases=("WAR", "weighted accuracy", "weighted average recall", "accuracy", "overall accuracy"),
            formula="n(guess = truth) / n",
            range=(0.0, 1.0),
            chance=_chance_recall,
            function=wa,
            column="WA",
        ),
        Metric(
            name="macro_f1",
            title="macro-F1",
            aliases=("F1", "macro F1", "unweighted F1", "F1 macro"),
            formula="mean over classes c with rows: 2 n(c guessed as c) / (n(c) + n(guessed as c))",
            range=(0.0, 1.0),
            chance=lambda support: float(_chance_f1(support)[support > 0].mean()),
            function=macro_f1,
            column="macro\nF1",
        ),
        Metric(
            name="weighted_f1",
            title="weighted F1",
            aliases=("WF1", "weighted-F1", "F1 weighted"),
            formula="sum over classes c: n(c)/n · 2 n(c guessed as c) / (n(c) + n(guessed as c))",
            range=(0.0, 1.0),
            chance=lambda support: float((_chance_f1(support) * support / support.sum()).sum()),
            function=weighted_f1,
            column="weighted\nF1",
            narrow=False,
        ),
    )
}


GROUP = "serbench.metrics"
#: name of a plugin's metric -> who brings it; name of one that cannot be used -> why, in one line
ORIGINS, BROKEN = plugins.add(METRICS, GROUP, Metric, "metric")
HEADLINE = "uar"  # the metric that has intervals and deviations in tables, and that pictures draw


def beside(narrow: bool = False) -> list[Metric]:
    """The metrics with a column of their own beside the headline metric's."""
    return [m for m in METRICS.values() if m.column and m.name != HEADLINE and (m.narrow or not narrow)]


def find(name: str) -> Metric:
    """The metric of that name or alias, whatever its case. Raises InputError with the nearest name."""
    names = {alias.casefold(): m for m in METRICS.values() for alias in (m.name, m.title, *m.aliases)}
    if name.casefold() not in names:
        raise unknown("metric", name, METRICS)
    return names[name.casefold()]


CLASSES = "classes"  # a row's truth is one class
#: kind of target -> its metrics; listeners' distributions, or arousal and valence, will be further kinds
OF_TARGET: dict[str, dict[str, Metric]] = {CLASSES: METRICS}


def metrics_of(target: str, where: str = "") -> dict[str, Metric]:
    """The metrics of a kind of target, in their order. InputError for a kind that has none yet.

    >>> list(metrics_of("classes"))[:2]
    ['uar', 'wa']
    """
    if target not in OF_TARGET:
        raise InputError(f"{where and f'{where}: '}target '{target}': this serbench scores {', '.join(OF_TARGET)}")
    return OF_TARGET[target]
