"""A real classifier, retrained in every simulated experiment: scikit-learn's LDA on two feature sets, equally good."""

from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from serbench.results.statistics.confusions import Parts
from serbench.results.statistics.uncertainty import contrast
from serbench.tests.support.designs import UAR, Rng, Trial, own_scores

CLASSES, FEATURES, CLIPS = 4, 8, 8  # clips per speaker and class
STRENGTH, SHIFT = (
    1.5,
    0.6,
)  # how far apart classes are, and how far speakers shift a feature set, in deviations of clips


def features(rng: Rng, truth: np.ndarray, speaker: np.ndarray, far: float) -> np.ndarray:
    """Clips (n, features) of a corpus, drawn anew: class means, a shift of each speaker and of their classes, noise."""
    n = int(speaker.max()) + 1
    shift = rng.normal(0, far, (n, 1, FEATURES)) + rng.normal(0, far, (n, CLASSES, FEATURES))
    means = STRENGTH * np.eye(CLASSES, FEATURES)
    return np.asarray(means[truth] + shift[speaker, truth] + rng.normal(0, 1, (len(truth), FEATURES)))


def crossed(x: np.ndarray, truth: np.ndarray, speaker: np.ndarray, folds: np.ndarray, model: int, fixed: bool) -> Parts:
    """LDA tested on every fold of speakers, trained on the others."""
    confusions = np.zeros((len(folds), CLASSES, CLASSES))
    for fold in range(int(folds.max()) + 1):
        test = folds[speaker] == fold
        guess = LinearDiscriminantAnalysis().fit(x[~test], truth[~test]).predict(x[test])
        np.add.at(confusions, (speaker[test], truth[test], guess), 1)
    own, run = np.arange(len(folds)), np.zeros(len(folds), int)
    return Parts(confusions, run, model * 1_000 + folds, folds, own, np.ones(1), fixed)


def retrained(
    n: int, rng: Rng, folds: Sequence[int] | np.ndarray, fixed: bool = False, far: float = SHIFT
) -> Iterator[Trial]:
    """``n`` experiments with one training per fold of speakers; ``fixed``: the card says that training has no luck;
    ``far``: the deviation of speakers' features."""
    of_speaker = np.asarray(folds)
    speaker, truth, _ = (part.ravel() for part in np.indices((len(of_speaker), CLASSES, CLIPS)))
    for _ in range(n):
        a, b = (
            crossed(features(rng, truth, speaker, far), truth, speaker, of_speaker, model, fixed) for model in (0, 1)
        )
        old = own_scores(a, len(of_speaker)), own_scores(b, len(of_speaker))
        yield Trial(contrast([(1.0, a), (-1.0, b)], UAR), old, False, False)
