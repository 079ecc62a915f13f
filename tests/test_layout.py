"""The shape of the project: one package, imports that point one way, a light front door."""

import ast
import doctest
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import pytest

import serbench

ROOT = Path(serbench.__path__[0])
FOLDERS = ("baselines", "benchmark", "protocols", "results")
NOT_INSTALLED = {"serbench.results.measured"}  # tables for readers of the repository
MODULES = sorted(m.name for m in pkgutil.walk_packages(serbench.__path__, "serbench.") if ".tests" not in m.name)
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level parts of the package that a file imports, by relative or absolute import."""
    depth = len(path.relative_to(ROOT).parts) - 1
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            found.update([(node.module or "").partition(".")[0]] if node.module else [a.name for a in node.names])
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("serbench"):
            found.add((node.module or "").split(".")[1] if "." in (node.module or "") else "serbench")
        if isinstance(node, ast.Import):
            found.update(a.name.split(".")[1] for a in node.names if a.name.startswith("serbench."))
    return found


@pytest.mark.parametrize("folder", ["baselines", "protocols", "results"])
def test_imports_point_one_way(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        sideways = imported(path) & ({*FOLDERS} - {folder})
        assert not sideways, f"{path.relative_to(ROOT)} imports {sorted(sideways)}"


#: the rooms of the harness from bottom to top: imports point downwards only, those inside functions too
ROOMS = (
    ("device", "environment", "locks", "source", "stopping", "user_folder"), ("audio",), ("corpora",), ("prepared",),
    ("conditions",), ("planning",), ("training",), ("running",), ("checks", "audit"), ("api",), ("commands",), ("cli",),
)  # fmt: skip


#: the rooms of results, likewise
ROOMS_OF_RESULTS = (("statistics",), ("evidence",), ("questions",), ("papers",), ("text",), ("reports",))


def rooms_imported(path: Path, folder: str = "benchmark") -> set[str]:
    """Rooms of a folder that one of its files imports from."""
    depth = len(path.relative_to(ROOT / folder).parts) - 1
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            rooms.update([node.module.partition(".")[0]] if node.module else [a.name for a in node.names])
    return rooms


@pytest.mark.parametrize(
    ("folder", "rooms"), [("benchmark", ROOMS), ("results", ROOMS_OF_RESULTS)], ids=["benchmark", "results"]
)
def test_rooms_point_downwards(folder: str, rooms: tuple[tuple[str, ...], ...]) -> None:
    heights = {room: height for height, level in enumerate(rooms) for room in level}
    upwards = []
    for path in (ROOT / folder).rglob("*.py"):
        room = path.relative_to(ROOT / folder).parts[0].removesuffix(".py")
        if room != "__init__":
            upwards += [
                f"{room} -> {other} in {path.name}"
                for other in rooms_imported(path, folder) - {room}
                if heights[other] >= heights[room]
            ]
    assert upwards == []


def test_tests_mirror_the_rooms_of_the_harness() -> None:
    """A folder of tests for every room; beside them the tests of modules that lie in no room."""
    folder, harness = Path(__file__).parent / "benchmark", ROOT / "benchmark"
    rooms = {path.parent.name for path in harness.glob("*/__init__.py")}
    assert {path.parent.name for path in folder.glob("*/test_*.py")} == rooms
    assert {path.name.removeprefix("test_") for path in folder.glob("test_*.py")} <= {
        path.name for path in harness.glob("*.py")
    }


def test_the_reader_of_rooms_sees_them() -> None:
    assert {"planning", "prepared"} <= rooms_imported(ROOT / "benchmark" / "running" / "execute.py")


def test_the_reader_of_imports_sees_them() -> None:
    assert "protocols" in imported(ROOT / "benchmark" / "planning" / "plan.py")
    assert "errors" in imported(ROOT / "results" / "evidence" / "store.py")


def test_packages_are_complete() -> None:
    """An editable install sees a new folder that the wheel would lack."""
    pyproject = ROOT / "pyproject.toml"
    if not pyproject.exists():
        pytest.skip("not a source tree")
    settings = tomllib.loads(pyproject.read_text())["tool"]["setuptools"]
    on_disk = {
        "serbench." + ".".join(path.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"serbench", *on_disk} - NOT_INSTALLED == set(settings["packages"])
    of_data = {p for p in on_disk - NOT_INSTALLED if not (ROOT / p[9:].replace(".", "/") / "__init__.py").exists()}
    assert of_data == set(settings["package-data"]) - {"serbench"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


#: words that say what was done to a thing, and question words, where a type's name should say what the thing is
NO_NAMES = {
    "Asked", "Given", "Heard", "Told", "Where", "Decided", "Checked", "Learned", "Fitted", "Making", "Kept", "Wanted",
    "Stored", "Known", "Derived", "Published", "Compared", "Pooled", "Labelled", "Leaked", "Used", "Whole", "Released",
    "Decoded", "Chosen", "Found", "Said", "Made", "Which", "What", "Who", "How",
}  # fmt: skip
#: every protocol has options and every model settings; the parts of networks are named as in their papers
OF_MANY = {"Options", "Settings"}
NETWORKS = "baselines/networks"


def classes_of(sources: Iterable[Path]) -> list[tuple[str, str]]:
    """Name and file of every class, those inside functions too."""
    return [
        (node.name, path.relative_to(ROOT).as_posix())
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]


def shared(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names that several have, with all that have them."""
    having: dict[str, list[str]] = {}
    for name, where in pairs:
        having.setdefault(name, []).append(where)
    return {name: places for name, places in having.items() if len(places) > 1}


