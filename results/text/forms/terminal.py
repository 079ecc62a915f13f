"""Aligned text for a terminal."""

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

from ....errors import printable
from ..grids import Comments, Document, Grid, Heading, Lines, Piece


def write(document: Document, width: int) -> str:
    """Paragraphs, each after an empty line; lines of at most ``width`` columns where words allow."""
    paragraphs = [
        [printable(line) for piece in paragraph for line in _lines(piece, width)] for paragraph in document.text(width)
    ]
    text = "\n\n".join("\n".join(lines) for lines in paragraphs if lines)
    return text + "\n" if text else ""


def _lines(piece: Piece, width: int) -> list[str]:
    if isinstance(piece, Grid):
        return aligned(piece)
    if isinstance(piece, Comments):
        return []
    if isinstance(piece, Heading):
        piece = Lines((piece.text,))
    if piece.whole:
        return [piece.mark + text for text in piece.texts]
    deeper = " " * (len(piece.mark) + piece.hang)
    wrap = textwrap.TextWrapper(width, subsequent_indent=deeper, break_on_hyphens=False, break_long_words=False)
    return [line for text in piece.texts for line in wrap.wrap(piece.mark + text)]


def aligned(grid: Grid) -> list[str]:
    """Lines of text columns; wide characters count as two. Names are not broken at their hyphens."""
    above, below = zip(*(("\n" + name).split("\n")[-2:] for name in grid.header), strict=True)
    header = [line for line in (above, below) if any(line)]
    full = [*header, *(row for row in grid.rows if len(row) > 1)]
    widths = [max(cell_len(row[c]) for row in full) for c in range(len(grid.header))]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_row(row, widths, grid.left) for row in (*header, *grid.rows)]
    return [*([grid.title] if grid.title else []), *lines[: len(header)], rule, *lines[len(header) :]]


def _row(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    if len(row) == 1:
        return row[0]
    cells = []
    for c, (text, width) in enumerate(zip(row, widths, strict=True)):
        pad = " " * (width - cell_len(text))
        cells.append(text + pad if c < left else pad + text)
    return "  ".join(cells).rstrip()
