"""Every test by name, on simulated runs whose numbers other libraries check."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from serbench.errors import InputError
from serbench.results.evidence.arms import grid_of
from serbench.results.evidence.pools import ByCell
from serbench.results.evidence.scores import scores
from serbench.results.questions.answer_lines import AnswerLine
from serbench.results.questions.answers import TESTS, answer
from serbench.results.questions.sweeps import arms_along
from serbench.results.statistics.metrics import METRICS
from serbench.results.text import answer_text
from serbench.results.text.forms import render
from serbench.tests.support.evidence import both as together_of
from serbench.tests.support.evidence import evidence_of
from serbench.tests.support.made_scores import of_arms
from serbench.tests.support.paired import CLASSES, cells, frames
from serbench.tests.support.two_way import pooled_uar, two_way

UAR = METRICS["uar"]


def held(made, plan=True):
    records, predictions = frames(made)
    columns = ["protocol", "model", "arm", "train", "test", "condition", "label_map"]
    wanted = records[columns] if plan else pd.DataFrame(columns=columns)
    return evidence_of(records, predictions, wanted)


def by_speaker(frames, **facts):
    """Mean over seeds of the UAR of every speaker."""
    records = frames.records
    for name, value in facts.items():
        records = records[records[name] == value]
    rows = frames.predictions.merge(records[["key", "seed"]], on="key")
    uar = rows.groupby(["speaker", "seed"])[["truth", "guess"]].apply(
        lambda p: (p.truth == p.guess).groupby(p.truth).mean().mean()
    )
    return uar.groupby("speaker").mean()


def rows_of(frames, **facts):
    """The rows of those records."""
    records = frames.records
    for name, value in facts.items():
        records = records[records[name] == value]
    return ByCell(frames.predictions).rows(records.reset_index(drop=True))


def two_way_p(terms):
    """p of a contrast by its definition."""
    estimate, error, df = two_way(terms)
    return 2 * stats.t.sf(abs(estimate) / error, df)


@pytest.fixture(scope="module")
def three():
    """Every speaker has trainings of their own, and as many clips: the contrast is a paired t over speakers."""
    rng = np.random.default_rng(0)
    skills = {"a": 0.8, "b": 0.65, "c": 0.6}
    return held([c for m, s in skills.items() for c in cells(rng, m, skill=s, seeds=2, tilt=0.1, folds=8)])


@pytest.fixture(scope="module")
def shared():
    """A training scores several speakers, of whom some have few clips; three seeds."""
    rng = np.random.default_rng(9)
    skills = {"a": 0.8, "b": 0.65, "c": 0.6}
    made = [c for m, s in skills.items() for c in cells(rng, m, skill=s, seeds=3, speakers=12, tilt=0.1)]
    return held([(replace(r, n_test=len(few)), few) for r, few in ((r, without_some(p)) for r, p in made)])


def without_some(predictions):
    """All rows of even speakers; of the others, the fewer the higher their number."""
    speaker, number = predictions["speaker"].str[2:].astype(int), predictions["row"].str[-5:-2].astype(int)
    return predictions[(speaker % 2 == 0) | (number > 2 * speaker)].reset_index(drop=True)


@pytest.fixture(scope="module")
def sweep():
    """Two factors; the base is their first levels."""
    rng = np.random.default_rng(1)
    about = {"folds": 8, "protocol": "sweep"}
    made = list(cells(rng, "m", skill=0.6, settings={"lr": 0.001, "batch": 16}, **about))
    for lr, batch in itertools.product(("0.001", "0.01", "0.1"), ("16", "32")):
        if (lr, batch) != ("0.001", "16"):
            skill = 0.6 + 0.08 * ["0.001", "0.01", "0.1"].index(lr) + 0.05 * (batch == "32")
            arm = f"lr={lr} batch={batch}"
            made += cells(rng, "m", skill=skill, arm=arm, settings={"lr": float(lr), "batch": int(batch)}, **about)
    return held(made)


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(2)
    made = []
    for model, drop in (("a", 0.3), ("b", 0.36)):
        for k, condition in enumerate(("clean", "white 20 dB", "white 10 dB", "white 0 dB")):
            about = {"condition": condition, "protocol": "noise", "tilt": 0.03, "folds": 8}
            made += cells(rng, model, skill=0.9 - drop * k / 2, **about)
    return held(made)


@pytest.mark.parametrize("test", ["main", "two-way-t", "speaker-t"])  # one where speakers weigh alike
def test_pairs_of_models_by_scipy_and_holm_by_statsmodels(three, test):
    found = answer(three, test=test)
    assert [line.what for line in found.lines] == ["a − b", "a − c", "b − c"]
    scores = {m: by_speaker(three, model=m) for m in "abc"}
    theirs = [stats.ttest_rel(scores[x], scores[y]) for x, y in itertools.combinations("abc", 2)]
    assert [line.p for line in found.lines] == pytest.approx([t.pvalue for t in theirs])
    assert [line.estimate for line in found.lines] == pytest.approx(
        [(scores[x] - scores[y]).mean() for x, y in itertools.combinations("abc", 2)]
    )
    corrected = multipletests([line.p for line in found.lines], method="holm")[1]
    assert [line.holm for line in found.lines] == pytest.approx(corrected)


def test_pairs_of_models_are_over_speakers_and_trainings_of_the_printed_scores(shared):
    found = answer(shared, test="main").lines
    shown = {s.model: s.metrics["uar"].mean for s in scores(shared.records, shared.predictions)}
    for line, (x, y) in zip(found, itertools.combinations("abc", 2), strict=True):
        terms = [(1, rows_of(shared, model=x)), (-1, rows_of(shared, model=y))]
        estimate, error, df = two_way(terms)
        assert line.estimate == pytest.approx(shown[x] - shown[y], abs=1e-12) == pytest.approx(estimate, abs=1e-12)
        assert line.p == pytest.approx(two_way_p(terms), rel=1e-4)  # slopes are taken numerically
        half = stats.t.ppf(0.975, df) * error
        assert (line.low, line.high) == pytest.approx((estimate - half, estimate + half), rel=1e-4)
    typical = answer(shared, test="speaker-t").lines
    means = {m: by_speaker(shared, model=m) for m in "abc"}
    assert typical[0].p == pytest.approx(stats.ttest_rel(means["a"], means["b"]).pvalue)
    assert typical[0].estimate != pytest.approx(found[0].estimate, abs=1e-4)  # one with few clips weighs as much


def test_where_one_training_scores_several_speakers_few_seeds_speak_of_the_trained_models_only():
    rng = np.random.default_rng(10)
    made = [c for m, s in (("a", 0.8), ("b", 0.6)) for c in cells(rng, m, skill=s, seeds=1, folds=1)]
    reason = "1 training scores several speakers, so that the luck of training cannot be measured; 3 seeds allow"
    d = by_speaker(held(made), model="a") - by_speaker(held(made), model="b")
    theirs = stats.ttest_1samp(d, 0)
    for test in ("main", "order", "factors"):
        line = answer(held(made), test=test).lines[-1]
        assert line.p is None and line.low is None and line.reason.startswith(reason)
        assert abs(line.estimate) == pytest.approx(d.mean())
    (line,) = answer(held(made), test="main").lines
    low, high = theirs.confidence_interval()
    assert line.note == (
        f"these trained models alone: {100 * d.mean():+.1f} [{100 * low:+.1f}, {100 * high:+.1f}], "
        f"p {theirs.pvalue:.3f}"
    )


def test_a_base_and_levels_limit_and_order(three):
    (b, c) = answer(three, test="speaker-t", base="a").lines
    assert (b.what, c.what) == ("b − a", "c − a") and b.estimate < 0
    (one,) = answer(three, test="main", base="a", levels=["c"]).lines
    assert one.what == "c − a" and one.holm == one.p
    with pytest.raises(InputError, match="unknown arm, model or condition 'bb'"):
        answer(three, test="main", base="bb")
    with pytest.raises(InputError, match="unknown test 'friedmann'; did you mean 'friedman'"):
        answer(three, test="friedmann")
    with pytest.raises(InputError, match="take the test 'probabilities'"):
        answer(three, metric="ece", test="main")


def test_other_pair_tests_are_those_of_their_libraries(three):
    scores = {m: by_speaker(three, model=m) for m in "ab"}
    d = (scores["a"] - scores["b"]).to_numpy()
    ask = {name: answer(three, test=name, base="b", levels=["a"]).lines[0] for name in ("tost", "wilcoxon", "mcnemar")}
    assert ask["tost"].p == pytest.approx(ttost_paired(scores["a"], scores["b"], -0.01, 0.01)[0])
    assert ask["wilcoxon"].p == pytest.approx(
        stats.wilcoxon(np.round(d, 12), method=stats.PermutationMethod(n_resamples=1_000)).pvalue  # all 2^8 signs
    )
    first = three.predictions.merge(three.records.loc[three.records.seed == 0, ["key", "model"]], on="key")
    right = first.assign(right=first.truth == first.guess).pivot(index="row", columns="model", values="right")
    table = pd.crosstab(right["a"], right["b"]).to_numpy()
    assert ask["mcnemar"].p == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert ask["mcnemar"].estimate == pytest.approx(right["a"].mean() - right["b"].mean())
    corrected = answer(three, test="corrected-t", base="b", levels=["a"]).lines[0]
    plain = answer(three, test="plain-t", base="b", levels=["a"]).lines[0]
    assert corrected.units == "folds" and corrected.n == 8 and plain.n == 16 and "23 %" in plain.note
    bayes = answer(three, test="bayes", base="b", levels=["a"]).lines[0]
    assert bayes.p is None and bayes.note.startswith("better ")
    same = answer(three, test="unchanged", base="b", levels=["a"]).lines[0]
    answers = three.predictions.merge(three.records[["key", "model", "seed"]], on="key")
    wide = answers.pivot(index=["row", "seed"], columns="model", values="guess")
    assert same.estimate == pytest.approx((wide["a"] == wide["b"]).mean()) and same.low < same.estimate < same.high


def on_corpora(n, models="abc"):
    """Models of differing skill on several corpora, whose speakers have one name each per corpus."""
    rng = np.random.default_rng(20)
    made = []
    for k in range(n):
        facts = {"train": f"corpus{k}", "test": f"corpus{k}", "data": {f"corpus{k}": "print"}}
        for model, skill in zip(models, (0.7, 0.6, 0.4), strict=True):
            made += cells(rng, model, skill=skill + rng.normal(0, 0.1), seeds=2, **facts)
    return made


def test_corpora_as_blocks_are_those_of_scipy():
    frames = held(on_corpora(6))
    pooled = {(s.test, s.model): s.metrics["uar"].mean for s in scores(frames.records, frames.predictions)}
    table = pd.Series(pooled).unstack().round(12).to_numpy()
    found = answer(frames, test="friedman", blocks="corpus").lines
    assert found[0].p == pytest.approx(stats.friedmanchisquare(*table.T).pvalue)
    assert (found[0].n, found[0].counted) == (6, "6 corpora") and answer(frames, test="friedman").lines[0].n > 6
    ranks = {line.what: line.estimate for line in found[1:4]}
    theirs = stats.rankdata(-table, axis=1).mean(0)
    assert ranks == pytest.approx({f"mean rank of {m}": r for m, r in zip("abc", theirs, strict=True)})
    (page,) = answer(frames, test="page", levels=["c", "b", "a"], blocks="corpus").lines
    assert page.p == pytest.approx(stats.page_trend_test(table[:, ::-1]).pvalue) and page.n == 6


def test_a_corpus_is_one_block_whatever_it_was_trained_on():
    rng, made = np.random.default_rng(21), []
    for k in range(4):
        for train in ("x", "y"):
            facts = {"train": train, "test": f"corpus{k}", "protocol": "cross-corpus", "data": {"x": "print"}}
            for model, skill in zip("abc", (0.7, 0.6, 0.4), strict=True):
                made += cells(rng, model, skill=skill, **facts)
    frames = held(made)
    pooled = [(s.test, s.model, s.metrics["uar"].mean) for s in scores(frames.records, frames.predictions)]
    table = pd.DataFrame(pooled).groupby([0, 1])[2].mean().unstack().round(12).to_numpy()
    first = answer(frames, test="friedman", blocks="corpus").lines[0]
    assert first.n == 4 and first.p == pytest.approx(stats.friedmanchisquare(*table.T).pvalue)


def test_too_few_corpora_are_refused_with_the_attainable_p_and_other_tests_have_none():
    frames = held(on_corpora(2))
    (line,) = answer(frames, test="friedman", blocks="corpus").lines
    assert line.p is None and line.reason == "2 blocks of 3 models: Friedman's test cannot be below p = 0.14"
    with pytest.raises(InputError, match="--blocks corpus goes with order, friedman, page"):
        answer(frames, test="main", blocks="corpus")


def test_blocks(three):
    table = pd.DataFrame({m: by_speaker(three, model=m) for m in "abc"}).round(12)  # equal scores are ties
    found = answer(three, test="friedman").lines
    assert found[0].p == pytest.approx(stats.friedmanchisquare(*table.to_numpy().T).pvalue)
    ranks = {line.what: line.estimate for line in found[1:4]}
    theirs = stats.rankdata(-table.to_numpy(), axis=1).mean(0)
    assert ranks == pytest.approx({f"mean rank of {m}": r for m, r in zip("abc", theirs, strict=True)})
    against = answer(three, test="friedman", base="a").lines
    assert [line.what for line in against[4:]] == ["b − a", "c − a"] and against[4].holm == against[4].p
    (page,) = answer(three, test="page", levels=["c", "b", "a"]).lines
    expected = stats.page_trend_test(table[["c", "b", "a"]].to_numpy())
    assert page.p == pytest.approx(expected.pvalue) and page.what == "c < b < a"
    rho = [stats.spearmanr([0, 1, 2], line).statistic for line in table[["c", "b", "a"]].to_numpy()]
    assert page.estimate == pytest.approx(np.mean(rho))
    assert all("name the levels" in answer(three, test=test).lines[0].reason for test in ("page", "trend"))
    (chance,) = answer(three, test="improvement", base="b", levels=["a"]).lines
    runs = {}
    for m in "ab":
        records = three.records[three.records.model == m]
        runs[m] = np.array([by_speaker(three, model=m, seed=s) for s in sorted(records.seed.unique())]).T
    wins = np.mean([stats.mannwhitneyu(x, y).statistic / 4 for x, y in zip(runs["a"], runs["b"], strict=True)])
    assert chance.estimate == pytest.approx(wins)
    middle = answer(three, test="interquartile-mean").lines[0]
    assert middle.estimate == pytest.approx(stats.trim_mean(runs["a"], 0.25, axis=None)) and middle.low < middle.high


def test_speakers_of_several_corpora_are_blocks_together():
    rng = np.random.default_rng(3)
    made = []
    for corpus in ("a", "b"):
        for m, s in (("x", 0.8), ("y", 0.6), ("z", 0.5)):
            for record, p in cells(rng, m, skill=s, speakers=6, folds=6, train=corpus, test=corpus, data={corpus: "1"}):
                p = p.assign(**{c: p[c].str.replace("a/", f"{corpus}/") for c in ("row", "utterance", "speaker")})
                made.append((record, p))
    found = answer(held(made), test="friedman").lines
    assert found[0].n == 12 and found[0].where == "a, b" and found[0].p is not None


def test_ranks_over_speakers_whom_one_training_scores_are_a_description(shared):
    found = answer(shared, test="friedman", base="a").lines
    assert found[0].p is None and "one training scores several speakers" in found[0].reason
    table = pd.DataFrame({m: by_speaker(shared, model=m) for m in "abc"}).round(12).to_numpy()
    theirs = stats.rankdata(-table, axis=1).mean(0)
    ranks = {line.what: line.estimate for line in found[1:]}
    assert ranks == pytest.approx({f"mean rank of {m}": r for m, r in zip("abc", theirs, strict=True)})
    (page,) = answer(shared, test="page", levels=["c", "b", "a"]).lines
    assert (page.p, page.estimate) == (None, None) and page.reason == found[0].reason


@pytest.mark.parametrize("skills", [(0.8, 0.79, 0.55, 0.54), (0.9, 0.8, 0.7, 0.6), (0.7, 0.7, 0.7, 0.7)])
def test_order_has_the_printed_scores_and_joins_what_is_not_told_apart(skills):
    rng = np.random.default_rng(11)
    frames = held([c for m, s in zip("wxyz", skills, strict=True) for c in cells(rng, m, skill=s, folds=8)])
    shown = {s.model: s.metrics["uar"].mean for s in scores(frames.records, frames.predictions)}
    names = sorted(shown, key=lambda m: -shown[m])
    found = answer(frames, test="order").lines
    models, pairs = found[:4], {line.what: line for line in found[4:]}
    assert [line.what for line in models] == names and len(pairs) == 6
    assert [line.estimate for line in models] == pytest.approx([shown[m] for m in names], abs=1e-12)
    means = {m: by_speaker(frames, model=m) for m in names}
    p = [stats.ttest_rel(means[x], means[y]).pvalue for x, y in itertools.combinations(names, 2)]
    holm = multipletests(p, method="holm")[1]
    assert [line.holm for line in pairs.values()] == pytest.approx(holm)
    apart = {
        pair for pair, corrected in zip(itertools.combinations(range(4), 2), holm, strict=True) if corrected < 0.05
    }
    runs = [set(range(i, j + 1)) for i in range(4) for j in range(i + 1, 4)]
    tied = [r for r in runs if not any(set(pair) <= r for pair in apart)]
    longest = [r for r in tied if not any(r < other for other in tied)]
    for k, line in enumerate(models):
        letters = "".join("abcd"[g] for g, r in enumerate(longest) if k in r)
        assert line.note == (
            f"not told apart from others in group {letters}" if letters else "told apart from all others"
        )


def test_sweeps_are_held_against_the_base_and_along_each_factor(sweep):
    found = answer(sweep, test="main").lines
    assert [line.what for line in found][:2] == ["lr=0.001 batch=32 − base", "lr=0.01 batch=16 − base"]
    base = by_speaker(sweep, arm="base")
    p = [stats.ttest_rel(by_speaker(sweep, arm=line.what.removesuffix(" − base")), base).pvalue for line in found]
    assert [line.p for line in found] == pytest.approx(p) and len(found) == 5
    trends = {line.what: line for line in answer(sweep, test="page").lines}
    arms = {
        level: [name for name in sweep.records.arm.unique() if name.startswith(f"lr={level} ")]
        for level in ("0.001", "0.01", "0.1")
    }
    arms["0.001"].append("base")
    table = np.stack([np.mean([by_speaker(sweep, arm=n) for n in names], axis=0) for names in arms.values()], axis=1)
    rises = trends["along lr 0.001 … 0.1, others averaged, rising"]
    assert rises.p == pytest.approx(stats.page_trend_test(table).pvalue) and rises.p < 0.05
    falls = trends["along lr 0.001 … 0.1, others averaged, falling"]
    assert falls.p == pytest.approx(stats.page_trend_test(table[:, ::-1]).pvalue) and falls.p > 0.5
    assert "2 levels" in trends["along batch 16 … 32, others averaged, rising"].reason
    shown = {s.arm: s.metrics["uar"].mean for s in scores(sweep.records, sweep.predictions)}
    lines = {line.what: line for line in answer(sweep, test="trend").lines}
    line = lines["along lr 0.001 … 0.1, others averaged"]
    heights = [np.mean([shown[name] for name in names]) for names in arms.values()]
    assert line.estimate == pytest.approx(np.polyfit([0, 1, 2], heights, 1)[0] * 2, abs=1e-12)
    assert line.p == pytest.approx(stats.ttest_1samp(table[:, 2] - table[:, 0], 0).pvalue)  # of three, the ends alone
    line = lines["along batch 16 … 32, others averaged"]
    both = [np.mean([shown[name] for name in shown if name.endswith(f"batch={b}")]) for b in (16, 32)]
    both[0] = np.mean([shown["base"], shown["lr=0.01 batch=16"], shown["lr=0.1 batch=16"]])
    assert line.estimate == pytest.approx(both[1] - both[0], abs=1e-12)


def test_a_point_that_is_the_base_over_again_counts_once(sweep):
    base = sweep.records[sweep.records.arm == "base"]
    copy = base.assign(arm="lr=0.001 batch=16", key=base.key + "copy")
    copy["arm_factors"] = [{"lr": "0.001", "batch": "16"}] * len(copy)
    more = sweep.predictions[sweep.predictions.key.isin(base.key)].assign(key=lambda p: p.key + "copy")
    records = pd.concat([sweep.records, copy], ignore_index=True)
    plan = pd.concat([sweep.plan, copy[list(sweep.plan.columns)]], ignore_index=True)
    twice = evidence_of(records, pd.concat([sweep.predictions, more], ignore_index=True), plan)
    for test in ("main", "order", "friedman", "page", "trend", "factors"):
        assert answer(twice, test=test).lines == answer(sweep, test=test).lines
        assert "left out, the base over again: m [lr=0.001 batch=16]" in answer(twice, test=test).notes
    other = records.assign(training=records.training + records.arm)  # as shares of the data are: trained on other rows
    assert len(answer(evidence_of(other, twice.predictions, plan), test="main").lines) == 6
    (asked,) = answer(twice, test="main", base="base", levels=["lr=0.001 batch=16", "base"]).lines
    assert asked.estimate == 0.0  # by its name it is there


def test_levels_of_a_factor_are_means_over_the_same_levels_of_the_others():
    """No arm has neither noise nor pitch: level 0 of noise is held against the others at the same pitches alone."""
    arms = [f"noise={n} pitch={p}" for n in (0, 1, 2) for p in (0, 2, 4) if n or p]
    grid = grid_of(of_arms(["base", *arms]), {}, ["noise", "pitch"])
    levels = arms_along(grid, "noise", ["base", *arms])
    pitches = {level: [name[-1] for name in names] for level, names in levels.items()}
    assert pitches == {"0": ["2", "4", "e"], "1": ["2", "4", "0"], "2": ["2", "4", "0"]}  # the base stands at 0, 0
    levels = arms_along(grid, "noise", [arm for arm in arms if arm != "noise=2 pitch=4"])
    assert levels == {n: [f"noise={n} pitch=2"] for n in "012"}  # the pitch that all have


def test_interaction_is_a_difference_of_differences(sweep, noisy):
    found = answer(sweep, test="interaction").lines
    assert len(found) == 2
    b = {arm: by_speaker(sweep, arm=arm) for arm in sweep.records.arm.unique()}
    d = (b["lr=0.1 batch=32"] - b["lr=0.1 batch=16"]) - (b["lr=0.001 batch=32"] - b["base"])
    theirs = stats.ttest_1samp(d, 0)
    assert (found[1].estimate, found[1].p) == pytest.approx((d.mean(), theirs.pvalue))
    four = ["base", "lr=0.001 batch=32", "lr=0.1 batch=16", "lr=0.1 batch=32"]
    assert answer(sweep, test="interaction", levels=four).lines[0].estimate == pytest.approx(d.mean())
    lines = answer(noisy, test="interaction", base="a").lines
    assert lines[0].what.startswith("b − a, white")
    one = next(line for line in lines if "white 0 dB" in line.what)
    s = {(m, c): by_speaker(noisy, model=m, condition=c) for m in "ab" for c in ("clean", "white 0 dB")}
    d = (s["b", "white 0 dB"] - s["b", "clean"]) - (s["a", "white 0 dB"] - s["a", "clean"])
    assert (one.estimate, one.p) == pytest.approx((d.mean(), stats.ttest_1samp(d, 0).pvalue))
    (named,) = answer(noisy, test="interaction", base="a", levels=["b", "white 0 dB"]).lines
    assert named.estimate == one.estimate


def test_conditions_against_clean(noisy):
    lines = answer(noisy, test="degradation").lines
    assert [line.what for line in lines[:3]] == [f"white {n} dB − clean" for n in (20, 10, 0)]
    a = {c: by_speaker(noisy, model="a", condition=c) for c in ("clean", "white 0 dB")}
    theirs = stats.ttest_rel(a["white 0 dB"], a["clean"])
    assert lines[2].p == pytest.approx(theirs.pvalue)
    shown = {(s.model, s.condition): s.metrics["uar"].mean for s in scores(noisy.records, noisy.predictions)}
    quiet, loud = shown["a", "clean"], shown["a", "white 0 dB"]
    assert lines[2].estimate == pytest.approx(loud - quiet, abs=1e-12)
    assert f"keeps {100 * (loud - 1 / 3) / (quiet - 1 / 3):.0f} % of clean above chance" in lines[2].note
    area, half = answer(noisy, test="snr-curve").lines[:2]
    assert area.what == "white, 20 to 0 dB: mean over levels" and half.unit == "dB" and half.low < half.estimate
    trend = answer(noisy, test="page").lines[0]
    order = ["white 0 dB", "white 10 dB", "white 20 dB", "clean"]
    table = np.stack([by_speaker(noisy, model="a", condition=c) for c in order], axis=1)
    assert trend.p == pytest.approx(stats.page_trend_test(table).pvalue)
    line = answer(noisy, test="trend").lines[0]
    slope = np.polyfit(range(4), [shown["a", c] for c in order], 1)[0]
    assert line.estimate == pytest.approx(3 * slope, abs=1e-12) and line.what == "rises white 0 dB … clean"
    rises = [3 * np.polyfit(range(4), speaker, 1)[0] for speaker in table]
    assert line.p == pytest.approx(stats.ttest_1samp(rises, 0).pvalue)
    same = answer(noisy, test="unchanged").lines
    assert same[0].what == "white 20 dB as clean" and 0 < same[0].estimate < 1


def test_arms_without_an_order_are_asked_for_the_trend_along_conditions_each():
    rng = np.random.default_rng(8)
    skills = {"clean": 0.9, "white 20 dB": 0.8, "white 10 dB": 0.6, "white 0 dB": 0.4}
    arms = {"base": "asymmetric", "threshold=off": "off"}
    made = [
        one
        for arm, threshold in arms.items()
        for condition, skill in skills.items()
        for one in cells(rng, skill=skill, arm=arm, condition=condition, settings={"threshold": threshold}, folds=8)
    ]
    frames = held(made)
    lines = answer(frames, test="page").lines
    assert [(line.where, line.what) for line in lines] == [
        (f"a, a{label}", "rises white 0 dB … clean") for label in ("", " [threshold=off]")
    ]
    for arm, line in zip(arms, lines, strict=True):
        table = np.stack([by_speaker(frames, arm=arm, condition=c) for c in reversed(skills)], axis=1)
        assert line.p == pytest.approx(stats.page_trend_test(table).pvalue)
    named = answer(frames, test="page", levels=["base", "threshold=off"]).lines
    assert {line.what for line in named} == {"base < threshold=off"}


def shown_of(frames, *names):
    """The score of the tables by these facts."""
    made = scores(frames.records, frames.predictions)
    return {tuple(getattr(s, name) for name in names): s.metrics["uar"].mean for s in made}


def test_factors_are_means_of_differences_of_table_cells(sweep, noisy):
    lines = {line.what: line for line in answer(sweep, test="factors").lines}
    cell = {arm: value for (arm,), value in shown_of(sweep, "arm").items()}
    cell["lr=0.001 batch=16"] = cell["base"]
    at = {(lr, b): cell[f"lr={lr} batch={b}"] for lr in ("0.001", "0.01", "0.1") for b in ("16", "32")}
    for lr in ("0.01", "0.1"):
        line = lines[f"lr = {lr} − 0.001"]
        differences = [at[lr, b] - at["0.001", b] for b in ("16", "32")]
        assert line.estimate == pytest.approx(np.mean(differences), abs=1e-12)
        assert "mean of 2 differences at equal levels of all else" in line.note
        product = lines[f"(lr = {lr} − 0.001) at batch = 32 − at 16"]
        assert product.estimate == pytest.approx(differences[1] - differences[0], abs=1e-12)
    batch = lines["batch = 32 − 16"]
    differences = [at[lr, "32"] - at[lr, "16"] for lr in ("0.001", "0.01", "0.1")]
    assert batch.estimate == pytest.approx(np.mean(differences), abs=1e-12)
    speakers = {arm: by_speaker(sweep, arm=arm) for arm in sweep.records.arm.unique()}
    pairs = [("lr=0.1 batch=16", "base"), ("lr=0.1 batch=32", "lr=0.001 batch=32")]
    d = np.mean([speakers[x] - speakers[y] for x, y in pairs], axis=0)
    assert lines["lr = 0.1 − 0.001"].p == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    whole = lines["lr: all levels are equal"]
    p = [lines[f"lr = {lr} − 0.001"].p for lr in ("0.01", "0.1")]
    holm = multipletests(p, method="holm")[1]
    assert [lines[f"lr = {lr} − 0.001"].holm for lr in ("0.01", "0.1")] == pytest.approx(holm)
    assert whole.p == pytest.approx(min(holm)) and "batch: all levels are equal" not in lines  # it has two
    lines = {line.what: line for line in answer(noisy, test="factors", base="a").lines}
    cell = shown_of(noisy, "model", "condition")
    conditions = [c for m, c in cell if m == "a"]
    differences = {c: cell["b", c] - cell["a", c] for c in conditions}
    assert lines["model = b − a"].estimate == pytest.approx(np.mean(list(differences.values())), abs=1e-12)
    product = lines["(model = b − a) at condition = white 0 dB − at clean"]
    assert product.estimate == pytest.approx(differences["white 0 dB"] - differences["clean"], abs=1e-12)


def test_factors_leave_out_a_base_whose_levels_only_come_together():
    rng = np.random.default_rng(4)
    points = {f"lr={lr} batch={batch}": {"lr": lr, "batch": batch} for lr in ("0.1", "1") for batch in ("8", "16")}
    arms = {"base": {"lr": "3", "batch": "64"}, **points}
    frames = held([one for arm, at in arms.items() for one in cells(rng, arm=arm, settings=at, folds=8)])
    lines = {line.what: line for line in answer(frames, test="factors").lines}
    b = {arm: value for (arm,), value in shown_of(frames, "arm").items()}
    product = b["lr=1 batch=16"] - b["lr=1 batch=8"] - b["lr=0.1 batch=16"] + b["lr=0.1 batch=8"]
    assert lines["(lr = 1 − 0.1) at batch = 16 − at 8"].estimate == pytest.approx(product, abs=1e-12)
    assert lines["base of a"].note == "base of a left out: lr = 3 and batch = 64 only come together there"
    arms["base"] = {"lr": "3", "batch": "8"}  # one level of its own is an effect
    frames = held([one for arm, at in arms.items() for one in cells(rng, arm=arm, settings=at, folds=8)])
    lines = {line.what: line for line in answer(frames, test="factors").lines}
    b = {arm: value for (arm,), value in shown_of(frames, "arm").items()}
    assert lines["lr = 0.1 − 3"].estimate == pytest.approx(b["lr=0.1 batch=8"] - b["base"], abs=1e-12)
    assert "base of a" not in lines


def test_factors_are_compared_within_corpora_and_models_named_as_they_are_written():
    rng = np.random.default_rng(6)
    names = ("m", "m:tiny+a")
    made = [
        record
        for corpus in ("one", "two")
        for model in names
        for arm in ("base", "x")
        for record in cells(rng, model, arm=arm, train=corpus, test=corpus, data={corpus: "print"}, folds=8)
    ]
    frames = held(made)
    lines = {line.what: line for line in answer(frames, test="factors", base="m").lines}
    crossed = "(model = m:tiny+a − m) at arm = x − at base"
    assert list(lines) == ["model = m:tiny+a − m", "arm = x − base", crossed]
    b = shown_of(frames, "model", "arm", "test")
    pairs = itertools.product(("base", "x"), ("one", "two"))
    expected = np.mean([b["m:tiny+a", arm, corpus] - b["m", arm, corpus] for arm, corpus in pairs])
    assert lines["model = m:tiny+a − m"].estimate == pytest.approx(expected, abs=1e-12)


def test_leaking_arms_are_refused_but_for_the_effect_of_protocol():
    rng = np.random.default_rng(4)
    leaky = {"arm": "x", "leaks": ["selection"], "skill": 0.9}
    made = [*cells(rng, "m", protocol="p", folds=8), *cells(rng, "m", protocol="p", folds=8, **leaky)]
    for test in ("main", "corrected-t", "order", "friedman", "tost"):
        (line,) = answer(held(made), test=test).lines
        assert line.p is None and "effect of protocol" in line.reason
    steps = answer(held(made), test="protocol-effect").lines
    assert steps[0].what == "base" and steps[2].what == "x − base" and steps[2].p < 0.05
    assert steps[1].note.startswith("LEAK: selection") and steps[0].holm is None
    assert answer(held(cells(rng, "m")), test="protocol-effect").notes


def test_fold_trend_is_the_rise_of_a_straight_line_over_the_folds_of_a_chain():
    rng = np.random.default_rng(5)
    made = []
    for seed in range(4):
        for fold in range(5):
            for arm in ("base", "carried"):
                skill = 0.5 + (0.09 * fold if arm == "carried" else 0)
                ((record, p),) = cells(rng, "m", protocol="chain", arm=arm, folds=1, skill=skill)
                p = p.assign(**{c: p[c].str.replace("a/", f"a/{fold}") for c in ("row", "utterance", "speaker")})
                name = f"{arm}-{seed}-{fold}"
                made.append((replace(record, key=name, training=name, seed=seed, fold=f"a/fold-{fold}"), p))
    found = held(made)
    (line,) = answer(found, test="fold-trend").lines
    sides = {arm: rows_of(found, arm=arm) for arm in ("base", "carried")}
    by_fold = {arm: [pooled_uar(rows[rows.fold == f"a/fold-{k}"]) for k in range(5)] for arm, rows in sides.items()}
    gaps = np.subtract(by_fold["carried"], by_fold["base"])
    # the slope of a line does not depend on the fold in the middle, nor on its speakers
    assert line.what == "carried − base" and line.n == 32 and line.p < 0.05
    assert line.estimate == pytest.approx(4 * np.polyfit(range(5), gaps, 1)[0], abs=1e-12)
    slopes = np.array([-2, -1, 0, 1, 2]) / 10 * 4
    terms = [
        (sign * slope, rows[rows.fold == f"a/fold-{k}"].assign(training=arm + rows["seed"].astype(str)))
        for sign, arm in ((1, "carried"), (-1, "base"))
        for k, slope in enumerate(slopes)
        for rows in (sides[arm],)
    ]
    assert line.p == pytest.approx(two_way_p(terms), rel=1e-4)


def test_binomial_counts_errors_that_name_the_class_before():
    rng = np.random.default_rng(6)
    made = cells(rng, "m", skill=0.5, protocol="carried-state", arm="carried, by class")
    made = [(r, p.assign(guess=[g if g == t or CLASSES.index(t) == 0 else CLASSES[CLASSES.index(t) - 1]
                                for t, g in zip(p.truth, p.guess, strict=True)])) for r, p in made]  # fmt: skip
    base = cells(rng, "m", skill=0.5, protocol="carried-state")
    other = cells(rng, "m", skill=0.5, protocol="carried-state", arm="carried, by class, reversed")
    line, back = answer(held([*base, *made, *other]), test="binomial").lines
    _, p = frames(made)
    wrong = int(((p.truth != p.guess) & (p.truth != CLASSES[0])).sum())
    theirs = stats.binomtest(wrong, wrong, 0.5)
    assert (line.estimate, line.n, line.p) == (1, wrong, pytest.approx(theirs.pvalue))
    assert 0.35 < back.estimate < 0.65 and "reversed" in back.what
    with pytest.raises(InputError, match="no arm here has its test rows by class"):
        answer(held([*base, *cells(rng, "m", protocol="carried-state", arm="carried, shuffled")]), test="binomial")


def test_descriptions(three):
    spread = {line.what: line for line in answer(three, test="spread").lines}
    each = by_speaker(three, model="a")
    assert spread["a: deviation over speakers"].estimate == pytest.approx(each.std(ddof=1))
    mean = spread["a: mean"]
    (shown,) = (s.metrics["uar"] for s in scores(three.records, three.predictions) if s.label == "a")
    assert (mean.unit, mean.estimate, mean.low, mean.high) == ("%", shown.mean, shown.low, shown.high)
    assert "a: component of speakers, as a deviation" in spread
    clips = pd.DataFrame({"id": three.predictions["utterance"].unique()})
    clips = clips.assign(gender=np.where(clips["id"].str[2].isin(list("0246")), "f", "m"))
    groups = answer(evidence_of(three.records, three.predictions, three.plan, clips=clips), test="groups").lines
    assert [line.what for line in groups[:2]] == ["a: gender f", "a: gender m"] and groups[0].n == 4
    assert sum("the worst" in line.note for line in groups[:2]) == 1
    least = answer(three, test="detectable").lines[0]
    assert 0 < least.estimate < 1 and least.n == 8
    refused = answer(three, test="probabilities").lines
    assert {line.reason for line in refused} == {"the model gives no probabilities"} and len(refused) == 12


def test_probabilities_of_a_metric_and_against_a_base():
    rng = np.random.default_rng(7)
    made = []
    for model, skill in (("a", 0.8), ("b", 0.5)):
        for record, p in cells(rng, model, skill=skill):
            scores = np.where(np.array(CLASSES) == p["guess"].to_numpy()[:, None], 0.8, 0.1)
            made.append((record, p.assign(log_probability=list(np.log(scores)))))
    one, two, apart = answer(held(made), metric="brier", test="probabilities", base="b").lines
    assert (one.what, two.what, apart.what) == ("a: Brier", "b: Brier", "a − b: Brier")
    assert apart.estimate == pytest.approx(one.estimate - two.estimate) and apart.high < 0
    assert {one.unit, two.unit, apart.unit} == {""}  # up to 2: no share
    assert len(answer(held(made), test="probabilities").lines) == 8


def test_every_test_has_a_line_of_help_and_gives_plain_data(three, sweep, noisy):
    assert set(TESTS) >= {
        "main", "two-way-t", "speaker-t", "corrected-t", "order", "friedman", "page", "trend", "factors",
        "tost", "protocol-effect", "degradation",
        "interaction", "binomial", "bayes", "improvement", "interquartile-mean", "detectable",
    }  # fmt: skip
    for test in set(TESTS) - {"binomial"}:
        for run in (three, sweep, noisy):
            found = answer(run, test=test)
            document = answer_text.document(found)
            plain = json.loads(json.dumps(document.objects(), allow_nan=False))
            assert plain["test"] == test and plain["summary"] == TESTS[test].summary
            assert max(map(len, render(document).splitlines())) <= 140
            assert render(document, "csv").count("\n") == len(found.lines) + 1
            assert r"\bottomrule" in render(document, "latex")
            assert render(document, "markdown")
    assert all(name in answer_text.explained() for name in TESTS)


def test_an_empty_run_has_no_answer_and_says_so():
    records, predictions = frames(cells(np.random.default_rng(0)))
    empty = evidence_of(records[:0], predictions[:0], records[["model", "arm"]][:0])
    for test in sorted(set(TESTS) - {"binomial"}):
        found = answer(empty, test=test)
        assert not any(line.p for line in found.lines) and (found.notes or found.lines)


def test_every_protocol_of_several_is_asked_for_its_own(sweep, noisy):
    both = together_of(sweep, noisy)
    for test in ("main", "interaction", "degradation"):
        apart = {(x.what, x.p) for f in (sweep, noisy) for x in answer(f, test=test).lines if x.what != "interaction"}
        together = {(x.what, x.p) for x in answer(both, test=test).lines}
        assert together <= apart and {what for what, _ in together} >= {what for what, _ in apart if " dB" in what}


def test_leaks_and_what_is_left_out_are_said():
    rng, about = np.random.default_rng(0), {"leaks": ["speaker"], "skill": 0.6}
    three = [c for model in ("a", "b", "majority") for c in cells(rng, model, **about)]
    leak = "LEAK, permitted by speaker-independent: speaker"
    assert answer(held(three), test="main").notes == (
        leak, "left out: majority; --base majority holds the others against it"
    )  # fmt: skip
    assert answer(held(three), test="main", base="majority").notes == (leak,)
    assert "speaker" in render(answer_text.document(answer(held(three), test="groups")), "latex")
    mixed = [*cells(rng, "c", **about), *cells(rng, "c", **about, settings={"epochs": 9}, provider="other")]
    (said, left) = answer(held(three + mixed), test="spread").notes
    assert said == leak
    assert left == (
        "left out: c is there in several versions, which differ in provider, settings (speaker-independent, a); "
        "ask of one run at a time"
    )  # fmt: skip


def test_a_title_names_the_metric_only_where_the_test_follows_it(three):
    titles = {
        test: render(answer_text.document(answer(three, test=test))).split("\n\n")[0]
        for test in TESTS
        if test != "binomial"
    }
    titles = {test: " ".join(text.split()) for test, text in titles.items()}
    assert titles["main"].endswith(". UAR, shares in %, differences in points.")
    assert titles["mcnemar"].endswith(". WA, shares in %, differences in points.")
    assert titles["probabilities"].endswith(". Shares in %, differences in points.")


def test_what_a_test_takes_is_said_where_it_is_not_there(three):
    assert answer(three, test="degradation").notes == ("nothing here to test: it takes clean and other conditions",)


def test_one_is_counted_in_the_singular():
    assert [AnswerLine("", "", n=n, units=u).counted for n, u in ((1, "seeds"), (6, "speakers"), (None, "rows"))] == [
        "1 seed", "6 speakers", "",
    ]  # fmt: skip
