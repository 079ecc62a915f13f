"""What a model's identity is made of: its own text, and that of the parts which it imports."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec, resolve_name
from typing import cast

from ...errors import InputError
from .card import Card

HOME = (__package__ or "").rpartition(".")[0]  # of the models that are built in
#: modules in it that say how any model is described, not how one works
ABOUT_ALL = ("registry", "parts.card", "parts.changes")


def modules_of(card: Card) -> tuple[str, ...]:
    """The modules whose text is the model's identity: its own, and what they import from its package, sorted.

    Found by reading import statements, also those inside functions; nothing is imported but packages. The registry,
    the data types and what lies outside the model's top-level package (for built-ins: `HOME`) do not count.
    """
    home = HOME if card.module.startswith(f"{HOME}.") else card.module.partition(".")[0]
    left_out = {f"{HOME}.{name}" for name in ABOUT_ALL}
    modules: set[str] = set()
    todo = [card.module, *(resolve_name(name, card.module.rpartition(".")[0]) for name in card.sources)]
    while todo:
        module = todo.pop()
        if module in modules or module in left_out or not f"{module}.".startswith(f"{home}."):
            continue
        modules.add(module)
        todo += _imports(module)
    return tuple(sorted(modules))


def text_of(module: str) -> str:
    """The source text of a module, without importing it; InputError where it has none."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        spec = None
    text = getattr(spec.loader, "get_source", lambda name: None)(module) if spec else None
    if text is None:
        raise InputError(f"module {module}: its source text cannot be read, so its model has no identity")
    return cast(str, text)


def _imports(module: str) -> Iterator[str]:
    """Modules that the import statements of a module name and that exist."""
    statements = _statements(text_of(module))
    spec = find_spec(module)
    package = module if spec and spec.submodule_search_locations is not None else module.rpartition(".")[0]
    for name, names in statements:
        base = resolve_name(name, package)
        inside = find_spec(base) if names and base.partition(".")[0] == package.partition(".")[0] else None
        yield base
        if inside and inside.submodule_search_locations is not None:
            yield from (f"{base}.{own}" for own in names if find_spec(f"{base}.{own}"))


@lru_cache(maxsize=512)
def _statements(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The modules that a text imports, as it names them, each with what it takes from it; read once for each text."""
    statements: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            statements += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            statements.append((base, tuple(alias.name for alias in node.names)))
    return tuple(statements)
