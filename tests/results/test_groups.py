import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from serbench.results.evidence.groups import by_group, by_speaker, confusions_by_speaker, with_utterances
from serbench.results.evidence.scores import scores
from serbench.results.statistics.metrics import METRICS
from serbench.tests.support.paired import CLASSES, cells, frames, model_rows

UAR = METRICS["uar"]


@pytest.fixture(scope="module")
def rows():
    found = model_rows(np.random.default_rng(0), seeds=2, speakers=10, tilt=0.15)
    return found.assign(gender=np.where(found.speaker.str[-1].astype(int) % 2, "male", "female"))


def test_scores_of_groups_and_the_worst_one(rows):
    found = by_group(rows, "gender", CLASSES, UAR)
    expected = {
        g: np.mean([balanced_accuracy_score(s.truth, s.guess) for _, s in part.groupby("seed")])
        for g, part in rows.groupby("gender")
    }
    assert found.table.set_index("group").score.to_dict() == pytest.approx(expected)
    assert found.worst == min(expected, key=expected.get)
    assert found.gap == pytest.approx(abs(expected["male"] - expected["female"]))
    assert (found.table.low < found.table.score).all() and (found.table.score < found.table.high).all()
    shown = scores(*(frames(cells(np.random.default_rng(0), seeds=2, speakers=10, tilt=0.15))))[0].metrics["uar"]
    whole = by_group(rows.assign(all="all"), "all", CLASSES, UAR).table.iloc[0]
    assert (whole.score, whole.low, whole.high) == pytest.approx(
        (shown.mean, shown.low, shown.high)
    )  # as tables have it
    assert found.table.n_speakers.tolist() == [5, 5] and found.table.n.tolist() == [150, 150]


def test_the_unknown_are_a_group_of_their_own_and_never_the_worst(rows):
    some = rows.assign(gender=rows.gender.where(rows.speaker > "a/2", None))
    some.loc[some.gender.isna(), "guess"] = "sad"
    found = by_group(some, "gender", CLASSES, UAR)
    assert found.table.group.tolist() == ["female", "male", "unknown"] and found.worst != "unknown"
    alone = by_group(rows.assign(gender="female"), "gender", CLASSES, UAR)
    assert alone.worst is None and alone.gap is None


def test_a_group_of_two_speakers_has_no_interval_but_the_reason(rows):
    found = by_group(rows[rows.speaker <= "a/3"], "gender", CLASSES, UAR)
    assert found.table.low.isna().all()
    assert set(found.table.reason) == {"2 test speakers, 3 are needed"}


def test_only_the_group_without_an_interval_has_a_reason(rows):
    some = rows.assign(gender=np.where(rows.speaker <= "a/1", "female", "male"))
    found = by_group(some, "gender", CLASSES, UAR).table
    assert found.reason.tolist() == ["2 test speakers, 3 are needed", ""]
    assert found.low.isna().tolist() == [True, False]


def test_speakers_are_worst_first(rows):
    table = by_speaker(rows, CLASSES, UAR)
    assert table.score.is_monotonic_increasing and len(table) == 10 and (table.n == 30).all()
    one = rows[rows.speaker == table.speaker[0]]
    scores = [balanced_accuracy_score(s.truth, s.guess) for _, s in one.groupby("seed")]
    assert (table.score[0], table.sd[0]) == pytest.approx((np.mean(scores), np.std(scores, ddof=1)))
    confusions = confusions_by_speaker(rows, CLASSES)
    assert confusions.shape == (2, 10, 3, 4) and not confusions[..., -1].any() and confusions.sum() == len(rows)


def test_facts_of_utterances_are_found_under_any_label_map():
    rows = pd.DataFrame({"utterance": ["a/1", "a/2", "a/3"], "guess": list("xyz")})
    table = pd.DataFrame({"id": ["a/1", "a/1", "a/2"], "gender": ["f", "f", "m"], "label": ["x", "y", "x"]})
    found = with_utterances(rows, table)
    assert found.gender.fillna("?").tolist() == ["f", "m", "?"] and list(found.columns) == [
        "utterance",
        "guess",
        "gender",
    ]
