"""Bad input: one clear line, exit code 2, nothing lost."""

import errno
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from serbench.baselines import registry
from serbench.baselines.registry import ModelChoice
from serbench.benchmark.environment import PAIR_COMMAND
from serbench.benchmark.running import run as running
from serbench.tests.support.tiny import RATE_HZ, serbench, tiny_corpus


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpus(tmp_path_factory.mktemp("tiny"), speakers=4, takes=6)


def refused(*arguments: str | Path) -> str:
    """The one line of a command that must be refused."""
    code, out, err = serbench(*arguments)
    assert code == 2, (code, out, err)
    lines = [line for line in err.strip().splitlines() if not line.startswith(("Usage:", "Try "))]
    lines = [line for line in lines if line.strip()]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


def run(
    csv: Path, *more: str | Path, protocol: str = "speaker-independent", model: str = "majority"
) -> tuple[str | Path, ...]:
    return ("run", "--protocol", protocol, "--model", model, "--corpus", f"mine={csv}", *more)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--protocol", "cross-corpsu"), "did you mean 'cross-corpus'"),
        (("--model", "functionals-svn"), "did you mean 'functionals-svm'"),
        (("--model", "mfcc-attention:cleen"), "did you mean 'clean'"),
        (("--model", "mfcc-attention+no-attenton"), "variant"),
        (("--corpus", "emobd"), "emodb"),
        (("--corpus", "emodb=/does/not/exist"), "/does/not/exist"),
        (("--set", "majority.lr=1"), "lr"),
        (("--set", "mfcc-attention.lr=1"), "mfcc-attention"),
        (("--set", "label_mpa=basic4"), "did you mean 'label_map'"),
        (("--set", "label_map=basic5"), "basic"),
        (("--set", "label_map"), "key=value"),
        (("--seeds", "0"), "--seeds 0"),
        (("--seeds", "two"), "two"),
        (("--jobs", "0"), "--jobs 0"),
        (("--device", "cuda:x"), "unknown device"),
        (("--device", "gpu"), "unknown device"),
        (("--precision", "fp64"), "fp64"),
    ],
)
def test_names_and_options(csv: Path, change: tuple[str, str], said: str, tmp_path: Path) -> None:
    base = (
        "run",
        "--protocol",
        "speaker-independent",
        "--model",
        "majority",
        "--corpus",
        f"mine={csv}",
        "--out",
        tmp_path / "r",
    )
    option, value = change
    arguments = list(base)
    if option in base and option != "--set":
        arguments[base.index(option) + 1] = value
    else:
        arguments += [option, value]
    assert said in refused(*arguments)


