"""Identity by meaning: what source text does is hashed, not how it is laid out and explained."""

import ast
import hashlib
import importlib
import itertools
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import serbench
from serbench.benchmark.planning.identity import HARNESS
from serbench.benchmark.source import meaning, source_hash
from serbench.errors import InputError

ROOT = Path(serbench.__path__[0])
#: of tests/golden/everything.txt, which has every kind of statement and expression, on every version of Python
EVERYTHING, FROZEN = (
    ROOT / "tests" / "golden" / "everything.txt",
    "7e3fed670194d7e9148b1918fdd3e73dc2d75748ea0ef8654d4aa642017037ef",
)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two modules that must not be imported, on the path."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("hashed_one", "hashed_two"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    importlib.invalidate_caches()
    return tmp_path


def test_a_hash_changes_with_the_meaning_alone(sources: Path) -> None:
    before = source_hash(["hashed_one", "hashed_two"])
    assert source_hash(["hashed_two", "hashed_one", "hashed_one"]) == before
    assert source_hash(["hashed_one"]) != before
    path = sources / "hashed_one.py"
    text = path.read_bytes()
    path.write_bytes(text.replace(b"\n", b"\r\n"))
    assert source_hash(["hashed_one", "hashed_two"]) == before
    path.write_bytes(text + b"# another line\n")
    assert source_hash(["hashed_one", "hashed_two"]) == before
    path.write_bytes(text + b"another = 1\n")
    assert source_hash(["hashed_one", "hashed_two"]) != before
    path.write_bytes(text)
    assert source_hash(["hashed_one", "hashed_two"]) == before
    assert not {"hashed_one", "hashed_two"} & sys.modules.keys()


def test_a_hash_tells_which_module_has_which_text(sources: Path) -> None:
    one, two = sources / "hashed_one.py", sources / "hashed_two.py"
    one.write_text("a = 1\n")
    two.write_text("b = 1\n")
    before = source_hash(["hashed_one", "hashed_two"])
    one.write_text("b = 1\n")
    two.write_text("a = 1\n")
    assert source_hash(["hashed_one", "hashed_two"]) != before


@pytest.mark.parametrize("module", ["serbench.no_such", "no_such_package.module", "sys"])
def test_modules_without_text_are_refused(module: str) -> None:
    with pytest.raises(InputError, match=f"module {module}: not found, or without a file"):
        source_hash([module])


def test_one_hash_is_frozen() -> None:
    assert hashlib.sha256(repr(meaning(EVERYTHING.read_bytes())).encode()).hexdigest() == FROZEN


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_it_is_the_same_on_every_version_of_python(version: str) -> None:
    places = [*Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), Path(f"/usr/bin/python{version}")]
    python = next((path for path in places if path.exists()), None)
    if python is None:
        pytest.skip(f"no Python {version} here")
    code = (
        "import hashlib, sys, types\n"
        "package = types.ModuleType('serbench'); package.__path__ = [sys.argv[1]]; sys.modules['serbench'] = package\n"
        "from serbench.benchmark.source import meaning\n"
        "print(hashlib.sha256(repr(meaning(sys.stdin.buffer.read())).encode()).hexdigest())"
    )
    command = [python, "-B", "-c", code, str(ROOT)]
    done = subprocess.run(command, input=EVERYTHING.read_bytes(), capture_output=True, check=False)
    assert done.stdout.decode().strip() == FROZEN, done.stderr.decode()


