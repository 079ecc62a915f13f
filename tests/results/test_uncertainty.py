"""What a contrast of scores may be off by: known answers, an independent slow computation, invariances, refusals."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from serbench.results.evidence.parts import parts_of
from serbench.results.evidence.scores import scores
from serbench.results.questions.compare import compare
from serbench.results.statistics.confusions import Parts
from serbench.results.statistics.metrics import METRICS, Metric, Tally, tally
from serbench.results.statistics.slopes import gradient
from serbench.results.statistics.speakers import OVER_BOTH, paired_of, refused_of
from serbench.results.statistics.uncertainty import Uncertainty, contrast
from serbench.tests.support.paired import cells, frames
from serbench.tests.support.parts import CLASSES, parts_of_hits, random_rows

UAR, WA = METRICS["uar"], METRICS["wa"]
few = settings(max_examples=20, deadline=None)
numbers = st.integers(0, 10**6)


def close(one: Uncertainty, two: Uncertainty, sign: float = 1.0) -> bool:
    """Whether two uncertainties are the same but for rounding."""
    assert (one.about, one.n_clusters, one.unit, one.reason) == (two.about, two.n_clusters, two.unit, two.reason)
    assert one.estimate == pytest.approx(sign * two.estimate, abs=1e-12)
    for name in ("error", "df", "speakers", "trainings", "deviation", "effective"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-7, abs=1e-10), name
    return True


# ---- known answers


@pytest.mark.parametrize("n", [3, 6, 20])
@pytest.mark.parametrize("per_class", [1, 8])
def test_speakers_with_trainings_of_their_own_and_equal_clips_get_the_paired_t_of_scipy(n: int, per_class: int) -> None:
    rng = np.random.default_rng([n, per_class])
    clips = np.full((n, 3), per_class)
    sides = [
        parts_of_hits(rng.binomial(clips, skill)[None], clips, side=name) for name, skill in (("a", 0.7), ("b", 0.4))
    ]
    u = contrast([(1, sides[0]), (-1, sides[1])], UAR)
    one, two = (UAR.of(part.confusions) for part in sides)
    theirs = stats.ttest_rel(one, two)
    bounds = theirs.confidence_interval(0.9)
    assert u.error is not None and u.about == "algorithms"
    assert u.estimate == pytest.approx((one - two).mean(), abs=1e-12)
    assert (u.estimate / u.error, u.df, u.p()) == pytest.approx((theirs.statistic, n - 1, theirs.pvalue), abs=1e-10)
    assert u.interval(0.9) == pytest.approx((bounds.low, bounds.high), abs=1e-10)
    assert u.deviation == pytest.approx((one - two).std(ddof=1), abs=1e-10) and u.effective == pytest.approx(n)
    test = paired_of(OVER_BOTH, u, 0.9)
    assert (test.t, test.df, test.p, test.low) == (u.estimate / u.error, u.df, u.p(), u.interval(0.9)[0])


def two_way_parts(recalls: np.ndarray) -> tuple[float, float, float]:
    """Variance of the mean over speakers, over trainings, and what a training does to one speaker; recalls (K, n)."""
    k, n = recalls.shape
    each, luck = recalls.mean(0), recalls.mean(1)
    crossing = ((recalls - each) ** 2).sum() / (k * (k - 1) * n**2)
    return float(each.var(ddof=1) / n), float(luck.var(ddof=1) / k), float(crossing)


@pytest.mark.parametrize(("k", "n"), [(3, 10), (5, 4), (10, 24)])
def test_one_training_for_all_speakers_is_clustering_in_two_ways(k: int, n: int) -> None:
    rng = np.random.default_rng([k, n])
    clips = np.full((n, 3), 12)
    luck, own = rng.normal(0, 0.05, (2, k, 1, 1)), rng.normal(0, 0.08, (2, 1, n, 1))
    hits = rng.binomial(12, np.clip(0.6 + luck + own, 0, 1) * np.ones((2, k, n, 3)))
    one_fold = [0] * n
    a, b = (parts_of_hits(h, clips, one_fold, side) for h, side in zip(hits, "ab", strict=True))
    recalls = hits.mean(-1) / 12  # (2, K, n)
    alone = contrast([(1, a)], UAR)
    assert (alone.speakers, alone.trainings) == pytest.approx(two_way_parts(recalls[0])[:2], abs=1e-10)
    both = contrast([(1, a), (-1, b)], UAR)
    speakers = (recalls[0] - recalls[1]).mean(0).var(ddof=1) / n
    lucks, crossings = zip(*(two_way_parts(r)[1:] for r in recalls), strict=True)
    trainings = sum(lucks)
    assert (both.speakers, both.trainings) == pytest.approx((speakers, trainings), abs=1e-10)
    variance = max(speakers + trainings - sum(crossings), speakers, trainings)
    assert both.error == pytest.approx(variance**0.5, abs=1e-10)
    df = (speakers + trainings) ** 2 / (speakers**2 / (n - 1) + sum(v**2 for v in lucks) / (k - 1))
    assert both.df == pytest.approx(df, rel=1e-6)


def test_folds_of_several_speakers_are_strata_whose_lucks_add_up() -> None:
    rng = np.random.default_rng(4)
    k, n, folds = 3, 12, np.arange(12) % 4
    clips = np.full((n, 3), 10)
    hits = rng.binomial(10, np.clip(0.6 + rng.normal(0, 0.1, (k, 4))[:, folds, None], 0, 1) * np.ones((k, n, 3)))
    u = contrast([(1, parts_of_hits(hits, clips, folds.tolist()))], UAR)
    recalls = hits.mean(-1) / 10
    of_fold = np.stack([recalls[:, folds == f].sum(1) / n for f in range(4)])  # share in the score (folds, K)
    assert u.trainings == pytest.approx(of_fold.var(axis=1, ddof=1).sum() / k, abs=1e-10)
    assert u.speakers == pytest.approx(recalls.mean(0).var(ddof=1) / n, abs=1e-10)
    assert (u.n_trainings, u.about) == (3, "algorithms")


def dense(terms: list[tuple[float, Parts]], metric: Metric, names: list[str]) -> tuple[float, float]:
    """(Variance, df) over clusters, slowly: changes by numeric derivatives of the score in the weight of a cluster."""

    def score(parts: Parts, weight: np.ndarray, extra: np.ndarray) -> float:
        """With every cluster's rows times its weight, and so many hits more as a share of the rows of each class."""
        at = np.array([names.index(c) for c in parts.cluster])
        rows = tally(parts.confusions)
        share = parts.weight[parts.run]
        hits = ((rows.hits + extra[at, None] * rows.support) * (share * weight[at])[:, None]).sum(0)
        support, guessed = (((x * (share * weight[at])[:, None]).sum(0)) for x in (rows.support, rows.guessed))
        return float(metric.function(Tally(hits, support, guessed)))

    def slope(sign: np.ndarray, extra: np.ndarray, step: float = 1e-4) -> float:
        one, none = np.ones(len(names)), np.zeros(len(names))
        return sum(
            f * (score(p, one + step * sign, none + extra) - score(p, one - step * sign, none + extra)) / (2 * step)
            for f, p in terms
        )

    every = np.eye(len(names))
    values = np.array([slope(e, np.zeros(len(names))) for e in every])
    h = 1e-3
    absolute = [(abs(f), p) for f, p in terms]
    terms = absolute
    m = np.array([[(slope(g, h * e) - slope(g, -h * e)) / (2 * h) for e in every] for g in every])
    square = m.T @ m
    share, df = np.trace(square), np.trace(square) ** 2 / np.trace(square @ square)
    one = np.ones(len(names))
    raised = [sum(f * (score(p, one, h * e) - score(p, one, -h * e)) / (2 * h) for f, p in terms) for e in every]
    return float((values**2).sum() / share * (np.array(raised) ** 2).sum()), float(df)


