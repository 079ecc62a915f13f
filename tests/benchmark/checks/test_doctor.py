"""`serbench doctor`: what it finds, what it says is missing, and its exit code."""

import json
import shutil
import tomllib
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from packaging.requirements import Requirement
from packaging.version import Version

import serbench
from serbench.baselines import registry
from serbench.benchmark.checks import diagnosis
from serbench.benchmark.checks.diagnosis import Fact, corpora_check, facts, home_check, import_problem
from serbench.benchmark.commands.doctor import doctor
from serbench.benchmark.environment import installed
from serbench.errors import InputError

ROOT = Path(serbench.__path__[0])


@pytest.fixture(scope="module")
def here() -> dict[str, Fact]:
    """What the doctor finds here, by name; torch is imported for it once."""
    return {check.name: check for check in facts()}


def say(monkeypatch: pytest.MonkeyPatch, lines: list[Fact], *options: str) -> Result:
    monkeypatch.setattr(diagnosis, "facts", lambda: lines)
    return CliRunner().invoke(doctor, options)


def pretend(monkeypatch: pytest.MonkeyPatch, versions: dict[str, str]) -> None:
    """As if other versions were installed ('' is not installed)."""
    monkeypatch.setattr(
        "serbench.benchmark.checks.diagnosis.installed", lambda name: versions.get(name, installed(name))
    )


def test_this_environment_is_complete(here: dict[str, Fact], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [check for check in here.values() if check.state == "missing"]
    groups = {check.group for check in here.values()}
    assert groups == {"python", "packages", "device", "machine", "data", "plugins", "extras"}
    for name in ("python", "serbench", "numpy", "scikit-learn", "torch pair", "av decodes", "cpu", "memory"):
        assert here[name].state == "ok"
    assert "pytest" not in here  # needed by the tests alone
    result = say(monkeypatch, list(here.values()))
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith("Everything needed is here.")
    assert not [line for line in result.stdout.splitlines() if line.startswith("   ")]  # no check needs two lines


def test_json_says_the_same(here: dict[str, Fact], monkeypatch: pytest.MonkeyPatch) -> None:
    result = say(monkeypatch, list(here.values()), "--json")
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert [Fact(**check) for check in document["checks"]] == list(here.values())


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_exit_code_1_when_something_is_missing(monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    fine = Fact("machine", "memory", "ok", "1 GiB")
    limit = Fact("extras", "timm", "note", "not installed", "pip install timm")
    gone = Fact("packages", "numpy", "missing", "not installed [link]", "pip install 'numpy>=2.0'")
    assert say(monkeypatch, [fine, limit], *options).exit_code == 0
    result = say(monkeypatch, [fine, limit, gone], *options)
    assert result.exit_code == 1
    assert "not installed [link]" in result.stdout  # brackets are text, not markup


def test_a_pair_that_does_not_fit_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"torch": "2.13.0+cpu", "torchaudio": "2.11.0+cpu"})
    pair = list(diagnosis._pair())
    assert pair[0].state == "missing"
    result = say(monkeypatch, pair)
    assert result.exit_code == 1
    line = next(line for line in result.stdout.splitlines() if "torch pair" in line)
    assert "torch 2.13.0+cpu and torchaudio 2.11.0+cpu do not fit" in line
    assert line.endswith("pip install 'torch>=2.11,<2.12' 'torchaudio>=2.11,<2.11.1'")


def test_torchaudio_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "import_problem", lambda name: "OSError: no" if name == "torchaudio" else "")
    broken = list(diagnosis._pair())[-1]
    assert (broken.name, broken.state) == ("torchaudio", "missing")
    assert broken.value == "cannot be imported: OSError: no"
    assert broken.hint.startswith("pip install --force-reinstall 'torchaudio==")
    pretend(monkeypatch, {"torchaudio": ""})
    assert [check.name for check in diagnosis._pair()] == ["torch pair"]  # said once


