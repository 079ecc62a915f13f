"""`serbench audit`: known answers for planted leaks, in every form of list, and one line for what is no list."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from serbench.benchmark.audit.judge import judge
from serbench.benchmark.audit.lists import Columns, read_split
from serbench.benchmark.corpora.releases import release
from serbench.protocols.parts.protocol import LEAKS
from serbench.tests.support.audits import CREMA_D, RAVDESS, audit, by_actor, refused, table
from serbench.tests.support.copies import DONE, RATE, SENTENCES, spoken
from serbench.tests.support.tiny import serbench, tiny_corpus


def test_a_clean_split_says_what_was_checked_and_what_was_not(tmp_path: Path) -> None:
    file = table(tmp_path / "split.csv", [(path, by_actor(path)) for path in RAVDESS])
    code, out, _ = serbench("audit", file)
    assert code == 0
    assert out.startswith("split.csv: 1440 files; train 1080, dev 120, test 240\n")
    assert "names: ravdess (1440)" in out
    assert "clean        speaker               none of 240 test files" in out
    assert "note         sentence              240 of 240 test files (100.0%)" in out
    assert out.endswith(
        "No leak was found in what was checked: speaker, copies by name, test files in dev; "
        "not checked: session or dialogue, identical audio, near-identical audio\n"
    )
    code, out, _ = serbench("audit", file, "--promise", "sentence")
    assert code == 1 and out.endswith("Leaks: sentence; not checked: session or dialogue, identical audio, "
                                      "near-identical audio\n")  # fmt: skip


def test_a_speaker_leak_is_counted_with_examples(tmp_path: Path) -> None:
    moved = {path for path in RAVDESS if path.startswith("Actor_23/")}
    test = {path for i, path in enumerate(sorted(moved)) if i < 5}
    rows = [(path, "test" if path in test or "Actor_24" in path else "train") for path in RAVDESS]
    code, found, rules = audit(table(tmp_path / "a.csv", rows))
    assert code == 1 and found["leaks"] == ["speaker"]
    assert found["parts"] == {"train": 1375, "dev": 0, "test": 65}
    speaker = rules["speaker"]
    assert (speaker["n_test"], speaker["n_dev"], speaker["share_dev"]) == (5, 0, None)
    assert speaker["share_test"] == pytest.approx(5 / 65)
    (example,) = speaker["examples"]
    assert example["shared"] == "ravdess/23" and example["test"] in test and example["other"] in moved - test
    assert rules["copy"]["state"] == "clean" and rules["audio"]["state"] == "unchecked"


@pytest.mark.parametrize(
    ("copy", "mark"),
    [
        ("{0}_noise.wav", "_noise"), ("{0}_aug1.wav", "_aug1"), ("{0}-pitch+2.flac", "-pitch+2"),
        ("augmented/{0}.wav", None), ("aug_{0}.wav", "aug_"), ("{0}_1.npy", "_1"), ("sp0.9-{0}.wav", "sp0.9-"),
        ("{0} (1).wav", " (1)"), ("noise_{0}_snr10.wav", "noise_…_snr10"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "names", [[f"03a0{i}{c}a" for i in range(1, 8) for c in "WF"], [f"clip{i}" for i in range(14)]]
)
def test_copies_are_told_by_their_names(copy: str, mark: str | None, names: list[str], tmp_path: Path) -> None:
    rows = [(f"{name}.wav", "test" if i % 7 == 0 else "train") for i, name in enumerate(names)]
    rows += [(copy.format(name), "train") for name in names]
    code, found, rules = audit(table(tmp_path / "a.csv", rows))
    assert code == 1 and "copy" in found["leaks"]
    assert rules["copy"]["n_test"] == 2
    text = serbench("audit", tmp_path / "a.csv")[1]
    if mark:
        assert f"names of copies: '{mark}' (14)" in text


TALKS = [(f"talk-{c}{d}.wav", "test" if c < "e" else "train", c) for c in "abcdefghij" for d in "stuvwxyz"]


def test_copies_whose_names_do_not_tell_their_clip_are_not_called_clean(tmp_path: Path) -> None:
    columns = ("path", "split", "speaker")
    rows = [*TALKS, *((f"aug_{i}.wav", "train", "j") for i in range(20))]
    code, found, rules = audit(table(tmp_path / "a.csv", rows, columns))
    assert code == 0 and found["untold_copies"] == 20
    assert rules["copy"]["state"] == "part" and rules["copy"]["known"] == pytest.approx(0.8)
    out = serbench("audit", tmp_path / "a.csv")[1]
    assert (
        "  in part      copies by name        none of 32 test files; copies whose names do not tell their clip: 20"
        in out
    )
    assert out.splitlines()[-1].startswith(
        "  No leak was found in what was checked: speaker, copies by name (in part); not checked: "
    )
    assert "  not checked  test files in dev     there is no dev part\n" in out
    told = [*rows, ("noise_talk-as.wav", "train", "j")]
    code, found, rules = audit(table(tmp_path / "b.csv", told, columns))
    assert code == 1 and found["leaks"] == ["copy"] and rules["copy"]["n_test"] == 1 and found["untold_copies"] == 20
    out = serbench("audit", tmp_path / "b.csv")[1]
    assert "1 of 32 test files (3.1%); copies whose names do not tell their clip: 20" in out
    of_no_clip = [*rows, ("talk-zz_noise.wav", "train", "j"), ("talk-zz_pitch.wav", "test", "a")]
    code, found, _ = audit(table(tmp_path / "c.csv", of_no_clip, columns))
    assert code == 1 and found["leaks"] == ["copy"] and found["untold_copies"] == 22


def test_where_no_copy_tells_its_clip_copies_are_not_checked(tmp_path: Path) -> None:
    rows = [(f"aug_{i}.wav", "test" if i > 15 else "train") for i in range(20)]
    _, found, rules = audit(table(tmp_path / "a.csv", rows))
    assert rules["copy"]["state"] == "unchecked" and rules["copy"]["known"] == 0 and found["untold_copies"] == 20
    out = serbench("audit", tmp_path / "a.csv")[1]
    assert "  not checked  copies by name        no name tells of which clip it is a copy; give the recordings" in out
    assert "not checked: speaker, session or dialogue, identical audio, near-identical audio, copies by name" in out


def test_names_of_a_corpus_tell_the_clip_although_it_is_not_listed(tmp_path: Path) -> None:
    rows = [(path.replace(".wav", "_noise.wav"), by_actor(path)) for path in RAVDESS]
    _, found, rules = audit(table(tmp_path / "a.csv", rows))
    assert rules["copy"]["state"] == "clean" and found["untold_copies"] == 0


def test_a_rule_that_could_be_asked_of_some_files_is_clean_in_part(tmp_path: Path) -> None:
    rows = [(path, part, speaker if part == "test" else "") for path, part, speaker in TALKS]
    _, _, rules = audit(table(tmp_path / "a.csv", rows, ("path", "split", "speaker")))
    assert rules["speaker"]["state"] == "part" and rules["speaker"]["known"] == pytest.approx(0.4)


def test_names_alone_make_no_copies(tmp_path: Path) -> None:
    rows = [(f"s{s}/clip_{i}.wav", "test" if s == 3 else "train") for s in range(4) for i in range(9)]
    code, found, _ = audit(table(tmp_path / "a.csv", rows))
    assert code == 0 and found["leaks"] == []
    same = [*rows, ("s3/clip_1.wav", "train")]
    code, found, rules = audit(table(tmp_path / "b.csv", same))
    assert code == 1 and found["leaks"] == ["copy"] and rules["copy"]["n_test"] == 1


def test_no_speaker_is_said_loudly_and_a_column_is_believed(tmp_path: Path) -> None:
    rows = [(f"{i}.wav", "test" if i > 8 else "train", f"p{i % 3}", "x" if i else "") for i in range(12)]
    plain = table(tmp_path / "a.csv", [row[:2] for row in rows])
    code, out, _ = serbench("audit", plain)
    assert code == 0 and "NOT CHECKED  speaker" in out and "is NOT KNOWN" in out
    assert "not checked: speaker," in out.splitlines()[-1]
    named = table(tmp_path / "b.csv", rows, ("File Name", "Partition", "Actor-ID", "text"))
    code, found, rules = audit(named)
    assert code == 1 and found["leaks"] == ["speaker"] and rules["speaker"]["n_test"] == 3
    assert found["columns"] == {"path": "File Name", "part": "Partition", "speaker": "Actor-ID", "sentence": "text"}
    assert rules["sentence"]["known"] == pytest.approx(11 / 12) and rules["sentence"]["state"] == "note"
    odd = table(tmp_path / "c.csv", rows, ("x", "y", "z", "w"))
    options = ("--path-column", "x", "--split-column", "y", "--speaker-column", "z", "--sentence-column", "w")
    assert audit(odd, *options)[1]["leaks"] == ["speaker"]


def test_one_file_per_part(tmp_path: Path) -> None:
    parts = {"train": tmp_path / "a.txt", "dev": tmp_path / "b.txt", "test": tmp_path / "c.csv"}
    for part in ("train", "dev"):
        wanted = {"train": "train", "dev": "val"}[part]
        parts[part].write_text("".join(f"./{path}\n" for path in RAVDESS if by_actor(path) == wanted))
    table(parts["test"], [(path, "7") for path in RAVDESS if by_actor(path) == "test"], ("filename", "speaker"))
    options = [text for part, file in parts.items() for text in (f"--{part}", file)]
    code, found, rules = audit(*options)
    assert code == 0 and found["parts"] == {"train": 1080, "dev": 120, "test": 240}
    assert rules["speaker"]["known"] == 1  # by name, also where a column says otherwise
    assert found["notes"][0].startswith("column speaker and file names disagree on 240 files, both are checked")
    parts["test"].write_text("\n".join(path for path in RAVDESS if by_actor(path) != "train"))
    code, found, rules = audit(*options)
    assert code == 1 and found["leaks"] == ["selection"] and rules["selection"]["n_test"] == 120
    assert "--train alone" in refused("--train", parts["train"])
    assert "give FILE with all parts" in refused()
    assert "give FILE with all parts" in refused(parts["test"], "--train", parts["train"])
    code, found, _ = audit("--train", parts["train"], "--dev", parts["dev"])
    assert code == 0 and "dev is taken for it" in found["notes"][0]


def test_numbered_folds_are_test_in_turn(tmp_path: Path) -> None:
    names = [file.path for file in release("emodb")]
    by_speaker = {s: i % 5 for i, s in enumerate(sorted({name[4:6] for name in names}))}
    clean = table(tmp_path / "a.csv", [(n, f"fold_{by_speaker[n[4:6]]}") for n in names], ("path", "fold"))
    code, found, rules = audit(clean)
    assert code == 0 and found["splits"] == 5 and found["parts"] == {"train": 4 * 535, "dev": 0, "test": 535}
    leaking = table(tmp_path / "b.csv", [(n, i % 5, "train") for i, n in enumerate(names)], ("path", "fold", "split"))
    code, found, rules = audit(leaking)  # a column that says train of all says nothing
    assert code == 1 and found["splits"] == 5 and rules["speaker"]["n_test"] == 535
    assert "5 folds, in all train 2140, test 535" in serbench("audit", leaking)[1]


def test_folds_that_serbench_exports(tmp_path: Path) -> None:
    mine = tiny_corpus(tmp_path / "tiny")
    for name, leaks in (("speaker-independent", []), ("random", ["speaker"])):
        file = tmp_path / f"{name}.csv"
        assert serbench("protocols", "show", name, "--corpus", f"tiny={mine}", "--export", file)[0] == 0
        code, found, _ = audit(file)
        assert (code, found["leaks"]) == (len(leaks), leaks) and found["splits"] == (6 if not leaks else 10)


def test_dialogues_of_iemocap_and_meld(tmp_path: Path) -> None:
    turns = [f"Session{s}/sentences/wav/Ses0{s}F_impro0{i}/Ses0{s}F_impro0{i}_{g}00{k}.wav"
             for s in range(1, 6) for i in (1, 2) for g in "FM" for k in range(3)]  # fmt: skip
    women = table(tmp_path / "a.csv", [(t, "test" if "_F00" in t and "Session5" in t else "train") for t in turns])
    code, found, rules = audit(women)
    assert code == 1 and found["leaks"] == ["session"] and rules["session"]["n_test"] == 6
    assert rules["speaker"]["state"] == "clean" and rules["session"]["examples"][0]["shared"] == "Ses05"
    fifth = table(tmp_path / "b.csv", [(t.rpartition("/")[2], "test" if "Session5" in t else "train") for t in turns])
    assert audit(fifth)[0] == 0
    meld = [
        (f"train_splits/dia{i}_utt{k}.mp4", "test" if (i, k) == (3, 1) else "train") for i in range(9) for k in (0, 1)
    ]
    code, found, rules = audit(table(tmp_path / "c.csv", meld))
    assert found["leaks"] == ["session"] and rules["session"]["n_test"] == 1
    assert rules["speaker"]["state"] == "unchecked"


def test_the_names_of_crema_d_tell_its_identical_recordings(tmp_path: Path) -> None:
    rows = [(path, "test" if path.startswith("AudioWAV/1006_TIE_HAP") else "train") for path in CREMA_D]
    _, found, rules = audit(table(tmp_path / "a.csv", rows))
    assert found["leaks"] == ["speaker", "audio"] and rules["audio"]["n_test"] == 1
    other = rules["audio"]["examples"][0]["other"]
    assert other == "AudioWAV/1006_TIE_NEU_XX.wav"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of which some are identical, and some copies that were changed."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(8)
    sounds = {prefix.removeprefix("synth-a/"): spoken(prefix) for prefix in SENTENCES}
    sounds["x-noisy"] = DONE["noise"](sounds["f1-s03"], rng)
    sounds["x-moved"] = DONE["pitch +2"](sounds["m2-s03"], rng)
    sounds["x-same"] = sounds["m2-s01"].copy()
    sounds["silent"], sounds["silent-too"] = np.zeros(RATE), np.zeros(RATE)
    for name, wave in sounds.items():
        (folder / name[0]).mkdir(exist_ok=True)
        soundfile.write(folder / name[0] / f"{name}.flac", wave, RATE)
    return folder


def test_recordings_that_are_identical_or_nearly(recordings: Path, tmp_path: Path) -> None:
    names = sorted(path.stem for path in recordings.rglob("*.flac"))
    test = {"f1-s03", "m2-s03", "m2-s01", "silent", "f1-s05"}
    rows = [(f"data/{name[0]}/{name}.wav", "test" if name in test else "train") for name in names]
    rows.append(("data/m/gone.wav", "train"))
    file = table(tmp_path / "a.csv", rows)
    assert audit(file)[1]["leaks"] == []  # the names tell nothing
    code, found, rules = audit(file, "--audio", recordings)
    assert code == 1 and found["leaks"] == ["audio", "near-audio"]
    assert rules["audio"]["n_test"] == 1 and rules["near-audio"]["n_test"] == 2
    assert rules["audio"]["examples"] == [
        {"shared": rules["audio"]["examples"][0]["shared"], "test": "data/m/m2-s01.wav", "other": "data/x/x-same.wav"}
    ]
    pairs = {(e["test"], e["other"]) for e in rules["near-audio"]["examples"]}
    assert pairs == {("data/f/f1-s03.wav", "data/x/x-noisy.wav"), ("data/m/m2-s03.wav", "data/x/x-moved.wav")}
    assert f"1 of {len(rows)} recordings are not in {recordings}: data/m/gone.wav" in found["notes"]
    assert any(note.startswith("2 recordings cannot be used: ") and "without sound" in note for note in found["notes"])
    assert "no folder with audio files" in refused(file, "--audio", tmp_path)
    strange = table(tmp_path / "b.csv", [("1.wav", "test"), ("2.wav", "train")])
    assert "none of 2 files can be heard there; the first is 2.wav" in refused(strange, "--audio", recordings)


def test_a_pair_that_somebody_heard_is_no_leak_and_is_named(recordings: Path, tmp_path: Path) -> None:
    rows = [
        (f"{n[0]}/{n}.flac", "test" if n[0] == "x" else "train") for n in ("f1-s03", "m2-s03", "x-noisy", "x-moved")
    ]
    file, heard = table(tmp_path / "a.csv", rows), tmp_path / "heard.txt"
    heard.write_text("x/x-moved.flac = m/m2-s03.flac\n")
    pairs = ("--allow-pair", "f/f1-s03.flac=x/x-noisy.flac", "--allow-pair", heard)
    code, found, rules = audit(file, "--audio", recordings, *pairs)
    assert code == 0 and rules["near-audio"]["state"] == "clean"
    said = "f/f1-s03.flac = x/x-noisy.flac, m/m2-s03.flac = x/x-moved.flac"
    assert f"not held as copies, as --allow-pair says: {said}" in found["notes"]
    assert "give the recordings with --audio DIR" in refused(file, *pairs[:2])
    assert "x/x-nosy.flac" in refused(file, "--audio", recordings, "--allow-pair", "f/f1-s03.flac=x/x-nosy.flac")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_counts_are_those_of_a_plain_loop(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    n = data.draw(st.integers(4, 20))
    speakers = data.draw(st.lists(st.sampled_from(["a", "b", "c", "d", ""]), min_size=n, max_size=n))
    parts = data.draw(st.lists(st.sampled_from(["train", "dev", "test"]), min_size=n, max_size=n))
    parts[0], parts[1] = "train", "test"
    names = [f"c{data.draw(st.integers(0, 9))}{data.draw(st.sampled_from(['', '_noise', '_aug2']))}" for _ in range(n)]
    rows = zip(names, parts, speakers, strict=True)
    file = table(
        tmp_path_factory.mktemp("x") / "a.csv",
        [(f"{i}/{name}.wav", part, speaker) for i, (name, part, speaker) in enumerate(rows)],
        ("path", "split", "speaker"),
    )
    found = judge(read_split(file, Columns()), None, None, frozenset())
    got = {verdict.rule: (verdict.n_test, verdict.n_dev) for verdict in found.verdicts}
    lines = list(zip(speakers, parts, strict=True))
    seen = {speaker for speaker, part in lines if part == "train"} - {""}
    heard = {speaker for speaker, part in lines if part != "test"} - {""}
    assert got["speaker"] == (
        sum(speaker in heard for speaker, part in lines if part == "test"),
        sum(speaker in seen for speaker, part in lines if part == "dev"),
    )
    assert got["copy"] == (0, 0)  # the folders are all different


def test_rules_are_the_leaks_of_the_harness() -> None:
    from serbench.benchmark.audit.judge import RULES

    assert {rule.removeprefix("near-") for rule in RULES} <= set(LEAKS)
