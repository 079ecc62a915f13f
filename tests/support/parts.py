"""Confusions and rows of simulated models, for the tests of what scores may be off by."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from serbench.results.statistics.confusions import Parts

CLASSES = ("angry", "happy", "sad")


def parts_of_hits(
    hits: np.ndarray, support: np.ndarray, fold_of: Sequence[int] | None = None, side: str = "a", fixed: bool = False
) -> Parts:
    """Of hits (runs, speakers, C) among the clips (speakers, C); a wrong answer names the next class, or none of one.

    ``fold_of``: the fold of each speaker, without which each has one; every run trains anew on every fold.
    """
    runs, n, classes = hits.shape
    fold = np.arange(n) if fold_of is None else np.asarray(fold_of)
    confusions = np.zeros((runs, n, classes, classes + 1))
    k = np.arange(classes)
    confusions[..., k, k], confusions[..., k, (k + 1) % classes if classes > 1 else 1] = hits, support - hits
    run, speaker = (codes.ravel() for codes in np.indices((runs, n)))
    training = [f"{side} {r} {f}" for r, f in zip(run, fold[speaker], strict=True)]
    return Parts(
        confusions.reshape(-1, classes, classes + 1), run, np.array(training, object), fold[speaker].astype(object),
        np.array([f"s{s}" for s in speaker], object), np.full(runs, 1 / runs), fixed,
    )  # fmt: skip


def random_rows(
    places: np.random.Generator, answers: np.random.Generator, side: str = "a", seeds: int = 2, repeats: int = 1,
    speakers: int = 6, folds: int | None = None, most: int = 8, skill: float = 0.6,
    says: Sequence[str] = (*CLASSES, "no class"),
) -> pd.DataFrame:  # fmt: skip
    """Rows of a model. ``places`` draws speakers' clips, up to ``most`` each, of few classes; ``answers`` the rest.

    Sides with the same places have the same rows. ``folds``: of speakers; without, each has one.
    """
    clips = [
        (f"s{s}", f"s{s}/{k}", truth)
        for s in range(speakers)
        for k, truth in enumerate(places.choice(CLASSES, places.integers(1, most + 1), p=places.dirichlet([1, 1, 1])))
    ]
    lines = []
    for seed in range(seeds):
        for repeat in range(repeats):
            for speaker, row, truth in clips:
                guess = truth if answers.random() < skill else answers.choice(says)
                fold = f"f{int(speaker[1:]) % (folds or speakers)}"
                training = f"{side} {seed} {repeat} {fold}"
                lines.append((seed, repeat, fold, fold, training, row, speaker, truth, guess))
    columns = ["seed", "repeat", "fold", "fold_hash", "training", "row", "speaker", "truth", "guess"]
    return pd.DataFrame(lines, columns=columns)
