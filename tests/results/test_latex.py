import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from serbench.results.evidence.scores import Value
from serbench.results.text.boards import boards
from serbench.results.text.forms import latex
from serbench.results.text.grids import Grid
from serbench.tests.support.made_scores import score

pytestmark = pytest.mark.usefixtures("four_metrics")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("50 % of a_b & c #1", r"50 \% of a\_b \& c \#1"),
        ("a\\b{c}", r"a\textbackslash{}b\{c\}"),
        ("$x^2~y$ < 3 | > 1", r"\$x\textasciicircum{}2\textasciitilde{}y\$ \textless{} 3 \textbar{} \textgreater{} 1"),
        ("a → b, 5 × 3, λ = 0.1, – é", r"a $\rightarrow$ b, 5 $\times$ 3, $\lambda$ = 0.1, -- é"),
        ("\\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("怒", "?"),
    ],
)
def test_every_character_is_printed_and_none_is_obeyed(text, printed):
    assert latex.escape(text) == printed


def test_a_table_has_the_rules_of_booktabs_and_rows_of_one_length():
    grid = Grid("", ("model", "UAR\nin %"), (("emodb: 4 classes",), ("svm_1", "[82.5]"), ("emovo",), ("b", "–")))
    made = latex.table(replace(grid, caption="In %.", label="random native"))
    assert made.splitlines() == [
        r"\begin{table}[htbp]", r"\centering\small\setlength{\tabcolsep}{3pt}", r"\caption{In \%.}",
        r"\label{tab:random-native}",
        r"\begin{tabular}{lr}", r"\toprule", r"model & UAR in \% \\", r"\midrule",
        r"\multicolumn{2}{l}{emodb: 4 classes} \\", r"svm\_1 & {}[82.5] \\", r"\addlinespace",
        r"\multicolumn{2}{l}{emovo} \\", r"b & -- \\", r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip


def scores_of(*changes):
    metrics = {name: Value(0.5) for name in ("wa", "macro_f1", "weighted_f1")}
    return [score(metrics={"uar": Value(0.453, 0.01, 0.41, 0.496), **metrics}, **change) for change in changes]


def test_a_table_per_protocol_says_its_leaks_and_what_is_not_complete():
    found = scores_of(
        {"model": "a_b", "n_done": 1}, {"model": "c"}, {"model": "c", "condition": "white 0 dB"},
        {"protocol": "z", "leaks": ("speaker",)},
    )  # fmt: skip
    one, two = [latex.table(grid) for grid in boards(found)]
    assert r"a\_b* & 45.3 [41.0, 49.6] & 1.0" in one and "* Not all cells are done." in one and "white" not in one
    assert "LEAK: speaker shared" in two and "*" not in two
    whole = latex.whole([one, two])
    assert whole.startswith(r"\documentclass") and whole.rstrip().endswith(r"\end{document}")
    for name in ("table", "tabular", "document"):
        assert len(re.findall(rf"\\begin{{{name}}}", whole)) == len(re.findall(rf"\\end{{{name}}}", whole))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_document_compiles_and_nothing_sticks_out_of_the_page(tmp_path: Path):
    names = ("a_b & 50 % #1 {<|>}", "$x^2~y$ – → × ± ≤ −", "· λ α Δ é 怒 \\input")
    made = [
        latex.table(grid)
        for grid in boards(
            scores_of(*({"model": name} for name in names), {"protocol": names[0], "leaks": ("speaker",)})
        )
    ]
    (tmp_path / "t.tex").write_text(latex.whole(made))
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "t.pdf").read_bytes().startswith(b"%PDF")
    assert "Overfull" not in done.stdout and "undefined" not in done.stdout


def test_every_table_has_a_label_of_its_own():
    found = scores_of(
        *({"leaks": leaks, "test": f"t{k}", "train": f"t{k}"} for leaks in ((), ("speaker",)) for k in range(60))
    )
    labels = re.findall(r"\\label\{(.*?)\}", "".join([latex.table(grid) for grid in boards(found)]))
    assert len(labels) == len(set(labels)) > 2
