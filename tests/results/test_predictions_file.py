"""Files of predictions as people have them: answers in other words, other tables, ids that contradict themselves."""

import doctest
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from serbench import emotion_words
from serbench.emotion_words import WORDS, plain, reader_of
from serbench.errors import InputError
from serbench.results.evidence.predictions_file import read
from serbench.results.questions.file_scores import compare_files, score
from serbench.results.statistics.metrics import METRICS
from serbench.tests.support.tiny import serbench

CLASSES = ("angry", "happy", "neutral", "sad")
UAR = METRICS["uar"]


@pytest.fixture
def table():
    """Sixty rows of four classes and six speakers, of which every fifth guess is wrong."""
    truth = np.array(CLASSES)[np.arange(60) % 4]
    guess = np.where(np.arange(60) % 5 == 0, np.roll(truth, 1), truth)
    speaker = [f"s{i % 6}" for i in range(60)]
    return pd.DataFrame({"id": [f"clip{i}" for i in range(60)], "truth": truth, "guess": guess, "speaker": speaker})


def written(table, folder, name="x.csv", **how):
    path = folder / name
    table.to_parquet(path) if name.endswith("parquet") else table.to_csv(path, index=False, **how)
    return path


def test_doctests_hold():
    assert doctest.testmod(emotion_words).failed == 0 and doctest.testmod(emotion_words).attempted >= 6


def test_every_word_names_one_emotion():
    words = [word for emotion, others in WORDS.items() for word in (emotion, *others)]
    assert len(words) == len(set(words)) and all(plain(word) == word for word in words)


@pytest.mark.parametrize(
    "words",
    [
        str.capitalize,
        str.upper,
        lambda word: f" {word}  ",
        lambda word: f'"{word}."',
        lambda word: {"angry": "anger", "happy": "happiness", "sad": "sadness"}.get(word, word),
        lambda word: {"angry": "Ang ", "happy": "hap", "neutral": "NEU"}.get(word, word),
    ],
)
def test_answers_in_other_words_are_read_as_their_class(table, tmp_path, words):
    plain_file = score(read(written(table, tmp_path)))
    other = read(written(table.assign(guess=table.guess.map(words)), tmp_path))
    assert other.classes == CLASSES and other.n_outside == 0
    assert score(other).values["uar"] == plain_file.values["uar"] and score(other).chance == plain_file.chance


def test_what_is_read_in_other_words_is_said(table, tmp_path):
    changed = table.assign(guess=table.guess.map(lambda word: "Anger" if word == "angry" else f"{word} "))
    (note,) = read(written(changed, tmp_path)).notes
    assert (
        note
        == f"{(table.guess == 'angry').sum()} answers in other words: Anger as angry {(table.guess == 'angry').sum()}"
    )


def test_numbers_are_classes_however_they_are_written(table, tmp_path):
    code = {name: i for i, name in enumerate(CLASSES)}
    truth, guess = table.truth.map(code), table.guess.map(code)
    expected = score(read(written(table, tmp_path))).values["uar"]
    for one, two in ((truth, guess.astype(float)), (truth.astype(float), guess), (truth, guess.map("{:02d}".format))):
        for name in ("x.csv", "x.parquet"):
            path = written(table.assign(truth=one.astype(str), guess=two.astype(str)), tmp_path, name)
            assert score(read(path)).values["uar"] == expected
    path = written(table.assign(truth=truth.astype(float), guess=guess), tmp_path, "x.parquet")
    assert read(path).classes == ("0", "1", "2", "3") and score(read(path)).values["uar"] == expected
    assert reader_of(["-1", "0", "1"])("-1.0") == "-1" and reader_of(["0", "1"])("-1") is None


OUTSIDE = st.sampled_from((*CLASSES, "I think the speaker is angry.", "nan", "None", "surprise", "5", "inf", "1_0"))


