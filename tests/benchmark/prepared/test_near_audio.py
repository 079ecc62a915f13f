"""Near-identical audio in corpora: found once, kept, put in one group; and how well it is found in real recordings."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from serbench.benchmark.audio import allowed
from serbench.benchmark.audio.alignment import Agreement
from serbench.benchmark.audio.fingerprint import Match, code
from serbench.benchmark.audio.likeness import ALIKE, Likeness, likeness, sound_of
from serbench.benchmark.planning.options import RunOptions, experiments
from serbench.benchmark.planning.ready import plan_of, prepare
from serbench.benchmark.planning.request import Request
from serbench.benchmark.prepared import near
from serbench.benchmark.prepared.corpus import Corpus, open_corpus
from serbench.errors import InputError
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import design
from serbench.tests.support.copies import DONE, RATE, SENTENCES, spoken
from serbench.tests.support.tiny import tiny_corpus
from serbench.tests.support.utterances import make


def corpus(folder: Path, waves: dict[str, np.ndarray], emotions: dict[str, str]) -> Corpus:
    """A prepared corpus called like its folder; ids are SPEAKER-WHATEVER."""
    folder.mkdir(parents=True)
    for name, wave in waves.items():
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="FLOAT")
    lines = [(f"{name}.wav", name.partition("-")[0], emotions.get(name, "sad")) for name in waves]
    pd.DataFrame(lines, columns=["path", "speaker", "emotion"]).to_csv(folder / "utterances.csv", index=False)
    return open_corpus(f"{folder.name}={folder}")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Corpus]:
    """One corpus has a copy of a clip, moved in pitch, under another label; the other a noisy copy of another clip."""
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(1)
    sounds = {prefix.removeprefix("synth-a/"): spoken(prefix) for prefix in SENTENCES}
    first, last = sounds["f1-s01"], sounds.pop("m2-s05")
    moved = DONE["pitch -2"](first, rng)
    return {
        "one": corpus(tmp_path / "one", {**sounds, "f1-zz": moved}, {"f1-zz": "angry"}),
        "two": corpus(tmp_path / "two", {"m9-new": DONE["noise"](sounds["m2-s01"], rng), "m8-other": last}, {}),
    }


def both(corpora: dict[str, Corpus]) -> pd.DataFrame:
    return pd.concat([corpus.table for corpus in corpora.values()], ignore_index=True).sort_values("id")


def test_copies_become_one_group_and_are_named(two: dict[str, Corpus]) -> None:
    table, notes = near.link(both(two), two)
    group = dict(zip(table["id"], table["group"], strict=True))
    assert group.pop("one/f1-zz") == "one/f1-s01" and group.pop("two/m9-new") == "one/m2-s01"
    assert all(id == of for id, of in group.items())
    assert notes == (
        "one: 2 clips kept as 1 group, near-identical audio: one/f1-s01 = one/f1-zz "
        "(under different labels: sad, angry)",
        "one, two: 2 clips kept as 1 group, near-identical audio: one/m2-s01 = two/m9-new (of different speakers)",
    )
    alone, said = near.link(two["two"].table, {"two": two["two"]})
    assert said == () and alone.equals(two["two"].table)


def test_it_is_found_once(two: dict[str, Corpus], monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    first = near.near_identical(two)
    assert [(pair.a, pair.b) for pair in first[0]] == [("one/f1-s01", "one/f1-zz"), ("one/m2-s01", "two/m9-new")]
    searched = []
    real = near.near_pairs
    monkeypatch.setattr(near, "near_pairs", lambda *some: searched.append(2 - (some[1] is None)) or real(*some))
    assert near.near_identical(two) == first and searched == []
    (kept,) = two["one"].folder.glob("near-*")
    assert sorted(path.name for path in kept.iterdir()) == [
        "codes.npz", f"one-{two['one'].folder.name}.json", f"two-{two['two'].folder.name}.json",
    ]  # fmt: skip
    for path in kept.iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    assert near.near_identical(two) == first and searched == [1, 2]
    assert capsys.readouterr().err.count("damaged") == 3
    assert near.near_identical(two) == first and searched == [1, 2]


def test_codes_are_the_same_bytes_computed_and_read(two: dict[str, Corpus]) -> None:
    ids = list(two["one"].table["id"])
    fresh, kept = (near._codes(two["one"], ids) for _ in range(2))
    assert fresh[0].dtype == kept[0].dtype == np.float32
    assert all(one.tobytes() == other.tobytes() for one, other in zip(fresh, kept, strict=True))


def test_a_folder_that_cannot_be_written_is_named(two: dict[str, Corpus]) -> None:
    (two["one"].folder / f"near-{near._version()}").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write .*make room there, or let SERBENCH_HOME name a folder"):
        near.near_identical(two)


def test_no_fold_separates_them_and_both_labels_stay() -> None:
    table = make("one", "f1 f2 m1 m2", ("angry", "sad"), 8)
    pairs = [(f"one/{s}-angry-{i:02}", f"one/{s}-sad-{i:02}") for s in ("f1", "m2") for i in range(4)]
    for one, other in pairs:
        table.loc[table["id"] == other, "group"] = one
    made = design(find("random"), table)
    assert not made.notes and sum(len(fold.test) for fold in made.split.folds) == len(table)
    for fold in made.split.folds:
        for part in (fold.train, fold.dev, fold.test):
            assert all((f"{one}#0" in part) == (f"{other}#0" in part) for one, other in pairs)


def test_a_run_keeps_them_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan says what was found; no fold has one of them in training and the other in test."""
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))  # nothing found before is kept there
    pair = near.Pair("mine/s0_sad_0", "mine/s3_sad_1", Likeness(Match(0.99, 0.0, 0.0, 60), Agreement(0.99, 0.8, 1.0)))
    monkeypatch.setattr(near, "near_pairs", lambda *some: [pair])
    spec = f"mine={tiny_corpus(tmp_path / 'mine')}"
    for protocol in ("random", "speaker-independent"):
        plan = plan_of(Request(protocol, ("majority",), (spec,))).plan
        assert plan.design.notes[0] == (
            "mine: 2 clips kept as 1 group, near-identical audio: mine/s0_sad_0 = mine/s3_sad_1 (of different speakers)"
        )
        for fold in plan.design.split.folds:
            for part in (fold.train, fold.dev, fold.test):
                assert (f"{pair.a}#0" in part) == (f"{pair.b}#0" in part)


