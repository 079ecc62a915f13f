"""`run` and `plan` as functions: the options of the command line, what was done as a value, and nothing printed."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import click
import pytest

import serbench as package
from serbench.benchmark.audio import bar as bars
from serbench.benchmark.commands import run as command
from serbench.benchmark.commands.predict import predict as predict_command
from serbench.benchmark.planning.options import RunOptions
from serbench.benchmark.planning.plan import Cell
from serbench.benchmark.planning.ready import ReadyPlan
from serbench.benchmark.planning.summary import plan
from serbench.benchmark.running.predict import PredictOptions
from serbench.benchmark.running.progress import Progress
from serbench.benchmark.running.run import run
from serbench.errors import InputError
from serbench.results.evidence.store import Run
from serbench.tests.support.tiny import tiny_corpus

ROOT = Path(package.__path__[0])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"tiny={tiny_corpus(tmp_path_factory.mktemp('tiny'), speakers=3)}"


def options(corpus: str, **more: object) -> RunOptions:
    return RunOptions(protocol="speaker-independent", model=("majority",), corpus=(corpus,), jobs=1, **more)  # type: ignore[arg-type]


def names(command: click.Command) -> set[str]:
    return {parameter.name or "" for parameter in command.params} - {"as_json", "form"}


def options_of(arguments: list[str]) -> RunOptions:
    """What the command line gives to `run`; how it prints is its own."""
    params = command.run.make_context("run", arguments).params
    return RunOptions(**{name: value for name, value in params.items() if name != "as_json"})


def test_options_have_the_names_and_defaults_of_the_command_line() -> None:
    assert names(command.run) == names(command.plan) == {field.name for field in fields(RunOptions)}
    assert options_of([]) == RunOptions()
    assert {field.name for field in fields(PredictOptions)} == names(predict_command) - {"run", "files", "form"}


def test_options_are_a_command_that_gives_them_back(tmp_path: Path) -> None:
    wanted = RunOptions(
        "X2", quick=True, model=("majority", "a:b+c"), corpus=("d",), seeds=2, set=("a.b=c d",), jobs=3, device="cpu",
        precision="tf32", out=tmp_path, keep_weights=True, again=True,
    )  # fmt: skip
    for each in (wanted, RunOptions(protocol="noise"), RunOptions()):
        assert options_of(each.command()[1:]) == each


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def resume(self, run: Run, finished: bool) -> None:
        self.lines.append(f"resume {finished}")

    @contextmanager
    def plan(self, ready: ReadyPlan, run: Run, pending: int) -> Iterator[None]:
        self.lines.append(f"plan {pending}")
        yield
        self.lines.append("end")

    def cell(self, cell: Cell, failed: bool) -> None:
        self.lines.append(f"cell {failed}")


def test_what_was_done_is_returned_and_nothing_printed(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    progress = Heard()
    first, second = run(options(corpus), progress), run(options(corpus), progress)
    assert (first.done, first.failed, first.skipped, first.resumed, first.succeeded) == (3, 0, 0, False, True)
    assert (second.done, second.failed, second.skipped, second.resumed) == (0, 0, 3, True)
    assert first.folder == second.folder and first.folder.parent == Path("runs")
    assert len(first.plans[0].cells) == 3 and first.notes == second.notes and first.study is None
    assert progress.lines == ["plan 3", *["cell False"] * 3, "end", "resume True", "plan 0", "end"]
    (summary,) = plan(options(corpus, out=first.folder)).plans
    assert (summary.cells, summary.done) == (3, 3)
    assert capfd.readouterr() == ("", "")


def test_nothing_is_printed_while_a_corpus_is_prepared(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bars, "SECONDS_BETWEEN_LINES", 0.0)
    for number, (show, expected) in enumerate(((False, ""), (True, "preparing tiny: "))):
        monkeypatch.setenv("SERBENCH_HOME", str(tmp_path / f"home-{number}"))
        plan(options(corpus), bars=show)
        out, err = capfd.readouterr()
        assert not out and (expected in err if expected else not err)


def test_again_is_a_new_folder(corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    every = [run(options(corpus)), run(options(corpus, again=True)), run(options(corpus, again=True))]
    assert len({summary.folder for summary in every}) == 3  # also within one second
    assert [(summary.done, summary.skipped) for summary in every] == [(3, 0)] * 3
    assert run(options(corpus)).folder == every[2].folder  # the newest
    assert run(options(corpus, again=True, out=tmp_path / "own")).done == 3
    with pytest.raises(InputError, match=r"--again: trains in a new folder, and --out .*own is there"):
        run(options(corpus, again=True, out=tmp_path / "own"))


def test_failures_are_counted_by_model_and_error(corpus: str, tmp_path: Path) -> None:
    asked = options(corpus, out=tmp_path / "run", set=("mfcc-attention.lr=1e30",))
    summary = run(RunOptions(**{**vars(asked), "model": ("majority", "mfcc-attention:tiny")}))
    assert (summary.done, summary.failed, summary.succeeded) == (3, 3, False)
    (failure,) = summary.failures
    assert (failure.model, failure.cells) == ("mfcc-attention:tiny", 3) and "FloatingPointError" in failure.error


@pytest.mark.parametrize("room", ["planning", "running"])
def test_only_commands_print(room: str) -> None:
    for path in (ROOT / "benchmark" / room).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                imported = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
                assert not {"click", "rich", "commands", "bar"} & set(imported), path
            assert not (isinstance(node, ast.Name) and node.id == "print"), path