@settings(max_examples=40, deadline=None)
@given(st.lists(OUTSIDE, min_size=60, max_size=60))
def test_no_answer_changes_chance_or_adds_a_class(tmp_path_factory, answers):
    table = pd.DataFrame({"id": range(60), "truth": np.array(CLASSES)[np.arange(60) % 4], "guess": answers})
    path = written(table.assign(id=table.id.astype(str)), tmp_path_factory.mktemp("any"))
    file = read(path)
    scored = score(file)
    wrong = sum(answer not in CLASSES for answer in answers)
    assert file.classes == CLASSES and scored.n_outside == wrong and len(scored.per_class) == 4
    expected = recall_score(table.truth, table.guess, labels=CLASSES, average="macro", zero_division=0)
    assert scored.values["uar"].value == pytest.approx(expected) and scored.chance["uar"] == 0.25
    assert scored.values["wa"].value == pytest.approx(float((table.truth == table.guess).mean()))
    assert any("count as wrong" in note for note in file.notes) == (wrong > 0)


def test_answers_that_are_none_of_the_classes_are_named(table, tmp_path):
    words = ["a", "a", "a", "b", "b", "c", "d", "e" * 60, "nan"]
    changed = table.assign(guess=[*words, *table.guess[len(words) :]])
    path = written(changed, tmp_path)
    (note,) = read(path).notes
    assert note.startswith("9 of 60 answers are none of the classes angry, happy, neutral, sad and count as wrong: ")
    assert note.endswith("'a' 3, 'b' 2, 'c' 1 and 3 more")
    code, text, _ = serbench("score", path)
    assert code == 0 and "9 of 60 answers" in text and max(map(len, text.splitlines())) <= 80
    (found,) = json.loads(serbench("score", path, "--json")[1])["files"]
    assert found["n_outside"] == 9 and found["classes"] == list(CLASSES) and found["metrics"]["uar"]["chance"] == 0.25


def test_an_answer_that_could_be_two_classes_is_none(tmp_path):
    table = pd.DataFrame({"id": list("abcd"), "truth": ["joy", "happy", "sad", "sad"]})
    found = read(written(table.assign(guess=["joy", "happy", "happiness", "Sad"]), tmp_path))
    assert found.rows.guess.tolist() == ["joy", "happy", "happiness", "sad"] and found.n_outside == 1
    assert found.notes[0] == "classes of the truth that may be one: happy, joy; --classes would read them as one"
    both = read(written(table.assign(guess=["joy", "happy", "happiness", "Sad"]), tmp_path), ["happy", "sad"])
    assert both.rows.truth.tolist() == ["happy", "happy", "sad", "sad"] and both.n_outside == 0


def test_classes_can_be_given(table, tmp_path):
    part = table[table.truth != "sad"]
    path = written(part, tmp_path)
    assert score(read(path)).chance["uar"] == pytest.approx(1 / 3) and read(path).n_outside == sum(part.guess == "sad")
    (found,) = json.loads(serbench("score", path, "--classes", "sad, angry,happy,neutral", "--json")[1])["files"]
    assert found["classes"] == ["sad", "angry", "happy", "neutral"] and found["n_outside"] == 0
    assert found["metrics"]["uar"]["chance"] == 0.25
    expected = recall_score(part.truth, part.guess, labels=sorted(set(part.truth)), average="macro")
    assert found["metrics"]["uar"]["value"] == pytest.approx(expected)
    with pytest.raises(InputError, match="truth 'sad' of id clip3 is none of the classes angry, happy, neutral"):
        read(written(table, tmp_path), ["angry", "happy", "neutral"])
    for wrong in (["angry"], ["angry", "angry", "sad"]):
        with pytest.raises(InputError, match="name two or more, each once"):
            read(path, wrong)


def scored(table, rng, names=CLASSES):
    p = rng.dirichlet(np.ones(len(names)), len(table)).round(6)
    return table.drop(columns="guess").assign(**dict(zip(names, p.T, strict=True)))


