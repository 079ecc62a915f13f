"""The run folder: whole or absent, readable at any time, loud about damage."""

import errno
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serbench.errors import InputError
from serbench.results.evidence import files, plans, store
from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.files import StoreError
from serbench.tests.support.edited import rewrite
from serbench.tests.support.records import BASE, append_many, cell


@pytest.fixture
def run(tmp_path: Path) -> store.Run:
    return store.create(tmp_path / "run", "0.1.0")


def test_what_is_stored_comes_back(run: store.Run) -> None:
    record, predictions = cell("a" * 32)
    run.append(record, predictions)
    run.append(*cell("b" * 32, model="functionals-svm"))
    frames = open_evidence([run])
    assert set(frames.records["key"]) == {"a" * 32, "b" * 32}
    kept = frames.scored[frames.scored["key"] == "a" * 32].drop(columns="key").reset_index(drop=True)
    kept = kept.astype(object)
    kept["log_probability"] = [np.round(values, 6).tolist() for values in kept["log_probability"]]
    pd.testing.assert_frame_equal(kept, predictions.astype(object))
    assert run.done(["a" * 32, "c" * 32]) == {"a" * 32}


def test_models_without_probabilities(run: store.Run) -> None:
    record, predictions = cell("a" * 32)
    run.append(record, predictions.assign(log_probability=None))
    run.append(*cell("b" * 32))
    values = open_evidence([run]).scored["log_probability"]
    assert values.isna().sum() == 2


def test_a_failed_cell_is_kept_and_tried_again(run: store.Run) -> None:
    record, _ = cell("a" * 32, status="failed", error="Traceback ... ValueError: no")
    run.append(record, None)
    assert run.done([record.key]) == set()
    assert open_evidence([run]).records.loc[0, "error"].endswith("no")


def test_a_record_without_predictions_is_not_done(run: store.Run) -> None:
    run.append(*cell("a" * 32))
    run.predictions_path("a" * 32).unlink()
    assert run.done(["a" * 32]) == set()
    assert open_evidence([run]).records.empty


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_damaged_predictions_are_named(run: store.Run, damage: str) -> None:
    run.append(*cell("a" * 32))
    path = run.predictions_path("a" * 32)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes({"cut": bytes(content[:-9]), "flip": bytes(content), "empty": b""}[damage])
    with pytest.raises(StoreError, match=f"{path.name}: damaged; delete it"):
        _ = open_evidence([run]).predictions
    assert path.name in " ".join(store.free_damaged(run, ["a" * 32], []))
    assert run.done(["a" * 32]) == set() and store.free_damaged(run, run.done(["a" * 32]), []) == []


def test_a_damaged_record_is_named(run: store.Run) -> None:
    run.append(*cell("a" * 32))
    run.record_path("a" * 32).write_text("{")
    with pytest.raises(StoreError, match=r"records/a+\.json: damaged"):
        open_evidence([run])


def planned(key: str, code: str = "one", **changes: object) -> pd.DataFrame:
    """A plan of one cell."""
    line = dict.fromkeys(plans.PLAN_COLUMNS, "x") | {"repeat": 0, "seed": 0, "leaks": ["speaker"], "classes": ["sad"]}
    return pd.DataFrame([line | {"key": key, "code": code} | changes])


def test_a_damaged_plan_is_named(run: store.Run) -> None:
    run.add_plan(planned("k"), {"notes": ["n"]})
    run.add_plan(planned("k"), {"notes": ["n"]})
    assert open_evidence([run]).notes == ("n",)
    assert len(open_evidence([run]).plan) == 1
    (path,) = (run.folder / "plans").iterdir()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StoreError, match=r"plans/.*damaged"):
        open_evidence([run])


def test_newer_code_takes_the_place_of_older(run: store.Run) -> None:
    for at, (key, code) in enumerate([("a" * 32, "one"), ("b" * 32, "two")]):
        run.add_plan(planned(key, code), {"notes": []})
        run.append(*cell(key))
        for path in (run.folder / "plans").iterdir():
            if pd.read_parquet(path)["key"][0] == key:
                os.utime(path, (at, at))
    frames = open_evidence([run])
    assert set(frames.records["key"]) == set(frames.plan["key"]) == set(frames.predictions["key"]) == {"b" * 32}
    assert any("1 cells of older code" in note for note in frames.notes)
    run.add_plan(planned("c" * 32, "two", settings="others"), {"notes": []})  # other settings stay beside it
    assert set(open_evidence([run]).plan["key"]) == {"b" * 32, "c" * 32}


