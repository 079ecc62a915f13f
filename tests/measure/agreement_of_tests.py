"""Tests, ranks and components beside scipy, statsmodels, baycomp, scikit-posthocs and published examples."""

import itertools
import warnings
from typing import Any

import networkx
import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.formula.api import mixedlm, ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.libqsturng import qsturng
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW

from serbench.results.evidence.pools import ByCell
from serbench.results.papers.verdicts import predict
from serbench.results.questions.compare import compare
from serbench.results.statistics import many_models, two_models
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.order import tied_runs
from serbench.results.statistics.power import detectable, pooled_sd, power_of
from serbench.results.statistics.speakers import nadeau_bengio, paired_t
from serbench.results.statistics.uncertainty import Uncertainty, contrast
from serbench.results.statistics.variance import components, two_way
from serbench.tests.results.test_many_models import DEMSAR, MODELS, posthocs
from serbench.tests.results.test_variance import RATINGS
from serbench.tests.support.agreement import Pair, Rng, balanced_accuracy, check, flat, resampled, same_draws
from serbench.tests.support.paired import cells, frames
from serbench.tests.support.parts import parts_of_hits

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import baycomp

UAR = METRICS["uar"]

# ---- two models


def differences(rng: Rng, digits: int = 3) -> np.ndarray:
    return np.round(rng.normal(rng.normal(0, 0.03), 0.05, rng.integers(4, 25)), digits)


def student(d: np.ndarray, share: float | None = None) -> Uncertainty:
    """The mean of differences, whose variance is ``share`` times theirs."""
    n, deviation = len(d), float(np.std(d, ddof=1))
    error = float(np.sqrt(1 / n if share is None else share)) * deviation
    return Uncertainty(float(d.mean()), error, n - 1, deviation=deviation, n_clusters=n, effective=n)


@check("main test: a training for every speaker, as many clips of every class: t, df, p, interval", "scipy: ttest_rel")
def main_test(rng: Rng) -> Pair:
    clips = np.full((rng.integers(3, 25), 3), rng.integers(2, 30))
    a, b = (parts_of_hits(rng.binomial(clips, p)[None], clips, side=side) for side, p in (("a", 0.7), ("b", 0.6)))
    u = contrast([(1, a), (-1, b)], UAR)
    theirs = stats.ttest_rel(UAR.of(a.confusions), UAR.of(b.confusions))
    ours = flat(u.estimate / (u.error or np.nan), u.df, u.p(), u.interval())
    return ours, flat(theirs.statistic, theirs.df, theirs.pvalue, theirs.confidence_interval(0.95))


@check("its variances over speakers, trainings and both; one training for all", "numpy: clustering in two ways", 200)
def two_way_clusters(rng: Rng) -> Pair:
    k, n = rng.integers(3, 8), rng.integers(4, 20)
    clips = np.full((n, 3), 10)
    a, b = (parts_of_hits(rng.binomial(10, 0.6, (k, n, 3)), clips, [0] * n, side) for side in "ab")
    u = contrast([(1, a), (-1, b)], UAR)
    one, two = (UAR.of(part.confusions).reshape(k, n) for part in (a, b))
    over_speakers = (one - two).mean(0).var(ddof=1) / n
    lucks = [x.mean(1).var(ddof=1) / k for x in (one, two)]
    crossing = sum(((x - x.mean(0)) ** 2).sum() / (k * (k - 1) * n * n) for x in (one, two))
    variance = max(over_speakers + sum(lucks) - crossing, over_speakers, sum(lucks))
    df = (over_speakers + sum(lucks)) ** 2 / (over_speakers**2 / (n - 1) + sum(v**2 for v in lucks) / (k - 1))
    return flat(u.speakers, u.trainings, u.error, u.df / df), flat(over_speakers, sum(lucks), np.sqrt(variance), 1)


