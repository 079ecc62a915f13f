"""Scores and their intervals beside scikit-learn and scipy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import sklearn.metrics as sk
from scipy import optimize, stats
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from serbench.results.evidence.groups import by_group, by_speaker
from serbench.results.evidence.parts import parts_of
from serbench.results.questions.stability import share_unchanged
from serbench.results.statistics.metrics import METRICS, confusion, per_class
from serbench.results.statistics.probabilities import (
    PROBABILITY_METRICS,
    auc,
    auc_per_class,
    brier,
    ece,
    reliability,
    risk_coverage,
)
from serbench.results.statistics.probability_intervals import estimate
from serbench.results.statistics.robustness import area_under, degradation, snr_curve, snr_where_half
from serbench.results.statistics.score_intervals import score_interval, wilson
from serbench.results.statistics.uncertainty import Uncertainty
from serbench.tests.results.test_probabilities import sample
from serbench.tests.results.test_probability_intervals import drawn, of
from serbench.tests.results.test_robustness import LEVELS, as_parts, heard
from serbench.tests.support.agreement import Pair, Rng, balanced_accuracy, check, flat, resampled, same_draws
from serbench.tests.support.paired import CLASSES, model_rows
from serbench.tests.support.parts import parts_of_hits

UAR, WA = METRICS["uar"], METRICS["wa"]

# ---- metrics


def labels(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """True and chosen classes; some classes may lack rows."""
    n = rng.integers(1, 200)
    return rng.choice(CLASSES, n, p=rng.dirichlet([1, 1, 1])), rng.choice(CLASSES, n)


@check("UAR, WA, macro-F1, weighted F1", "scikit-learn: recall_score, accuracy_score, f1_score, of classes with rows")
def metrics(rng: Rng) -> Pair:
    truth, guess = labels(rng)
    mean: dict[str, Any] = {"labels": sorted(set(truth)), "average": "macro", "zero_division": 0}
    theirs = (
        sk.recall_score(truth, guess, **mean), sk.accuracy_score(truth, guess), sk.f1_score(truth, guess, **mean),
        sk.f1_score(truth, guess, average="weighted", zero_division=0),
    )  # fmt: skip
    return flat([m.score(truth, guess, CLASSES) for m in METRICS.values()]), flat(theirs)


@check("precision, recall, F1 and rows per class", "scikit-learn: precision_recall_fscore_support")
def classes(rng: Rng) -> Pair:
    truth, guess = labels(rng)
    ours = per_class(confusion(truth, guess, CLASSES), CLASSES)[["precision", "recall", "f1", "n"]].to_numpy().T
    return flat(ours), flat(*sk.precision_recall_fscore_support(truth, guess, labels=CLASSES, zero_division=np.nan))


@check("AUC one against the rest, per class and mean", "scikit-learn: roc_auc_score, with ties and without")
def areas(rng: Rng) -> Pair:
    truth, p = sample(rng.integers(10**6), 100, 4, rng.choice([1, 6]))
    each = [sk.roc_auc_score(truth == c, p[:, c]) for c in range(4)]
    return flat(auc_per_class(truth, p), auc(truth, p)), flat(each, sk.roc_auc_score(truth, p, multi_class="ovr"))


@check("Brier score", "scikit-learn: brier_score_loss, summed over classes")
def briers(rng: Rng) -> Pair:
    truth, p = sample(rng.integers(10**6))
    return flat(brier(truth, p)), flat(sum(sk.brier_score_loss(truth == c, p[:, c]) for c in range(4)))


@check("reliability bins (15) and ECE", "scikit-learn: calibration_curve, weighted by numpy's histogram")
def calibration(rng: Rng) -> Pair:
    truth, p = sample(rng.integers(10**6))
    right, sure = p.argmax(1) == truth, p.max(1)
    table = reliability(truth, p)
    n = np.histogram(sure, 15, (0, 1))[0]
    accuracy, confidence = calibration_curve(right, sure, n_bins=15)
    theirs = np.abs(accuracy - confidence) @ n[n > 0] / n.sum()
    known = table[table.n > 0]
    return flat(table.n, known.accuracy, known.confidence, ece(truth, p)), flat(n, accuracy, confidence, theirs)


@check("risk-coverage curve and its area", "scikit-learn: zero_one_loss of the k surest rows, k = 1 … n", 100)
def risks(rng: Rng) -> Pair:
    truth, p = sample(rng.integers(10**6), 100)
    order = np.argsort(-p.max(1))
    risk = [sk.zero_one_loss(truth[order[:k]], p.argmax(1)[order[:k]]) for k in range(1, 101)]
    ours = risk_coverage(truth, p).risk
    return flat(ours, PROBABILITY_METRICS["aurc"].function(truth, p)), flat(risk, np.mean(risk))


@check("scores per speaker and group, worst group, gap", "scikit-learn: balanced_accuracy_score of the parts", 20)
def parts(rng: Rng) -> Pair:
    rows = model_rows(rng, seeds=2, speakers=9, tilt=0.15)
    rows = rows.assign(gender=np.where(rows.speaker.str[-1].astype(int) % 2, "m", "f"))
    one = rows.groupby(["seed", "speaker"])[["truth", "guess"]].apply(balanced_accuracy).groupby("speaker").mean()
    two = rows.groupby(["seed", "gender"])[["truth", "guess"]].apply(balanced_accuracy).groupby("gender").mean()
    each, found = by_speaker(rows, CLASSES, UAR).sort_values("speaker"), by_group(rows, "gender", CLASSES, UAR)
    worst = (two.min(), two.max() - two.min())
    return flat(each.score, found.table.score, two[found.worst], found.gap), flat(one, two, *worst)


# ---- intervals over speakers


@check("interval of a score whose clips are independent", "statsmodels: proportion_confint, wilson")
def independent(rng: Rng) -> Pair:
    n, level = int(rng.integers(20, 3_000)), rng.choice([0.9, 0.95])
    hits = int(rng.integers(0, n + 1))
    share = hits / n
    ours = wilson(Uncertainty(share, np.sqrt(share * (1 - share) / n), 1e13), (0.0, 1.0), n, 1, level)
    return flat(ours.low, ours.high), flat(proportion_confint(hits, n, 1 - level, method="wilson"))


@check(
    "interval of a WA over speakers", "statsmodels: wilson of the clips that deviate as much, at Student's level", 200
)
def over_speakers(rng: Rng) -> Pair:
    clips = np.full((rng.integers(4, 25), 2), 20)
    own = np.clip(rng.normal(0.6, 0.15, (len(clips), 1)), 0.05, 0.95)
    parts = parts_of_hits(rng.binomial(clips, own)[None], clips)
    each = WA.of(parts.confusions)
    share = each.mean()
    n = min(share * (1 - share) / stats.sem(each) ** 2, clips.sum() * max(1, clips.sum() * min(share, 1 - share) / 10))
    level = 1 - 2 * stats.norm.sf(stats.t.ppf(0.975, len(each) - 1))
    ours = score_interval(parts, WA)
    return flat(ours.low, ours.high), flat(proportion_confint(share * n, n, 1 - level, method="wilson"))


@check("intervals of AUC and Brier", "scipy: bootstrap of scikit-learn's scores of the repeated rows, same draws", 5)
def of_probabilities(rng: Rng) -> Pair:
    rows = drawn(rng, 8, 20)
    p, truth = rows.probabilities / rows.probabilities.sum(1, keepdims=True), rows.truth
    rows, ours, theirs = of(type(rows)(truth, p, rows.speaker)), [], []
    for name, score in (("auc", sk.roc_auc_score), ("brier", sk.brier_score_loss)):

        def mean(speakers: np.ndarray, score: Callable[..., float] = score, name: str = name) -> float:
            at = np.concatenate([np.flatnonzero(rows.runs[0].speaker == s) for s in speakers])
            each = [score(truth[at] == c, p[at, c]) for c in range(4)]
            return float(np.mean(each) if name == "auc" else np.sum(each))

        one, two = same_draws(rng)
        found = estimate(rows, PROBABILITY_METRICS[name], one, reps=200).interval
        ours += [found.low, found.high]
        theirs += [*resampled(mean, 8, two, 200)]
    return flat(ours), flat(theirs)


@check("share of unchanged answers", "scikit-learn: accuracy_score; its interval as that of WA", 20)
def unchanged(rng: Rng) -> Pair:
    n = rng.integers(5, 30, 8)
    pairs = pd.DataFrame({"seed": 0, "repeat": 0, "speaker": np.repeat([f"s{k}" for k in range(8)], n)})
    pairs = pairs.assign(clean=rng.choice(CLASSES, n.sum()), guess=rng.choice(CLASSES, n.sum()))
    pairs = pairs.assign(row=np.arange(n.sum()), fold=pairs["speaker"])
    share, interval = share_unchanged(pairs, CLASSES)
    alike = score_interval(parts_of(pairs.assign(truth=pairs["clean"]), CLASSES), WA)
    theirs = sk.accuracy_score(pairs["clean"], pairs["guess"])
    return flat(share, interval.low, interval.high), flat(theirs, alike.low, alike.high)


# ---- conditions


def noisy(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Confusions clean and at the levels."""
    own = rng.normal(0, 0.04, 8)
    at = [heard(rng, np.clip(s + own, 0, 1)) for s in (0.9, 0.85, 0.7, 0.55)]
    return at[0], np.stack(at[1:])


