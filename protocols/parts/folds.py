"""What protocols share: speakers in a fixed rotation, folds of speakers, the choice of dev, folds of groups.

Speaker folds: leave one speaker out up to 10 speakers; more: the number of folds from 5 to 8 that divides the
speakers most evenly by gender and utterances. Where dialogues are held by speakers of the same session (IEMOCAP),
sessions take the place of speakers. Dev: the next speakers in the rotation, about 15 % of those outside test.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...errors import InputError, named
from .protocol import Fold, row_id, utterance_of
from .usable import enough_speakers

LEAVE_ONE_OUT = 10  # units, at most
FOLDS = range(5, 9)  # beyond that
DEV_SHARE = 0.15
DEV_SPEAKERS = 3  # outside test, at least: else there is no dev


@dataclass(frozen=True, slots=True)
class Unit:
    """What no fold separates: a speaker, the speakers of a session, or speakers that share identical audio.

    ``gender`` is empty when it is unknown or mixed; ``n`` counts utterances.
    """

    name: str
    gender: str
    speakers: tuple[str, ...]
    n: int


@dataclass(frozen=True)
class Circle:
    """A corpus ready for speaker folds: its usable rows, and its speakers in a rotation of folds."""

    corpus: str
    table: pd.DataFrame
    folds: tuple[tuple[Unit, ...], ...]
    notes: tuple[str, ...]


def by_corpus(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """(corpus, its part of the table) by name; the part has the column ``row``, the row of each whole utterance."""
    for corpus, part in table.groupby("corpus", sort=True):
        yield str(corpus), part.assign(row=pd.Series([row_id(u) for u in part["id"]], part.index, dtype=object))


def circle(corpus: str, part: pd.DataFrame) -> Circle:
    """Arrange one corpus. What is too thin is dropped by name; InputError when nothing is left."""
    table, notes = enough_speakers(part)
    units = units_of(corpus, table)
    own = _own(table)
    joined = sorted({unit.name for unit in units} - set(_short(corpus, table[own].unique())))
    if joined:
        notes += (f"{corpus}: {own}s with identical audio stay in one fold: {named(joined)}",)
    unknown = table.loc[table["gender"].isna(), "speaker"].nunique()
    if unknown:
        notes += (f"{corpus}: gender unknown for {unknown} speakers: folds and dev are not balanced by it",)
    return Circle(corpus, table, arrange(units), notes)


def sessions_nest(part: pd.DataFrame) -> bool:
    """Whether dialogues in this corpus are held within a session, each speaker belonging to exactly one session."""
    session = part["session"]
    if session.isna().any() or part["dialogue"].isna().any() or part["speaker"].isna().any():
        return False
    if part.groupby("speaker")["session"].nunique().max() != 1:
        return False
    per_session = part.groupby("session")["speaker"].nunique()
    return bool(len(per_session) > 1 and per_session.max() > 1)


def units_of(corpus: str, table: pd.DataFrame) -> list[Unit]:
    """The units of one corpus, by name."""
    own = _own(table)
    units = []
    for _, part in table.groupby(linked(table[own], table["group"])):
        speakers = tuple(sorted(part["speaker"].unique()))
        name = "+".join(_short(corpus, sorted(part[own].unique())))
        genders = sorted(part["gender"].dropna().unique())
        one_gender = own == "speaker" and len(genders) == 1
        units.append(Unit(name, genders[0] if one_gender else "", speakers, len(part)))
    return sorted(units, key=lambda unit: unit.name)


def linked(*keys: pd.Series) -> np.ndarray:
    """The number of each row's set: rows that share a value of any key, directly or through others, are one set."""
    rows, columns, size = [], [], len(keys[0])
    for key in keys:
        codes, values = pd.factorize(key)
        rows_of_key = np.flatnonzero(codes >= 0)
        rows.append(rows_of_key)
        columns.append(size + codes[rows_of_key])
        size += len(values)
    i, j = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=(size, size))
    sets: np.ndarray = connected_components(graph, directed=False)[1][: len(keys[0])]
    return sets


def arrange(units: Sequence[Unit]) -> tuple[tuple[Unit, ...], ...]:
    """Folds of units, in the order in which they take turns."""
    if len(units) <= LEAVE_ONE_OUT:
        return tuple((unit,) for unit in rotation(units))
    return min((balanced(units, k) for k in FOLDS), key=_unevenness)  # of equals the fewest folds


def rotation(units: Sequence[Unit]) -> list[Unit]:
    """The units so that genders alternate as evenly as their numbers allow, each gender in the given order."""
    totals, seen = Counter(u.gender for u in units), Counter[str]()
    places = []
    for unit in units:
        seen[unit.gender] += 1
        places.append(((seen[unit.gender] - 0.5) / totals[unit.gender], unit.gender))
    order = sorted(range(len(units)), key=lambda i: places[i])
    return [units[i] for i in order]


def balanced(units: Sequence[Unit], k: int) -> tuple[tuple[Unit, ...], ...]:
    """``k`` folds: the largest unit first, each where its gender, then everybody, has the fewest utterances."""
    folds: list[list[Unit]] = [[] for _ in range(k)]
    sizes = [Counter[str | None]() for _ in range(k)]  # per gender; None: everybody
    for unit in sorted(rotation(units), key=lambda unit: -unit.n):
        i = min(range(k), key=lambda i: (sizes[i][unit.gender], sizes[i][None]))
        folds[i].append(unit)
        sizes[i].update({unit.gender: unit.n, None: unit.n})
    return tuple(tuple(rotation(fold)) for fold in folds)


