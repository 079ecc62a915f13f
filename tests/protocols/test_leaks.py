"""The leak check: every leak that is planted is found, counted and shown; nothing else is."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serbench.errors import InputError
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.leaks import RULES, Example, LeakFinding, check, check_all, enforce
from serbench.protocols.parts.protocol import LEAKS, ROW_LEAKS, Fold, Leak, utterance_of
from serbench.tests.support.utterances import iemocap, make, run, same_audio

SPEAKERS = find("speaker-independent")


def table() -> pd.DataFrame:
    """Four speakers with a session and sentences of their own."""
    made = make("one", "f1 f2 m1 m2", ("angry", "sad"))
    made["session"] = made["speaker"].str[-2:]
    made["sentence"] = made["id"]
    return made.assign(label=made["emotion"])


def rows(*speakers: str, copy: int = 0) -> tuple[str, ...]:
    clips = table()
    return tuple(f"{u}#{copy}" for u in clips.loc[clips["speaker"].str[-2:].isin(speakers), "id"])


CLEAN = Fold("clean", "one", "one", ("angry", "sad"), rows("f1", "m1"), rows("f2"), rows("m2"))


def found(fold: Fold, clips: pd.DataFrame, *promises: Leak) -> dict[str, LeakFinding]:
    return {finding.leak: finding for finding in check(fold, clips, promises)}


def test_a_clean_fold_has_no_leak() -> None:
    assert check(CLEAN, table(), LEAKS) == []


def test_a_speaker_in_test_and_train() -> None:
    moved, *rest = CLEAN.test
    fold = replace(CLEAN, train=(*CLEAN.train, moved), test=tuple(rest))
    findings = found(fold, table())
    assert set(findings) == {"speaker", "session"}
    assert findings["speaker"].n_test == len(rest)
    assert findings["speaker"].examples[0] == ("one/m2", rest[0], moved)
    assert findings["speaker"].n_dev == 0


def test_a_speaker_in_test_and_dev_is_a_leak_and_in_dev_and_train_a_broken_promise() -> None:
    moved, *rest = CLEAN.test
    assert found(replace(CLEAN, dev=(*CLEAN.dev, moved), test=tuple(rest)), table())["speaker"].n_test == len(rest)
    moved, *rest = CLEAN.dev
    fold = replace(CLEAN, train=(*CLEAN.train, moved), dev=tuple(rest))
    assert check(fold, table()) == []
    assert found(fold, table(), "speaker")["speaker"] == LeakFinding(
        "speaker", 0, len(rest), (Example("one/f2", rest[0], moved),)
    )


def test_identical_audio_sentences_and_sessions() -> None:
    audio = same_audio(table(), "one/f1-sad-00", "one/m2-sad-01")
    assert found(CLEAN, audio) == {
        "audio": LeakFinding("audio", 1, 0, (Example("one/f1-sad-00", "one/m2-sad-01#0", "one/f1-sad-00#0"),))
    }
    clips = table()
    clips.loc[clips["id"].isin(["one/m1-sad-02", "one/m2-sad-02", "one/m2-sad-03"]), "sentence"] = "same"
    assert found(CLEAN, clips)["sentence"].n_test == 2
    clips = table()
    clips.loc[clips["id"].isin(["one/f2-sad-00", "one/m2-sad-00"]), "session"] = "same"
    assert found(CLEAN, clips)["session"].n_test == 1


def test_equal_names_in_two_corpora_and_nulls_are_no_leak() -> None:
    two = table().assign(corpus="two")
    for column in ("id", "speaker", "audio_hash", "group"):
        two[column] = two[column].str.replace("one/", "two/")
    both = pd.concat([table(), two], ignore_index=True)
    fold = replace(CLEAN, test=tuple(row.replace("one/", "two/") for row in CLEAN.train))
    assert check(fold, both, LEAKS) == []
    unknown = table().assign(speaker=None, session=None, audio_hash=None, sentence=None)
    assert check(CLEAN, unknown, LEAKS) == []


def test_a_copy_of_a_test_clip_in_train() -> None:
    fold = replace(CLEAN, train=(*CLEAN.train, *rows("m2", copy=3)))
    findings = found(fold, table())
    assert findings["copy"].n_test == len(CLEAN.test)
    assert findings["copy"].examples[0] == ("one/m2-angry-00", "one/m2-angry-00#0", "one/m2-angry-00#3")
    assert set(findings) == set(ROW_LEAKS)  # a copy has the speaker, the sentence and the audio of its clip
    twice = replace(CLEAN, test=(*CLEAN.test, CLEAN.train[0]))
    assert found(twice, table())["copy"].n_test == 1
    with pytest.raises(InputError, match="row one/stranger#0: its utterance is not in the table"):
        check(replace(CLEAN, test=("one/stranger#0",)), table())


def test_near_identical_audio_is_audio_by_its_group() -> None:
    clips = table()
    near = clips["id"].isin(["one/f1-sad-00", "one/m2-sad-01"])
    clips["group"] = clips["group"].mask(near, "one/f1-sad-00")
    assert found(CLEAN, clips) == {
        "audio": LeakFinding("audio", 1, 0, (Example("one/f1-sad-00", "one/m2-sad-01#0", "one/f1-sad-00#0"),))
    }
    with pytest.raises(InputError, match="audio crosses the fold"):
        enforce([CLEAN], clips, SPEAKERS)


def test_a_dialogue_is_heard_whole_where_sessions_are_unknown() -> None:
    clips = table().assign(session=None)
    clips["dialogue"] = clips["id"].where(~clips["id"].isin(["one/f1-sad-00", "one/m2-sad-01"]), "dia7")
    assert found(CLEAN, clips)["session"] == LeakFinding(
        "session", 1, 0, (Example("dia7", "one/m2-sad-01#0", "one/f1-sad-00#0"),)
    )
    assert enforce([CLEAN], clips, SPEAKERS) == (("session",),)
    new_sessions = replace(SPEAKERS, promises=SPEAKERS.promises | {"session"}, permits=frozenset({"sentence"}))
    with pytest.raises(InputError, match=r"session crosses the fold.*1 test rows, e.g. dia7"):
        enforce([CLEAN], clips, new_sessions)
    # a row that shares a session and a dialogue is one row
    clips["session"] = clips["dialogue"]
    assert found(CLEAN, clips)["session"].n_test == 1


NAMES = st.sampled_from(["x", "y", "z", None])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_gate_counts_as_sets_do(data: st.DataObject) -> None:
    n = data.draw(st.integers(3, 24), label="clips")
    columns = ("corpus", "speaker", "session", "dialogue", "audio_hash", "group", "sentence")
    clips = pd.DataFrame(
        {c: data.draw(st.lists(NAMES, min_size=n, max_size=n), label=c) for c in columns}, dtype=object
    ).assign(id=[f"u{i}" for i in range(n)], corpus=data.draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n)))
    row = st.tuples(st.sampled_from(list(clips["id"])), st.integers(0, 2)).map(lambda r: f"{r[0]}#{r[1]}")
    train, dev, test = (tuple(data.draw(st.lists(row, max_size=n, unique=True))) for _ in range(3))
    fold = Fold("x", "", "", (), train, tuple(r for r in dev if r not in test), test)
    cells = clips.set_index("id", drop=False).to_dict(orient="index")

    def share(a: str, b: str, leak: str) -> bool:
        one, two = cells[utterance_of(a)], cells[utterance_of(b)]
        return any(all(one[c] is not None and one[c] == two[c] for c in columns) for columns in RULES[leak])

    wanted = {}
    for leak in RULES:
        n_test = sum(any(share(r, other, leak) for other in (*fold.train, *fold.dev)) for r in fold.test)
        n_dev = sum(any(share(r, other, leak) for other in fold.train) for r in fold.dev)
        if n_test or n_dev:
            wanted[leak] = (n_test, n_dev)
    findings = check(fold, clips, RULES)
    assert {f.leak: (f.n_test, f.n_dev) for f in findings} == wanted
    assert check_all([fold, fold], clips, RULES) == [findings, findings]
    for finding in findings:
        assert finding.examples
        for e in finding.examples:
            assert share(e.row, e.other, finding.leak) and e.row in (*fold.test, *fold.dev)


def test_rules_can_be_given() -> None:
    clips = table().assign(mood=lambda t: t["emotion"])
    (only,) = check(CLEAN, clips, rules={"mood": (("mood",),)})
    assert (only.leak, only.n_test) == ("mood", len(CLEAN.test))


def test_a_broken_promise_stops_and_a_permitted_leak_is_returned() -> None:
    moved, *rest = CLEAN.test
    fold = replace(CLEAN, train=(*CLEAN.train, moved), test=tuple(rest))
    with pytest.raises(InputError) as error:
        enforce([CLEAN, fold], table(), SPEAKERS)
    message = str(error.value)
    assert message.startswith("speaker-independent version 1, fold 'clean': speaker crosses the fold")
    for part in ("7 test rows", "one/m2", rest[0], moved, "nothing was trained"):
        assert part in message
    assert "\n" not in message
    assert enforce([CLEAN, fold], table(), find("random")) == ((), ("speaker", "session"))


def test_a_leak_that_is_neither_promised_nor_permitted_stops_too() -> None:
    silent = replace(SPEAKERS, promises=frozenset(), permits=frozenset())
    fold = replace(CLEAN, train=CLEAN.train[1:], test=(*CLEAN.test, CLEAN.train[0]))
    with pytest.raises(InputError, match="speaker crosses the fold"):
        enforce([fold], table(), silent)


def test_sessions_with_their_own_speakers_are_promised_with_them() -> None:
    made = run("speaker-independent", iemocap())
    clips = made.labelled.table
    first = made.split.folds[0]
    # new speakers, but the partner in the dialogue is heard in training
    partner = tuple(row for row in first.test if "/f1-" in row)
    fold = replace(first, train=(*first.train, *partner), test=tuple(set(first.test) - set(partner)))
    with pytest.raises(InputError, match="session crosses the fold"):
        enforce([fold], clips, SPEAKERS)
    assert "session" in enforce([fold], clips, find("random"))[0]
    apart = clips.assign(dialogue=None)  # no dialogues: then it is a leak that is permitted
    assert "session" in enforce([fold], apart, SPEAKERS)[0]
