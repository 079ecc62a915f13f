"""The protocols: known answers, a contract that every one of them keeps, and refusals."""

import importlib
import json
import keyword
import os
import pkgutil
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import fields

import pandas as pd
import pytest

from serbench import protocols as package
from serbench.benchmark.checks.protocol_check import CHECKS, outcomes
from serbench.errors import InputError
from serbench.protocols.parts.catalog import collect, find, protocols
from serbench.protocols.parts.design import Design, design, options_from
from serbench.protocols.parts.protocol import BASE, HONEST, Condition, utterance_of
from serbench.tests.support.utterances import (
    CLASSES,
    EMODB,
    built_in,
    fingerprint,
    make,
    official,
    run,
    same_audio,
    who,
)

# ---- known answers: random and official ------------------------------------------------------------------------


def test_random_folds_depend_on_corpus_and_repeat_alone() -> None:
    one, two = make("one", EMODB), make("two", EMODB)
    both = run("random", one, two).split.folds
    assert len(both) == 20
    assert both[:10] == run("random", one).split.folds
    more = run("random", one, repeats="2").split.folds
    assert more[:10] == both[:10]
    assert {f.test for f in more[10:]} != {f.test for f in more[:10]}
    assert [f.test for f in both[10:]] != [tuple(r.replace("one", "two") for r in f.test) for f in both[:10]]
    assert run("random", one).leaks == ("speaker", "sentence")


def test_official_split_is_taken_as_it_is() -> None:
    table = official()
    fold = run("official-split", table).split.folds[0]
    for part in ("train", "dev", "test"):
        assert getattr(fold, part) == tuple(f"{u}#0" for u in table.loc[table["official_split"] == part, "id"])
    made = run("official-split", table, make("emodb", EMODB))
    assert made.split.folds == (fold,)
    assert made.notes == ("emodb: left out: it has no official split",)
    assert made.leaks == ("speaker",)


def test_official_split_keeps_identical_audio_in_test_and_names_what_has_no_place() -> None:
    table = same_audio(official(), "meld/f1-sad-00", "meld/f1-sad-05", "meld/f2-sad-02")
    table.loc[table["id"] == "meld/m1-sad-09", "official_split"] = None
    made = run("official-split", table)
    assert not {"meld/f1-sad-05#0", "meld/f2-sad-02#0"} & {*made.split.folds[0].train, *made.split.folds[0].dev}
    assert made.notes == (
        "meld: speakers f1 and f2 have audio in common (meld/f1-sad-00 = meld/f1-sad-05 = meld/f2-sad-02): they count "
        "as one",
        "meld: 1 of 160 utterances dropped: not in the official split",
        "meld: 2 utterances dropped from train or dev, because test or dev has the same audio: "
        "meld/f1-sad-05, meld/f2-sad-02",
    )
    undeveloped = official().query("official_split != 'dev'")
    assert "meld: no dev set in the official split; the last epoch is taken" in run("official-split", undeveloped).notes


# ---- known answers: several corpora ----------------------------------------------------------------------------

THREE = (
    make("one", EMODB, ("angry", "boredom", "happy", "sad")),
    make("two", "f1 f2 m1 m2", ("angry", "happy", "neutral", "sad")),
    make("three", "f1 f2 f3", ("angry", "happy", "neutral", "sad")),
)


def test_cross_corpus_matrix_of_three() -> None:
    made = run("cross-corpus", *THREE)
    cells = Counter((fold.train_name, fold.test_name) for fold in made.split.folds)
    assert cells == {
        ("one", "one"): 10, ("two", "two"): 4, ("three", "three"): 3,
        **{(a, b): 1 for a in ("one", "two", "three") for b in ("one", "two", "three") if a != b},
    }  # fmt: skip
    folds = {fold.name: fold for fold in made.split.folds}
    assert folds["one -> two"].classes == ("angry", "happy", "sad")
    assert folds["two -> three"].classes == CLASSES
    assert who(made, folds["one -> two"].dev) == {"one/f08", "one/m03"}
    assert who(made, folds["one -> two"].train) == {f"one/{name}" for name in EMODB.split()} - {"one/f08", "one/m03"}
    assert who(made, folds["one -> two"].test) == {"two/f1", "two/f2", "two/m1", "two/m2"}
    assert who(made, folds["two -> one"].dev) == {"two/f1"}
    assert made.fold_leaks[made.split.folds.index(folds["one -> two"])] == ()


def test_the_diagonal_is_speaker_independent() -> None:
    made = run("cross-corpus", *THREE)
    alone = run("speaker-independent", *THREE, label_map="basic4")
    assert tuple(fold for fold in made.split.folds if fold.train_name == fold.test_name) == alone.split.folds


