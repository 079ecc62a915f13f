"""Corpora whose labels are in the file names: complete name lists, traps, endings, and folders of the wrong level."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from serbench.benchmark.checks.corpus_contract import read_twice
from serbench.benchmark.corpora.registry import cards, find, read
from serbench.benchmark.corpora.releases import release
from serbench.benchmark.corpora.table import COLUMNS
from serbench.errors import InputError

BY_NAME = ("crema-d", "emodb", "emovo", "ravdess", "savee", "tess")


def emovo_names() -> list[str]:
    sentences = ["b1", "b2", "b3", "d1", "d2", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5"]
    speakers = ["f1", "f2", "f3", "m1", "m2", "m3"]
    emotions = ["dis", "gio", "neu", "pau", "rab", "sor", "tri"]
    return [f"{speaker}/{e}-{speaker}-{s}.wav" for speaker in speakers for e in emotions for s in sentences]


def all_names(corpus: str) -> list[str]:
    return emovo_names() if corpus == "emovo" else [file.path for file in release(corpus)]


def plant(folder: Path, paths: Iterable[str]) -> Path:
    """Empty files: the adapters read names, not audio."""
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return folder


def counts(table: pd.DataFrame, column: str) -> dict[str, int]:
    return dict(Counter(str(value) for value in table[column]))


@pytest.mark.parametrize("corpus", BY_NAME)
def test_complete_name_list(corpus: str, tmp_path: Path) -> None:
    table, notes = read(corpus, plant(tmp_path / corpus, all_names(corpus)))
    assert read_twice(find(corpus), tmp_path / corpus).broken == []
    known = find(corpus).facts
    assert len(table) == known.utterances
    assert counts(table, "emotion") == known.counts["emotion"]
    assert counts(table.assign(speaker=table["speaker"].str.partition("/")[2]), "speaker") == known.counts["speaker"]
    assert [note for note in notes if "VideoDemographics" not in note] == []
    assert tuple(table.columns) == COLUMNS
    assert table["id"].is_unique and table["id"].is_monotonic_increasing
    assert table["id"].str.startswith(f"{corpus}/").all()
    assert set(table["language"]) == {known.language}
    assert table["sentence"].notna().all()
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in table["path"])


@pytest.mark.parametrize(
    ("corpus", "count"), [("emodb", 535), ("ravdess", 1440), ("savee", 480), ("tess", 2800), ("crema-d", 7442)]
)
def test_ids_are_the_paths_of_the_release(corpus: str, count: int) -> None:
    parse = find(corpus).adapter.parse
    assert parse is not None
    names = [file.path.removesuffix(".wav") for file in release(corpus)]
    ids = [row["id"] for row in map(parse, names) if isinstance(row, dict)]
    assert len(set(ids)) == count
    different = [(id, name) for id, name in zip(ids, names, strict=True) if id != name]
    assert different == ([("OAF_neutral/OAF_bite_neutral", "OAF_neutral/OA_bite_neutral")] if corpus == "tess" else [])


@pytest.mark.parametrize("corpus", BY_NAME)
@pytest.mark.parametrize("ending", [".flac", ".WAV", ".mp3"])
def test_other_endings_change_nothing(corpus: str, ending: str, tmp_path: Path) -> None:
    names = all_names(corpus)[:40]
    wav, _ = read(corpus, plant(tmp_path / "a", names))
    other, _ = read(corpus, plant(tmp_path / "b", [name.replace(".wav", ending) for name in names]))
    pd.testing.assert_frame_equal(wav.drop(columns="path"), other.drop(columns="path"))


def test_emodb_fields(tmp_path: Path) -> None:
    table, _ = read("emodb", plant(tmp_path, ["wav/08b10Lc.wav", "wav/15a07Ac.wav"]))
    fields = table[["id", "speaker", "gender", "emotion", "sentence"]].to_numpy().tolist()
    assert fields == [
        ["emodb/wav/08b10Lc", "emodb/08", "female", "boredom", "b10"],
        ["emodb/wav/15a07Ac", "emodb/15", "male", "fear", "a07"],
    ]


def test_emodb_speakers(tmp_path: Path) -> None:
    table, _ = read("emodb", plant(tmp_path, all_names("emodb")))
    genders = dict(zip(table["speaker"], table["gender"], strict=True))
    assert {s[-2:] for s, gender in genders.items() if gender == "male"} == {"03", "10", "11", "12", "15"}
    assert {s[-2:] for s, gender in genders.items() if gender == "female"} == {"08", "09", "13", "14", "16"}
    assert "disgust" not in set(table.loc[table["speaker"] == "emodb/08", "emotion"])
    assert table["sentence"].nunique() == 10


def test_ravdess_song_and_video_are_named(tmp_path: Path) -> None:
    speech = ["Actor_01/03-01-05-02-01-01-01.wav", "Actor_02/03-01-02-01-02-02-02.wav"]
    other = [
        "Actor_01/03-02-05-02-01-01-01.wav",
        "Actor_01/01-01-05-02-01-01-01.mp4",
        "Actor_01/02-01-05-02-01-01-01.mp4",
    ]
    table, notes = read("ravdess", plant(tmp_path, [*speech, *other]))
    fields = table[["speaker", "gender", "emotion", "intensity", "sentence"]].to_numpy().tolist()
    assert fields == [
        ["ravdess/01", "male", "angry", "strong", "01"],
        ["ravdess/02", "female", "calm", "normal", "02"],
    ]
    assert sorted(notes) == [
        "ravdess: 1 audio files left out, they are song, not speech: Actor_01/03-02-05-02-01-01-01.wav",
        "ravdess: 2 audio files left out, they are video: Actor_01/01-01-05-02-01-01-01.mp4, "
        "Actor_01/02-01-05-02-01-01-01.mp4",
    ]


def test_tess_spellings(tmp_path: Path) -> None:
    names = [
        "OAF_neutral/OA_bite_neutral.wav",
        "oaf_pleasant_surprise/OAF_back_ps.wav",
        "YAF_pleasant_surprised/YAF_back_ps.wav",
        "OAF_fear/oaf_back_Fear.wav",
    ]
    table, notes = read("tess", plant(tmp_path, names))
    assert notes == ()
    assert list(table["id"]) == [
        "tess/OAF_Fear/OAF_back_fear",
        "tess/OAF_Pleasant_surprise/OAF_back_ps",
        "tess/OAF_neutral/OAF_bite_neutral",
        "tess/YAF_pleasant_surprised/YAF_back_ps",
    ]
    assert set(table["speaker"]) == {"tess/OAF", "tess/YAF"}
    assert list(table["emotion"]) == ["fear", "surprise", "neutral", "surprise"]
    assert set(table["gender"]) == {"female"}


def test_savee_layouts_agree(tmp_path: Path) -> None:
    names = [file.path for file in release("savee")]
    layouts = [
        plant(tmp_path / "plain", names),
        plant(tmp_path / "folder", [f"AudioData/{name}" for name in names]),
        plant(tmp_path / "flat", [name.replace("/", "_") for name in names]),
    ]
    tables = [read("savee", layout)[0].drop(columns="path") for layout in layouts]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_savee_folder_and_name_must_agree(tmp_path: Path) -> None:
    table, notes = read("savee", plant(tmp_path, ["DC/DC_a01.wav", "DC/JE_a01.wav", "DC/su15.wav"]))
    assert list(table["id"]) == ["savee/DC/a01", "savee/DC/su15"]
    assert len(notes) == 1 and "DC/JE_a01.wav" in notes[0]


def test_crema_d_gender(tmp_path: Path) -> None:
    plant(tmp_path, ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_IEO_SAD_HI.wav", "AudioMP3/1001_DFA_ANG_XX.mp3"])
    table, notes = read("crema-d", tmp_path)
    assert table["gender"].isna().all()
    assert any("no VideoDemographics.csv" in note for note in notes)
    assert any("1 audio files left out, they are copies" in note for note in notes)
    (tmp_path / "VideoDemographics.csv").write_text('"ActorID","Age","Sex"\n1001,51,"Male"\n')
    table, notes = read("crema-d", tmp_path)
    assert list(table["gender"]) == ["male", None]
    assert list(table["intensity"]) == ["unspecified", "high"]
    assert any("1002" in note and "does not name" in note for note in notes)
    (tmp_path / "VideoDemographics.csv").write_text("actor,sex\n1001,Male\n")
    with pytest.raises(InputError, match="needs the columns ActorID and Sex"):
        read("crema-d", tmp_path)


def test_crema_d_misspelled_level(tmp_path: Path) -> None:
    table, _ = read("crema-d", plant(tmp_path, ["AudioWAV/1040_ITH_SAD_X.wav"]))
    assert list(table["id"]) == ["crema-d/AudioWAV/1040_ITH_SAD_XX"]


def test_strange_names_are_noted(tmp_path: Path) -> None:
    plant(tmp_path, ["wav/03a01Fa.wav", "wav/notes.wav", "wav/03a01Xa.wav", "readme.txt", "wav/.hidden.wav", "MD5SUM"])
    table, notes = read("emodb", tmp_path)
    assert len(table) == 1
    assert notes == (
        "emodb: 2 audio files left out, their names are not names of this corpus: wav/03a01Xa.wav, wav/notes.wav",
    )


def test_a_second_copy_inside_the_first_is_called_one(tmp_path: Path) -> None:
    clips = [f"Actor_{actor:02}/03-01-01-01-01-01-{actor:02}.wav" for actor in (1, 2)]
    plant(tmp_path, [*clips, *(f"audio_speech_actors_01-24/{clip}" for clip in clips), "Actor_01/notes.wav"])
    plant(tmp_path, ["more/Actor_03/03-01-01-01-01-01-03.wav"])
    table, notes = read("ravdess", tmp_path)
    assert len(table) == 2
    said = {note.split(": ")[1]: note.split(": ")[2] for note in notes}
    twice = "2 audio files left out, they are there already (an archive that was unpacked twice?)"
    assert said[twice] == ", ".join(f"audio_speech_actors_01-24/{clip}" for clip in clips)
    assert said["1 audio files left out, their names are not names of this corpus"] == "Actor_01/notes.wav"
    assert said["1 audio files left out, they lie deeper than the folders of this corpus"].startswith("more/Actor_03/")


def test_two_files_for_one_utterance(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"two files for one utterance.*03a01Fa\.flac.*03a01Fa\.wav"):
        read("emodb", plant(tmp_path, ["wav/03a01Fa.wav", "wav/03a01Fa.flac"]))


def test_a_link_that_leads_back_ends(tmp_path: Path) -> None:
    plant(tmp_path, ["wav/03a01Fa.wav"])
    (tmp_path / "wav" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(read("emodb", tmp_path)[0]) == 1


@pytest.mark.parametrize("corpus", BY_NAME)
@pytest.mark.parametrize("above", [1, 2])
def test_too_high(corpus: str, above: int, tmp_path: Path) -> None:
    right = plant(tmp_path / "store" / "set", all_names(corpus)[:20])
    given = right.parents[above - 1]
    with pytest.raises(InputError) as error:
        read(corpus, given)
    assert str(error.value) == f"{corpus}: {given} lies above the corpus folder; give {right}"
    assert len(read(corpus, right)[0]) == 20


@pytest.mark.parametrize("corpus", BY_NAME)
def test_too_low(corpus: str, tmp_path: Path) -> None:
    right = plant(tmp_path / "set", all_names(corpus)[:20])
    inner = next(path for path in sorted(right.iterdir()) if path.is_dir())
    with pytest.raises(InputError) as error:
        read(corpus, inner)
    assert str(error.value) == f"{corpus}: {inner} is a part of the corpus folder; give {right}"


def test_more_than_one_copy_below(tmp_path: Path) -> None:
    names = all_names("emodb")[:4]
    plant(tmp_path / "new", names)
    plant(tmp_path / "old", names[:2])
    with pytest.raises(InputError, match=r"more than once; give one of .*new, .*old"):
        read("emodb", tmp_path)


@pytest.mark.parametrize("corpus", sorted(cards()))
def test_missing_empty_and_wrong_folders(corpus: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{corpus}: there is no folder .*nowhere$"):
        read(corpus, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"^{corpus}: .*empty"):
        read(corpus, tmp_path / "empty")
    plant(tmp_path, ["file.wav"])
    with pytest.raises(InputError, match="is a file; give the folder"):
        read(corpus, tmp_path / "file.wav")
    with pytest.raises(InputError) as error:
        read(corpus, plant(tmp_path / "other", ["a/b.wav", "c.wav"]))
    assert "\n" not in str(error.value)


def test_archives_are_pointed_at(tmp_path: Path) -> None:
    plant(tmp_path, ["Audio_Speech_Actors_01-24.zip"])
    with pytest.raises(InputError, match=r"no audio files in .*; unpack Audio_Speech_Actors_01-24\.zip first"):
        read("ravdess", tmp_path)


@pytest.mark.parametrize(
    ("corpus", "count", "speakers"), [("emodb", 342, 10), ("ravdess", 1440, 24), ("emovo", 588, 6)]
)
def test_real_folders(corpus: str, count: int, speakers: int, corpora_folder: Path) -> None:
    table, notes = read(corpus, corpora_folder / corpus)
    assert (len(table), table["speaker"].nunique(), notes) == (count, speakers, ())
