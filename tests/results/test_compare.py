import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from serbench.errors import InputError
from serbench.results.evidence.blocks import blocks
from serbench.results.evidence.pools import ByCell
from serbench.results.evidence.results import by_name, results_of
from serbench.results.evidence.scores import scores
from serbench.results.questions.compare import compare
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.speakers import OVER_BOTH, OVER_FOLDS, TRAINED, TYPICAL
from serbench.results.text import comparison_text
from serbench.results.text.forms import render
from serbench.tests.support.paired import CLASSES, cells, frames
from serbench.tests.support.two_way import pooled_uar, two_way

UAR = METRICS["uar"]


def two(seed=0, about_b=None, **about):
    """Cells of two models; by default every speaker is a fold."""
    rng, about = np.random.default_rng(seed), {"folds": 8, **about}
    return cells(rng, "a", **about), cells(rng, "b", **{"skill": 0.55, **about, **(about_b or {})})


def one_comparison(made, **about):
    (found,) = compare(*frames([*made[0], *made[1]]), "a", "b", UAR, **about)
    return found


def speaker_means(predictions, records, model):
    joined = predictions.merge(records.loc[records.model == model, ["key", "seed"]], on="key")
    by = joined.groupby(["speaker", "seed"])[["truth", "guess"]]
    return by.apply(lambda p: (p.truth == p.guess).groupby(p.truth).mean().mean()).groupby("speaker").mean()


def rows_of(records, predictions, model):
    return ByCell(predictions).rows(records[records.model == model].reset_index(drop=True))


def check(test, one, two):
    """The numbers of a test by their definition."""
    estimate, error, df = two_way([(1, one), (-1, two)])
    half = stats.t.ppf(0.975, df) * error
    assert test.mean == pytest.approx(estimate, abs=1e-12)
    assert test.p == pytest.approx(2 * stats.t.sf(abs(estimate) / error, df), rel=1e-3)
    numbers = (test.error, test.df, test.low, test.high)
    assert numbers == pytest.approx((error, df, estimate - half, estimate + half), rel=1e-3)


