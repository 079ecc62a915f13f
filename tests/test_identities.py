"""When two names are one: spellings of a name, names in doubt, what audit, folds and scores make of them."""

import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serbench.benchmark.audit.names import known_corpus, tell
from serbench.benchmark.corpora.settle import nobody
from serbench.benchmark.planning.options import RunOptions
from serbench.benchmark.planning.settings import is_distinct
from serbench.errors import InputError
from serbench.identities import doubt_key, doubts, is_unknown, place, spelled
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import Design, design
from serbench.results.evidence.predictions_file import read, with_speakers_of
from serbench.tests.support.audits import RAVDESS, audit, table
from serbench.tests.support.utterances import CLASSES, make, who

NAME = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
FOLDERS = st.lists(st.text("abÄéx01_-", min_size=1, max_size=4), min_size=1, max_size=4)


@given(NAME, st.sampled_from(["NFC", "NFD"]), st.sampled_from(["", " ", "\u00a0", "\u202f", "\ufeff", "\t"]))
def test_spellings_of_one_name_are_one(name: str, form: str, around: str) -> None:
    other = around + unicodedata.normalize(form, name) + around  # type: ignore[arg-type]
    assert spelled(other) == spelled(name) == spelled(spelled(name))
    assert not doubts([spelled(name), spelled(other)]).sets


@given(st.text("abcXYZ_", max_size=3), st.integers(0, 999), st.integers(1, 3))
def test_capitals_and_zeros_are_doubts_and_nothing_else_is(word: str, number: int, zeros: int) -> None:
    name, other = f"{word}{number}", f"{word.swapcase()}{'0' * zeros}{number}"
    assert doubt_key(name) == doubt_key(other) != doubt_key(f"{word}{number + 1}")
    found = doubts([name, other, f"{word}{number + 1}"])
    assert found.sets == (tuple(sorted((name, other))),) and found.of(name) == found.of(other)
    assert found.of(f"{word}{number + 1}") == f"{word}{number + 1}"


@given(FOLDERS, st.data())
def test_spellings_of_one_path_are_one(folders: list[str], data: st.DataObject) -> None:
    path = "/".join([*folders, "x.wav"])
    slash = st.sampled_from(["/", "//", "\\", "/./", "/q/../"])
    odd = "".join(part + data.draw(slash) for part in folders) + "x.wav"
    assert place(odd) == place("./" + path) == place(unicodedata.normalize("NFD", path)) == place(path)
    assert place(f"C:\\{odd}") == place(f"file:///c:/{path}") != place(f"/{path}") != place(path)


@pytest.mark.parametrize("name", ["Unknown", " unk ", "-1", "", "N/A", "\u00a0", "NaN"])
def test_nobody_is_nobody(name: str) -> None:
    assert is_unknown(name) and not is_unknown(f"{name}1")


def split(folder: Path, train: list[str], test: list[str], **columns: list[str]) -> Path:
    rows = list(zip([*train, *test], ["train"] * len(train) + ["test"] * len(test), *columns.values(), strict=True))
    return table(folder / "list.csv", rows, ("path", "split", *columns))


def folded(folder: Path, train: list[str], test: list[str]) -> tuple[int, str]:
    code, _, rules = audit(split(folder, train, test))
    return code, rules["copy"]["state"]


FILES = [f"wavs/clip{i:02}.wav" for i in range(12)]


@pytest.mark.parametrize(
    ("spelling", "state"),
    [
        (lambda p: "/data/mine/" + p, "doubt"), (lambda p: "D:\\mine\\" + p.replace("/", "\\"), "doubt"),
        (lambda p: "../mine/" + p, "doubt"),
        (lambda p: "https://x.org/" + p, "doubt"), (lambda p: "~/m/" + p, "doubt"),
        (str.upper, "doubt"), (lambda p: p.replace("/", "//"), "leak"),
        (lambda p: unicodedata.normalize("NFD", p), "leak"), (lambda p: p.replace(".wav", ".FLAC"), "leak"),
    ],
)  # fmt: skip
def test_a_file_listed_in_two_ways_is_found(tmp_path: Path, spelling, state: str) -> None:  # type: ignore[no-untyped-def]
    files = [unicodedata.normalize("NFC", path.replace("clip", "fröhlich")) for path in FILES]
    assert folded(tmp_path, [spelling(path) for path in files[:10]], files[8:]) == (1, state)
    assert folded(tmp_path, [spelling(path) for path in files[:8]], files[8:]) == (0, "clean")


