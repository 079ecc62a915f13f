"""IEMOCAP and MELD in their original layout, made by the test, and the real label files of MELD."""

import shutil
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from serbench.benchmark.checks.corpus_check import check
from serbench.benchmark.checks.corpus_contract import read_twice
from serbench.benchmark.corpora.registry import find, read
from serbench.errors import InputError

CODES = ("neu", "fru", "ang", "sad", "hap", "exc", "sur", "fea", "dis", "oth", "xxx")
NAMES = {"neu": "neutral", "fru": "frustrated", "ang": "angry", "exc": "excited", "oth": "other", "xxx": "undecided"}
DIALOGUES = ("Ses0{n}F_impro01", "Ses0{n}M_impro05a", "Ses0{n}F_script01_1b")
HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}


def iemocap(root: Path, sessions: int = 5) -> Path:
    """Every dialogue has one turn per class, women and men in turn."""
    for n in range(1, sessions + 1):
        session = root / f"Session{n}"
        labels, words = session / "dialog" / "EmoEvaluation", session / "dialog" / "transcriptions"
        (labels / "Categorical").mkdir(parents=True)
        words.mkdir()
        (labels / "._hidden.txt").write_bytes(b"\x00\x05\x16")
        for pattern in DIALOGUES:
            dialogue = pattern.format(n=n)
            turns = [f"{dialogue}_{'FM'[i % 2]}{i:03}" for i in range(len(CODES))]
            lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
            for turn, code in zip(turns, CODES, strict=True):
                lines += [f"[6.2901 - 8.2357]\t{turn}\t{code}\t[2.5000, 2.5000, 2.5000]", "C-E2:\tNeutral;\t()", ""]
            (labels / f"{dialogue}.txt").write_text("\n".join(lines))
            (labels / "Categorical" / f"{dialogue}_e1_cat.txt").write_text(f"{turns[0]} :Anger; ()\n")
            said = [f"{turn} [006.2901-008.2357]: Said in {turn}." for turn in turns]
            (words / f"{dialogue}.txt").write_text("\n".join([*said, f"{dialogue}_MXX0 [1.0-2.0]: Hm.", "M: aside"]))
            audio = session / "sentences" / "wav" / dialogue
            audio.mkdir(parents=True)
            for turn in turns:
                (audio / f"{turn}.wav").touch()
    return root


def test_iemocap(tmp_path: Path) -> None:
    table, notes = read("iemocap", iemocap(tmp_path))
    assert notes == ()
    assert read_twice(find("iemocap"), tmp_path).broken == []
    assert len(table) == 5 * len(DIALOGUES) * len(CODES)
    assert set(table["speaker"]) == {f"iemocap/Ses0{n}_{g}" for n in range(1, 6) for g in "FM"}
    assert set(find("iemocap").facts.counts["emotion"]) == set(table["emotion"])
    assert set(find("iemocap").facts.counts["session"]) == set(table["session"])
    turn = table.set_index("id").loc["iemocap/Session2/sentences/wav/Ses02F_script01_1b/Ses02F_script01_1b_M001"]
    assert turn["speaker"] == "iemocap/Ses02_M" and turn["gender"] == "male"  # not the F of the dialogue
    assert (turn["session"], turn["dialogue"], turn["sentence"]) == ("Ses02", "Ses02F_script01_1b", "script01_1")
    assert turn["emotion"] == "frustrated"
    assert turn["transcript"] == "Said in Ses02F_script01_1b_M001."
    assert turn["path"].endswith("Session2/sentences/wav/Ses02F_script01_1b/Ses02F_script01_1b_M001.wav")
    assert table.loc[table["dialogue"].str.contains("impro"), "sentence"].isna().all()
    for code, name in NAMES.items():
        turns = table[table["id"].str[-3:] == f"{CODES.index(code):03}"]
        assert set(turns["emotion"]) == {name}


def test_iemocap_what_is_missing_is_named(tmp_path: Path) -> None:
    root = iemocap(tmp_path, 2)
    wav = root / "Session1" / "sentences" / "wav" / "Ses01F_impro01"
    (wav / "Ses01F_impro01_F000.wav").unlink()
    (wav / "Ses01F_impro01_M099.flac").touch()
    (root / "Session2" / "dialog" / "transcriptions" / "Ses02F_impro01.txt").unlink()
    with (root / "Session2" / "dialog" / "EmoEvaluation" / "Ses02F_impro01.txt").open("a") as file:
        file.write("\n[1.0 - 2.0]\tSes02F_impro01_F050\tzzz\t[1, 1, 1]\n")
    table, notes = read("iemocap", root)
    assert len(table) == 2 * len(DIALOGUES) * len(CODES) - 1
    assert table["transcript"].isna().sum() == len(CODES)
    text = "\n".join(notes)
    assert "1 labelled turns left out, their audio is missing: Ses01F_impro01_F000" in text
    assert "11 turns have no transcript" in text
    assert "1 audio files left out, they have no label: Ses01F_impro01_M099" in text
    assert "1 label lines are not understood and left out: Ses02F_impro01.txt: [1.0 - 2.0]" in text


