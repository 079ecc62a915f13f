"""Prepared corpora: whole or absent, found again in an instant, the same wherever they lie."""

import errno
import fcntl
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from serbench.benchmark import build, clips, home, prepared
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.duplicates import settle
from serbench.benchmark.prepared import locate, open_corpus, prepare
from serbench.benchmark.workers import ordered
from serbench.errors import InputError

RATE = 16_000


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SERBENCH_CORPORA", raising=False)


def sound(seed: int, n: int = 800) -> np.ndarray:
    return np.round(np.random.default_rng(seed).uniform(-0.5, 0.5, n) * 32768) / 32768


def corpus(folder: Path, n: int = 8, **files: tuple[np.ndarray, str, str]) -> Path:
    """A corpus of ``n`` clips of two speakers and two emotions with a table; ``files`` are further samples."""
    folder.mkdir(parents=True)
    lines = []
    for i in range(n):
        soundfile.write(folder / f"c{i:02}.wav", sound(i), RATE)
        lines.append((f"c{i:02}.wav", f"s{i % 2}", ("angry", "sad")[i // 2 % 2]))
    for name, (samples, speaker, emotion) in files.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="FLOAT")
        lines.append((f"{name}.wav", speaker, emotion))
    pd.DataFrame(lines, columns=["path", "speaker", "emotion"]).to_csv(folder / "utterances.csv", index=False)
    return folder


def prepare_mine(tmp_path: Path, folder: Path, rate_hz: int = RATE, jobs: int = 1) -> prepared.Corpus:
    return prepare("mine", folder, tmp_path / "home", rate_hz, lambda done, total: None, jobs)


def kept(tmp_path: Path) -> list[str]:
    """Everything below the place of the corpus, without the lock."""
    return sorted(path.name for path in (tmp_path / "home" / "corpora" / "mine").glob("*"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of clips that were decoded, in this process."""
    ids: list[str] = []

    def make(task: clips.Task) -> clips.Clip:
        ids.append(task.id)
        return clips.make(task)

    monkeypatch.setattr(build, "make", make)
    return ids


def test_table_and_audio(tmp_path: Path) -> None:
    c = prepare_mine(tmp_path, corpus(tmp_path / "in"))
    assert list(c.table["id"]) == [f"mine/c{i:02}" for i in range(8)]
    assert set(c.table["speaker"]) == {"mine/s0", "mine/s1"}
    assert list(c.table["group"]) == list(c.table["id"])
    assert c.table["session"].isna().all() and c.table.loc[0, "session"] is None
    assert (c.table["n_samples"] == 800).all() and (c.table["seconds"] == 0.05).all()
    assert c.notes == ()
    for i, (id, samples) in enumerate(zip(c.table["id"], c.waveforms(list(c.table["id"])), strict=True)):
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(samples, sound(i).astype(np.float32))
        assert c.n_samples(id) == 800
    with pytest.raises(InputError, match="no utterance 'mine/c99'"):
        c.waveform("mine/c99")


def test_another_rate_is_another_store_of_the_same_content(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in")
    a, b = prepare_mine(tmp_path, folder), prepare_mine(tmp_path, folder, 8000)
    assert a.fingerprint == b.fingerprint
    assert a.folder != b.folder
    assert (b.table["n_samples"] == 400).all()
    assert len(kept(tmp_path)) == 2


def test_second_call_decodes_nothing(tmp_path: Path, made: list[str]) -> None:
    folder = corpus(tmp_path / "in")
    first = prepare_mine(tmp_path, folder)
    assert len(made) == 8
    made.clear()
    started = time.perf_counter()
    second = prepare_mine(tmp_path, folder)
    assert time.perf_counter() - started < 0.5
    assert made == []
    assert (second.fingerprint, second.folder, second.notes) == (first.fingerprint, first.folder, first.notes)
    pd.testing.assert_frame_equal(first.table, second.table)


def test_a_changed_source_is_decoded_again(tmp_path: Path, made: list[str]) -> None:
    folder = corpus(tmp_path / "in")
    first = prepare_mine(tmp_path, folder)
    os.utime(folder / "c00.wav", (1, 1))  # a new date, the same content
    same = prepare_mine(tmp_path, folder)
    assert len(made) == 16
    assert (same.fingerprint, same.folder) == (first.fingerprint, first.folder)
    soundfile.write(folder / "c00.wav", sound(99), RATE)
    audio = prepare_mine(tmp_path, folder)
    table = (folder / "utterances.csv").read_text().replace("c01.wav,s1,angry", "c01.wav,s1,sad")
    (folder / "utterances.csv").write_text(table)
    labels = prepare_mine(tmp_path, folder)
    assert len({first.fingerprint, audio.fingerprint, labels.fingerprint}) == 3
    made.clear()
    assert prepare_mine(tmp_path, folder).fingerprint == labels.fingerprint
    assert made == []


def test_fingerprint_depends_on_neither_folder_nor_date(tmp_path: Path, made: list[str]) -> None:
    folder = corpus(tmp_path / "in")
    first = prepare_mine(tmp_path, folder)
    shutil.copytree(folder, tmp_path / "moved", copy_function=shutil.copyfile)
    moved = prepare_mine(tmp_path, tmp_path / "moved")
    assert (moved.fingerprint, moved.folder) == (first.fingerprint, first.folder)
    assert len(kept(tmp_path)) == 1
    made.clear()
    for at in (tmp_path / "moved", folder):  # both are known now, each with its own paths
        again = prepare_mine(tmp_path, at)
        assert {Path(path).parent for path in again.table["path"]} == {at}
    assert made == []


def test_bad_clips_are_left_out_by_name(tmp_path: Path) -> None:
    a = sound(50)
    folder = corpus(
        tmp_path / "in",
        silent=(np.zeros(800), "s0", "sad"),
        dc=(np.full(800, 0.1), "s0", "sad"),
        nan=(np.full(800, np.nan), "s1", "sad"),
        label1=(sound(51), "s0", "sad"),
        label2=(sound(51), "s0", "angry"),
        who1=(sound(52), "s0", "sad"),
        who2=(sound(52), "s1", "sad"),
        twin1=(a, "s0", "sad"),
        twin2=(a, "s0", "sad"),
        stereo=(np.stack([a, sound(53)]).T, "s1", "sad"),
        clipped=(np.clip(sound(54) * 4, -1, 1).repeat(5), "s1", "sad"),
        faint=(sound(55) * 1e-9, "s1", "sad"),
    )
    (folder / "c03.wav").write_bytes((folder / "c03.wav").read_bytes()[:500])
    c = prepare_mine(tmp_path, folder)
    names = {id.removeprefix("mine/") for id in c.table["id"]}
    assert names == {f"c{i:02}" for i in range(8) if i != 3} | {"twin1", "twin2", "stereo", "clipped", "faint"}
    said = dict(note.split(": ", 1) for note in c.notes)
    assert said["2 clips left out, without sound"] == "mine/dc; mine/silent"
    assert "mine/c03 (" in said["2 clips left out, they cannot be read"]
    assert "truncated" in said["2 clips left out, they cannot be read"]
    assert "NaN" in said["2 clips left out, they cannot be read"]
    assert said["2 clips left out, identical audio under different labels"] == "mine/label1 = mine/label2 (sad, angry)"
    assert said["2 clips left out, identical audio under different speakers"] == "mine/who1 = mine/who2"
    assert said["2 clips kept as one group, identical audio"] == "mine/twin1 = mine/twin2"
    assert said["1 clip of several channels, averaged to one"] == "mine/stereo"
    assert said["1 clip with clipped samples"].startswith("mine/clipped (")
    groups = dict(zip(c.table["id"], c.table["group"], strict=True))
    assert groups["mine/twin1"] == groups["mine/twin2"] == "mine/twin1"
    np.testing.assert_allclose(c.waveform("mine/faint"), sound(55) * 1e-9, atol=1e-9 / 32767)
    assert prepare_mine(tmp_path, folder).notes == c.notes


def test_three_alike_with_one_other_label_are_all_dropped() -> None:
    rows = [("a", "h", "sad", "x"), ("b", "h", "sad", "x"), ("c", "h", "angry", "y"), ("d", "k", "sad", "x")]
    table, reasons = settle(pd.DataFrame(rows, columns=["id", "audio_hash", "emotion", "speaker"]))
    assert list(table["id"]) == list(table["group"]) == ["d"]
    assert reasons == {"left out, identical audio under different labels": ["a = b = c (sad, sad, angry)"]}


def test_long_lists_are_cut_in_the_note_and_whole_in_the_manifest(tmp_path: Path) -> None:
    silent = {f"z{i}": (np.zeros(10), "s0", "sad") for i in range(12)}
    c = prepare_mine(tmp_path, corpus(tmp_path / "in", 8, **silent))
    assert c.notes[0].startswith("12 clips left out, without sound: ") and "and 4 more" in c.notes[0]
    (source,) = json.loads((c.folder / "manifest.json").read_text())["sources"].values()
    assert source["clips"]["left out, without sound"] == sorted(f"mine/{name}" for name in silent)


def test_nothing_usable(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", n=3)
    for path in folder.glob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"mine: none of 3 clips can be used, 3 cannot be read: .*c00\.wav: .*empty"):
        prepare_mine(tmp_path, folder)
    silent = corpus(tmp_path / "silent", n=0, a=(np.zeros(9), "s", "sad"))
    with pytest.raises(InputError, match="none of 1 clips holds sound"):
        prepare_mine(tmp_path, silent)
    same = corpus(tmp_path / "same", n=0, a=(sound(1), "s", "sad"), b=(sound(1), "s", "angry"))
    with pytest.raises(InputError, match="no clip is left"):
        prepare_mine(tmp_path, same)
    assert kept(tmp_path) == []


def test_full_disk_is_seen_before_decoding(tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus(tmp_path / "in")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1_000_000))
    with pytest.raises(InputError, match=r"1 MB free, about 34 MB needed to prepare mine at 16000 Hz; .*SERBENCH_HOME"):
        prepare_mine(tmp_path, folder)
    assert made == []
    monkeypatch.setattr(build, "_RESERVE", 0)  # 8 clips of 50 ms, 16 bit: 12.8 kB and a tenth
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 14_000))
    with pytest.raises(InputError, match="needed"):
        prepare_mine(tmp_path, folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 14_200))
    prepare_mine(tmp_path, folder)


def test_disk_that_fills_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus(tmp_path / "in")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(InputError, match=r"cannot write .*no space left on device"):
        patch.setattr(os, "fsync", full)
        prepare_mine(tmp_path, folder)
    assert kept(tmp_path) == []
    assert len(prepare_mine(tmp_path, folder).table) == 8


def test_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(InputError, match=r"cannot write .*; make room or set SERBENCH_HOME"):
        prepare_mine(tmp_path, corpus(tmp_path / "in"))


KILLED = """
import os, signal, sys
from pathlib import Path
from serbench.benchmark.prepared import prepare

def progress(done: int, total: int) -> None:
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

prepare("mine", Path(sys.argv[1]), Path(sys.argv[2]), 16000, progress, int(sys.argv[4]))
"""


def killed(tmp_path: Path, folder: Path, at: int, jobs: int = 1) -> int:
    arguments = [str(folder), str(tmp_path / "home"), str(at), str(jobs)]
    return subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False).returncode


def test_killed_half_way(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in")
    assert killed(tmp_path, folder, 5) == -signal.SIGKILL
    (left,) = kept(tmp_path)
    assert left.startswith(home.BUILDING)
    assert home.stored(tmp_path / "home") == []
    c = prepare_mine(tmp_path, folder)
    assert kept(tmp_path) == [c.folder.name]
    np.testing.assert_array_equal(c.waveform("mine/c07"), sound(7).astype(np.float32))


@pytest.mark.slow
def test_processes_end_with_a_killed_parent(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", n=400)
    assert killed(tmp_path, folder, 20, jobs=2) == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while (alive := _spawned_by(str(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert alive == []


def _spawned_by(mark: str) -> list[str]:
    """Processes that were spawned in a given home (their environment names it)."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in command and mark.encode() in environment:
            found.append(path.name)
    return found


def test_two_at_once(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", n=20)
    code = (
        "import sys; from serbench.benchmark.prepared import open_corpus; print(open_corpus(sys.argv[1]).fingerprint)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, f"mine={folder}"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert said == {prepare_mine(tmp_path, folder).fingerprint + "\n"}
    assert len(kept(tmp_path)) == 1


def test_without_locks_the_first_rename_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process finishes the same corpus while this one decodes, on a file system without locks."""
    folder = corpus(tmp_path / "in")

    def no_lock(file: object, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    def other(done: int, total: int) -> None:
        if done == 4:
            prepare("mine", folder, tmp_path / "home", RATE, lambda done, total: None, 1)

    monkeypatch.setattr(fcntl, "flock", no_lock)
    c = prepare("mine", folder, tmp_path / "home", RATE, other, 1)
    assert kept(tmp_path) == [c.folder.name]
    np.testing.assert_array_equal(c.waveform("mine/c07"), sound(7).astype(np.float32))


def test_older_format_and_damage_are_replaced_with_a_word(tmp_path: Path, made: list[str]) -> None:
    folder = corpus(tmp_path / "in")
    first = prepare_mine(tmp_path, folder)
    manifest = first.folder / "manifest.json"
    for damage, word in (
        (lambda: manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 0')), "older format 0"),
        (lambda: manifest.write_text("{"), "damaged"),
        (lambda: (first.folder / "audio.int16").write_bytes(b"1"), "damaged"),
        (lambda: (first.folder / "table.parquet").unlink(), "damaged"),
    ):
        damage()
        made.clear()
        again = prepare_mine(tmp_path, folder)
        assert len(made) == 8
        assert len(again.notes) == 1 and word in again.notes[0]
        assert kept(tmp_path) == [first.folder.name]
        assert again.fingerprint == first.fingerprint
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 0'))
    with pytest.raises(InputError, match=r"not prepared at 16000 Hz \(a form of the older format 0\); give its folder"):
        open_corpus("mine")


def test_prepared_without_its_folder(tmp_path: Path, made: list[str]) -> None:
    folder = corpus(tmp_path / "in")
    first = prepare_mine(tmp_path, folder)
    eight = prepare("mine", None, tmp_path / "home", 8000)  # the folder is remembered
    assert eight.rate_hz == 8000
    shutil.rmtree(folder)
    made.clear()
    again = open_corpus("mine")
    assert again.fingerprint == first.fingerprint and made == []
    pd.testing.assert_frame_equal(again.table, first.table)
    with pytest.raises(InputError, match=r"not prepared at 11025 Hz \(16000 Hz, 8000 Hz\); give its folder"):
        open_corpus("mine", 11_025)
    changed = corpus(tmp_path / "in", n=6)
    newest = prepare_mine(tmp_path, changed)
    shutil.rmtree(folder)
    chosen = open_corpus("mine")
    assert chosen.fingerprint == newest.fingerprint
    assert "2 states of it are prepared" in chosen.notes[0]


def test_processes_give_the_same_bytes(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "in", n=70)
    several = prepare("mine", folder, tmp_path / "home", RATE, lambda done, total: None, 2)
    one = prepare("mine", folder, tmp_path / "other", RATE, lambda done, total: None, 1)
    for name in ("audio.int16", "table.parquet"):
        assert (several.folder / name).read_bytes() == (one.folder / name).read_bytes()


def test_a_killed_worker_is_an_error_not_a_hole(tmp_path: Path) -> None:
    with pytest.raises(BrokenProcessPool):
        list(ordered(_die, range(100), 2))
    assert multiprocessing.active_children() == []


def _die(item: int) -> int:
    if item == 50:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_a_corpus_travels_without_its_audio(tmp_path: Path) -> None:
    c = prepare_mine(tmp_path, corpus(tmp_path / "in"))
    before = len(pickle.dumps(c))
    c.waveform("mine/c01")
    sent = pickle.dumps(c)
    assert len(sent) == before
    np.testing.assert_array_equal(pickle.loads(sent).waveform("mine/c01"), c.waveform("mine/c01"))


def test_synthetic_corpora_are_made_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = synthetic.table
    monkeypatch.setattr(synthetic, "table", lambda name: real(name).iloc[::60].reset_index(drop=True))
    a = prepare("synth-a", None, tmp_path / "home", RATE, jobs=1)
    assert len(a.table) == 4
    made = synthetic.waveform("synth-a", a.table["id"][2])
    np.testing.assert_allclose(a.waveform(a.table["id"][2]), made, atol=a.table["scale"][2] / 2 * 1.01)
    again = prepare("synth-a", None, tmp_path / "other", RATE, jobs=1)
    assert again.fingerprint == a.fingerprint
    monkeypatch.setattr(synthetic, "VERSION", -1)
    assert prepare("synth-a", None, tmp_path / "home", RATE, jobs=1).fingerprint != a.fingerprint


def test_where_a_corpus_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate("synth-a") is None
    assert locate("emodb", tmp_path) == tmp_path
    with pytest.raises(
        InputError, match=r"emodb: not found \(SERBENCH_CORPORA is not set.*emodb=DIR; to obtain it: .*http"
    ):
        locate("emodb")
    monkeypatch.setenv("SERBENCH_CORPORA", str(tmp_path))
    with pytest.raises(InputError, match=f"no folder emodb in {tmp_path}"):
        locate("emodb")
    (tmp_path / "emodb").mkdir()
    assert locate("emodb") == tmp_path / "emodb"
    with pytest.raises(InputError, match="did you mean 'ravdess'"):
        locate("ravdes")
    for name in ("", "../up", ".hidden", "a/b"):
        with pytest.raises(InputError, match="corpus name"):
            locate(name)
    with pytest.raises(InputError, match="built in"):
        locate("synth-a", tmp_path)
    with pytest.raises(InputError, match="no folder after '='"):
        open_corpus("emodb=")
    with pytest.raises(InputError, match="nowhere"):
        open_corpus(f"emodb={tmp_path / 'nowhere'}")
    with pytest.raises(InputError, match="rate 16"):
        prepare("synth-a", None, tmp_path, 16)
    prepare_mine(tmp_path, corpus(tmp_path / "in"))
    assert locate("mine") is None


def test_default_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert home.home() == tmp_path / "home"
    monkeypatch.delenv("SERBENCH_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert home.home() == tmp_path / "serbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home.home() == tmp_path / ".cache" / "serbench"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert home.home() == tmp_path / "Library" / "Caches" / "serbench"


CORPORA = os.environ.get("SERBENCH_CORPORA")


@pytest.mark.slow
@pytest.mark.skipif(not CORPORA, reason="SERBENCH_CORPORA is not set")
def test_real_corpus(tmp_path: Path) -> None:
    started = time.perf_counter()
    c = prepare("ravdess", Path(CORPORA or "") / "ravdess", tmp_path / "home", progress=lambda done, total: None)
    seconds = time.perf_counter() - started
    assert len(c.table) == 1440
    assert any("Actor_07/03-01-03-01-02-01-07 = ravdess/Actor_07/03-01-03-01-02-02-07" in note for note in c.notes)
    assert any(note.startswith("5 clips of several channels") for note in c.notes)
    assert seconds < 30
    started = time.perf_counter()
    prepared.prepare("ravdess", Path(CORPORA or "") / "ravdess", tmp_path / "home")
    assert time.perf_counter() - started < 2
