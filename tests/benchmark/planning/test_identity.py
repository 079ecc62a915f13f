"""What a result depends on is in its key: the text of every module that decides samples, training and choice."""

import ast
import subprocess
import sys
from collections.abc import Callable
from importlib.util import resolve_name
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

import serbench
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.planning import plan as plans
from serbench.benchmark.planning.identity import HARNESS
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request
from serbench.benchmark.prepared.corpus import _material
from serbench.benchmark.prepared.modalities import content_of
from serbench.benchmark.source import source_hash
from serbench.benchmark.training.trainer import Trainer
from serbench.errors import InputError
from serbench.tests.support.scratch import EXAMPLES
from serbench.tests.support.tiny import serbench as command
from serbench.tests.support.tiny import tiny_corpus

LOUDNESS = EXAMPLES / "inference_model" / "loudness.py"
#: modules of ours that the harness imports and that are named in a key elsewhere, or decide nothing there
ELSEWHERE = {
    "in the key of a cell by its condition, and of training rows that are heard in noise": {
        "benchmark.conditions.kinds", "benchmark.conditions.recordings", "benchmark.conditions.training",
    },
    "in the fingerprint of a corpus, or the name of what is seen in it: which clips there are, how they are labelled": {
        "benchmark.audio.containers", "benchmark.audio.content", "benchmark.audio.longest",
        "benchmark.corpora.excerpt", "benchmark.corpora.synthetic", "benchmark.corpora.synthesis",
    },
    "in the key as settings, folds and steps": {
        "baselines.registry", "protocols.parts.augment", "protocols.parts.protocol", "protocols.parts.rows",
        "protocols.parts.noises",
    },
    "words, files and names": {
        "benchmark.prepared.corpus", "benchmark.environment", "benchmark.source", "benchmark.planning.identity",
        "errors", "plugins", "results.evidence.files", "results.evidence.seals",
    },
}  # fmt: skip


