import doctest
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from serbench.errors import InputError
from serbench.results.evidence import scores as module
from serbench.results.evidence.old_records import LACKING
from serbench.results.evidence.record import PREDICTION_COLUMNS, Record
from serbench.results.evidence.scores import FACTS as NAMES
from serbench.results.evidence.scores import PUBLIC, scores, to_json
from serbench.results.questions.compare import compare
from serbench.results.statistics.metrics import METRICS
from serbench.tests.support.records import of_names
from serbench.tests.support.two_way import two_way

CLASSES = ("angry", "happy", "sad")


OF_NAMES = ("role", "condition_kind", "condition_level", "condition_unit")
MORE = {"format": 4, "target": "classes", "seeded": True, "train_uar": None, "train_guesses": None}
FACTS = {
    **dict.fromkeys(name for name in Record.__dataclass_fields__ if name not in LACKING[1]),
    **{"status": "done", "protocol": "speaker-independent", "protocol_version": 1, "model": "functionals-svm"},
    **{"model_version": 1, "arm": "base", "train": "a", "test": "a", "fold": "1", "fold_hash": "h", "repeat": 0},
    **{"seed": 0, "condition": "clean", "label_map": "native", "classes": list(CLASSES), "leaks": [], "missing": []},
    **{"device": "cpu", "precision": "fp32", "settings": {"c": 1.0}, "data": {"a": "print-a", "b": "print-b"}},
    "notes": [],
}


def predictions_of(key, triples, start=0):
    """Rows of (speaker, truth, guess)."""
    return [
        (key, f"a/{start + k}#0", f"a/{start + k}", None if s is None else f"a/{s}", t, g, None)
        for k, (s, t, g) in enumerate(triples)
    ]


def frames(cells):
    """Records and predictions of (key, triples, facts) or, with its first row number, (key, triples, facts, start)."""
    records, lines = [], []
    for key, triples, facts, *start in cells:
        records.append(of_names({**FACTS, "key": key, "training": key, "n_test": len(triples), **facts}) | MORE)
        lines += predictions_of(key, triples, *start)
    return pd.DataFrame(records), pd.DataFrame(lines, columns=["key", *PREDICTION_COLUMNS])


def simulated(rng, seeds=3, folds=4, speakers=8, rows=45, repeats=1, **facts):
    """Cells of a model; fold k tests the speakers that are k modulo the folds."""
    cells = []
    for seed in range(seeds):
        for repeat in range(repeats):
            for fold in range(folds):
                triples = [
                    (s, CLASSES[r % 3], CLASSES[rng.integers(3)] if rng.random() < 0.5 else CLASSES[r % 3])
                    for s in range(speakers)
                    if s % folds == fold
                    for r in range(rows)
                ]
                key = f"{facts}-{seed}-{repeat}-{fold}"
                cells.append(
                    (key, triples, {"seed": seed, "repeat": repeat, "fold": str(fold), **facts}, fold * 10_000)
                )
    return cells


def test_doctests_hold():
    assert doctest.testmod(module).failed == 0


def test_by_hand():
    cells = [
        # seed 0: fold 1 (speaker x), fold 2 (speaker y); over both: angry 2/3, happy 1/2, sad 1/1
        ("a", [("x", "angry", "angry"), ("x", "angry", "happy"), ("x", "happy", "happy")], {"fold": "1"}),
        ("b", [("y", "angry", "angry"), ("y", "happy", "sad"), ("y", "sad", "sad")], {"fold": "2"}, 10),
        # seed 1: all right but the one sad
        ("c", [("x", "angry", "angry"), ("x", "angry", "angry"), ("x", "happy", "happy")], {"fold": "1", "seed": 1}),
        ("d", [("y", "angry", "angry"), ("y", "happy", "happy"), ("y", "sad", "angry")], {"fold": "2", "seed": 1}, 10),
    ]
    (score,) = scores(*frames(cells))
    seeds = [(2 / 3 + 1 / 2 + 1) / 3, (1 + 1 + 0) / 3]
    uar = score.metrics["uar"]
    assert uar.mean == pytest.approx(np.mean(seeds))
    assert uar.sd == pytest.approx(np.std(seeds, ddof=1))
    folds = [np.mean([(1 / 2 + 1) / 2, 1]), np.mean([(1 + 0 + 1) / 3, (1 + 1 + 0) / 3])]
    assert uar.sd_folds == pytest.approx(np.std(folds, ddof=1))
    assert uar.sd_speakers == pytest.approx(np.std(folds, ddof=1))  # here every fold is a speaker
    assert score.metrics["wa"].mean == pytest.approx(np.mean([4 / 6, 5 / 6]))
    assert (score.chance, score.n_folds, score.n_seeds, score.n_utterances) == (pytest.approx(1 / 3), 2, 2, 6)
    assert (uar.low, uar.high) == (None, None)
    assert score.interval_reason == "2 test speakers, 3 are needed"
    assert score.confusion.tolist() == [[5, 1, 0], [0, 3, 1], [1, 0, 1]]
    assert (score.n_runs, score.n_cells, score.n_done, score.n_speakers) == (2, 4, 4, 2)


