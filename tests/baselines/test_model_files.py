"""A model in a file that is not installed: found, known by its text, in other processes too; and what is refused."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from click.testing import CliRunner

from serbench.baselines.registry import anywhere, cards, choose, find, modules_of, name_of, provider, text_of
from serbench.benchmark.commands.models import models
from serbench.benchmark.source import source_hash
from serbench.errors import InputError
from serbench.tests.support.scratch import EXAMPLES

LOUD = '''
from dataclasses import dataclass
from serbench.baselines.registry import Recipe, Variant, model

@dataclass(frozen=True)
class Settings(Recipe):
    width: int = 8

@model(settings=Settings(), profiles={"tiny": {"width": 2}}, variants={"wide": Variant("wider", {"epochs": 3})})
def loud_pooling(settings, task):
    """Pools what is loud."""
    return settings.width
'''
WIDER = LOUD.replace("width: int = 8", "width: int = 9")
TWINS = LOUD + LOUD[LOUD.index("@model") :].replace("@model(", '@model(name="loud-pooling", ').replace(
    "def loud", "def x"
)


@pytest.fixture(autouse=True)
def _no_module_stays() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("serbench_file_"):
            del sys.modules[name]


def put(folder: Path, text: str = LOUD, name: str = "loud.py") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_a_file_is_written_before_the_name(tmp_path: Path) -> None:
    path = put(tmp_path)
    choice = choose(f"{path}:loud-pooling:tiny+wide", {"lr": "0.5"})
    assert (choice.settings.width, choice.settings.epochs, choice.settings.lr) == (2, 3, 0.5)
    assert choice.spec == "loud-pooling:tiny+wide"  # as tables call it
    assert (provider(choice.card), modules_of(choice.card)) == ("loud.py", ("serbench_file_loud",))
    assert find("loud-pooling") is choice.card is find(f"{path}:loud-pooling")
    assert "loud-pooling" not in cards()  # of what is installed


@pytest.mark.parametrize(
    "spec", ["{}:loud-pooling:tiny+wide", "loud-pooling:tiny", "loud-pooling+wide+a", "loud-pooling"]
)
def test_the_name_is_read_without_looking(spec: str) -> None:
    assert name_of(spec.format("/no/such+folder/x.py")) == "loud-pooling"
    assert anywhere(spec.format("a/x.py")) == spec.format(Path("a/x.py").absolute())


def test_its_text_is_its_identity_wherever_it_lies(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from serbench.baselines.registry import find, modules_of\n"
        "from serbench.benchmark.source import source_hash\n"
        "print(source_hash(modules_of(find(sys.argv[1]))))\n"
    )
    files = (
        put(tmp_path / "a"),
        put(tmp_path / "b"),
        put(tmp_path / "c", LOUD.replace("width: int = 8", "width: int = 9")),
    )
    command = [sys.executable, "-c", code]
    first, moved, changed = (
        subprocess.run([*command, f"{path}:loud-pooling"], capture_output=True, text=True, check=True).stdout
        for path in files
    )
    assert first == moved != changed


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = put(tmp_path)
    before = find(f"{path}:loud-pooling")
    text = source_hash(modules_of(before))
    path.write_text(WIDER)
    after = find(f"{path}:loud-pooling")
    assert (before.settings.width, after.settings.width) == (8, 9)
    assert text != source_hash(modules_of(after)) and "= 9" in text_of(after.module)


def test_a_worker_process_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(put(tmp_path).parent)
    spec = anywhere("loud.py:loud-pooling")
    monkeypatch.chdir("/")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = f"__import__('serbench.baselines.registry').baselines.registry.choose({spec!r}).settings.width"
        assert pool.submit(eval, there).result() == 8


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (LOUD, "loud_pooling", r"unknown model in .*loud\.py 'loud_pooling'; did you mean 'loud-pooling'"),
        (LOUD, "", r"loud\.py: which model\? write .*loud\.py:loud-pooling"),
        (LOUD.replace("loud_pooling", "majority"), "majority", r"majority \(serbench\) and that in .*loud\.py; rename"),
        (TWINS, "loud-pooling", "two models are called 'loud-pooling'; rename one"),
        ("x = 3", "x", "holds no model; decorate a build function"),
        ("import no_such_module", "x", r"loud\.py: does not load: ModuleNotFoundError: No module"),
        ("def f(:", "x", r"loud\.py: does not load: SyntaxError"),
        ("raise SystemExit('bye')", "x", r"loud\.py: does not load: SystemExit: bye"),
        (LOUD.replace('"width": 2', '"widht": 2'), "x", r"loud\.py: model 'loud-pooling'.*did you mean 'width'"),
        ("from helper import x", "x", r"loud\.py: imports helper, which lies beside it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, name: str, words: str) -> None:
    put(tmp_path, "x = 3", "helper.py")
    path = put(tmp_path, text)
    with pytest.raises(InputError, match=words) as caught:
        find(f"{path}:{name}" if name else str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"loud\.py: No such file"):
        find(f"{tmp_path}/loud.py:loud-pooling")
    first, second = put(tmp_path / "a"), put(tmp_path / "b")
    find(f"{first}:loud-pooling")
    with pytest.raises(InputError, match=r"two files have one name: .*a/loud\.py and .*b/loud\.py"):
        find(f"{second}:loud-pooling")
    other = put(tmp_path / "b", LOUD, "quiet.py")
    with pytest.raises(InputError, match=r"'loud-pooling': serbench_file_loud \(loud\.py\) and that in .*quiet\.py"):
        find(f"{other}:loud-pooling")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*model/*.py")), ids=lambda path: path.stem)
def test_the_examples_are_shown_and_checked_as_any_other(path: Path) -> None:
    name = path.stem.replace("_", "-")
    shown = CliRunner().invoke(models, ["show", f"{path}:{name}"], catch_exceptions=False)
    assert shown.exit_code == 0 and f"from {path.name}" in " ".join(shown.output.split())
    checked = CliRunner().invoke(models, ["check", f"{path}:{name}"], catch_exceptions=False)
    assert checked.exit_code == 0 and checked.output.startswith(f"{name}:clean\n"), checked.output
