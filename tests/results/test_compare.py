import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from serbench.errors import InputError
from serbench.results.evidence.blocks import blocks
from serbench.results.evidence.results import by_name, results_of
from serbench.results.evidence.scores import scores
from serbench.results.questions.compare import compare
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.speakers import OVER_FOLDS, OVER_SPEAKERS
from serbench.results.text import comparison_text
from serbench.results.text.forms import render
from serbench.tests.support.paired import CLASSES, cells, frames

UAR = METRICS["uar"]


def two(seed=0, about_b=None, **about):
    rng = np.random.default_rng(seed)
    return cells(rng, "a", **about), cells(rng, "b", **{"skill": 0.55, **about, **(about_b or {})})


def one_comparison(made, **about):
    (found,) = compare(*frames([*made[0], *made[1]]), "a", "b", UAR, **about)
    return found


def speaker_means(predictions, records, model):
    joined = predictions.merge(records.loc[records.model == model, ["key", "seed"]], on="key")
    by = joined.groupby(["speaker", "seed"])[["truth", "guess"]]
    return by.apply(lambda p: (p.truth == p.guess).groupby(p.truth).mean().mean()).groupby("speaker").mean()


def test_speaker_folds_are_tested_over_speakers_and_everything_stands_beside():
    made = two(seeds=3)
    records, predictions = frames([*made[0], *made[1]])
    found = one_comparison(made)
    differences = speaker_means(predictions, records, "a") - speaker_means(predictions, records, "b")
    theirs = stats.ttest_1samp(differences, 0)
    assert found.main.name == OVER_SPEAKERS and found.main.n == 8
    assert (found.main.t, found.main.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.differences == pytest.approx(differences.to_numpy())
    names = [test.name for test in found.beside]
    assert names[0] == OVER_FOLDS and found.beside[0].n == 4 and "Wilcoxon" in names[1]
    assert found.plain.n == 12 and found.mcnemar.p < 1 and found.holm == found.main.p
    assert (found.n_rows, found.n_speakers, found.n_folds, found.seeds) == (240, 8, 4, (3, 3))
    shown = {s.model: s.metrics["uar"].mean for s in scores(records, predictions)}
    assert (found.score_a, found.score_b) == pytest.approx((shown["a"], shown["b"]))


def test_folds_of_utterances_are_tested_over_folds_with_the_corrected_variance():
    found = one_comparison(two(crossed=True, protocol="random", leaks=["speaker"], seeds=2))
    assert found.main.name == OVER_FOLDS and found.main.n == 4  # seeds do not count
    d = found.differences
    error = np.sqrt((1 / 4 + 60 / 900) * d.var(ddof=1))
    assert found.main.t == pytest.approx(d.mean() / error)
    assert found.share == pytest.approx(1 / 4 + 60 / 900)
    assert found.beside[0].name == OVER_SPEAKERS
    assert found.notes == ("test speakers are heard in training: p is not about new speakers",)


def test_a_single_test_set_is_tested_over_speakers_and_never_over_folds():
    found = one_comparison(two(folds=1, protocol="cross-corpus", train="b", data={"a": "print", "b": "other"}))
    assert found.main.name == OVER_SPEAKERS and found.main.p is not None
    assert found.beside[0].reason == "one test set, no folds to test over" and found.beside[0].p is None
    assert found.plain.p is None


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"data": {"a": "changed"}}, "different data"),
        ({"protocol_version": 2}, "different protocol version"),
        ({"options": {"folds": 4}}, "different options"),
        ({"speakers": 7}, "rows are scored by one model only"),
        ({"folds": 2}, "rows are scored by one model only, or in other folds"),
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
    assert found.main.p is None and found.main.attainable_p == 0.5 and "p = 0.5" in found.reason
    five = one_comparison(two(seed=1, speakers=5, folds=5, seeds=5))
    signs = five.beside[1]
    assert five.main.p is not None and signs.p is None and signs.attainable_p == 0.0625


def test_missing_cells_and_several_versions_of_a_model_are_refused():
    a, b = two()
    records, predictions = frames([*a, *b])
    records.loc[records.key == b[0][0].key, "status"] = "failed"
    (found,) = compare(records, predictions, "a", "b", UAR)
    assert "b has 3 of 4 cells" in found.reason
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
        for cell in cells(rng, model, skill=skill, condition=condition, protocol="noise")
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
    base, arm, other = cells(rng, "a"), cells(rng, "a", arm="share=0.5", skill=0.5), cells(rng, "b", skill=0.5)
    changed = {"fold_hash": "other", "n_train": 450}
    arm, other = ([(replace(r, **changed), p) for r, p in made] for made in (arm, other))
    augmented = [(replace(r, options={"augment": {"noise": 0.1}}), p) for r, p in arm]
    (found,) = compare(*frames([*base, *arm]), "a [share=0.5]", "a", UAR)
    assert found.reason is None and found.main.n == 8 and found.main.mean < 0 and found.beside[0].n == 4
    (found,) = compare(*frames([*base, *augmented]), "a [share=0.5]", "a", UAR)
    assert found.reason is None
    (found,) = compare(
        *frames([*base, *[(replace(r, options={"folds": 3}), p) for r, p in arm]]), "a[share=0.5]", "a", UAR
    )
    assert "different options" in found.reason
    (found,) = compare(*frames([*base, *other]), "a", "b", UAR)
    assert "the folds of 240 rows differ" in found.reason
    (found,) = compare(*frames([*base, *arm[:3]]), "a [share=0.5]", "a", UAR)
    assert "60 rows are tested in one arm only" in found.reason


def test_repeats_that_one_arm_lacks_are_averaged():
    rng = np.random.default_rng(7)
    base = cells(rng, "a")
    drawn = [
        (replace(r, repeat=k, key=f"{r.key}-{k}"), p)
        for k in range(3)
        for r, p in cells(rng, "a", arm="share=0.5", skill=0.5)
    ]
    (found,) = compare(*frames([*base, *drawn]), "a [share=0.5]", "a", UAR)
    assert found.main.n == 8 and found.beside[0].n == 4 and found.beside[0].p is not None


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
    assert (table["a"] - table["b"]).to_numpy() == pytest.approx(pair.differences)
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
    assert plain["main"]["p"] == found[0].main.p and len(plain["differences"]) == 8
    text = render(comparison_text.document(found), None, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "as independent" in text and "23 %" in text and "Bayes: A better" in text
    assert "A − B: mean over speakers" in " ".join(text.split())


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
