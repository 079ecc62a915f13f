"""LaTeX: tables (booktabs) for a document."""

import re
from collections.abc import Sequence

from ....errors import printable
from ..grids import Comments, Document, Grid, Heading, Piece, plain

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--", "→": r"$\rightarrow$", "×": r"$\times$", "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$", "−": r"$-$",
    "·": r"$\cdot$", "λ": r"$\lambda$", "α": r"$\alpha$", "Δ": r"$\Delta$",
    "†": r"$^\dagger$",
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
    return "".join(_SPECIAL.get(c) or (c if ord(c) < 256 else "?") for c in printable(text))


def write(document: Document, width: int) -> str:
    """Floating tables, and what is said beside them; to be put into a document that uses booktabs."""
    tables = document.printed()
    text = "\n\n".join("\n".join(map(_piece, paragraph)) for paragraph in tables)
    return text if not text or text.endswith("\n") else text + "\n"


def _piece(piece: Piece) -> str:
    if isinstance(piece, Grid):
        return table(piece)
    if isinstance(piece, Comments):
        return "\n\n".join(f"% {text}" for text in piece.texts)
    texts = [piece.text] if isinstance(piece, Heading) else piece.texts
    return "\n\n".join(f"{{\\raggedright\\noindent {escape(text)}\\par}}" for text in texts)


def table(grid: Grid) -> str:
    """A floating table; a row of a single string runs across all columns, as a heading.

    Its label is what ``\\ref`` takes; letters, digits and ``-`` only are kept of it.
    """
    n = len(grid.header)
    rows = [" & ".join(escape(plain(name)) for name in grid.header) + r" \\", r"\midrule"]
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
            rf"\caption{{{escape(grid.caption or grid.title)}}}",
            rf"\label{{tab:{re.sub('[^A-Za-z0-9-]+', '-', grid.label or grid.title)}}}",
            rf"\begin{{tabular}}{{{'l' * grid.left + 'r' * (n - grid.left)}}}",
            r"\toprule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *([rf"\par\smallskip\raggedright\scriptsize {escape(grid.below)}\par"] if grid.below else []),
            r"\end{table}",
            "",
        ]
    )


def whole(parts: Sequence[str]) -> str:
    """A whole document of such tables, to compile as it is."""
    return PREAMBLE + "\n".join(parts) + "\\end{document}\n"