def test_speaker_folds_are_tested_over_speakers_and_everything_stands_beside():
    made = two(seeds=3)
    records, predictions = frames([*made[0], *made[1]])
    found = one_comparison(made)
    differences = speaker_means(predictions, records, "a") - speaker_means(predictions, records, "b")
    theirs = stats.ttest_1samp(differences, 0)  # every speaker has as many clips, and trainings of their own
    assert found.main.name == OVER_BOTH and (found.main.n, found.main.about) == (8, "algorithms")
    assert (found.main.t, found.main.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    names = [test.name for test in found.beside]
    assert names[:2] == [OVER_FOLDS, TYPICAL] and found.beside[0].n == 8 and "Wilcoxon" in names[2]
    assert found.beside[1].p == pytest.approx(theirs.pvalue) and found.beside[1].about == "trained models"
    assert found.plain.n == 24 and found.mcnemar.p < 1 and found.holm == found.main.p
    assert (found.n_rows, found.n_speakers, found.n_folds, found.seeds) == (240, 8, 8, (3, 3))
    shown = {s.model: s.metrics["uar"].mean for s in scores(records, predictions)}
    assert (found.score_a, found.score_b) == pytest.approx((shown["a"], shown["b"]))


@pytest.mark.parametrize("about", [{"folds": 4}, {"folds": 1, "protocol": "cross-corpus", "train": "b"}])
def test_trainings_that_score_several_speakers_are_a_part_of_the_uncertainty(about):
    made = two(seeds=3, tilt=0.1, **about)
    records, predictions = frames([*made[0], *made[1]])
    found = one_comparison(made)
    check(found.main, *(rows_of(records, predictions, model) for model in "ab"))
    assert found.uncertainty.trainings > 0 and found.uncertainty.n_trainings == 3
    estimate, error, df = found.main.mean, found.main.error, found.main.df
    assert found.posterior.above == pytest.approx(stats.t.sf((0.01 - estimate) / error, df))
    assert found.posterior.below == pytest.approx(stats.t.cdf((-0.01 - estimate) / error, df))
    sides = stats.t.sf((estimate + 0.01) / error, df), stats.t.cdf((estimate - 0.01) / error, df)
    assert found.equivalence.p == pytest.approx(max(sides))
    ends = estimate - stats.t.ppf(0.95, df) * error, estimate + stats.t.ppf(0.95, df) * error
    assert found.equivalence.least == pytest.approx(max(map(abs, ends)))
    least = one_comparison(made, margin=found.equivalence.least).equivalence
    assert least.p == pytest.approx(0.05)


@settings(max_examples=10, deadline=None)
@given(
    st.randoms(use_true_random=False), st.integers(3, 7), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2),
    st.booleans(),
)  # fmt: skip
def test_what_is_tested_is_the_difference_of_the_unrounded_table_cells(random, speakers, folds, one, other, crossed):
    """Whatever the clips of a speaker, the classes that some lack, the folds and the seeds of either model."""
    rng = np.random.default_rng(random.randrange(10_000))
    kept = rng.random((speakers, 12)) < rng.uniform(0.2, 1, (speakers, 1))
    kept[:, :3] |= np.arange(speakers)[:, None] == 0  # all classes are there
    made = []
    for model, seeds in (("a", one), ("b", other)):
        about = {"speakers": speakers, "folds": folds, "per_class": 4, "crossed": crossed, "skill": rng.uniform(0.3, 1)}
        for record, p in cells(rng, model, seeds=seeds, tilt=0.2, **about):
            number = p["row"].str.extract(r"/(\d+)-(\d+)#").astype(int)
            p = p[kept[number[0], number[1]]].reset_index(drop=True)
            made.append((replace(record, n_test=len(p)), p))
    records, predictions = frames(made)
    shown = {s.model: s.metrics for s in scores(records, predictions)}
    for name in ("wa", "uar"):
        (found,) = compare(records, predictions, "a", "b", METRICS[name])
        one, two = (shown[model][name].mean for model in "ab")
        assert (found.score_a, found.score_b) == pytest.approx((one, two), abs=1e-12)
        assert found.uncertainty.estimate == pytest.approx(one - two, abs=1e-12)
        assert found.main.mean == found.uncertainty.estimate
    rows = [rows_of(records, predictions, model) for model in "ab"]
    assert found.main.mean == pytest.approx(pooled_uar(rows[0]) - pooled_uar(rows[1]), abs=1e-12)


def test_folds_of_utterances_are_tested_over_folds_with_the_corrected_variance():
    made = two(crossed=True, protocol="random", leaks=["speaker"], seeds=2, folds=4)
    found = one_comparison(made)
    assert found.main.name == OVER_FOLDS and found.main.n == 4  # seeds do not count
    one, other = (rows_of(*frames(part), model) for part, model in zip(made, "ab", strict=True))
    d = np.array([
        pooled_uar(one[one.fold == fold]) - pooled_uar(other[other.fold == fold]) for fold in sorted(one.fold.unique())
    ])  # fmt: skip
    error = np.sqrt((1 / 4 + 60 / 900) * d.var(ddof=1))
    assert found.main.mean == pytest.approx(pooled_uar(one) - pooled_uar(other), abs=1e-12)
    assert (found.main.t, found.main.error) == pytest.approx((found.main.mean / error, error))
    assert found.main.p == pytest.approx(2 * stats.t.sf(abs(found.main.t), 3))
    assert found.beside[0].name == TRAINED and found.beside[1].name == OVER_BOTH
    assert "3 seeds" in found.beside[1].reason
    assert found.notes == ("test speakers are heard in training: p is not about new speakers",)


