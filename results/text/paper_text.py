"""Regenerated tables as text: for the terminal, as Markdown, as LaTeX (booktabs)."""

import textwrap
from collections.abc import Iterable
from dataclasses import replace
from typing import get_args

from rich.cells import cell_len

from ..papers.paper_tables import PaperTables
from ..papers.verdicts import MEANING, Word
from .grids import Grid, aligned, pipes
from .paper_blocks import blocks

LEAST_LABEL = 12  # columns that the first column keeps, however narrow the terminal
READING = (
    "In %. Paper: as published. Replayed: mean of our runs and, in brackets, the 95 % prediction interval of one run "
    "under the published protocol; honest: the same with new speakers. Gap: published minus ours."
)


def terminal(tables: PaperTables, width: int = 100) -> str:
    """All blocks as aligned text of at most ``width`` columns where words allow."""
    parts = [_wrapped(_head(tables), width)]
    for block in blocks(tables):
        grid = aligned(_narrowed(block.grid, width))
        parts.append([*_wrapped([block.title, *block.facts], width), *grid, *_wrapped(block.notes, width, "· ")])
    parts.append(_wrapped(_foot(tables), width))
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def markdown(tables: PaperTables) -> str:
    """All blocks as Markdown."""
    first, *more = _head(tables)
    parts = [f"## {first}", "\n".join(f"- {line}" for line in more)]
    for block in blocks(tables):
        parts += [f"### {block.title}", *block.facts, pipes(block.grid)]
        parts += ["\n".join(f"- {note}" for note in block.notes)] if block.notes else []
    parts.append("\n".join(f"- {line}" for line in _foot(tables)))
    return "\n\n".join(parts) + "\n"


def latex(tables: PaperTables) -> str:
    """All blocks as LaTeX tables, to be put into a document that uses booktabs, and how to read them."""
    from .latex import escape, table  # with it come pictures, which nothing else here needs

    parts = ["% needs \\usepackage{booktabs}"]
    for i, block in enumerate(blocks(tables)):
        texts = (block.title, *(text[:1].upper() + text[1:] for text in (*block.facts, *block.notes)))
        caption = " ".join(f"{text.rstrip('.')}." for text in texts)
        parts.append(table(block.grid, caption, f"{tables.paper.name}-{i + 1}"))
    reading = (*_head(tables), *(line for line in _foot(tables) if line not in _commands(tables)))
    parts += [f"{{\\raggedright\\noindent {escape(line)}\\par}}" for line in reading]
    parts += [f"% {line}" for line in _commands(tables)]
    return "\n\n".join(parts) + "\n"


def _head(tables: PaperTables) -> list[str]:
    paper = tables.paper
    status = f"{paper.status} ({paper.withdrawn})" if paper.withdrawn else paper.status
    return [paper.title, f"{paper.authors}. {paper.venue}. {paper.link}.", f"Status: {status}."]


def _foot(tables: PaperTables) -> list[str]:
    used = {line.verdict.word for line in tables.lines if line.verdict}
    lines = [READING, *(f"{word}: {MEANING[word]}." for word in get_args(Word) if word in used)]
    if tables.devices:
        lines.append(
            f"{'MIXED devices or precisions' if len(tables.devices) > 1 else 'Device'}: {'; '.join(tables.devices)}."
        )
    return [*lines, *_commands(tables)]


def _commands(tables: PaperTables) -> list[str]:
    return [text if text.startswith("not here") else f"To run: {text}" for text in tables.to_run]


def _wrapped(lines: Iterable[str], width: int, mark: str = "") -> list[str]:
    wrap = textwrap.TextWrapper(
        width, subsequent_indent=" " * len(mark), break_on_hyphens=False, break_long_words=False
    )
    return [part for line in lines for part in wrap.wrap(mark + line)]


def _narrowed(grid: Grid, width: int) -> Grid:
    """The grid with its first column wrapped so that all of it fits into ``width``, as far as words allow."""
    full = [row for row in grid.rows if len(row) > 1]
    heads = [name.split("\n") for name in grid.header]
    sizes = [max(map(cell_len, [*head, *(row[c] for row in full)])) for c, head in enumerate(heads)]
    room = max(width - sum(sizes[1:]) - 2 * (len(sizes) - 1), LEAST_LABEL)
    if sizes[0] <= room:
        return grid
    rows: list[tuple[str, ...]] = []
    for row in grid.rows:
        indent = row[0][: len(row[0]) - len(row[0].lstrip())]
        wrap = textwrap.TextWrapper(
            room, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
        )
        first, *more = wrap.wrap(row[0].strip()) if len(row) > 1 else [row[0]]
        rows += [(first, *row[1:]), *((text, *("" for _ in row[1:])) for text in more)]
    return replace(grid, rows=tuple(rows))
