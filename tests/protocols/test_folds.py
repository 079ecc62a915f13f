"""Folds of speakers and of utterances: properties on random tables, known answers, and what is too thin."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serbench.benchmark.corpora import synthetic
from serbench.benchmark.corpora.registry import read
from serbench.errors import InputError
from serbench.protocols.parts.folds import (
    Unit,
    arrange,
    balanced,
    by_corpus,
    in_turn,
    rotation,
    sessions_nest,
    stratified,
)
from serbench.tests.support.utterances import (
    CLASSES,
    EMODB,
    check_partition,
    finish,
    iemocap,
    make,
    run,
    same_audio,
    who,
)

FEW = settings(max_examples=12, deadline=None)


@dataclass(frozen=True)
class Drawn:
    table: pd.DataFrame
    n_speakers: int


@st.composite
def tables(draw: st.DrawFn, corpus: str = "one") -> Drawn:
    """3 to 14 speakers of any genders, 3 to 6 clips per speaker and class, some clips with the same audio."""
    genders = draw(st.lists(st.sampled_from("fmx"), min_size=3, max_size=14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    names = " ".join(f"{gender}{i:02d}" for i, gender in enumerate(genders))
    table = make(corpus, names, CLASSES[: draw(st.integers(2, 4))], n=6)
    take = table["id"].str[-2:].astype(int)
    table = table[(take < 4) | (rng.random(len(table)) < 0.5)]
    for _ in range(draw(st.integers(0, 3))):
        emotion = rng.choice(table["emotion"].unique())
        ids = rng.choice(table.loc[table["emotion"] == emotion, "id"], 2, replace=False)
        audio = table.set_index("id").loc[ids[0], "audio_hash"]
        table = table.assign(audio_hash=table["audio_hash"].mask(table["id"].isin(ids), audio))
    return Drawn(table.assign(group=table["audio_hash"]).sample(frac=1, random_state=1), len(genders))


@FEW
@given(tables())
def test_speaker_folds_of_any_table(drawn: Drawn) -> None:
    try:
        made = run("speaker-independent", drawn.table)
    except InputError as error:  # audio that everybody shares makes one speaker of all
        assert "one speaker only" in str(error)
        assert drawn.n_speakers <= 4
        return
    check_partition(made.split.folds, made.labelled.table)
    for fold in made.split.folds:
        test, dev, train = (who(made, rows) for rows in (fold.test, fold.dev, fold.train))
        assert not (test & dev or test & train or dev & train)
        alone = not any("audio in common" in note for note in made.notes)
        if alone and drawn.n_speakers <= 10:
            assert len(test) == 1
        if alone and drawn.n_speakers - len(test) >= 3:
            assert len(dev) == max(1, int(0.15 * (drawn.n_speakers - len(test)) + 0.5))
    if drawn.n_speakers > 10:
        assert 5 <= len(made.split.folds) <= 8 or any("audio in common" in note for note in made.notes)


@FEW
@given(tables(), st.integers(3, 6), st.integers(1, 2))
def test_random_folds_of_any_table(drawn: Drawn, k: int, repeats: int) -> None:
    made = run("random", drawn.table, folds=str(k), repeats=str(repeats))
    assert [fold.repeat for fold in made.split.folds] == [r for r in range(repeats) for _ in range(k)]
    check_partition(made.split.folds, made.labelled.table)
    for repeat in range(repeats):
        folds = [fold for fold in made.split.folds if fold.repeat == repeat]
        assert all(fold.dev == folds[(i + 1) % k].test for i, fold in enumerate(folds))


@FEW
@given(tables(), st.integers(3, 10), st.integers(0, 2**32))
def test_folds_are_stratified_up_to_the_largest_group(drawn: Drawn, k: int, seed: int) -> None:
    table = drawn.table.assign(label=drawn.table["emotion"])
    number = stratified(table, k, np.random.default_rng(seed))
    largest = table["group"].value_counts().max()
    per_class = pd.crosstab(table["label"], number).reindex(columns=range(k), fill_value=0)
    assert (per_class.max(axis=1) - per_class.min(axis=1)).max() <= largest


@given(st.lists(st.sampled_from(["female", "male"]), min_size=1, max_size=30))
def test_rotation_alternates_gender_as_far_as_it_can(genders: list[str]) -> None:
    units = [Unit(f"{i:02d}", gender, (f"{i:02d}",), 1) for i, gender in enumerate(genders)]
    turned = rotation(units)
    assert sorted(turned, key=lambda unit: unit.name) == units
    counts = Counter(genders)
    rare = min(counts, key=lambda gender: counts[gender]) if len(counts) == 2 else None
    pairs = list(zip(turned, turned[1:] + turned[:1], strict=True))
    if len(counts) == 2 and len(set(counts.values())) == 1:
        assert all(a.gender != b.gender for a, b in pairs)
    if rare and len(set(counts.values())) == 2:
        assert not any(a.gender == b.gender == rare for a, b in pairs)


@FEW
@given(tables("one"), tables("two"))
def test_transfer_of_any_tables(one: Drawn, two: Drawn) -> None:
    made = run("leave-one-corpus-out", one.table, two.table)
    for fold, source in zip(made.split.folds, ("two", "one"), strict=True):
        target = {"one": "two", "two": "one"}[source]
        assert (fold.train_name, fold.test_name) == (source, target)
        assert {row.partition("/")[0] for row in (*fold.train, *fold.dev)} == {source}
        assert not who(made, fold.train) & who(made, fold.dev)
        tested = made.labelled.table[made.labelled.table["corpus"] == target]
        assert set(fold.test) == {f"{u}#0" for u in tested.loc[tested["label"].isin(fold.classes), "id"]}


def test_emodb_leaves_one_speaker_out_and_dev_alternates_gender() -> None:
    made = run("speaker-independent", make("emodb", EMODB, ("angry", "boredom", "fear", "sad")))
    dev = {fold.name: who(made, fold.dev) for fold in made.split.folds}
    assert dev == {
        "emodb/f08": {"emodb/m03"}, "emodb/m03": {"emodb/f09"}, "emodb/f09": {"emodb/m10"}, "emodb/m10": {"emodb/f13"},
        "emodb/f13": {"emodb/m11"}, "emodb/m11": {"emodb/f14"}, "emodb/f14": {"emodb/m12"}, "emodb/m12": {"emodb/f16"},
        "emodb/f16": {"emodb/m15"}, "emodb/m15": {"emodb/f08"},
    }  # fmt: skip
    assert [fold.name for fold in made.split.folds] == sorted(dev)
    assert all(who(made, fold.test) == {fold.name} for fold in made.split.folds)
    assert made.leaks == ("sentence",)
    assert made.notes == ()


def test_ravdess_is_six_folds_of_two_women_and_two_men() -> None:
    actors = " ".join(f"{'m' if i % 2 else 'f'}{i:02d}" for i in range(1, 25))
    made = run("speaker-independent", make("ravdess", actors))
    assert len(made.split.folds) == 6
    for fold in made.split.folds:
        assert sorted(name[8] for name in who(made, fold.test)) == ["f", "f", "m", "m"]
        assert len(who(made, fold.dev)) == 3
        assert {name[8] for name in who(made, fold.dev)} == {"f", "m"}
    assert len(set().union(*(who(made, fold.dev) for fold in made.split.folds))) == 18  # nobody is dev twice


def test_few_speakers_with_most_of_the_clips_are_spread_over_the_folds() -> None:
    units = [Unit(f"main{i}", ("female", "male")[i % 2], (f"main{i}",), 1800 + i) for i in range(6)]
    units += [Unit(f"guest{i:03d}", "", (f"guest{i:03d}",), 1 + i % 20) for i in range(200)]
    folds = arrange(units)
    assert len(folds) == 6
    assert all(sum(unit.name.startswith("main") for unit in fold) == 1 for fold in folds)
    sizes = [sum(unit.n for unit in fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 50


def test_large_speakers_are_placed_first() -> None:
    units = [Unit(f"small{i:02d}", "", (f"small{i}",), 10) for i in range(40)]
    units += [Unit(f"large{i}", "", (f"large{i}",), 100) for i in range(6)]
    sizes = [sum(unit.n for unit in fold) for fold in balanced(units, 5)]
    assert sizes == [200] * 5


def test_each_fold_is_tested_and_chosen_on_once() -> None:
    parts = [list(some) for some in in_turn(np.array([0, 2, 1, 0]), 3)]
    assert parts == [
        ["test", "train", "dev", "test"], ["train", "dev", "test", "train"], ["dev", "test", "train", "dev"],
    ]  # fmt: skip


def test_a_large_group_of_one_class_does_not_unbalance_another() -> None:
    table = make("one", "f1 f2 m1 m2 m3", ("angry", "sad"), 8).assign(label=lambda t: t["emotion"])
    table["group"] = table["group"].mask((table["speaker"] == "one/f1") & (table["emotion"] == "angry"), "same")
    number = stratified(table, 5, np.random.default_rng(0))
    counts = Counter(number[(table["emotion"] == "sad").to_numpy()])
    assert sorted(counts.values()) == [8] * 5


@pytest.mark.parametrize(("women", "men", "folds"), [(6, 5, 5), (12, 12, 6), (7, 7, 7), (16, 16, 8), (43, 48, 6)])
def test_more_than_ten_speakers_get_the_most_even_number_of_folds(women: int, men: int, folds: int) -> None:
    units = [Unit(f"f{i:02d}", "female", (f"f{i}",), 80) for i in range(women)]
    units += [Unit(f"m{i:02d}", "male", (f"m{i}",), 80) for i in range(men)]
    made = arrange(units)
    assert len(made) == folds
    for gender in ("female", "male"):
        counts = [sum(unit.gender == gender for unit in fold) for fold in made]
        assert max(counts) - min(counts) <= 1
    assert Counter(unit for fold in made for unit in fold) == Counter(units)
    assert balanced(units[::-1], folds)  # any order will do


def test_iemocap_goes_by_session_and_dev_is_the_next_one() -> None:
    made = run("speaker-independent", iemocap())
    names = [f"Ses0{i}" for i in range(1, 6)]
    assert [fold.name for fold in made.split.folds] == [f"iemocap/{name}" for name in names]
    for i, fold in enumerate(made.split.folds):
        after = (i + 1) % 5 + 1
        assert who(made, fold.test) == {f"iemocap/f{i + 1}", f"iemocap/m{i + 1}"}
        assert who(made, fold.dev) == {f"iemocap/f{after}", f"iemocap/m{after}"}
    assert made.label_map == "basic4"
    assert made.split.folds[0].classes == CLASSES
    assert made.leaks == ("sentence",)


def test_sessions_that_share_speakers_do_not_make_folds() -> None:
    null = finish(synthetic.table("synth-null-a"))
    assert not sessions_nest(null)  # sessions of one speaker each
    assert run("speaker-independent", null).leaks == ("sentence",)
    null["session"] = null["session"].str[-1]
    made = run("speaker-independent", null)
    assert len(made.split.folds) == 10
    assert made.leaks == ("session", "sentence")
    assert sessions_nest(iemocap())
    assert not sessions_nest(iemocap().assign(dialogue=None))
    assert not sessions_nest(iemocap(1))
    assert not sessions_nest(null.assign(dialogue="d1"))


def test_two_speakers_have_no_dev_and_the_notes_say_so() -> None:
    made = run("speaker-independent", make("tess", "fO fY", n=10))
    assert [fold.dev for fold in made.split.folds] == [(), ()]
    assert made.notes == ("tess: no dev set: fewer than 3 speakers outside test; the last epoch is taken",)
    assert all(fold.dev for fold in run("speaker-independent", make("savee", "m1 m2 m3 m4")).split.folds)


def test_identical_audio_keeps_speakers_together() -> None:
    table = same_audio(make("one", "f1 f2 m1 m2"), "one/f1-sad-00", "one/m2-sad-01")
    made = run("speaker-independent", table)
    assert [fold.name for fold in made.split.folds] == ["one/f1 = m2", "one/f2", "one/m1"]
    assert made.notes[0] == (
        "one: speakers f1 and m2 have audio in common (one/f1-sad-00 = one/m2-sad-01): they count as one"
    )
    assert set(made.labelled.table["speaker"]) == {"one/f1 = m2", "one/f2", "one/m1"}  # and are one cluster
    assert made.leaks == ("sentence",)


def test_near_identical_audio_does_the_same_whatever_the_labels() -> None:
    table = make("one", "f1 f2 m1 m2", ("angry", "sad"))
    table.loc[table["id"] == "one/m2-angry-01", "group"] = "one/f1-sad-00"
    made = run("speaker-independent", table)
    assert made.notes[0] == (
        "one: speakers f1 and m2 have audio in common (one/f1-sad-00 = one/m2-angry-01): they count as one"
    )
    assert len(made.labelled.table) == len(table) and made.labelled.table["speaker"].nunique() == 3


def test_identical_audio_across_sessions_joins_the_sessions() -> None:
    table = iemocap()
    one, other = table["id"].iloc[0], table.loc[table["session"] == table["session"].iloc[-1], "id"].iloc[0]
    made = run("speaker-independent", same_audio(table, one, other))
    assert len(made.split.folds) == table["session"].nunique() - 1
    assert [note.partition(" have audio")[0].split()[1] for note in made.notes if "audio in common" in note] == [
        "speakers", "sessions",
    ]  # fmt: skip


# ---- known answers: what is too thin ---------------------------------------------------------------------------


def test_thin_classes_and_speakers_are_dropped_by_name() -> None:
    table = make("emodb", EMODB)
    rare = make("emodb", "m03", ("fear",), 1)
    of_two = make("emodb", "m10 m11", ("disgust",), 6)
    once = make("emodb", "f99", ("sad",), 1)
    nobody = make("emodb", "m12", ("sad",), 9).tail(2).assign(speaker=None)
    made = run("speaker-independent", table, rare, of_two, once, nobody)
    assert made.split.folds[0].classes == CLASSES
    assert made.notes == (
        "emodb: 2 of 176 utterances dropped: their speaker has no name",
        "emodb: classes dropped: disgust (12 utterances, 2 speakers), fear (1 utterance, 1 speaker); "
        "fewer than 10 utterances or 3 speakers",
        "emodb: 1 speaker dropped, one utterance each: f99",
    )
    check_partition(made.split.folds, table)
    random = run("random", table, rare, of_two, once, nobody)
    assert random.split.folds[0].classes == ("angry", "disgust", "happy", "neutral", "sad")
    assert random.notes == ("emodb: classes dropped: fear (1 utterance); fewer than 10 utterances",)


def test_a_speaker_who_loses_all_classes_is_named() -> None:
    made = run("speaker-independent", make("one", "f1 f2 m1 m2"), make("one", "m3", ("fear",), 12))
    assert "one: speakers dropped with those classes: m3" in made.notes


def test_identical_audio_under_different_labels_is_dropped_by_name() -> None:
    table = same_audio(make("crema-d", EMODB), "crema-d/m03-happy-00", "crema-d/m03-neutral-00")
    made = run("speaker-independent", table)
    assert made.notes == (
        "crema-d: identical audio under different labels dropped: "
        "crema-d/m03-happy-00 (happy) = crema-d/m03-neutral-00 (neutral)",
    )
    check_partition(made.split.folds, table[table["group"] == table["id"]].query("id != 'crema-d/m03-happy-00'"))


def test_a_class_may_miss_in_dev_and_test_but_not_in_train() -> None:
    table = make("one", "f1 f2 m1 m2 m3")
    few = table[~((table["speaker"] == "one/f1") & (table["emotion"] == "sad"))]
    fold = run("speaker-independent", few).split.folds[0]
    assert fold.name == "one/f1"
    assert fold.classes == CLASSES
    assert not any("-sad-" in row for row in fold.test)
    actors = " ".join(f"{'fm'[i % 2]}{i:02d}" for i in range(20))
    table = make("many", actors)
    made = run("speaker-independent", table)
    others = ~table["speaker"].isin(who(made, made.split.folds[0].test))
    only_there = table.assign(emotion=table["emotion"].mask(others & (table["emotion"] == "sad"), "happy"))
    with pytest.raises(InputError, match=r"many, fold 'many/fold-1': class sad is missing from train"):
        run("speaker-independent", only_there)


def test_parts_are_given_the_row_of_the_clip_itself() -> None:
    for _, part in by_corpus(make("one", "f1")):
        assert list(part["row"]) == [f"{u}#0" for u in part["id"]]


def test_real_name_lists(corpora_folder: Path) -> None:
    emodb = run("speaker-independent", finish(read("emodb", corpora_folder / "emodb")[0]))
    assert len(emodb.split.folds) == 10
    assert emodb.split.folds[0].classes == CLASSES
    assert sum(len(fold.test) for fold in emodb.split.folds) == 339
    assert any("fear (1 utterance, 1 speaker)" in note for note in emodb.notes)
    ravdess = run("speaker-independent", finish(read("ravdess", corpora_folder / "ravdess")[0]))
    for fold in ravdess.split.folds:
        assert sorted(int(name[-2:]) % 2 for name in who(ravdess, fold.test)) == [0, 0, 1, 1]
        assert (len(fold.train), len(fold.dev), len(fold.test)) == (1020, 180, 240)
    assert len(ravdess.split.folds) == 6
