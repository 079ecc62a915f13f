"""Running: every cell once, whatever happens on the way."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from serbench.benchmark.running import run as running
from serbench.results.evidence import store
from serbench.results.evidence.evidence import open_evidence
from serbench.tests.support.tiny import kill_at, serbench, start, tiny_corpus

NETWORK = "mfcc-attention:tiny"
QUICK = ("--set", "mfcc-attention.epochs=2")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"tiny={tiny_corpus(tmp_path_factory.mktemp('tiny'))}"


@pytest.fixture(scope="module")
def finished(corpus: str, shared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two models that was left alone."""
    out = tmp_path_factory.mktemp("runs") / "alone"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERBENCH_HOME", str(shared_home))
        code, _, err = serbench(*arguments(corpus, out))
    assert code == 0, err
    return out


def arguments(corpus: str, out: Path, *more: str) -> tuple[str | Path, ...]:
    models = ("--model", "functionals-svm", "--model", NETWORK, *QUICK)
    more = more if "--jobs" in more else (*more, "--jobs", "1")
    return ("run", "--protocol", "speaker-independent", "--corpus", corpus, *models, "--out", out, *more)


def table(out: Path) -> list[dict[str, object]]:
    code, text, err = serbench("show", out, "--json")
    assert code == 0, err
    return list(json.loads(text))


def predictions(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (out / "predictions").iterdir()}


def test_every_utterance_is_scored_once_per_model(finished: Path) -> None:
    frames = open_evidence([store.open_run(finished)])
    assert len(frames.records) == 12  # 6 speakers x 2 models
    merged = frames.predictions.merge(frames.records[["key", "model"]], on="key")
    assert (merged.groupby(["model", "row"]).size() == 1).all()
    assert len(merged) == 2 * 48
    assert (frames.records["test_evaluations"] == 1).all()


def test_the_record_says_where_it_comes_from(finished: Path) -> None:
    record = open_evidence([store.open_run(finished)]).records.iloc[0]
    assert {"python", "torch", "numpy", "cpu", "device"} <= record["environment"].keys()
    assert record["device"] == "cpu"
    assert len(record["data"]["tiny"]) == 64
    assert record["seconds_fit"] > 0


def test_the_weights_go_with_the_last_cell(finished: Path) -> None:
    assert not list((finished / "weights").glob("*"))


def test_an_easy_corpus_is_learned(finished: Path) -> None:
    (svm,) = [line for line in table(finished) if line["model"] == "functionals-svm"]
    assert svm["metrics"]["uar"]["mean"] > 0.9
    assert svm["chance"] == 0.5
    assert svm["n_utterances"] == 48
    assert svm["n_folds"] == 6


def test_changed_settings_are_said_in_the_table(finished: Path) -> None:
    assert "set: mfcc-attention.epochs=2" in serbench("show", finished)[1]


def test_tables_and_figures_are_written(finished: Path) -> None:
    assert (finished / "tables" / "table.md").read_text().count("functionals-svm") >= 1
    assert (finished / "tables" / "table.csv").exists()
    assert len(list((finished / "figures").glob("*.png"))) == 2


def test_repeating_the_command_repeats_nothing(finished: Path, corpus: str) -> None:
    before = {p: p.stat().st_mtime_ns for p in (finished / "records").iterdir()}
    code, _, err = serbench(*arguments(corpus, finished))
    assert code == 0
    assert "12 of them done already" in err
    assert {p: p.stat().st_mtime_ns for p in (finished / "records").iterdir()} == before


