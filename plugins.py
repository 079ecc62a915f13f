"""Other people's code: what entry points of installed packages name, and files that are not installed."""

import ast
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import InputError, at_home

PREFIX = "serbench_file_"  # of the module that a file becomes; the rest is the file's name, wherever it lies


def points_of(group: str) -> list[EntryPoint]:
    """The entry points of a group, by name."""
    return sorted(entry_points(group=group), key=lambda point: (point.name, point.value))


def origin_of(point: EntryPoint) -> str:
    """Who brings it: package and version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def load(point: EntryPoint, kind: type[Any], what: str, how: str = "") -> Any:
    """What an entry point names; text in one line that says why it is no ``what`` of type ``kind`` with its name.

    ``how``: what to do to make one, where that is not to call ``kind``.
    """
    try:
        value: Any = point.load()
    except BaseException as error:  # whatever a stranger's module does at import
        let_interruptions_pass(error)
        return f"its plugin does not load: {in_one_line(error)}"
    if not isinstance(value, kind):
        return f"{point.value} is no {what}; {how or f'make it with {kind.__name__}(...) of {kind.__module__}'}"
    if value.name != point.name:
        return f"{point.value} is called '{value.name}', its entry point '{point.name}'; give both one name"
    return value


def built_in(module: str) -> ModuleType | str:
    """A module of this package that is found by its file; text in one line that says why it does not load."""
    try:
        return import_module(module)
    except BaseException as error:  # one faulty file must not hide the others
        let_interruptions_pass(error)
        return f"{'/'.join(module.split('.')[1:])}.py does not load: {in_one_line(error)}"


def add(named: dict[str, Any], group: str, kind: type[Any], what: str) -> tuple[dict[str, str], dict[str, str]]:
    """Put what the entry points of a group name behind what is built in.

    Who brings each, and why others cannot be used. A name that two have is an InputError.
    """
    origins: dict[str, str] = {}
    broken: dict[str, str] = {}
    for point in points_of(group):
        value = load(point, kind, what)
        if isinstance(value, str):
            broken[point.name] = value
        elif point.name in named:
            both = f"{origins.get(point.name, 'serbench')} and {origin_of(point)}"
            raise InputError(f"two {what}s are called '{point.name}': {both}; uninstall or rename one")
        else:
            named[point.name], origins[point.name] = value, origin_of(point)
    return origins, broken


def in_one_line(error: BaseException) -> str:
    """Kind and text of an error."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def module_of(path: Path) -> ModuleType:
    """The module that a file becomes; the file is executed once in a process, and again when it changes.

    The module is named by the file alone, so that a key does not depend on the folder. InputError where the file is
    missing or broken, imports a file beside it, or has the name of another file that was executed.
    """
    path = at_home(path).absolute()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or 'is no text'}") from None
    name = PREFIX + re.sub(r"\W", "_", path.stem)
    before = sys.modules.get(name)
    if before is not None and Path(before.__file__ or "").resolve() != path.resolve():
        raise InputError(f"two files have one name: {before.__file__} and {path}; rename one")
    if before is not None and vars(before)["__text__"] == text:
        return before
    spec = spec_from_file_location(name, path)
    if spec is None:
        raise InputError(f"{path}: is no Python file")
    module = module_from_spec(spec)
    vars(module)["__text__"] = text
    sys.modules[name] = module  # type hints of its settings are looked up there
    try:
        _refuse_neighbours(path, text)
        exec(compile(text, str(path), "exec"), vars(module))  # no kept bytecode: it may be that of an older text
    except BaseException as error:  # whatever a stranger's file does
        del sys.modules[name]
        let_interruptions_pass(error)
        reason = str(error) if isinstance(error, InputError) else f"does not load: {in_one_line(error)}"
        raise InputError(f"{path}: {reason}") from error
    return module


def executed() -> Iterator[ModuleType]:
    """The modules of all files that this process has executed."""
    return (module for name, module in list(sys.modules.items()) if name.startswith(PREFIX))


def file_of(module: str) -> str:
    """The name of the file that became this module; '' for a module that was imported."""
    return Path(sys.modules[module].__file__ or "").name if module.startswith(PREFIX) else ""


@dataclass(frozen=True)
class Files:
    """Files that were executed. Another process that reads this from a pickle executes them, so that what follows in
    the pickle finds their functions and classes."""

    paths: tuple[str, ...]

    def __reduce__(self) -> tuple[object, tuple[tuple[str, ...]]]:
        """Executing them is how it is made again."""
        return execute, (self.paths,)


def execute(paths: Sequence[str]) -> Files:
    """Execute files, each as `module_of` does."""
    for path in paths:
        module_of(Path(path))
    return Files(tuple(paths))


def files() -> Files:
    """All files that this process has executed."""
    return Files(tuple(str(module.__file__) for module in executed()))


def let_interruptions_pass(error: BaseException) -> None:
    """Raise what the user's Ctrl-C or SIGTERM has raised; a KeyboardInterrupt may also be that of a stranger's code.

    On the command line a signal raises a kind of KeyboardInterrupt of its own.
    """
    if isinstance(error, KeyboardInterrupt):
        python_raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if python_raises or type(error) is not KeyboardInterrupt:
            raise error


def _refuse_neighbours(path: Path, text: str) -> None:
    """InputError for a file that imports another one beside it, whose text would be in no key."""
    for node in ast.walk(ast.parse(text, path.name)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        for top in (name.partition(".")[0] for name in names):
            if top and ((path.parent / f"{top}.py").is_file() or (path.parent / top / "__init__.py").is_file()):
                raise InputError(f"imports {top}, which lies beside it; what has several files must be a plugin")
