"""Words, files and plugins that mean harm: one line and an exit code, never a traceback, never a success."""

from pathlib import Path

import pytest

from serbench.tests.support.tiny import serbench, tiny_corpus


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpus(tmp_path_factory.mktemp("tiny"), speakers=4, takes=6)


def refused(*arguments: str | Path) -> str:
    code, out, err = serbench(*arguments)
    assert code == 2 and len(err.strip().splitlines()) == 1, (code, out, err)
    return err


@pytest.mark.parametrize("command", [("score",), ("audit",), ("show",), ("studies", "show"), ("corpora", "labels")])
def test_a_nul_byte_in_a_word(command: tuple[str, ...]) -> None:
    assert "NUL" in refused(*command, "a\0b")


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "--protocol", "random", "--corpus", "mine={}"), ("corpora", "check", "mine={}"),
        ("corpora", "labels", "{}"), ("studies", "show", "{}"), ("models", "show", "{}.py:x"),
        ("protocols", "show", "{}.py"),
    ],
)  # fmt: skip
def test_the_home_of_nobody(command: tuple[str, ...]) -> None:
    assert "~nosuchuser" in refused(*(word.format("~nosuchuser/x") for word in command))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b'name = "\xe9\xff"', "not UTF-8"), (b"a = " + b"[" * 50_000, "too deep"), (b"a = " + b"9" * 5_000, "not TOML")],
)
def test_toml_that_cannot_be_read(content: bytes, said: str, csv: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(content)
    assert said in refused("studies", "show", tmp_path / "own.toml")
    base = ("plan", "--protocol", "random", "--corpus", f"mine={csv}", "--label-map")
    line = refused(*base, tmp_path / "own.toml")
    assert "own.toml" in line and (said in line or "decode" in line)


@pytest.mark.parametrize("what", ["SystemExit(0)", "KeyboardInterrupt", "GeneratorExit"])
def test_a_file_that_ends_the_process_when_it_is_read(what: str, tmp_path: Path) -> None:
    (tmp_path / "ends_at_once.py").write_text(f"raise {what}")
    for command in (("protocols", "show", "{}"), ("models", "show", "{}:x"), ("models", "check", "{}:x")):
        line = refused(*(word.format(tmp_path / "ends_at_once.py") for word in command))
        assert f"ends_at_once.py: does not load: {what.partition('(')[0]}" in line


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("sys.exit(0)", "SystemExit"), ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("self.weights[0] = float('nan')", "no numbers"),
    ],
)  # fmt: skip
def test_a_model_that_does_harm_is_a_failed_cell(harm: str, said: str, csv: Path, tmp_path: Path) -> None:
    name = f"harm{said.split()[0].lower()}"  # one process takes a name once
    own = tmp_path / f"{name}.py"
    own.write_text(
        f"""
import sys
import torch
from serbench.baselines.registry import model

class Harm(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.register_buffer("weights", torch.zeros(classes))

    def forward(self, x, lengths):
        {harm}
        return self.weights.expand(len(x), -1)

@model(kind="inference")
def {name}(settings, task):
    \"\"\"Does harm.\"\"\"
    return Harm(len(task.classes))
"""
    )
    run = ("run", "--protocol", "speaker-independent", "--corpus", f"mine={csv}", "--out", tmp_path / "run")
    code, _, err = serbench(*run, "--model", f"{own}:{name}", "--model", "majority")
    assert code == 1 and f"Failed: {name}" in err and said in err, (code, err)
    assert "Failed: majority" not in err
