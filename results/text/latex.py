"""Tables as LaTeX: booktabs, no other package."""

import re
from collections.abc import Sequence

from ..evidence.scores import Score
from ..reports.pictures import blocks, chunks, first_condition
from ..reports.plots import lines_of, under
from .grids import Grid
from .tables import percent, with_interval

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--", "→": r"$\rightarrow$", "×": r"$\times$", "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$", "−": r"$-$",
    "·": r"$\cdot$", "λ": r"$\lambda$", "α": r"$\alpha$", "Δ": r"$\Delta$",
}  # fmt: skip
PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{booktabs}
\usepackage[margin=2cm]{geometry}
\begin{document}
"""


def escape(text: str) -> str:
    """As LaTeX prints it, whatever the characters; those that T1 fonts lack become their names.

    >>> escape("a_b & 95 % [x] → é"), escape("情")
    ('a\\\\_b \\\\& 95 \\\\% [x] $\\\\rightarrow$ é', '?')
    """
    return "".join(_SPECIAL.get(c) or (c if ord(c) < 256 else "?") for c in text)


def table(grid: Grid, caption: str, label: str, below: str = "") -> str:
    """A floating table; a row of a single string runs across all columns, as a heading.

    ``label`` is what ``\\ref`` takes; letters, digits and ``-`` only are kept of it. ``below``: small print.
    """
    n = len(grid.header)
    rows = [" & ".join(escape(" ".join(name.split())) for name in grid.header) + r" \\", r"\midrule"]
    for k, row in enumerate(grid.rows):
        if len(row) == 1:
            rows += [*([r"\addlinespace"] if k else []), rf"\multicolumn{{{n}}}{{l}}{{{escape(row[0].strip())}}} \\"]
        else:
            # a bracket after \\ or at the start of a cell would be taken for an argument
            rows.append(" & ".join("{}" * t.startswith("[") + escape(t) for t in row) + r" \\")
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\small\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{escape(caption)}}}",
            rf"\label{{tab:{re.sub('[^A-Za-z0-9-]+', '-', label)}}}",
            rf"\begin{{tabular}}{{{'l' * grid.left + 'r' * (n - grid.left)}}}",
            r"\toprule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *([rf"\par\smallskip\raggedright\scriptsize {escape(below)}\par"] if below else []),
            r"\end{table}",
            "",
        ]
    )


def leaderboard(found: Sequence[Score], part: int = 1) -> str:
    """The scores of one protocol, label map and set of leaks as a table, best first in each group.

    ``part``: which of the tables of these scores it is, from 1; no two share a label.
    """
    rows: list[tuple[str, ...]] = []
    for line in lines_of(found):
        s = line.score
        if s is None:
            rows.append((line.text,))
            continue
        uar = s.metrics["uar"]
        spread = (percent(uar.sd), percent(uar.sd_folds), percent(uar.sd_speakers))
        others = (percent(s.metrics[name].mean) for name in ("wa", "macro_f1"))
        rows.append((line.text, with_interval(uar), *spread, *others, f"{s.n_folds} × {s.n_seeds}"))
    header = ("model", "UAR", "sd seeds", "folds", "speakers", "WA", "macro F1", "folds × seeds")
    methods = "; ".join(sorted({s.interval_method for s in found if s.interval_method}, key=str.casefold))
    how = f" with its 95 % interval over test speakers ({methods})" if methods else ""
    partial = " * Not all cells are done." if any(s.n_done < s.n_cells for s in found) else ""
    caption = f"{under(found[0])}. In %: UAR{how}, its deviation over seeds, folds and speakers.{partial}"
    label = "-".join((found[0].protocol, found[0].label_map, *found[0].leaks, *([str(part)] if part > 1 else [])))
    return table(Grid("", header, tuple(rows)), caption, label)


def tables(found: Sequence[Score]) -> list[str]:
    """Tables of every protocol, label map and set of leaks, of a page at most; of conditions only the first."""
    parts = [enumerate(chunks(first_condition(block)), 1) for block in blocks(found)]
    return [leaderboard(scores, k) for those in parts for k, scores in those]


def document(parts: Sequence[str]) -> str:
    """A whole document, to compile as it is."""
    return PREAMBLE + "\n".join(parts) + "\\end{document}\n"
