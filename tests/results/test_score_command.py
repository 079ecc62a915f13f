import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss

from serbench.errors import InputError
from serbench.results.evidence.predictions_file import read
from serbench.tests.support.paired import CLASSES, model_rows
from serbench.tests.support.tiny import serbench


@pytest.fixture
def table():
    rows = model_rows(np.random.default_rng(0), speakers=8)
    return pd.DataFrame(
        {
            "id": rows.row, "truth": rows.truth, "guess": rows.guess, "speaker": rows.speaker,
            "gender": np.where(rows.speaker > "a/3", "male", "female"),
        }
    )  # fmt: skip


def probabilities(table, rng):
    scores = np.array([[c == g for c in CLASSES] for g in table.guess]) * 2.0 + rng.random((len(table), 3))
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return table.assign(**dict(zip(CLASSES, p.T, strict=True)))


def test_metrics_of_a_file_are_those_of_scikit_learn(table, tmp_path):
    path = tmp_path / "mine.parquet"
    scored = probabilities(table, np.random.default_rng(1))
    scored.drop(columns="guess").to_parquet(path)
    code, out, _ = serbench("score", path, "--json")
    (found,) = json.loads(out)["files"]
    metrics = found["metrics"]
    assert code == 0 and found["n"] == 240 and found["n_speakers"] == 8 and found["notes"] == []
    assert metrics["uar"]["value"] == pytest.approx(balanced_accuracy_score(table.truth, table.guess))
    assert metrics["uar"]["low"] < metrics["uar"]["value"] < metrics["uar"]["high"]
    one_hot = sum(brier_score_loss(table.truth == c, scored[c]) for c in CLASSES)
    assert metrics["brier"]["value"] == pytest.approx(one_hot)
    for name in ("auc", "brier", "aurc"):
        assert metrics[name]["reason"] is None and metrics[name]["low"] < metrics[name]["value"] < metrics[name]["high"]
    assert metrics["ece"]["low"] is None and "no interval holds" in metrics["ece"]["interval_reason"]
    assert set(found["groups"]) == {"gender"} and found["groups"]["gender"]["worst"] in ("male", "female")
    chance = {name: metrics[name]["chance"] for name in ("auc", "brier", "ece", "aurc")}
    assert chance == pytest.approx({"auc": 0.5, "brier": 2 / 3, "ece": 0, "aurc": 2 / 3})
    text = serbench("score", path)[1]
    assert text.index("in %") < text.index("AURC") < text.index("0 to 2") < text.index("Brier") and " 0.67\n" in text
    assert [line["label"] for line in found["per_class"]] == list(CLASSES) and len(found["per_speaker"]) == 8


def test_without_probabilities_and_speakers_there_is_null_and_the_reason(table, tmp_path):
    path = tmp_path / "mine.csv"
    table[["id", "truth", "guess"]].to_csv(path, index=False)
    _, out, _ = serbench("score", path, "--json")
    metrics = json.loads(out)["files"][0]["metrics"]
    assert metrics["auc"]["value"] is None and metrics["auc"]["reason"] == "the model gives no probabilities"
    assert metrics["uar"]["low"] is None and metrics["uar"]["interval_reason"] == "the speaker of 240 rows is unknown"
    code, text, _ = serbench("score", path)
    assert code == 0 and "the model gives no probabilities" in text and "no column speaker" in text
    assert text.count("also called UA") == 1


def test_two_files_are_tested_and_the_text_fits_80_columns(table, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    table.to_csv(one, index=False)
    worse = table.assign(guess=table.guess.where(np.arange(240) % 4 > 0, "sad"))
    worse.sample(frac=1, random_state=1).to_csv(two, index=False)
    code, text, _ = serbench("score", one, two)
    assert code == 0 and max(map(len, text.splitlines())) <= 80
    plain = " ".join(text.split())
    assert "REFUSED: 1 training scores several speakers" in plain and "3 seeds allow a test of the algorithms" in plain
    assert "t over speakers, of these trained models (n = 8 speakers): +" in plain and "one test set, no folds" in plain
    _, out, _ = serbench("score", one, two, "--json", "--metric", "accuracy")
    (found,) = json.loads(out)["comparison"]
    assert found["metric"] == "wa" and found["main"]["n"] == 8 and found["main"]["p"] is None
    right = [(t.truth == t.guess).mean() for t in (table, worse)]
    assert found["main"]["mean"] == pytest.approx(right[0] - right[1], abs=1e-12)
    trained = found["beside"][0]
    assert trained["about"] == "trained models" and 0 < trained["p"] < 0.05 and trained["mean"] == found["main"]["mean"]
    code, _, err = serbench("score", one, two, "--metric", "AUC")
    assert code == 2 and "metric auc: of probabilities; each file shows it" in err and "take uar, wa" in err
    table[:200].to_csv(two, index=False)
    _, out, _ = serbench("score", one, two, "--json")
    (found,) = json.loads(out)["comparison"]
    assert found["main"]["p"] is None and "40 rows are scored by one model only" in found["reason"]


def test_logarithms_are_understood_other_scores_choose_and_say_so(table, tmp_path):
    scored = probabilities(table, np.random.default_rng(1)).drop(columns="guess")
    logs, margins = tmp_path / "logs.parquet", tmp_path / "margins.parquet"
    scored.assign(**{c: np.log(scored[c]) for c in CLASSES}).to_parquet(logs)
    scored.assign(**{c: 5 * scored[c] - 2 for c in CLASSES}).to_parquet(margins)
    assert np.exp(read(logs).rows.log_probability.tolist()).sum(1) == pytest.approx(1)
    found = read(margins)
    assert found.rows.guess.tolist() == read(logs).rows.guess.tolist()
    assert found.rows.log_probability.isna().all() and "neither probabilities nor" in found.notes[0]


def test_what_is_odd_is_noted(table, tmp_path):
    path = tmp_path / "x.csv"
    flat = table.drop(columns="guess").assign(**dict.fromkeys(CLASSES, 1 / 3))
    flat.to_csv(path, index=False)
    found = read(path)
    assert set(found.rows.guess) == {"angry"} and "240 rows have several classes" in found.notes[0]
    probabilities(table, np.random.default_rng(1)).assign(guess="sad", length=3.2).to_csv(path, index=False)
    notes = read(path).notes
    assert notes[0] == "columns left out: length" and "guess is not the class with the highest score" in notes[1]
    table.assign(sad=0.5).to_csv(path, index=False)
    assert read(path).notes == ("scores left out: there is none for class angry, happy",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="truth"), "no column truth"),
        (lambda t: t[:0], "no rows"),
        (lambda t: pd.concat([t, t[:1]]), "is there twice"),
        (lambda t: t.assign(guess=t.guess.where(t.index > 2)), "column guess is empty in 3 rows"),
        (lambda t: t.drop(columns="guess"), "no score column for class angry, happy, sad"),
        (lambda t: t.drop(columns="guess").assign(angry=1, happy="x", sad=0), "column happy is taken as scores"),
        (lambda t: t.drop(columns="guess").assign(angry=1, happy=np.inf, sad=0), "missing or infinite"),
    ],
)
def test_wrong_files_are_named_in_one_line(table, tmp_path, change, message):
    path = tmp_path / "x.csv"
    change(table).to_csv(path, index=False)
    with pytest.raises(InputError, match=message) as error:
        read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    code, _, err = serbench("score", path)
    assert code == 2 and message in err


