"""`serbench corpora`: what it prints, deletes and exits with."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from serbench.benchmark.cli import main
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.corpora.registry import cards, find
from serbench.benchmark.prepared.corpus import prepare
from serbench.benchmark.user_folder import home

CORPORA = os.environ.get("SERBENCH_CORPORA")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SERBENCH_CORPORA", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def corpora(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `serbench corpora ...`: (exit code, output, error output)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["corpora", *map(str, arguments)])
        captured = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, captured.out, captured.err

    return call


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for i in range(6):
        soundfile.write(folder / f"{i}.wav", rng.uniform(-0.5, 0.5, 1600), 16_000)
        lines.append((f"{i}.wav", f"s{i % 2}", ("angry", "sad")[i // 2 % 2], "xx"))
    soundfile.write(folder / "6.wav", np.zeros(100), 16_000)
    lines.append(("6.wav", "s0", "sad", "xx"))
    pd.DataFrame(lines, columns=["path", "speaker", "emotion", "language"]).to_csv(
        folder / "utterances.csv", index=False
    )
    return folder


def test_list_is_complete_and_not_cut(corpora: Call, mine: Path) -> None:
    corpora("prepare", "mine", "--from", mine)
    code, out, _ = corpora("list")
    assert code == 0
    assert "…" not in out
    assert max(map(len, out.splitlines()[:-2])) <= 80
    words = out.split()
    for name in (*cards(), *synthetic.NAMES, "mine"):
        assert name in words
    for word in find("meld").facts.license.split():  # a long one goes over several lines, whole
        assert word in words
    line = next(line for line in out.splitlines() if line.startswith("mine"))
    assert line.split()[1:5] == ["6", "2", "2", "xx"]
    assert "6 at 16000" in line


def test_list_as_json(corpora: Call, mine: Path) -> None:
    corpora("prepare", "mine", "--from", mine)
    prepare("mine", mine, home(), 8000, lambda done, total: None)
    code, out, _ = corpora("list", "--json")
    lines = {line["name"]: line for line in json.loads(out)}
    assert code == 0
    assert lines["emodb"]["utterances"] == 535 and lines["emodb"]["prepared"] == []
    assert lines["emodb"]["citation"].startswith("F. Burkhardt") and lines["synth-a"]["citation"] == ""
    assert lines["synth-a"]["kind"] == "built in" and lines["synth-a"]["utterances"] == 240
    own = lines["mine"]
    assert (own["kind"], own["utterances"], own["speakers"], own["classes"]) == ("table", 6, 2, 2)
    assert [form["rate_hz"] for form in own["prepared"]] == [16_000, 8000]
    folder = Path(own["prepared"][0]["folder"])
    assert own["prepared"][0]["bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_prepare_says_what_was_read_and_dropped(corpora: Call, mine: Path, tmp_path: Path) -> None:
    code, out, err = corpora("prepare", "mine", "--from", mine, "--jobs", 1)
    assert (code, err) == (0, "")
    first, note, last = out.splitlines()
    assert first == "mine: 6 utterances, 2 speakers, 2 classes, 0.0 minutes at 16000 Hz"
    assert note == "Note: 1 clip left out, without sound: mine/6"
    assert last.startswith(f"Prepared in {tmp_path / 'home' / 'corpora' / 'mine'}")
    code, out, _ = corpora("prepare", "mine", "--from", mine)
    assert code == 0
    assert out.splitlines()[:2] == [first, note]
    assert out.splitlines()[-1].startswith("Was prepared already")


def test_wrong_input_is_one_line_and_exit_code_2(corpora: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, word in (
        (["prepare", "emodd"], "did you mean 'emodb'"),
        (["prepare", "emodb"], "to obtain it"),
        (["prepare", "emodb", "--from", tmp_path / "none"], "none"),
        (["prepare", "emodb", "--from", tmp_path / "empty"], "empty"),
        (["prepare", "synth-a", "--from", tmp_path], "built in"),
        (["check", "synth-a"], "only the original files"),
        (["check", "emodb="], "no folder after '='"),
        (["remove", "emodb"], "nothing prepared"),
        (["remove", ".."], "corpus name"),
        (["remove", "*"], "corpus name"),
    ):
        code, out, err = corpora(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ") and word in err and err.count("\n") == 1


def test_check(corpora: Call, mine: Path) -> None:
    code, out, _ = corpora("check", f"mine={mine}")
    assert (code, "mine" in out) == (1, True)  # a silent clip
    (mine / "6.wav").unlink()
    table = (mine / "utterances.csv").read_text().replace("6.wav,s0,sad,xx\n", "")
    (mine / "utterances.csv").write_text(table)
    code, out, _ = corpora("check", f"mine={mine}", "--json")
    report = json.loads(out)
    assert (code, report["ok"], report["utterances"]) == (0, True, 6)
    (mine / "0.wav").write_bytes((mine / "0.wav").read_bytes()[:300])
    code, out, _ = corpora("check", f"mine={mine}", "--json")
    assert (code, json.loads(out)["ok"]) == (1, False)
    assert any("truncated" in line["text"] for line in json.loads(out)["lines"])


def test_remove_frees_only_what_was_prepared(corpora: Call, mine: Path, tmp_path: Path) -> None:
    corpora("prepare", "mine", "--from", mine)
    prepare("mine", mine, home(), 8000, lambda done, total: None)
    where = tmp_path / "home" / "corpora" / "mine"
    (where / "notes").mkdir()
    (where / "notes" / "read.txt").write_text("not ours")
    (where / ".building-1").mkdir()
    (where / "linked").symlink_to(mine)
    size = sum(path.stat().st_size for path in where.rglob("*") if path.is_file() and path.name != "read.txt")
    code, out, _ = corpora("remove", "mine")
    assert (code, out) == (0, f"mine: 2 prepared forms removed, {size / 1e6:.1f} MB freed\n")
    assert sorted(path.name for path in where.iterdir()) == ["linked", "notes"]
    assert len(list(mine.glob("*.wav"))) == 7
    assert corpora("remove", "mine")[0] == 2
    shutil.rmtree(where)
    corpora("prepare", "mine", "--from", mine)
    corpora("remove", "mine")
    assert not where.exists()


@pytest.mark.skipif(not CORPORA, reason="SERBENCH_CORPORA is not set")
def test_a_corpus_under_serbench_corpora(corpora: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERBENCH_CORPORA", CORPORA or "")
    code, out, _ = corpora("prepare", "emodb")
    assert code == 0
    assert out.startswith("emodb: 342 utterances, 10 speakers, 7 classes, 16.0 minutes at 16000 Hz\n")
    monkeypatch.delenv("SERBENCH_CORPORA")
    code, out, _ = corpora("prepare", "emodb")
    assert (code, "Was prepared already" in out) == (0, True)
