"""Finding a prepared corpus again: in an instant when nothing changed, decoded again when anything did."""

import os
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from serbench.benchmark import user_folder
from serbench.benchmark.prepared import build, home
from serbench.benchmark.prepared import corpus as prepared
from serbench.benchmark.prepared.corpus import open_corpus, prepare
from serbench.benchmark.prepared.shelf import shelf
from serbench.benchmark.prepared.sources import locate
from serbench.errors import InputError
from serbench.tests.support.edited import rewrite
from serbench.tests.support.own_corpus import RATE, corpus, kept, made, own_home, prepare_mine, sound

__all__ = ["made", "own_home"]  # fixtures


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


def test_older_format_and_damage_are_replaced_with_a_word(tmp_path: Path, made: list[str]) -> None:
    folder = corpus(tmp_path / "in")
    first = prepare_mine(tmp_path, folder)
    manifest = first.folder / "manifest.json"
    for damage, word in (
        (lambda: rewrite(manifest, format=0), "older format 0"),
        (lambda: rewrite(manifest, maker="0" * 8), "older code"),
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
    rewrite(manifest, format=0)
    with pytest.raises(InputError, match=r"not prepared at 16000 Hz \(a form of the older format 0\); give its folder"):
        open_corpus("mine")


def test_what_other_code_made_is_made_again_elsewhere(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without its source at hand; and nothing that was kept beside the old audio is found beside the new."""
    folder = corpus(tmp_path / "in")
    first = prepare_mine(tmp_path, folder)
    (first.folder / "features").mkdir()
    for module in (home, build, prepared):
        monkeypatch.setattr(module, "maker", lambda: "0123abcd", raising=False)
    (form,) = next(line for line in shelf(tmp_path / "home") if line.name == "mine").prepared
    assert str(form).startswith("older code, ")
    made.clear()
    again = open_corpus("mine")
    assert len(made) == 8 and again.notes == ("a form of the older code lay there and was replaced",)
    assert again.fingerprint == first.fingerprint and again.folder != first.folder
    assert kept(tmp_path) == [again.folder.name] and not (again.folder / "features").exists()
    monkeypatch.undo()
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    shutil.rmtree(folder)
    with pytest.raises(InputError, match=r"not prepared at 16000 Hz \(a form of the older code\); give its folder"):
        open_corpus("mine")


def test_the_maker_is_the_format_and_the_text_of_what_decides_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = home.maker.__wrapped__
    assert home.MAKERS == ("serbench.benchmark.prepared.clips", "serbench.benchmark.audio.decode")
    found = {home.maker(), fresh()}
    assert len(found) == 1
    with monkeypatch.context() as patch:
        patch.setattr(home, "FORMAT", home.FORMAT + 1)
        found.add(fresh())
    for text in ("0" * 64, "1" * 64):
        monkeypatch.setattr(home, "source_hash", lambda modules, text=text: text)
        found.add(fresh())
    assert len(found) == 4


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
    assert user_folder.home() == tmp_path / "home"
    monkeypatch.delenv("SERBENCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_folder.home() == tmp_path / "serbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_folder.home() == tmp_path / ".cache" / "serbench"
