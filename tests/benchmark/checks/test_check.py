"""`check`: what it must find in damaged, partial and wrong copies of a corpus, and that it stays calm otherwise."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from serbench.benchmark.checks.corpus_check import CorpusLine, CorpusReport, check, compare
from serbench.benchmark.checks.corpus_faults import judge
from serbench.benchmark.checks.listening import ClipFile, FileSound, hear, listen
from serbench.benchmark.corpora.registry import find
from serbench.benchmark.corpora.releases import HEX, ReleaseFile, release

RATE = 16_000


def tone(seed: int, seconds: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * RATE))


def wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, format=path.suffix[1:].upper())
    return path


def lines(report: CorpusReport, severity: str) -> str:
    return "\n".join(line.text for line in report.lines if line.severity == severity)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A table of the user's own with five faultless clips."""
    for i in range(5):
        wav(tmp_path / f"{i}.wav", tone(i))
    rows = [{"path": f"{i}.wav", "speaker": "ab"[i % 2], "emotion": ["sad", "happy"][i // 3]} for i in range(5)]
    pd.DataFrame(rows).to_csv(tmp_path / "utterances.csv", index=False)
    return tmp_path


def test_nothing_wrong(own: Path) -> None:
    told: list[tuple[int, int]] = []
    report = check("mine", own, lambda done, total: told.append((done, total)))
    assert report.ok
    assert report.lines == (
        CorpusLine("note", "2 speakers, 2 classes; nothing is known about this corpus to compare with"),
        CorpusLine("note", "all 5 audio files can be read"),
    )
    assert told == [(i, 5) for i in range(1, 6)]
    assert report.to_text().splitlines()[0] == f"mine in {own}: 5 utterances, as it should be"


def test_damage(own: Path) -> None:
    whole = (own / "0.wav").read_bytes()
    (own / "0.wav").write_bytes(whole[: len(whole) // 2])
    (own / "1.wav").write_bytes(b"")
    (own / "2.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    (own / "3.wav").unlink()
    report = check("mine", own)
    assert not report.ok
    text = lines(report, "fault")
    assert "3 files cannot be read: 0 (truncated" in text
    assert "1 (the file is empty (0 bytes))" in text
    assert "2 (a pointer of git-lfs, not the audio: run `git lfs pull`)" in text
    assert "1 utterances left out, their audio is missing" in text
    assert report.to_text().splitlines()[0].endswith("4 utterances, 2 faults")


def test_sound(own: Path) -> None:
    wav(own / "0.wav", np.zeros(RATE))
    wav(own / "1.wav", tone(1) * 1e-3)
    loud = tone(2)
    loud[100:110] = 2.0
    wav(own / "2.wav", loud)
    wav(own / "3.wav", np.stack([tone(3), tone(4)], axis=1))
    wav(own / "4.wav", tone(5, 0.1), 8000)
    report = check("mine", own)
    assert lines(report, "fault") == "1 clips without sound: 0"
    warned = lines(report, "warning")
    assert "1 clips nearly without sound (peak below -60 dB): 1" in warned
    assert "1 clips with clipped samples: 2 (10 samples)" in warned
    assert "1 clips of several channels (they are averaged): 3" in warned
    assert "several rates: 4 at 16000 Hz, 1 at 8000 Hz" in warned
    assert "shorter than" not in warned


def test_the_true_reason_is_said(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wav(own / "0.wav", np.stack([tone(3), -tone(3)], axis=1))
    content = (own / "1.wav").read_bytes()
    (own / "1.wav").write_bytes(content[:-44])
    soundfile.write(own / "2.wav", 32767 * tone(4), RATE, subtype="FLOAT")
    wav(own / "3.wav", np.tile(tone(5), 6))
    monkeypatch.setenv("SERBENCH_LONGEST_CLIP", "1.5")
    report = check("mine", own)
    wrong, warned = lines(report, "fault"), lines(report, "warning")
    assert "1 clips whose channels cancel each other (one is the other inverted): 0" in wrong
    assert "1 clips longer than 1.5 s, which no run takes: 3" in wrong
    assert "without sound" not in wrong and "cannot be read" not in wrong
    assert "1 clips whose header promises a few bytes more than there are: 1 (44 bytes)" in warned
    assert "1 clips with samples far beyond full scale (integers in a file of floats?): 2 (peak" in warned


def test_lengths(own: Path) -> None:
    wav(own / "0.wav", tone(0, 0.15))
    wav(own / "1.wav", tone(1, 61))
    warned = lines(check("mine", own), "warning")
    assert "1 clips shorter than 0.2 s: 0" in warned
    assert "1 clips longer than 60 s: 1" in warned


def test_identical_audio(own: Path) -> None:
    wav(own / "2.wav", tone(0))  # 0 and 2: same speaker, same class
    report = check("mine", own)
    assert report.ok
    assert "1 sets of clips with identical audio: 0 = 2" in lines(report, "warning")
    wav(own / "4.wav", tone(0))  # another class
    assert "identical audio under different labels: 0 = 2 = 4 (sad, sad, happy)" in lines(check("mine", own), "fault")
    wav(own / "4.wav", tone(4))
    wav(own / "1.wav", tone(0))  # another speaker
    assert "identical audio of different speakers: 0 = 1 = 2" in lines(check("mine", own), "fault")


def test_identical_audio_in_another_format(own: Path) -> None:
    samples = np.round(tone(0) * 32768) / 32768
    wav(own / "0.wav", samples)
    wav(own / "2.flac", samples)
    text = (own / "utterances.csv").read_text().replace("2.wav", "2.flac")
    (own / "utterances.csv").write_text(text)
    assert "identical audio: 0 = 2" in lines(check("mine", own), "warning")


def test_partial_and_foreign_files(tmp_path: Path) -> None:
    for i, name in enumerate(["03a01Fa", "03a01Nc", "08a01Wa"]):
        wav(tmp_path / "wav" / f"{name}.wav", tone(i, 1.7))
    wav(tmp_path / "wav" / "03a02Fa.wav", tone(9, 1.7))  # no such clip in the release
    report = check("emodb", tmp_path)
    text = lines(report, "fault")
    assert "4 of 535 utterances; angry 1 of 127" in text and "fear 0 of 69" in text and "neutral 1 of 79" in text
    assert "2 of 10 speakers" in text and "16 0 of 71" in text
    assert "532 released clips are missing: wav/03a01Wa" in text
    assert "1 clips that the release of 535 lacks: wav/03a02Fa" in text
    assert (
        "3 files are not those of the release (size or SHA-256 differ): wav/03a01Fa, wav/03a01Nc, wav/08a01Wa" in text
    )


def test_conversions_are_told_from_changes(tmp_path: Path) -> None:
    sizes = {file.path.rpartition("/")[2]: file.bytes for file in release("ravdess")}
    names = ["03-01-01-01-01-01-01", "03-01-01-01-01-02-01", "03-01-01-01-02-01-01", "03-01-01-01-02-02-01"]
    seconds = [sizes[f"{name}.wav"] / 96_000 - 0.3 for name in names]
    folder = tmp_path / "Actor_01"
    wav(folder / f"{names[0]}.flac", tone(0, seconds[0]))
    wav(folder / f"{names[1]}.wav", tone(1, seconds[1]))  # another rate
    wav(folder / f"{names[2]}.flac", tone(2, seconds[2] - 1.5))
    wav(folder / f"{names[3]}.flac", tone(3, seconds[3] + 2.0))
    report = check("ravdess", tmp_path)
    text = lines(report, "fault")
    assert "not those of the release" not in text
    assert f"1 clips are much shorter than released: Actor_01/{names[2]}" in text
    assert f"1 clips are longer than released: Actor_01/{names[3]}" in text
    assert "4 files were converted: their hashes cannot be compared" in lines(report, "note")
    assert "the release has 48000 Hz, here are 4 at 16000 Hz" in lines(report, "warning")


def full_table(corpus: str) -> pd.DataFrame:
    """A table with exactly the known counts of class and speaker, not of their pairs."""
    known = find(corpus).facts
    columns = {
        column: [value for value, count in counts.items() for _ in range(count)]
        for column, counts in known.counts.items()
        if sum(counts.values()) == known.utterances
    }
    table = pd.DataFrame(columns)
    table["speaker"] = f"{corpus}/" + table["speaker"]
    return table.assign(id=[f"{corpus}/{i}" for i in range(len(table))])


def test_another_release() -> None:
    table = full_table("emodb")
    more = pd.concat([table, table.head(816 - 535).assign(id=[f"emodb/more{i}" for i in range(816 - 535)])])
    found = [text for severity, text in compare(more, find("emodb").facts, set(table["id"])) if severity == "fault"]
    assert found[0] == "816 utterances: this is EMO-DB 2.0, not the release of 535"
    assert any(text.startswith("816 of 535 utterances; angry ") for text in found)
    assert any(text.startswith("281 clips that the release of 535 lacks") for text in found)


def test_complete_counts_are_no_fault() -> None:
    table = full_table("tess")
    found = compare(table, find("tess").facts, set(table["id"]))
    assert found[0] == (
        "note",
        "2800 of 2800 utterances: the counts are those of the release (2 speakers, 7 classes)",
    )
    assert {severity for severity, _ in found} == {"note"}


def test_a_missing_class_and_a_strange_one() -> None:
    table = full_table("savee")
    table.loc[table["emotion"] == "fear", "emotion"] = "joy"
    texts = [text for severity, text in compare(table, find("savee").facts, set()) if severity == "fault"]
    assert texts == ["480 of 480 utterances; fear 0 of 60, joy 60 of 0"]


def test_missing_speakers_and_sessions_are_named() -> None:
    table = pd.DataFrame(
        {
            "id": ["iemocap/a", "iemocap/b"],
            "speaker": ["iemocap/Ses01_F", "iemocap/Ses01_M"],
            "session": ["Ses01", "Ses01"],
            "emotion": ["angry", "sad"],
        }
    )
    text = "\n".join(text for severity, text in compare(table, find("iemocap").facts, set()) if severity == "fault")
    assert "2 of 10039 utterances" in text and "2 of 10 speakers" in text
    assert "Ses01 2 of 1819, Ses02 0 of 1811" in text
    assert "speaker: Ses02_F is missing, Ses02_M is missing" in text and "Ses01_F" not in text


def heard(id: str, **values: object) -> FileSound:
    return FileSound(id, **({"rate_hz": 16_000, "channels": 1, "seconds": 2.0, "audio": id} | values))  # type: ignore[arg-type]


def test_known_defects_are_no_fault() -> None:
    known = find("crema-d").facts
    table = pd.DataFrame(
        {
            "id": [*known.identical[0], *known.silent, "crema-d/AudioWAV/1001_DFA_ANG_XX"],
            "emotion": ["happy", "neutral", "sad", "angry"],
            "speaker": ["crema-d/1006", "crema-d/1006", "crema-d/1076", "crema-d/1001"],
        }
    )
    clips = [
        heard(known.identical[0][0], audio="x"),
        heard(known.identical[0][1], audio="x"),
        heard(known.silent[0], silence="silent"),
        heard("crema-d/AudioWAV/1001_DFA_ANG_XX"),
    ]
    found = judge(clips, table, known, {})
    assert {severity for severity, _ in found} == {"note"}
    text = "\n".join(text for _, text in found)
    assert "clips without sound, as released: AudioWAV/1076_MTI_SAD_XX" in text
    assert (
        "identical audio under different labels, as released: AudioWAV/1006_TIE_HAP_XX = AudioWAV/1006_TIE_NEU_XX"
        in text
    )
    clips[3] = heard("crema-d/AudioWAV/1001_DFA_ANG_XX", audio="x")
    assert "fault" in {severity for severity, _ in judge(clips, table, known, {})}


def test_known_damage_of_meld() -> None:
    known = find("meld").facts
    table = pd.DataFrame({"id": list(known.damaged), "emotion": ["neutral"], "speaker": ["meld/Ross"]})
    clip = FileSound(known.damaged[0], error="not audio")
    assert judge([clip], table, known, {}) == [
        ("note", "1 files cannot be read, as released: train/dia125_utt3 (not audio)")
    ]


def test_the_released_file_is_recognized(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", tone(0))
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()[:HEX]
    right = ReleaseFile("wav/a.wav", len(data), digest)
    assert hear(ClipFile("c/a", str(path), right)).same is True
    assert hear(ClipFile("c/a", str(path), None)).same is None
    assert hear(ClipFile("c/a", str(path), ReleaseFile("wav/a.wav", len(data) + 2, digest))).same is False
    assert hear(ClipFile("c/a", str(path), ReleaseFile("wav/a.wav", len(data), "0" * HEX))).same is False
    flac = wav(tmp_path / "a.flac", tone(0))
    assert hear(ClipFile("c/a", str(flac), right)).same is None


def test_several_processes_give_the_same(tmp_path: Path) -> None:
    paths = [wav(tmp_path / f"{i}.wav", tone(i, 0.05)) for i in range(70)]
    tasks = [ClipFile(f"c/{path.stem}", str(path), None) for path in paths]
    assert listen(tasks, jobs=1) == listen(tasks, jobs=2)


def test_real_folders(corpora_folder: Path) -> None:
    partial = check("emodb", corpora_folder / "emodb")
    assert "342 of 535 utterances; boredom 1 of 81, fear 1 of 69, disgust 1 of 46" in lines(partial, "fault")
    whole = check("ravdess", corpora_folder / "ravdess")
    assert whole.ok
    notes = lines(whole, "note")
    assert "Actor_07/03-01-03-01-02-01-07 = Actor_07/03-01-03-01-02-02-07" in notes
    assert "5 clips of several channels, as released" in notes
    assert "the release has 48000 Hz, here are 1440 at 16000 Hz" in lines(whole, "warning")
    assert check("emovo", corpora_folder / "emovo").ok


def test_unusual_files(corpora_folder: Path, tmp_path: Path) -> None:
    files = sorted(p for p in (corpora_folder / "odd").rglob("*") if p.suffix.lower() == ".wav")
    rows = [{"path": str(path), "speaker": path.stem, "emotion": "neutral"} for path in files]
    pd.DataFrame(rows).to_csv(tmp_path / "utterances.csv", index=False)
    report = check("odd", tmp_path)
    assert f"all {len(files)} audio files can be read" in lines(report, "note")
    assert "1 clips without sound" in lines(report, "fault") and "digital_silence" in lines(report, "fault")
    assert "almost_silent" in lines(report, "warning")
    assert "stereo_24bit" in lines(report, "warning")
