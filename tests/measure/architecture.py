"""The picture and the table of ARCHITECTURE.md, drawn from the imports and docstrings of the code.

    python tests/measure/architecture.py

Writes architecture.svg and the part of ARCHITECTURE.md between its two marks; a test holds that both are as drawn now.
"""

from collections import Counter
from collections.abc import Mapping
from importlib import import_module

import networkx as nx

from serbench.tests.support.imports import ROOT, arrows, modules

PICTURE, PAGE = ROOT / "architecture.svg", ROOT / "ARCHITECTURE.md"
MARKS = "<!-- rooms, drawn by tests/measure/architecture.py -->", "<!-- end of rooms -->"
CELL, NAMES, TOP, MARGIN, RIGHT = 30, 170, 130, 16, 90
COLOURS = {"benchmark": "#0072b2", "results": "#7b4f9d", "protocols": "#009e73", "baselines": "#b35900"}
UPWARD = "#d00000"


def rooms() -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Rooms with their number of files, and the imports between them; the modules of the root are left out."""
    graph = modules()
    sizes = Counter(m.room for m in graph.values() if m.path.name != "__init__.py" and m.room)
    return sizes, Counter({pair: n for pair, n in arrows(graph).items() if pair[0] in sizes and pair[1] in sizes})


def order(sizes: Mapping[str, int], pairs: Mapping[tuple[str, str], int]) -> list[str]:
    """The rooms, whoever imports before whom it imports; of two that import each other the fewer imports are upward."""
    edges = nx.DiGraph([pair for pair, n in pairs.items() if n > pairs.get(pair[::-1], 0) or pair[::-1] not in pairs])
    edges.add_nodes_from(sizes)
    names = list(COLOURS)
    return list(nx.lexicographical_topological_sort(edges, key=lambda room: (names.index(_folder(room)), room)))


def picture() -> str:
    """A square of rooms: a line holds what a room imports, the number says how often; all of it lies on one side."""
    sizes, pairs = rooms()
    names = order(sizes, pairs)
    side = CELL * len(names)
    width, height = MARGIN + NAMES + side + RIGHT, TOP + side + MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
    shapes = [f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for i, room in enumerate(names):
        shapes += _heading(i, room, side)
    for (above, below), n in sorted(pairs.items()):
        shapes += _imports(names.index(above), names.index(below), n, _folder(above))
    return "\n".join([head, *shapes, "</svg>", ""])


def _heading(i: int, room: str, side: int) -> list[str]:
    """The name of a room before its line and above its column, and the square where the two meet."""
    x, y, colour = MARGIN + NAMES + i * CELL, TOP + i * CELL, COLOURS[_folder(room)]
    line, column = y + CELL * 2 // 3, x + CELL * 2 // 3
    return [
        f'<rect x="{MARGIN + NAMES}" y="{y}" width="{side}" height="{CELL}" fill="none" stroke="#e4e4e4"/>',
        f'<rect x="{x}" y="{TOP}" width="{CELL}" height="{side}" fill="none" stroke="#e4e4e4"/>',
        f'<text x="{MARGIN + NAMES - 8}" y="{line}" font-size="13" fill="{colour}" text-anchor="end">{room}</text>',
        f'<text transform="translate({column} {TOP - 8}) rotate(-50)" font-size="13" fill="{colour}">{room}</text>',
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{colour}"/>',
    ]


def _imports(i: int, j: int, n: int, folder: str) -> list[str]:
    x, y = MARGIN + NAMES + j * CELL, TOP + i * CELL
    colour, strength = (COLOURS[folder], min(0.15 + n / 60, 0.7)) if j > i else (UPWARD, 0.7)
    middle = x + CELL // 2, y + CELL * 2 // 3
    return [
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{colour}" fill-opacity="{strength:.2f}"/>',
        f'<text x="{middle[0]}" y="{middle[1]}" font-size="12" fill="#111" text-anchor="middle">{n}</text>',
    ]


def _folder(room: str) -> str:
    return room.partition(".")[0]


def table() -> str:
    """A line per room, in the order of the picture: what it holds, and how many files."""
    sizes, pairs = rooms()
    names = order(sizes, pairs)
    lines = [f"| `{room.replace('.', '/')}/` | {_summary(room)} | {sizes[room]} |" for room in names]
    return "\n".join(["| room | what it holds | files |", "|---|---|---:|", *lines])


def _summary(room: str) -> str:
    return (import_module(f"serbench.{room}").__doc__ or "").strip().splitlines()[0]


def page(text: str) -> str:
    """The page with its table as the code is now."""
    before, _, rest = text.partition(MARKS[0])
    return f"{before}{MARKS[0]}\n{table()}\n{MARKS[1]}{rest.partition(MARKS[1])[2]}"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
