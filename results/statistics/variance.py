"""Where the spread of a score comes from: seeds, folds, speakers.

Sources: Searle, Casella and McCulloch 1992, "Variance Components" (analysis-of-variance estimates, chapter 4);
Shrout and Fleiss 1979, "Intraclass Correlations", Psychological Bulletin 86, 420-428.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .metrics import Metric
from .speakers import unit_scores


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of speaker scores; those that cannot be told apart are null, and ``notes`` say why.

    ``fold``: between folds beyond their speakers. ``speaker``: between speakers (of a fold). ``seed``: between seeds,
    common to all speakers. ``rest``: seed by speaker, and chance. An estimate below 0 is given as 0, and noted.
    """

    fold: float | None
    speaker: float | None
    seed: float | None
    rest: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance report of one model on one task: pooled mean, deviations, and components over speakers."""

    mean: float
    n_seeds: int
    n_folds: int
    n_speakers: int
    sd_seeds: float | None
    sd_folds: float | None
    sd_speakers: float | None
    components: Components


def two_way(scores: np.ndarray) -> tuple[float, float, float]:
    """Mean squares (lines, columns, rest) of scores (lines, columns), one each: two-way analysis of variance."""
    n, k = scores.shape
    lines, columns, grand = scores.mean(1), scores.mean(0), scores.mean()
    rest = scores - lines[:, None] - columns[None] + grand
    return (
        float(k * ((lines - grand) ** 2).sum() / (n - 1)),
        float(n * ((columns - grand) ** 2).sum() / (k - 1)),
        float((rest**2).sum() / ((n - 1) * (k - 1))),
    )


def components(scores: np.ndarray, fold: Sequence[str] | None = None) -> Components:
    """Of scores (speakers, seeds) without gaps; ``fold`` names the fold of each speaker, None: of no single one."""
    n, k = scores.shape
    notes: list[str] = []
    if n < 2:
        return Components(None, None, None, None, (f"{n} speakers: no component can be told",))
    if k < 2:
        notes.append("one seed: seed and rest cannot be told from speaker")
        between, seed, rest, noise = float(scores.mean(1).var(ddof=1)), None, None, 0.0
    else:
        ms_speaker, ms_seed, rest = two_way(scores)
        noise = rest / k
        between = _above_zero((ms_speaker - rest) / k, "speaker", notes)
        seed = _above_zero((ms_seed - rest) / n, "seed", notes)
    folds = None if fold is None else np.unique(np.array(fold), return_inverse=True)[1]
    if folds is None:
        notes.append("speakers are in several folds: no component of folds")
        return Components(None, between, seed, rest, tuple(notes))
    if folds.max() + 1 == n:
        notes.append("one speaker a fold: fold and speaker are one component")
        return Components(None, between, seed, rest, tuple(notes))
    if folds.max() == 0:
        notes.append("one fold: no component of folds")
        return Components(None, between, seed, rest, tuple(notes))
    of_fold, within = nested(scores.mean(1), folds)
    return Components(
        _above_zero(of_fold, "fold", notes), _above_zero(within - noise, "speaker", notes), seed, rest, tuple(notes)
    )


def nested(values: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """Variance components (between, within) groups of values (n,), groups as numbers, of unequal size too."""
    sizes = np.bincount(group)
    means = np.bincount(group, values) / sizes
    n, k = len(values), len(sizes)
    within = float(((values - means[group]) ** 2).sum() / (n - k))
    between = float((sizes * (means - values.mean()) ** 2).sum() / (k - 1))
    usual = (n - (sizes**2).sum() / n) / (k - 1)
    return (between - within) / usual, within


def _above_zero(value: float, what: str, notes: list[str]) -> float:
    if value < 0 and f"{what}: the estimate is below 0, given as 0" not in notes:
        notes.append(f"{what}: the estimate is below 0, given as 0")
    return max(value, 0.0)


def spread(rows: pd.DataFrame, classes: Sequence[str], metric: Metric) -> Spread:
    """Variance report of one model; rows with the columns of `statistics.PAIRED_COLUMNS`.

    Mean and ``sd_seeds`` are of the pooled score; ``sd_folds`` and ``sd_speakers`` of scores averaged over seeds.
    """
    by_run = unit_scores(rows.assign(all="all"), classes, metric, "all")
    by_seed = by_run.groupby("seed")["score"].mean().to_numpy()
    by_fold = unit_scores(rows, classes, metric, "fold").groupby(["repeat", "fold"])["score"].mean().to_numpy()
    spoken = rows[rows["speaker"].notna()]
    table = unit_scores(spoken, classes, metric, "speaker").pivot_table("score", "speaker", "seed", dropna=False)
    full = table.dropna()
    parts = components(full.to_numpy(), fold_of_speakers(spoken, list(full.index)))
    if len(full) < len(table):
        parts = Components(None, None, None, None, (f"{len(table) - len(full)} speakers lack a seed: no components",))
    speakers = np.array([np.nanmean(line) for line in table.to_numpy()])
    return Spread(
        mean=float(by_seed.mean()),
        n_seeds=len(by_seed),
        n_folds=len(by_fold),
        n_speakers=len(table),
        sd_seeds=_sd(by_seed),
        sd_folds=_sd(by_fold),
        sd_speakers=_sd(speakers),
        components=parts,
    )


def fold_of_speakers(rows: pd.DataFrame, speakers: Sequence[str]) -> list[str] | None:
    """The fold of each speaker, or None when some speaker is in several (folds of utterances)."""
    pairs = rows[["repeat", "fold", "speaker"]].drop_duplicates()
    if pairs["speaker"].duplicated().any():
        return None
    places = dict(zip(pairs["speaker"], pairs["fold"], strict=True))
    return [places[speaker] for speaker in speakers]


def _sd(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None
