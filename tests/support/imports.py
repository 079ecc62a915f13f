"""Which module imports which, read from the source text: for the tests of the layout and for the picture of it."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

import serbench

ROOT = Path(serbench.__path__[0])
FOLDERS = ("baselines", "benchmark", "protocols", "results")


@dataclass(frozen=True, slots=True)
class Module:
    """A module by its name without ``serbench.``, and the names of the modules that its text imports anywhere."""

    name: str
    path: Path
    imports: frozenset[str]

    @property
    def room(self) -> str:
        """The folder that it lies in: ``results.evidence``; the modules of the root are the room ''."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def modules(root: Path = ROOT) -> dict[str, Module]:
    """Every module of the package but its tests, by name; imports inside functions and for types count too."""
    paths = {name: path for folder in FOLDERS for name, path in _named(root, folder)}
    paths |= {path.stem: path for path in root.glob("*.py") if path.stem != "__init__"}
    return {name: Module(name, path, frozenset(_imports(name, path, paths))) for name, path in sorted(paths.items())}


def arrows(graph: dict[str, Module]) -> Counter[tuple[str, str]]:
    """(importing room, imported room) -> how many imports of modules there are, those within a room left out."""
    pairs = ((m.room, graph[target].room) for m in graph.values() for target in m.imports)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def circles(graph: dict[str, Module]) -> list[tuple[str, ...]]:
    """Groups of modules that import each other in a circle, each sorted; none in a sound layout."""
    import networkx as nx

    edges = nx.DiGraph([(m.name, target) for m in graph.values() for target in m.imports])
    return sorted(tuple(sorted(group)) for group in nx.strongly_connected_components(edges) if len(group) > 1)


def _named(root: Path, folder: str) -> Iterator[tuple[str, Path]]:
    for path in (root / folder).rglob("*.py"):
        yield ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"), path


def _imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    package = f"serbench.{name}" if path.name == "__init__.py" else f"serbench.{name}".rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
        if base.partition(".")[0] != "serbench":
            continue
        for alias in node.names:
            full, whole = f"{base}.{alias.name}".partition(".")[2], base.partition(".")[2]
            target = full if full in known else whole
            if target in known and target != name:
                yield target
