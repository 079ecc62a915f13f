"""A corpus of the user's own, as CSV or Parquet."""

import json
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from serbench.benchmark.audio.decode import decode
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
    assert notes == ("mine: taken as a class: 'None' (1)",)
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
        f"mine: 1 utterances left out, their audio is missing: {folder / 'no.wav'}",
        "mine: spellings of one class: Sad as sad",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,emotion\naudio/one.wav,sad\n", r"no column speaker; it has path, emotion"),
        ("file,who\nx,y\n", r"no column speaker, emotion; it has file, who"),
        (
            "path,speaker,emotion\naudio/one.wav,,sad\naudio/two.wav,a, \naudio/three.wav,,sad\n",
            r"1 of 3 without emotion \(lines 3\)",
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


def test_nobody_is_no_speaker_and_classes_have_one_spelling(folder: Path) -> None:
    for i in range(6):
        (folder / "audio" / f"{i}.wav").touch()
    cells = ["a\u00a0,Sad", "Unknown,sad", ",sad", "-1,anger", "Jose\u0301,angry", "unk,nan"]
    lines = [f"audio/{i}.wav,{cell}\n" for i, cell in enumerate(cells)]
    write(folder, "path,speaker,emotion\n" + "".join(lines))
    table, notes = read("mine", folder)
    assert table["speaker"].tolist() == ["mine/a", None, None, None, "mine/José", None]
    assert table["emotion"].tolist() == ["sad", "sad", "sad", "anger", "angry", "nan"]
    assert notes == (
        "mine: 1 of 6 utterances have no speaker: the column is empty",
        "mine: 3 of 6 utterances have no speaker that is known: 'Unknown' (1), '-1' (1), 'unk' (1)",
        "mine: spellings of one class: Sad as sad",
        "mine: classes that may be one: anger and angry; a label map says so",
        "mine: taken as a class: 'nan' (1)",
    )


def test_one_file_in_any_spelling_of_its_path(folder: Path) -> None:
    (folder / "audio" / "fröhlich.wav").touch()
    other = unicodedata.normalize("NFD", "fröhlich")
    above = f"../{folder.name}/audio/fröhlich.wav"
    for path in (f"audio/{other}.wav", "audio//./fröhlich.wav", "audio\\fröhlich.wav", above):
        write(folder, f"path,speaker,emotion\n{path},a,sad\n")
        assert read("mine", folder)[0]["id"].tolist() == ["mine/audio/fröhlich"]


def test_links_keep_their_names_and_a_missing_content_says_its_command(folder: Path) -> None:
    store = folder / ".git" / "annex" / "objects" / "SHA256E-s1--ab.wav"
    store.parent.mkdir(parents=True)
    store.touch()
    (folder / "real.csv").write_text("path,speaker,emotion\naudio/a.wav,a,sad\naudio/b.wav,b,sad\n")
    (folder / "utterances.csv").symlink_to(folder / "real.csv")  # DataLad keeps tables so, too
    (folder / "audio" / "a.wav").symlink_to(store)
    (folder / "audio" / "b.wav").symlink_to("../.git/annex/objects/gone.wav")
    table, notes = read("mine", folder)
    assert table["id"].tolist() == ["mine/audio/a"] and table["path"].tolist() == [str(folder / "audio" / "a.wav")]
    assert notes[0].endswith("b.wav; its content is not here; run `git annex get` or `datalad get` in its folder")
    for name, content, command in (
        ("x.wav", b"/annex/objects/SHA256E-s9--ab.wav\n", "git annex get"),
        ("y.wav", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ):
        (folder / name).write_bytes(content)
        with pytest.raises(InputError, match=command):
            decode(folder / name)
    (folder / "wav").mkdir()
    (folder / "wav" / "03a01Fa.wav").touch()
    (folder / "wav" / "03a01Wa.wav").symlink_to("../../blobs/12ab")
    table, notes = read("emodb", folder)
    assert len(table) == 1 and any("hf download" in note and "03a01Wa" in note for note in notes)


HEADS = ("file_name,speaker_id,label", "Path,Speaker,Emotions", "FileName,SpkrID,EmoClass", "wav,spk,emo")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "form", ["comma", "semicolon", "tab", "sep", "utf-16", "utf-16-le", "jsonl", "json", "parquet"]
)
def test_tables_of_other_people(head: str, form: str, folder: Path) -> None:
    columns = [*head.split(","), "Split_Set"]
    lines = [["audio\\one.wav", "3", "sad", "Train"], ["audio\\two.wav", "4", "happy", "Test1"]]
    between = {"semicolon": ";", "sep": ";", "utf-16": "\t"}.get(form, ",")
    text = "".join(between.join(cells) + "\n" for cells in [columns, *lines])
    objects = [dict(zip(columns, cells, strict=True)) for cells in lines]
    file = folder / f"other.{form if form in ('json', 'jsonl', 'parquet') else 'csv'}"
    if form == "parquet":
        for line in objects:
            line[columns[0]] = {"bytes": None, "path": line[columns[0]]}
        pd.DataFrame(objects).to_parquet(file)
    elif form == "json":
        file.write_text(json.dumps({"labels": {"sad": 0}, "meta_data": objects}))
    elif form == "jsonl":
        file.write_text("".join(json.dumps(line) + "\n" for line in objects))
    else:
        file.write_text(("sep=;\n" if form == "sep" else "") + text, encoding=form if form[:3] == "utf" else "utf-8")
    table, notes = read("mine", file)
    assert list(table["speaker"]) == ["mine/3", "mine/4"] and list(table["emotion"]) == ["sad", "happy"]
    assert list(table["official_split"]) == ["train", "test"]
    assert f"{columns[0]} as path" in notes[0] and "Split_Set as official_split" in notes[0]
