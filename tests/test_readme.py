"""What README.md says is so: its commands parse, its names exist, its map is the tree."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

import serbench
from serbench.baselines.registry import choose
from serbench.benchmark.cli import cli
from serbench.protocols.parts.catalog import find

ROOT = Path(serbench.__path__[0])
PACKAGES = ("benchmark", "baselines", "protocols", "results")
_INSTALL = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt"
SET_UP = (
    f"{_INSTALL} . && .venv/bin/serbench run --protocol cross-corpus",
    f"{_INSTALL} -e '.[test]' && .venv/bin/python -m pytest",
)
PLUGINS = {"pooled-mlp"}  # the example that README.md itself installs

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="not a source tree")


def text() -> str:
    return (ROOT / "README.md").read_text()


def commands() -> list[str]:
    """Every `serbench ...`: lines of their own, in code spans, and at the end of the set-up commands."""
    lines = re.findall(r"^ {4}(?:.*/bin/)?serbench (.+)$", text(), re.MULTILINE)
    return [shlex.join(shlex.split(line, comments=True)) for line in lines] + re.findall(r"`serbench ([^`]+)`", text())


def parse(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> click.Context:
    """The context of the last command in ``words``, without running it; UsageError where it does not parse."""
    context = command.make_context(name, list(words), parent=parent)
    if not isinstance(command, click.Group):
        return context
    first = getattr(context, "_protected_args", None)  # without the underscore before click 8.2
    rest = [*(context.protected_args if first is None else first), *context.args]
    found, inner, rest = command.resolve_command(context, rest)
    assert found and inner
    return parse(inner, found, rest, context)


def test_the_two_set_up_commands_are_there_exactly() -> None:
    assert tuple(re.findall(r"^ {4}(python3 -m venv .*)$", text(), re.MULTILINE)) == SET_UP


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"^[A-Z]{3,}$", text(), re.MULTILINE)


@pytest.mark.parametrize("line", dict.fromkeys(commands()) if (ROOT / "README.md").exists() else [])
def test_every_command_parses(line: str) -> None:
    given = parse(cli, "serbench", shlex.split(line)).params
    if given.get("protocol"):
        assert find(given["protocol"])
    for spec in given.get("models", ()):
        assert spec in PLUGINS or choose(spec)


def test_parsing_finds_faults() -> None:
    for line in ("rnu", "run --protocol x --mdoel y", "models", "models shwo majority", "run --seeds x --protocol y"):
        with pytest.raises(click.UsageError):
            parse(cli, "serbench", line.split())


def mapped() -> list[Path]:
    """The paths in the folder map: two spaces deeper is inside; several may share a line."""
    section = text().partition("\n## Folders\n")[2].partition("\n## ")[0]
    found: list[Path] = []
    folder = Path()
    for line in re.findall(r"^ {4}.+$", section, re.MULTILINE):
        inner = line.startswith(" " * 6)
        names = re.match(r"\s*((?:[\w.]+(?:\.\w+|/)(?:\s+|$))+)", line)
        assert names, f"no path in '{line}'"
        paths = [Path(name) for name in names[1].split()]
        if not inner and names[1].split()[0].endswith("/"):
            folder = paths[0]
        found += [folder / path if inner else path for path in paths]
    return found


def test_every_path_in_the_map_exists() -> None:
    missing = [str(path) for path in mapped() if not (ROOT / path).exists()]
    assert not missing, f"README.md, Folders: not there: {', '.join(missing)}"


def test_the_map_is_complete() -> None:
    """Models and protocols are found by where they lie, so their files need no line of their own."""
    found = re.compile(r"^(@model\(|\w+ = model\(|PROTOCOL = )", re.MULTILINE)
    sources = (path for package in ("baselines", "protocols") for path in (ROOT / package).glob("*.py"))
    listed = {path.relative_to(ROOT) for path in sources if found.search(path.read_text())}
    there = {
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).iterdir()
        if not path.name.startswith(("__", ".")) and (path.suffix == ".py" or path.is_dir())
    }
    missing = sorted(map(str, there - listed - set(mapped())))
    assert not missing, f"README.md, Folders: not in the map: {', '.join(missing)}"


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = text().partition("\n## From Python\n")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    assert "functionals-svm" in str(names["results"]) and "functionals-svm" in str(names["table"])
    assert len(names["results"].scores) == 2 and names["table"].text("latex").strip()