def asked_again(run: store.Run, *given: tuple[str, dict[str, object], str]) -> None:
    """Plans of one cell each, (key, what the plan says, fingerprint of its corpus), one after another, all done."""
    for at, (key, facts, mark) in enumerate(given):
        cells = planned(key, **facts)
        run.add_plan(cells, {"notes": [], "corpora": {"x": {"fingerprint": mark, "rate_hz": 16_000}}})
        os.utime(run.folder / "plans" / f"{plans.plan_name(cells['key'])}.parquet", (at, at))
        run.append(*cell(key, data={"x": mark}))


def test_other_data_does_not_take_the_place_of_the_first(run: store.Run) -> None:
    a, b = "a" * 32, "b" * 32
    asked_again(run, (a, {}, "first"), (b, {}, "second"))
    frames = open_evidence([run])
    assert list(frames.plan["key"]) == [a, b] and set(frames.records["key"]) == {a, b}
    assert frames.notes == ()
    asked_again(run, (a, {"code": "old"}, "first"), (b, {"code": "new"}, "second"))
    assert set(open_evidence([run]).records["key"]) == {a, b}  # newer code, but not of the same


def test_the_note_says_what_is_of_older_code_and_what_heard_something_else(run: store.Run) -> None:
    keys = [letter * 32 for letter in "abc"]
    code = ({"code": "old"}, {"code": "new"}, {"code": "new"})  # the last for other recordings
    asked_again(run, *zip(keys, code, ["same"] * 3, strict=True))
    notes = (
        "1 cells of older code are stored too and not shown",
        "1 cells of earlier recordings, faces, weights or folds are stored too and not shown",
    )
    assert list(open_evidence([run]).plan["key"]) == keys[2:]
    assert open_evidence([run]).notes == notes


def test_plans_come_in_the_order_of_the_commands(run: store.Run) -> None:
    asked_again(run, ("b" * 32, {}, "one"), ("a" * 32, {}, "two"))
    assert [cells["key"][0][0] for cells, _ in run.plans()] == ["b", "a"]
    assert [facts["corpora"]["x"]["fingerprint"] for _, facts in run.plans()] == ["one", "two"]
    assert len(open_evidence([run]).commands) == 2


def test_a_killed_beginning_does_not_block(tmp_path: Path) -> None:
    (tmp_path / ".run.json.abcd").touch()
    assert store.create(tmp_path, "0.1.0").folder == tmp_path


def test_a_record_of_another_schema(run: store.Run) -> None:
    run.append(*cell("a" * 32))
    rewrite(run.record_path("a" * 32), mood=1)
    with pytest.raises(InputError, match="mood missing or unknown"):
        open_evidence([run])


def test_folders_that_are_no_run(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(InputError, match="is not a run folder"):
        store.create(tmp_path / "other", "0.1.0")
    with pytest.raises(InputError, match=r"no run\.json"):
        store.open_run(tmp_path / "missing")
    run = store.create(tmp_path / "run", "0.1.0")
    (run.folder / "run.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="format 99"):
        store.create(run.folder, "0.1.0")


def test_latest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run under"):
        store.find_run("latest", tmp_path)
    for at, name in enumerate(["noise-2", "noise-1"]):
        made = store.create(tmp_path / name, "0.1.0")
        os.utime(made.folder / "run.json", (at, at))
    assert store.find_run("latest", tmp_path).folder == tmp_path / "noise-1"
    assert store.find_run("noise-2", tmp_path).folder == tmp_path / "noise-2"


def test_a_full_disk_leaves_nothing_behind(run: store.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.append(*cell("a" * 32))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device; what is finished is kept"):
        run.append(*cell("b" * 32))
    assert [p.name for p in (run.folder / "predictions").iterdir()] == [f"{'a' * 32}.parquet"]
    assert set(open_evidence([run]).records["key"]) == {"a" * 32}


def test_scorings_are_counted(run: store.Run) -> None:
    for _ in range(2):
        run.note_scoring("a")
    found, end = run.scored()
    assert found == {"a": 2}
    run.note_scoring("b")
    assert run.scored(end)[0] == {"b": 1}
    path = run.folder / "scored.log"
    path.write_bytes(path.read_bytes() + b"c" * 32 + b"\n")  # as 0.1.0 wrote it
    assert run.scored()[0] == {"a": 2, "b": 1, "c" * 32: 1}
    whole = path.read_bytes()
    for bit in range(8 * (len(whole) - 33)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(StoreError, match=r"the line '.*' is not what was written.*; take this line out"):
            run.scored()


def test_two_processes_write_one_folder(run: store.Run) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=append_many, args=(str(run.folder), 100 * k)) for k in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    frames = open_evidence([run])
    assert len(frames.records) == 41
    assert len(frames.predictions) == 82
    assert run.scored()[0]["f"] == 40
    assert not [p for p in run.folder.rglob(".*") if p.is_file()]


def test_the_base_record_is_json() -> None:
    assert json.loads(json.dumps(BASE.to_json(), allow_nan=False))["classes"] == ["happy", "sad"]