def test_equal_classes_share_one_training() -> None:
    tables = [make(name, "f1 f2 m1 m2 m3", ("angry", "happy", "sad")) for name in ("one", "two", "three")]
    tables[1] = same_audio(pd.concat(tables), "one/m1-sad-00", "two/m1-sad-00").query("corpus == 'two'")
    made = run("cross-corpus", *tables)
    for name in ("one", "two", "three"):
        rows = {(f.train, f.dev) for f in made.split.folds if f.train_name == name and f.test_name != name}
        assert len(rows) == 1


def test_audio_of_two_corpora_is_tested_but_not_trained_on() -> None:
    both = same_audio(pd.concat(THREE), "one/f09-sad-00", "two/m1-sad-00")
    both["group"] = both["id"]  # grouped within each corpus only, as prepared corpora are
    made = run("cross-corpus", both)
    folds = {fold.name: fold for fold in made.split.folds}
    for name in ("one -> two", "one -> three"):
        assert "one/f09-sad-00#0" not in {*folds[name].train, *folds[name].dev}
    assert "two/m1-sad-00#0" in folds["one -> two"].test
    assert "one/f09-sad-00#0" in folds["one/f10" if "one/f10" in folds else "one/m10"].train
    assert "one: 1 utterances not trained on for other corpora: their audio is also there" in made.notes


def test_leave_one_corpus_out() -> None:
    made = run("leave-one-corpus-out", *THREE)
    folds = {fold.test_name: fold for fold in made.split.folds}
    assert {name: fold.train_name for name, fold in folds.items()} == {
        "one": "three+two", "two": "one+three", "three": "one+two",
    }  # fmt: skip
    assert {name.partition("/")[0] for name in who(made, folds["one"].dev)} == {"two", "three"}
    assert folds["one"].classes == ("angry", "happy", "sad")
    assert folds["two"].classes == CLASSES
    assert "rest -> two: one trains without neutral" in made.notes
    two = run("leave-one-corpus-out", *THREE[1:])
    assert "two corpora: the same as cross-corpus without its diagonal" in two.notes
    off = {(f.train, f.dev, f.test) for f in run("cross-corpus", *THREE[1:]).split.folds if f.train_name != f.test_name}
    assert {(f.train, f.dev, f.test) for f in two.split.folds} == off


#: module -> the protocol in it
PROTOCOL_FILES = {
    info.name: module.PROTOCOL
    for info in pkgutil.iter_modules(package.__path__)
    if hasattr(module := importlib.import_module(f"{package.__name__}.{info.name}"), "PROTOCOL")
}

# ---- the contract ----------------------------------------------------------------------------------------------

#: options without which a protocol says that nothing varies
NEEDED = {"sweep": {"grid": "lr=0.1,0.2"}}
BUILT_IN = ("synth-a", "synth-b")
NULL = ("synth-null-a", "synth-null-b")


#: (protocol, arm) without a dev set by design
LAST_EPOCH = {("published-mfcc-attention", ""), ("oracle-epoch", "last epoch")}
AS_CODED = {"published-cnn-n-gru-as-coded", "published-sigwavnet-as-coded"}
REPLAYS = {"published-mfcc-attention", "published-cnn-n-gru", "published-sigwavnet"} | AS_CODED
#: where rows of one utterance, or of the same audio, lie on both sides
COPIES = {"leak-ladder", "carried-weights", "published-mfcc-attention", "published-sigwavnet-as-coded"}
AUDIO = COPIES | REPLAYS
EITHER = AS_CODED | {"official-split", "leak-ladder", "carried-state", "carried-weights", "published-wavfusion"}
EXPECTED = {**dict.fromkeys(REPLAYS | {"random"}, "above"), **dict.fromkeys(EITHER, "either")}


@pytest.mark.parametrize("name", sorted(protocols()))
@pytest.mark.parametrize("corpora", [BUILT_IN, NULL])
def test_contract(name: str, corpora: tuple[str, ...]) -> None:
    protocol = find(name)
    options = options_from(protocol, NEEDED.get(name, {}))
    checks = list(outcomes(protocol, options, corpora))
    assert len(checks) == len(CHECKS) + 2 and not [check for check in checks if check.problem]
    for fold in design(protocol, built_in(corpora), options=options).split.folds:
        assert fold.dev or (name, fold.arm) in LAST_EPOCH


