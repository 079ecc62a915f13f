"""The leak check: what test rows share with training rows, fold by fold, before anything is trained."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...errors import InputError
from .folds import sessions_nest
from .protocol import LEAKS, Fold, Leak, Protocol, row_id, utterance_of

EXAMPLES = 3
#: leak -> sets of columns: utterances share it when they agree in all columns of a set, and none of them is null
Rules = Mapping[str, tuple[tuple[str, ...], ...]]
#: ``group`` is shared by near-identical audio too; a dialogue is heard whole, within its session where there are some
RULES: Rules = {
    "speaker": (("speaker",),),
    "session": (("corpus", "session"), ("corpus", "dialogue")),
    "audio": (("audio_hash",), ("group",)),
    "copy": (("id",),),
    "sentence": (("corpus", "sentence"),),
}


class Example(NamedTuple):
    """A value that two parts of a fold share, with a row of each."""

    value: str
    row: str
    other: str


@dataclass(frozen=True, slots=True)
class LeakFinding:
    """A leak in a fold: ``n_test`` test rows share something with train or dev, ``n_dev`` dev rows with train.

    ``n_dev`` is counted for promised leaks only. ``examples``: test (or dev) row first.
    """

    leak: str
    n_test: int
    n_dev: int
    examples: tuple[Example, ...]


def check(fold: Fold, table: pd.DataFrame, promises: Iterable[str] = (), rules: Rules = RULES) -> list[LeakFinding]:
    """All leaks of a fold, in the order of ``rules``: of its rows; then whether test rows choose the epoch.

    ``table`` has a line for the utterance of every row.
    Rows are copies of one clip when they have one utterance; a row that is in two parts is one too.
    """
    return check_all([fold], table, promises, rules)[0]


def check_all(
    folds: Iterable[Fold], table: pd.DataFrame, promises: Iterable[str] = (), rules: Rules = RULES
) -> list[list[LeakFinding]]:
    """`check` of each fold."""
    keys, promised = _Keys(table, rules), frozenset(promises)
    return [_check(fold, keys, promised) for fold in folds]


def enforce(folds: Sequence[Fold], table: pd.DataFrame, protocol: Protocol) -> tuple[tuple[Leak, ...], ...]:
    """The permitted leaks that each fold has. Raises InputError for the first one that is not permitted.

    What a fold begins with (`Fold.after`) has learned the training rows of the folds before: they count as its own.
    Where sessions have their own speakers, a protocol that promises new speakers owes new sessions too, whatever it
    permits elsewhere.
    """
    keys = _Keys(table, RULES)
    owed = None
    if "speaker" in protocol.promises:
        nested = [corpus for corpus, part in table.groupby("corpus") if sessions_nest(part)]
        owed = _Keys(table, {"session": RULES["session"]}, table["corpus"].isin(nested).to_numpy()) if nested else None
    leaks = []
    learned: dict[tuple[str, str], tuple[str, ...]] = {}  # (arm, fold) -> rows that its weights know
    for planned in folds:
        before = learned[planned.arm, planned.after] if planned.after else ()
        fold = replace(planned, train=tuple(dict.fromkeys((*before, *planned.train))))
        learned[fold.arm, fold.name] = fold.train
        findings = _check(fold, keys, protocol.promises)
        broken = [f for f in findings if f.leak not in protocol.permits or f.leak in fold.promises]
        if owed is not None:
            broken += _check(fold, owed, frozenset({"session"}))
        if broken:
            raise InputError(_refusal(fold, broken[0], protocol))
        kinds = {f.leak for f in findings}
        leaks.append(tuple(leak for leak in LEAKS if leak in kinds))
    return tuple(leaks)


class _Keys:
    """The table as numbers: per leak and set of columns a code for each utterance (-1: null); the place of each row."""

    def __init__(self, table: pd.DataFrame, rules: Rules, only: np.ndarray | None = None) -> None:
        self.place = {row_id(utterance): i for i, utterance in enumerate(table["id"])}
        self.keys: dict[str, list[tuple[np.ndarray, pd.Series]]] = {}
        for leak, sets in rules.items():
            self.keys[leak] = []
            for *scope, last in sets:
                filled = table[last].notna().to_numpy() & (True if only is None else only)
                codes = np.full(len(table), -1, dtype=np.int64)
                codes[filled] = table[filled].groupby([*scope, last]).ngroup()
                self.keys[leak].append((codes, table[last]))

    def places(self, rows: Sequence[str]) -> np.ndarray:
        """Where the utterances of rows stand in the table."""
        places = [self.place.get(row, -1) for row in rows]
        for i, row in enumerate(rows):
            if places[i] < 0:  # a copy, unless it is a stranger
                places[i] = self.place.get(row_id(utterance_of(row)), -1)
                if places[i] < 0:
                    raise InputError(f"row {row}: its utterance is not in the table")
        return np.array(places, dtype=np.int64)


def _check(fold: Fold, keys: _Keys, promises: Set[str]) -> list[LeakFinding]:
    chosen_on = set(fold.dev) & set(fold.test)  # said once, as selection; else every leak would be found in dev
    of_dev = tuple(row for row in fold.dev if row not in chosen_on)
    train, dev, test = (_Part(rows, keys.places(rows)) for rows in (fold.train, of_dev, fold.test))
    dev_and_train = _Part((*dev.rows, *train.rows), np.concatenate([dev.places, train.places]))
    findings = []
    for leak, sets in keys.keys.items():
        n_test, examples = _shared(sets, test, dev_and_train)
        n_dev = 0
        if leak in promises:
            n_dev, more = _shared(sets, dev, train)
            examples += more
        if n_test or n_dev:
            findings.append(LeakFinding(leak, n_test, n_dev, examples[:EXAMPLES]))
    if chosen_on:
        some = tuple(Example(utterance_of(row), row, row) for row in sorted(chosen_on)[:EXAMPLES])
        findings.append(LeakFinding("selection", len(chosen_on), 0, some))
    return findings


class _Part(NamedTuple):
    """Rows of a fold, and the places of their utterances in the table."""

    rows: Sequence[str]
    places: np.ndarray


def _shared(
    sets: Iterable[tuple[np.ndarray, pd.Series]], some: _Part, others: _Part
) -> tuple[int, tuple[Example, ...]]:
    """How many rows of ``some`` share a code of any set with ``others``, and the first of each code as examples."""
    touched = np.zeros(len(some.rows), dtype=bool)
    examples: list[Example] = []
    for codes, values in sets:
        ours, theirs = codes[some.places], codes[others.places]
        common = np.zeros(len(codes) + 1, dtype=bool)  # the last is for null, code -1
        common[theirs] = True
        common[-1] = False
        new = np.flatnonzero(common[ours] & ~touched)
        touched[new] = True
        _, first = np.unique(ours[new], return_index=True)
        examples += [
            Example(str(values.iloc[some.places[i]]), some.rows[i], others.rows[int(np.argmax(theirs == ours[i]))])
            for i in new[np.sort(first)[:EXAMPLES]]
        ]
    return int(touched.sum()), tuple(examples)


def _refusal(fold: Fold, finding: LeakFinding, protocol: Protocol) -> str:
    which = "; ".join(f"{e.value} ({e.row} and {e.other})" for e in finding.examples)
    touched = f"{finding.n_test} test rows" + (f" and {finding.n_dev} dev rows" if finding.n_dev else "")
    return (
        f"{protocol.name} version {protocol.version}, fold '{fold.name}': {finding.leak} crosses the fold, which the "
        f"protocol does not permit: {touched}, e.g. {which}; nothing was trained"
    )
