"""Replays of published protocols: published supports and leak sizes, and the libraries that the papers split with."""

from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold, train_test_split

from serbench.benchmark.corpora.registry import cards
from serbench.benchmark.corpora.releases import release
from serbench.benchmark.training.augment import CopyMaker
from serbench.errors import InputError
from serbench.protocols import published_cnn_n_gru_as_coded as cnn
from serbench.protocols import published_mfcc_attention as mfcc
from serbench.protocols import published_sigwavnet as sigwavnet
from serbench.protocols.parts import replay
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import Design, options_from
from serbench.protocols.parts.protocol import BASE, utterance_of
from serbench.tests.support.utterances import EMODB, finish, iemocap, make, official, run, who

#: what EMOVO's files are called: emotion, speaker, sentence
EMOVO = ("dis gio neu pau rab sor tri", "f1 f2 f3 m1 m2 m3", "b1 b2 b3 d1 d2 l1 l2 l3 l4 n1 n2 n3 n4 n5")
FOUR = {"angry": 1103, "happy": 1636, "neutral": 1708, "sad": 1084}  # IEMOCAP, excited as happy
SEVEN = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def released(corpus: str) -> pd.DataFrame:
    """The utterances of a corpus, from the names of its files."""
    names = [file.path for file in release(corpus)]
    if corpus == "emovo":
        names = [f"{s}/{'-'.join((e, s, t))}.wav" for e, s, t in product(*(part.split() for part in EMOVO))]
    parse = cards()[corpus].adapter.parse
    assert parse is not None
    rows = [parse(name.rpartition(".")[0]) for name in names]
    table = pd.DataFrame([row for row in rows if isinstance(row, dict)]).assign(corpus=corpus)
    assert len(table) == len(names)
    return finish(table.assign(id=f"{corpus}/" + table["id"], speaker=f"{corpus}/" + table["speaker"]))


def counted(corpus: str, counts: dict[str, int], speakers: int = 10) -> pd.DataFrame:
    """A corpus of which only the classes are known."""
    labels = [label for label, n in counts.items() for _ in range(n)]
    rng = np.random.default_rng(3)
    ids = [f"{corpus}/{number:05}" for number in rng.permutation(len(labels))]
    who = [f"{corpus}/s{number % speakers}" for number in range(len(labels))]
    return finish(pd.DataFrame({"id": ids, "corpus": corpus, "speaker": who, "emotion": labels}))


def supports(made: Design, rows: tuple[str, ...], order: tuple[str, ...]) -> list[int]:
    label = dict(zip(made.labelled.table["id"], made.labelled.table["label"], strict=True))
    found = Counter(label[utterance_of(row)] for row in rows)
    assert set(found) == set(order)
    return [found[name] for name in order]


# ---- the libraries that the papers use --------------------------------------------------------------------------


@given(st.integers(2, 3000))
def test_rows_are_split_as_scikit_learn_does(n: int) -> None:
    train, test = train_test_split(np.arange(n), test_size=0.2, random_state=42)
    order = replay.permutation(n)
    assert (order[: len(test)] == test).all()
    assert (order[len(test) :] == train).all()


@given(st.lists(st.sampled_from("abc"), min_size=3, max_size=200), st.sampled_from([(0.8, 1 - 0.1), (0.9,)]))
def test_classes_are_cut_as_pandas_does(labels: list[str], cuts: tuple[float, ...]) -> None:
    table = pd.DataFrame({"label": labels})
    groups = table.sample(frac=1, random_state=42).groupby("label")
    part = replay.class_parts(table, cuts)
    shuffled = replay.shuffled_classes(table)
    assert list(shuffled) == [name for name, _ in groups]
    for name, group in groups:
        assert list(shuffled[str(name)]) == list(group.index)
        for number, some in enumerate(np.split(group.index.to_numpy(), [int(cut * len(group)) for cut in cuts])):
            assert (part[some] == number).all()


@given(st.lists(st.integers(10, 60), min_size=2, max_size=5), st.integers(2, 10))
def test_unshuffled_folds_are_those_of_scikit_learn(sizes: list[int], k: int) -> None:
    truth = np.repeat(np.arange(len(sizes)), sizes)
    found = np.concatenate(list(replay.unshuffled_folds(sizes, k)))
    for number, (_, test) in enumerate(StratifiedKFold(k).split(truth, truth)):
        assert (np.flatnonzero(found == number) == test).all()


# ---- mfcc-attention: published supports and leak sizes ----------------------------------------------------------