@pytest.mark.parametrize("name", sorted(protocols()))
def test_what_a_protocol_declares(name: str) -> None:
    protocol = find(name)
    assert protocol.name == name
    assert ("audio" in protocol.promises) == (name not in AUDIO)
    assert ("copy" in protocol.promises) == (name not in COPIES)
    assert protocol.null == EXPECTED.get(name, "chance")
    assert protocol.conditions(protocol.options)[0] == Condition()


#: what is not done as it should be -> the only protocols that do it, each of which says so in its name
FORENSIC = {
    "order": {"carried-state", "padding-companions", *AS_CODED},
    "state": {"carried-state", *AS_CODED},
    "statistics": {"test-statistics"},
    "weights": {"carried-weights", "published-sigwavnet-as-coded"},
    "selection": {"oracle-epoch", "carried-weights", "published-sigwavnet-as-coded"},
    "dropped": {"dropped-last-batch", *AS_CODED},
}
#: of those whose names do not say it: a word by which their summaries do
SAID = {"selection": "epoch", "dropped": "dropped"}


@pytest.mark.parametrize("name", sorted(protocols()))
def test_forensics_only_under_names_that_say_so(name: str) -> None:
    protocol = find(name)
    options = options_from(protocol, NEEDED.get(name, {}))
    arms = () if protocol.arms == "variants" else protocol.arms(options)
    changed = {
        f.name for arm in arms for f in fields(HONEST) if getattr(arm.practice, f.name) != getattr(HONEST, f.name)
    }
    made = design(protocol, built_in(BUILT_IN), options=options)
    folds = made.split.folds
    changed |= {"weights"} if any(fold.after for fold in folds) else set()
    changed |= {"selection"} if any(set(fold.dev) & set(fold.test) for fold in folds) else set()
    changed |= {"dropped"} if never_scored(made) else set()
    assert changed == {what for what, names in FORENSIC.items() if name in names}
    assert ("selection" in protocol.permits) == (name in FORENSIC["selection"])
    assert all(SAID[what] in protocol.summary for what in changed & SAID.keys())


def never_scored(made: Design) -> set[str]:
    """Utterances of a tested corpus that lie in no part of a fold, and that no other fold of its arm tests.

    A fold that chooses on its test rows leaves those of other folds alone, so it is not asked.
    """
    tested: dict[str, set[str]] = defaultdict(set)
    for fold in made.split.folds:
        tested[fold.arm] |= {utterance_of(row) for row in fold.test}
    table = made.labelled.table
    lost: set[str] = set()
    for fold in made.split.folds:
        if not set(fold.dev) & set(fold.test):
            here = table[(table["corpus"] == fold.test_name) & table["label"].isin(fold.classes)]
            placed = {utterance_of(row) for row in (*fold.train, *fold.dev, *fold.test)}
            lost |= set(here["id"]) - placed - tested[fold.arm]
    return lost


@pytest.mark.parametrize("name", sorted(protocols()))
def test_arms_have_names_and_folds_and_chains_are_in_order(name: str) -> None:
    protocol = find(name)
    options = options_from(protocol, NEEDED.get(name, {}))
    made = design(protocol, built_in(BUILT_IN), options=options)
    arms = (BASE,) if protocol.arms == "variants" else protocol.arms(options)
    names = [arm.name for arm in arms]
    assert len(set(names)) == len(names) and arms == (
        (BASE,) if protocol.arms == "variants" else protocol.arms(options)
    )
    assert names[0] == "base" or name == "leak-ladder"
    known = {fold.arm for fold in made.split.folds}
    assert known <= {"", *names}
    assert all(fold.promises <= protocol.permits for fold in made.split.folds)
    for arm in arms:
        assert set(arm.practice.leaks) <= protocol.permits
        # an arm without folds is left out of a run; published_wavfusion needs another corpus for its second
        assert {"", arm.name} & known or name == "published-wavfusion"
    before: set[tuple[str, str]] = set()
    for fold in made.split.folds:
        assert not fold.after or (fold.arm, fold.after) in before
        before.add((fold.arm, fold.name))