def test_folders_of_two_machines_may_be_one_and_folders_of_parts_are_not(tmp_path: Path) -> None:
    windows, linux = [f"D:/mine/{p}" for p in FILES[:10]], [f"/home/u/mine/{p}" for p in FILES[8:]]
    assert folded(tmp_path, windows, linux) == (1, "doubt")
    numbers = [f"wav/{i}.wav" for i in range(9)]
    for one, two in (("train/", "test/"), ("/data/train/", "/data/test/")):
        assert folded(tmp_path, [one + p for p in numbers], [two + p for p in numbers]) == (0, "clean")


def test_speakers_in_doubt_are_a_doubt_unless_they_are_distinct(tmp_path: Path) -> None:
    who = [f"{i % 8 + 1:02}" for i in range(40)] + [str(i % 8 + 1) for i in range(16)]
    names = [f"a/{i:03}.wav" for i in range(56)]
    file = split(tmp_path, names[:40], names[40:], speaker=who)
    code, found, rules = audit(file)
    assert (code, found["doubts"], found["leaks"], rules["speaker"]["n_test"]) == (1, ["speaker"], [], 16)
    assert "speakers 01 and 1, 02 and 2, 03 and 3, and 5 more: one person?" in found["notes"][0]
    assert audit(file, "--distinct")[0] == 0
    file = split(tmp_path, names[:40], names[40:], speaker=["Jose\u0301 "] * 40 + ["José"] * 16)
    assert audit(file)[1]["leaks"] == ["speaker"]
    file = split(tmp_path, names[:40], names[40:], speaker=[*"ab" * 19, "Unknown", "unk", *"cd" * 7, "Unknown", "-1"])
    code, found, rules = audit(file)
    assert code == 0 and round(rules["speaker"]["known"], 4) == round(52 / 56, 4)
    assert found["notes"] == [
        "speaker of nobody: 'Unknown' (2), 'unk' (1), '-1' (1): 4 of 56 files have no speaker that is known"
    ]


@pytest.mark.parametrize(
    "words", [("IEMOCAP", "iemocap"), ("iemocap_train", "iemocap test"), ("IEMOCAP", ""), ("a", "b")]
)
def test_a_column_of_corpora_hides_no_speaker(tmp_path: Path, words: tuple[str, str]) -> None:
    corpus = [words[0]] * 10 + [words[1]] * 5
    names = [f"Ses01F_impro01_F{i:03}.wav" for i in range(15)]
    assert "speaker" in audit(split(tmp_path, names[:10], names[10:], dataset=corpus))[1]["leaks"]
    names = [f"{i}.wav" for i in range(15)]
    _, found, _ = audit(split(tmp_path, names[:10], names[10:], dataset=corpus, speaker=["A"] * 15))
    assert "speaker" in found["leaks"] + found["doubts"]


def test_columns_and_names_that_disagree_are_both_said(tmp_path: Path) -> None:
    names = [path for path in RAVDESS if path.startswith(("Actor_01", "Actor_02"))][:70]
    _, found, rules = audit(split(tmp_path, names[:60], names[60:], speaker=[f"s{i // 5}" for i in range(70)]))
    assert rules["speaker"]["state"] == "clean" or found["leaks"]
    assert found["notes"][0].startswith(
        "column speaker and file names disagree on 70 files, both are checked: Actor_01"
    )
    _, found, _ = audit(split(tmp_path, names[:30], names[30:60], speaker=[f"s{i}" for i in range(60)]))
    assert found["leaks"] == ["speaker"]