def test_columns_of_scores_may_have_other_names(table, tmp_path):
    names = ("Anger", " Happiness", "neu", "SAD")
    one = read(written(scored(table, np.random.default_rng(0)), tmp_path))
    two = read(written(scored(table, np.random.default_rng(0), names), tmp_path))
    assert two.classes == CLASSES and one.rows.guess.tolist() == two.rows.guess.tolist() and not two.notes
    assert score(one).values == score(two).values and score(two).values["auc"].reason is None
    doubled = scored(table, np.random.default_rng(0), names).assign(ang=0.1)
    with pytest.raises(InputError, match="columns Anger and ang are both scores of class angry"):
        read(written(doubled, tmp_path))
    own = scored(table, np.random.default_rng(0)).assign(anger=0.9)
    assert read(written(own, tmp_path)).notes == ("columns left out: anger",)


def test_scores_of_what_is_no_class_are_wrong_where_they_are_highest(table, tmp_path):
    for further in ("surprise", "e7"):
        names = (*CLASSES, further)
        full = scored(table, np.random.default_rng(1), names)
        found = read(written(full, tmp_path))
        best = full[list(names)].idxmax(axis=1)
        assert found.classes == CLASSES and found.n_outside == (best == further).sum() > 0
        assert score(found).values["wa"].value == pytest.approx((best == full.truth).mean())
        assert score(found).values["auc"].value is None and any("--classes names" in note for note in found.notes)
        given_all = read(written(full, tmp_path), names)
        assert given_all.n_outside == 0 and score(given_all).values["brier"].reason is None
    logits = scored(table, np.random.default_rng(1)).assign(angry=lambda t: 3 * t.angry, length=3.2)
    with pytest.raises(InputError, match="column length: the scores of a class that no truth has, or no scores"):
        read(written(logits, tmp_path))
    stray = scored(table, np.random.default_rng(1)).assign(length=3.2, comment="x")
    assert read(written(stray, tmp_path)).notes == ("columns left out: length, comment",)


