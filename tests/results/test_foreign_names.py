"""Names and texts of somebody else take no effect where they are shown: no formula, tag, link or control character."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serbench.results.text.forms import names, render
from serbench.results.text.forms.csv import lines
from serbench.results.text.grids import Document, Grid, Heading, Lines, Records
from serbench.tables import FORMULA, read_cells
from serbench.tests.support.tiny import serbench

EVIL = (
    "\x1b[31mred", "\x9b31mred", "=1+1", "@SUM(A1)", "+cmd", "-2+3", "\tx", "<script>alert(1)</script>", "<img src=x>",
    "[here](http://a.example)", "![p](http://a.example/p.png)", "\u202egnp.exe", r"\input{/etc/passwd}", "a|b", "a\rb",
)  # fmt: skip


def document(name: str) -> Document:
    """With the name in every kind of piece."""
    grid = Grid(name, (name, "n"), ((name, "1"), (name,)), caption=name, label=name, below=name)
    pieces = (Heading(name), Lines((name,)), Lines((name,), "· "), grid)
    return Document(text=lambda width: [pieces], records=lambda: Records(("name", "n"), ((name, 1),)))


@pytest.mark.parametrize("form", [None, *names()])
@pytest.mark.parametrize("name", EVIL)
def test_no_form_lets_a_name_take_effect(form: str | None, name: str) -> None:
    text = render(document(name), form)
    assert "1" in text
    if form != "json":  # which escapes what a program would read
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e]", text) or form == "csv"
    if form in ("html", "markdown"):
        assert not re.search(r"<(script|img)", text)
    if form == "markdown":
        assert "](http" not in text
    if form == "latex":
        assert r"\input" not in text
    if form == "csv":
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert all(not cell.startswith(FORMULA) for row in rows for cell in row)


@given(st.text(min_size=1), st.floats(allow_nan=False))
def test_cells_are_the_same_when_they_are_read_again(
    tmp_path_factory: pytest.TempPathFactory, name: str, x: float
) -> None:
    name = "".join(c for c in name if c.isprintable()).strip() or "a"
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    for text in (name, f"={name}", f"-{name}"):
        path.write_text(lines(Records(("id", "x"), ((text, f"{x}"),))), encoding="utf-8")
        (line,) = read_cells(path).lines.values()
        if not text.startswith("'"):
            assert line == [text, f"{x}"]


def test_errors_and_notes_show_no_control_characters() -> None:
    code, out, err = serbench("run", "--protocol", "random", "--model", "no\x1b[31m", "--corpus", "synth-a")
    assert code == 2 and "\x1b" not in out + err