@pytest.mark.parametrize(
    ("corpus", "rows", "order", "published"),
    [
        ("emodb", "augmented", ("angry", "fear", "boredom", "disgust", "happy", "neutral", "sad"),
         [96, 55, 66, 33, 62, 72, 44]),
        ("emovo", "augmented", SEVEN, [64, 69, 60, 79, 60, 69, 70]),
        ("emovo", "duplicated", SEVEN, [42, 47, 47, 56, 48, 57, 56]),
    ],
)  # fmt: skip
def test_published_supports(corpus: str, rows: str, order: tuple[str, ...], published: list[int]) -> None:
    made = run("published-mfcc-attention", released(corpus), rows=rows)
    (fold,) = made.split.folds
    assert supports(made, fold.test, order) == published
    assert made.leaks == ("speaker", "audio", "copy", "sentence")
    assert not fold.dev
    assert not any("not the published" in note for note in made.notes)


@pytest.mark.parametrize(
    ("corpus", "rows", "expected", "siblings", "identical"),
    [
        ("emodb", "augmented", (428, 316, 0), 100.00, 0.00),
        ("emovo", "augmented", (471, 352, 2), 98.30, 0.00),
        ("tess", "augmented", (2240, 1644, 7), 98.75, 38.84),
        ("emodb", "duplicated", (321, 257, 5), 95.33, 56.07),
        ("emovo", "duplicated", (353, 285, 5), 95.75, 53.82),
        ("tess", "duplicated", (1120, 1021, 99), 82.32, 82.32),
        ("savee", "duplicated", (192, 178, 14), 85.42, 85.42),
    ],
)
def test_leak_sizes(corpus: str, rows: str, expected: tuple[int, int, int], siblings: float, identical: float) -> None:
    table = released(corpus).assign(label=lambda t: t["emotion"])
    found = mfcc.overlap(mfcc.row_fold(corpus, table, mfcc.recipes(corpus, rows)))
    assert (found.rows, found.utterances, found.unseen) == expected
    assert round(100 * found.siblings / found.rows, 2) == siblings
    assert round(100 * found.identical / found.rows, 2) == identical


def test_emovo_is_named_as_the_rule_says(corpora_folder: Path) -> None:
    folder = corpora_folder / "emovo"
    if not folder.is_dir():
        pytest.skip("no EMOVO")
    found = {f"emovo/{path.parent.name}/{path.stem.lower()}" for path in folder.glob("*/*-*-*.*")}
    assert found == set(released("emovo")["id"])


def test_how_copies_are_made() -> None:
    def steps(corpus: str, rows: str = "augmented") -> dict[int, list[tuple[str, float]]]:
        return {n: [(step.kind, step.low) for step in made] for n, made in mfcc.recipes(corpus, rows)}

    noise = ("noise", 0.035)
    for corpus, up in (("emodb", 2.0), ("emovo", 2.0), ("ravdess", 0.7), ("savee", 0.7), ("mine", 0.7)):
        assert steps(corpus) == {1: [noise], 2: [("pitch", up)], 3: [("pitch", up), noise]}
    assert steps("emodb", "duplicated") == {1: [noise], 2: []}
    assert steps("savee", "duplicated") == {1: []}


def test_two_rows_of_tess_are_one_and_only_there() -> None:
    wave = np.sin(np.arange(4000) / 20).astype(np.float32)

    def heard(corpus: str, copy: int) -> np.ndarray:
        return CopyMaker(dict(mfcc.recipes(corpus, "augmented")), seed=1).sound(wave, 16_000, f"{corpus}/a#{copy}")

    assert (heard("tess", 1) == heard("tess", 3)).all()
    assert not np.allclose(heard("tess", 1), wave)
    plain = CopyMaker({1: mfcc.recipes("emodb", "augmented")[0][1], 3: mfcc.recipes("emodb", "augmented")[0][1]})
    assert not np.allclose(plain.sound(wave, 16_000, "a#1"), plain.sound(wave, 16_000, "a#3"))


def test_what_cannot_be_obtained_is_said() -> None:
    part = released("emodb").query("emotion in ('angry', 'happy', 'neutral', 'sad')")
    notes = run("published-mfcc-attention", part).notes
    assert f"emodb: {len(part)} utterances instead of 535: its supports are not the published ones" in notes
    for corpus, word in (("savee", "256 spectrogram rows"), ("ravdess", "calm counts as neutral"),
                         ("crema-d", "no output for it was published"), ("tess", "order of its files is not known"),
                         ("mine", "not a corpus of the paper")):  # fmt: skip
        notes = run("published-mfcc-attention", make(corpus, "f1 f2 m1")).notes
        assert any(word in note and note.startswith(f"{corpus}: ") for note in notes), (corpus, notes)
    with pytest.raises(InputError, match="rows 'augmentd'; did you mean 'augmented'"):
        options_from(find("published-mfcc-attention"), {"rows": "augmentd"})