def test_files_that_are_none(tmp_path):
    assert serbench("score", tmp_path / "none.csv")[0] == 2
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    code, _, err = serbench("score", tmp_path / "x.parquet")
    assert code == 2 and "not a readable table" in err
    assert serbench("score", *[tmp_path / "x.parquet"] * 3)[0] == 2
    (tmp_path / "x.csv").write_text("")
    assert "no rows" in serbench("score", tmp_path / "x.csv")[2]


def test_text_stays_text(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("id,truth,guess,speaker\n01,None,None,03\n02,sad,None,3\n03,sad,sad,04\n")
    found = read(path)
    assert found.classes == ("None", "sad") and found.rows.speaker.tolist() == ["03 = 3", "03 = 3", "04"]
    assert found.notes == (
        "the truth 'None' is taken as a class (1 of 3 rows)",
        "speakers 03 and 3: one person? They count as one; --distinct keeps them apart",
    )
    assert found.rows.row.tolist() == ["01", "02", "03"]


def folds_of_rows(table):
    """Four folds whose rows share speakers, and a worse model on them."""
    folded = table.assign(fold=np.arange(len(table)) % 4)
    worse = folded.assign(guess=folded.guess.where(np.arange(len(table)) % 9 > 0, "sad"))
    return folded, worse


def test_folds_that_share_speakers_are_tested_over_folds(table, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    for made, path in zip(folds_of_rows(table), (one, two), strict=True):
        made.to_csv(path, index=False)
    _, out, _ = serbench("score", one, two, "--json")
    (found,) = json.loads(out)["comparison"]
    each = [
        balanced_accuracy_score(a.truth, a.guess) - balanced_accuracy_score(b.truth, b.guess)
        for (_, a), (_, b) in zip(*(made.groupby("fold") for made in folds_of_rows(table)), strict=True)
    ]
    by_hand = np.mean(each) / np.sqrt((1 / 4 + 60 / 180) * np.var(each, ddof=1))
    assert found["main"]["name"].startswith("Nadeau-Bengio") and found["main"]["t"] == pytest.approx(by_hand)
    _, text, _ = serbench("score", one, two)
    assert (
        "all other rows of the file, 180 on average" in " ".join(text.split()) and max(map(len, text.split("\n"))) <= 80
    )
    for made, path in zip(folds_of_rows(table), (one, two), strict=True):
        made.assign(n_train=600).to_csv(path, index=False)
    _, out, _ = serbench("score", one, two, "--json")
    (found,) = json.loads(out)["comparison"]
    by_hand = np.mean(each) / np.sqrt((1 / 4 + 60 / 600) * np.var(each, ddof=1))
    assert found["main"]["t"] == pytest.approx(by_hand) and found["notes"] == []


def test_what_stands_beside_a_refused_test_is_shown(table, tmp_path):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    for made, path in zip(folds_of_rows(table), (one, two), strict=True):
        # a second repeat that tests a part of the rows: no cross-validation
        pd.concat([made.assign(repeat=0), made[:40].assign(repeat=1)]).to_csv(path, index=False)
    code, text, _ = serbench("score", one, two)
    plain = " ".join(text.split())
    assert (
        code == 0 and "REFUSED: the size of the training sets is unknown" in plain and "add the column n_train" in plain
    )
    assert (
        "* plain paired t over folds × seeds (n = 8 folds × seeds)" in plain
        and "* exact McNemar" in plain
        and "* As papers print" in plain
    )
    assert "t over speakers, of these trained models (n = 8 speakers): +" in plain
    worse = folds_of_rows(table)[1]
    worse[:100].to_csv(two, index=False)
    assert "As papers print" not in serbench("score", one, two)[1]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [([0] * 240, "above 0, in every row"), (["many"] * 240, "above 0"), (list(range(1, 241)), "differs within fold 0")],
)
def test_training_sizes_must_be_one_number_a_fold(table, tmp_path, sizes, message):
    path = tmp_path / "x.csv"
    folds_of_rows(table)[0].assign(n_train=sizes).to_csv(path, index=False)
    with pytest.raises(InputError, match=message):
        read(path)
