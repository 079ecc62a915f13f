"""The compact copy of a large run: the same evidence, from the files where they changed, and never believed blindly."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serbench.results.evidence import cell_sources, compact, seals
from serbench.results.evidence.evidence import Evidence, open_evidence
from serbench.results.evidence.files import StoreError
from serbench.results.evidence.query import query
from serbench.results.evidence.store import Run, create
from serbench.results.evidence.verification import verify
from serbench.tests.support.records import cell

KEYS = [f"{k:032d}" for k in range(5)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are worth it from three cells on."""
    monkeypatch.setattr(cell_sources, "WORTH", 3)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Four finished cells, one of them without probabilities and one with an unknown speaker, and a failed one."""
    run = create(tmp_path / "run", "0")
    for seed, key in enumerate(KEYS[:4]):
        record, predictions = cell(key, seed=seed, settings={"c": seed // 2}, notes=["odd"] * (seed == 1))
        if seed == 2:
            predictions["log_probability"] = None
        if seed == 3:
            predictions["speaker"] = [None, "synth-a/f2"]
        run.append(record, predictions)
    run.append(cell(KEYS[4], seed=4, status="failed", error="no")[0], None)
    return run


def frames(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame, list[list[float]]]:
    """All that is read of cells."""
    values = [[] if x is None else list(map(float, x)) for x in evidence.scored["log_probability"]]
    return evidence.records, evidence.predictions, values


def assert_equal(left: Evidence, right: Evidence) -> None:
    for a, b in zip(frames(left), frames(right), strict=True):
        if isinstance(a, pd.DataFrame):
            pd.testing.assert_frame_equal(a, b)
        else:
            assert a == b


def from_files(run: Run, monkeypatch: pytest.MonkeyPatch) -> Evidence:
    """As if there were no copies."""
    with monkeypatch.context() as patch:
        patch.setattr(cell_sources, "WORTH", 10**9)
        patch.setattr(compact, "FOLDER", "none")
        evidence = open_evidence([run])
        frames(evidence)
    return evidence


def no_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(self: Run, *_: object) -> None:
        raise AssertionError("read from its file")

    monkeypatch.setattr(Run, "record", read)
    monkeypatch.setattr(Run, "intact", read)


def test_the_copy_gives_the_same_and_reads_no_cell(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = from_files(run, monkeypatch)
    made = open_evidence([run])
    assert_equal(made, expected)
    assert {cell.copy is not None for cell in made.cells} == {True}
    sql = "SELECT key, row, speaker, truth, log_probability[1] AS p, len(log_probability) AS n FROM predictions"
    before = query(open_evidence([run]), sql)
    no_file_is_read(monkeypatch)
    assert_equal(open_evidence([run]), expected)
    pd.testing.assert_frame_equal(query(open_evidence([run]), sql), before)
    assert before["n"].isna().sum() == 2


def test_small_runs_have_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_sources, "WORTH", 6)
    assert len(open_evidence([run]).records) == 5
    assert not (run.folder / "compact").exists()


def test_what_is_new_changed_or_gone_is_read_from_its_files(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    open_evidence([run])
    monkeypatch.setattr(cell_sources, "STALE", 1.0)  # the copy stays as it is
    record, predictions = cell(KEYS[4], seed=4)
    run.append(record, predictions)  # tried again, and finished
    run.append(*cell("9" * 32, seed=9))
    run.record_path(KEYS[0]).unlink()
    evidence = open_evidence([run])
    assert_equal(evidence, from_files(run, monkeypatch))
    assert [c.copy is None for c in evidence.cells] == [False] * 3 + [True] * 2
    path = run.predictions_path(KEYS[1])
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match=f"{KEYS[1]}.parquet: damaged"):
        frames(open_evidence([run]))


def test_a_copy_that_is_mostly_stale_is_made_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    open_evidence([run])
    before = {path.name for path in (run.folder / "compact").iterdir()}
    run.append(*cell("9" * 32, seed=9))
    open_evidence([run])
    after = {path.name for path in (run.folder / "compact").iterdir()}
    assert len(after) == len(before) == 5
    assert after & before == {"manifest.json"}
    no_file_is_read(monkeypatch)
    assert len(open_evidence([run]).predictions) == 10


def test_an_opened_copy_stays_readable_when_a_newer_one_takes_its_place(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_evidence([run])
    expected = from_files(run, monkeypatch)
    opened = open_evidence([run])  # its predictions are read later
    run.append(*cell("9" * 32, seed=9))
    assert len(open_evidence([run]).records) == 6  # another process: the files of the older copy are gone
    assert_equal(opened, expected)


@pytest.mark.parametrize("what", ["manifest.json", "cells", "texts", "values", "lengths", "gone", "older"])
def test_a_damaged_copy_is_made_anew(run: Run, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = from_files(run, monkeypatch)
    open_evidence([run])
    folder = run.folder / "compact"
    (path,) = folder.glob(what if what.endswith("json") else f"*.{'texts' if what in ('gone', 'older') else what}.*")
    if what == "gone":
        path.unlink()
    elif what == "older":
        rewritten(folder / "manifest.json", copy=0)
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(bytes(content))
    evidence = open_evidence([run])
    assert_equal(evidence, expected)
    assert {cell.copy is not None for cell in evidence.cells} == {True}


def rewritten(path: Path, **changes: object) -> None:
    """A sealed manifest with other values."""
    path.write_text(json.dumps(seals.sealed({**seals.opened(json.loads(path.read_text())), **changes})))


def test_a_folder_that_cannot_be_written_is_read_as_before(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cell_sources, "replace_file", full)
    assert_equal(open_evidence([run]), from_files(run, monkeypatch))


def test_copies_of_several_runs_are_one_body_of_evidence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create(tmp_path / "other", "0")
    for seed in (1, 3, 4, 6):
        other.append(*cell(KEYS[seed] if seed < 5 else "8" * 32, seed=seed))
    for one in (run, other):
        open_evidence([one])
    together = open_evidence([other, run])
    with monkeypatch.context() as patch:
        patch.setattr(compact, "FOLDER", "none")
        patch.setattr(cell_sources, "WORTH", 10**9)
        expected = open_evidence([run, other])
        assert_equal(together, expected)
    assert len(together.records) == 6


def test_verify_holds_the_copy_against_the_files(run: Run) -> None:
    open_evidence([run])
    assert not [f for f in verify(run).findings if f.file == "compact"]
    folder = run.folder / "compact"
    (path,) = folder.glob("*.values.arrow")
    content = bytearray(path.read_bytes())
    place = bytes(content).index(np.float32(-0.1).tobytes())
    content[place : place + 4] = np.float32(-0.7).tobytes()
    name = f"{seals.digest(bytes(content))}.values.arrow"
    (folder / name).write_bytes(bytes(content))
    manifest = json.loads((folder / "manifest.json").read_text())
    rewritten(folder / "manifest.json", files={**manifest["files"], "values": name})
    verification = verify(run)
    assert not verification.ok
    assert [f.severity for f in verification.findings if f.file == "compact"] == ["fault"]


def test_a_copy_is_of_the_files_as_they_were_before_they_were_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that is written while the copy is made is read from its file afterwards."""
    record, predictions = cell(KEYS[0], seed=0)
    read = Run.record

    def slow(self: Run, key: str) -> object:
        result = read(self, key)
        if key == KEYS[3]:
            run.append(record, predictions.assign(guess="sad"))
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Run, "record", slow)
        with pytest.raises(StoreError):  # the record of before, the predictions of after
            frames(open_evidence([run]))
    os.utime(run.record_path(KEYS[0]))
    evidence = open_evidence([run])
    assert (evidence.predictions["guess"][:2] == "sad").all()
