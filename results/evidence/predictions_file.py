"""Predictions made elsewhere: a CSV or Parquet file with ``id, truth``, and ``guess`` or one score per class.

The classes are those of the truth, or given. An answer in other words is read as the class that it names
(`emotion_words`); one that names none keeps its words and counts as wrong.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ...emotion_words import one_spelling, reader_of
from ...errors import InputError, named
from ...identities import doubt_key, doubts, is_unknown, question
from .groups import GROUPS
from .predictions_scores import ClassScores, scores_of
from .predictions_table import read_table

RESERVED = ("id", "truth", "guess", "speaker", "seed", "fold", "repeat", "n_train", *GROUPS)
_TEXTS = ("id", "truth", "guess", "speaker", *GROUPS)
_NULLS = frozenset({"nan", "none", "null", "na", "n/a", "<na>"})
_NAMED = 3  # answers that a note names
_FEW = 0.1  # of the rows, whose speakers may be unknown
_LONG = 40  # characters of an answer that a note shows
Reader = Callable[[str], str | None]


@dataclass(frozen=True)
class PredictionsFile:
    """A file as the statistics take it.

    ``rows`` has the columns of `statistics.PAIRED_COLUMNS`, ``log_probability`` (a list, or None), and those of
    `groups.GROUPS` that the file has; ``n_outside`` of its guesses are no class. ``notes`` say what was concluded or
    left out. ``n_train``: how many rows a fold was trained on, without dev, mean over folds; None where the file does
    not say.
    """

    name: str
    classes: tuple[str, ...]
    rows: pd.DataFrame
    notes: tuple[str, ...]
    n_train: float | None = None

    @cached_property
    def clustered(self) -> pd.DataFrame:
        """The rows as statistics over speakers take them: one of a few whose speaker is unknown is a speaker by itself.

        Of more than a tenth nobody knows how many speakers they are: they stay unknown.
        """
        unknown = self.rows["speaker"].isna()
        if not 0 < unknown.mean() <= _FEW:
            return self.rows
        alone = "unknown, " + self.rows["row"].astype(str)
        return self.rows.assign(speaker=self.rows["speaker"].where(~unknown, alone))

    @property
    def has_speakers(self) -> bool:
        """Whether there are clusters of speakers: the speaker of every row is known, but for a few."""
        return bool(self.clustered["speaker"].notna().all())

    @property
    def n_outside(self) -> int:
        """Guesses that are none of the classes."""
        return int((~self.rows["guess"].isin(self.classes)).sum())

    @property
    def cross_validates(self) -> bool:
        """Whether the folds of every seed and repeat are several, and hold all rows of the file together."""
        every = self.rows["row"].nunique()
        runs = self.rows.groupby(["seed", "repeat"]).agg(n=("row", "size"), folds=("fold", "nunique"))
        return bool(((runs["n"] == every) & (runs["folds"] > 1)).all())


def read(path: Path, classes: Sequence[str] = (), distinct: bool = False) -> PredictionsFile:
    """Read a file; ``classes`` of the task, by default those of the truth.

    Speakers that may be one are one unless ``distinct``. Raises InputError for missing columns, labels or numbers, for
    a truth that is none of the classes, and for ids that contradict themselves or count twice.
    """
    table, notes = read_table(path, _TEXTS, RESERVED)
    _check_columns(path, table)
    classes = _classes(path, table, classes, notes)
    read_word = reader_of(classes)
    scores = scores_of(path, table, [c for c in table.columns if c not in RESERVED], classes, read_word, notes)
    guess = _guesses(table, scores, classes, read_word, notes)
    rows = _rows(table, distinct, notes).assign(guess=guess, log_probability=scores.log_probabilities(guess, notes))
    _check_rows(path, rows)
    if "speaker" not in table.columns:
        notes.append("no column speaker: no interval, and no test over speakers")
    notes += _of_runs(rows)
    return PredictionsFile(path.name, classes, rows, tuple(notes), _n_train(path, table, rows))


def with_speakers_of(file: PredictionsFile, other: PredictionsFile) -> PredictionsFile:
    """The file with the names that another has for the same speakers, and a note: 3 where that has 03."""
    theirs, ours = (one.rows["speaker"].dropna().unique() for one in (other, file))
    names = {doubt_key(name.partition(" = ")[0]): name for name in theirs}
    one = {name: names.get(doubt_key(name.partition(" = ")[0]), name) for name in ours}
    pairs = [(name, said) for name, said in sorted(one.items()) if name != said]
    if not pairs:
        return file
    asked = question(f"speakers of {file.name} and {other.name}", pairs)
    note = f"{asked} They count as one; --distinct keeps them apart"
    rows = file.rows.assign(speaker=file.rows["speaker"].map(one))
    return replace(file, rows=rows, notes=(*file.notes, note))


def _check_columns(path: Path, table: pd.DataFrame) -> None:
    if lacking := [c for c in ("id", "truth") if c not in table.columns]:
        has = named(table.columns, 8)
        raise InputError(
            f"{path}: no column {', '.join(lacking)}; needed: id, truth, and guess or one score per class; it has {has}"
        )
    for column in ("id", "truth", "guess", "seed", "fold", "repeat"):
        if column in table.columns and (n := int(table[column].isna().sum())):
            raise InputError(f"{path}: column {column} is empty in {n} rows; fill it in")


def _classes(path: Path, table: pd.DataFrame, classes: Sequence[str], notes: list[str]) -> tuple[str, ...]:
    """The classes of the task; given ones are what the truths are read as."""
    truths = table["truth"].value_counts()
    if not classes:
        one = one_spelling(truths.to_dict())
        if several := sorted(f"{word} as {name}" for word, name in one.items() if word != name):
            notes.append(f"spellings of one class in the truth: {named(several, _NAMED)}")
            table["truth"] = table["truth"].map(one)
            truths = table["truth"].value_counts()
        names = tuple(sorted(truths.index))
        alike = [name for name in names if reader_of([n for n in names if n != name])(name)]
        if alike:
            notes.append(f"classes of the truth that may be one: {named(alike)}; --classes would read them as one")
        notes.extend(
            f"the truth '{n}' is taken as a class ({truths[n]} of {len(table)} rows)"
            for n in names
            if n.lower() in _NULLS
        )
        return names
    if len({*classes}) < max(len(classes), 2):
        raise InputError(f"classes {named(classes, 12)}: name two or more, each once")
    words = {truth: reader_of(classes)(truth) for truth in truths.index}
    for truth, name in words.items():
        if name is None:
            first = table.loc[table["truth"] == truth, "id"].iloc[0]
            raise InputError(
                f"{path}: truth '{_short(truth)}' of id {first} is none of the classes {named(classes, 12)}; name it "
                f"among them, or leave its {truths[truth]} rows out"
            )
    table["truth"] = table["truth"].map(words)
    return tuple(classes)


def _guesses(
    table: pd.DataFrame, scores: ClassScores, classes: tuple[str, ...], read_word: Reader, notes: list[str]
) -> list[str]:
    """The chosen class of each row; an answer that names none as it is."""
    answers = table["guess"].tolist() if "guess" in table.columns else scores.best(notes)
    counted = Counter(answers)
    words = {answer: read_word(answer) for answer in counted}
    other = {a: n for a, n in counted.most_common() if words[a] not in (None, a)}
    outside = {a: n for a, n in counted.most_common() if words[a] is None}
    if other:
        pairs = [f"{_short(answer)} as {words[answer]} {n}" for answer, n in other.items()]
        notes.append(f"{sum(other.values())} answers in other words: {named(pairs, _NAMED)}")
    if outside:
        words_outside = named((f"'{_short(answer)}' {n}" for answer, n in outside.items()), _NAMED)
        notes.append(
            f"{sum(outside.values())} of {len(answers)} answers are none of the classes {named(classes, 12)} and count "
            f"as wrong: {words_outside}"
        )
    return [words[answer] or answer for answer in answers]


def _short(answer: str) -> str:
    text = " ".join(answer.split())
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _rows(table: pd.DataFrame, distinct: bool, notes: list[str]) -> pd.DataFrame:
    """Facts of each row; what the file does not have is one seed, one fold."""
    n = len(table)

    def column(name: str, usual: object) -> pd.Series:
        return table[name] if name in table.columns else pd.Series([usual] * n, index=table.index, dtype=object)

    rows = pd.DataFrame(
        {
            "seed": column("seed", 0), "repeat": column("repeat", 0), "fold": column("fold", "all"),
            "fold_hash": "", "row": table["id"], "utterance": table["id"],
            "speaker": _speakers(column("speaker", None), distinct, notes), "truth": table["truth"],
        }
    )  # fmt: skip
    return rows.assign(**{c: table[c] for c in GROUPS if c in table.columns})


def _speakers(names: pd.Series, distinct: bool, notes: list[str]) -> pd.Series:
    """The speakers: nobody where a word says that nobody knows; names that may be one are one, unless ``distinct``."""
    unknown = names.isna() | names.map(is_unknown, na_action="ignore").eq(True)
    if words := sorted(set(names[unknown].dropna())):
        said = named((f"'{word}'" for word in words), _NAMED)
        notes.append(f"speaker {said} is nobody: the speaker of {int(unknown.sum())} of {len(names)} rows is unknown")
    names = names.astype(object).where(~unknown, None)
    found = doubts(names.dropna().unique())
    if found.sets:
        fate = (
            "They are kept apart, as --distinct says" if distinct else "They count as one; --distinct keeps them apart"
        )
        notes.append(f"{question('speakers', found.sets)} {fate}")
    if found.sets and not distinct:
        return names.map(lambda name: None if name is None else found.of(name))
    return names


def _check_rows(path: Path, rows: pd.DataFrame) -> None:
    """InputError for an id that counts twice, and for one with two truths or speakers."""
    run = ["seed", "repeat", "row"]
    if (doubled := rows.duplicated(["fold", *run])).any():
        raise InputError(f"{path}: id {rows['row'][doubled].iloc[0]} is there twice; give each id once per seed")
    if (doubled := rows.duplicated(run)).any():
        seed, repeat, row = rows.loc[doubled, run].iloc[0]
        same = rows[(rows[run] == [seed, repeat, row]).all(axis=1)]
        raise InputError(
            f"{path}: id {row} is tested in folds {named(same['fold'], between=' and ')} of seed {seed} and repeat "
            f"{repeat}, and would count twice; number repeated tests in the column repeat"
        )
    for column in ("truth", "speaker"):
        values = rows[["row", column]].drop_duplicates()
        if (several := values.duplicated("row")).any():
            row = values["row"][several].iloc[0]
            both = " and ".join("none" if pd.isna(v) else f"'{v}'" for v in values.loc[values["row"] == row, column])
            raise InputError(f"{path}: id {row} has {column} {both}; an id is one clip, with one {column}")


def _of_runs(rows: pd.DataFrame) -> list[str]:
    """What must be known of the rows of seeds and folds."""
    notes = []
    every = rows["row"].unique()
    for seed, part in rows.groupby("seed"):
        if len(lacking := pd.Index(every).difference(part["row"], sort=False)):
            notes.append(f"seeds hold different ids: seed {seed} lacks {len(lacking)} of {len(every)}, as {lacking[0]}")
            break
    pairs = rows[["seed", "repeat", "fold", "speaker"]].dropna().drop_duplicates()
    if (again := pairs.duplicated(["seed", "repeat", "speaker"])).any():
        notes.append(
            f"speakers are in several folds, as {pairs['speaker'][again].iloc[0]}: intervals over speakers are not "
            "about new speakers"
        )
    return notes


def _n_train(path: Path, table: pd.DataFrame, rows: pd.DataFrame) -> float | None:
    """Mean over folds of the column ``n_train``."""
    if "n_train" not in table.columns:
        return None
    sizes = pd.to_numeric(table["n_train"], errors="coerce")
    if not np.isfinite(sizes).all() or (sizes <= 0).any():
        raise InputError(f"{path}: column n_train: give the number of training rows of the fold, above 0, in every row")
    by_fold = sizes.groupby([rows["seed"], rows["repeat"], rows["fold"]])
    if (by_fold.nunique() > 1).any():
        fold = by_fold.nunique().idxmax()[2]
        raise InputError(f"{path}: column n_train differs within fold {fold}; give one number for a fold")
    return float(by_fold.first().mean())