@check("its variance and df for unequal clips (relative)", "numpy: matrix of the working model, written out", 200, 1e-6)
def unequal(rng: Rng) -> Pair:
    clips = rng.integers(1, 40, (rng.integers(4, 15), 3))
    hits = rng.binomial(clips, 0.6)
    u = contrast([(1, parts_of_hits(hits[None], clips))], UAR)
    share = clips / clips.sum(0) / 3
    values = (share * (hits / clips - hits.sum(0) / clips.sum(0))).sum(1)
    m = np.diag(share.sum(1)) - share @ (clips / clips.sum(0)).T
    square = m.T @ m
    variance = (values**2).sum() * (share.sum(1) ** 2).sum() / np.trace(square)
    return flat(u.speakers / variance, u.df), flat(1, np.trace(square) ** 2 / np.trace(square @ square))


@check("main test from stored predictions of several seeds", "scipy: ttest_rel of scikit-learn's scores by speaker", 20)
def stored(rng: Rng) -> Pair:
    a, b = (
        cells(np.random.default_rng(rng.integers(10**9)), model, skill=skill, seeds=3, tilt=0.1, folds=8)
        for model, skill in (("a", 0.7), ("b", 0.65))
    )
    score = [
        rows.groupby(["speaker", "seed"])[["truth", "guess"]].apply(balanced_accuracy).groupby("speaker").mean()
        for rows in (ByCell(predictions).rows(records) for records, predictions in map(frames, (a, b)))
    ]
    ours = compare(*frames([*a, *b]), "a", "b", UAR)[0].main
    return flat(ours.mean, ours.t, ours.p), flat(np.mean(score[0] - score[1]), *stats.ttest_rel(*score))


@check("paired t (typical speaker; plain): t, p, interval", "scipy: ttest_1samp")
def paired(rng: Rng) -> Pair:
    d = differences(rng)
    ours, theirs = paired_t(d, "t"), stats.ttest_1samp(d, 0)
    return flat(ours.t, ours.p, ours.low, ours.high), flat(*theirs, theirs.confidence_interval(0.95))


@check("Nadeau-Bengio corrected t: p", "baycomp: two_on_single without a region", 200)
def corrected(rng: Rng) -> Pair:
    repeats, folds = [(1, 10), (3, 5), (10, 2)][rng.integers(3)]
    a, b = rng.normal([[0.64], [0.62]], 0.05, (2, repeats * folds))
    ours = nadeau_bengio(float((a - b).mean()), a - b, n_train=(folds - 1) * 40, n_test=40).p()
    return flat(ours), flat(2 * min(baycomp.two_on_single(b, a, rope=0, runs=repeats)))


@check("posterior of a difference: below, within, above ± rope", "baycomp: two_on_single", 200)
def bayesian(rng: Rng) -> Pair:
    repeats, folds = [(1, 10), (3, 5), (10, 2)][rng.integers(3)]
    rope = rng.choice([0.005, 0.01, 0.02])
    a, b = rng.normal([[0.64], [0.62]], 0.05, (2, repeats * folds))
    ours = two_models.posterior(student(a - b, 1 / (repeats * folds) + 1 / (folds - 1)), rope)
    return flat(ours.below, ours.within, ours.above), flat(baycomp.two_on_single(b, a, rope=rope, runs=repeats))


@check("equivalence: p; p at the least margin", "statsmodels: ttost_mean")
def equivalence(rng: Rng) -> Pair:
    d, margin = differences(rng), rng.choice([0.01, 0.05])
    ours, theirs = two_models.equivalence(student(d), margin), DescrStatsW(d)
    least = ours.least
    return flat(ours.p, 0.05), flat(theirs.ttost_mean(-margin, margin)[0], theirs.ttost_mean(-least, least)[0])


@check("worse by more than a margin (gate): one-sided p", "scipy: ttest_1samp, alternative less")
def worse(rng: Rng) -> Pair:
    d = differences(rng)
    return flat(student(d).above(-0.01)), flat(stats.ttest_1samp(d, -0.01, alternative="less").pvalue)


@check("effect sizes: mean, deviation, d_z", "scipy: tmean, tstd, t / √n of ttest_1samp")
def effects(rng: Rng) -> Pair:
    d = differences(rng)
    ours = two_models.effect(student(d))
    theirs = stats.ttest_1samp(d, 0).statistic / np.sqrt(len(d))
    return flat(ours.mean, ours.sd, ours.d_z), flat(stats.tmean(d), stats.tstd(d), theirs)


