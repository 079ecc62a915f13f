"""The shape of the code in numbers: files, lines, imports across rooms, circles; of this tree or of another.

python tests/measure/shape.py [FOLDER]
"""

import ast
import statistics
import sys
from collections import Counter
from pathlib import Path

from serbench.tests.support.imports import ROOT, Module, arrows, circles, modules


def main(root: Path) -> None:
    """Print the table of one tree."""
    graph = modules(root)
    lines = {name: len(m.path.read_text(encoding="utf-8").splitlines()) for name, m in graph.items()}
    rooms = Counter(m.room for m in graph.values() if m.path.name != "__init__.py")
    tree = [node for m in graph.values() for node in ast.walk(ast.parse(m.path.read_text(encoding="utf-8")))]
    lengths = sorted(n.end_lineno - n.lineno + 1 for n in tree if isinstance(n, ast.FunctionDef) and n.end_lineno)
    across = arrows(graph)
    print(f"files                        {len(graph)}, in {len(rooms)} rooms")
    print(f"lines                        {sum(lines.values())}; a file: median {statistics.median(lines.values()):.0f}")
    largest = max(lines, key=lambda name: lines[name])
    print(f"largest file                 {lines[largest]} lines ({largest})")
    print(f"lines of a function          p90 {lengths[len(lengths) * 9 // 10]}, largest {lengths[-1]}")
    print(f"fullest rooms                {', '.join(f'{room} {n}' for room, n in rooms.most_common(5))}")
    print(f"imports across rooms         {sum(across.values())} of modules, {len(across)} of rooms")
    print(f"rooms that import each other {_mutual(graph)}")
    print(f"circles of modules           {_listed(circles(graph))}")


def _mutual(graph: dict[str, Module]) -> str:
    across = arrows(graph)
    pairs = sorted({tuple(sorted(pair)) for pair in across if pair[::-1] in across})
    return ", ".join(" ↔ ".join(pair) for pair in pairs) or "none"


def _listed(groups: list[tuple[str, ...]]) -> str:
    return "; ".join(" ↔ ".join(group) for group in groups) or "none"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