@pytest.mark.parametrize("name", ["uar", "wa"])
@pytest.mark.parametrize("seed", range(4))
def test_unequal_clips_are_weighted_as_an_independent_slow_computation_says(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clips = rng.integers(1, 40, (9, 3)) * (rng.random((9, 3)) < 0.8)
    clips[:3] += 1
    terms = [(f, parts_of_hits(rng.binomial(clips, 0.6)[None], clips, side=s)) for f, s in ((1.0, "a"), (-1.0, "b"))]
    u = contrast(terms, METRICS[name])
    variance, df = dense(terms, METRICS[name], [f"s{k}" for k in range(9)])
    assert u.speakers == pytest.approx(variance, rel=2e-4) and u.df == pytest.approx(df, rel=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_the_working_model_of_uar_is_the_matrix_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 7
    clips = rng.integers(1, 30, (n, 3))
    hits = rng.binomial(clips, 0.6)
    u = contrast([(1, parts_of_hits(hits[None], clips))], UAR)
    share = clips / clips.sum(0) / 3  # of a cluster in the mean of recalls, by class
    recall = hits.sum(0) / clips.sum(0)
    values = (share * (hits / clips - recall)).sum(1)
    # all recalls of h rise by one: its own change is its share, and every cluster loses what the mean rises
    m = np.diag(share.sum(1)) - np.einsum("gc,hc->gh", share, clips / clips.sum(0))
    square = m.T @ m
    assert u.speakers == pytest.approx((values**2).sum() * (share.sum(1) ** 2).sum() / np.trace(square), rel=1e-6)
    assert u.df == pytest.approx(np.trace(square) ** 2 / np.trace(square @ square), rel=1e-6)
    assert u.effective == pytest.approx(share.sum() ** 2 / (share.sum(1) ** 2).sum(), rel=1e-6)


def random_tally(rng: np.random.Generator) -> Tally:
    confusions = rng.integers(0, 30, (4, 5))
    confusions[rng.integers(4)] *= rng.integers(0, 2)
    confusions[0, 0] += 1
    return Tally(*(x.astype(float) for x in tally(confusions)))


@few
@given(numbers, st.sampled_from(sorted(METRICS)))
def test_slopes_are_those_of_the_metric_in_every_direction(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    t, metric = random_tally(rng), METRICS[name]
    slopes = gradient(metric, t)
    direction = rng.normal(0, 1, (3, 4)) * (t.support > 0)  # a class stays without rows
    now, h = np.stack(t), 1e-5
    ends = [float(metric.function(Tally(*(now + s * h * direction)))) for s in (1, -1)]
    assert (slopes * direction).sum() == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-6, rel=1e-5)


@few
@given(numbers)
def test_slopes_of_uar_and_wa_are_the_formulas(seed: int) -> None:
    t = random_tally(np.random.default_rng(seed))
    there = t.support > 0
    support = np.where(there, t.support, 1)
    n = there.sum()
    uar = np.stack([there / support / n, -(there * t.hits / support**2) / n, np.zeros(4)])
    assert gradient(UAR, t) == pytest.approx(uar, abs=1e-8)
    total = t.support.sum()
    wa = np.stack([there / total, -(there * t.hits.sum()) / total**2, np.zeros(4)])
    assert gradient(WA, t) == pytest.approx(wa, abs=1e-8)


# ---- the number tested is the number printed


def printed(rows: pd.DataFrame, metric: Metric) -> float:
    """The score as a reader would compute it: pooled per seed and repeat, repeats averaged, then seeds."""
    runs = rows.groupby(["seed", "repeat"])[["truth", "guess"]].apply(
        lambda part: by_reader(part["truth"].to_numpy(), part["guess"].to_numpy(), metric.name)
    )
    return float(runs.groupby("seed").mean().mean())


def by_reader(truth: np.ndarray, guess: np.ndarray, name: str) -> float:
    """UAR or WA of one run."""
    right = truth == guess
    return float(right.mean() if name == "wa" else np.mean([right[truth == c].mean() for c in set(truth)]))


designs = st.fixed_dictionaries(
    {
        "repeats": st.integers(1, 2), "speakers": st.integers(1, 9), "folds": st.sampled_from([None, 1, 3]),
        "most": st.integers(1, 12), "skill": st.sampled_from([0.0, 0.6, 1.0]),
        "says": st.sampled_from([(*CLASSES, "no class"), ("no class",), ("angry",), CLASSES]),
    }
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(numbers, designs, st.integers(1, 4), st.integers(1, 4), st.sampled_from(["uar", "wa"]))
def test_the_estimate_is_the_difference_of_the_printed_scores(
    seed: int, design: dict[str, object], seeds_a: int, seeds_b: int, name: str
) -> None:
    a, b = (
        random_rows(np.random.default_rng(seed), np.random.default_rng([seed, k]), side, n, **design)  # type: ignore[arg-type]
        for k, (side, n) in enumerate((("a", seeds_a), ("b", seeds_b)))
    )
    u = contrast([(1, parts_of(a, CLASSES)), (-1, parts_of(b, CLASSES))], METRICS[name])
    assert u.estimate == pytest.approx(printed(a, METRICS[name]) - printed(b, METRICS[name]), abs=1e-12)
    numbers = (u.error, u.df, u.p(), u.speakers, u.trainings, u.deviation, u.effective)
    assert all(np.isfinite(value) for value in numbers if value is not None)
    assert (u.error is None) == (u.df is None) == (u.reason is not None)


@settings(max_examples=8, deadline=None)
@given(numbers, st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_a_comparison_estimates_the_difference_of_two_cells_of_the_table(
    seed: int, seeds_a: int, seeds_b: int, crossed: bool
) -> None:
    rng = np.random.default_rng(seed)
    facts = {"speakers": 8, "folds": 4, "per_class": 4, "crossed": crossed}
    made = [*cells(rng, "a", seeds_a, skill=0.8, **facts), *cells(rng, "b", seeds_b, tilt=0.2, **facts)]
    records, predictions = frames(made)
    table = {score.model: score.metrics for score in scores(records, predictions)}
    for metric in METRICS.values():
        found = compare(records, predictions, "a", "b", metric)[0]
        one, two = (table[model][metric.name].mean for model in "ab")
        assert one is not None and two is not None and found.uncertainty is not None
        assert found.uncertainty.estimate == pytest.approx(one - two, abs=1e-12)
        assert (found.score_a, found.score_b) == pytest.approx((one, two), abs=1e-12)
        assert found.main.mean == pytest.approx(one - two, abs=1e-12)


# ---- invariances


def two_sides(seed: int, seeds: int = 3, folds: int | None = 1, speakers: int = 7) -> list[pd.DataFrame]:
    return [
        random_rows(np.random.default_rng(seed), np.random.default_rng([seed, k]), side, seeds, 1, speakers, folds)
        for k, side in enumerate("ab")
    ]


def over(a: pd.DataFrame, b: pd.DataFrame, metric: Metric = UAR) -> Uncertainty:
    return contrast([(1, parts_of(a, CLASSES)), (-1, parts_of(b, CLASSES))], metric)


@few
@given(numbers, st.sampled_from([None, 1, 3]), st.sampled_from(sorted(METRICS)))
def test_neither_order_nor_names_nor_the_first_model_matter(seed: int, folds: int | None, name: str) -> None:
    a, b = two_sides(seed, folds=folds)
    metric = METRICS[name]
    u = over(a, b, metric)
    assert close(over(a.sample(frac=1, random_state=seed), b[::-1], metric), u)
    assert close(over(b, a, metric), u, -1)
    new = {f"s{k}": f"z{(k * 5) % 7}" for k in range(7)}
    other = [
        f.assign(
            speaker=f["speaker"].map(new),
            training="t " + f["training"].str[::-1],
            seed=100 - f["seed"],
            row=f["row"] + "!",
        )
        for f in (a, b)
    ]
    assert close(over(*other, metric), u)
    without = [f.drop(columns="training") for f in (a, b)]  # then nothing is shared
    assert close(over(*without, metric), u)


@few
@given(numbers)
def test_parts_may_be_in_pieces(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clips = rng.integers(2, 20, (6, 3))
    parts = parts_of_hits(rng.binomial(clips, 0.6, (3, 6, 3)), clips, [0, 0, 1, 1, 2, 2])
    some = rng.integers(0, parts.confusions + 1)
    twice = {name: np.concatenate([getattr(parts, name)] * 2) for name in ("run", "training", "fold", "cluster")}
    pieces = replace(parts, confusions=np.concatenate([some, parts.confusions - some]), **twice)
    assert close(contrast([(1, pieces)], UAR), contrast([(1, parts)], UAR))


@few
@given(numbers, st.integers(1, 4), st.sampled_from([None, 1, 3]))
def test_identical_models_do_not_differ(seed: int, seeds: int, folds: int | None) -> None:
    a, _ = two_sides(seed, seeds, folds)
    u = over(a, a.assign(training="other " + a["training"]))
    assert u.estimate == 0 and (u.reason or u.p() == 1)
    same = over(a, a)  # of the same trainings
    assert same.estimate == 0 and (same.reason or (same.error == 0 and same.p() == 1))


@few
@given(numbers, st.integers(2, 5), st.sampled_from([None, 1, 3]))
def test_seeds_that_give_the_same_answers_are_one_run(seed: int, seeds: int, folds: int | None) -> None:
    a, b = two_sides(seed, 1, folds)
    many = [pd.concat([f.assign(seed=s, training=f"{s} " + f["training"]) for s in range(seeds)]) for f in (a, b)]
    parts = [parts_of(f, CLASSES) for f in many]
    assert all(part.fixed for part in parts)
    once = [replace(parts_of(f, CLASSES), fixed=True) for f in (a, b)]
    u = contrast([(1, parts[0]), (-1, parts[1])], UAR)
    assert close(u, contrast([(1, once[0]), (-1, once[1])], UAR))
    assert (u.trainings, u.n_trainings, u.about) == (0, None, "algorithms")


# ---- trainings that terms share


def test_conditions_are_differenced_within_the_training_that_they_share() -> None:
    rng = np.random.default_rng(2)
    k, n = 4, 10
    clips = np.full((n, 3), 30)
    luck = rng.normal(0, 0.1, (k, 1, 1))  # of a training, in both conditions
    hits = [rng.binomial(30, np.clip(p + luck, 0, 1) * np.ones((k, n, 3))) for p in (0.7, 0.5)]
    clean, noisy = (parts_of_hits(h, clips, [0] * n, "same") for h in hits)
    u = contrast([(1, clean), (-1, noisy)], UAR)
    recalls = [h.mean((1, 2)) / 30 for h in hits]
    assert u.trainings == pytest.approx((recalls[0] - recalls[1]).var(ddof=1) / k, abs=1e-10)
    strangers = contrast([(1, clean), (-1, parts_of_hits(hits[1], clips, [0] * n, "other"))], UAR)
    assert strangers.trainings == pytest.approx(sum(r.var(ddof=1) for r in recalls) / k, abs=1e-10)
    assert strangers.trainings > 5 * u.trainings


def test_test_corpora_share_a_training_and_no_speaker() -> None:
    rng = np.random.default_rng(3)
    k, n = 3, 8
    clips = np.full((n, 3), 30)
    luck = rng.normal(0, 0.1, (k, 1, 1))
    hits = [rng.binomial(30, np.clip(p + luck, 0, 1) * np.ones((k, n, 3))) for p in (0.7, 0.5)]
    one, two = (parts_of_hits(h, clips, [0] * n, "same") for h in hits)
    two = replace(two, cluster=np.array([f"other {c}" for c in two.cluster], object))
    u = contrast([(1, one), (-1, two)], UAR)
    recalls = [h.mean((1, 2)) / 30 for h in hits]
    assert u.n_clusters == 2 * n
    assert u.trainings == pytest.approx((recalls[0] - recalls[1]).var(ddof=1) / k, abs=1e-10)


def test_rows_without_trainings_share_none_even_where_models_differ_in_their_seeds() -> None:
    a, b = (rows.drop(columns="training") for rows in (two_sides(5, 3)[0], two_sides(5, 5)[1]))
    u = over(a, b)
    assert (u.about, u.n_trainings, u.reason) == ("algorithms", 3, None)


# ---- what is refused, and what is said instead


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_clusters_are_refused(n: int) -> None:
    u = over(*two_sides(1, 3, 1, n))
    assert u.reason == f"{n} test speaker{'s' if n > 1 else ''}, 3 are needed"
    assert (u.error, u.df, u.p(), u.above(), u.interval()) == (None, None, None, None, (None, None))
    assert paired_of(OVER_BOTH, u).reason == u.reason


@pytest.mark.parametrize(
    ("seeds", "folds", "about", "unit", "clusters"),
    [
        (1, 1, "trained models", "speakers", 12),
        (2, 1, "trained models", "speakers", 12),
        (1, 5, "trained models", "speakers", 12),
        (2, 5, "trained models", "speakers", 12),
        (3, 1, "algorithms", "speakers", 12),
        (3, 5, "algorithms", "speakers", 12),
        (1, 6, "algorithms", "folds", 6),
        (2, 6, "algorithms", "folds", 6),
        (1, None, "algorithms", "speakers", 12),
    ],
)
def test_what_the_seeds_and_folds_allow_is_said(
    seeds: int, folds: int | None, about: str, unit: str, clusters: int
) -> None:
    u = over(*two_sides(7, seeds, folds, 12))
    assert (u.about, u.unit, u.n_clusters) == (about, unit, clusters)
    assert u.error is not None and u.error > 0
    if about == "trained models":
        assert u.trainings == 0 and u.n_trainings == seeds
        assert "3 seeds allow a test of the algorithms" in (refused_of(OVER_BOTH, u).reason or "")


def test_six_folds_are_clusters_as_if_each_were_one_speaker() -> None:
    a, b = two_sides(9, 1, 6, 18)
    joined = [f.assign(speaker=f["fold"]) for f in (a, b)]
    u, theirs = over(a, b), over(*joined)
    assert close(u, replace(theirs, unit="folds"))


def test_a_class_that_one_speaker_holds_alone_leaves_nothing_to_compare() -> None:
    clips = np.diag([20, 20, 20])  # every class is held by one
    u = contrast([(1, parts_of_hits(clips[None] // 2, clips))], UAR)
    assert u.error is None and "every class is held by one of the speakers" in (u.reason or "")


def geometric(t: Tally) -> np.ndarray:
    """Geometric mean of recalls."""
    return np.prod(np.where(t.support > 0, t.hits / np.where(t.support > 0, t.support, 1), 1), -1) ** (1 / 3)


def test_a_metric_of_roots_has_slopes_where_no_answer_is_right() -> None:
    clips = np.full((6, 3), 10)
    hits = np.random.default_rng(0).binomial(clips, 0.5)
    hits[:, 0] = 0
    metric = replace(UAR, name="geometric", function=geometric)
    assert np.isfinite(gradient(metric, Tally(hits.sum(0), clips.sum(0), clips.sum(0)))).all()
    assert contrast([(1, parts_of_hits(hits[None], clips))], metric).estimate == 0


def no_value(t: Tally) -> np.ndarray:
    return np.full(t.hits.shape[:-1], np.nan)


def always_half(t: Tally) -> np.ndarray:
    return np.full(t.hits.shape[:-1], 0.5)


@pytest.mark.parametrize("function", [no_value, always_half])
def test_a_metric_that_says_nothing_of_answers_is_refused_with_the_reason(
    function: Callable[[Tally], np.ndarray],
) -> None:
    clips = np.full((6, 3), 10)
    metric = replace(UAR, title="odd", function=function)
    u = contrast([(1, parts_of_hits(clips[None] // 2, clips))], metric)
    assert (u.error, u.p(), u.reason) == (None, None, "odd does not tell how answers change it")


def test_sessions_are_the_clusters_where_rows_have_them() -> None:
    a, b = two_sides(11, 3, 1, 12)
    a, b = (f.assign(cluster=f["speaker"].str[1:].astype(int) // 2) for f in (a, b))
    u = over(a, b)
    assert (u.n_clusters, u.unit) == (6, "sessions")


def test_a_p_is_that_of_student_and_one_sided_ones_lie_on_both_sides() -> None:
    u = Uncertainty(0.04, 0.02, 7.5)
    assert u.p() == pytest.approx(2 * stats.t.sf(2, 7.5), abs=1e-12)
    assert u.above(0.02) == pytest.approx(stats.t.cdf(1, 7.5), abs=1e-12)
    assert u.p(0.08) == pytest.approx(u.p(0.0), abs=1e-12)
    assert u.interval(0.8) == pytest.approx(stats.t.interval(0.8, 7.5, 0.04, 0.02), abs=1e-12)
    certain = Uncertainty(0.04, 0.0, 7.5)
    assert (certain.above(), certain.above(0.04), certain.above(0.05)) == (1.0, 0.5, 0.0)