@check("interval of d_z: chances beyond its ends", "scipy: nct", 50, 1e-6)
def effect_interval(rng: Rng) -> Pair:
    d = differences(rng)
    ours, t, root = two_models.effect(student(d)), stats.ttest_1samp(d, 0).statistic, np.sqrt(len(d))
    assert ours.low is not None and ours.high is not None
    tails = stats.nct.sf(t, len(d) - 1, ours.low * root), stats.nct.cdf(t, len(d) - 1, ours.high * root)
    return flat(tails), flat(0.025, 0.025)


@check("Wilcoxon signed ranks, exact, with ties too: p", "scipy: wilcoxon over all signs", 100)
def signed_rank(rng: Rng) -> Pair:
    d = np.round(rng.normal(0.02, 0.05, rng.integers(7, 12)), rng.choice([2, 6]))
    d = np.where(d == 0, 0.01, d)
    every = stats.PermutationMethod(n_resamples=2**12)
    return flat(two_models.wilcoxon(d).p), flat(stats.wilcoxon(d, method=every).pvalue)


@check("McNemar, exact: p", "statsmodels: mcnemar")
def nemar(rng: Rng) -> Pair:
    a, b = rng.random((2, rng.integers(1, 300))) < rng.random((2, 1))
    table = [[0, int((a & ~b).sum())], [int((b & ~a).sum()), 0]]
    return flat(two_models.mcnemar(a, b).p), flat(their_mcnemar(table, exact=True).pvalue)


@check("Holm", "statsmodels: multipletests")
def family(rng: Rng) -> Pair:
    p = np.round(rng.random(rng.integers(1, 20)) ** 3, rng.choice([2, 8]))
    return flat(two_models.holm(p.tolist())), multipletests(p, method="holm")[1]


# ---- more than two


def blocks(rng: Rng) -> np.ndarray:
    """Scores (blocks, models), rounded so that some are tied."""
    n, k = rng.integers(5, 20), rng.integers(3, 8)
    return np.round(
        rng.normal(0.6, 0.1, (n, 1)) + rng.normal(0, 0.05, (n, k)) + 0.03 * np.arange(k), rng.choice([2, 6])
    )


@check("Friedman, corrected for ties: chi², p", "scipy: friedmanchisquare")
def friedman(rng: Rng) -> Pair:
    scores = blocks(rng)
    ours = many_models.rank_models(scores, list(map(str, range(scores.shape[1]))))
    return flat(ours.chi2, ours.friedman_p), flat(*stats.friedmanchisquare(*scores.T))


@check("Nemenyi: p of every pair", "scikit-posthocs: posthoc_nemenyi_friedman", 50, 1e-6)
def nemenyi(rng: Rng) -> Pair:
    scores = blocks(rng)
    ours = many_models.rank_models(scores, list(map(str, range(scores.shape[1]))))
    place = list(map(int, ours.models))
    return flat(ours.p), flat(posthocs(scores)[np.ix_(place, place)])


@check("critical difference, in mean ranks", "statsmodels: qsturng, itself an approximation", 50, 1e-3)
def critical(rng: Rng) -> Pair:
    scores, level = blocks(rng), rng.choice([0.9, 0.95])
    n, k = scores.shape
    ours = many_models.rank_models(scores, list(map(str, range(k))), level).critical_difference
    return flat(ours), flat(qsturng(level, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)))


@check("its q for 3 to 10 models at 5 and 10 %", "Demšar 2006, table 5 (a), cut off at three decimals", 1, 1e-3)
def published_q(rng: Rng) -> Pair:
    printed = {0.95: (2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164),
               0.9: (2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920)}  # fmt: skip
    ours = [
        many_models.rank_models(rng.random((6, k)), list(map(str, range(k))), level).critical_difference
        / np.sqrt(k * (k + 1) / 36)
        for level in printed
        for k in range(3, 11)
    ]
    return flat(ours), flat(*printed.values())