def test_a_pooled_score_is_not_the_mean_of_fold_scores():
    cells = [
        ("a", [("x", "angry", "angry")] * 3 + [("x", "happy", "angry")], {"fold": "1"}),
        ("b", [("y", "happy", "happy")] * 9 + [("y", "angry", "angry")], {"fold": "2"}, 10),
    ]
    (score,) = scores(*frames(cells))
    assert score.metrics["uar"].mean == pytest.approx((4 / 4 + 9 / 10) / 2)  # folds: (1/2 + 1)/2 = 0.75
    assert score.metrics["uar"].sd is None  # one seed
    assert score.metrics["uar"].sd_folds == pytest.approx(np.std([0.5, 1.0], ddof=1))


def test_repeats_are_averaged_within_a_seed():
    right, wrong = [("x", "angry", "angry"), ("y", "sad", "sad")], [("x", "angry", "sad"), ("y", "sad", "angry")]
    cells = [
        ("a", right, {"seed": 0, "repeat": 0}),
        ("b", wrong, {"seed": 0, "repeat": 1}),
        ("c", right, {"seed": 1, "repeat": 0}),
        ("d", right, {"seed": 1, "repeat": 1}),
    ]
    (score,) = scores(*frames(cells))
    assert score.metrics["uar"].mean == pytest.approx(np.mean([0.5, 1.0]))
    assert score.metrics["uar"].sd == pytest.approx(np.std([0.5, 1.0], ddof=1))
    assert (score.n_folds, score.n_runs, score.n_utterances) == (2, 4, 2)


@pytest.mark.parametrize("repeats", [1, 2])
def test_interval_is_wilson_at_the_effective_number_of_clips_over_speakers_and_trainings(repeats):
    records, predictions = frames(simulated(np.random.default_rng(1), repeats=repeats))
    (score,) = scores(records, predictions)
    rows = predictions.merge(records[["key", "seed", "repeat", "fold", "training"]], on="key")
    estimate, error, df = two_way([(1, rows)])
    q, n = stats.t.ppf(0.975, df), estimate * (1 - estimate) / error**2
    value = score.metrics["uar"]
    assert value.mean == pytest.approx(estimate, abs=1e-12)
    for end in (value.low, value.high):  # q standard errors of its own away
        assert (end - estimate) ** 2 == pytest.approx(q**2 * end * (1 - end) / n, rel=1e-3)
    assert value.low < value.mean < value.high
    assert score.interval_of == "algorithm" and score.interval_reason is None
    assert score.interval_method == "of the algorithm, over test speakers and trainings"


def test_an_interval_says_whether_it_is_of_the_algorithm_or_of_the_trained_models():
    def shown(seeds, folds, model="m", change=lambda p: p):
        records, predictions = frames(simulated(np.random.default_rng(1), seeds=seeds, folds=folds, model=model))
        (plain,) = to_json(scores(records, change(predictions)))
        (score,) = scores(records, change(predictions))
        return plain["interval_of"], "3 seeds allow an interval of the algorithm" in " ".join(score.notes)

    assert shown(3, 1) == shown(1, 8) == ("algorithm", False)  # trainings enough, or one for every speaker
    assert shown(1, 1) == shown(2, 4) == ("trained models", True)
    assert shown(2, 1, change=lambda p: p.assign(guess=p.truth)) == (
        "algorithm",
        False,
    )  # runs that are one and the same
    assert shown(3, 1, change=lambda p: p.assign(speaker=None))[0] is None


def test_equal_answers_have_equal_intervals_whatever_the_model_and_condition():
    rng = np.random.default_rng(2)
    cells = simulated(rng, seeds=1)
    twin = [(f"{k}!", t, {**f, "model": "other", "condition": "white 0 dB"}, *s) for k, t, f, *s in cells]
    one, two = scores(*frames(cells + twin))
    assert one.metrics == two.metrics and one.model != two.model


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(random):
    records, predictions = frames(simulated(np.random.default_rng(3)) + simulated(np.random.default_rng(4), model="b"))
    expected = to_json(scores(records, predictions))
    mixed = [f.sample(frac=1, random_state=random.randrange(1000)) for f in (records, predictions)]
    assert json.dumps(to_json(scores(*mixed))) == json.dumps(expected)


