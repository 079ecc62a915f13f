"""Predictions made elsewhere: a CSV or Parquet file with ``id, truth``, and ``guess`` or one score per class."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import InputError
from .groups import GROUPS

RESERVED = ("id", "truth", "guess", "speaker", "seed", "fold", "repeat", "n_train", *GROUPS)


@dataclass(frozen=True)
class PredictionsFile:
    """A file as the statistics take it.

    ``rows`` has the columns of `statistics.PAIRED_COLUMNS`, ``log_probability`` (a list, or None), and those of
    `groups.GROUPS` that the file has. ``notes`` say what was concluded or left out. ``n_train``: how many rows a fold
    was trained on, without dev, mean over folds; None where the file does not say.
    """

    name: str
    classes: tuple[str, ...]
    rows: pd.DataFrame
    notes: tuple[str, ...]
    n_train: float | None = None

    @property
    def has_speakers(self) -> bool:
        """Whether the speaker of every row is known."""
        return bool(self.rows["speaker"].notna().all())

    @property
    def cross_validates(self) -> bool:
        """Whether the folds of every seed and repeat are several, disjoint, and hold all rows of the file together."""
        every = self.rows["row"].nunique()
        runs = self.rows.groupby(["seed", "repeat"]).agg(
            n=("row", "size"), rows=("row", "nunique"), folds=("fold", "nunique")
        )
        return bool(((runs["n"] == every) & (runs["rows"] == every) & (runs["folds"] > 1)).all())


def read(path: Path) -> PredictionsFile:
    """Read a file. Raises InputError for missing columns, labels or numbers, and for rows that are there twice."""
    table = _table(path)
    lacking = [c for c in ("id", "truth") if c not in table.columns]
    if lacking:
        raise InputError(f"{path}: no column {', '.join(lacking)}; needed: id, truth, and guess or one score per class")
    notes: list[str] = []
    if not len(table):
        raise InputError(f"{path}: no rows")
    for column in ("id", "truth", *(["guess"] if "guess" in table.columns else [])):
        if table[column].isna().any():
            raise InputError(f"{path}: column {column} is empty in {int(table[column].isna().sum())} rows; fill it in")
        table[column] = table[column].astype(str)
    scored = _score_columns(path, table, notes)
    classes = tuple(sorted({*table["truth"], *scored, *(table["guess"] if "guess" in table.columns else ())}))
    guess, log_probability = _decide(path, table, scored, classes, notes)
    rows = _rows(table).assign(guess=guess, log_probability=log_probability)
    doubled = rows.duplicated(["seed", "repeat", "fold", "row"])
    if doubled.any():
        raise InputError(f"{path}: id {rows['row'][doubled].iloc[0]} is there twice; give each id once per seed")
    if "speaker" not in table.columns:
        notes.append("no column speaker: no interval, and no test over speakers")
    return PredictionsFile(path.name, classes, rows, tuple(notes), _n_train(path, table, rows))


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


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        # text stays text: a speaker 03 is not the number 3, a class "nan" or "None" is not missing
        labels = dict.fromkeys(("id", "truth", "guess", "speaker", *GROUPS), str)
        return pd.read_csv(path, dtype=labels, keep_default_na=False, na_values=[""])
    except (ValueError, OSError) as error:  # ParserError and ArrowInvalid are ValueErrors
        raise InputError(f"{path}: not readable as CSV or Parquet: {' '.join(str(error).split())}") from error


def _score_columns(path: Path, table: pd.DataFrame, notes: list[str]) -> list[str]:
    """The columns that hold one score per class."""
    others = [c for c in table.columns if c not in RESERVED]
    if "guess" in table.columns:
        labels = {*table["truth"], *table["guess"]}
        scored = [c for c in others if c in labels]
        left = [c for c in others if c not in labels]
        if scored and (lacking := sorted(labels - set(scored))):
            notes.append(f"scores left out: there is none for class {', '.join(lacking)}")
            return []
        if left:
            notes.append(f"columns left out: {', '.join(left)}")
    else:
        scored = others
        if lacking := sorted(set(table["truth"]) - set(scored)):
            raise InputError(f"{path}: no column guess, and no score column for class {', '.join(lacking)}")
    for column in scored:
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column {column} is taken as scores of a class and holds no numbers; drop it")
        if not np.isfinite(table[column].to_numpy(float)).all():
            raise InputError(f"{path}: column {column}: some scores are missing or infinite")
    return scored


def _decide(
    path: Path, table: pd.DataFrame, scored: list[str], classes: tuple[str, ...], notes: list[str]
) -> tuple[list[str], list[list[float] | None]]:
    """The chosen class of each row, and its log-probabilities where the scores are probabilities or their logs."""
    nothing: list[list[float] | None] = [None] * len(table)
    if not scored:
        return table["guess"].tolist(), nothing
    scores = table[list(classes)].to_numpy(float)
    best = np.array(classes)[scores.argmax(1)].tolist()
    tied = int(((scores == scores.max(1, keepdims=True)).sum(1) > 1).sum())
    if tied and "guess" not in table.columns:
        notes.append(f"{tied} rows have several classes with the highest score: the first by name is taken")
    guess = table["guess"].tolist() if "guess" in table.columns else best
    differ = sum(g != b for g, b in zip(guess, best, strict=True))
    if differ:
        notes.append(f"guess is not the class with the highest score in {differ} rows: scores are left out")
        return guess, nothing
    if (scores >= 0).all() and (np.abs(scores.sum(1) - 1) < 1e-3).all():
        with np.errstate(divide="ignore"):
            return guess, np.log(scores / scores.sum(1, keepdims=True)).tolist()
    if (scores <= 0).all() and (np.abs(np.exp(scores).sum(1) - 1) < 1e-3).all():
        return guess, scores.tolist()
    notes.append("scores are neither probabilities nor their logarithms: no metric of probabilities")
    return guess, nothing


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    """Facts of each row; what the file does not have is one seed, one fold."""
    n = len(table)

    def column(name: str, usual: object) -> pd.Series:
        return table[name] if name in table.columns else pd.Series([usual] * n, index=table.index, dtype=object)

    rows = pd.DataFrame(
        {
            "seed": column("seed", 0), "repeat": column("repeat", 0), "fold": column("fold", "all"),
            "fold_hash": "", "row": table["id"], "utterance": table["id"], "speaker": column("speaker", None),
            "truth": table["truth"],
        }
    )  # fmt: skip
    return rows.assign(**{c: table[c] for c in GROUPS if c in table.columns})
