"""A table of strings, as aligned text and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len


@dataclass(frozen=True, slots=True)
class Grid:
    """A titled table of strings: the first ``left`` columns are aligned left, the others right.

    A header cell may have two lines. A row of a single string is a heading: it runs across all columns of aligned text.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def aligned(grid: Grid) -> list[str]:
    """Lines of text columns; wide characters count as two."""
    above, below = zip(*(("\n" + name).split("\n")[-2:] for name in grid.header), strict=True)
    header = [line for line in (above, below) if any(line)]
    full = [*header, *(row for row in grid.rows if len(row) > 1)]
    widths = [max(cell_len(row[c]) for row in full) for c in range(len(grid.header))]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_line(row, widths, grid.left) for row in (*header, *grid.rows)]
    return [*([grid.title] if grid.title else []), *lines[: len(header)], rule, *lines[len(header) :]]


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    if len(row) == 1:
        return row[0]
    cells = []
    for c, (text, width) in enumerate(zip(row, widths, strict=True)):
        pad = " " * (width - cell_len(text))
        cells.append(text + pad if c < left else pad + text)
    return "  ".join(cells).rstrip()


def pipes(grid: Grid) -> str:
    """As a Markdown table."""
    marks = ["---" if c < grid.left else "--:" for c in range(len(grid.header))]
    header = [" ".join(name.split()) for name in grid.header]
    rows = [(*row, *("" for _ in header))[: len(header)] for row in grid.rows]
    lines = [
        "| " + " | ".join(text.replace("|", "\\|").strip() for text in row) + " |" for row in (header, marks, *rows)
    ]
    return "\n".join([*([f"**{grid.title}**", ""] if grid.title else []), *lines])