def test_no_two_types_share_a_name() -> None:
    assert shared(pair for pair in classes_of(SOURCES) if pair[0] not in OF_MANY and NETWORKS not in pair[1]) == {}


def test_types_are_named_by_nouns() -> None:
    assert [pair for pair in classes_of(SOURCES) if pair[0].strip("_") in NO_NAMES or pair[0].endswith("ed")] == []


def test_modules_of_a_folder_have_their_own_names() -> None:
    """But commands, and the network and settings of a model, are named after what they are of."""
    for folder in FOLDERS:
        own = [
            (path.stem, path.relative_to(ROOT).as_posix())
            for path in SOURCES
            if path.is_relative_to(ROOT / folder)
            and path.stem != "__init__"
            and path.parent.relative_to(ROOT).as_posix() not in ("benchmark/commands", NETWORKS, "baselines/settings")
        ]
        assert shared(own) == {}


def test_the_reader_of_types_sees_them() -> None:
    assert ("Fold", "protocols/parts/protocol.py") in classes_of(SOURCES)
    assert set(shared(classes_of(SOURCES))) >= OF_MANY


LIGHT = """
import sys
{body}
heavy = sorted(m for m in {heavy!r} if m in sys.modules)
assert not heavy, heavy
"""
HEAVY = ["torch", "sklearn", "librosa", "matplotlib", "statsmodels", "torchaudio", "transformers"]


@pytest.mark.parametrize(
    ("body", "heavy"),
    [
        (
            "from serbench.benchmark.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
            [*HEAVY, "numpy", "pandas", "scipy"],
        ),
        (
            "import serbench.results.evidence.store, serbench.results.evidence.scores, serbench.results.text.tables",
            HEAVY,
        ),
        ("from serbench.protocols.parts.catalog import protocols\nprotocols()", HEAVY),
        ("from serbench.baselines.registry import cards\ncards()", HEAVY),
        (
            "from serbench.benchmark.planning import summary\nfrom serbench.benchmark.running import run",
            ["torch", "torchaudio", "sklearn"],
        ),
    ],
    ids=["help", "results", "protocols", "cards", "plan"],
)
def test_light_imports(body: str, heavy: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIGHT.format(body=body, heavy=heavy)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