def test_iemocap_endings_and_doubles(tmp_path: Path) -> None:
    root = iemocap(tmp_path, 1)
    wav = root / "Session1" / "sentences" / "wav" / "Ses01F_impro01" / "Ses01F_impro01_F000.wav"
    before = read("iemocap", root)[0].drop(columns="path")
    wav.rename(wav.with_suffix(".FLAC"))
    pd.testing.assert_frame_equal(before, read("iemocap", root)[0].drop(columns="path"))
    wav.touch()
    with pytest.raises(InputError, match="two files for one utterance"):
        read("iemocap", root)


@pytest.mark.parametrize("given", ["", "a/b/Session1", "a/b/Session1/dialog"])
def test_iemocap_levels(given: str, tmp_path: Path) -> None:
    root = iemocap(tmp_path / "a" / "b", 1)
    with pytest.raises(InputError, match=f"give {root}$"):
        read("iemocap", tmp_path / given)


def test_iemocap_without_audio(tmp_path: Path) -> None:
    root = iemocap(tmp_path, 1)
    shutil.rmtree(root / "Session1" / "sentences")
    with pytest.raises(InputError, match="no audio in"):
        read("iemocap", root)


LINES = {
    "train": [
        ('"It\u0092s, like, \u0093so\u0094 good"', "Joey", "joy", 0, 0),
        ("What?", "Monica", "surprise", 0, 1),
        ('"Two\nlines"', "All", "anger", 1, 0),
        ("Hi!", "Ross and Rachel", "fear", 1, 1),
        ("Hello.", "Joey/Drake", "disgust", 1, 2),
        ("Hm.", "The Guys", "sadness", 1, 3),
    ],
    "dev": [("Caf\u00e9?", "Alexandra", "neutral", 0, 0)],
    "test": [("Sandy and I left.", "Sandy", "neutral", 0, 0), ("Yes.", "Phoebe", "neutral", 0, 1)],
}


def meld(root: Path, below: bool = False) -> Path:
    for split, lines in LINES.items():
        folder = root / split if below else root
        (folder / FOLDERS[split]).mkdir(parents=True)
        rows = [f"{i},{text},{who},{emotion},x,{d},{u},1,1,a,b" for i, (text, who, emotion, d, u) in enumerate(lines)]
        (folder / f"{split}_sent_emo.csv").write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        for _, _, _, d, u in lines:
            (folder / FOLDERS[split] / f"dia{d}_utt{u}.mp4").touch()
    return root


@pytest.mark.parametrize("below", [False, True])
def test_meld(below: bool, tmp_path: Path) -> None:
    table, notes = read("meld", meld(tmp_path, below))
    assert notes == ("meld: 4 utterances are spoken by several people together: they have no speaker",)
    table = table.set_index("id")
    assert len(table) == 9 and table.index.is_unique
    first = table.loc["meld/train/dia0_utt0"]
    assert first["transcript"] == "It’s, like, “so” good"
    assert (first["speaker"], first["gender"], first["emotion"]) == ("meld/Joey", "male", "happy")
    assert (first["official_split"], first["dialogue"]) == ("train", "train_dia0")
    assert table.loc["meld/train/dia1_utt0", "transcript"] == "Two\nlines"
    assert set(table.index[table["speaker"].isna()]) == {f"meld/train/dia1_utt{i}" for i in range(4)}
    assert table.loc["meld/test/dia0_utt0", "speaker"] == "meld/Sandy"  # "and" inside a name
    assert table.loc["meld/dev/dia0_utt0", "speaker"] == "meld/Alexandra"
    assert table.loc["meld/dev/dia0_utt0", "gender"] is None
    assert table.loc["meld/dev/dia0_utt0", "transcript"] == "Café?"
    assert table["dialogue"].nunique() == 4


def test_meld_windows_bytes(tmp_path: Path) -> None:
    root = meld(tmp_path)
    line = HEADER.encode() + b"0,That\x92s caf\xe9,Ross,neutral,x,0,0,1,1,a,b\r\n"
    (root / "dev_sent_emo.csv").write_bytes(line)
    table, _ = read("meld", root)
    assert table.set_index("id").loc["meld/dev/dia0_utt0", "transcript"] == "That’s café"