def test_dtypes_as_parquet_gives_them_or_categories_or_objects_score_alike(tmp_path):
    records, predictions = frames(simulated(np.random.default_rng(3)))
    expected = to_json(scores(records, predictions))
    predictions.to_parquet(tmp_path / "p.parquet")
    assert to_json(scores(records, pd.read_parquet(tmp_path / "p.parquet"))) == expected
    assert to_json(scores(records, predictions.astype("category", errors="ignore"))) == expected
    assert to_json(scores(records, predictions.astype(object))) == expected


@pytest.mark.usefixtures("four_metrics")
def test_json_has_exactly_the_public_fields_and_never_nan():
    records, predictions = frames(simulated(np.random.default_rng(5), seeds=1, leaks=["speaker", "copy"]))
    (plain,) = to_json(scores(records, predictions))
    assert (
        tuple(plain)
        == PUBLIC
        == (*NAMES, "chance", "n_folds", "n_seeds", "n_failed", "n_utterances", "interval_of", "metrics")
    )
    assert set(plain["metrics"]) == {"uar", "wa", "macro_f1", "weighted_f1"}
    assert list(plain["metrics"]["uar"]) == ["mean", "sd", "low", "high", "sd_folds", "sd_speakers"]
    assert plain["leaks"] == ["copy", "speaker"] and plain["metrics"]["uar"]["sd"] is None
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_failed_and_pending_cells_are_counted_and_the_rest_is_scored():
    cells = simulated(np.random.default_rng(6), seeds=2)
    records, predictions = frames(cells)
    lost = records.key[records.seed.eq(1) & records.fold.isin(["2", "3"])].tolist()
    failed = records.key.eq(lost[0])
    planned = records[[*NAMES, *OF_NAMES, "key", "code", "fold", "seed"]]
    records.loc[failed, "status"] = "failed"
    records.loc[failed, "error"] = "Traceback (most recent call last):\n  ...\nValueError: loss is not finite\n"
    predictions = predictions[~predictions.key.isin(lost)]
    (score,) = scores(records[records.key != lost[1]], predictions, planned)
    assert (score.n_failed, score.n_pending, score.n_done, score.n_cells) == (1, 1, 6, 8)
    assert (score.n_folds, score.n_seeds, score.errors) == (4, 2, ("ValueError: loss is not finite",))
    assert score.metrics["uar"].mean is not None and score.metrics["uar"].low is not None
    assert score.metrics["uar"].sd is None  # the seeds did not score the same rows
    assert "seeds cover different folds so far: no deviation over seeds" in score.notes


def test_groups_without_a_finished_cell_are_null_not_absent():
    records, predictions = frames(simulated(np.random.default_rng(6), seeds=1))
    planned = pd.concat([records, records.assign(model="z", key=records.key + "z")])
    planned = planned[[*NAMES, *OF_NAMES, "key", "code", "fold", "seed"]]
    records = records.assign(status="failed", error="OSError: gone")
    failed, waiting = scores(records, predictions[:0], planned)
    assert (failed.n_failed, failed.n_done, failed.metrics["uar"].mean) == (4, 0, None)
    assert failed.errors == ("OSError: gone (4 cells)",) and failed.chance == pytest.approx(1 / 3)
    assert (waiting.model, waiting.n_pending, waiting.n_folds, waiting.chance) == ("z", 4, 4, None)
    json.dumps(to_json([failed, waiting]), allow_nan=False)


def test_predictions_without_a_record_are_not_finished_and_left_out():
    records, predictions = frames(simulated(np.random.default_rng(7)))
    more = predictions.assign(key="unknown")
    assert to_json(scores(records, pd.concat([predictions, more]))) == to_json(scores(records, predictions))
    assert scores(records[:0], predictions) == []


def test_missing_classes_are_counted_once_per_fold():
    cells = simulated(np.random.default_rng(8), seeds=3, missing=["sad"])[:1] + simulated(np.random.default_rng(8))[1:]
    (score,) = scores(*frames(cells))
    assert score.missing == {"sad": 1}


def test_different_settings_versions_or_data_are_never_pooled():
    rng = np.random.default_rng(9)
    one, two = simulated(rng), simulated(rng, settings={"c": 3.0})
    found = scores(*frames(one + two))
    assert [s.tag for s in found] == ["1", "2"] and found[1].label == "functionals-svm (2)"
    assert [s.n_cells for s in found] == [12, 12]
    assert found[0].notes == ("apart from its namesakes: settings.c 1.0",)
    assert len(scores(*frames(one + simulated(rng, data={"a": "changed"})))) == 2
    assert len(scores(*frames(one + simulated(rng, model_version=2)))) == 2
    elsewhere = simulated(rng, data={"a": "print-a", "b": "changed"})  # b is neither trained nor tested on
    (together,) = scores(*frames(one[:8] + elsewhere[8:]))
    assert together.n_cells == 12 and together.tag == ""


