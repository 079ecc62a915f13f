"""A stranger's model: installed, listed, checked, run; and what a faulty one is told."""

import json
import re
from pathlib import Path

import pytest

import serbench
from serbench.tests.support.scratch import EXAMPLES, PLUGIN, inside, install, put
from serbench.tests.support.tiny import tiny_corpus

README = Path(serbench.__path__[0]) / "README.md"
NAME = "pooled-mlp"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example is installed."""
    folder = tmp_path_factory.mktemp("scratch") / "site"
    install(PLUGIN, folder)
    return folder


def shown(language: str) -> str:
    """The one block in that language that README.md has about adding a model."""
    if not README.exists():
        pytest.skip("not a source tree")
    about = README.read_text().partition("\n## Add a protocol, a corpus, a model")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"```{language}\n(.*?)```", about, re.DOTALL)
    return str(block)


def test_the_readme_shows_the_example() -> None:
    assert shown("python") == (PLUGIN / "pooled_mlp.py").read_text()
    assert shown("toml") == (PLUGIN / "pyproject.toml").read_text()
    assert len([line for line in shown("python").splitlines() if line.strip()]) <= 20


def test_what_the_readme_shows_runs_as_shown(tmp_path: Path) -> None:
    """Its two files, installed; then its own commands, on a smaller corpus and for fewer epochs."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pooled_mlp.py").write_text(shown("python"))
    (tmp_path / "mine" / "pyproject.toml").write_text(shown("toml"))
    install(tmp_path / "mine", tmp_path / "site")
    section = README.read_text().partition("## Add a protocol, a corpus, a model")[2]
    commands = [line.split("#")[0].split()[1:] for line in section.splitlines() if line.startswith("    serbench ")]
    assert [command[0] for command in commands] == ["models", "run"]
    corpus = tiny_corpus(tmp_path / "tiny", speakers=4, takes=3)
    check, run = commands
    run = [f"tiny={corpus}" if word == "synth-a" else word for word in run] + [
        "--set",
        f"{NAME}.epochs=3",
        "--jobs",
        "1",
    ]
    (listed, text), (checked, output), (ran, table) = inside(
        [tmp_path / "site"], ["models", "list"], check, run, folder=tmp_path
    )
    assert listed == checked == ran == 0, output + table
    assert re.search(r"pooled-mlp +network +audio +17,481  clean\n.*\(plugin my-serbench-models 1\.0\)", text)
    assert "all 11 checks hold" in output or "all 10 checks hold, 1 not run" in output  # without CUDA
    assert re.search(r"pooled-mlp +\d+\.\d \[", table)


FAULTY = '''
import torch
from pooled_mlp import PooledMLP
from serbench.baselines.registry import model

class Loudest(PooledMLP):
    def forward(self, x, lengths):
        return self.layers(x.amax(1))

class Dice(PooledMLP):
    def forward(self, x, lengths):
        return super().forward(torch.nn.functional.dropout(x, 0.1), lengths)

@model(min_seconds=0.032)
def loudest_frame(settings, task):
    """Looks at the padding too."""
    return Loudest(len(task.classes))

@model(min_seconds=0.032)
def extra_class(settings, task):
    """One class too many."""
    return PooledMLP(len(task.classes) + 1)

@model(min_seconds=0.032)
def dice(settings, task):
    """Drops out when it predicts, too."""
    return Dice(len(task.classes))
'''
POINTS = ("loudest-frame = faulty:loudest_frame", "extra-class = faulty:extra_class", "dice = faulty:dice")


def test_faulty_and_broken_plugins_are_told_what_is_wrong(site: Path, tmp_path: Path) -> None:
    put(tmp_path / "faulty", "faulty", FAULTY, POINTS)
    put(tmp_path / "broken", "broken", "import no_such_module_anywhere", ["odd = broken:odd"])
    padding, shape, chance, broken, listed = inside(
        [site, tmp_path / "faulty", tmp_path / "broken"],
        ["models", "check", "loudest-frame"], ["models", "check", "extra-class"], ["models", "check", "dice"],
        ["models", "check", "odd"], ["models", "list", "--json"], folder=tmp_path,
    )  # fmt: skip
    assert [code for code, _ in (padding, shape, chance, broken, listed)] == [1, 1, 1, 2, 0]
    output = [" ".join(text.split()) for _, text in (padding, shape, chance, broken)]
    assert "FAILED companions" in output[0] and "leave out what lies beyond `lengths`" in output[0]
    assert re.search(r"1 of (11 checks failed|10 checks failed, 1 not run)", output[0])
    assert "FAILED shape" in output[1] and "3 clips and 4 classes gave scores of shape (3, 5)" in output[1]
    assert "FAILED repeats" in output[2] and "something in `forward` is random" in output[2]
    assert "model 'odd': its plugin does not load: ModuleNotFoundError" in output[3]
    lines = {line["name"]: line for line in json.loads(listed[1])}
    assert "does not load: ModuleNotFoundError" in lines["odd"]["problem"]
    assert {NAME, "majority", "dice"} <= lines.keys() and lines[NAME]["problem"] is None


def test_models_that_serbench_does_not_train(tmp_path: Path) -> None:
    for kind, name in (("classical_model", "neighbours"), ("inference_model", "loudness")):
        put(tmp_path / "kinds", name, (EXAMPLES / kind / f"{name}.py").read_text(), [f"{name} = {name}:{name}"])
    corpus = f"tiny={tiny_corpus(tmp_path / 'tiny', speakers=4, takes=3)}"
    run = ("run", "--protocol", "speaker-independent", "--corpus", corpus, "--jobs", "1", "--out", "run")
    listed, classical, inference, ran, shown = inside(
        [tmp_path / "kinds"], ["models", "list", "--json"], ["models", "check", "neighbours"],
        ["models", "check", "loudness"], [*run, "--model", "neighbours", "--model", "loudness"],
        ["show", "run", "--json"], folder=tmp_path,
    )  # fmt: skip
    assert [code for code, _ in (listed, classical, inference, ran, shown)] == [0] * 5, classical[1] + inference[1]
    kinds = {line["name"]: (line["kind"], line["problem"]) for line in json.loads(listed[1])}
    assert kinds["neighbours"] == ("classical", None) and kinds["loudness"] == ("inference", None)
    assert "all 3 checks hold" in classical[1]
    assert re.search("all (7 checks hold|6 checks hold, 1 not run)", inference[1])
    scores = {line["model"]: line["metrics"]["uar"]["mean"] for line in json.loads(shown[1])}
    assert scores["neighbours"] > 0.5 and 0 < scores["loudness"] <= 1


def test_a_name_clash_is_an_error_that_names_both(site: Path, tmp_path: Path) -> None:
    put(tmp_path / "other", "twin", (PLUGIN / "pooled_mlp.py").read_text(), ["pooled-mlp = twin:pooled_mlp"])
    ((code, output),) = inside([site, tmp_path / "other"], ["models", "list"], folder=tmp_path)
    assert code == 2
    assert "two models are called 'pooled-mlp'" in output and output.count("\n") == 0
    assert "pooled_mlp (my-serbench-models 1.0)" in output and "twin (twin 0.1)" in output


def test_a_plugin_that_is_gone_is_unknown(tmp_path: Path) -> None:
    ((code, output),) = inside([tmp_path], ["models", "show", NAME], folder=tmp_path)
    assert code == 2 and "unknown model 'pooled-mlp'" in output