def test_a_finished_run_is_found_again_without_its_name(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ("run", "--protocol", "speaker-independent", "--corpus", corpus, "--model", "majority")
    first, again = serbench(*given), serbench(*given)
    assert (first[0], again[0]) == (0, 0) and again[1] == first[1]
    assert "which asked for the same and is finished: nothing is trained; --again trains anew" in again[2]
    assert len(list((tmp_path / "runs").iterdir())) == 1
    serbench(*given, "--seeds", "2")
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_the_same_cells_twice_are_the_same_bytes(finished: Path, corpus: str, tmp_path: Path) -> None:
    assert serbench(*arguments(corpus, tmp_path / "again"))[0] == 0
    assert predictions(tmp_path / "again") == predictions(finished)


def test_several_processes_give_the_same_table(finished: Path, corpus: str, tmp_path: Path) -> None:
    assert serbench(*arguments(corpus, tmp_path / "two", "--jobs", "2"))[0] == 0
    assert predictions(tmp_path / "two") == predictions(finished)


def test_killed_five_times(finished: Path, corpus: str, tmp_path: Path) -> None:
    """Each time after some more cells; nothing finished is lost or scored again."""
    out = tmp_path / "killed"
    rng = np.random.default_rng(0)
    stored: dict[str, int] = {}
    for _ in range(5):
        kill_at(start(*arguments(corpus, out)), out, len(stored) + int(rng.integers(1, 3)))
        now = {p.name: p.stat().st_mtime_ns for p in (out / "records").glob("*.json")}
        assert stored.items() <= now.items()
        assert len(now) > len(stored)
        stored = now
    assert len(stored) < 12
    assert serbench(*arguments(corpus, out))[0] == 0
    assert table(out) == table(finished)
    assert predictions(out) == predictions(finished)


def test_two_processes_on_one_folder(finished: Path, corpus: str, tmp_path: Path) -> None:
    out = tmp_path / "shared"
    processes = [start(*arguments(corpus, out)) for _ in range(2)]
    assert [p.wait(timeout=120) for p in processes] == [0, 0], [p.stderr and p.stderr.read() for p in processes]
    for process in processes:
        process.communicate()
    assert predictions(out) == predictions(finished)
    assert set(store.open_run(out).scored()[0].values()) == {1}


def test_failed_cells_are_stored_and_the_rest_goes_on(corpus: str, tmp_path: Path) -> None:
    code, _, err = serbench(*arguments(corpus, tmp_path / "run", "--set", "mfcc-attention.lr=1e30"))
    assert code == 1
    assert "6 cells failed" in err
    records = open_evidence([store.open_run(tmp_path / "run")]).records
    failed = records[records["status"] == "failed"]
    assert set(failed["model"]) == {NETWORK}
    assert failed["error"].str.contains("FloatingPointError").all()
    assert (records["status"] == "done").sum() == 6
    assert [line["n_failed"] for line in table(tmp_path / "run")] == [0, 6]


def test_a_lost_cell_needs_no_new_training(corpus: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = (*arguments(corpus, out, "--keep-weights"),)
    assert serbench(*command)[0] == 0
    before = predictions(out)
    weights = {p: p.stat().st_mtime_ns for p in (out / "weights").glob("*.safetensors")}
    assert len(weights) == 12
    shutil.rmtree(out / "records")
    assert serbench(*command)[0] == 0
    assert predictions(out) == before
    assert {p: p.stat().st_mtime_ns for p in (out / "weights").glob("*.safetensors")} == weights
    assert set(store.open_run(out).scored()[0].values()) == {2}  # scored again, and the record says so
    assert set(open_evidence([store.open_run(out)]).records["test_evaluations"]) == {2}


def test_show_while_a_run_goes_on(finished: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    shutil.copytree(finished, part)
    some = sorted((part / "records").iterdir())[:5]
    for path in some:
        path.unlink()
    code, text, _ = serbench("show", part)
    assert code == 0
    assert "5 pending" in text


def test_a_default_folder_is_gone_on_with(corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("run", "--protocol", "speaker-independent", "--corpus", corpus, "--model", "majority")
    assert serbench(*command)[0] == 0
    (run,) = (tmp_path / "runs").iterdir()
    next((run / "records").iterdir()).unlink()
    code, _, err = serbench(*command)
    assert code == 0
    assert "Going on with" in err
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [run.name]
    assert serbench("show", "latest")[0] == 0


def test_only_a_run_of_the_same_plans_is_gone_on_with(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("run", "--protocol", "speaker-independent", "--corpus", corpus, "--model", "majority", "--set")
    stamps = iter("123")
    monkeypatch.setattr(running.time, "strftime", lambda form: next(stamps))
    assert serbench(*command, "label_map=native")[0] == 0
    code, _, err = serbench(*command, "label_map=native,basic4")
    assert code == 0 and "Going on with" not in err
    first, both = sorted((tmp_path / "runs").iterdir())
    next((first / "records").iterdir()).unlink()
    next((both / "records").iterdir()).unlink()
    for settings, folder in (("label_map=native,basic4", both), ("label_map=native", first)):
        code, _, err = serbench(*command, settings)
        assert code == 0 and f"Going on with {folder.relative_to(tmp_path)}" in err
        assert store.open_run(folder).done(open_evidence([store.open_run(folder)]).plan["key"])
    assert sorted((tmp_path / "runs").iterdir()) == [first, both]


def test_a_run_that_was_stopped_in_its_first_plan_is_gone_on_with(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("run", "--protocol", "speaker-independent", "--corpus", corpus, "--model", "majority")
    command = (*command, "--set", "label_map=native,basic4")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running, "execute", stopped)
        assert serbench(*command)[0] == 130
    (run,) = (tmp_path / "runs").iterdir()
    assert len(list((run / "plans").iterdir())) == 2
    code, _, err = serbench(*command)
    assert code == 0 and "Going on with" in err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [run.name]
