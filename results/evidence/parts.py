"""The confusions of a result by run, training and cluster of speakers: what its uncertainty is computed of."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from ..statistics.confusions import Parts

Names: TypeAlias = Sequence[object] | np.ndarray | pd.Index
SPEAKERS, SESSIONS = "speakers", "sessions"


def parts_of(rows: pd.DataFrame, classes: Sequence[str]) -> Parts:
    """Of rows with ``seed, repeat, fold, row, speaker, truth, guess``; unknown speakers are one cluster.

    ``training``, ``cluster`` and ``seeded`` where they have them; else every seed, repeat and fold is a training of
    these rows alone, with luck, every speaker a cluster.
    """
    index = pd.Index(classes)
    truth, guess = (index.get_indexer(pd.Index(rows[column])) for column in ("truth", "guess"))
    seed, repeat, fold = (pd.factorize(rows[name], sort=True)[0] for name in ("seed", "repeat", "fold"))
    run, runs = codes_of_pairs(seed, repeat)
    fold = codes_of_pairs(repeat, fold)[0]
    cluster, clusters = pd.factorize(rows["cluster" if "cluster" in rows.columns else "speaker"], sort=True)
    if "training" in rows.columns:
        training, trainings = pd.factorize(rows["training"])
    else:
        training, codes = pd.factorize(run * (int(fold.max()) + 1) + fold)
        trainings = np.array([object() for _ in codes])  # shared with no other rows
    seedless = "seeded" in rows.columns and not rows["seeded"].any()
    fixed = seedless or identical_runs(seed, fold, pd.factorize(rows["row"])[0], guess)
    names = np.append(np.asarray(clusters, dtype=object), "unknown")
    return parts_from(
        run, fold, training, cluster, (truth, guess), len(classes), trainings=trainings, clusters=names,
        seeds=runs[:, 0], fixed=fixed, speakers=rows["speaker"].nunique(),
    )  # fmt: skip


def codes_of_pairs(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (n,) of pairs of numbers, in their order; and the pairs (k, 2)."""
    width = int(two.max(initial=0)) + 1
    codes, inverse = np.unique(one * width + two, return_inverse=True)
    return inverse, np.stack(np.divmod(codes, width), axis=1)


def parts_from(
    run: np.ndarray, fold: np.ndarray, training: np.ndarray, cluster: np.ndarray,
    answers: tuple[np.ndarray, np.ndarray], n_classes: int, *, trainings: Names, clusters: Names, seeds: np.ndarray,
    fixed: bool, speakers: int,
) -> Parts:  # fmt: skip
    """Of predictions (n,) as codes; ``answers``: true and chosen class, -1 where the answer is no class.

    Names of the trainings and clusters, the last of which is that of -1; the seed of each run; number of speakers.
    """
    cluster = np.where(cluster < 0, len(clusters) - 1, cluster)
    shape = (len(seeds), int(fold.max(initial=0)) + 1, len(trainings), len(clusters))
    codes, inverse = np.unique(np.ravel_multi_index((run, fold, training, cluster), shape), return_inverse=True)
    truth, guess = answers
    flat = (inverse * n_classes + truth) * (n_classes + 1) + np.where(guess < 0, n_classes, guess)
    size = (len(codes), n_classes, n_classes + 1)
    of_run, of_fold, of_training, of_cluster = np.unravel_index(codes, shape)
    repeats = np.bincount(seeds)
    return Parts(
        confusions=np.bincount(flat, minlength=int(np.prod(size))).reshape(size),
        run=of_run,
        training=np.asarray(trainings, dtype=object)[of_training],
        fold=of_fold.astype(object),
        cluster=np.asarray(clusters, dtype=object)[of_cluster],
        weight=1 / ((repeats > 0).sum() * repeats[seeds]),
        fixed=fixed,
        unit=SPEAKERS if len(np.unique(of_cluster)) == speakers else SESSIONS,
    )


def identical_runs(seed: np.ndarray, fold: np.ndarray, row: np.ndarray, guess: np.ndarray) -> bool:
    """Whether there are several seeds and all of them gave the same answers (n,) to the same rows."""
    n = len(np.unique(seed))
    return n > 1 and [len(group) for group in equal_seeds(seed, fold, row, guess)] == [n]


def equal_seeds(seed: np.ndarray, fold: np.ndarray, row: np.ndarray, guess: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Seeds, as numbers, that gave the same answers to the same rows: groups of two or more."""
    if not len(seed):
        return ()
    order = np.lexsort((row, fold, seed))
    answers = np.stack([fold, row, guess])[:, order]
    names, start = np.unique(seed[order], return_index=True)
    groups: dict[bytes, list[int]] = {}
    for name, part in zip(names, np.split(answers, start[1:], axis=1), strict=True):
        groups.setdefault(np.ascontiguousarray(part).tobytes(), []).append(int(name))
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
