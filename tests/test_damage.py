"""Damage: whatever bit is flipped in whatever file that is read back, it is found, named, or harmless; and healed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serbench.benchmark.prepared import corpus as prepared
from serbench.errors import InputError
from serbench.results.evidence import plans, seals, store
from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.files import StoreError, read_json, write_json
from serbench.results.evidence.record import Record
from serbench.results.evidence.verification import verify
from serbench.tests.support.edited import rewrite
from serbench.tests.support.records import BASE, cell
from serbench.tests.support.tiny import serbench, tiny_corpus

KINDS = ("run.json", "records", "predictions", "plans", "utterances", "siblings", "trainings")


def made(folder: Path) -> store.Run:
    """A run folder with one file of each kind that reports read."""
    run = store.create(folder, "0.1.0")
    record, predictions = cell("a" * 32)
    run.append(record, predictions)
    line = dict.fromkeys(plans.PLAN_COLUMNS, "x") | {"repeat": 0, "seed": 0, "leaks": ["speaker"], "classes": ["sad"]}
    run.add_plan(pd.DataFrame([line | {"key": record.key, "condition_level": 1.5}]), {"notes": ["n"], "coverage": []})
    clips = {"id": ["synth-a/x"], "corpus": ["synth-a"], "path": ["x"], "speaker": ["f1"], "seconds": [1.5]}
    run.add_utterances("synth-a-444444444444-native", pd.DataFrame(clips))
    run.add_siblings("3", pd.DataFrame({"row": ["synth-a/x#0"], "siblings": [2]}))
    write_json(run.training_path(record.training), {"format": 4, "fitted": {"epoch": 1, "history": []}, "facts": {}})
    return run


def everything(run: store.Run) -> str:
    """All that is read of a run folder, as text."""
    evidence = open_evidence([store.open_run(run.folder)])
    frames = (evidence.records, evidence.plan, evidence.scored, evidence.utterances, evidence.clips, evidence.siblings)
    facts = [command.facts for command in evidence.commands]
    texts = [frame.to_json(orient="split", default_handler=str) for frame in frames]
    return json.dumps([texts, facts, evidence.trainings, sorted(map(str, evidence.sizes.items()))])


def flipped(path: Path, bits: np.ndarray, read: Callable[[], Any]) -> tuple[int, int]:
    """Flip each of these bits alone and read: how often it was said, how often nothing had changed. Else a failure."""
    content, before = path.read_bytes(), read()
    named = harmless = 0
    for bit in bits.tolist():
        other = bytearray(content)
        other[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(other)
        try:
            assert read() == before, f"{path}: bit {bit} changes what is read, and nobody says so"
            harmless += 1
        except InputError as error:
            assert len(str(error)) < 2_000 and "\n" not in str(error)
            named += 1
    path.write_bytes(content)
    assert read() == before
    return named, harmless


def said(run: store.Run) -> list[str]:
    return [f"{f.file}: {f.text}" for f in verify(run).findings if f.severity == "fault"]


def flip_all(tmp_path: Path, kind: str, share: float) -> None:
    run = made(tmp_path / "run")
    path = run.folder / kind
    path = path if path.is_file() else next(path.iterdir())
    size = 8 * path.stat().st_size
    rng = np.random.default_rng(list(kind.encode()))
    bits = np.sort(rng.choice(size, max(1, round(share * size)), replace=False))
    bits = bits[bits < 8 * len(path.read_bytes().rstrip())]  # not the end of the line
    named, harmless = flipped(path, bits, lambda: everything(run))
    assert named > 20 * harmless, (named, harmless)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_of_a_run_folder_is_named_or_harmless(tmp_path: Path, kind: str) -> None:
    flip_all(tmp_path, kind, 0.004)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_bit_of_a_run_folder(tmp_path: Path, kind: str) -> None:
    flip_all(tmp_path, kind, 1.0)


@pytest.mark.parametrize("kind", ["records", "plans", "utterances", "siblings", "trainings", "predictions"])
def test_a_cut_or_empty_file_is_named(tmp_path: Path, kind: str) -> None:
    run = made(tmp_path / "run")
    path = next((run.folder / kind).iterdir())
    content = path.read_bytes()
    for damage in (
        b"",
        content[:-3],
        content[: len(content) // 2],
        b"\x00" * len(content),
        b"null",
        b"[" * 5_000,
        b"[]",
    ):
        path.write_bytes(damage)
        with pytest.raises(StoreError, match=path.name):
            everything(run)


def test_the_record_of_another_cell_is_not_taken(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    shutil.copy(run.record_path("a" * 32), run.record_path("b" * 32))
    with pytest.raises(StoreError, match=r"b+\.json: damaged or unreadable \(it is the record of cell a"):
        open_evidence([run])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seconds_fit": "long"}, "seconds_fit is 'long'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"classes": []}, "classes are missing"),
        ({"classes": [1, 2]}, "classes is"),
        ({"status": "maybe"}, "status is 'maybe'"),
        ({"train_uar": "x"}, "train_uar is 'x'"),
        ({"data": ["a"]}, "data is"),
        ({"settings": None}, "settings is None"),
    ],
)
def test_values_that_no_record_has_are_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    """Also where the seal fits, and in records of formats without one."""
    run = made(tmp_path / "run")
    rewrite(run.record_path("a" * 32), **change)
    with pytest.raises(StoreError, match=said):
        open_evidence([run])
    with pytest.raises(seals.DamageError, match=said):
        Record.from_json({**BASE.to_json(), **change}, "here")


def test_run_makes_again_what_is_damaged(tmp_path: Path) -> None:
    folder = tiny_corpus(tmp_path / "tiny")
    command = (
        "run",
        "--protocol",
        "random",
        "--corpus",
        f"tiny={folder}",
        "--model",
        "majority",
        "--set",
        "random.folds=3",
    )
    code, _, err = serbench(*command, "--out", str(tmp_path / "run"))
    assert code == 0, err
    run = store.open_run(tmp_path / "run")
    _, before, _ = serbench("show", str(run.folder), "--json")
    records, predictions = (sorted((run.folder / name).iterdir()) for name in ("records", "predictions"))
    for path in (records[0], predictions[1], next((run.folder / "plans").iterdir())):
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
        code, _, err = serbench("show", str(run.folder))
        assert code == 2 and path.name in err and err.count("\n") == 1
        code, _, err = serbench(*command, "--out", str(run.folder))
        assert code == 0 and f"{path.name}: damaged" in err and "made again" in err
        assert serbench("show", str(run.folder), "--json")[1] == before


@pytest.fixture(scope="module")
def store_of_tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("home")
    return tiny_corpus(root / "in"), root / "out"


@pytest.mark.parametrize("name", ["audio.int16", "table.parquet", "manifest.json"])
def test_a_damaged_store_is_prepared_again(store_of_tiny: tuple[Path, Path], name: str) -> None:
    """Any byte: what is opened afterwards is what was prepared, whatever the size of the damage."""
    source, home = store_of_tiny

    def heard() -> dict[str, bytes]:
        found = prepared.prepare("tiny", source, home, jobs=1)
        return {u: found.waveform(u).tobytes() for u in found.table["id"]}

    before = heard()
    path = next(home.glob(f"corpora/tiny/*/{name}"))
    rng = np.random.default_rng(5)
    for place in rng.choice(path.stat().st_size, 6, replace=False).tolist():
        content = bytearray(path.read_bytes())
        content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        assert heard() == before
        path = next(home.glob(f"corpora/tiny/*/{name}"))


def test_a_clip_that_is_damaged_after_opening_is_named(store_of_tiny: tuple[Path, Path]) -> None:
    source, home = store_of_tiny
    found = prepared.prepare("tiny", source, home, jobs=1)
    path = found.folder / "audio.int16"
    content = bytearray(path.read_bytes())
    content[1] ^= 64
    path.write_bytes(content)
    first = found.table.sort_values("offset")["id"].iloc[0]
    with pytest.raises(InputError, match=rf"audio\.int16: damaged, at {first}"):
        found.waveform(first)
    assert len(found.waveform(found.table.sort_values("offset")["id"].iloc[-1]))


def test_json_of_somebody_is_read_without_a_seal_only_if_it_is_old(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"format": 3, "a": 1}')
    assert read_json(path) == {"format": 3, "a": 1}
    path.write_text('{"format": 4, "a": 1}')
    with pytest.raises(StoreError, match="it has no seal"):
        read_json(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two models with kept weights, as `run` leaves it."""
    root = tmp_path_factory.mktemp("trained")
    what = ("--protocol", "random", "--corpus", f"tiny={tiny_corpus(root / 'tiny')}", "--set", "random.folds=3")
    models = ("--model", "majority", "--model", "functionals-svm")
    code, _, err = serbench("run", *what, *models, "--keep-weights", "--out", str(root / "run"))
    assert code == 0, err
    return root / "run"


