"""Every test by name, on simulated runs whose numbers other libraries check."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from serbench.errors import InputError
from serbench.results.evidence.arms import grid_of
from serbench.results.evidence.scores import scores
from serbench.results.questions.answer_lines import AnswerLine
from serbench.results.questions.answers import TESTS, answer
from serbench.results.questions.sweeps import along
from serbench.results.statistics.metrics import METRICS
from serbench.results.text import answer_text
from serbench.results.text.forms import render
from serbench.tests.support.evidence import both as together_of
from serbench.tests.support.evidence import evidence_of
from serbench.tests.support.made_scores import of_arms
from serbench.tests.support.paired import CLASSES, cells, frames

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


@pytest.fixture(scope="module")
def three():
    rng = np.random.default_rng(0)
    return held(
        [c for m, s in (("a", 0.8), ("b", 0.65), ("c", 0.6)) for c in cells(rng, m, skill=s, seeds=2, tilt=0.1)]
    )


@pytest.fixture(scope="module")
def sweep():
    """Two factors; the base is their first levels."""
    rng = np.random.default_rng(1)
    made = list(cells(rng, "m", skill=0.6, settings={"lr": 0.001, "batch": 16}, protocol="sweep"))
    for lr, batch in itertools.product(("0.001", "0.01", "0.1"), ("16", "32")):
        if (lr, batch) != ("0.001", "16"):
            skill = 0.6 + 0.08 * ["0.001", "0.01", "0.1"].index(lr) + 0.05 * (batch == "32")
            arm = f"lr={lr} batch={batch}"
            made += cells(
                rng, "m", skill=skill, arm=arm, settings={"lr": float(lr), "batch": int(batch)}, protocol="sweep"
            )
    return held(made)


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(2)
    made = []
    for model, drop in (("a", 0.3), ("b", 0.36)):
        for k, condition in enumerate(("clean", "white 20 dB", "white 10 dB", "white 0 dB")):
            made += cells(rng, model, skill=0.9 - drop * k / 2, condition=condition, protocol="noise", tilt=0.03)
    return held(made)


def test_pairs_of_models_by_scipy_and_holm_by_statsmodels(three):
    found = answer(three, test="speaker-t")
    assert [line.what for line in found.lines] == ["a − b", "a − c", "b − c"]
    scores = {m: by_speaker(three, model=m) for m in "abc"}
    theirs = [stats.ttest_rel(scores[x], scores[y]) for x, y in itertools.combinations("abc", 2)]
    assert [line.p for line in found.lines] == pytest.approx([t.pvalue for t in theirs])
    assert [line.estimate for line in found.lines] == pytest.approx(
        [(scores[x] - scores[y]).mean() for x, y in itertools.combinations("abc", 2)]
    )
    corrected = multipletests([line.p for line in found.lines], method="holm")[1]
    assert [line.holm for line in found.lines] == pytest.approx(corrected)
    assert answer(three, test="main").lines[0].p == found.lines[0].p  # speaker folds


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
    assert corrected.units == "folds" and corrected.n == 4 and plain.n == 8 and "23 %" in plain.note
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
    with pytest.raises(InputError, match="--blocks corpus goes with friedman, page"):
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
    assert "name the levels" in answer(three, test="page").lines[0].reason
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
            for record, p in cells(rng, m, skill=s, speakers=6, train=corpus, test=corpus, data={corpus: "1"}):
                p = p.assign(**{c: p[c].str.replace("a/", f"{corpus}/") for c in ("row", "utterance", "speaker")})
                made.append((record, p))
    found = answer(held(made), test="friedman").lines
    assert found[0].n == 12 and found[0].where == "a, b"


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
    rises = trends["rises along lr 0.001 … 0.1, others averaged"]
    assert rises.p == pytest.approx(stats.page_trend_test(table).pvalue) and rises.p < 0.05
    assert "2 levels" in trends["rises along batch 16 … 32, others averaged"].reason


def test_a_point_that_is_the_base_over_again_counts_once(sweep):
    base = sweep.records[sweep.records.arm == "base"]
    copy = base.assign(arm="lr=0.001 batch=16", key=base.key + "copy")
    copy["arm_factors"] = [{"lr": "0.001", "batch": "16"}] * len(copy)
    more = sweep.predictions[sweep.predictions.key.isin(base.key)].assign(key=lambda p: p.key + "copy")
    records = pd.concat([sweep.records, copy], ignore_index=True)
    plan = pd.concat([sweep.plan, copy[list(sweep.plan.columns)]], ignore_index=True)
    twice = evidence_of(records, pd.concat([sweep.predictions, more], ignore_index=True), plan)
    for test in ("main", "friedman", "page", "mixed-model"):
        assert answer(twice, test=test).lines == answer(sweep, test=test).lines
        assert "left out, the base over again: m [lr=0.001 batch=16]" in answer(twice, test=test).notes
    other = records.assign(training=records.training + records.arm)  # as shares of the data are: trained on other rows
    assert len(answer(evidence_of(other, twice.predictions, plan), test="main").lines) == 6
    (asked,) = answer(twice, test="main", base="base", levels=["lr=0.001 batch=16", "base"]).lines
    assert asked.estimate == 0.0  # by its name it is there


def test_levels_of_a_factor_are_means_over_the_same_levels_of_the_others():
    """No arm has neither noise nor pitch: level 0 of noise is held against the others at the same pitches alone."""
    arms = [f"noise={n} pitch={p}" for n in (0, 1, 2) for p in (0, 2, 4) if n or p]
    scores = {arm: pd.Series({"s": float(arm[-1])}) for arm in arms}  # the pitch decides, noise does nothing
    grid = grid_of(of_arms(["base", *arms]), {}, ["noise", "pitch"])
    table = along(grid, "noise", {**scores, "base": pd.Series({"s": 0.0})})
    assert table.to_numpy().tolist() == [[2.0, 2.0, 2.0]]  # with the base, which has no copies and stands at 0, 0
    del scores["noise=2 pitch=4"]
    table = along(grid, "noise", scores)
    assert table.to_numpy().tolist() == [[2.0, 2.0, 2.0]]  # at a pitch of 2, which all have


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
    assert lines[2].p == pytest.approx(theirs.pvalue) and "keeps" in lines[2].note
    area, half = answer(noisy, test="snr-curve").lines[:2]
    assert area.what == "white, 20 to 0 dB: mean over levels" and half.unit == "dB" and half.low < half.estimate
    trend = answer(noisy, test="page").lines[0]
    order = ["white 0 dB", "white 10 dB", "white 20 dB", "clean"]
    table = np.stack([by_speaker(noisy, model="a", condition=c) for c in order], axis=1)
    assert trend.p == pytest.approx(stats.page_trend_test(table).pvalue)
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
        for one in cells(rng, skill=skill, arm=arm, condition=condition, settings={"threshold": threshold})
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


def test_mixed_model_has_the_factors_against_the_base(sweep, noisy):
    lines = {line.what: line for line in answer(sweep, test="mixed-model").lines}
    b = {arm: by_speaker(sweep, arm=arm).mean() for arm in sweep.records.arm.unique()}
    assert lines["lr = 0.1"].estimate == pytest.approx(b["lr=0.1 batch=16"] - b["base"], abs=1e-6)
    product = lines["lr = 0.1 with batch = 32"]
    expected = b["lr=0.1 batch=32"] - b["lr=0.1 batch=16"] - b["lr=0.001 batch=32"] + b["base"]
    assert product.estimate == pytest.approx(expected, abs=1e-6)  # a full design: cell means
    assert "against lr = 0.001, batch = 16" in lines["random effects"].note
    names = [line.what for line in answer(noisy, test="mixed-model", base="a").lines]
    assert "model = b" in names and "model = b with condition = white 0 dB" in names


def test_mixed_model_leaves_out_a_base_whose_levels_only_come_together():
    rng = np.random.default_rng(4)
    points = {f"lr={lr} batch={batch}": {"lr": lr, "batch": batch} for lr in ("0.1", "1") for batch in ("8", "16")}
    arms = {"base": {"lr": "3", "batch": "64"}, **points}
    frames = held([one for arm, at in arms.items() for one in cells(rng, arm=arm, settings=at)])
    lines = {line.what: line for line in answer(frames, test="mixed-model").lines}
    b = {arm: by_speaker(frames, arm=arm).mean() for arm in points}
    product = b["lr=1 batch=16"] - b["lr=1 batch=8"] - b["lr=0.1 batch=16"] + b["lr=0.1 batch=8"]
    assert lines["lr = 1 with batch = 16"].estimate == pytest.approx(product, abs=1e-6)
    assert "base of a left out: lr = 3 and batch = 64 only come together there" in lines["random effects"].note
    arms["base"] = {"lr": "3", "batch": "8"}  # one level of its own is an effect
    frames = held([one for arm, at in arms.items() for one in cells(rng, arm=arm, settings=at)])
    lines = {line.what: line for line in answer(frames, test="mixed-model").lines}
    assert "lr = 0.1" in lines and "left out" not in lines["random effects"].note


def test_mixed_model_crosses_two_factors_within_corpora_and_names_models_as_they_are_written():
    rng = np.random.default_rng(6)
    names = ("m", "m:tiny+a")
    made = [
        record
        for corpus in ("one", "two")
        for model in names
        for arm in ("base", "x")
        for record in cells(rng, model, arm=arm, train=corpus, test=corpus, data={corpus: "print"})
    ]
    found = {line.what for line in answer(held(made), test="mixed-model", base="m").lines}
    assert {"model = m:tiny+a", "arm = x", "model = m:tiny+a with arm = x", "corpus = two"} <= found
    assert not any("with" in what and "corpus" in what for what in found)


def test_leaking_arms_are_refused_but_for_the_effect_of_protocol():
    rng = np.random.default_rng(4)
    made = [*cells(rng, "m", protocol="p"), *cells(rng, "m", protocol="p", arm="x", leaks=["selection"], skill=0.9)]
    for test in ("main", "corrected-t", "friedman", "tost"):
        (line,) = answer(held(made), test=test).lines
        assert line.p is None and "effect of protocol" in line.reason
    steps = answer(held(made), test="protocol-effect").lines
    assert steps[0].what == "base" and steps[2].what == "x − base" and steps[2].p < 0.05
    assert steps[1].note.startswith("LEAK: selection") and steps[0].holm is None
    assert answer(held(cells(rng, "m")), test="protocol-effect").notes


def test_fold_trend_is_page_over_the_folds_of_a_chain():
    rng = np.random.default_rng(5)
    made = []
    for seed in range(4):
        for fold in range(5):
            for arm in ("base", "carried"):
                skill = 0.5 + (0.09 * fold if arm == "carried" else 0)
                (one,) = cells(rng, "m", protocol="chain", arm=arm, folds=1, skill=skill)
                record, p = one
                made.append((type(record)(**{**record.to_json(), "key": f"{arm}-{seed}-{fold}", "seed": seed,
                                             "fold": f"a/fold-{fold}", "repeat": fold}), p))  # fmt: skip
    found = held(made)
    (line,) = answer(found, test="fold-trend").lines
    by = found.predictions.merge(found.records[["key", "arm", "seed", "fold"]], on="key")
    uar = by.groupby(["arm", "seed", "fold"])[["truth", "guess"]].apply(
        lambda p: (p.truth == p.guess).groupby(p.truth).mean().mean()
    )
    table = (uar["carried"] - uar["base"]).unstack("fold").to_numpy()
    assert line.what == "carried − base" and line.n == 4
    assert line.p == pytest.approx(stats.page_trend_test(table).pvalue) and line.p < 0.05


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
        "main", "speaker-t", "corrected-t", "friedman", "page", "mixed-model", "tost", "protocol-effect", "degradation",
        "interaction", "binomial", "bayes", "improvement", "interquartile-mean", "detectable",
    }  # fmt: skip
    for test in set(TESTS) - {"binomial", "mixed-model"}:
        for run in (three, sweep, noisy):
            found = answer(run, test=test)
            plain = json.loads(json.dumps(answer_text.document(found).objects(), allow_nan=False))
            assert plain["test"] == test and plain["summary"] == TESTS[test].summary
            assert max(map(len, render(answer_text.document(found)).splitlines())) <= 140
            assert render(answer_text.document(found), "csv").count("\n") == len(found.lines) + 1
            assert r"\bottomrule" in render(answer_text.document(found), "latex")
            assert render(answer_text.document(found), "markdown")
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