def test_one_training_of_a_single_test_set_is_refused_and_the_trained_models_stand_beside():
    made = two(folds=1, protocol="cross-corpus", train="b", data={"a": "print", "b": "other"})
    found = one_comparison(made)
    assert found.reason == (
        "1 training scores several speakers, so that the luck of training cannot be measured; 3 seeds allow a test of "
        "the algorithms"
    )
    assert (found.main.name, found.main.p, found.main.low) == (OVER_BOTH, None, None)
    assert found.main.mean == pytest.approx(found.score_a - found.score_b, abs=1e-12)
    assert (found.posterior, found.effect, found.equivalence) == (None, None, None)
    one, other = (rows_of(*frames(part), model) for part, model in zip(made, "ab", strict=True))
    trained = found.beside[0]
    assert (trained.name, trained.about) == (TRAINED, "trained models")
    check(
        trained,
        *(rows.assign(training=rows.speaker + model, fold=rows.speaker) for rows, model in ((one, "a"), (other, "b"))),
    )
    assert found.beside[1].reason == "one test set, no folds to test over" and found.beside[1].p is None
    assert found.plain.p is None
    text = " ".join(render(comparison_text.document([found]), None, 80).split())
    assert "REFUSED: 1 training scores several speakers" in text and "3 seeds allow" in text
    estimate = f"{100 * trained.mean:+.1f} [{100 * trained.low:+.1f}, {100 * trained.high:+.1f}]"
    assert f"t over speakers, of these trained models (n = 8 speakers): {estimate}" in text
    assert one_comparison(two(folds=1, seeds=3)).reason is None
    assert one_comparison(two(folds=4)).reason is not None and one_comparison(two(speakers=12, folds=6)).main.n == 6