@check("tied groups of a critical-difference diagram", "networkx: cliques of models within it; groups that differ")
def tied(rng: Rng) -> Pair:
    ranks = np.sort(rng.uniform(1, 8, rng.integers(2, 9)))
    gap = rng.uniform(0.1, 4)
    near = networkx.from_numpy_array((np.abs(ranks[:, None] - ranks) < gap) & ~np.eye(len(ranks), dtype=bool))
    theirs = {(min(c), max(c)) for c in networkx.find_cliques(near) if len(c) > 1}
    return flat(len(theirs ^ set(many_models.tied_groups(ranks, gap)))), flat(0)


@check("models that are not told apart, in a row", "networkx: cliques of a row; groups that differ")
def rows_of_models(rng: Rng) -> Pair:
    n = int(rng.integers(2, 9))
    near = {pair for pair in itertools.combinations(range(n), 2) if rng.random() < 0.7}
    cliques = map(set, networkx.find_cliques(networkx.Graph([*near, *((k, k) for k in range(n))])))
    rows = {
        (first, last)
        for clique in cliques
        for first, last in itertools.combinations(sorted(clique), 2)
        if set(range(first, last + 1)) <= clique
    }
    longest = {(a, b) for a, b in rows if not any(c <= a and b <= d and (c, d) != (a, b) for c, d in rows)}
    apart = {*itertools.combinations(range(n), 2)} - near
    return flat(len(longest ^ set(tied_runs(n, apart)))), flat(0)


@check("Demšar's worked example: four mean ranks, chi², CD", "the paper, three and two decimals, table 6", 1, 5e-3)
def worked(rng: Rng) -> Pair:
    found = many_models.rank_models(DEMSAR, MODELS)
    chi2 = 12 * 14 / (4 * 5) * (sum(r**2 for r in found.ranks) - 4 * 25 / 4)  # the paper has no correction for ties
    tenth = many_models.rank_models(DEMSAR, MODELS, 0.9).critical_difference
    ours = flat(found.ranks, chi2, found.critical_difference, tenth)
    return ours, flat(1.964, 2.000, 2.893, 3.143, 9.28, 1.25, 1.12)


@check("Page: L and exact p", "all orders of 4 blocks of 3 levels enumerated", 50)
def page(rng: Rng) -> Pair:
    scores = rng.normal(0, 1, (4, 3)) + 0.5 * np.arange(3)
    orders = np.array(list(itertools.permutations([1, 2, 3]))) @ [1, 2, 3]
    every = np.array(list(itertools.product(orders, repeat=4))).sum(1)
    L = stats.rankdata(scores, axis=1).sum(0) @ [1, 2, 3]
    ours = many_models.page_trend(scores)
    return flat(ours.L, ours.p), flat(L, np.mean(every >= L))


@check("probability of improvement", "scipy: mannwhitneyu per block")
def improvement(rng: Rng) -> Pair:
    a, b = np.round(rng.normal(0.62, 0.1, (8, 5)), 1), np.round(rng.normal(0.6, 0.1, (8, 4)), 1)
    theirs = np.mean([stats.mannwhitneyu(x, y).statistic / 20 for x, y in zip(a, b, strict=True)])
    return flat(many_models.probability_of_improvement(a, b, rng, 10).value), flat(theirs)


@check("interquartile mean, with interval over blocks", "scipy: trim_mean; bootstrap, same draws", 50)
def middle(rng: Rng) -> Pair:
    scores, (one, two) = rng.normal(0.6, 0.1, (rng.integers(6, 15), rng.integers(1, 6))), same_draws(rng)
    ours = many_models.interquartile_mean(scores, one, 300)
    theirs = resampled(lambda at: stats.trim_mean(scores[at], 0.25, axis=None), len(scores), two, 300)
    return flat(ours.value, ours.interval.low, ours.interval.high), flat(
        stats.trim_mean(scores, 0.25, axis=None), theirs
    )


# ---- where the spread comes from


def squares(scores: pd.DataFrame, formula: str) -> tuple[Any, pd.Series]:
    """Least-squares fit and mean squares of an analysis of variance."""
    fit = ols(formula, scores).fit()
    table = anova_lm(fit)
    return fit, table["sum_sq"] / table["df"]


