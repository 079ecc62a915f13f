"""The metrics of probabilities as functions of the weights of speakers, for resamples that need no new ranking.

A weight is how often a speaker is drawn: a whole number. With weights 1 each function is the metric itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from .probabilities import ECE_BINS
from .speakers import mean_known

_REPS = 64  # resamples of one product of matrices: they fit into the cache
Weighted = Callable[[np.ndarray], np.ndarray]  # weights (reps, speakers) -> values (reps,); NaN without rows


@dataclass(frozen=True)
class RunRows:
    """True classes (n,) as numbers, probabilities (n, C) and speakers (n,) as numbers, of one seed and repeat."""

    truth: np.ndarray
    probabilities: np.ndarray
    speaker: np.ndarray


def _sums(values: np.ndarray, rows: RunRows, n: int) -> np.ndarray:
    """Sums (speakers,) of values (rows,)."""
    return np.bincount(rows.speaker, values, n)


def weighted_brier(rows: RunRows, n: int) -> Weighted:
    """Brier score of weighted speakers."""
    true = rows.truth[:, None] == np.arange(rows.probabilities.shape[1])
    errors = _sums(((rows.probabilities - true) ** 2).sum(1), rows, n)
    sizes = np.bincount(rows.speaker, minlength=n)
    return lambda weights: (weights @ errors) / (weights @ sizes)


def weighted_ece(rows: RunRows, n: int) -> Weighted:
    """Expected calibration error of weighted speakers: |hits - sum of confidences| of every bin, over all rows."""
    sure = rows.probabilities.max(1)
    right = rows.probabilities.argmax(1) == rows.truth
    place = np.clip(np.ceil(sure * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    gaps = np.bincount(rows.speaker * ECE_BINS + place, right - sure, n * ECE_BINS).reshape(n, ECE_BINS)
    sizes = np.bincount(rows.speaker, minlength=n)
    return lambda weights: np.abs(weights @ gaps).sum(1) / (weights @ sizes)


def weighted_auc(rows: RunRows, n: int) -> Weighted:
    """Macro AUC of weighted speakers: wins of speaker s against speaker t count w(s) w(t) times."""
    classes = rows.probabilities.shape[1]
    wins = np.stack([_wins(rows.probabilities[:, c], rows.truth == c, rows.speaker, n) for c in range(classes)])
    positive = np.stack([_sums((rows.truth == c).astype(float), rows, n) for c in range(classes)])  # (C, speakers)
    negative = np.bincount(rows.speaker, minlength=n) - positive

    def of(weights: np.ndarray) -> np.ndarray:
        won = np.stack([((weights @ w) * weights).sum(1) for w in wins], 1)  # (reps, C)
        pairs = (weights @ positive.T) * (weights @ negative.T)
        return mean_known(np.where(pairs > 0, won / np.maximum(pairs, 1), np.nan), 1)

    return of


def _wins(values: np.ndarray, positive: np.ndarray, speaker: np.ndarray, n: int) -> np.ndarray:
    """Wins (speakers, speakers) of the rows that are ``mine`` over the others by value; ties count half."""
    marks, place = np.unique(values[positive], return_inverse=True)
    entering = np.zeros((len(marks) + 1, n))  # others by speaker, at the first mark that beats them, or ties: half each
    for side in ("right", "left"):
        first = np.searchsorted(marks, values[~positive], side)
        entering += _table(first, speaker[~positive], entering.shape) / 2
    beaten = np.cumsum(entering, axis=0)[:-1]  # (marks, speakers)
    wins: np.ndarray = _table(speaker[positive], place, (n, len(marks))) @ beaten
    return wins


def _table(lines: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Counts of pairs, as a matrix of that shape."""
    counts = np.bincount(lines * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(float)


def weighted_aurc(rows: RunRows, n: int) -> Weighted:
    """Area under the risk-coverage curve of weighted speakers.

    m equally sure rows of mean risk r that follow k surer ones add, to N times the area, m r (1 + H(N)) -
    r (G(k + m) - G(k)), with the harmonic numbers H and G(k) = k H(k). Where all m are right or all wrong, r does not
    depend on weights, and G cancels between neighbours: a stretch of wrong rows needs G at its two ends only.
    """
    sure = rows.probabilities.max(1)
    wrong = rows.probabilities.argmax(1) != rows.truth
    level = np.unique(-sure, return_inverse=True)[1]  # 0: the surest
    sizes, errors = (np.bincount(level, kind, level.max() + 1) for kind in (None, wrong))
    turn = np.diff(np.r_[0, errors == sizes, 0])  # 1 where a stretch of wrong levels begins, -1 behind its end
    tied = np.flatnonzero((errors > 0) & (errors < sizes))  # their risk depends on weights
    ends = (np.flatnonzero(turn == 1) - 1, np.flatnonzero(turn == -1) - 1, tied - 1, tied)
    first, last, before, after = (_surer(level, rows.speaker, n, at) for at in ends)
    mixed = wrong & np.isin(level, tied)
    errors_tied = _table(rows.speaker[mixed], np.searchsorted(tied, level[mixed]), (n, len(tied)))
    of_speaker, wrong_of = np.bincount(rows.speaker, minlength=n), _table(rows.speaker, wrong.astype(int), (n, 2))[:, 1]

    def of(weights: np.ndarray) -> np.ndarray:
        total = weights @ of_speaker
        harmonic = special.digamma(np.arange(total.max() + 1) + 1) + np.euler_gamma
        g = np.arange(len(harmonic)) * harmonic
        area = weights @ wrong_of * (1 + harmonic[total.astype(int)])
        for start in range(0, len(weights), _REPS):
            part = slice(start, start + _REPS)
            w = weights[part]
            area[part] -= (g[_drawn(w, last)] - g[_drawn(w, first)]).sum(1)
            if len(tied):
                k, end = _drawn(w, before), _drawn(w, after)
                area[part] -= (w @ errors_tied / np.maximum(end - k, 1) * (g[end] - g[k])).sum(1)
        return np.asarray(area / total)

    return of


def _surer(level: np.ndarray, speaker: np.ndarray, n: int, ends: np.ndarray) -> np.ndarray:
    """Rows (speakers, ends) of each speaker up to and with each of the rising levels ``ends``."""
    slot = np.searchsorted(ends, level)  # the first end that has the row
    counts = np.cumsum(_table(speaker, slot, (n, len(ends) + 1)), axis=1)[:, :-1]
    # 32 bits count to 2^24 without an error, in half the time
    return np.ascontiguousarray(counts, np.float32 if len(level) * n < 2**24 else np.float64)


def _drawn(weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rows (reps, ends) of counts (speakers, ends) under weights, as indices."""
    rows: np.ndarray = (weights.astype(counts.dtype) @ counts).astype(np.intp)
    return rows


WEIGHTED: dict[str, Callable[[RunRows, int], Weighted]] = {
    "auc": weighted_auc,
    "brier": weighted_brier,
    "ece": weighted_ece,
    "aurc": weighted_aurc,
}
