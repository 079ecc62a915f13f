"""Simulated experiments whose truth is known: how often a test cries wolf, and an interval holds the truth."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from serbench.results.papers.verdicts import judge, predict
from serbench.results.statistics.confusions import Parts
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.score_intervals import score_interval
from serbench.results.statistics.speakers import PairedTest, nadeau_bengio, paired_t
from serbench.results.statistics.two_models import mcnemar
from serbench.results.statistics.uncertainty import Uncertainty, contrast
from serbench.seeds import stream
from serbench.tests.support.parts import parts_of_hits

UAR = METRICS["uar"]


def lda_errors(features: np.ndarray, truth: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Accuracy of linear discriminant analysis (two classes, equal priors): features (n, d)."""
    zero, one = (features[train][truth[train] == c] for c in (0, 1))
    pooled = (zero - zero.mean(0)).T @ (zero - zero.mean(0)) + (one - one.mean(0)).T @ (one - one.mean(0))
    weights = np.linalg.solve(pooled, one.mean(0) - zero.mean(0))
    side = (features[test] - (one.mean(0) + zero.mean(0)) / 2) @ weights > 0
    return float((side == truth[test]).mean())


def cross_validations(runs: int, seed: int, n: int = 60, repeats: int = 3, k: int = 5) -> tuple[float, float]:
    """False alarms of (Nadeau-Bengio, plain t) on LDA with two independent sets of 10 features, equally good.

    Folds have as many rows, so that the pooled difference is the mean of theirs.
    """
    rng = np.random.default_rng(seed)
    alarms = np.zeros(2)
    for _ in range(runs):
        truth = np.repeat([0, 1], n // 2)
        sets = [rng.normal(size=(n, 10)) + 0.25 * truth[:, None] for _ in range(2)]
        differences = []
        for _ in range(repeats):
            fold = np.concatenate([rng.permutation(n // 2) % k for _ in range(2)])
            for f in range(k):
                a, b = (lda_errors(x, truth, fold != f, fold == f) for x in sets)
                differences.append(a - b)
        d = np.array(differences)
        corrected = nadeau_bengio(float(d.mean()), d, n * (k - 1) / k, n / k)
        alarms += alarm(corrected), alarm(paired_t(d, "plain"))
    return float(alarms[0] / runs), float(alarms[1] / runs)


def alarm(test: PairedTest | Uncertainty) -> bool:
    """Whether the test says that the models differ, at 5 %."""
    p = test.p() if isinstance(test, Uncertainty) else test.p
    return p is not None and p < 0.05


def speakers(
    runs: int, seed: int, n: int, seeds: int = 5, clips: int = 50, sd: float = 0.08, luck: float = 0.02,
    one_training: bool = False,
) -> dict[str, float]:  # fmt: skip
    """False alarms of the main test, of the plain t over folds × seeds, and of McNemar on one seed.

    Two models that are equally good for new speakers but suit each speaker differently: their accuracy on a speaker
    differs by a normal deviate of deviation ``sd``; every training adds one of ``luck``. Leave one speaker out, or
    ``one_training`` for all of them. ``coverage`` is the share of 95 % intervals of the main test that hold the true
    difference, 0.
    """
    rng = np.random.default_rng([seed, n])
    alarms = dict.fromkeys(("main", "plain t", "mcnemar", "coverage"), 0.0)
    support = np.full((n, 2), clips // 2)
    for _ in range(runs):
        level = rng.normal(0.6, 0.08, (1, n, 1))
        tilt = rng.normal(0, sd / 2, (1, n, 1))
        right = []
        for sign in (1, -1):
            p = level + sign * tilt + rng.normal(0, luck, (seeds, 1 if one_training else n, 1))
            right.append(rng.random((seeds, n, clips)) < np.clip(p, 0.02, 0.98))
        main = contrast([(1.0, _sides(right[0], support, one_training, "a")),
                         (-1.0, _sides(right[1], support, one_training, "b"))], UAR)  # fmt: skip
        low, high = main.interval()
        alarms["main"] += alarm(main)
        alarms["coverage"] += low is not None and high is not None and low <= 0 <= high
        alarms["plain t"] += alarm(paired_t((right[0].mean(2) - right[1].mean(2)).ravel(), "plain"))
        alarms["mcnemar"] += mcnemar(right[0][0].ravel(), right[1][0].ravel()).p < 0.05
    return {name: count / runs for name, count in alarms.items()}


def _sides(right: np.ndarray, support: np.ndarray, one_training: bool, name: str) -> Parts:
    """Of right answers (seeds, speakers, clips), every other clip of one class."""
    hits = np.stack([right[..., ::2].sum(2), right[..., 1::2].sum(2)], -1)
    return parts_of_hits(hits, support, [0] * len(support) if one_training else None, name)


def score_coverage(n: int, runs: int, per_class: int = 15) -> float:
    """Share of 95 % intervals over n speakers, leave-one-speaker-out, that hold the UAR of all speakers there are."""
    rng = np.random.default_rng([2015, n])
    mean = np.array([0.5, 1.2, 0.0, 0.8])
    spread = float(np.hypot(0.6, 0.4))
    grid = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    true = float(special.expit(mean[:, None] + spread * grid).mean())
    support = np.full((n, 4), per_class)
    inside = 0
    for _ in range(runs):
        logit = mean + rng.normal(0, 0.6, (n, 1)) + rng.normal(0, 0.4, (n, 4))
        interval = score_interval(parts_of_hits(rng.binomial(support, special.expit(logit))[None], support), UAR)
        inside += interval.low is not None and interval.high is not None and interval.low <= true <= interval.high
    return inside / runs


def twin_systems(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Scores (n, k) of models that are equally good on blocks of different difficulty."""
    return rng.normal(0.6, 0.1, (n, 1)) + rng.normal(0, 0.05, (n, k))


def rank_alarms(runs: int, seed: int, n: int, k: int) -> float:
    """False alarms of Friedman's test among equal models."""
    rng = np.random.default_rng(seed)
    p = [stats.friedmanchisquare(*twin_systems(rng, n, k).T).pvalue for _ in range(runs)]
    return float(np.mean(np.array(p) < 0.05))


@dataclass(frozen=True)
class ReplayDesign:
    """Runs of ours beside one published run, of the same system unless it is ``ahead``; all in points.

    ``split_sd``: between splits, of which ours has ``splits``, with ``runs`` each: the same seeds on every split
    (``crossed``), else seeds of its own. ``lost``: runs of the last split that are not there. ``rows``: scores are
    shares of so many; ``decimals``: of the published value. ``skewed``: exponential instead of normal. The mean lies
    anywhere in one point.
    """

    runs: int
    sd: float
    splits: int = 1
    split_sd: float = 0.0
    crossed: bool = True
    lost: int = 0
    rows: int | None = None
    decimals: int = 1
    mean: float = 80.0
    skewed: bool = False
    ahead: float = 0.0

    def scores(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Scores of our runs with their seeds and splits, and the published value as printed, in [0, 1]."""
        n = self.runs * self.splits
        split = np.repeat(np.arange(self.splits), self.runs)
        seed = np.tile(np.arange(self.runs), self.splits) if self.crossed else np.arange(n)
        draws = rng.exponential(1, n + 1) - 1 if self.skewed else rng.normal(0, 1, n + 1)
        effects = self.sd * draws[seed], self.split_sd * rng.normal(0, 1, self.splits)[split]
        mean = self.mean + rng.uniform()
        theirs = mean + self.ahead + self.sd * draws[n] + self.split_sd * rng.normal()
        values = np.clip(np.append(mean + sum(effects), theirs) / 100, 0, 1)
        if self.rows:
            values = np.round(values * self.rows) / self.rows
        ours = slice(n - self.lost)
        return values[ours], seed[ours], split[ours], round(100 * float(values[-1]), self.decimals) / 100


def replay_words(design: ReplayDesign, trials: int, seed: int = 0) -> Counter[str]:
    """The verdicts on the published value, from the functions that `serbench tables` calls."""
    rng = stream("replays", repr(design), trials, seed)
    step, rounding = 1 / design.rows if design.rows else 0.0, 0.005 / 10**design.decimals
    words: Counter[str] = Counter()
    for _ in range(trials):
        values, seeds, splits, published = design.scores(rng)
        words[judge(published, rounding, predict(values, seeds, (splits,), step), None, leaks=False).word] += 1
    return words


def outside(words: Counter[str]) -> float:
    """The share of "above" and "below"."""
    return (words["above"] + words["below"]) / words.total()


def leak_blamed(runs: int, sd: float, trials: int, seed: int = 0) -> float:
    """The share of "only with the leak" where new speakers cost nothing: both protocols give scores of one system."""
    rng = stream("leak blamed", str(sd), runs, trials, seed)
    n = 0
    for _ in range(trials):
        values, seeds, splits, published = ReplayDesign(2 * runs, sd).scores(rng)
        replayed, honest = (predict(v, seeds[:runs], (splits[:runs],), 0.0) for v in (values[:runs], values[runs:]))
        n += judge(published, 0.0005, replayed, honest, leaks=True).word == "only with the leak"
    return n / trials


def stopped_early(most: int, sd: float, trials: int, seed: int = 0) -> float:
    """The share of "above" and "below" where runs are added, from 2 to ``most``, until the verdict is one of them."""
    rng = stream("stopped early", str(sd), most, trials, seed)
    n = 0
    for _ in range(trials):
        values, seeds, splits, published = ReplayDesign(most, sd).scores(rng)
        predictions = (predict(values[:k], seeds[:k], (splits[:k],), 0.0) for k in range(2, most + 1))
        n += any(judge(published, 0.0005, p, None, leaks=False).word in ("above", "below") for p in predictions)
    return n / trials
