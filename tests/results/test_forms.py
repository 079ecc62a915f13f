"""A form is a file, a metric is a registered function: nothing else names them."""

import csv
import importlib
import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from serbench.benchmark.checks import study_list
from serbench.benchmark.commands import show as show_module
from serbench.results.reports.report import report
from serbench.results.statistics import metrics
from serbench.results.text import forms
from serbench.results.text.forms import render
from serbench.results.text.grids import Comments, Document, Grid, Heading, Lines, Records
from serbench.tests.support.report_runs import complete
from serbench.tests.support.tiny import serbench

TSV = '''
"""Columns between tabs."""


def write(document, width):
    records = document.rows()
    return "".join("\\t".join(map(str, row)) + "\\n" for row in (records.columns, *records.rows))
'''
GRID = Grid("scores", ("model", "UAR\nin %"), (("a: 2 classes",), ("svm", "82.5")))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return complete(tmp_path_factory.mktemp("forms") / "run").folder


def geometric(t: metrics.Tally) -> np.ndarray:
    """Geometric mean of recalls."""
    recall = t.hits / np.where(t.support > 0, t.support, 1)
    mean: np.ndarray = recall.prod(-1) ** (1 / t.support.shape[-1])
    return mean


def test_a_registered_metric_is_in_every_form_and_on_the_page(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = metrics.Metric(
        "g_mean",
        "G-mean",
        (),
        "root of the product of recalls",
        (0.0, 1.0),
        lambda n: 1 / len(n),
        geometric,
        "geometric\nmean",
    )
    monkeypatch.setitem(metrics.METRICS, metric.name, metric)
    (score, *_) = [s for s in json.loads(serbench("show", run, "--json")[1]) if s["model"] == "weak"]
    value = score["metrics"]["g_mean"]["mean"]
    printed = f"{100 * value:.1f}"
    assert 0 < value < score["metrics"]["uar"]["mean"]
    texts = {form: serbench("show", run, *option)[1] for form, option in (("", ()), ("markdown", ["--markdown"]))}
    assert "geometric" in texts[""] and "geometric mean |" in texts["markdown"]
    latex = serbench("show", run, "--latex")[1]
    assert "geometric mean & folds" in latex
    for text in (*texts.values(), latex):
        assert any(line.strip(" |").startswith("weak") and printed in line for line in text.splitlines())
    (row, *_) = [r for r in csv.DictReader(io.StringIO(serbench("show", run, "--csv")[1])) if r["model"] == "weak"]
    assert float(row["g_mean_mean"]) == pytest.approx(value, abs=1e-6)
    page = report([str(run)], run / "out").page.read_text()
    assert '<th class="n">geometric mean<th' in page and f'<td class="n">{printed}<td' in page


def test_a_metric_without_a_column_is_in_the_data_alone(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = metrics.Metric("g_mean", "G-mean", (), "", (0.0, 1.0), lambda n: 1 / len(n), geometric)
    monkeypatch.setitem(metrics.METRICS, metric.name, metric)
    assert "g_mean_mean" in serbench("show", run, "--csv")[1]
    assert "mean" not in serbench("show", run)[1].split("─")[0].partition("model")[2]


def test_a_file_is_a_form_and_an_option(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tsv.py").write_text(TSV)
    monkeypatch.setattr(forms, "__path__", [*forms.__path__, str(tmp_path)])
    assert "tsv" in forms.names() and "--tsv" not in serbench("show", "--help")[1]
    importlib.reload(show_module)
    try:
        assert "Columns between tabs." in serbench("show", "--help")[1]
        tabs, commas = (serbench("show", run, option)[1] for option in ("--tsv", "--csv"))
    finally:
        monkeypatch.undo()
        importlib.reload(show_module)
    assert tabs.splitlines()[0].replace("\t", ",") == commas.splitlines()[0] and tabs.count("\n") == commas.count("\n")


LISTS = ["models list", "protocols list", "corpora list", "studies list"]


@pytest.mark.parametrize(
    "command", ["show", "compare", "tables", "score", "gate", "predict", "query", "audit", "plan", *LISTS]
)
def test_every_command_with_tables_offers_every_form(command: str) -> None:
    text = serbench(*command.split(), "--help")[1]
    assert all(f"--{form}" in text for form in ("csv", "json", "latex", "markdown"))


@pytest.mark.parametrize("command", LISTS)
def test_a_list_holds_the_same_in_every_form(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_list, "line_of", cache(study_list.line_of))  # what is missing here is asked once
    texts = {form: serbench(*command.split(), f"--{form}")[1] for form in ("json", "csv", "markdown", "latex", "html")}
    objects = json.loads(texts["json"])
    rows = list(csv.DictReader(io.StringIO(texts["csv"])))
    name = next(iter(objects[0]))
    names = [each[name] for each in objects]
    assert [row[name] for row in rows] == names and rows[0].keys() == objects[0].keys()
    shown = serbench(*command.split())[1]
    assert all(each in shown for each in names)
    assert texts["markdown"].count("\n| ") == len(names) + 1 and texts["html"].count("<tr>") == len(names) + 1
    assert texts["latex"].count(r"\begin{table}") == 1


def test_what_a_document_does_not_give_follows_from_its_tables() -> None:
    document = Document(lambda width: [(Heading("Title"), Lines(("one", "two"), "· ")), (GRID, Comments(("hidden",)))])
    assert document.rows() == Records(
        ("table", "model", "UAR in %"), (("scores", "a: 2 classes", ""), ("scores", "svm", "82.5"))
    )
    assert json.loads(render(document, "json"))[1] == {"table": "scores", "model": "svm", "UAR in %": "82.5"}
    assert render(document, "csv").splitlines() == ["table,model,UAR in %", "scores,a: 2 classes,", "scores,svm,82.5"]
    assert r"\caption{scores}" in render(document, "latex") and "% hidden" in render(document, "latex")
    assert render(document).splitlines()[:4] == ["Title", "· one", "· two", ""] and "hidden" not in render(document)
    assert render(document, "markdown").startswith("### Title\n\n- one\n- two\n\n**scores**\n\n| model | UAR in % |")


def test_lines_wrap_where_they_may_and_hang_below_their_mark() -> None:
    texts = Document(
        lambda width: [(Lines(("a well-known word",), "  * ", 2), Lines(("a well-known word",), whole=True))]
    )
    assert render(texts, None, 16).splitlines() == ["  * a well-known", "      word", "a well-known word"]


def test_html_escapes_what_is_printed_and_spans_headings() -> None:
    grid = Grid("a < b", ("model", "macro\nF1"), (("<script>",), ("x & y", " 1.0")))
    document = Document(lambda width: [(Heading("h > 1", 2), grid, Lines(("no <b>",), mark="· "))])
    html = render(document, "html")
    assert "<script>" not in html and "&lt;script&gt;" in html and 'colspan="2"' in html
    assert "<h2>h &gt; 1</h2>" in html and "macro<br>F1" in html and "<li>no &lt;b&gt;</li>" in html
    assert "x &amp; y" in html and ">1.0</td>" in html and "a &lt; b</caption>" in html
