"""What a module means, as a hash: comments, docstrings, annotations and layout do not count, nor where it lies.

The walk is our own, since `ast.dump` and `ast.unparse` say other things in other versions of Python. In doubt it tells
two texts apart: a key that moves for nothing costs a training, one that does not move costs a wrong number.

Names of modules are not hashed, but for the last part of each: a move into another folder changes no result. What a
name is needed for is to say which module an import means. Each import of a module of the same hash therefore stands for
the content of that module, so that two modules that change places are seen; another import within the same package is
its last name (what lies there is keyed elsewhere or decides nothing), and one of another package is its full name.
"""

import ast
import hashlib
import importlib.util
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import SOURCE_SUFFIXES, ModuleSpec
from pathlib import Path
from typing import Any

from ..errors import InputError

#: fields that say how a program is written, or follow from the place of a node in the tree
_WRITING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
#: kinds of nodes in annotations that do nothing; one with another, for instance a call, is kept
_IDLE = (
    ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.BinOp, ast.BitOr, ast.Tuple, ast.List, ast.Slice,
    ast.Starred, ast.UnaryOp, ast.USub, ast.expr_context,
)  # fmt: skip
#: names by which a program reads docstrings, annotations or text, maybe its own; then every letter of it counts
_READERS = frozenset({
    "__doc__", "__annotations__", "__annotate__", "__code__", "annotationlib", "beartype", "get_type_hints", "inspect",
    "jaxtyping", "jit", "linecache", "pydantic", "pydoc", "register", "singledispatch", "singledispatchmethod",
    "tokenize", "typeguard",
})  # fmt: skip
_BODIES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Import:
    """A module that an import statement names, and the names that it takes from it; ``level`` counts leading dots."""

    level: int
    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Meaning:
    """A hash of a text in which imports are left open, and these imports, in a fixed order."""

    digest: str
    imports: tuple[Import, ...] = ()


def source_hash(modules: Sequence[str]) -> str:
    """SHA-256 of what modules mean, by name, in any order; the modules are not imported (their packages are).

    InputError for a module that does not exist, has no file, or is no Python that this version can read.
    """
    specs = {module: _spec_of(module) for module in modules}
    meanings = {module: _meaning_of(module, Path(spec.origin or "")) for module, spec in specs.items()}
    targets = {module: _targets(spec, meanings[module].imports, meanings) for module, spec in specs.items()}
    digests = {module: meaning.digest for module, meaning in meanings.items()}
    kinds = 0
    # every round looks one import further, until it tells no more modules apart: so circles of imports end too
    while kinds < (kinds := len(set(digests.values()))):
        digests = {
            module: _sha(digests[module], *(digests[name] if inside else f"other {name}" for inside, name in named))
            for module, named in targets.items()
        }
    return _sha(*(text for pair in sorted((_last(name), digest) for name, digest in digests.items()) for text in pair))


@lru_cache(maxsize=512)
def meaning(content: bytes) -> Meaning:
    """What a Python text means; SyntaxError, ValueError, RecursionError or MemoryError where it cannot be read.

    >>> meaning(b"def f(x: int) -> int:  # twice\\n    return 2 * x") == meaning(b"def f(x): return (2 * x)")
    True
    >>> meaning(b"x = 1") == meaning(b"x = 1.0") or meaning(b"x = 1") == meaning(b"x = True")
    False
    """
    with warnings.catch_warnings():  # of an escape that is none: a filter must not decide whether there is a key
        warnings.simplefilter("ignore")
        tree = ast.parse(content)
    nodes = list(ast.walk(tree))
    imports = tuple(each for node in nodes for each in _imports(node))
    if any(_names(node) & _READERS for node in nodes):
        return Meaning(_sha("text", hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()), imports)
    return Meaning(_sha("tree", "".join(_written(tree))), imports)