@check("paired degradation from clean: t, p, interval", "scipy: ttest_rel", 200)
def degraded(rng: Rng) -> Pair:
    clean, at = noisy(rng)
    u = degradation(as_parts(clean), as_parts(at[1]), UAR, 0.5).change
    theirs = stats.ttest_rel(UAR.of(at[1]).mean(0), UAR.of(clean).mean(0))
    ours = flat(u.estimate / (u.error or np.nan), u.p(), u.interval())
    return ours, flat(*theirs, theirs.confidence_interval(0.95))


@check("area under the SNR curve", "scikit-learn: auc, divided by the range of levels")
def area(rng: Rng) -> Pair:
    levels = rng.choice(np.arange(-10.0, 31.0), rng.integers(2, 8), replace=False)
    scores, order = rng.random(len(levels)), np.argsort(levels)
    return flat(area_under(levels, scores)), flat(sk.auc(levels[order], scores[order]) / np.ptp(levels))


@check("SNR50 in dB, falling curves", "scipy: brentq on straight lines between the levels")
def half(rng: Rng) -> Pair:
    levels, scores = np.sort(rng.choice(np.arange(-10.0, 31.0), 6, replace=False)), np.sort(rng.uniform(0.3, 0.9, 6))
    clean, chance = rng.uniform(0.9, 1), rng.uniform(0.1, 0.25)
    at = chance + (clean - chance) / 2
    if not scores[0] < at < scores[-1]:
        return flat(snr_where_half(levels, scores, clean, chance)), flat(np.nan)
    theirs = optimize.brentq(lambda x: np.interp(x, levels, scores) - at, levels[0], levels[-1], xtol=1e-12)
    return flat(snr_where_half(levels, scores, clean, chance)), flat(theirs)


@check("intervals of the area and of SNR50", "scipy: bootstrap, same draws", 5)
def curve(rng: Rng) -> Pair:
    (clean, at), (one, two) = noisy(rng), same_draws(rng)
    ours = snr_curve(LEVELS, at, clean, UAR, 0.5, one, reps=300)
    state, theirs = two.bit_generator.state, []

    def scores(chosen: np.ndarray) -> np.ndarray:
        return np.array([UAR.of(c[:, chosen].sum(1)).mean() for c in (clean, *at)])

    for value in (
        lambda chosen: sk.auc(LEVELS, scores(chosen)[1:]) / 20,
        lambda chosen: snr_where_half(LEVELS, scores(chosen)[1:], scores(chosen)[0], 0.5),
    ):
        two.bit_generator.state = state
        theirs.append(resampled(value, 8, two, 300))
    bounds = [(i.low, i.high) for i in (ours.area.interval, ours.snr50.interval)]
    return flat(bounds), flat(theirs)