def test_runs_that_are_one_and_the_same_have_no_luck_and_count_as_one():
    rng = np.random.default_rng(3)
    ((record, p),) = cells(rng, "a", folds=1)
    alike = [(replace(record, key=f"a{k}", training=f"a{k}", seed=k), p) for k in range(2)]
    ((other, q),) = cells(rng, "b", folds=1, skill=0.5)
    twice = [(replace(other, key=f"b{k}", training=f"b{k}", seed=k), q) for k in range(2)]
    found = one_comparison((alike, twice))
    assert found.main.p is not None and found.uncertainty.n_trainings is None
    assert found.notes == tuple(f"{m}: all seeds gave the same answers, which count as one run" for m in "ab")
    once = one_comparison((alike[:1], twice[:1]))
    assert once.main.p is None and once.beside[0].p == pytest.approx(found.main.p)


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"data": {"a": "changed"}}, "different data"),
        ({"protocol_version": 2}, "different protocol version"),
        ({"options": {"folds": 4}}, "different options"),
        ({"speakers": 7}, "rows are scored by one model only"),
        ({"folds": 4}, "rows are scored by one model only, or in other folds"),
        ({"per_class": 9}, "rows are scored by one model only"),
        ({"protocol": "random", "leaks": ["speaker"]}, "leaks: none) and random (leaks: speaker) are not compared"),
        ({"label_map": "basic4"}, "label_map native and basic4"),
        ({"condition": "white 0 dB"}, "condition clean and white 0 dB"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(about, reason):
    found = one_comparison(two(about_b=about))
    assert reason in found.reason
    assert (found.main.p, found.holm, found.posterior, found.plain, found.mcnemar) == (None,) * 5
    text = render(comparison_text.document([found]), None, 80)
    assert "REFUSED" in text and "As papers print" not in text
    (plain,) = comparison_text.to_json([found])
    assert plain["main"]["p"] is None and reason in plain["reason"]


def test_too_few_speakers_are_refused_with_the_attainable_p():
    found = one_comparison(two(speakers=2, folds=2))
    assert found.main.p is None and found.main.attainable_p == 0.5 and found.reason == "2 test speakers, 3 are needed"
    five = one_comparison(two(seed=1, speakers=5, folds=5, seeds=5))
    signs = five.beside[2]
    assert five.main.p is not None and signs.p is None and signs.attainable_p == 0.0625


def test_missing_cells_and_several_versions_of_a_model_are_refused():
    a, b = two()
    records, predictions = frames([*a, *b])
    records.loc[records.key == b[0][0].key, "status"] = "failed"
    (found,) = compare(records, predictions, "a", "b", UAR)
    assert "b has 7 of 8 cells" in found.reason
    records, predictions = frames([*a, *b])
    records.at[0, "settings"] = {"c": 2}
    (found,) = compare(records, predictions, "a", "b", UAR)
    assert found.reason == "a is there in several versions, which differ in settings"
    records, predictions = frames([*a, *b])
    for name, other in (("code", "new"), ("provider", "plugin 2.0")):
        changed = records.assign(**{name: [other, *records[name][1:]]})
        (found,) = compare(changed, predictions, "a", "b", UAR)
        assert found.reason == f"a is there in several versions, which differ in {name}"


def test_holm_is_over_the_tasks_of_a_protocol():
    rng = np.random.default_rng(1)
    made = [
        cell
        for model, skill in (("a", 0.62), ("b", 0.55))
        for condition in ("clean", "white 0 dB", "white 20 dB")
        for cell in cells(rng, model, skill=skill, condition=condition, protocol="noise", folds=8)
    ]
    found = compare(*frames(made), "a", "b", UAR)
    assert [c.setup.condition for c in found] == ["clean", "white 20 dB", "white 0 dB"]
    p = sorted(c.main.p for c in found)
    assert min(c.holm for c in found) == pytest.approx(min(1, 3 * p[0]))
    text = render(comparison_text.document(found), None, 80)
    assert "of 3" in text and max(map(len, text.splitlines())) <= 80


def test_an_arm_is_named_with_or_without_a_space():
    rng = np.random.default_rng(2)
    arms = [*cells(rng, "a"), *cells(rng, "a", arm="x"), *cells(rng, "a", arm="y", skill=0.4), *cells(rng, "b")]
    (one,) = compare(*frames(arms), "a[y]", "a", UAR)
    (other,) = compare(*frames(arms), "a [y]", "a", UAR)
    assert one.main == other.main and one.main.mean < 0 and (one.a, one.b) == ("a [y]", "a")


def test_arms_may_train_on_other_rows_models_may_not():
    rng = np.random.default_rng(6)
    base = cells(rng, "a", folds=8)
    arm, other = cells(rng, "a", arm="share=0.5", skill=0.5, folds=8), cells(rng, "b", skill=0.5, folds=8)
    changed = {"fold_hash": "other", "n_train": 450}
    arm, other = ([(replace(r, **changed), p) for r, p in made] for made in (arm, other))
    augmented = [(replace(r, options={"augment": {"noise": 0.1}}), p) for r, p in arm]
    (found,) = compare(*frames([*base, *arm]), "a [share=0.5]", "a", UAR)
    assert found.reason is None and found.main.n == 8 and found.main.mean < 0 and found.beside[0].n == 8
    (found,) = compare(*frames([*base, *augmented]), "a [share=0.5]", "a", UAR)
    assert found.reason is None
    (found,) = compare(
        *frames([*base, *[(replace(r, options={"folds": 3}), p) for r, p in arm]]), "a[share=0.5]", "a", UAR
    )
    assert "different options" in found.reason
    (found,) = compare(*frames([*base, *other]), "a", "b", UAR)
    assert "the folds of 240 rows differ" in found.reason
    (found,) = compare(*frames([*base, *arm[:6]]), "a [share=0.5]", "a", UAR)
    assert "60 rows are tested in one arm only" in found.reason


def test_repeats_that_one_arm_lacks_are_averaged():
    rng = np.random.default_rng(7)
    base = cells(rng, "a", folds=8)
    drawn = [
        (replace(r, repeat=k, key=f"{r.key}-{k}", training=f"{r.training}-{k}"), p)
        for k in range(3)
        for r, p in cells(rng, "a", arm="share=0.5", skill=0.5, folds=8)
    ]
    (found,) = compare(*frames([*base, *drawn]), "a [share=0.5]", "a", UAR)
    assert found.main.n == 8 and found.beside[0].n == 8 and found.beside[0].p is not None
    shown = {s.arm: s.metrics["uar"].mean for s in scores(*frames([*base, *drawn]))}
    assert found.main.mean == pytest.approx(shown["share=0.5"] - shown["base"], abs=1e-12)


def test_unknown_models_and_a_model_with_itself_are_errors():
    records, predictions = frames([*two()[0], *two()[1]])
    with pytest.raises(InputError, match="unknown model 'bb'; did you mean 'b'"):
        compare(records, predictions, "a", "bb", UAR)
    with pytest.raises(InputError, match="compared with itself"):
        compare(records, predictions, "a", "a", UAR)


def test_blocks_hold_the_same_speaker_scores_as_the_pairs():
    rng = np.random.default_rng(4)
    made = [c for m, s in (("a", 0.8), ("b", 0.6), ("c", 0.5)) for c in cells(rng, m, skill=s, seeds=2)]
    records, predictions = frames(made)
    (block,) = blocks(records, predictions)
    table = block.table(UAR)
    assert list(table.columns) == ["a", "b", "c"] and len(table) == 8 and block.classes == CLASSES
    for model in "abc":
        assert table[model].to_numpy() == pytest.approx(speaker_means(predictions, records, model).to_numpy())
    (pair,) = compare(records, predictions, "a", "b", UAR)
    typical = next(test for test in pair.beside if test.name == TYPICAL)
    assert (table["a"] - table["b"]).mean() == pytest.approx(typical.mean)
    assert block.confusions["a"].shape == (2, 8, 3, 3)


def test_blocks_leave_out_what_lacks_rows_and_say_so():
    rng = np.random.default_rng(5)
    made = [*cells(rng, "a"), *cells(rng, "b")[:3]]
    (block,) = blocks(*frames(made))
    assert list(block.confusions) == ["a"] and block.notes == ("b: left out: it lacks rows that other models have",)
    records, predictions = frames(made)
    assert blocks(records.assign(status="failed"), predictions) == []
    assert [(e.label, len(e.records), e.n_cells) for e in by_name(results_of(records))] == [("a", 4, 4), ("b", 3, 3)]


def test_json_is_plain_and_text_fits_80_columns():
    found = compare(*frames([*two(seeds=2)[0], *two(seeds=2)[1]]), "a", "b", UAR)
    (plain,) = json.loads(json.dumps(comparison_text.to_json(found), allow_nan=False))
    assert plain["as_papers_print"]["mcnemar"]["p"] == found[0].mcnemar.p
    assert plain["main"]["p"] == found[0].main.p and plain["uncertainty"]["estimate"] == plain["main"]["mean"]
    assert plain["score_a"] - plain["score_b"] == pytest.approx(plain["main"]["mean"], abs=1e-12)
    text = render(comparison_text.document(found), None, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "as independent" in text and "23 %" in text and "Bayes: A better" in text
    assert "A − B: their difference, which is what is tested" in " ".join(text.split())


def test_latex_names_the_leaks_and_no_two_tables_share_a_label():
    kinds: tuple[list[str], ...] = ([], ["speaker"])
    made = [compare(*frames([*a, *b]), "a", "b", UAR)[0] for a, b in (two(leaks=leaks) for leaks in kinds)]
    text = render(comparison_text.document(made), "latex")
    assert text.count("LEAK: speaker shared") == 1
    assert len(set(re.findall(r"\\label.*", text))) == 2


def test_order_of_records_and_rows_does_not_matter():
    records, predictions = frames([*two(seeds=2)[0], *two(seeds=2)[1]])
    (one,) = compare(records, predictions, "a", "b", UAR)
    mixed = [f.sample(frac=1, random_state=1).reset_index(drop=True) for f in (records, predictions)]
    (other,) = compare(*mixed, "a", "b", UAR)
    assert (one.main.p, one.mcnemar, one.score_a) == (
        pytest.approx(other.main.p), other.mcnemar, pytest.approx(other.score_a),
    )  # fmt: skip
    assert isinstance(records, pd.DataFrame)
