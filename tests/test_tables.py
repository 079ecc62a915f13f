"""One table in every form that people write: corpora, audits and scores read the same of it."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from serbench.benchmark.audit.listed_files import files_of
from serbench.benchmark.audit.lists import Columns, read_split
from serbench.benchmark.corpora.registry import read as read_corpus
from serbench.benchmark.prepared.home import remove
from serbench.benchmark.user_folder import home, place
from serbench.errors import InputError
from serbench.results.evidence.predictions_file import read as read_predictions
from serbench.tables import read_cells
from serbench.tests.support.audio_files import tone

HEAD = ("FileName", "SpkrID", "EmoClass", "prediction", "Split_Set")
LINES = [
    (f"wav/{who}_{emotion}.wav", who, emotion, "sad", part)
    for who, part in (("Jürgen", "Train"), ("Zoë", "Development"), ("3", "Test1"))
    for emotion in ("sad", "happy")
]
OBJECTS = [dict(zip(HEAD, line, strict=True)) for line in LINES]


def text(separator: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows([HEAD, *LINES])
    return out.getvalue()


LETTERS = "\n".join(map(json.dumps, OBJECTS))
COLUMNS = {name: [line[name] for line in OBJECTS] for name in HEAD}
NUMBERED = {name: dict(enumerate(cells)) for name, cells in COLUMNS.items()}
#: name of the file -> what is in it
FORMS: dict[str, bytes] = {
    "comma.csv": text(",").encode(), "mark.csv": text(",").encode("utf-8-sig"), "semicolons.csv": text(";").encode(),
    "tabs.tsv": text("\t").encode(), "tabs.csv": text("\t").encode(), "tabs.txt": text("\t").encode(),
    "utf16.csv": text(";").encode("utf-16"), "utf16-le.csv": text(",").encode("utf-16-le"),
    "windows.csv": text(";").encode("cp1252"), "windows-lines.csv": text(",").replace("\n", "\r\n").encode(),
    "sep.csv": f"sep=;\n{text(';')}".encode(), "sep-utf16.csv": f"sep=;\n{text(';')}".encode("utf-16"),
    "list.json": json.dumps(OBJECTS).encode(), "within.json": json.dumps({"version": 1, "data": OBJECTS}).encode(),
    "columns.json": json.dumps(COLUMNS).encode(), "pandas.json": json.dumps(NUMBERED).encode(),
    "paths.json": json.dumps({line["FileName"]: {k: line[k] for k in HEAD[1:]} for line in OBJECTS}).encode(),
    "lines.jsonl": LETTERS.encode(), "lines.ndjson": LETTERS.encode(), "lines.json": LETTERS.encode(),
    "mark.jsonl": LETTERS.encode("utf-8-sig"), "paths.parquet": b"", "struct.parquet": b"",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    (folder / "wav").mkdir()
    for line in LINES:
        (folder / line[0]).touch()
    for name, content in FORMS.items():
        (folder / name).write_bytes(content)
    pd.DataFrame(OBJECTS).to_parquet(folder / "paths.parquet")
    audio = [{"bytes": None, "path": line["FileName"]} for line in OBJECTS]
    pd.DataFrame(OBJECTS).assign(FileName=audio).to_parquet(folder / "struct.parquet")
    return folder


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_the_same_table_for_every_command(name: str, folder: Path) -> None:
    guessed = name == "windows.csv"
    table, notes = read_corpus("mine", folder / name)
    assert sorted(table["id"]) == sorted(f"mine/{line[0].removesuffix('.wav')}" for line in LINES)
    assert set(table["speaker"]) == {"mine/Jürgen", "mine/Zoë", "mine/3"}
    assert dict(zip(table["id"], table["official_split"], strict=True))["mine/wav/Zoë_sad"] == "dev"
    assert any("SpkrID as speaker" in note and "EmoClass as emotion" in note for note in notes)
    assert any("Windows-1252" in note for note in notes) == guessed

    listing = read_split(folder / name, Columns())
    (split,) = listing.splits
    assert {part: len(paths) for part, paths in split.parts.items()} == {"train": 2, "dev": 2, "test": 2}
    assert listing.columns["speaker"] == "SpkrID" and set(split.parts["dev"]) == {
        "wav/Zoë_sad.wav",
        "wav/Zoë_happy.wav",
    }
    assert any("Windows-1252" in note for note in listing.notes) == guessed

    file = read_predictions(folder / name)
    assert file.classes == ("happy", "sad") and set(file.rows["speaker"]) == {"Jürgen", "Zoë", "3"}
    assert sorted(file.rows["row"]) == sorted(line[0] for line in LINES)
    assert any("EmoClass as truth" in note and "prediction as guess" in note for note in file.notes)
    assert any("Windows-1252" in note for note in file.notes) == guessed

    files, said = files_of(["a.wav", str(folder / name)])
    assert sorted(files) == sorted(["a.wav", *(str(folder / line[0]) for line in LINES)])
    assert len(said) == 1 and ("Windows-1252" in said[0]) == guessed and f"{name}: 6 files, from column" in said[0]


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_the_separator_is_told_by_all_lines(between: str, tmp_path: Path) -> None:
    head, line = ["path", "speaker, or who; spoke", "emotion"], ["a.wav", "1", "sad"]
    lines = [[f'"{cell}"' if between in cell else cell for cell in cells] for cells in (head, line, line)]
    (tmp_path / "t.csv").write_text("\n".join(between.join(cells) for cells in lines))
    assert read_cells(tmp_path / "t.csv").columns == head
    if between in "\t|":  # fewer of them in the head than of commas
        (tmp_path / "t.csv").write_text(f"path{between}one, two, three\nx.wav{between}1\n")
        assert read_cells(tmp_path / "t.csv").columns == ["path", "one, two, three"]


def test_what_is_no_table_is_said_once(tmp_path: Path) -> None:
    for name, content in (
        ("a.json", "[1"),
        ("b.jsonl", '{"a": 1}\n{'),
        ("c.json", '{"a": 1}\n{"a": 2}\n{'),
        ("d.json", "7"),
    ):
        (tmp_path / name).write_text(content)
        for read in (read_cells, read_predictions, lambda file: read_corpus("mine", file)):
            with pytest.raises(InputError) as error:
                read(tmp_path / name)
            assert str(error.value).count(name) == 1, error.value


def test_a_list_of_paths_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("a.wav\nb/c.wav\n")
    files, notes = files_of([str(tmp_path / "plain.txt"), "d.wav"])
    assert files == [str(tmp_path / "a.wav"), str(tmp_path / "b" / "c.wav"), "d.wav"] and "2 files" in notes[0]
    (tmp_path / "odd.csv").write_text("speaker,emotion\na,sad\n")
    with pytest.raises(InputError, match=r"odd\.csv: no column of paths \(it has speaker, emotion\)"):
        files_of([str(tmp_path / "odd.csv")])


@pytest.mark.parametrize("named", ["by path", "by nothing", "bare", "beside a path"])
def test_audio_within_a_table_is_written_once_and_freed(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    sounds = []
    for i in range(3):
        soundfile.write(tmp_path / "x.wav", tone(0.1 + i / 10), 16_000)
        sounds.append((tmp_path / "x.wav").read_bytes())
    (tmp_path / "x.wav").unlink()
    paths = [f"clips/c{i}.wav" for i in range(3)]
    audio = [
        data if named == "bare" else {"bytes": data, "path": path if named == "by path" else None}
        for data, path in zip(sounds, paths, strict=True)
    ]
    more = {"path": paths} if named == "beside a path" else {}
    file = tmp_path / "set.parquet"
    pd.DataFrame({"audio": audio, "speaker": list("abc"), "label": ["sad", "sad", "happy"], **more}).to_parquet(file)
    table, notes = read_corpus("mine", file)
    named_by_path = named in ("by path", "beside a path")
    assert list(table["id"]) == [f"mine/clips/c{i}" if named_by_path else f"mine/line-{i + 1:06}" for i in range(3)]
    assert [Path(path).read_bytes() for path in table["path"]] == sounds
    (kept,) = place(home(), "mine").iterdir()
    assert any(f"the audio of 3 clips lies within column audio; it is kept in {kept}" in note for note in notes)
    before = [Path(path).stat().st_mtime_ns for path in table["path"]]
    assert list(read_corpus("mine", file)[0]["path"]) == list(table["path"])
    assert [Path(path).stat().st_mtime_ns for path in table["path"]] == before
    remove(home(), "mine")
    assert not kept.exists()


def test_a_path_without_its_ending_and_a_column_called_name(folder: Path) -> None:
    (folder / "bare.csv").write_text("name,speaker,emotion\nwav/3_sad,3,sad\n")
    table, _ = read_corpus("mine", folder / "bare.csv")
    assert list(table["id"]) == ["mine/wav/3_sad"] and table["path"][0].endswith("3_sad.wav")