def imported(module: str) -> set[str]:
    """The modules of ours that the import statements of a module name, also those inside functions."""
    path = Path(serbench.__path__[0]) / (module.partition(".")[2].replace(".", "/") + ".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = resolve_name("." * node.level + (node.module or ""), module.rpartition(".")[0])
            found |= {base} if node.module else {f"{base}.{alias.name}" for alias in node.names}
    # `from .corpora import synthetic`: the package itself holds nothing
    folder = Path(serbench.__path__[0])
    packages = {name for name in found if (folder / name.partition(".")[2].replace(".", "/")).is_dir()}
    return found - packages


def test_the_harness_names_every_module_that_decides_a_result() -> None:
    known = {f"serbench.{name}" for names in ELSEWHERE.values() for name in names}
    named = set(HARNESS["network"])  # the most of all kinds
    modules = set().union(*map(imported, named))
    assert modules - named <= known
    assert not known & named
    assert {f"serbench.{name}" for name in ("benchmark.audio.decode", "benchmark.prepared.clips")} <= named
    assert {"serbench.results.statistics.metrics", "serbench.seeds"} <= modules & named
    for kind in HARNESS.values():
        source_hash(kind)  # they exist
        assert set(kind) <= named


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("majority", "benchmark.audio.decode"), ("majority", "benchmark.prepared.clips"), ("majority", "seeds"),
        ("mfcc-attention:tiny", "results.statistics.metrics"), ("mfcc-attention:tiny", "benchmark.training.train"),
        ("mfcc-attention:tiny", "benchmark.training.scoring"), ("majority", "benchmark.training.trainer"),
    ],
)  # fmt: skip
def test_a_change_of_one_of_them_is_another_training_and_cell(
    model: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request("speaker-independent", (model,), ("synth-a",))
    before = plan_of(request).plan

    def changed(modules: tuple[str, ...]) -> str:
        return source_hash(modules) + ("!" if f"serbench.{name}" in modules else "")

    monkeypatch.setattr(plans, "source_hash", changed)
    after = plan_of(request).plan
    for keys in ("key", "code"):
        assert not {getattr(c, keys) for c in before.cells} & {getattr(c, keys) for c in after.cells}
    assert not {c.trial.training for c in before.cells} & {c.trial.training for c in after.cells}


@pytest.mark.parametrize(
    ("model", "module", "old", "new", "moves"),
    [
        ("majority", "benchmark.training.train", "halves the pieces", "halves all pieces", False),
        ("mfcc-attention:tiny", "benchmark.training.train", "halves the pieces", "halves all pieces", False),
        ("majority", "benchmark.training.train", "parts *= 2", "parts *= 3", False),
        ("mfcc-attention:tiny", "benchmark.training.train", "parts *= 2", "parts *= 3", True),
        ("majority", "benchmark.training.trainer", "BATCH = 64  # clips", "BATCH = 64  # many clips", False),
        ("majority", "benchmark.training.trainer", "BATCH = 64", "BATCH = 63", True),
        ("mfcc-attention:tiny", "benchmark.training.trainer", "BATCH = 64", "BATCH = 63", True),
        (f"{LOUDNESS}:loudness", "benchmark.training.train", "parts *= 2", "parts *= 3", False),
        (f"{LOUDNESS}:loudness", "benchmark.training.scoring", "-> Tensor:", "-> object:", False),
        (f"{LOUDNESS}:loudness", "benchmark.training.scoring", "dim=1", "dim=0", True),
        ("mfcc-attention:tiny", "benchmark.training.scoring", "dim=1", "dim=0", True),
        ("majority", "benchmark.training.scoring", "dim=1", "dim=0", False),
    ],
)
def test_words_move_no_key_and_constants_move_those_of_the_kinds_that_use_them(
    model: str, module: str, old: str, new: str, moves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request("speaker-independent", (model,), ("synth-a",))
    before = {cell.key for cell in plan_of(request).plan.cells}
    read = Path.read_bytes
    file = Path(serbench.__path__[0]).resolve() / f"{module.replace('.', '/')}.py"
    assert old in file.read_text()

    def changed(path: Path) -> bytes:
        return read(path).replace(old.encode(), new.encode()) if path.resolve() == file else read(path)

    monkeypatch.setattr(Path, "read_bytes", changed)
    after = {cell.key for cell in plan_of(request).plan.cells}
    assert (before.isdisjoint(after) if moves else before == after) and len(before) == len(after) > 0


def test_words_about_the_synthesizer_move_no_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    before = named("synth-a")
    assert before != named("synth-b")
    read, file = Path.read_bytes, Path(synthetic.__file__).resolve()

    def named_with(old: str, new: str) -> tuple[str, str]:
        def changed(path: Path) -> bytes:
            text = read(path)
            assert path.resolve() != file or old.encode() in text
            return text.replace(old.encode(), new.encode()) if path.resolve() == file else text

        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", changed)
            return named("synth-a")

    assert named_with("# raise when", "# raise it when") == named_with("The built-in", "Our built-in") == before
    sound, face = named_with("Channel(50, ", "Channel(60, ")
    assert sound != before[0] and face != before[1]


def named(corpus: str) -> tuple[str, str]:
    """What names a built-in corpus, and what is seen in it."""
    material = _material(corpus, None)
    seen = content_of.__wrapped__(SimpleNamespace(name=corpus))
    return material.key, seen


@pytest.mark.parametrize(
    ("kind", "model"),
    [("network", "mfcc-attention:tiny"), ("classical", "functionals-svm"), ("inference", f"{LOUDNESS}:loudness")],
)
def test_what_a_kind_calls_is_in_its_identity(
    kind: str, model: str, tmp_path: Path, shared_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            called.add(str(frame.f_globals.get("__name__")))

    def noted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            sys.setprofile(note)
            try:
                return method(*given, **named)
            finally:
                sys.setprofile(None)

        return call

    for name in ("learn", "predict"):
        monkeypatch.setattr(Trainer, name, noted(getattr(Trainer, name)))
    monkeypatch.setenv("SERBENCH_HOME", str(shared_home))
    corpus = f"tiny={tiny_corpus(tmp_path / 'tiny', speakers=4, takes=3)}"
    few = ("--set", "mfcc-attention.epochs=1") if kind == "network" else ()
    run = ("run", "--protocol", "speaker-independent", "--corpus", corpus, "--model", model, *few)
    code, _, error = command(*run, "--out", tmp_path / "run", "--jobs", "1", "--device", "cpu")
    assert code == 0, error
    ours = {name for name in called if name.startswith(("serbench.benchmark.", "serbench.results.", "serbench.seeds"))}
    # prepared audio is read there, and has been named by its fingerprint
    elsewhere = {f"serbench.{name}" for names in ELSEWHERE.values() for name in names}
    assert "serbench.benchmark.training.trainer" in ours
    assert ours - elsewhere <= set(HARNESS[kind])
    assert ("serbench.benchmark.training.train" in ours) == (kind == "network")


def test_naming_them_imports_none_of_them() -> None:
    code = (
        "import sys; from serbench.benchmark.prepared.home import MAKERS, maker; maker()\n"
        "assert not {'numpy', 'soundfile', 'soxr', 'av', *MAKERS} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_rate_is_another_training_and_says_so() -> None:
    """A rate that is not the usual one is in the options of every record; the published one is a replay's own."""
    usual, other = (
        plan_of(Request("random", ("majority",), ("synth-a",), 1, settings)).plan
        for settings in (("random.folds=3",), ("random.folds=3", "rate_hz=8000"))
    )
    assert (usual.rate_hz, other.rate_hz) == (16_000, 8_000)
    assert not {c.trial.training for c in usual.cells} & {c.trial.training for c in other.cells}
    assert other.options_of("base") == {**usual.options_of("base"), "rate_hz": 8_000}
    replay = plan_of(Request("published-mfcc-attention", ("majority",), ("synth-a",), 1))
    assert replay.plan.rate_hz == 22_050 and replay.corpora["synth-a"].rate_hz == 22_050
    for text in ("fast", "100", "-1", "16000.0"):
        with pytest.raises(InputError, match="rate_hz="):
            plan_of(Request("random", ("majority",), ("synth-a",), 1, (f"rate_hz={text}",)))