@pytest.mark.parametrize(
    "texts",
    [
        ("x = 1", "x = 1.0", "x = True", "x = '1'", "x = b'1'", "x = 1j", "x = -1", "x = None", "x = ...", "x = '...'"),
        ("x = 0.0", "x = -0.0", "x = 0", "x = False", "x = ''", "x = b''", "x = []", "x = ()", "x = {}", "x = {*()}"),
        ("f(a, b)", "f((a, b))", "f(a)(b)", "f(a, b=b)", "f(*a, b)", "f(**a, b=b)", "f(a, *b)", "f([a, b])", "f"),
        ("a = b; c = d", "c = d; a = b", "a = b = c = d", "a, b = c, d", "a = (b, c) = d", "if a: c = d", "a += d"),
        ("a is b", "a == b", "a is not b", "a in b", "a != b", "not a == b", "a < b", "a < b < b", "b is a"),
        ("def f(a, b=1): pass", "def f(a, /, b=1): pass", "def f(a, *, b=1): pass", "def f(a=1, *, b): pass",
         "def f(a=1, b=1): pass", "def f(*a, b=1): pass", "def f(a, **b): pass", "async def f(a, b=1): pass",
         "@g\ndef f(a, b=1): pass", "def f(a, b=1): global c", "def f(a, b=1): return"),
        ("def f(*, a=1, b): pass", "def f(*, a, b=1): pass", "def f(*, a=1, b=None): pass", "def f(*, a, b): pass"),
        ("class A:\n    x: int", "class A:\n    x: float", "class A:\n    x: int = 1", "class A:\n    x = 1",
         "class A:\n    'x'; 'y'", "class A(B):\n    x: int", "@d\nclass A:\n    x: int", "class A:\n    y: int",
         "class A:\n    if a:\n        x: int", "class A:\n    if a:\n        x: float"),
        ("class A:\n    x: int = 1", "class A:\n    (x): int = 1"),  # the second is no field
        ("def f():\n    x: int\n    return x", "def f():\n    (x): int\n    return x"),  # nor here a local variable
        ("x: (y := 3) = 1", "x: (y := 4) = 1", "x: f() = 1", "x: int = 1"),  # annotations that do something
        ("def f(x: (y := 3)): pass", "def f(x: (y := 4)): pass", "def f(x) -> g(): pass", "def f(x): pass"),
        ("'a'\nx = __doc__", "'b'\nx = __doc__"),  # words that are read decide
        ("def f():\n    'a'\nx = getattr(f, '__doc__')", "def f():\n    'b'\nx = getattr(f, '__doc__')"),
        ("@f.register\ndef g(x: int): pass", "@f.register\ndef g(x: str): pass"),
        ("def f():\n    x\n    'y'", "def f():\n    'y'\n    x\n    'z'", "def f():\n    x",
         "def f():\n    b'y'\n    x",         "def f():\n    f'y'\n    x", "def f():\n    return 'y'"),
        ("f'{a}b'", "f'{a!r}b'", "f'{a:b}'", "f'{a}{b}'", "'{a}b'", "f'{a=}b'", "f'{{a}}b'"),
        ("import a.b", "from a import b", "from .a import b", "from ..a import b", "from . import b", "import a as b"),
        ("[i for i in a if b]", "[i for i in a]", "{i for i in a if b}", "[i for i in a for i in b]",
         "{i: i for i in a}"),
        ("if a:\n    b\nelse:\n    c", "if a:\n    b\nc", "if a:\n    b\n    c", "while a:\n    b\nelse:\n    c",
         "for a in a:\n    b\nelse:\n    c"),
        ("{**a, b: c}", "{b: c, **a}", "{b: c}", "{None: a, b: c}", "{a, b, c}"),
        ("x: int", "x", "x = int", "x: int = 1"),
    ],
)  # fmt: skip
def test_texts_that_mean_different_things_have_different_hashes(texts: tuple[str, ...]) -> None:
    for one, other in itertools.combinations(texts, 2):
        assert meaning(one.encode()) != meaning(other.encode()), (one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "# why\nx = (1)  # because\n\n"),
        ("'''Doc.'''\nx = 1", "x = 1"),
        ("def f(a, b): return a", "def f(a: int, b: 'str') -> float:\n    '''Doc.'''\n    return a"),
        ("class A:\n    x: int = 1", "class A:\n    '''Doc.'''\n\n    x: int = 1  # what it is"),
        ("class A:\n    def f(self): x = 1", "class A:\n    def f(self) -> None:\n        x: int = 1"),
        ("x = 10", "x: int = 0x_a"),
        ("x = 'a' 'b'", 'x = "ab"'),
        ("def f(a): return a\r\n", "def f(\n    a,\n):\n    return a\n"),
        ("f'{x:}' f'' 'a'", "f'{x}a'"),
        ("def f(*a: 'int', b: list[int] | None = 1, **c: Literal[-1]) -> x.y[...]: pass", "def f(*a, b=1, **c): pass"),
        ("def f():\n    self.x: int = 1", "def f():\n    self.x = 1"),
    ],
)
def test_layout_words_and_annotations_change_nothing(one: str, other: str) -> None:
    assert meaning(one.encode()) == meaning(other.encode())