def test_a_run_is_verified_as_it_was_written(trained: Path) -> None:
    code, out, err = serbench("verify", str(trained))
    assert code == 0, out + err
    assert f"{trained}: as it was written" in out and "6 of 6 planned cells are finished and whole" in " ".join(
        out.split()
    )
    (plain,) = json.loads(serbench("verify", str(trained), "--json")[1])
    assert plain["ok"] and plain["findings"] == [] and plain["done"] == plain["planned"] == 6


@pytest.mark.parametrize(
    "kind", ["run.json", "records", "predictions", "plans", "utterances", "trainings", "weights", "scored.log"]
)
def test_verify_finds_a_flipped_bit_in_every_kind_of_file(trained: Path, tmp_path: Path, kind: str) -> None:
    run = store.open_run(shutil.copytree(trained, tmp_path / "run"))
    path = run.folder / kind
    path = path if path.is_file() else max(path.iterdir(), key=lambda p: p.stat().st_size)
    content = path.read_bytes()
    for place in np.random.default_rng(3).choice(len(content.rstrip()), 5, replace=False).tolist():
        other = bytearray(content)
        other[place] ^= 4
        path.write_bytes(other)
        assert any(text.startswith(path.relative_to(run.folder).as_posix()) for text in said(run)), place
        path.write_bytes(content)
    assert said(run) == []


