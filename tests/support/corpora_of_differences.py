"""Differences on several corpora whose truth is known, and a published meta-analysis."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from serbench.results.statistics.confusions import Parts
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.random_effects import random_effects, with_luck
from serbench.results.statistics.uncertainty import Term, contrast

Rng = np.random.Generator
#: tuberculosis and not, vaccinated and not, of 13 trials of BCG (Colditz et al. 1994, JAMA 271, 698-702)
TRIALS = np.array(
    [
        (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761),
        (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232),
        (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
    ],
    float,
)  # fmt: skip


def log_risk_ratios(trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimates and standard errors (trials,)."""
    ill, well, ill_0, well_0 = trials.T
    estimate = np.log(ill / (ill + well)) - np.log(ill_0 / (ill_0 + well_0))
    return estimate, np.sqrt(1 / ill - 1 / (ill + well) + 1 / ill_0 - 1 / (ill_0 + well_0))


BCG = log_risk_ratios(TRIALS)


def difference_alarms(rng: Rng, sizes: Sequence[int], tau: float, runs: int) -> float:
    """False alarms at 5 %: speakers of corpora of these ``sizes`` differ by 10 points, their errors are measured."""
    n = np.array(sizes)
    p = []
    for _ in range(runs):
        true = 0.1**2 / n
        d = rng.normal(0, np.sqrt(tau**2 + true))
        p.append(random_effects(d, np.sqrt(true * rng.chisquare(n - 1) / (n - 1))).uncertainty.p())
    return float(np.mean(np.array(p, float) < 0.05))


def equal_models(rng: Rng, sizes: Sequence[int], luck: float, tau: float = 0.0, seeds: int = 3) -> float:
    """p of two equal models, each trained once a seed and tested on all corpora."""
    lucks = rng.normal(0, luck, (2, seeds))
    each: list[list[Term]] = []
    for corpus, n in enumerate(sizes):
        level, tilt = rng.normal(0.6, 0.08, n), rng.normal(0, tau) + rng.normal(0, 0.08, n)
        clips = rng.integers(4, 20, n)
        skills = [level + sign * tilt / 2 + lucks[k][:, None] for k, sign in enumerate((1, -1))]
        models = [_parts(rng, f"{model}", corpus, s, clips) for model, s in zip("ab", skills, strict=True)]
        each.append([(1.0, models[0]), (-1.0, models[1])])
    uar = METRICS["uar"]
    found = [contrast(terms, uar) for terms in each]
    summary = random_effects(np.array([u.estimate for u in found]), np.array([u.error for u in found], float))
    terms = [(w * x, parts) for w, of in zip(summary.weights, each, strict=True) for x, parts in of]
    without = [(x, replace(parts, fixed=True)) for x, parts in terms]
    p = with_luck(summary, contrast(terms, uar), contrast(without, uar)).uncertainty.p()
    assert p is not None
    return p


def _parts(rng: Rng, model: str, corpus: int, skill: np.ndarray, clips: np.ndarray, n_classes: int = 4) -> Parts:
    """Of skills (seeds, speakers) and clips (speakers,) per class."""
    seeds, n = skill.shape
    hits = rng.binomial(clips[None, :, None], np.clip(skill, 0.02, 0.98)[:, :, None], (seeds, n, n_classes))
    confusions = np.zeros((seeds * n, n_classes, n_classes + 1), int)
    classes = np.arange(n_classes)
    confusions[:, classes, classes] = hits.reshape(-1, n_classes)
    confusions[:, classes, (classes + 1) % n_classes] = (clips[None, :, None] - hits).reshape(-1, n_classes)
    run, speaker = np.divmod(np.arange(seeds * n), n)
    return Parts(
        confusions, run, np.array([f"{model}-{k}" for k in run], object), np.zeros(len(run), object),
        np.array([f"{corpus}/{s}" for s in speaker], object), np.full(seeds, 1 / seeds),
    )  # fmt: skip
