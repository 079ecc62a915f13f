"""Simulated experiments as `Parts`: designs, luck, and what tests and intervals make of them.

Two models that are equally good; whatever they differ by is speakers, luck of training, and clips. Training luck moves
all recalls of one training; a speaker suits each model differently; wrong answers go to the next class.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special, stats

from serbench.results.statistics.confusions import Parts
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.score_intervals import clips, score_interval
from serbench.results.statistics.uncertainty import Uncertainty, contrast

UAR = METRICS["uar"]
EVERY = 10  # one model fails on every tenth speaker, where speakers are skewed
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Design:
    """Who is tested by what: clips (speakers, classes), the fold of each speaker, seeds of both models.

    ``clusters`` (speakers,) where speakers come in dyads.
    """

    name: str
    clips: Callable[[Rng], np.ndarray]
    folds: np.ndarray
    seeds: tuple[int, int] = (1, 1)
    clusters: np.ndarray | None = None

    def of(self, *seeds: int) -> "Design":
        """With so many seeds of the first and second model."""
        return replace(self, seeds=(seeds[0], seeds[-1]))


@dataclass(frozen=True)
class Luck:
    """Standard deviations of recalls: by training, by speaker and model, by speaker, by training and class.

    ``base``: the expected recall. ``skewed``: the first model is worse by 2.7 ``tilt`` on every tenth speaker, and
    better by as much in all on the others; ``sampled``: who these are is drawn, one in ten on average. ``profile``: by
    how much the first model is better on the most frequent class and worse on the rarest, and the second the other way.
    """

    training: float = 0.0
    tilt: float = 0.0
    level: float = 0.08
    classes: float = 0.0
    base: float = 0.6
    skewed: bool = False
    sampled: bool = False
    profile: float = 0.0


def even(name: str, speakers: int, folds: int, row: tuple[int, ...] = (8,) * 6, pairs: bool = False) -> Design:
    """Speakers with the same clips each; in dyads, if asked."""
    table = np.tile(row, (speakers, 1))
    fold = np.arange(speakers) * folds // speakers
    return Design(name, lambda _: table, fold, clusters=np.arange(speakers) // 2 if pairs else None)


def fixed(name: str, table: np.ndarray, folds: int = 1) -> Design:
    """Speakers with the clips of a table (speakers, classes)."""
    return Design(name, lambda _: table, np.arange(len(table)) * folds // len(table))


def lognormal(name: str, speakers: int, folds: int = 1) -> Design:
    """Speakers whose clips per class are lognormal (deviation 1 of the logarithm), drawn anew each time."""

    def drawn(rng: Rng) -> np.ndarray:
        return np.repeat(np.maximum(rng.lognormal(2, 1, (speakers, 1)), 1).astype(int), 6, axis=1)

    return Design(name, drawn, np.arange(speakers) * folds // speakers)


def holes(name: str, speakers: int, folds: int = 1) -> Design:
    """Speakers who lack four classes in ten, drawn once; the first has all."""
    table = np.random.default_rng(0).binomial(1, 0.6, (speakers, 6)) * 10
    table[0] = 10
    return fixed(name, table, folds)


def drawn_parts(rng: Rng, table: np.ndarray, recall: np.ndarray, design: Design, model: int) -> Parts:
    """Answers to the clips of a table at recalls (seeds, speakers, classes)."""
    n_seeds, n_speakers, n_classes = recall.shape
    hits = rng.binomial(table[None], np.clip(recall, 0.002, 0.998))
    confusions = np.zeros((n_seeds, n_speakers, n_classes, n_classes))
    own = np.arange(n_classes)
    confusions[..., own, own] = hits
    confusions[..., own, (own + 1) % n_classes] = table - hits
    run = np.repeat(np.arange(n_seeds), n_speakers)
    speaker = np.tile(np.arange(n_speakers), n_seeds)
    fold = design.folds[speaker]
    training = (model * 1_000 + run) * 1_000 + fold
    cluster = speaker if design.clusters is None else design.clusters[speaker]
    weight = np.full(n_seeds, 1 / n_seeds)
    return Parts(confusions.reshape(-1, n_classes, n_classes), run, training, fold, cluster, weight)


def two_models(rng: Rng, design: Design, luck: Luck) -> tuple[np.ndarray, Parts, Parts]:
    """The clips, and two models of equal expectation."""
    table = design.clips(rng)
    n_speakers, n_classes = table.shape
    level = rng.normal(luck.base, luck.level, n_speakers)
    parts = []
    tilt: np.ndarray
    for model in (0, 1):
        if luck.sampled:
            fails = rng.random(n_speakers) < 1 / EVERY
            tilt = np.asarray(np.where(fails, -0.9, 0.1) * 3 * luck.tilt * (1 - model))
        elif luck.skewed:
            tilt = skewed_tilt(table, luck.tilt) * (1 - model)
        elif design.clusters is not None:
            tilt = rng.normal(0, luck.tilt, design.clusters.max() + 1)[design.clusters]
        else:
            tilt = rng.normal(0, luck.tilt, (n_speakers,))
        shape = (design.seeds[model], int(design.folds.max()) + 1)
        whole = rng.normal(0, luck.training, shape)[:, design.folds, None]
        by_class = rng.normal(0, luck.classes, (*shape, n_classes))[:, design.folds]
        rank = np.argsort(np.argsort(-table.sum(0), kind="stable"))
        profile = (1 - 2 * model) * luck.profile * (1 - 2 * rank / (n_classes - 1))
        recall = (level + tilt)[:, None] + whole + by_class + profile
        parts.append(drawn_parts(rng, table, recall, design, model))
    return table, parts[0], parts[1]


def skewed_tilt(table: np.ndarray, deviation: float) -> np.ndarray:
    """One speaker in ten far below the others, with a mean of 0 by their shares in UAR."""
    tilt = np.where(np.arange(len(table)) % EVERY == 0, -0.9, 0.1) * 3 * deviation
    share = (table / table.sum(0)).mean(1)
    return np.asarray(tilt - share @ tilt)


def own_scores(parts: Parts, n_speakers: int) -> np.ndarray:
    """UAR (speakers,) over the classes each has, averaged over seeds: what the old test took."""
    return np.asarray(UAR.of(parts.confusions).reshape(-1, n_speakers).mean(0))


def comparisons(n: int, rng: Rng, design: Design, luck: Luck) -> Iterator["Trial"]:
    """``n`` experiments."""
    for _ in range(n):
        table, a, b = two_models(rng, design, luck)
        score = score_interval(a, UAR)
        covered = score.low is not None and score.high is not None and score.low <= luck.base <= score.high
        old = own_scores(a, len(table)), own_scores(b, len(table))
        yield Trial(contrast([(1.0, a), (-1.0, b)], UAR), old, covered, score.about == "algorithms")


@dataclass(frozen=True, eq=False)
class Trial:
    """One experiment: the contrast of two models, their speakers' own scores, and the interval of the first."""

    new: Uncertainty
    old: tuple[np.ndarray, np.ndarray]
    covered: bool
    of_algorithm: bool