def dev_speakers(circle: Circle, test: int | None = None) -> frozenset[str]:
    """The dev speakers when fold ``test`` is tested (None: another corpus is): the next in the rotation.

    About 15 % of the units outside test, at least one; empty with fewer than three speakers outside test.
    """
    n = len(circle.folds)
    start, others = (0, n) if test is None else (test + 1, n - 1)
    outside = [unit for step in range(others) for unit in circle.folds[(start + step) % n]]
    if sum(len(unit.speakers) for unit in outside) < DEV_SPEAKERS or len(outside) < 2:
        return frozenset()
    wanted = max(1, int(DEV_SHARE * len(outside) + 0.5))
    return frozenset(speaker for unit in outside[:wanted] for speaker in unit.speakers)


def no_dev(corpus: str) -> str:
    """The note for a corpus with too few speakers."""
    return f"{corpus}: no dev set: fewer than {DEV_SPEAKERS} speakers outside test; the last epoch is taken"


def make_fold(
    name: str, corpora: tuple[str, str], table: pd.DataFrame, parts: pd.Series | np.ndarray, repeat: int = 0
) -> Fold:
    """A fold of the whole ``table``; ``parts`` says train, dev or test for each of its rows.

    Raises InputError when there is one class only, nothing to test, or a class without training rows.
    """
    parts = np.asarray(parts, dtype=object)
    classes = tuple(sorted(table["label"].unique()))
    route = " -> ".join(dict.fromkeys(corpora))
    where = f"fold '{name}'" if route == name else f"{route}, fold '{name}'"
    if len(classes) < 2:
        raise InputError(f"{where}: one class only ({named(classes)}); there is nothing to tell apart")
    if not (parts == "test").any():
        raise InputError(f"{where}: nothing to test; use fewer folds or more of the corpus")
    missing = sorted(set(classes) - set(table.loc[parts == "train", "label"]))
    if missing:
        raise InputError(
            f"{where}: class {named(missing)} is missing from train; "
            "drop it with a label map, or use more of the corpus"
        )
    rows = table["row"].to_numpy()
    train, dev, test = (tuple(sorted(rows[parts == part])) for part in ("train", "dev", "test"))
    return Fold(name, *corpora, classes, train, dev, test, repeat)


def stratified(part: pd.DataFrame, k: int, rng: np.random.Generator) -> np.ndarray:
    """The number of the fold of each row: ``k`` folds alike in labels and size; a ``group`` stays in one fold."""
    groups = part.groupby("group", sort=True)["label"].agg(["first", "size"])
    groups = groups.iloc[rng.permutation(len(groups))].sort_values("first", kind="stable")
    labels, sizes = np.zeros(k, dtype=int), np.zeros(k, dtype=int)
    folds, last = {}, None
    for group, label, size in groups.itertuples():
        if label != last:
            labels[:], last = 0, label
        fold = int(np.lexsort((sizes, labels))[0])
        labels[fold] += size
        sizes[fold] += size
        folds[group] = fold
    return np.array([folds[group] for group in part["group"]])


def in_turn(number: np.ndarray, k: int) -> Iterator[np.ndarray]:
    """The parts (n,) of each of ``k`` folds, for rows in folds ``number`` (n,): one is tested, the next one is dev."""
    for i in range(k):
        yield np.where(number == i, "test", np.where(number == (i + 1) % k, "dev", "train"))


def _own(table: pd.DataFrame) -> str:
    return "session" if sessions_nest(table) else "speaker"


def _unevenness(folds: tuple[tuple[Unit, ...], ...]) -> float:
    """The gap between the largest and the smallest fold, in all and per gender, in folds of mean size."""
    gap = 0
    for gender in (None, *sorted({unit.gender for fold in folds for unit in fold})):
        sizes = [sum(unit.n for unit in fold if gender in (None, unit.gender)) for fold in folds]
        gap += max(sizes) - min(sizes)
    return gap * len(folds) / sum(unit.n for fold in folds for unit in fold)


def _short(corpus: str, names: Iterable[str]) -> list[str]:
    return [name.removeprefix(f"{corpus}/") for name in names]


def dropped(fold: Fold, labels: Mapping[str, str], batch: int, arm: str) -> tuple[Fold, dict[str, int]]:
    """The fold, for ``arm``, without its last incomplete batch, and what is lost of each class.

    Test rows lie class by class. InputError where no batch is full.
    """
    rows = sorted(fold.test, key=lambda row: (labels[utterance_of(row)], row))
    kept = rows[: len(rows) // batch * batch]
    if not kept:
        raise InputError(f"fold '{fold.name}': {len(rows)} test rows fill no batch of {batch}; set option batch lower")
    lost: dict[str, int] = {}
    for row in rows[len(kept) :]:
        label = labels[utterance_of(row)]
        lost[label] = lost.get(label, 0) + 1
    return replace(fold, test=tuple(sorted(kept)), arm=arm), lost