def test_labels_as_large_corpora_publish_them(tmp_path: Path) -> None:
    parts, who = ["Train"] * 20 + ["Development", "Test1", "Test2"] * 5, [*"ab" * 10, *["Unknown", "c", "d"] * 5]
    rows = [(f"M_{i:04}.wav", "A", speaker, part) for i, (speaker, part) in enumerate(zip(who, parts, strict=True))]
    code, found, rules = audit(table(tmp_path / "l.csv", rows, ("FileName", "EmoClass", "SpkrID", "Split_Set")))
    assert code == 0 and found["parts"] == {"train": 20, "dev": 5, "test": 10} and rules["speaker"]["state"] == "part"
    assert found["columns"]["speaker"] == "SpkrID"


def test_names_that_a_corpus_gives_to_nobody() -> None:
    clips = make("own", "f1 Publikum", n=2)
    found, notes = nobody((clips, ()), "own", ["Publikum"])
    assert found["speaker"].isna().sum() == 8 and notes[0].endswith("no speaker that is known: 'Publikum' (8)")


def test_a_declared_corpus_wins_over_names_that_look_like_another() -> None:
    names = ["oreau/03a01Fa.wav", *(f"oreau/{i}a13Ja.wav" for i in range(29, 45))]
    assert tell(names)[names[0]].corpus == "emodb"
    assert not any(one.corpus for one in tell(names, declared=dict.fromkeys(names, "oreau")).values())
    assert {one.corpus for one in tell(RAVDESS, declared=dict.fromkeys(RAVDESS, "my data")).values()} == {"ravdess"}
    assert [known_corpus(word) for word in ("EMO-DB", "emodb_train", "CREMAD", "Oréau")] == [
        "emodb", "emodb", "crema-d", "oréau",
    ]  # fmt: skip
    assert tell(["29a01Fa.wav"])["29a01Fa.wav"].corpus == ""


def test_what_a_corpus_does_not_use_is_known(tmp_path: Path) -> None:
    sound = [path for path in RAVDESS if path.startswith("Actor_01/")][:20]
    video = [f"Video_Speech/{path.replace('/03-', '/01-').replace('.wav', '.mp4')}" for path in sound]
    _, found, rules = audit(split(tmp_path, sound, video[:5]))
    assert (
        found["leaks"] == ["speaker", "copy"] and rules["copy"]["n_test"] == 5 and found["corpora"] == {"ravdess": 25}
    )
    song = tell(
        ["Actor_09/03-02-03-01-01-01-09.wav", "VideoFlash/1001_DFA_ANG_XX.flv", "x/AudioMP3/1001_DFA_ANG_XX.mp3"]
    )
    assert [one.row["speaker"] for one in song.values()] == ["09", "1001", "1001"]
    assert len({one.original for one in song.values()}) == 2


def calls(shift: float) -> list[tuple[object, ...]]:
    """Four calls of an agent with four customers, in turns; the last is tested, and the first ``shift`` s later too."""
    rows = [(f"call{i}.wav", 5.0 * k, 4.5, "agent" if k % 2 else f"c{i}", "test" if i == 3 else "train")
            for i in range(4) for k in range(5)]  # fmt: skip
    rows += [("call0.wav", shift, 4.5, "c0", "test")] * (shift > 0)
    return [(p, f"0 days 00:00:{s:09.6f}", f"00:00:{s + d:06.3f}", who, part) for p, s, d, who, part in rows]


def test_segments_of_a_recording_are_utterances(tmp_path: Path) -> None:
    columns = ("file", "start", "end", "speaker", "split")
    code, found, rules = audit(table(tmp_path / "a.csv", calls(0), columns))
    assert (code, found["files"], found["leaks"], rules["speaker"]["n_test"]) == (1, 20, ["speaker"], 2)
    _, found, rules = audit(table(tmp_path / "b.csv", calls(0.5), columns))
    assert rules["copy"]["n_test"] == 1 and "1 test segments are of recordings" in found["notes"][0]
    assert audit(table(tmp_path / "c.csv", calls(27), columns))[2]["copy"]["state"] == "clean"
    both = [("x.wav", "a", "train"), ("y.wav", "a", "test"), ("y.wav", "b", "test"), ("z.wav", "c", "train")]
    _, found, rules = audit(table(tmp_path / "e.csv", both, ("path", "speaker", "split")))
    assert found["leaks"] == ["speaker"] and (rules["speaker"]["n_test"], found["files"]) == (1, 4)
    assert rules["copy"]["state"] == "clean"
    alone = [row for row in calls(0) if row[1] == "0 days 00:00:00.000000"]  # one segment a file: files
    assert "start" not in audit(table(tmp_path / "d.csv", alone, columns))[1]["columns"]