@dataclass(frozen=True)
class Alarms:
    """Sums over ``n`` experiments.

    ``alarms`` of the new test, ``before`` of the old one; ``power`` at three true standard errors, and that of a t
    test which knows the standard error (``ideal``); ``covered``: intervals of the score that hold it. ``refusal``:
    why there is no test of the algorithms; ``untold``: experiments in which that was so.
    """

    n: int
    alarms: int = 0
    before: int = 0
    power: float = 0.0
    ideal: float = 0.0
    covered: int = 0
    scored: int = 0
    sd: float = 0.0
    error: float = 0.0
    df: float = 0.0
    refusal: str = ""
    untold: int = 0


def alarms(n: int, seed: int, design: Design, luck: Luck) -> Alarms:
    """How often two equal models are called different."""
    return summary(list(comparisons(n, np.random.default_rng(seed), design, luck)))


def summary(trials: list[Trial]) -> Alarms:
    """What experiments add up to."""
    n = len(trials)
    before = int((paired(trials) < 0.05).sum())
    scored = sum(t.of_algorithm for t in trials)
    covered = sum(t.covered for t in trials if t.of_algorithm)
    tests = [t.new for t in trials if t.new.about == "algorithms" and not t.new.reason]
    untold = n - len(tests)
    first = next((t.new for t in trials if t.new.about != "algorithms" or t.new.reason), None)
    refusal = "" if first is None else first.reason or f"trained models only: {first.n_trainings} seeds"
    if not tests:
        return Alarms(n, before=before, covered=covered, scored=scored, refusal=refusal, untold=untold)
    sd = float(np.std([t.estimate for t in tests]))
    df = np.array([t.df for t in tests])
    below = np.array([t.p() for t in tests], float) < 0.05
    # that of a shifted truth: the estimates move by three true standard errors, their errors stay
    seen = np.array([t.p(-3 * sd) for t in tests], float) < 0.05
    edge = special.stdtrit(df, 0.975)
    ideal = float((stats.norm.sf(edge - 3) + stats.norm.cdf(-edge - 3)).mean())
    error = float(np.sqrt(np.mean([(t.error or 0.0) ** 2 for t in tests])))
    return Alarms(
        n, int(below.sum()), before, float(seen.mean()), ideal, covered, scored, sd, error, float(np.median(df)),
        refusal, untold,
    )  # fmt: skip