# ---- cnn-n-gru --------------------------------------------------------------------------------------------------


def test_the_middle_tenth_is_tested() -> None:
    made = run("published-cnn-n-gru", counted("iemocap", FOUR), label_map="basic4")
    (base,) = made.split.folds  # 553 test turns
    assert supports(made, base.test, tuple(FOUR)) == [110, 164, 171, 108]
    assert supports(made, base.dev, tuple(FOUR)) == [111, 164, 171, 109]
    tess = run("published-cnn-n-gru", released("tess"))
    (fold,) = tess.split.folds
    assert supports(tess, fold.test, SEVEN) == supports(tess, fold.dev, SEVEN) == [40] * 7


def test_the_last_batch_is_dropped_as_coded() -> None:
    """TESS as in its published matrix: 272 clips, of the last class 8 are lost."""
    tess = run("published-cnn-n-gru-as-coded", released("tess"))
    (coded,), (written,) = tess.split.folds, run("published-cnn-n-gru", released("tess")).split.folds
    assert supports(tess, coded.test, SEVEN) == [40] * 6 + [32]
    assert (coded.train, coded.dev) == (written.train, written.dev)
    assert any("272 of 280 test rows fill batches of 16; dropped: surprise 8" in note for note in tess.notes)
    assert run("published-cnn-n-gru-as-coded", released("tess"), batch="7").split.folds[0].test == written.test
    with pytest.raises(InputError, match="20 test rows fill no batch of 64; set option batch lower"):
        run("published-cnn-n-gru-as-coded", make("mine", EMODB, n=5), batch="64")
    with pytest.raises(InputError, match="batch=0: at least 1"):
        run("published-cnn-n-gru-as-coded", make("mine", EMODB), batch="0")


def test_the_state_is_carried_as_coded_alone() -> None:
    protocol, written = find("published-cnn-n-gru-as-coded"), find("published-cnn-n-gru")
    (coded,) = cnn.arms(cnn.Options(batch=4))
    assert callable(written.arms) and written.arms(written.options) == (BASE,) and "order" not in written.permits
    assert (coded.practice.order, coded.practice.state, coded.settings) == ("class", "carried", (("batch", "4"),))
    assert set(coded.practice.leaks) == {"order"} <= protocol.permits


# ---- sigwavnet --------------------------------------------------------------------------------------------------


def test_a_tenth_is_tested_by_ten_models() -> None:
    made = run("published-sigwavnet", counted("iemocap", FOUR), label_map="basic4")
    folds = made.split.folds
    assert [fold.repeat for fold in folds] == list(range(10))
    assert {fold.test for fold in folds} == {folds[0].test}
    assert supports(made, folds[0].test, tuple(FOUR)) == [111, 164, 171, 109]
    assert any("555" in note and "553" in note for note in made.notes)
    everything = {f"{utterance}#0" for utterance in made.labelled.table["id"]}
    assert Counter(row for fold in folds for row in fold.dev) == Counter(everything - set(folds[0].test))
    assert all({*fold.train, *fold.dev, *fold.test} == everything for fold in folds)
    emodb = run("published-sigwavnet", released("emodb"))
    order = ("angry", "fear", "boredom", "disgust", "neutral", "happy", "sad")
    assert supports(emodb, emodb.split.folds[0].test, order) == [13, 7, 9, 5, 8, 8, 7]
    assert any("162" in note for note in emodb.notes)


def test_the_ten_folds_are_those_of_the_libraries() -> None:
    table = released("emodb").assign(label=lambda t: t["emotion"])
    shuffled = table.sample(frac=1, random_state=42).groupby("label")
    development = pd.concat(group.iloc[: int(0.9 * len(group))] for _, group in shuffled)
    number = sigwavnet.numbers(table)
    for i, (_, dev) in enumerate(StratifiedKFold(10).split(development, development["label"])):
        assert set(development.index[dev]) == set(np.flatnonzero(number == i))
    assert set(development.index) == set(np.flatnonzero(number != sigwavnet.TEST))