def test_meld_takes_the_film_where_sound_lies_beside_it(tmp_path: Path) -> None:
    root = meld(tmp_path)
    (root / "train_splits" / "dia0_utt1.wav").touch()
    table, notes = read("meld", root)
    assert all(path.endswith(".mp4") for path in table["path"])
    assert "meld: 1 audio files of train lie beside their mp4, which is taken: dia0_utt1.wav" in notes


def test_meld_what_is_missing_is_named(tmp_path: Path) -> None:
    root = meld(tmp_path)
    (root / "train_splits" / "dia0_utt1.mp4").unlink()
    (root / "output_repeated_splits_test" / "final_videos_testdia0_utt0.mp4").touch()
    shutil.rmtree(root / "dev_splits_complete")
    table, notes = read("meld", root)
    text = "\n".join(notes)
    assert len(table) == 7
    assert "1 utterances of train left out, their audio is missing: dia0_utt1" in text
    assert "1 audio files left out, test_sent_emo.csv does not list them: final_videos_testdia0_utt0" in text
    assert "the folder dev_splits_complete is missing: 1 utterances of dev are left out" in text
    (root / "dev_sent_emo.csv").unlink()
    assert any("dev_sent_emo.csv is missing: the split dev is left out" in note for note in read("meld", root)[1])


@pytest.mark.parametrize("given", ["", "a/b/train", "a/b/train/train_splits"])
def test_meld_levels(given: str, tmp_path: Path) -> None:
    root = meld(tmp_path / "a" / "b", below=True)
    with pytest.raises(InputError, match=f"give {root}$"):
        read("meld", tmp_path / given)


def test_meld_bad_lists(tmp_path: Path) -> None:
    root = meld(tmp_path)
    place = root / "dev_sent_emo.csv"
    place.write_text("Utterance,Speaker\nHi,Ross\n")
    with pytest.raises(InputError, match=r"no column Emotion, Dialogue_ID, Utterance_ID \(it has Utterance, Speaker\)"):
        read("meld", root)
    place.write_text(HEADER + "0,Hi,Ross,envy,x,0,0,1,1,a,b\n")
    with pytest.raises(InputError, match=r"dev_sent_emo\.csv: line 2: emotion 'envy'"):
        read("meld", root)


def test_meld_labels_without_audio(tmp_path: Path) -> None:
    root = meld(tmp_path)
    for name in FOLDERS.values():
        shutil.rmtree(root / name)
    with pytest.raises(InputError, match="meld: no audio in"):
        read("meld", root)


def test_meld_videos(tmp_path: Path) -> None:
    header = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\n"
    (tmp_path / "dev_sent_emo.csv").write_text(header + "Hi,Ross,neutral,0,0\nHo,Ross,neutral,0,1\n")
    folder = tmp_path / "dev_splits_complete"
    folder.mkdir()
    for i in range(2):
        write_mp4(folder / f"dia0_utt{i}.mp4", np.random.default_rng(i).uniform(-0.5, 0.5, 8000))
    (folder / "dia0_utt1.mp4").write_bytes((folder / "dia0_utt1.mp4").read_bytes()[:800])
    report = check("meld", tmp_path)
    text = report.to_text()
    assert "2 of 13708 utterances; neutral 2 of 6435" in text  # one of the 6,436 has no video in the release
    assert "1 files cannot be read: dev/dia0_utt1" in text
    assert "train_sent_emo.csv is missing" in text


def write_mp4(path: Path, samples: np.ndarray) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def test_meld_real_lists(corpora_folder: Path, tmp_path: Path) -> None:
    for split, name in FOLDERS.items():
        source = corpora_folder / "meld" / f"{split}_sent_emo.csv"
        shutil.copy(source, tmp_path)
        (tmp_path / name).mkdir()
        lines = pd.read_csv(source)
        for d, u in zip(lines["Dialogue_ID"], lines["Utterance_ID"], strict=True):
            (tmp_path / name / f"dia{d}_utt{u}.mp4").touch()
    table, notes = read("meld", tmp_path)
    assert read_twice(find("meld"), tmp_path).broken == []
    known = find("meld").facts
    assert len(table) == known.utterances == 13708
    assert table["emotion"].value_counts().to_dict() == known.counts["emotion"]
    assert table["official_split"].value_counts().to_dict() == {"train": 9989, "dev": 1109, "test": 2610}
    assert table["speaker"].nunique() == known.n_speakers
    main = table["speaker"].str.partition("/")[2].value_counts()[list(known.counts["speaker"])]
    assert main.to_dict() == known.counts["speaker"]
    assert notes == ("meld: 81 utterances are spoken by several people together: they have no speaker",)