def paired(trials: list[Trial]) -> np.ndarray:
    """p (n,) of scipy's paired t over speakers' own scores; 1 where these do not differ."""
    a, b = (np.stack([trial.old[k] for trial in trials]) for k in (0, 1))
    apart = np.ptp(a - b, axis=1) > 1e-12
    p = np.ones(len(a))
    p[apart] = stats.ttest_rel(a[apart], b[apart], axis=1).pvalue
    return p


@dataclass(frozen=True)
class Bounds:
    """Of ``n`` intervals of a score: how many hold the truth, and whose lower bound is below it; median widths.

    ``wilson``: Wilson's at the clips there are; ``wilson_true`` at as many as have the true variance.
    """

    n: int
    covered: int
    lower: int
    width: float
    wilson: float
    wilson_true: float
    about: str


def bounds(n: int, seed: int, design: Design, luck: Luck) -> Bounds:
    """How intervals hold a recall near 1: speakers and trainings are normal on the logistic scale."""
    rng = np.random.default_rng(seed)
    base, slope = luck.base, luck.base * (1 - luck.base)
    deviations = np.hypot(luck.level, luck.tilt) / slope, luck.training / slope
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    spread = float(np.hypot(*deviations)) * nodes

    def mean(shift: float) -> float:
        return float(weights @ special.expit(shift + spread) / weights.sum()) - base

    start = special.logit(base)
    shift = optimize.brentq(mean, start - 5, start + 20)
    folds, k = design.folds, design.seeds[0]
    lows, highs, wilson, scores = [], [], [], []
    about = ""
    for _ in range(n):
        table = design.clips(rng)
        own = rng.normal(0, deviations[0], len(table))
        luckily = rng.normal(0, deviations[1], (k, int(folds.max()) + 1))[:, folds]
        recall = special.expit(shift + own[None] + luckily)
        parts = drawn_parts(rng, table, np.repeat(recall[:, :, None], table.shape[1], 2), design, 0)
        interval = score_interval(parts, UAR)
        about = interval.about
        lows.append(0.0 if interval.low is None else interval.low)
        highs.append(1.0 if interval.high is None else interval.high)
        score = parts.score(UAR)
        scores.append(score)
        wilson.append(wilson_width(score, clips(parts, UAR)))
    low, high = np.array(lows), np.array(highs)
    variance = max(float(np.var(scores)), 1e-12)
    true = float(np.median([wilson_width(score, base * (1 - base) / variance) for score in scores]))
    return Bounds(
        n, int(((low <= base) & (base <= high)).sum()), int((low <= base).sum()), float(np.median(high - low)),
        float(np.median(wilson)), true, about,
    )  # fmt: skip


def wilson_width(share: float, n: float) -> float:
    """Of Wilson's interval of a share of n clips."""
    q = special.ndtri(0.975)
    return float(2 * q / (1 + q**2 / n) * np.sqrt(share * (1 - share) / n + q**2 / (4 * n**2)))
