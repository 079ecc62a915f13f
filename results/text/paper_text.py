"""The published tables of a paper, regenerated."""

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import get_args

from rich.cells import cell_len

from ..evidence.devices import listed
from ..papers import paper_data
from ..papers.paper_tables import PaperTables
from ..papers.proposals import texts
from ..papers.verdicts import MEANING, Word
from .grids import POINT, Comments, Document, Grid, Heading, Lines, Paragraph, Records
from .paper_blocks import blocks

LEAST_LABEL = 12  # columns that the first column keeps, however narrow the terminal
LONGEST_WORD = len("only with the leak")  # of the last column; longer ones are wrapped
READING = (
    "In %. Paper: as published. Replayed: mean of our runs and, in brackets, the 95 % prediction interval of one run "
    "under the published protocol; honest: the same with new speakers. Gap: published minus ours."
)


def document(tables: PaperTables) -> Document:
    """All blocks, after what the paper is and before how to read them."""
    return Document(
        text=lambda width: list(_paragraphs(tables, width)),
        print=lambda: list(_printed(tables)),
        records=lambda: paper_records(tables),
        data=lambda: paper_data.to_json(tables),
    )


def _paragraphs(tables: PaperTables, width: int | None) -> Iterator[Paragraph]:
    first, *more = _head(tables)
    yield (Heading(first, 2), Lines(tuple(more), POINT if width is None else ""))
    for block in blocks(tables):
        grid = block.grid if width is None else _narrowed(block.grid, width)
        yield Heading(block.title), Lines(block.facts), grid, Lines(block.notes, POINT)
    yield (Lines(tuple(_foot(tables)), POINT if width is None else ""),)


def _printed(tables: PaperTables) -> Iterator[Paragraph]:
    """Each block with all of it in its caption; then how to read them."""
    yield (Comments(("needs \\usepackage{booktabs}",)),)
    for i, block in enumerate(blocks(tables)):
        texts = (block.title, *(text[:1].upper() + text[1:] for text in (*block.facts, *block.notes)))
        caption = " ".join(f"{text.rstrip('.')}." for text in texts)
        yield (replace(block.grid, caption=caption, label=f"{tables.paper.name}-{i + 1}"),)
    commands = tuple(_commands(tables))
    yield (Lines((*_head(tables), *(line for line in _foot(tables) if line not in commands))),)
    if commands:
        yield (Comments(commands),)


def paper_records(tables: PaperTables) -> Records:
    """A row per value, claims first; then one per matrix, whose distance stands in the columns of the means."""
    lines = paper_data.lines(tables)
    columns = tuple(lines[0]) if lines else ()
    rows = [[line.get(name) for name in columns] for line in lines]
    return Records(columns, tuple(tuple(f"{x:.6f}" if isinstance(x, float) else x for x in row) for row in rows))


def _head(tables: PaperTables) -> list[str]:
    paper = tables.paper
    status = f"{paper.status} ({paper.withdrawn})" if paper.withdrawn else paper.status
    return [paper.title, f"{paper.authors}. {paper.venue}. {paper.link}.", f"Status: {status}."]


def _foot(tables: PaperTables) -> list[str]:
    used = {line.verdict.word for line in tables.lines if line.verdict}
    lines = [READING, *(f"{word}: {MEANING[word]}." for word in get_args(Word) if word in used)]
    if tables.devices:
        word = "MIXED devices or precisions" if len(tables.devices) > 1 else "Device"
        lines.append(f"{word}: {'; '.join(listed(tables.devices))}.")
    return [*lines, *_commands(tables)]


def _commands(tables: PaperTables) -> list[str]:
    return texts(tables.to_run)


def _narrowed(grid: Grid, width: int) -> Grid:
    """The grid with first and last column wrapped so that all of it fits into ``width``, as far as words allow."""
    full = [row for row in grid.rows if len(row) > 1]
    heads = [name.split("\n") for name in grid.header]
    sizes = [max(map(cell_len, [*head, *(row[c] for row in full)])) for c, head in enumerate(heads)]
    last = min(sizes[-1], max(LONGEST_WORD, cell_len(heads[-1][-1])))
    room = max(width - sum(sizes[1:-1]) - last - 2 * (len(sizes) - 1), LEAST_LABEL)
    if sum(sizes) + 2 * (len(sizes) - 1) <= width:
        return grid
    rows: list[tuple[str, ...]] = []
    for row in grid.rows:
        indent = row[0][: len(row[0]) - len(row[0].lstrip())]
        wrap = textwrap.TextWrapper(
            room, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
        )
        if len(row) == 1:
            rows.append(row)
            continue
        ends = textwrap.wrap(row[-1], last) or [""]
        for i, (text, end) in enumerate(zip_longest(wrap.wrap(row[0].strip()), ends, fillvalue="")):
            rows.append((text, *(row[1:-1] if i == 0 else ("" for _ in row[1:-1])), end))
    return replace(grid, rows=tuple(rows))
