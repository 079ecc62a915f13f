"""A corpus of the user's own, as CSV or Parquet."""

from pathlib import Path

import pandas as pd
import pytest

from serbench.benchmark.corpora.registry import read
from serbench.benchmark.corpora.table import COLUMNS
from serbench.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "audio").mkdir()
    for name in ("one", "two", "three"):
        (tmp_path / "audio" / f"{name}.wav").touch()
    return tmp_path


def write(folder: Path, text: str, name: str = "utterances.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_csv_folder_and_file(folder: Path) -> None:
    file = write(folder, "path,speaker,emotion,gender\naudio/one.wav,01,happy,F\naudio/two.wav,NA,None,male\n")
    table, notes = read("mine", folder)
    assert notes == ()
    assert tuple(table.columns) == COLUMNS
    assert list(table["id"]) == ["mine/audio/one", "mine/audio/two"]
    assert list(table["speaker"]) == ["mine/01", "mine/NA"]  # neither a number nor an empty cell
    assert list(table["emotion"]) == ["happy", "None"]
    assert list(table["gender"]) == ["female", "male"]
    assert list(table["path"]) == [str(folder / "audio" / "one.wav"), str(folder / "audio" / "two.wav")]
    assert table["transcript"].isna().all()
    pd.testing.assert_frame_equal(table, read("mine", file)[0])


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_mark(separator: str, folder: Path) -> None:
    text = "path,speaker,emotion\naudio/one.wav,a,sad\n".replace(",", separator)
    (folder / "utterances.csv").write_text(text, encoding="utf-8-sig")
    assert list(read("mine", folder)[0]["emotion"]) == ["sad"]


def test_parquet_keeps_whole_numbers(folder: Path) -> None:
    rows = {
        "path": ["audio/one.wav", "audio/two.wav"],
        "speaker": [7, 8],
        "emotion": ["a", "b"],
        "session": [1.0, None],
    }
    pd.DataFrame(rows).to_parquet(folder / "utterances.parquet")
    table, _ = read("mine", folder)
    assert list(table["speaker"]) == ["mine/7", "mine/8"]
    assert table["session"].where(table["session"].notna(), None).tolist() == ["1", None]


def test_absolute_paths_and_own_ids(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.flac"
    elsewhere.touch()
    inside = folder / "audio" / "one.wav"
    write(folder, f"path,speaker,emotion,id\n{elsewhere},a,sad,\n{inside},mine/a,sad,\naudio/two.wav,b,sad,mine/k\n")
    table, _ = read("mine", folder)
    outside = elsewhere.with_suffix("").as_posix().removeprefix("/")
    assert set(table["id"]) == {"mine/audio/one", f"mine/{outside}", "mine/k"}
    assert set(table["speaker"]) == {"mine/a", "mine/b"}


def test_missing_audio_and_odd_columns_are_noted(folder: Path) -> None:
    write(folder, "path,speaker,emotion,age\naudio/one.wav,a,Sad,4\naudio/two.wav,b,sad,5\nno.wav,b,sad,5\n")
    table, notes = read("mine", folder)
    assert len(table) == 2
    assert notes == (
        "mine: columns that are not used: age",
        "mine: classes that differ only in capitals are different classes: Sad and sad",
        f"mine: 1 utterances left out, their audio is missing: {folder / 'no.wav'}",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,emotion\naudio/one.wav,sad\n", r"no column speaker; it has path, emotion"),
        ("file,who\nx,y\n", r"no column path, speaker, emotion; it has file, who"),
        (
            "path,speaker,emotion\naudio/one.wav,,sad\naudio/two.wav,a, \naudio/three.wav,,sad\n",
            r"2 of 3 without speaker \(lines 2, 4\); 1 of 3 without emotion \(lines 3\)",
        ),
        ("path,speaker,emotion\n", "the table has no lines"),
        ("", "the table has no lines"),
        ('path,speaker,emotion\n"a,b,c\n', "not a readable table"),
        ("path,speaker,emotion\na,b,c,d,e\nf,g,h\n", r"lines 2 do not have 3 cells"),
        ("path,speaker,emotion\nno.wav,a,sad\n", r"none of its 1 audio files exists; the first is .*no\.wav"),
        ("path,speaker,emotion\naudio/one.wav,a,sad\naudio/one.wav,a,sad\n", "two files for one utterance"),
    ],
)
def test_bad_tables(text: str, message: str, folder: Path) -> None:
    write(folder, text)
    with pytest.raises(InputError, match=message) as error:
        read("mine", folder)
    assert "\n" not in str(error.value)


def test_damaged_parquet(folder: Path) -> None:
    write(folder, "PAR1 and then nothing", "utterances.parquet")
    with pytest.raises(InputError, match="not a readable table"):
        read("mine", folder)


def test_two_tables(folder: Path) -> None:
    write(folder, "path,speaker,emotion\naudio/one.wav,a,sad\n")
    write(folder, "x", "utterances.parquet")
    with pytest.raises(InputError, match=r"holds utterances\.csv and utterances\.parquet"):
        read("mine", folder)


def test_names(folder: Path) -> None:
    with pytest.raises(InputError, match=r"unknown corpus 'emodbb'; did you mean 'emodb'\?.*utterances\.csv"):
        read("emodbb", folder)
    with pytest.raises(InputError, match="there is no file or folder"):
        read("mine", folder / "nowhere")
    write(folder, "path,speaker,emotion\naudio/one.wav,a,sad\n")
    with pytest.raises(InputError, match=r"corpus name 'my/own': use letters"):
        read("my/own", folder)
