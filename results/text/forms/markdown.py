"""Markdown."""

import re
from collections.abc import Iterator

from ....errors import printable
from ..grids import Document, Grid, Heading, Lines, Paragraph, plain


def write(document: Document, width: int) -> str:
    """Everything with every column."""
    return "\n\n".join(parts(document)) + "\n"


def parts(document: Document) -> list[str]:
    """Its pieces one by one."""
    return [text for paragraph in document.text(None) for text in _parts(paragraph)]


def _parts(paragraph: Paragraph) -> Iterator[str]:
    for piece in paragraph:
        if isinstance(piece, Grid):
            yield pipes(piece)
        elif isinstance(piece, Heading):
            yield f"{'#' * piece.level} {harmless(piece.text)}"
        elif isinstance(piece, Lines) and piece.mark and piece.texts:
            yield "\n".join(f"- {harmless(text)}" for text in piece.texts)
        elif isinstance(piece, Lines):
            yield from map(harmless, piece.texts)


def harmless(text: str) -> str:
    """Text in which no tag, link or picture of somebody else takes effect.

    >>> harmless("<b>p</b> <0.001"), harmless("![x](http://a)")
    ('&lt;b>p&lt;/b> <0.001', '![x]\\\\(http://a)')
    """
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", printable(text)).replace("](", "]\\(")


def pipes(grid: Grid) -> str:
    """A table."""
    marks = ["---" if c < grid.left else "--:" for c in range(len(grid.header))]
    header = [plain(name) for name in grid.header]
    rows = [(*row, *("" for _ in header))[: len(header)] for row in grid.rows]
    lines = [
        "| " + " | ".join(harmless(text).replace("|", "\\|").strip() for text in row) + " |"
        for row in (header, marks, *rows)
    ]
    return "\n".join([*([f"**{harmless(grid.title)}**", ""] if grid.title else []), *lines])