@pytest.mark.parametrize("separator", [";", "\t", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_tables_of_spreadsheets_are_read(table, tmp_path, separator, encoding, decimal):
    known = scored(table.assign(speaker=table.speaker.replace("s0", "Jürgen")), np.random.default_rng(2))
    expected = read(written(known, tmp_path))
    path = written(known.rename(columns={"id": "ID"}), tmp_path, sep=separator, encoding=encoding, decimal=decimal)
    found = read(path)
    assert found.notes == (("not UTF-8: read as Windows-1252",) if encoding == "cp1252" else ())
    pd.testing.assert_frame_equal(
        found.rows.drop(columns="log_probability"), expected.rows.drop(columns="log_probability")
    )
    assert np.allclose(found.rows.log_probability.tolist(), expected.rows.log_probability.tolist())
    path.write_bytes(f"sep={separator}\n".encode() + path.read_bytes()) if encoding == "utf-8" else None
    assert read(path).rows.guess.tolist() == expected.rows.guess.tolist()


def test_a_table_that_is_none_says_what_it_has(table, tmp_path):
    with pytest.raises(InputError, match=r"no column truth; needed: .*; it has id, guess, speaker"):
        read(written(table.drop(columns="truth"), tmp_path))
    with pytest.raises(InputError, match="column id is there twice"):
        read(written(table.assign(**{"id ": 1}), tmp_path))
    (tmp_path / "x.csv").write_text("id,truth,guess\na,sad,sad,s1\n")
    with pytest.raises(InputError, match="more cells than the first"):
        read(tmp_path / "x.csv")
    with pytest.raises(InputError, match="column seed is empty in 3 rows"):
        read(written(table.assign(seed=[None] * 3 + [1] * 57), tmp_path))


@pytest.mark.parametrize("by", ["seed", "repeat", "fold"])
def test_an_id_has_one_truth_and_one_speaker(table, tmp_path, by):
    again = {"truth": lambda v: "happy" if v == "angry" else "angry", "speaker": lambda v: "s9"}
    for column, change in again.items():
        second = table.copy()
        second.loc[7, column] = change(second.loc[7, column])
        doubled = pd.concat([table.assign(**{by: 0}), second.assign(**{by: 1})])
        reason = f"id clip7 has {column} '{table[column][7]}' and '{second[column][7]}'"
        with pytest.raises(InputError, match=reason if by != "fold" else "id clip0 is tested in folds 0 and 1"):
            read(written(doubled, tmp_path))
    unknown = pd.concat([table.assign(seed=0), table.assign(seed=1, speaker=None)])
    with pytest.raises(InputError, match="id clip0 has speaker 's0' and none"):
        read(written(unknown, tmp_path))


def test_rows_repeated_under_other_folds_are_refused(table, tmp_path):
    folds = table.assign(fold=np.arange(60) % 3)
    again = pd.concat([folds, folds[5:6].assign(fold=9)])
    with pytest.raises(InputError, match="id clip5 is tested in folds 2 and 9 of seed 0 and repeat 0"):
        read(written(again, tmp_path))
    in_repeats = pd.concat([folds.assign(repeat=0), folds.assign(repeat=1, fold=(np.arange(60) + 1) % 3)])
    assert len(read(written(in_repeats, tmp_path)).rows) == 120


def test_seeds_with_other_ids_and_speakers_in_several_folds_are_said(table, tmp_path):
    seeds = pd.concat([table.assign(seed=0), table[4:].assign(seed=1)])
    path = written(seeds, tmp_path)
    assert read(path).notes == ("seeds hold different ids: seed 1 lacks 4 of 60, as clip0",)
    whole = read(written(table, tmp_path, "whole.csv"))
    assert "lacks 4 of 60" in (compare_files(read(path), whole, UAR).reason or "")
    folds = table.assign(fold=np.arange(60) // 20)
    (note,) = read(written(folds, tmp_path)).notes
    assert note == "speakers are in several folds, as s2: intervals over speakers are not about new speakers"
    assert not read(written(table.assign(fold=table.speaker), tmp_path)).notes
    other = pd.concat([table.assign(seed=s, fold=(table.speaker.str[1:].astype(int) + s) % 3) for s in range(2)])
    assert not read(written(other, tmp_path)).notes


def test_a_speaker_called_nan_is_nobody(table, tmp_path):
    path = written(table.assign(speaker=table.speaker.replace("s0", "nan")), tmp_path)
    assert read(path).notes == ("speaker 'nan' is nobody: the speaker of 10 of 60 rows is unknown",)


def test_blanks_after_separators_and_quotes_are_nothing(tmp_path):
    (tmp_path / "x.csv").write_text('id, truth, guess, "speaker"\n1, "sad", "Sad ", "a, b"\n2, happy, happy, c\n')
    found = read(tmp_path / "x.csv")
    assert found.rows[["truth", "guess"]].to_numpy().tolist() == [["sad", "sad"], ["happy", "happy"]]
    assert found.rows.speaker.tolist() == ["a, b", "c"]


def test_columns_and_lines_that_are_empty_are_nothing(table, tmp_path):
    full = scored(table, np.random.default_rng(3)).assign(angry=lambda t: 3 * t.angry)  # no probabilities
    expected = read(written(full, tmp_path))
    path = tmp_path / "index.csv"
    path.write_text(full.to_csv() + "," * full.shape[1] + "\n")
    pd.testing.assert_frame_equal(read(path).rows, expected.rows)


def test_gate_names_the_answers_of_a_file_that_are_no_class(table, tmp_path):
    table = table.assign(fold=table.speaker)  # trainings of their own
    base = written(table, tmp_path, "base.csv")
    worse = written(table.assign(guess=["I do not know"] * 30 + list(table.guess[30:])), tmp_path, "worse.csv")
    code, _, err = serbench("gate", base, worse)
    assert code == 1 and "Note: worse.csv: 30 of 60 answers are none of the classes" in err