def test_verify_finds_what_is_no_training(trained: Path, tmp_path: Path) -> None:
    run = store.open_run(shutil.copytree(trained, tmp_path / "run"))
    path = next((run.folder / "trainings").iterdir())
    path.write_text('{"a": 1}')
    assert said(run) == [f"trainings/{path.name}: it is the curve of no training"]


def test_verify_finds_what_was_put_in_the_place_of_others(trained: Path, tmp_path: Path) -> None:
    """Files whose seals fit, but that do not belong where they are."""
    run = store.open_run(shutil.copytree(trained, tmp_path / "run"))
    records = [r for r in run.records() if r.model == "functionals-svm"]
    one, other = records[0], records[1]
    rewrite(run.record_path(one.key), seed=7)
    assert said(run) == [f"records/{one.key}.json: seed is 7, in the plan 0"]
    rewrite(run.record_path(one.key), seed=0, n_test=one.n_test + 1)
    assert said(run) == [f"predictions/{one.key}.parquet: {one.n_test} utterances, in the record {one.n_test + 1}"]
    rewrite(run.record_path(one.key), n_test=one.n_test, predictions_sha256=other.predictions_sha256)
    shutil.copy(run.predictions_path(other.key), run.predictions_path(one.key))
    assert any("tests other rows than cell" in text for text in said(run))
    shutil.copy(trained / "predictions" / f"{one.key}.parquet", run.predictions_path(one.key))
    shutil.copy(trained / "records" / f"{one.key}.json", run.record_path(one.key))
    shutil.copy(run.weights_path(other.training), run.weights_path(one.training))
    assert said(run) == [f"weights/{one.training}.safetensors: not the weights that this training stored"]
    shutil.copy(trained / "weights" / f"{one.training}.safetensors", run.weights_path(one.training))
    shutil.copy(run.training_path(other.training), run.training_path(one.training))
    assert f"trainings/{one.training}.json: is of training {other.training}" in said(run)
    shutil.copy(trained / "trainings" / f"{one.training}.json", run.training_path(one.training))
    assert said(run) == []


def test_verify_holds_predictions_against_labels_and_themselves(trained: Path, tmp_path: Path) -> None:
    run = store.open_run(shutil.copytree(trained, tmp_path / "run"))
    record = next(r for r in run.records() if r.model == "functionals-svm")
    path = run.predictions_path(record.key)
    table = pd.read_parquet(path)

    def with_predictions(changed: pd.DataFrame) -> list[str]:
        run.append(record, changed)
        return said(run)

    flip = {"happy": "sad", "sad": "happy"}
    assert "truth of" in with_predictions(table.assign(truth=table["truth"].map(flip)))[0]
    assert "speaker of" in with_predictions(table.assign(speaker="s9"))[0]
    assert "is no class of the record" in " ".join(with_predictions(table.assign(guess="joy")))
    for log, word in ((-1.0, "do not sum to 1"), (float(np.log(0.5)), "")):
        text = " ".join(with_predictions(table.assign(log_probability=[[log, log]] * len(table))))
        assert word in text and bool(text) == bool(word)
    assert "are not of 2 classes" in with_predictions(table.assign(log_probability=[[0.0]] * len(table)))[0]
    assert "is there twice" in " ".join(with_predictions(pd.concat([table, table.head(1)])))
    assert with_predictions(table) == []


def test_verify_says_what_is_missing_or_strange_without_calling_it_a_fault(trained: Path, tmp_path: Path) -> None:
    run = store.open_run(shutil.copytree(trained, tmp_path / "run"))
    record = run.records()[0]
    run.predictions_path(record.key).unlink()
    (run.folder / "thesis.tex").touch()
    for name in ("report", "tables", "figures", "compact"):  # what commands write there by themselves
        (run.folder / name).mkdir(exist_ok=True)
    (run.folder / "weights" / ".a.safetensors.x1y2").touch()
    code, out, _ = serbench("verify", str(run.folder))
    text = " ".join(out.split())
    assert code == 0 and "5 of 6 planned cells" in text
    for note in ("the cell is not finished", "no file of a run folder", "left by a command that was stopped"):
        assert text.count(note) == 1