def test_every_number_of_a_file_counts() -> None:
    text = (ROOT / "benchmark" / "training" / "optimization.py").read_text()
    hashes = {meaning(text.encode())}
    numbers = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and type(n.value) in (int, float)]
    assert len(numbers) > 3
    for node in numbers:
        lines = text.encode().splitlines()
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + b"12345" + line[node.end_col_offset :]
        hashes.add(meaning(b"\n".join(lines)))
    assert len(hashes) == len(numbers) + 1


def test_what_is_no_python_is_named(sources: Path) -> None:
    (sources / "hashed_one.py").write_text("def f(:\n")
    with pytest.raises(InputError, match=r"module hashed_one: .*hashed_one\.py, line 1 is no Python that can be read"):
        source_hash(["hashed_one"])
    (sources / "hashed_one.py").write_bytes(b"x = 1\0")
    with pytest.raises(InputError, match=r"module hashed_one: .* is no Python that can be read here"):
        source_hash(["hashed_one"])


def test_long_programs_and_those_that_warn_have_a_hash() -> None:
    long = [f"x = {' + '.join(['1'] * n)}".encode() for n in (2_000, 2_001)]
    assert meaning(long[0]) != meaning(long[1])
    assert meaning(rb"x = '\d'") == meaning(rb"x = r'\d'")


def test_a_compiled_module_is_its_bytes(sources: Path) -> None:
    (sources / "hashed_one.py").unlink()
    hashes = set()
    for content in (b"\0one", b"\0two"):
        (sources / f"hashed_one{EXTENSION_SUFFIXES[0]}").write_bytes(content)
        importlib.invalidate_caches()
        hashes.add(source_hash(["hashed_one"]))
    assert len(hashes) == 2


# ---- where modules lie -----------------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path for packages that differ from test to test."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def hash_of(house: Path, package: str, texts: dict[str, str]) -> str:
    """The hash of modules of a new package; those named ``other...`` are not part of it."""
    for name, text in texts.items():
        path = house / package / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in {path.parent for path in (house / package).rglob("*.py")} | {house / package}:
        (folder / "__init__.py").touch()
    importlib.invalidate_caches()
    return source_hash([f"{package}.{name}" for name in texts if "other" not in name])


def test_modules_may_move_with_their_imports(house: Path) -> None:
    flat = {"a": "from .b import f\nfrom .other import g\nimport numpy", "b": "from . import a\nf = 1", "other": ""}
    rooms = {
        "one.a": "from ..two.b import f\nfrom ..three.other import g\nimport numpy",
        "two.b": "from ..one import a\nf = 1",
        "three.other": "",
    }
    absolute = flat | {"a": "from hashed_absolute.b import f\nfrom .other import g\nimport numpy"}
    first = hash_of(house, "hashed_flat", flat)
    assert hash_of(house, "hashed_rooms", rooms) == hash_of(house, "hashed_absolute", absolute) == first
    for name, (old, new) in {"a": ("numpy", "scipy"), "b": ("f = 1", "f = 2")}.items():
        changed = flat | {name: flat[name].replace(old, new)}
        assert hash_of(house, f"hashed_changed_{name}", changed) != first
    assert hash_of(house, "hashed_elsewhere", flat | {"a": flat["a"].replace("other", "another")}) != first


def test_modules_that_change_places_are_seen_however_far_down(house: Path) -> None:
    texts = {
        "top": "from .left import f\nfrom .right import f as g",
        "left": "from .x import f", "right": "from .y import f", "x": "from .p import f", "y": "from .q import f",
        "p": "from . import top\nf = 1", "q": "from . import top\nf = 2",
    }  # fmt: skip
    first = hash_of(house, "hashed_first", texts)
    swapped = texts | {"p": texts["q"], "q": texts["p"]}
    assert hash_of(house, "hashed_swapped", swapped) != first
    assert hash_of(house, "hashed_crossed", swapped | {"x": texts["y"], "y": texts["x"]}) != first  # other names
    top = "from .right import f\nfrom .left import f as g"
    assert hash_of(house, "hashed_top", texts | {"top": top}) != first


def test_kinds_of_models_rest_on_what_they_use() -> None:
    loop = "serbench.benchmark.training.train"
    assert loop in HARNESS["network"] and loop not in {*HARNESS["classical"], *HARNESS["inference"]}
    assert {*HARNESS["classical"]} < {*HARNESS["inference"]} < {*HARNESS["network"]}