def test_built_in_corpora_are_not_searched(two: dict[str, Corpus]) -> None:
    built_in = {"synth-a": replace(two["one"], name="synth-a"), "two": two["two"]}
    assert near.near_identical(built_in) == ([], [])
    assert near.near_identical({"one": two["one"], "two": two["two"]})[0] != []


def test_suspicions_are_listed_and_kept_apart(two: dict[str, Corpus], monkeypatch: pytest.MonkeyPatch) -> None:
    weak = Likeness(Match(0.79, 1.0, 0.0, 60), Agreement(0.25, 0.5, 1.06))
    assert weak.suspect
    pair = near.Pair("one/f1-s01", "one/m2-s01", weak)
    monkeypatch.setattr(near, "near_pairs", lambda *some: [pair] if some[1] is None and pair.a in some[0].ids else [])
    table, notes = near.link(both(two), two)
    assert notes == (
        "one: 1 suspicion of near-identical audio, too little to say so, kept apart: one/f1-s01 ~ one/m2-s01 "
        "(spectrum 0.79 over 1.9 s, samples 0.25)",
    )
    assert (table["group"] == table["id"]).all()


def test_an_allowed_pair_is_no_copy_and_is_named(two: dict[str, Corpus], tmp_path: Path) -> None:
    file = tmp_path / "heard.txt"
    file.write_text("# heard on Monday\none/m2-s01 = two/m9-new  # two takes\n", encoding="utf-8")
    text = allowed.read(["one/f1-zz=one/f1-s01", str(file)])
    assert text == "one/f1-s01=one/f1-zz;one/m2-s01=two/m9-new"
    pairs = allowed.parse(text)
    table, notes = near.link(both(two), two, pairs)
    assert (table["group"] == table["id"]).all()
    assert notes == ("not held as copies, as --allow-pair says: one/f1-s01 = one/f1-zz, one/m2-s01 = two/m9-new",)
    assert len(near.near_identical(two)[0]) == 2  # what was found without them is kept beside it


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("one/f1-s01=one/f1-s99", r"clip of --allow-pair 'one/f1-s99'|one/f1-s99"),
        ("one/f1-s01=one/f1-s01", "no pair; write two clips as A=B"),
        ("nothing.txt", "neither A=B nor a file of such lines"),
    ],
)
def test_an_allowed_pair_that_cannot_be_is_refused(two: dict[str, Corpus], word: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        near.link(both(two), two, allowed.parse(allowed.read([word])))


def test_the_same_samples_cannot_be_allowed(two: dict[str, Corpus]) -> None:
    table = both(two)
    same = table.assign(audio_hash=table["audio_hash"].iloc[0])
    with pytest.raises(InputError, match="both have the same samples"):
        near.link(same, two, allowed.parse("one/f1-s01=one/f1-zz"))


def test_run_says_which_pairs_are_allowed_with_every_table(
    two: dict[str, Corpus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = near.Pair("mine/s0_sad_0", "mine/s3_sad_1", Likeness(Match(0.99, 0.0, 0.0, 60), Agreement(0.99, 0.8, 1.0)))
    monkeypatch.setattr(near, "near_pairs", lambda a, b, pairs: [] if pairs else [pair])
    options = RunOptions(
        protocol="speaker-independent", model=("majority",), corpus=(f"mine={tiny_corpus(tmp_path / 'mine')}",),
        allow_pair=(f"{pair.a}={pair.b}",),
    )  # fmt: skip
    assert options.command()[-2:] == ["--allow-pair", f"{pair.a}={pair.b}"]
    (experiment,), _ = experiments(options)
    ready = prepare(experiment)
    assert f"not held as copies, as --allow-pair says: {pair.a} = {pair.b}" in ready.notes
    assert ready.plan.design.labelled.table["speaker"].nunique() == 6


def real(name: str, folder: Path) -> Corpus:
    return open_corpus(f"{name}={folder / name}")


def test_emovo_has_one_recording_twice(corpora_folder: Path) -> None:
    """Found by this program: two cuts of one recording, as sentences n1 and n2. All other 172,577 pairs are silent."""
    corpora = {"emovo": real("emovo", corpora_folder)}
    copies, suspicions = near.near_identical(corpora)
    assert [(pair.a, pair.b) for pair in copies] == [("emovo/f3/tri-f3-n1", "emovo/f3/tri-f3-n2")]
    assert copies[0].how.match.score > 0.95 and len(suspicions) < 3


@pytest.mark.slow
def test_misses_and_false_alarms_in_real_recordings(corpora_folder: Path) -> None:
    """At most 5 % of the copies missed, per alteration; no false alarm among the 1.04 million pairs of RAVDESS."""
    ravdess = real("ravdess", corpora_folder)
    copies, suspicions = near.near_identical({"ravdess": ravdess})
    assert copies == [] and len(suspicions) < 10
    print(f"ravdess: no copy and {len(suspicions)} suspicions among {math.comb(len(ravdess.table), 2)} pairs")
    missed: dict[str, list[bool]] = {}
    for corpus in (ravdess, real("emodb", corpora_folder), real("emovo", corpora_folder)):
        for id in corpus.table["id"][::12]:
            sound = corpus.waveform(id)
            own = sound_of(sound, RATE)
            for done in DONE:
                found = sound_of(DONE[done](sound, np.random.default_rng(2)), RATE)
                hit = code(found.peaks) @ code(own.peaks) >= ALIKE and likeness(found, own).copy
                missed.setdefault(done, []).append(not hit)
    for done, all_of in missed.items():
        print(f"{done}: {sum(all_of)} of {len(all_of)} missed")
    assert {done: np.mean(all_of) for done, all_of in missed.items() if np.mean(all_of) > 0.05} == {}
