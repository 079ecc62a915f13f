"""Facts about where a result came from, hashes of source text, and the torch pair."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from serbench.benchmark import environment as facts
from serbench.benchmark.environment import TORCH_PAIR, commit, environment, pair_problem


def test_facts_are_strings_and_true() -> None:
    found = environment("cpu")
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in found.items())
    assert found["numpy"] == np.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["device"] == "cpu"
    assert found["cuda"] == found["driver"] == ""
    assert int(found["cores"]) >= 1
    for package in facts.PACKAGES:
        assert found[package], package
    assert environment("cpu") == found
    environment("cpu")["numpy"] = "another"
    assert environment("cpu")["numpy"] == np.__version__


def test_threads_are_those_of_torch_where_torch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert environment()["threads"] == ""
    assert "torch" not in sys.modules
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(get_num_threads=lambda: 3))
    assert environment()["threads"] == "3"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_commit_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)

    def git(*command: str) -> str:
        options = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", "-C", str(tree), *options, *command], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    (tree / "a.py").write_text("a = 1\n")
    git("add", "a.py")
    git("commit", "-q", "-m", "first")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    head = subprocess.run(["git", "--git-dir", str(tree / ".git"), "rev-parse", "HEAD"], capture_output=True, text=True)
    assert commit(tree) == (head.stdout.strip(), "no")
    (tree / "b.py").write_text("new\n")
    assert commit(tree)[1] == "yes"
    (tree / "b.py").unlink()
    (tree / "a.py").write_text("a = 2\n")
    assert commit(tree) == (head.stdout.strip(), "yes")
    # an installation inside somebody's repository is not that repository
    assert commit(tree / "inner") == ("", "")


def test_commit_without_git_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    assert commit(tmp_path) == ("", "")
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) == ("", "")


@pytest.mark.parametrize(
    ("torch", "torchaudio", "said"),
    [
        ("2.11.0", "2.11.0", None),
        ("2.11.1", "2.11.0", None),
        ("2.11.0", "2.11.1", "torch 2.11.0 and torchaudio 2.11.1 do not fit"),
        ("2.11.0+cpu", "2.11.0+cpu", None),
        ("2.11.0+cu130", "2.11.0", None),
        ("2.13.0", "2.11.0", "torch 2.13.0 and torchaudio 2.11.0 do not fit"),
        ("2.13.0+cpu", "2.11.0+cpu", "do not fit"),
        ("2.1.1", "2.1.1", "do not fit"),
        ("2.10.0", "2.10.0", "do not fit"),
        ("2.11.0+cpu", "2.11.0+cu130", "builds for different devices"),
        ("2.11.0", "", "torchaudio missing"),
        ("", "", "torch missing and torchaudio missing"),
    ],
)
def test_pair(torch: str, torchaudio: str, said: str | None) -> None:
    problem = pair_problem(torch, torchaudio)
    if said is None:
        assert problem is None
    else:
        assert problem is not None
        assert said in problem
        assert problem.endswith("pip install 'torch>=2.11,<2.12' 'torchaudio>=2.11,<2.11.1'")
        assert "\n" not in problem


def test_the_pair_is_the_one_that_the_package_asks_for() -> None:
    from importlib.metadata import requires

    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    pinned = {r.name: r.specifier for r in map(Requirement, requires("serbench") or [])}
    assert {name: pinned[name] for name in TORCH_PAIR} == {n: SpecifierSet(limits) for n, limits in TORCH_PAIR.items()}
