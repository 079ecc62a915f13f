"""What source text means, as a hash: comments, docstrings and annotations of functions do not decide a result.

The hash is taken over the syntax tree by a walk of our own, since what `ast.dump` and `ast.unparse` write changes from
one version of Python to the next.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from ..errors import InputError

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: fields that mean nothing once the text is parsed: whether a name is read or written shows from where it stands
_SILENT = {"ctx", "type_comment", "type_ignores", "kind", "simple"}


def source_hash(modules: Sequence[str]) -> str:
    """SHA-256 of what modules mean, by name, in any order; the modules are not imported (their packages are).

    Their names count, since they say which text is called by which. InputError for a module that does not exist, has
    no file, or is no Python of this version.
    """
    total = hashlib.sha256()
    for module in sorted(set(modules)):
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            spec = None
        if spec is None or not spec.origin or not Path(spec.origin).is_file():
            raise InputError(f"module {module}: not found, or without a file, so its text cannot be part of a key")
        total.update(f"{module} {meaning(Path(spec.origin).read_bytes(), module)}\n".encode())
    return total.hexdigest()


@lru_cache(maxsize=512)
def meaning(text: bytes, module: str = "") -> str:
    """SHA-256 of what a source text means: equal for two that differ in layout, comments, docstrings, annotations.

    Annotations in the body of a class stay: fields of settings are coerced by them. Line numbers do not.

    >>> meaning(b"def f(x: int) -> int:  # twice\\n    return 2 * x") == meaning(b"def f(x): return (2 * x)")
    True
    >>> meaning(b"x = 1") == meaning(b"x = 1.0") or meaning(b"x = 1") == meaning(b"x = True")
    False
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise InputError(f"module {module}: no Python that can be read here: {error}") from error
    total = hashlib.sha256()
    for token in _tokens(tree, in_class=False):
        total.update(f"{len(token)}:".encode() + token)  # with its length, so that no two sequences run together
    return total.hexdigest()


def _tokens(value: object, in_class: bool) -> Iterator[bytes]:
    """The parts of a tree in order, each list and node with its size first, so that the tree can be built from them."""
    if isinstance(value, ast.Constant):
        yield b"Constant"  # None as a value is not the None that marks a gap in a list
        yield from _constant(value.value)
    elif isinstance(value, ast.AnnAssign) and value.value is not None and not in_class:
        yield from _tokens(ast.Assign([value.target], value.value), in_class)
    elif isinstance(value, ast.AST):
        fields = list(_fields(value, in_class))
        yield type(value).__name__.encode()
        yield str(len(fields)).encode()
        for name, part in fields:
            yield name.encode()
            yield from _tokens(part, _in_class(value, name, in_class))
    elif isinstance(value, list):
        yield b"list"
        yield str(len(value)).encode()
        for part in value:
            yield from _tokens(part, in_class)
    else:
        yield from _constant(value)  # names, levels of imports, and None within a list


def _in_class(node: ast.AST, field: str, outside: bool) -> bool:
    """Whether the statements in a field of a node, for instance below an `if`, are those of a class."""
    if isinstance(node, (ast.ClassDef, *_FUNCTIONS)) and field == "body":
        return isinstance(node, ast.ClassDef)
    return outside


def _fields(node: ast.AST, in_class: bool) -> Iterator[tuple[str, object]]:
    """Fields that say something. Empty ones do not, so that a version of Python that adds one changes nothing."""
    for name, part in ast.iter_fields(node):
        value = list(_joined(node.values)) if isinstance(node, ast.JoinedStr) else part
        if name in _SILENT or value is None or value == []:
            continue
        if name == "returns" or (name == "annotation" and isinstance(node, ast.arg)):
            continue
        if name == "annotation" and not in_class:
            continue  # a name is only declared: the target says so
        if name == "body" and isinstance(value, list):
            yield name, _without_docstring(node, value)
        else:
            yield name, value


def _joined(parts: list[ast.expr]) -> Iterator[ast.expr]:
    """Parts of an f-string, text that lies side by side as one: where it is cut differs between versions."""
    for is_text, group in groupby(parts, lambda part: isinstance(part, ast.Constant)):
        if is_text:
            text = "".join(str(part.value) for part in group if isinstance(part, ast.Constant))
            yield from [ast.Constant(text)] if text else []
        else:
            yield from group


def _without_docstring(node: ast.AST, body: list[ast.stmt]) -> list[ast.stmt]:
    if not isinstance(node, (ast.Module, ast.ClassDef, *_FUNCTIONS)) or not body:
        return body
    first = body[0]
    says = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return body[1:] if says else body


def _constant(value: object) -> Iterator[bytes]:
    """Type and value: 1, 1.0, True and "1" are four things. Text as UTF-8, since what `repr` escapes may change."""
    yield type(value).__name__.encode()
    if isinstance(value, str):
        yield value.encode("utf-8", "surrogatepass")
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield hex(value).encode()  # `repr` refuses very long ones
    else:
        yield repr(value).encode()