@check("mean squares of speakers and seeds", "statsmodels: anova_lm (relative)", 100)
def two_ways(rng: Rng) -> Pair:
    table = rng.normal(0.6, 0.1, rng.integers(3, 12, 2))
    long = pd.DataFrame(table).stack().rename("score").rename_axis(["speaker", "seed"]).reset_index()
    theirs = squares(long, "score ~ C(speaker) + C(seed)")[1].to_numpy()
    return two_way(table) / theirs, np.ones(3)


@check("variance components of folds, speakers, seeds, rest", "statsmodels: mixedlm, balanced (relative)", 5, 0.01)
def spread(rng: Rng) -> Pair:
    fold, speaker, seed = rng.normal(0, 0.08, (8, 1, 1)), rng.normal(0, 0.06, (8, 3, 1)), rng.normal(0, 0.04, (1, 1, 6))
    table = 0.6 + fold + speaker + seed + rng.normal(0, 0.03, (8, 3, 6))
    found = components(table.reshape(24, 6), np.repeat(np.arange(8), 3).astype(str).tolist())
    long = pd.Series(table.ravel(), pd.MultiIndex.from_product([range(n) for n in table.shape])).rename("score")
    long = long.rename_axis(["fold", "speaker", "seed"]).reset_index().assign(all=1)
    parts = {"fold": "0 + C(fold)", "seed": "0 + C(seed)", "speaker": "0 + C(fold):C(speaker)"}
    model = mixedlm("score ~ 1", long, groups="all", vc_formula=parts, re_formula="0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = max((model.fit(method=[m]) for m in ("bfgs", "powell")), key=lambda fit: fit.llf)
    theirs = dict(zip(model.exog_vc.names, fit.vcomp, strict=True))
    expected = flat(theirs["fold"], theirs["speaker"], theirs["seed"], fit.scale)
    return flat(found.fold, found.speaker, found.seed, found.rest) / expected, np.ones(4)


@check("a published table: mean squares, ICC(2,1), ICC(3,1)", "Shrout and Fleiss 1979, two decimals", 1, 6e-3)
def shrout(rng: Rng) -> Pair:
    c = components(RATINGS)
    ours = flat(two_way(RATINGS), c.speaker / (c.speaker + c.seed + c.rest), c.speaker / (c.speaker + c.rest))
    return ours, flat(11.24, 32.49, 1.02, 0.29, 0.71)


@check("power; minimum detectable difference", "statsmodels: TTestPower", 50, 1e-6)
def power(rng: Rng) -> Pair:
    n = int(rng.integers(3, 100))
    effect = rng.uniform(0.2, 6) / np.sqrt(n)  # beyond, statsmodels gives NaN now and then
    least = TTestPower().solve_power(nobs=n, alpha=0.05, power=0.8)
    error = 0.1 / np.sqrt(n)
    ours = power_of(0.1 * effect, error, n - 1), detectable(error, n - 1)
    return flat(ours), flat(TTestPower().power(effect, n, 0.05), 0.1 * least)


@check("deviation pooled over pairs and tasks", "statsmodels: anova_lm, residual mean square", 100)
def pooled(rng: Rng) -> Pair:
    groups = [rng.normal(0, 0.1, n) for n in rng.integers(2, 10, 4)]
    long = pd.DataFrame([(k, x) for k, group in enumerate(groups) for x in group], columns=["group", "score"])
    return flat(pooled_sd(groups)), flat(np.sqrt(squares(long, "score ~ C(group)")[1]["Residual"]))


@check("prediction interval of one more run (verdicts)", "statsmodels: get_prediction of a mean, obs_ci")
def prediction(rng: Rng) -> Pair:
    values = rng.normal(0.7, 0.02, rng.integers(2, 11))
    ours = predict(values, np.arange(len(values)), (np.zeros(len(values), int),), 0.0)
    fit = ols("score ~ 1", pd.DataFrame({"score": values})).fit()
    theirs = fit.get_prediction().summary_frame(0.05)[["mean", "obs_ci_lower", "obs_ci_upper"]].to_numpy()[0]
    return flat(ours.mean, ours.low, ours.high), np.clip(theirs, 0, 1)