def test_cells_of_other_code_or_another_provider_are_never_pooled():
    rng = np.random.default_rng(9)
    known = {"code": "0123456789abcdef", "provider": "serbench"}
    one = simulated(rng, **known)
    found = scores(*frames(one + simulated(rng, **{**known, "code": "fedcba9876543210"})))
    assert [s.n_cells for s in found] == [12, 12] and [s.tag for s in found] == ["1", "2"]
    assert [s.notes[0] for s in found] == [
        "apart from its namesakes: code 01234567", "apart from its namesakes: code fedcba98",
    ]  # fmt: skip
    found = scores(*frames(one + simulated(rng, **{**known, "provider": "loud-models 1.2"})))
    assert [s.notes[0] for s in found] == [
        "apart from its namesakes: provider loud-models 1.2", "apart from its namesakes: provider serbench",
    ]  # fmt: skip
    found = scores(*frames(one + simulated(rng, **known, data={"a": "f" * 64})))
    assert {s.notes[0] for s in found} == {
        "apart from its namesakes: data.a ffffffff", "apart from its namesakes: data.a print-a",
    }  # fmt: skip


def test_seeds_that_newer_code_did_not_repeat_stay_apart_and_what_waits_is_of_its_own_code():
    old = simulated(np.random.default_rng(9), seeds=3, code="old")
    new = simulated(np.random.default_rng(9), seeds=1, code="new")
    records, predictions = frames(old[4:] + new)  # seed 0 of the old code is replaced by the new
    planned = records[[*NAMES, *OF_NAMES, "key", "code", "fold", "seed"]]
    done = ~records.key.isin([new[-1][0]])
    found = scores(records[done], predictions, planned)
    assert [(s.n_cells, s.n_seeds, s.n_pending) for s in found] == [(4, 1, 1), (8, 2, 0)]
    assert found[0].notes[0].endswith("code new") and found[1].notes[0].endswith("code old")


def test_order_is_clean_first_then_mild_to_strong_and_majority_first():
    rng = np.random.default_rng(10)
    conditions = ["white -5 dB", "clean", "white 20 dB", "babble 0 dB"]
    cells = [c for m in ("a-model", "majority") for k in conditions for c in simulated(rng, 1, model=m, condition=k)]
    found = [(s.condition, s.model) for s in scores(*frames(cells))]
    assert found[:2] == [("clean", "majority"), ("clean", "a-model")]
    assert [c for c, m in found if m == "majority"] == ["clean", "babble 0 dB", "white 20 dB", "white -5 dB"]


def test_unknown_speakers_leave_the_score_and_take_the_interval():
    cells = simulated(np.random.default_rng(11))
    known = scores(*frames(cells))[0].metrics["uar"]
    cells[0] = (cells[0][0], [(None, t, g) for _, t, g in cells[0][1]], *cells[0][2:])
    (score,) = scores(*frames(cells))
    value = score.metrics["uar"]
    assert (value.mean, value.sd) == (known.mean, known.sd)
    assert (value.low, value.high, value.sd_speakers) == (None, None, None)
    assert score.interval_reason == "the speaker of 90 predictions is unknown"


def test_odd_predictions_are_named():
    records, predictions = frames(simulated(np.random.default_rng(12), seeds=1))
    (short,) = scores(records, predictions[1:])
    assert "1 cell holds predictions of another number of utterances than they test" in short.notes
    (again,) = scores(records.assign(n_test=90), predictions.assign(row="a/1#0"))
    assert "359 predictions repeat a row under one seed and repeat" in again.notes
    with pytest.raises(InputError, match="labels that are not among its classes angry, happy, sad"):
        scores(records, predictions.assign(guess="joy"))
    with pytest.raises(InputError, match="labels that are not among"):
        scores(records, predictions.assign(truth=[None, *predictions.truth[1:]]))
    with pytest.raises(InputError, match="is stored twice"):
        scores(pd.concat([records, records[:1]]), predictions)
    (nothing,) = scores(records, predictions[:0])
    assert nothing.metrics["uar"].mean is None and nothing.n_utterances == 0
    assert nothing.interval_reason == "there are no predictions"


def test_scored_cells_can_be_compared():
    rng = np.random.default_rng(13)
    records, predictions = frames(simulated(rng, n_train=270) + simulated(rng, model="b", n_train=270))
    (found,) = compare(records, predictions, "functionals-svm", "b", METRICS["uar"])
    assert found.main.n == 8 and 0 < found.main.p <= 1 and found.reason is None
    shown = {score.model: score.metrics["uar"].mean for score in scores(records, predictions)}
    assert (found.score_a, found.score_b) == pytest.approx((shown["functionals-svm"], shown["b"]))
