"""HTML."""

import html
from collections.abc import Iterator

from ....errors import printable
from ..grids import Document, Grid, Heading, Lines, Paragraph


def escape(text: str) -> str:
    """Text as a page shows it."""
    return html.escape(printable(text))


def write(document: Document, width: int) -> str:
    """Everything with every column, as a piece of a page: no head, no style but that of its cells."""
    return "\n".join(part for paragraph in document.text(None) for part in _parts(paragraph)) + "\n"


def _parts(paragraph: Paragraph) -> Iterator[str]:
    for piece in paragraph:
        if isinstance(piece, Grid):
            yield _table(piece)
        elif isinstance(piece, Heading):
            yield f"<h{piece.level}>{escape(piece.text)}</h{piece.level}>"
        elif isinstance(piece, Lines) and piece.mark and piece.texts:
            yield "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in piece.texts) + "</ul>"
        elif isinstance(piece, Lines):
            yield from (f"<p>{escape(text)}</p>" for text in piece.texts)


def _table(grid: Grid) -> str:
    """A row of a single string runs across all columns, as a heading."""
    caption = f"<caption>{escape(grid.title)}</caption>" if grid.title else ""
    names = [escape(name).replace("\n", "<br>") for name in grid.header]
    header = "".join(_cell("th", name, c < grid.left) for c, name in enumerate(names))
    rows = []
    for row in grid.rows:
        if len(row) == 1 < len(grid.header):
            rows.append(f'<th colspan="{len(grid.header)}" style="text-align:left">{escape(row[0])}</th>')
        else:
            rows.append("".join(_cell("td", escape(text.strip()), c < grid.left) for c, text in enumerate(row)))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>{caption}<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


def _cell(tag: str, text: str, left: bool) -> str:
    style = f"text-align:{'left' if left else 'right'};white-space:nowrap;padding:0 0.5em"
    return f'<{tag} style="{style}">{text}</{tag}>'