def test_as_coded_weights_go_from_fold_to_fold() -> None:
    made = run("published-sigwavnet-as-coded", released("emodb"), batch="16")
    written = run("published-sigwavnet", released("emodb")).split.folds
    by_arm = {arm: [fold for fold in made.split.folds if fold.arm == arm] for arm in ("base", "on validation")}
    for folds in by_arm.values():
        assert [fold.after for fold in folds] == ["", *(fold.name for fold in folds[:-1])]
        assert [(fold.train, fold.dev) for fold in folds] == [(fold.train, fold.dev) for fold in written]
    assert [fold.repeat for fold in by_arm["base"]] == list(range(10))
    assert {len(fold.test) for fold in by_arm["base"]} == {48}
    assert all(set(fold.test) <= set(fold.dev) and len(fold.test) % 16 == 0 for fold in by_arm["on validation"])
    assert {fold.repeat for fold in by_arm["on validation"]} == {0}
    leaks = dict(zip(((fold.arm, fold.name) for fold in made.split.folds), made.fold_leaks, strict=True))
    assert leaks["base", "emodb/fold-10"] == ("speaker", "sentence")
    assert "copy" not in leaks["on validation", "emodb/fold-01"]
    assert {"copy", "selection"} <= set(leaks["on validation", "emodb/fold-02"])
    said = " ".join(made.notes)
    for words in ("8 kHz", "ends every trial with its first fold", "stops with an error", "480 of 570 test rows"):
        assert words in said


# ---- further draws ----------------------------------------------------------------------------------------------


WRITTEN = ("published-mfcc-attention", "published-cnn-n-gru", "published-sigwavnet")
CODED = ("published-cnn-n-gru-as-coded", "published-sigwavnet-as-coded")


@pytest.mark.parametrize("name", [*WRITTEN, *CODED])
def test_further_draws_test_other_rows_and_the_first_stays_as_published(name: str) -> None:
    once, thrice = (run(name, released("emodb"), repeats=n).split.folds for n in ("1", "3"))
    assert {(f.arm, f.name): f for f in thrice}.items() >= {(f.arm, f.name): f for f in once}.items()
    assert len(thrice) == 3 * len(once) == len({(f.arm, f.name) for f in thrice})
    base = [fold for fold in thrice if fold.arm == once[0].arm]
    assert len({fold.test for fold in base}) == 3 and len({fold.repeat for fold in base}) == len(base)
    with pytest.raises(InputError, match=f"{name}.repeats=0: at least 1"):
        run(name, released("emodb"), repeats="0")


def test_a_chain_of_weights_stays_within_its_draw() -> None:
    folds = run("published-sigwavnet-as-coded", released("emodb"), repeats="2").split.folds
    for arm in ("base", "on validation"):
        begins = [fold.name for fold in folds if fold.arm == arm and not fold.after]
        assert begins == ["emodb/fold-01", "emodb/draw-2/fold-01"]
    assert all(fold.after.rpartition("/")[0] == fold.name.rpartition("/")[0] for fold in folds if fold.after)


# ---- wavfusion --------------------------------------------------------------------------------------------------


def test_sessions_in_turn_and_the_fifth_alone() -> None:
    table = iemocap()
    table.loc[table["id"].str.endswith("-00"), "emotion"] = "frustrated"
    made = run("published-wavfusion", table)
    assert made.label_map == "iemocap6"
    *five, last = made.split.folds
    assert [(fold.name, fold.arm) for fold in five] == [(f"iemocap/Ses0{i}", "base") for i in range(1, 6)]
    assert (last.name, last.arm, last.train, last.dev, last.test) == (
        "iemocap/Ses05", "session 5", five[4].train, five[4].dev, five[4].test,
    )  # fmt: skip
    for i, fold in enumerate(five):
        assert who(made, fold.test) == {f"iemocap/{g}{i + 1}" for g in "fm"}
        assert who(made, fold.dev) == {f"iemocap/{g}{(i + 1) % 5 + 1}" for g in "fm"}
        assert fold.classes == ("angry", "excited", "frustrated", "neutral", "sad")
        assert fold.promises == {"speaker", "session"}
    four = run("published-wavfusion", iemocap(4))
    assert {fold.arm for fold in four.split.folds} == {"base"}
    assert "iemocap: 4 sessions instead of 5: no arm 'session 5'" in four.notes


def test_meld_by_its_official_split_and_others_not_at_all() -> None:
    made = run("published-wavfusion", official(), iemocap())
    assert made.label_map == "native,iemocap=iemocap6"
    (meld,) = [fold for fold in made.split.folds if fold.test_name == "meld"]
    (alone,) = run("official-split", official()).split.folds
    assert (meld.train, meld.dev, meld.test, meld.arm) == (alone.train, alone.dev, alone.test, "base")
    with pytest.raises(InputError, match=r"emodb: neither sessions with speakers of their own.*nor an official split"):
        run("published-wavfusion", make("emodb", EMODB))
    assert run("published-wavfusion", iemocap(), label_map="native").label_map == "native"
