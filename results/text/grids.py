"""What commands print, as data: tables of strings, lines and headings, in paragraphs. The files in `forms` write it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

POINT = "· "


@dataclass(frozen=True, slots=True)
class Grid:
    """A titled table of strings: the first ``left`` columns are aligned left, the others right.

    A header cell may have two lines. A row of a single string is a heading: it runs across all columns of aligned text.
    For print: ``caption`` (the title, where there is none), ``label`` to refer to it, ``below``: small print.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    caption: str = ""
    label: str = ""
    below: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; ``level`` 1 is that of a whole text."""

    text: str
    level: int = 3


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of text. With a ``mark`` each is a point of a list; from its second line on it hangs ``hang`` deeper.

    ``whole``: not wrapped, however narrow the terminal.
    """

    texts: tuple[str, ...]
    mark: str = ""
    hang: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Comments:
    """Lines that stand in the source of a text and are not printed."""

    texts: tuple[str, ...]


Piece = Grid | Heading | Lines | Comments
Paragraph = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Records:
    """Rows for machines: unrounded values under names of columns; what is unknown is empty."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a command prints, in several layouts; a form takes the one that suits it, which is made when it is taken.

    ``text``: for a width in columns; of None, for a page, with every column. ``print``: tables with captions, of the
    size of a printed page. ``records``: for machines, as rows; ``data``: as plain objects, ``ascii`` if they are to be
    written in ASCII. What a command does not give follows from what it gives.
    """

    text: Callable[[int | None], Sequence[Paragraph]]
    print: Callable[[], Sequence[Paragraph]] | None = None
    records: Callable[[], Records] | None = None
    data: Callable[[], Any] | None = None
    ascii: bool = field(default=False, kw_only=True)

    def printed(self) -> Sequence[Paragraph]:
        """The layout for print; where there is none, that of a page."""
        return self.text(None) if self.print is None else self.print()

    def rows(self) -> Records:
        """For machines; where there is nothing of its own, the rows of the tables of a page, with their titles."""
        if self.records is not None:
            return self.records()
        grids = [piece for paragraph in self.text(None) for piece in paragraph if isinstance(piece, Grid)]
        names = tuple(dict.fromkeys(plain(name) for grid in grids for name in grid.header))
        rows = []
        for grid in grids:
            for row in grid.rows:
                cells = dict(zip(map(plain, grid.header), row, strict=False))
                rows.append((grid.title, *(cells.get(name, "").strip() for name in names)))
        return Records(("table", *names), tuple(rows))

    def objects(self) -> Any:
        """Plain objects; where there are none of its own, one per row."""
        if self.data is not None:
            return self.data()
        records = self.rows()
        return [dict(zip(records.columns, row, strict=True)) for row in records.rows]


def plain(name: str) -> str:
    """A head of a column in one line."""
    return " ".join(name.split())