def test_a_fresh_process_makes_the_same_folds() -> None:
    code = f"""
import json, sys
from serbench.tests.support import utterances as t
from serbench.protocols.parts.catalog import protocols
print(json.dumps({{name: t.fingerprint(t.design(p, t.built_in({BUILT_IN}))) for name, p in protocols().items()}}))
print([m for m in ("torch", "sklearn", "librosa", "soundfile") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    here, heavy = done.stdout.splitlines()
    assert json.loads(here) == {name: fingerprint(design(p, built_in(BUILT_IN))) for name, p in protocols().items()}
    assert heavy == "[]"


def test_the_catalog_finds_by_place_and_refuses_clashes() -> None:
    assert set(protocols()) >= {
        "cross-corpus", "leave-one-corpus-out", "noise", "official-split", "random", "speaker-independent",
    }  # fmt: skip
    with pytest.raises(InputError, match="unknown protocol 'speaker-independant'; did you mean 'speaker-independent'"):
        find("speaker-independant")
    with pytest.raises(InputError, match="two protocols are called 'noise'"):
        collect([("noise", find("noise"), "serbench"), ("noise", find("noise"), "other 1.0")])


# ---- refusals --------------------------------------------------------------------------------------------------


def test_refusals() -> None:
    one = make("one", "f1 f2 m1")
    with pytest.raises(InputError, match=r"mine: one speaker only \(f1\)"):
        run("speaker-independent", make("mine", "f1", n=12))
    with pytest.raises(InputError, match=r"mine.*one class only \(sad\)"):
        run("speaker-independent", make("mine", "f1 f2 m1", ("sad",)))
    with pytest.raises(InputError, match=r"mine.*one class only \(sad\)"):
        run("random", make("mine", "f1 f2 m1", ("sad",)))
    with pytest.raises(InputError, match=r"mine: no class has 10 utterances.*angry 2, happy 2"):
        run("random", make("mine", "f1 f2", ("angry", "happy"), 1))
    with pytest.raises(InputError, match=r"mine: none of its \d+ utterances has a speaker with a name"):
        run("speaker-independent", make("mine", "f1 f2 m1").assign(speaker=None))
    mine = make("mine", "f1 f2 m1 m2", n=12)
    single = mine.assign(speaker=[f"mine/p{i}" for i in range(len(mine))])
    with pytest.raises(InputError, match=rf"mine: each of its {len(mine)} speakers has a single utterance"):
        run("speaker-independent", single)
    some = single.assign(speaker=[f"mine/p{max(0, i - 2)}" for i in range(len(mine))])
    with pytest.raises(InputError, match=r"10 utterances by 3 speakers: .* by 1 speaker \(without \d+ speakers of one"):
        run("speaker-independent", some)
    tied = mine.assign(speaker="mine/" + mine["emotion"])
    with pytest.raises(InputError, match=r"by 3 speakers: angry \d+ by 1 speaker, happy \d+ by 1 speaker"):
        run("speaker-independent", tied)
    with pytest.raises(InputError, match="none of the corpora has an official split: one"):
        run("official-split", one)
    with pytest.raises(InputError, match="official split 'valid' is none of train, dev, test"):
        run("official-split", one.assign(official_split="valid"))
    with pytest.raises(InputError, match="class angry, happy, neutral, sad is missing from train"):
        run("official-split", one.assign(official_split="test"))
    with pytest.raises(InputError, match="nothing to test"):
        run("official-split", one.assign(official_split="train"))
    with pytest.raises(InputError, match="cross-corpus: needs 2 corpora, given: one"):
        run("cross-corpus", one)
    with pytest.raises(InputError, match="one/f1-angry-00 is there twice"):
        run("random", one, one)
    with pytest.raises(InputError, match="no column group"):
        run("random", one.drop(columns="group"))
    with pytest.raises(InputError, match="no utterances"):
        run("random", one.head(0))
    with pytest.raises(InputError, match=r"one, fold .*nothing to test"):
        run("random", one, folds="60")


def test_corpora_without_common_classes_are_refused() -> None:
    left, right = make("left", "f1 f2 m1", ("angry", "sad")), make("right", "f1 f2 m1", ("happy", "neutral"))
    message = "left and right: no common class: left has angry, sad; right has happy, neutral; choose another"
    with pytest.raises(InputError, match=message):
        run("cross-corpus", left, right)
    shared = make("right", "f1 f2 m1", ("happy", "sad"))
    with pytest.raises(InputError, match="only one common class, sad"):
        run("leave-one-corpus-out", left, shared)


def test_a_corpus_that_contradicts_itself_throughout_is_refused() -> None:
    table = make("one", "f1 f2 m1", ("angry", "happy"))
    with pytest.raises(InputError, match="one: every utterance has identical audio under different labels"):
        run("random", table.assign(group="same", audio_hash="same"))


def test_a_file_has_its_protocols_name_where_python_allows_it() -> None:
    for name, protocol in protocols().items():
        stem = name.replace("-", "_")
        (file,) = [m for m in PROTOCOL_FILES if PROTOCOL_FILES[m] is protocol]
        assert file == (f"{stem}_sweep" if keyword.iskeyword(stem) else stem)
