"""What a result depends on is in its key: the text of every module that decides samples, training and choice."""

import ast
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path

import pytest

import serbench
from serbench.benchmark.environment import source_hash
from serbench.benchmark.planning import plan as plans
from serbench.benchmark.planning.plan import HARNESS
from serbench.benchmark.planning.ready import plan_of
from serbench.benchmark.planning.request import Request

#: modules of ours that the harness imports and that are named in a key elsewhere, or decide nothing there
ELSEWHERE = {
    "in the key of a cell by its condition, and of training rows that are heard in noise": {
        "benchmark.conditions.kinds", "benchmark.conditions.recordings", "benchmark.conditions.training",
    },
    "in the fingerprint of a corpus: which clips there are, how they sound and are labelled": {
        "benchmark.audio.containers", "benchmark.corpora.synthetic", "benchmark.corpora.synthesis",
    },
    "in the key as settings, folds and steps": {
        "baselines.registry", "protocols.parts.augment", "protocols.parts.protocol", "protocols.parts.rows",
    },
    "words, files and names": {
        "benchmark.prepared.corpus", "benchmark.environment", "benchmark.planning.plan", "errors",
        "results.evidence.files",
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
    found = set().union(*map(imported, HARNESS))
    assert found - set(HARNESS) <= known
    assert not known & set(HARNESS)
    assert {f"serbench.{name}" for name in ("benchmark.audio.decode", "benchmark.prepared.clips")} <= set(HARNESS)
    assert {"serbench.results.statistics.metrics", "serbench.seeds"} <= found & set(HARNESS)
    source_hash(HARNESS)  # they exist


@pytest.mark.parametrize(
    "name", ["benchmark.audio.decode", "benchmark.prepared.clips", "results.statistics.metrics", "seeds"]
)
def test_a_change_of_one_of_them_is_another_training_and_cell(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request("speaker-independent", ("majority",), ("synth-a",))
    before = plan_of(request).plan

    def changed(modules: tuple[str, ...]) -> str:
        return source_hash(modules) + ("!" if f"serbench.{name}" in modules else "")

    monkeypatch.setattr(plans, "source_hash", changed)
    after = plan_of(request).plan
    for keys in ("key", "code"):
        assert not {getattr(c, keys) for c in before.cells} & {getattr(c, keys) for c in after.cells}
    assert not {c.trial.training for c in before.cells} & {c.trial.training for c in after.cells}


def test_naming_them_imports_none_of_them() -> None:
    code = (
        "import sys; from serbench.benchmark.prepared.home import MAKERS, maker; maker()\n"
        "assert not {'numpy', 'soundfile', 'soxr', 'av', *MAKERS} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
