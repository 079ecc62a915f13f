"""The leak ladder: what every step scores, trains on and may share; the leak check holds each step to its word."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from serbench.errors import InputError
from serbench.protocols.leak_ladder import BOTH, CORPUS, LEAKED, RANDOM, ROWS, SENTENCES, SPEAKERS, STEPS, TOGETHER
from serbench.protocols.parts import leaks
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import Design
from serbench.protocols.parts.protocol import Fold, Leak, copy_of, utterance_of
from serbench.results.evidence import store
from serbench.results.evidence.evidence import open_evidence
from serbench.tests.support.tiny import serbench, tiny_corpus
from serbench.tests.support.utterances import EMODB, built_in, finish, make, run, same_audio

#: what rows of test and training of a step may have in common, and what some of its folds must have
MAY: dict[str, set[Leak]] = {
    ROWS: {"speaker", "session", "audio", "copy", "sentence"},
    LEAKED: {"speaker", "session", "audio", "copy", "sentence"},
    TOGETHER: {"speaker", "session", "sentence"},
    RANDOM: {"speaker", "session", "sentence"},
    SENTENCES: {"speaker", "session"},
    SPEAKERS: {"session", "sentence"},
    BOTH: {"session"},
    CORPUS: {"session"},
}
MUST: dict[str, set[Leak]] = {
    ROWS: {"copy", "speaker", "sentence"}, LEAKED: {"copy", "speaker", "sentence"}, TOGETHER: {"speaker", "sentence"},
    RANDOM: {"speaker", "sentence"}, SENTENCES: {"speaker"}, SPEAKERS: {"sentence"}, BOTH: set(), CORPUS: set(),
}  # fmt: skip
ONE, TWO = make("one", EMODB), make("two", "f1 f2 m1 m2 m3", n=5)


def ladder(made: Design, corpus: str) -> dict[str, list[Fold]]:
    found: dict[str, list[Fold]] = defaultdict(list)
    for fold in made.split.folds:
        if fold.test_name == corpus:
            found[fold.arm].append(fold)
    return found


LADDERS = [
    ("tables", "one"), ("tables", "two"), ("duplicates", "one"), ("synth", "synth-a"), ("synth", "synth-b"),
    ("null", "synth-null-a"), ("null", "synth-null-b"),
]  # fmt: skip


@cache
def case(name: str) -> Design:
    if name == "duplicates":  # under two sentences
        return run("leak-ladder", same_audio(ONE, "one/f08-sad-00", "one/f08-sad-01"), TWO)
    tables = {"synth": ("synth-a", "synth-b"), "null": ("synth-null-a", "synth-null-b")}
    return run("leak-ladder", *([built_in(tables[name])] if name in tables else (ONE, TWO)))


@pytest.mark.parametrize(("name", "corpus"), LADDERS)
def test_every_step_scores_the_same_utterances_once_each(name: str, corpus: str) -> None:
    steps = ladder(case(name), corpus)
    assert set(steps) == set(STEPS)
    table = case(name).labelled.table
    everything = Counter(dict.fromkeys(table.loc[table["corpus"] == corpus, "id"] + "#0", 1))
    for step, folds in steps.items():
        tested = Counter(row for fold in folds for row in fold.test)
        if step == ROWS:
            assert tested == Counter({f"{utterance_of(row)}#{copy}": 1 for row in everything for copy in range(4)})
        else:
            assert tested == everything, step


@pytest.mark.parametrize(("name", "corpus"), LADDERS)
def test_every_fold_trains_on_as_many_utterances_in_the_same_proportions(name: str, corpus: str) -> None:
    made = case(name)
    label = dict(zip(made.labelled.table["id"], made.labelled.table["label"], strict=True))
    folds = [fold for some in ladder(made, corpus).values() for fold in some]
    sizes = {len({utterance_of(row) for row in fold.train}) for fold in folds}
    assert len(sizes) == 1
    (n,) = sizes
    assert any(note.startswith(f"{corpus}: every step trains on {n} utterances") for note in made.notes)
    outside = len(set(label)) - n
    for fold in folds:
        counts = Counter(label[clip] for clip in {utterance_of(row) for row in fold.train})
        assert set(counts) == set(fold.classes) == set(label.values())
        if fold.arm != CORPUS and outside:  # the corpora are balanced, and the smallest step takes all that it has
            assert max(counts.values()) - min(counts.values()) <= max(2, 0.2 * n)


@pytest.mark.parametrize(("name", "corpus"), LADDERS)
def test_copies_are_in_training_alone_and_in_two_steps_whole(name: str, corpus: str) -> None:
    for step, folds in ladder(case(name), corpus).items():
        for fold in folds:
            assert {copy_of(row) for row in fold.dev} <= {0}
            assert step == ROWS or {copy_of(row) for row in fold.test} == {0}
            of = Counter(utterance_of(row) for row in fold.train)
            if step == TOGETHER:
                assert set(of.values()) == {4} and set(dict(fold.copies)) == {1, 2, 3}
            elif step in (ROWS, LEAKED):
                assert {copy_of(row) for row in fold.train} == {0, 1, 2, 3}
                assert 0.7 < sum(of.values()) / (4 * len(of)) < 1  # nine tenths of the rows, on the average
            else:
                assert {copy_of(row) for row in fold.train} == {0} and not fold.copies


def crossing(fold: Fold, table: pd.DataFrame) -> set[Leak]:
    """What test rows share with training or dev rows, found row by row."""
    of = table.set_index("id")
    test, rest = (of.loc[[utterance_of(row) for row in rows]] for rows in (fold.test, (*fold.train, *fold.dev)))

    def shared(*columns: str) -> bool:
        mine, theirs = (set(map(tuple, part[list(columns)].dropna().to_numpy())) for part in (test, rest))
        return bool(mine & theirs)

    found: set[Leak] = {"copy"} if set(test.index) & set(rest.index) else set()
    names: dict[Leak, tuple[str, ...]] = {
        "speaker": ("speaker",), "session": ("corpus", "session"), "audio": ("audio_hash",),
        "sentence": ("corpus", "sentence"),
    }  # fmt: skip
    return found | {leak for leak, columns in names.items() if shared(*columns)}


@pytest.mark.parametrize(("name", "corpus"), LADDERS)
def test_step_by_step_less_crosses(name: str, corpus: str) -> None:
    made = case(name)
    stored = dict(zip(map(id, made.split.folds), made.fold_leaks, strict=True))
    for step, folds in ladder(made, corpus).items():
        found = [crossing(fold, made.labelled.table) for fold in folds]
        assert set().union(*found) <= MAY[step], step
        assert set().union(*found) >= MUST[step], step
        assert [set(stored[id(fold)]) for fold in folds] == found
        promised = {"speaker", "audio", "copy", "sentence"} - MAY[step]
        assert {fold.promises for fold in folds} == {frozenset(promised - ({"sentence"} if step == CORPUS else set()))}


def test_identical_audio_stays_on_one_side_from_the_second_step_on() -> None:
    for step, folds in ladder(case("duplicates"), "one").items():
        for fold in folds:
            of = {u: part for part in ("train", "dev", "test") for u in map(utterance_of, getattr(fold, part))}
            twins = {of.get(f"one/f08-sad-0{k}") for k in (0, 1)} - {None}
            assert len(twins) <= 1 or step in (ROWS, LEAKED) or "test" not in twins


@pytest.mark.parametrize("step", [TOGETHER, RANDOM, SENTENCES, SPEAKERS, BOTH, CORPUS])
def test_a_row_in_the_wrong_place_is_refused(step: str) -> None:
    made = case("tables")
    folds, protocol = list(made.split.folds), find("leak-ladder")
    assert leaks.enforce(folds, made.labelled.table, protocol) == made.fold_leaks
    place = next(i for i, fold in enumerate(folds) if fold.arm == step)
    moved = folds[place].test[0]
    folds[place] = replace(folds[place], train=(*folds[place].train, f"{utterance_of(moved)}#1"))
    with pytest.raises(
        InputError, match=rf"leak-ladder version 1, fold '.*{step}/.*crosses the fold.*nothing was trai"
    ):
        leaks.enforce(folds, made.labelled.table, protocol)


def test_a_speaker_and_a_sentence_that_cross_are_refused_where_they_are_promised_new() -> None:
    made, protocol = case("tables"), find("leak-ladder")
    for step, leak in ((SPEAKERS, "speaker"), (SENTENCES, "sentence"), (BOTH, "speaker"), (BOTH, "sentence")):
        fold = next(fold for fold in made.split.folds if fold.arm == step)
        of = made.labelled.table.set_index("id")[leak].to_dict()
        mine = {of[utterance_of(row)] for row in fold.test}
        other = "sentence" if leak == "speaker" else "speaker"
        others = made.labelled.table.set_index("id")[other].to_dict()
        theirs = {others[utterance_of(row)] for row in fold.test}
        stranger = next(
            u for u in sorted(of) if u.startswith("one/") and of[u] in mine and others[u] not in theirs
            and f"{u}#0" not in {*fold.train, *fold.dev, *fold.test}
        ) if step != SPEAKERS and step != SENTENCES else fold.test[-1].removesuffix("#0")  # fmt: skip
        broken = replace(fold, train=(*fold.train, f"{stranger}#0"), test=fold.test[:-1])
        with pytest.raises(InputError, match=f"{leak} crosses the fold, which the protocol does not permit"):
            leaks.enforce([broken], made.labelled.table, protocol)


# ---- what a corpus does not allow ------------------------------------------------------------------------------------


def test_one_corpus_has_no_step_with_a_new_corpus() -> None:
    made = run("leak-ladder", ONE)
    assert set(ladder(made, "one")) == set(STEPS) - {CORPUS}
    assert f"one: no step '{CORPUS}': give another corpus too" in made.notes


@pytest.mark.parametrize("sentence", [None, "the only one"])
def test_without_sentences_there_are_no_steps_with_new_ones(sentence: str | None) -> None:
    made = run("leak-ladder", ONE.assign(sentence=sentence), TWO)
    assert set(ladder(made, "one")) == set(STEPS) - {SENTENCES, BOTH}
    assert set(ladder(made, "two")) == set(STEPS)
    assert "one: no steps with new sentences: its utterances do not name at least two" in made.notes


def test_sentences_that_belong_to_an_emotion_leave_no_step_with_new_ones() -> None:
    owned = ONE.assign(sentence=ONE["emotion"])
    made = run("leak-ladder", owned, TWO)
    assert not {SENTENCES, BOTH} & set(ladder(made, "one"))
    assert any(
        note.startswith(f"one: no step '{SENTENCES}': ") and "is missing from train" in note for note in made.notes
    )


def test_speakers_who_do_not_say_every_sentence_are_no_obstacle() -> None:
    some = pd.concat([ONE[~((ONE["speaker"] == "one/f08") & (ONE["sentence"] != "s0"))], TWO])
    steps = ladder(run("leak-ladder", finish(some)), "one")
    assert len(steps[BOTH]) < 30
    assert Counter(row for fold in steps[BOTH] for row in fold.test) == Counter(
        row for fold in steps[RANDOM] for row in fold.test
    )


def test_others_that_lack_a_class_are_no_new_corpus() -> None:
    made = run("leak-ladder", ONE, make("two", "f1 f2 m1", ("angry", "sad"), n=6))
    assert CORPUS not in ladder(made, "one") and CORPUS in ladder(made, "two")
    assert f"one: no step '{CORPUS}': the others have no happy, neutral" in made.notes


def test_options_and_refusals() -> None:
    few = run("leak-ladder", ONE, TWO, folds="5", sentences="2")
    assert Counter(fold.arm for fold in few.split.folds if fold.test_name == "one") == {
        ROWS: 5, LEAKED: 5, TOGETHER: 5, RANDOM: 5, SENTENCES: 2, SPEAKERS: 10, BOTH: 20, CORPUS: 1,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"leak-ladder\.folds=2: at least 3"):
        run("leak-ladder", ONE, folds="2")
    with pytest.raises(InputError, match=r"leak-ladder\.sentences=1: at least 2"):
        run("leak-ladder", ONE, sentences="1")
    with pytest.raises(InputError, match="mine: one speaker only"):
        run("leak-ladder", make("mine", "f1", n=12))
    rare = pd.concat([make("big", EMODB, ("angry", "sad"), n=60), make("big", "f08 f09 m03", ("happy",), n=4)])
    small = make("small", "f1 f2 m1", ("angry", "happy", "sad"), n=4)
    with pytest.raises(InputError, match=r"fold 'big/.*': of 1211 .* 24 are drawn, .* none of them is happy"):
        run("leak-ladder", rare, small)


# ---- run -------------------------------------------------------------------------------------------------------------


def test_from_command_to_table(tmp_path: Path) -> None:
    """On audio: every step is a line, siblings are stored where they are, and the leaks of a step stand beside it."""
    corpus = tiny_corpus(tmp_path / "corpus", speakers=4, takes=6)
    code, _, err = serbench(
        "run", "--protocol", "leak-ladder", "--corpus", f"mine={corpus}", "--model", "functionals-svm",
        "--set", "leak-ladder.folds=4", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    assert f"arm '{CORPUS}' left out for functionals-svm: these corpora give no folds for it" in err
    lines = {line["arm"]: line for line in json.loads(serbench("show", tmp_path / "run", "--json")[1])}
    assert set(lines) == set(STEPS) - {CORPUS}
    assert {line["n_utterances"] for line in lines.values()} == {48}
    assert lines[LEAKED]["leaks"] == ["audio", "copy", "speaker"] and lines[BOTH]["leaks"] == []
    assert lines[SPEAKERS]["leaks"] == [] and lines[RANDOM]["leaks"] == ["speaker"]
    opened = store.open_run(tmp_path / "run")
    frames = open_evidence([opened])
    assert (frames.records["test_evaluations"] == 1).all() and frames.records["n_train"].min() > 0
    of = frames.records.set_index("fold_hash")["arm"].to_dict()
    siblings = opened.siblings()
    assert set(siblings["fold_hash"].map(of)) == {ROWS, LEAKED}
    tested = frames.predictions.merge(frames.records[["key", "arm", "fold_hash"]], on="key")
    known = tested[tested["arm"] == LEAKED].merge(siblings, on=["fold_hash", "row"])
    assert len(known) == 48 and known["siblings"].between(0, 3).all() and known["siblings"].nunique() > 1


CHANCE = 1 / 4


@pytest.mark.slow
def test_on_corpora_that_tell_nothing_of_new_speakers_only_the_leaks_score(tmp_path: Path) -> None:
    corpora = ("--corpus", "synth-null-a", "--corpus", "synth-null-b")
    code, _, err = serbench(
        "run", "--protocol", "leak-ladder", *corpora, "--model", "functionals-svm", "--out", tmp_path / "run"
    )
    assert code == 0, err
    for line in json.loads(serbench("show", tmp_path / "run", "--json")[1]):
        uar = line["metrics"]["uar"]["mean"]
        if line["arm"] in (SPEAKERS, BOTH, CORPUS):
            assert abs(uar - CHANCE) <= 0.12, line
        elif line["arm"] in (ROWS, LEAKED):
            assert uar >= CHANCE + 0.3, line
        elif line["arm"] in (TOGETHER, RANDOM):
            assert uar >= CHANCE + 0.12, line