def _spec_of(module: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise InputError(f"module {module}: not found, or without a file, so its text cannot be part of a key")
    return spec


def _meaning_of(module: str, path: Path) -> Meaning:
    content = path.read_bytes()
    if path.suffix not in SOURCE_SUFFIXES:  # a compiled module means its bytes
        return Meaning(_sha("bytes", hashlib.sha256(content).hexdigest()))
    try:
        return meaning(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = getattr(error, "msg", "") or str(error) or type(error).__name__
        raise InputError(f"module {module}: {path}{line} is no Python that can be read here: {reason}") from None


def _targets(spec: ModuleSpec, imports: Sequence[Import], modules: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """What imports name, each with whether it is one of ``modules``; for the others the name that is hashed."""
    package = spec.name if spec.submodule_search_locations is not None else spec.parent or ""
    top = spec.name.partition(".")[0]
    targets = []
    for each in imports:
        base = each.module
        if each.level:
            try:
                base = importlib.util.resolve_name("." * each.level + each.module, package)
            except ImportError:  # out of every package: it fails when it is run
                base = "." * each.level + each.module
        parts = [f"{base}.{name}" for name in each.names]
        if base in modules or base.partition(".")[0] != top:
            targets.append((base in modules, base))
        elif parts and all(part in modules for part in parts):
            targets.append((False, "."))  # the package is only the place where they lie
        else:
            targets.append((False, f".{_last(each.module)}"))
        targets += [(True, part) if part in modules else (False, "") for part in parts]  # names are in the text
    return targets


def _written(tree: ast.AST) -> Iterator[str]:
    """The tree in one unambiguous line: kinds of nodes, and names of fields that are not empty, in alphabetical order.

    Texts have their length before them, and every value its type. Without recursion: a program may be deep.
    """
    todo: list[Any] = [(tree, False)]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
            continue
        value, in_class = item
        if isinstance(value, list):
            todo += ["]", *((each, in_class) for each in reversed(value))]
            yield "["
        elif isinstance(value, ast.AST):
            inner = isinstance(value, ast.ClassDef) or (in_class and not isinstance(value, _BODIES))
            todo.append(")")
            for name, part in sorted(_fields(value, in_class), reverse=True, key=lambda field: field[0]):
                todo += [(part, inner), f" {name} "]
            yield f"({_kind(value, in_class)}"
        else:
            yield _constant(value)


def _kind(node: ast.AST, in_class: bool) -> str:
    """The class of a node; an assignment is one also where it is annotated, outside of classes."""
    bare = isinstance(node, ast.AnnAssign) and node.value is not None and not in_class and _idle(node.annotation)
    return "Assign" if bare else type(node).__name__


def _fields(node: ast.AST, in_class: bool) -> Iterator[tuple[str, Any]]:
    """The fields of a node that mean something; no empty ones, so that a field new in some Python changes nothing."""
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.Constant) and name == "value":
            yield name, value
        elif name in _WRITING or value is None or value == []:
            continue
        elif isinstance(node, ast.ImportFrom) and name in ("module", "level"):
            continue  # `source_hash` puts in what they name
        elif isinstance(node, ast.AnnAssign) and _kind(node, in_class) == "Assign":
            yield from {"target": [("targets", [value])], "value": [(name, value)]}.get(name, [])
        elif name in ("annotation", "returns"):
            # fields of classes keep theirs: settings are coerced by them
            if not _idle(value) or (in_class and isinstance(node, ast.AnnAssign)):
                yield name, value
        elif name == "body" and isinstance(node, _BODIES):
            yield name, value[1:] if _is_docstring(value[0]) else value
        elif isinstance(node, ast.JoinedStr):
            yield name, _joined(value)
        elif name != "format_spec" or _joined(value.values):
            yield name, value


def _idle(annotation: ast.expr) -> bool:
    return all(isinstance(node, _IDLE) for node in ast.walk(annotation))


def _is_docstring(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _joined(parts: Sequence[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string, text that stands together in one piece: where it is cut differs between versions."""
    joined: list[ast.expr] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(part, ast.Constant) and isinstance(before, ast.Constant):
            joined[-1] = ast.Constant(str(before.value) + str(part.value))
        elif not isinstance(part, ast.Constant) or part.value:
            joined.append(part)
    return joined


def _imports(node: ast.AST) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(0, alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [Import(node.level, node.module or "", tuple(alias.name for alias in node.names))]
    return []


def _names(node: ast.AST) -> set[str]:
    """Names by which a node takes something: of variables, attributes and imports, and texts that may be one."""
    if isinstance(node, ast.alias):
        return set(node.name.split("."))
    if isinstance(node, ast.ImportFrom):
        return set((node.module or "").split("."))
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return {text, getattr(node, "attr", ""), getattr(node, "id", "")}


def _constant(value: Any) -> str:
    """A constant with its type: 1, 1.0, True, '1' and b'1' differ, and so do 0.0 and -0.0."""
    if isinstance(value, bool | None) or value is Ellipsis:
        return repr(value)
    if isinstance(value, int):
        return f"int {value:x};"
    if isinstance(value, float):
        return f"float {value.hex()};"
    if isinstance(value, complex):
        return f"complex {value.real.hex()} {value.imag.hex()};"
    if isinstance(value, bytes):
        return f"bytes {value.hex()};"
    if isinstance(value, str):
        return f"str {len(value)}:{value}"
    raise TypeError(f"a constant of a type that is not known: {type(value).__name__}")


def _last(module: str) -> str:
    return module.rpartition(".")[2]


def _sha(*texts: str) -> str:
    """SHA-256 of texts, each with its length before it."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]  # a literal may hold half of a pair
    return hashlib.sha256(b"".join(part for text in encoded for part in (b"%d:" % len(text), text))).hexdigest()
