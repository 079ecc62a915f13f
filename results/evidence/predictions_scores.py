"""The scores of classes in a file of predictions: which columns they are, which class is highest, probabilities."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...emotion_words import emotion
from ...errors import InputError, named


@dataclass(frozen=True)
class ClassScores:
    """Scores (n, C + further): a column for each of the classes, then those for what is none of them; or no columns."""

    classes: tuple[str, ...]
    further: tuple[str, ...]
    values: np.ndarray

    @property
    def _highest(self) -> list[str]:
        return np.array([*self.classes, *self.further])[self.values.argmax(1)].tolist() if self.values.size else []

    def best(self, notes: list[str]) -> list[str]:
        """The name of the highest score of each row."""
        tied = int(((self.values == self.values.max(1, keepdims=True)).sum(1) > 1).sum())
        if tied:
            notes.append(f"{tied} rows have several classes with the highest score: the first by name is taken")
        return self._highest

    def log_probabilities(self, guess: Sequence[str], notes: list[str]) -> list[list[float] | None]:
        """Those of each row where the scores are probabilities or their logarithms, and ``guess`` is the highest."""
        nothing: list[list[float] | None] = [None] * len(guess)
        if not self.values.size:
            return nothing
        if differ := sum(g != b for g, b in zip(guess, self._highest, strict=True)):
            notes.append(f"guess is not the class with the highest score in {differ} rows: scores are left out")
            return nothing
        if self.further:
            notes.append(
                f"scores of {named(self.further)}, which no truth is: no metric of probabilities; --classes names "
                "the classes of the task"
            )
            return nothing
        if _are_shares(self.values):
            with np.errstate(divide="ignore"):
                return [list(row) for row in np.log(self.values / self.values.sum(1, keepdims=True))]
        if _are_logs(self.values):
            return [list(row) for row in self.values]
        notes.append("scores are neither probabilities nor their logarithms: no metric of probabilities")
        return nothing


def scores_of(
    path: Path,
    table: pd.DataFrame,
    columns: Sequence[str],
    classes: tuple[str, ...],
    read_word: Callable[[str], str | None],
    notes: list[str],
) -> ClassScores:
    """The scores among ``columns``, by whichever of its names a class is called there.

    Raises InputError where there is neither a guess nor a score for every class, and for a column of which it is not
    known whether it is a score.
    """
    of_class = _named(path, columns, read_word)
    rest = [c for c in columns if c not in of_class.values()]
    nothing = ClassScores(classes, (), np.zeros((len(table), 0)))
    if lacking := [c for c in classes if c not in of_class]:
        if "guess" not in table.columns:
            raise InputError(f"{path}: no column guess, and no score column for class {named(lacking)}")
        if of_class:
            notes.append(f"scores left out: there is none for class {named(lacking)}")
        if rest:
            notes.append(f"columns left out: {named(rest, 12)}")
        return nothing
    for column in of_class.values():
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column} is taken as scores of a class and holds no numbers; drop it")
        if not np.isfinite(table[column].to_numpy(float)).all():
            raise InputError(f"{path}: column {column}: some scores are missing or infinite")
    own = [of_class[c] for c in classes]
    further = _further(path, table, own, rest)
    if left := [c for c in rest if c not in further]:
        notes.append(f"columns left out: {named(left, 12)}")
    return ClassScores(classes, tuple(further), table[[*own, *further]].to_numpy(float))


def _named(path: Path, columns: Sequence[str], read_word: Callable[[str], str | None]) -> dict[str, str]:
    """Class -> the column of its scores; the one that is spelled like it before others."""
    named: dict[str, str] = {}
    for column in sorted(columns, key=lambda c: read_word(c) != c):
        name = read_word(column)
        if name is None or named.get(name) == name:
            continue
        if name in named:
            raise InputError(f"{path}: columns {named[name]} and {column} are both scores of class {name}; drop one")
        named[name] = column
    return named


def _further(path: Path, table: pd.DataFrame, own: list[str], rest: Sequence[str]) -> list[str]:
    """The columns that are scores of what is none of the classes: emotions, or what makes probabilities whole."""
    numbers = [
        c for c in rest if pd.api.types.is_numeric_dtype(table[c]) and np.isfinite(table[c].to_numpy(float)).all()
    ]
    if not numbers or _whole(table[own].to_numpy(float)):
        return []
    if emotions := [c for c in numbers if emotion(c)]:
        return emotions
    if _whole(table[[*own, *numbers]].to_numpy(float)):
        return numbers
    if "guess" in table.columns:
        return []
    raise InputError(
        f"{path}: column {numbers[0]}: the scores of a class that no truth has, or no scores? Name the class in "
        "--classes, or drop the column"
    )


def _whole(scores: np.ndarray) -> bool:
    return _are_shares(scores) or _are_logs(scores)


def _are_shares(scores: np.ndarray) -> bool:
    """Whether the scores of each row are at least 0 and add up to 1."""
    return bool((scores >= 0).all() and (np.abs(scores.sum(1) - 1) < 1e-3).all())


def _are_logs(scores: np.ndarray) -> bool:
    """Whether they are logarithms of such shares."""
    return bool((scores <= 0).all() and _are_shares(np.exp(scores)))
