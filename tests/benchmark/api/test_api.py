"""The Python interface says what the command line says, prints nothing, and imports nothing before it is used."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from inspect import signature
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import serbench as api
from serbench.benchmark.audit.audit_text import to_json
from serbench.benchmark.planning.options import RunOptions
from serbench.tests.support.scratch import EXAMPLES
from serbench.tests.support.tiny import serbench, tiny_corpus

MODELS = ("majority", "functionals-svm")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"tiny={tiny_corpus(tmp_path_factory.mktemp('corpus'))}"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, corpus: str) -> api.RunResults:
    folder = tmp_path_factory.mktemp("runs") / "run"
    return api.run(protocol="speaker-independent", model=MODELS, corpus=corpus, seeds=2, keep_weights=True, out=folder)


@pytest.fixture(scope="module")
def guesses(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("guesses")
    files = folder / "a.csv", folder / "b.csv"
    for k, file in enumerate(files):
        rows = [f"u{i},s{i % 6},{'happy' if i % 2 else 'sad'},{'happy' if i % (3 + k) else 'sad'}" for i in range(60)]
        file.write_text("id,speaker,truth,guess\n" + "\n".join(rows) + "\n")
    return files


def printed(*words: str | Path) -> Any:
    code, out, err = serbench(*words)
    assert code in (0, 1), err
    return json.loads(out)


def test_importing_it_imports_nothing_else() -> None:
    code = (
        "import sys, serbench\n"
        "assert not {'numpy', 'pandas', 'click', 'torch'} & sys.modules.keys()\n"
        "assert {'run', 'load', 'model'} <= {*dir(serbench)}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_name_is_there_and_an_unknown_one_is_not() -> None:
    assert all(getattr(api, name) is not None for name in api.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'rnu'"):
        api.rnu  # noqa: B018


def test_options_have_the_names_of_the_command_line() -> None:
    options = {field.name for field in fields(RunOptions)}
    assert {*signature(api.run).parameters} == options | {"progress"}
    assert {*signature(api.plan).parameters} <= options


def test_a_run_is_that_of_the_command(results: api.RunResults, corpus: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert (results.summary.failed, results.summary.done) == (0, 24)
    capfd.readouterr()
    again = api.run(
        protocol="speaker-independent", model=MODELS, corpus=corpus, seeds=2, keep_weights=True, out=results.folder
    )
    assert (again.summary.done, again.summary.skipped) == (0, 24)
    assert capfd.readouterr() == ("", "")
    assert results.table.data == again.table.data == printed("show", results.folder, "--json")


def test_frames_of_a_run(results: api.RunResults) -> None:
    loaded = api.load(results.folder)
    assert len(loaded.records) == 24 and {"model", "seed", "condition", "role"} <= {*loaded.records}
    assert {"key", "row", "speaker", "truth", "guess"} <= {*loaded.predictions}
    assert loaded.scores.equals(results.scores)
    html = loaded._repr_html_()
    assert html.count("<table>") == html.count("</table>") >= 1 and "functionals-svm" in html
    value = loaded.table.data[0]["metrics"]["uar"]["mean"]
    assert f"{100 * value:.1f}" in str(loaded)


def test_a_plan_is_that_of_the_command(corpus: str) -> None:
    preview = api.plan(protocol="noise", model="functionals-svm", corpus=corpus, set={"noise.snr": (20, 0)})
    words = ("--protocol", "noise", "--model", "functionals-svm", "--corpus", corpus, "--set", "noise.snr=20,0")
    assert json.loads(json.dumps([asdict(plan) for plan in preview.plans])) == [printed("plan", *words, "--json")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"a": MODELS[0], "b": MODELS[1]}, MODELS),
        ({"a": MODELS[1], "b": MODELS[0], "metric": "wa", "level": 0.9}, (*MODELS[::-1], "--metric=wa", "--level=0.9")),
        ({"test": "spread"}, ("--test", "spread")),
        ({"test": "main", "base": "majority"}, ("--test", "main", "--base", "majority")),
    ],
)
def test_comparisons_are_those_of_the_command(
    results: api.RunResults, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    table = api.compare(results.folder, **options)
    assert table.data == printed("compare", results.folder, *words, "--json")
    assert table.text("csv") == serbench("compare", results.folder, *words, "--csv")[1]


def test_scores_of_files_are_those_of_the_command(guesses: tuple[Path, Path]) -> None:
    for files in (guesses[:1], guesses):
        table = api.score(*files)
        assert table.data == printed("score", *files, "--json")
        assert str(table) == serbench("score", *files)[1]
        assert isinstance(table.frame, pd.DataFrame) and len(table.frame)


def test_audits_are_those_of_the_command(tmp_path: Path) -> None:
    rows = [f"c{i}.wav,{'test' if i % 3 else 'train'},s{i % 5}\n" for i in range(30)]
    (tmp_path / "split.csv").write_text("path,split,speaker\n" + "".join(rows))
    (audit,) = api.audit(tmp_path / "split.csv")
    assert [json.loads(json.dumps(to_json(audit)))] == printed("audit", tmp_path / "split.csv", "--json")
    assert [*audit.leaks] == ["speaker"]


def test_prepared_corpora_predictions_and_reports(results: api.RunResults, corpus: str, tmp_path: Path) -> None:
    name, _, file = corpus.partition("=")
    prepared = api.prepare(name, file)
    assert len(prepared.table) == 48 and prepared.rate_hz == 16_000
    clip = next(Path(file).parent.glob("*.wav"))
    table = api.predict(results.folder, "functionals-svm", clip)
    assert table.data == printed("predict", results.folder, "functionals-svm", clip, "--json")
    assert api.report(results.folder, tmp_path / "report").page.is_file()


def test_wrong_input_is_an_exception_of_one_line(results: api.RunResults) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: api.run(protocol="speaker-independant"),
        lambda: api.load("nowhere"),
        lambda: api.compare(results.folder, "majority"),
        lambda: api.compare(results.folder, "majority", "nobody"),
        lambda: api.score("nowhere.csv"),
        lambda: api.audit(),
        lambda: api.prepare("nothing"),
    )
    for call in calls:
        with pytest.raises(api.InputError) as error:
            call()
        assert "\n" not in str(error.value)


def test_the_notebook_runs_and_draws_its_picture(tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLES / "first_table.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= kinds
