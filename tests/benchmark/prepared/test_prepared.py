"""Prepared corpora: their table, their audio, and what is left out by name."""

import json
import os
import pickle
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serbench.benchmark.audio.duplicates import settle
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.prepared.corpus import prepare
from serbench.errors import InputError
from serbench.tests.support.own_corpus import RATE, corpus, kept, own_home, prepare_mine, sound

__all__ = ["own_home"]  # a fixture


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
    assert names == {f"c{i:02}" for i in range(8) if i != 3} | {
        "who1", "who2", "twin1", "twin2", "stereo", "clipped", "faint",
    }  # fmt: skip
    said = dict(note.split(": ", 1) for note in c.notes)
    assert said["2 clips left out, without sound"] == "mine/dc; mine/silent"
    assert "mine/c03 (" in said["2 clips left out, they cannot be read"]
    assert "truncated" in said["2 clips left out, they cannot be read"]
    assert "NaN" in said["2 clips left out, they cannot be read"]
    assert said["2 clips left out, identical audio under different labels"] == "mine/label1 = mine/label2 (sad, angry)"
    assert said["2 clips kept as one group, identical audio under different speakers"] == (
        "mine/who1 = mine/who2 (mine/s0, mine/s1)"
    )
    assert said["2 clips kept as one group, identical audio"] == "mine/twin1 = mine/twin2"
    assert said["1 clip of several channels, averaged to one"] == "mine/stereo"
    assert said["1 clip with clipped samples"].startswith("mine/clipped (")
    groups = dict(zip(c.table["id"], c.table["group"], strict=True))
    assert groups["mine/twin1"] == groups["mine/twin2"] == "mine/twin1"
    np.testing.assert_allclose(c.waveform("mine/faint"), sound(55) * 1e-9, atol=1e-9 / 32767)
    assert prepare_mine(tmp_path, folder).notes == c.notes


def test_the_true_reason_is_said_and_what_is_odd_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = corpus(
        tmp_path / "in",
        turned=(np.stack([sound(53), -sound(53)]).T, "s1", "sad"),
        integers=(sound(54) * 32767, "s1", "sad"),
        long=(sound(55).repeat(40), "s1", "sad"),
    )
    (folder / "c03.wav").write_bytes((folder / "c03.wav").read_bytes()[:-40])
    assert "mine/long" in set(prepare_mine(tmp_path, folder).table["id"])
    monkeypatch.setenv("SERBENCH_LONGEST_CLIP", "1")
    c = prepare_mine(tmp_path, folder)
    said = dict(note.split(": ", 1) for note in c.notes)
    assert said["1 clip left out, whose channels cancel each other (one is the other inverted)"] == "mine/turned"
    assert said["1 clip left out, longer than 1 s"] == "mine/long"
    assert said["1 clip whose header promises a few bytes more than there are"] == "mine/c03 (40 bytes)"
    assert "mine/integers (peak" in said["1 clip with samples far beyond full scale (integers in a file of floats?)"]
    assert {"mine/c03", "mine/integers"} <= set(c.table["id"])


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
    with pytest.raises(InputError, match=r"none of 1 clips can be used, the first: mine/a: a clip without sound"):
        prepare_mine(tmp_path, silent)
    same = corpus(tmp_path / "same", n=0, a=(sound(1), "s", "sad"), b=(sound(1), "s", "angry"))
    with pytest.raises(InputError, match="no clip is left"):
        prepare_mine(tmp_path, same)
    assert kept(tmp_path) == []


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
    prepare("ravdess", Path(CORPORA or "") / "ravdess", tmp_path / "home")
    assert time.perf_counter() - started < 2