def planned(names: list[str], distinct: bool = False) -> Design:
    parts = [make("own", name, n=3).assign(id=lambda t, k=k: t["id"] + f"-{k}") for k, name in enumerate(names)]
    clips = pd.concat(parts, ignore_index=True)
    clips["group"] = clips["audio_hash"] = clips["id"]
    return design(find("speaker-independent"), clips, distinct=distinct)


def test_speakers_in_doubt_stay_in_one_fold() -> None:
    names = ["01", "1", "02", "2", "03", "3", "Ann", "ann"]
    made, apart = planned(names), planned(names, distinct=True)
    assert [who(made, fold.test) for fold in made.split.folds] == [{f"own/{a} = {b}"} for a, b in [
        ("01", "1"), ("02", "2"), ("03", "3"), ("Ann", "ann"),
    ]]  # fmt: skip
    assert made.notes[0] == (
        "own: speakers 01 and 1, 02 and 2, 03 and 3, and 1 more: one person? They count as one; --distinct keeps them "
        "apart"
    )
    assert len(apart.split.folds) == 8 and apart.notes[0].endswith("They are kept apart, as --distinct says")


def test_options_of_a_run_are_settings_and_words_of_its_command() -> None:
    options = RunOptions(protocol="random", label_map=Path("my.toml"), distinct=True)
    assert options.settings == ("label_map=my.toml", "distinct=true")
    assert options.command()[-3:] == ["--label-map", "my.toml", "--distinct"]
    with pytest.raises(InputError, match="distinct=maybe: write true or false"):
        is_distinct({"distinct": "maybe"})


def test_folds_of_names_without_doubt_do_not_move() -> None:
    names = ["a", "b", "c", "d"]
    assert (
        planned(names).split == planned(names, distinct=True).split
        and planned(names).notes == planned(names, True).notes
    )


def test_the_reason_that_speakers_have_one_clip_each_comes_first() -> None:
    clips = pd.concat([make("own", f"u{i}", (CLASSES[i % 4],), 1) for i in range(64)], ignore_index=True)
    with pytest.raises(InputError, match="own: each of its 64 speakers has a single utterance"):
        design(find("speaker-independent"), clips)


def test_scores_count_persons(tmp_path: Path) -> None:
    lines = [f"c{i},{CLASSES[i % 4]},{CLASSES[i * i % 4]},{i % 8 + 1:0{1 + i % 3}}\n" for i in range(96)]
    file = tmp_path / "p.csv"
    file.write_text("id,truth,guess,speaker\n" + "".join(lines))
    assert read(file).rows["speaker"].nunique() == 8 and read(file).has_speakers
    assert read(file, distinct=True).rows["speaker"].nunique() == 24
    other = tmp_path / "q.csv"
    other.write_text("id,truth,guess,speaker\n" + "".join(line.replace(",0", ",").replace(",0", ",") for line in lines))
    same = with_speakers_of(read(other), read(file))
    assert same.rows["speaker"].tolist() == read(file).rows["speaker"].tolist()
    assert same.notes[-1].startswith("speakers of q.csv and p.csv 1 and 001 = 01 = 1, ")
    file.write_text("id,truth,guess,speaker\n" + "".join(lines) + "x,sad,sad,Unknown\ny,sad,sad,\n")
    found = read(file)
    assert found.rows["speaker"].nunique() == 8 and found.has_speakers and found.clustered["speaker"].nunique() == 10
    assert "speaker 'Unknown' is nobody: the speaker of 2 of 98 rows is unknown" in found.notes