def test_packages_that_are_absent_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"numpy": "1.26.4", "soxr": ""})
    wrong = {check.name: check for check in diagnosis._packages() if check.state == "missing"}
    assert wrong.keys() == {"numpy", "soxr"}
    assert wrong["numpy"].value == "1.26.4; needed: >=2.0"
    assert wrong["numpy"].hint == "pip install 'numpy>=2.0'"
    assert wrong["soxr"].value.startswith("not installed; needed: >=")


@pytest.mark.parametrize(
    "error", ["ImportError('a.so:\\n gone')", "OSError('a.so:\\n gone')", "RuntimeError('a.so: gone')"]
)
def test_a_failing_import_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    (tmp_path / "fails_to_import.py").write_text(f"raise {error}")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_problem("fails_to_import") == f"{error.partition('(')[0]}: a.so: gone"
    assert import_problem("json") == ""


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home_check(tmp_path).state == "ok"
    assert home_check(tmp_path).value.startswith(f"{tmp_path}, ")
    later = home_check(tmp_path / "not" / "yet")
    assert (later.state, later.value.endswith("made when first used")) == ("ok", True)
    (tmp_path / "file").write_text("")
    assert home_check(tmp_path / "file" / "below").state == "missing"
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 2**40, 2**20))
    full = home_check(tmp_path)
    assert (full.state, "0.0 GiB free" in full.value) == ("note", True)


def test_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["emodb", "ravdess"]
    assert corpora_check("", names).value == "not set"
    assert corpora_check(str(tmp_path / "no"), names).state == "missing"
    assert corpora_check(str(tmp_path), names).state == "note"
    for name in ("ravdess", "another"):
        (tmp_path / name).mkdir()
    assert corpora_check(str(tmp_path), names).value == f"{tmp_path}: ravdess"
    monkeypatch.setenv("SERBENCH_CORPORA", str(tmp_path))
    monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / "home"))
    home, corpora = diagnosis._data()
    assert home.value.startswith(str(tmp_path / "home"))
    assert corpora.value.endswith("ravdess")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def cards() -> Iterator[Fact]:
        return (check for check in diagnosis._devices() if check.name != "cpu")

    memory = namedtuple("memory", "total_memory")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: memory(24 * 2**30))
    assert [(card.name, card.state) for card in cards()] == [("cuda:0", "ok"), ("cuda:1", "ok")]
    assert [card.value.partition(";")[0] for card in cards()] == ["Card 0, 24 GiB", "Card 1, 24 GiB"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [(card.name, card.state) for card in cards()] == [("cuda", "note")]


def test_plugins_that_do_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "broken", lambda: {"their-model": "ModuleNotFoundError: No module named 'x'"})
    broken, models, *others = diagnosis._plugins()
    assert (broken.name, broken.state) == ("their-model", "note")
    assert "No module named 'x'" in broken.value
    assert [fact.name for fact in others] == ["protocols", "corpora", "metrics"]
    assert {fact.state for fact in (models, *others)} == {"ok"}

    def clash() -> None:
        raise InputError("two models are called 'a'")

    monkeypatch.setattr(registry, "cards", clash)
    first = next(iter(diagnosis._plugins()))
    assert (first.state, first.value) == ("missing", "two models are called 'a'")


def test_extras_say_what_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"transformers": "5.0", "timm": ""})
    states = {check.name: check for check in diagnosis._extras()}
    assert states["transformers"].value == "5.0, for models on pretrained audio and text encoders"
    assert (states["timm"].state, states["timm"].hint) == ("note", "pip install timm")


def test_constraints_are_printed_and_fit_what_the_project_asks_for() -> None:
    out = CliRunner().invoke(doctor, ["--constraints"]).output
    pinned = dict(line.split("==") for line in out.splitlines() if not line.startswith("#"))
    assert all(Version(version) for version in pinned.values())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(text) for text in (*project["dependencies"], *project["optional-dependencies"]["test"])]
    own = [requirement for requirement in requirements if requirement.name != "serbench"]
    assert len(own) > 20
    for requirement in own:
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement
