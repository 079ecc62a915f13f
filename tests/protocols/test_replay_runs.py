"""Replays from the command to the table: with models that can and that cannot do what the published code does."""

import json
from pathlib import Path

import pandas as pd
import pytest

from serbench.results.evidence import store
from serbench.results.evidence.evidence import open_evidence
from serbench.tests.support.tiny import serbench, tiny_corpus

NETWORK = ("--model", "cnn-3-gru:tiny", "--set", "cnn-3-gru.epochs=1")
SVM = ("--model", "functionals-svm")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"tiny={tiny_corpus(tmp_path_factory.mktemp('tiny'))}"


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Five sessions of two speakers each."""
    file = tiny_corpus(tmp_path_factory.mktemp("sessions"), speakers=10, takes=1)
    table = pd.read_csv(file)
    table["session"] = "Ses0" + (table["speaker"].str[1:].astype(int) // 2 + 1).astype(str)
    table.assign(dialogue=table["session"] + "_1").to_csv(file, index=False)
    return f"met={file}"


def run(out: Path, protocol: str, *more: str) -> tuple[dict[tuple[str, str], dict[str, object]], str]:
    """(model, arm) -> line of the table, and what was said."""
    code, _, err = serbench("run", "--protocol", protocol, *more, "--out", out, "--jobs", "1")
    assert code == 0, err
    return {(line["model"], line["arm"]): line for line in json.loads(serbench("show", out, "--json")[1])}, err


def test_rows_are_scored_as_rows(corpus: str, tmp_path: Path) -> None:
    found, err = run(tmp_path / "run", "published-mfcc-attention", "--corpus", corpus, *SVM)
    (line,) = found.values()
    assert line["leaks"] == ["audio", "copy", "speaker"]
    assert "tiny: 39 test rows of 25 utterances are scored as rows" in err
    frames = open_evidence([store.open_run(tmp_path / "run")])
    assert len(frames.predictions) == 39
    assert frames.predictions["utterance"].nunique() == line["n_utterances"] == 25
    assert frames.predictions["row"].str[-1].isin(list("0123")).all()
    (record,) = frames.records.itertuples()
    assert (record.n_train, record.n_dev, record.n_test) == (47, 0, 25)  # utterances
    assert record.options["rows"] == "augmented"
    table = serbench("show", tmp_path / "run")[1]
    assert "LEAK, permitted by this protocol: copies of test utterances may be in train" in table
    assert "no dev: last epoch" in table
    assert [list(leaks) for leaks in frames.plan["leaks"]] == [["audio", "copy", "speaker"]]


def test_a_replay_as_written_and_as_coded(corpus: str, tmp_path: Path) -> None:
    (written,) = run(tmp_path / "written", "published-cnn-n-gru", "--corpus", corpus, *SVM)[0].values()
    assert (written["leaks"], written["n_utterances"]) == (["speaker"], 4)
    option = ("--set", "published-cnn-n-gru-as-coded.batch=3")
    found, err = run(tmp_path / "run", "published-cnn-n-gru-as-coded", "--corpus", corpus, *NETWORK, *option)
    (coded,) = found.values()
    assert (coded["leaks"], coded["n_utterances"]) == (["order", "speaker"], 3)
    assert "3 of 4 test rows fill batches of 3; dropped: sad 1" in err
    (record,) = open_evidence([store.open_run(tmp_path / "run")]).records.itertuples()
    assert record.settings["batch"] == 3
    assert "test utterances lie class by class" in serbench("show", tmp_path / "run")[1]


def test_ten_models_one_test_set(corpus: str, tmp_path: Path) -> None:
    found, _ = run(tmp_path / "run", "published-sigwavnet", "--corpus", corpus, *SVM)
    (line,) = found.values()
    assert (line["n_folds"], line["n_utterances"], line["leaks"]) == (10, 6, ["speaker"])


def test_one_chain_scored_on_two_sets(corpus: str, tmp_path: Path) -> None:
    option = ("--set", "published-sigwavnet-as-coded.batch=2")
    found, err = run(tmp_path / "run", "published-sigwavnet-as-coded", "--corpus", corpus, *NETWORK, *option)
    assert set(found) == {("cnn-3-gru:tiny", "base"), ("cnn-3-gru:tiny", "on validation")}
    assert found["cnn-3-gru:tiny", "base"]["leaks"] == ["order", "speaker"]
    assert {"copy", "order", "selection"} < set(found["cnn-3-gru:tiny", "on validation"]["leaks"])  # type: ignore[call-overload]
    records = open_evidence([store.open_run(tmp_path / "run")]).records
    assert (len(records), records["training"].nunique()) == (20, 10)
    assert "not replayed: the code trains and validates at 8 kHz" in err


@pytest.mark.parametrize("name", ["published-cnn-n-gru-as-coded", "published-sigwavnet-as-coded"])
@pytest.mark.parametrize("model", ["functionals-svm", "mfcc-attention:tiny"])
def test_a_model_without_a_state_is_not_replayed_as_coded(name: str, model: str, corpus: str) -> None:
    option = ("--set", f"{name}.batch=2")
    code, _, err = serbench("run", "--protocol", name, "--corpus", corpus, "--model", model, *option)
    assert code == 2
    assert "nothing to run: arm 'base': no recurrent state to carry on" in err


def test_sessions_and_the_fifth_share_a_training(sessions: str, corpus: str, tmp_path: Path) -> None:
    found, _ = run(tmp_path / "run", "published-wavfusion", "--corpus", sessions, *SVM)
    assert {arm: line["n_folds"] for (_, arm), line in found.items()} == {"base": 5, "session 5": 1}
    records = open_evidence([store.open_run(tmp_path / "run")]).records
    assert (len(records), records["training"].nunique()) == (6, 5)
    assert all(line["leaks"] == [] for line in found.values())
    code, _, err = serbench("run", "--protocol", "published-wavfusion", "--corpus", corpus, *SVM)
    assert code == 2
    assert "tiny: neither sessions with speakers of their own" in err


def test_an_arm_without_folds_is_left_out(tmp_path: Path) -> None:
    file = tiny_corpus(tmp_path / "tiny")
    table = pd.read_csv(file)
    part = table["sentence"].map({"t0": "test", "t1": "dev"}).fillna("train")
    table.assign(official_split=part).to_csv(file, index=False)
    found, err = run(tmp_path / "run", "published-wavfusion", "--corpus", f"split={file}", "--model", "majority")
    assert set(found) == {("majority", "base")}
    assert "arm 'session 5' left out for majority: these corpora give no folds for it" in err


def test_replays_are_listed() -> None:
    text = serbench("protocols", "list")[1]
    for name in ("mfcc-attention", "cnn-n-gru", "cnn-n-gru-as-coded", "sigwavnet", "sigwavnet-as-coded", "wavfusion"):
        assert f"published-{name}" in text