def test_cuda_where_there_is_none(csv: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    assert "--device cuda" in refused(*run(csv, "--device", "cuda"))


def changed(csv: Path, folder: Path, change: object) -> Path:
    """A copy of the table beside its audio, changed."""
    table = pd.read_csv(csv)
    table["path"] = [str(csv.parent / p) for p in table["path"]]
    table = change(table)  # type: ignore[operator]
    table.to_csv(folder / "changed.csv", index=False)
    return folder / "changed.csv"


def test_a_table_without_a_needed_column(csv: Path, tmp_path: Path) -> None:
    assert "speaker" in refused(*run(changed(csv, tmp_path, lambda t: t.drop(columns="speaker"))))


def test_one_speaker_only(csv: Path, tmp_path: Path) -> None:
    line = refused(*run(changed(csv, tmp_path, lambda t: t.assign(speaker="s0"))))
    assert "mine" in line and "speaker" in line


def test_one_class_only(csv: Path, tmp_path: Path) -> None:
    line = refused(*run(changed(csv, tmp_path, lambda t: t[t["emotion"] == "happy"])))
    assert "mine" in line and "class" in line


def test_a_class_missing_from_train(csv: Path, tmp_path: Path) -> None:
    """Named by corpus, fold and class: the official split has all sad clips in test."""

    def split(t: pd.DataFrame) -> pd.DataFrame:
        return t.assign(
            official_split=["test" if e == "sad" else "train" if i % 4 else "dev" for i, e in enumerate(t["emotion"])]
        )

    line = refused(*run(changed(csv, tmp_path, split), protocol="official-split"))
    assert "sad" in line and "train" in line


def test_corpora_without_a_common_class(csv: Path, tmp_path: Path) -> None:
    other = changed(csv, tmp_path, lambda t: t.assign(emotion=t["emotion"].map({"happy": "fear", "sad": "disgust"})))
    line = refused(*run(csv, "--corpus", f"other={other}", "--set", "label_map=native", protocol="cross-corpus"))
    assert "mine" in line and "other" in line


def test_no_readable_audio(csv: Path, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"no audio at all")
    table = pd.DataFrame({"path": ["a.wav", "b.wav"], "speaker": ["x", "y"], "emotion": ["happy", "sad"]})
    table.to_csv(tmp_path / "t.csv", index=False)
    assert "a.wav" in refused(*run(tmp_path / "t.csv"))


def test_broken_files_are_named_and_the_rest_is_used(csv: Path, tmp_path: Path) -> None:
    """Truncated, zero-length and NaN clips: left out by name, in the output."""
    table = pd.read_csv(csv)
    whole = (csv.parent / table["path"][0]).read_bytes()
    table["path"] = [str(csv.parent / p) for p in table["path"]]
    samples, _ = soundfile.read(table["path"][2])
    samples[5] = float("nan")
    broken = {0: "cut.wav", 1: "empty.wav", 2: "nan.wav"}
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.wav").touch()
    soundfile.write(tmp_path / "nan.wav", samples, RATE_HZ, subtype="FLOAT")
    for i, name in broken.items():
        table.loc[i, "path"] = str(tmp_path / name)
    table.to_csv(tmp_path / "broken.csv", index=False)
    code, _, err = serbench(*run(tmp_path / "broken.csv", "--out", tmp_path / "run", "--set", "label_map=native"))
    assert code == 0, err
    assert all(name in err for name in ("cut", "empty", "nan")), err
    asked = run(tmp_path / "broken.csv", "--corpus", "synth-a", "--set", "label_map=native")[1:]
    code, out, _ = serbench("plan", *asked)
    assert code == 0 and all(name in out for name in ("cut", "empty", "nan")), out
    notes = json.loads(serbench("plan", *asked, "--json")[1])["notes"]
    assert notes[0].startswith("built-in synthetic corpora") and notes[1] == "set: label_map=native"
    err = serbench("run", *asked, "--out", tmp_path / "both")[2]
    assert [line.removeprefix("Note: ") for line in err.splitlines() if line.startswith("Note: ")] == notes


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "emodb").mkdir()
    assert str(tmp_path / "emodb") in refused("run", "--protocol", "random", "--corpus", f"emodb={tmp_path / 'emodb'}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(csv: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot write" in refused(*run(csv, "--out", tmp_path / "run"))


def test_an_output_folder_that_cannot_be_made(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot write" in refused(*run(csv, "--out", tmp_path / "file" / "run"))


def test_a_full_output_folder(csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert serbench(*run(csv, "--out", tmp_path / "other"))[0] == 0  # the corpus is prepared, its disk is another
    monkeypatch.setattr("serbench.results.evidence.files.os.fsync", full)
    line = refused(*run(csv, "--out", tmp_path / "run"))
    assert "No space left on device" in line and "--out" in line


def test_an_output_that_is_no_folder(csv: Path) -> None:
    assert "/dev/null" in refused(*run(csv, "--out", "/dev/null"))


def test_an_output_folder_with_something_else(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    assert "not a run folder" in refused(*run(csv, "--out", tmp_path))


def test_a_run_folder_of_another_version(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"format": 0, "serbench": "0.0.1"}')
    assert "format 0" in refused(*run(csv, "--out", tmp_path))
    assert "format 0" in refused("show", tmp_path)


def test_a_damaged_parquet_file(csv: Path, tmp_path: Path) -> None:
    assert serbench(*run(csv, "--out", tmp_path / "run"))[0] == 0
    path = next((tmp_path / "run" / "predictions").iterdir())
    path.write_bytes(path.read_bytes()[:-20])
    assert path.name in refused("show", tmp_path / "run")
    code, _, err = serbench(*run(csv, "--out", tmp_path / "run"))
    assert code == 0 and f"{path.name}: damaged" in err and "made again" in err


def test_show_without_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no run" in refused("show", "latest")
    assert "nothing-here" in refused("show", "nothing-here")


def test_every_form_of_a_model_must_be_ready(csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def choose(spec: str, overrides: dict[str, str]) -> ModelChoice:
        found = registry.choose(spec, overrides)
        lacks = {"clean": "its weights are not here"}.get(found.profile)
        return replace(found, card=replace(found.card, needs=lambda settings: lacks))

    monkeypatch.setattr(running, "choose", choose)
    both = ("--model", "mfcc-attention:tiny", "--out", tmp_path / "run")
    said = refused(*run(csv, *both, model="mfcc-attention"))
    assert said == "Error: mfcc-attention: its weights are not here"
    assert not (tmp_path / "run").exists()


def test_a_torchaudio_that_cannot_be_loaded_ends_a_run_of_networks(
    csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchaudio.py").write_text("raise OSError('Could not load this library: libtorchaudio.so')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchaudio", raising=False)
    said = refused(*run(csv, "--out", tmp_path / "run", model="mfcc-attention:tiny"))
    assert "networks cannot be trained here: OSError: Could not load this library: libtorchaudio.so" in said
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(running, "installed", {"torch": "2.11.0", "torchaudio": "2.11.1"}.__getitem__)
    said = refused(*run(csv, "--out", tmp_path / "run", model="mfcc-attention:tiny"))
    assert said.endswith("torch 2.11.0 and torchaudio 2.11.1 do not fit; install the pair: " + PAIR_COMMAND)
    assert serbench(*run(csv, "--out", tmp_path / "run"))[0] == 0  # others need none
