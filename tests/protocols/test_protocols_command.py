"""`serbench protocols`: what it prints, what it writes, and what it refuses."""

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from serbench.benchmark.commands.protocols import protocols
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.prepared import corpus as prepared
from serbench.benchmark.prepared import near
from serbench.errors import InputError
from serbench.tests.support.utterances import EMODB, finish, make

MINE = make("mine", EMODB, ("angry", "excited", "fear", "sad"))


@dataclass
class Opened:
    name: str
    table: pd.DataFrame
    notes: tuple[str, ...] = ()


@pytest.fixture(autouse=True)
def _no_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corpora without their audio: folds do not need it."""

    def open_corpus(spec: str, rate_hz: int) -> Opened:
        if spec == "mine":
            return Opened("mine", MINE, ("2 clips left out: silent",))
        return Opened(spec, finish(synthetic.table(spec)))

    monkeypatch.setattr(prepared, "open_corpus", open_corpus)
    monkeypatch.setattr(near, "near_identical", lambda corpora, allowed: ([], []))


def call(*arguments: str) -> str:
    result = CliRunner().invoke(protocols, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_list() -> None:
    text = call("list")
    found = json.loads(call("list", "--json"))
    names = {facts["protocol"]: facts for facts in found}
    assert {"cross-corpus", "leave-one-corpus-out", "noise", "random", "speaker-independent"} <= set(names)
    assert all(name in text and facts["summary"] in text for name, facts in names.items())
    assert len(names["noise"]["conditions"]) == 25
    assert names["random"]["null"] == "above"
    assert "permits the same speaker, session, sentence; null corpora: above; 1 condition" in text


def test_show_prints_what_the_json_holds() -> None:
    text = call("show", "speaker-independent", "--corpus", "mine")
    facts = json.loads(call("show", "speaker-independent", "--corpus", "mine", "--json"))
    assert len(facts["folds"]) == 10
    first = facts["folds"][0]
    assert (first["n_train"], first["n_dev"], first["n_test"]) == (8 * 16, 16, 16)
    assert (first["fold"], first["test_speakers"], first["dev_speakers"]) == ("mine/f08", ["mine/f08"], ["mine/m03"])
    assert first["chance"] == 0.25
    assert facts["leaks"] == ["sentence"]
    assert facts["notes"] == ["mine: 2 clips left out: silent"]
    line = next(line for line in text.splitlines() if line.startswith("mine/f08"))
    assert line.split() == ["mine/f08", "mine", "->", "mine", "4", "0.250", "128", "16", "16", "sentence", "1:", "f08"]
    for part in ("promises new speaker, audio, copy", "Note: mine: 2 clips", "classes: angry, excited, fear, sad"):
        assert part in text


def test_show_without_a_corpus_uses_the_built_in_ones_and_says_so() -> None:
    text = call("show", "cross-corpus")
    assert text.startswith("On the built-in synthetic corpora")
    assert "synth-a -> synth-b" in text


def test_show_prints_the_label_map_and_what_it_does_to_the_corpora() -> None:
    text = call("show", "cross-corpus", "--corpus", "mine", "--corpus", "synth-a")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert (
        "iemocap angry, happy, neutral, sad excited = happy disgust, fear, frustrated, other, surprise, undecided"
        in lines
    )
    assert "ravdess angry, happy, neutral, sad - calm, disgust, fear, surprise" in lines
    assert "mine excited 40 merged happy" in lines
    assert "synth-a fear 48 dropped -" in lines


def test_settings() -> None:
    facts = json.loads(call("show", "random", "--corpus", "mine", "--set", "random.folds=4", "--json"))
    assert len(facts["folds"]) == facts["options"]["folds"] == 4
    facts = json.loads(call("show", "random", "--corpus", "mine", "--set", "label_map=basic4", "--json"))
    assert facts["folds"][0]["classes"] == ["angry", "happy", "sad"]
    assert facts["label_map"] == "basic4"
    again = call("show", "random", "--corpus", "mine", "--set", "random.repeats=2")
    assert "mine/fold-10 repeat 2" in again
    assert "random.folds=10  random.repeats=2" in again


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_export(ending: str, tmp_path: Path) -> None:
    file = tmp_path / "new" / f"folds.{ending}"
    text = call("show", "random", "--corpus", "mine", "--set", "random.folds=4", "--export", str(file))
    assert f"Folds written to {file}" in text
    with file.open(encoding="utf-8", newline="") as opened:
        lines = list(csv.DictReader(opened)) if ending == "csv" else json.load(opened)
    assert len(lines) == 4 * len(MINE)
    assert lines[0] | {"row": "", "label": "", "speaker": ""} == {
        "protocol": "random", "version": "1" if ending == "csv" else 1, "label_map": "native", "train": "mine",
        "test": "mine", "arm": "", "fold": "mine/fold-1", "repeat": "0" if ending == "csv" else 0, "part": "train",
        "row": "", "label": "", "speaker": "",
    }  # fmt: skip
    facts = json.loads(call("show", "random", "--corpus", "mine", "--set", "random.folds=4", "--json"))
    for fold in facts["folds"]:
        for part in ("train", "dev", "test"):
            rows = [line["row"] for line in lines if line["fold"] == fold["fold"] and line["part"] == part]
            assert len(set(rows)) == fold[f"n_{part}"]
    emotion = dict(zip(MINE["id"] + "#0", MINE["emotion"], strict=True))
    assert all(line["label"] == emotion[line["row"]] for line in lines)
    assert all(line["row"].startswith(line["speaker"] + "-") for line in lines)


def test_refusals(tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        with pytest.raises(InputError) as error:
            CliRunner().invoke(protocols, ["show", *arguments], catch_exceptions=False)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "unknown protocol 'nois'; did you mean 'noise'" in refused("nois")
    assert "ends in .csv or .json" in refused("random", "--export", "folds.xlsx")
    assert "unknown option of random 'fold'; did you mean 'folds'" in refused("random", "--set", "random.fold=3")
    assert "unknown label map 'basic'" in refused("random", "--set", "label_map=basic")
    assert "no such folder" in refused("noise", "--set", f"noise.dir={tmp_path / 'none'}")
    assert "given: mine" in refused("cross-corpus", "--corpus", "mine")
    assert "--corpus mine: given twice" in refused("random", "--corpus", "mine", "--corpus", "mine=folder")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused("random", "--corpus", "mine", "--export", str(tmp_path / "file" / "x.csv"))


def test_list_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\n"
        "from serbench.benchmark.commands.protocols import protocols\n"
        "assert CliRunner().invoke(protocols, ['list']).exit_code == 0\n"
        "print([m for m in ('torch', 'sklearn', 'librosa', 'soundfile') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
