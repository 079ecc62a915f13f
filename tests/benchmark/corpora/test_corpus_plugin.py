"""A stranger's corpus: installed, listed, checked, audited, planned; and what a faulty one is told."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serbench.tests.support.scratch import inside, install, put

PLUGIN = Path(__file__).parents[2] / "examples" / "corpus"
GROUP = "serbench.corpora"
FACTS = (PLUGIN / "toy_acted" / "toy-acted.toml").read_text()
ADAPTER = (PLUGIN / "toy_acted" / "__init__.py").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example is installed."""
    folder = tmp_path_factory.mktemp("scratch") / "site"
    install(PLUGIN, folder)
    return folder


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus: a tone per class, in noise that is different in every clip."""
    folder = tmp_path_factory.mktemp("corpora") / "toy-acted"
    rng, time = np.random.default_rng(0), np.arange(8000) / 16_000
    for s, speaker in enumerate(("anna", "bert", "carl", "dora")):
        (folder / speaker).mkdir(parents=True)
        for e, emotion in enumerate(("angry", "contempt", "neutral", "sad")):
            for sentence in (1, 2, 3):
                sound = 0.1 * np.sin(2 * np.pi * (200 + 300 * e + 20 * s) * time) + 0.05 * rng.standard_normal(8000)
                soundfile.write(folder / speaker / f"{emotion}-{sentence}.wav", sound, 16_000)
    return folder


def test_it_is_listed_checked_audited_and_planned(site: Path, toy: Path, tmp_path: Path) -> None:
    lines = [
        f"{s}/{e}-{i}.wav,{'test' if i == 3 else 'train'}"
        for s in ("anna", "bert")
        for e in ("sad", "angry")
        for i in (1, 2, 3)
    ]
    (tmp_path / "split.csv").write_text("\n".join(["path,split", *lines]) + "\n")
    plan = ("plan", "--protocol", "speaker-independent", "--model", "majority", "--corpus", f"toy-acted={toy}")
    told, listed, facts, checked, audited, planned, counted = inside(
        [site], ["corpora", "list"], ["corpora", "list", "--json"], ["corpora", "check", "toy-acted"],
        ["corpora", "check", f"toy-acted={toy}"], ["audit", "split.csv"], plan,
        ["protocols", "show", "random", "--corpus", f"toy-acted={toy}", "--set", "label_map=arousal2"], folder=tmp_path,
    )  # fmt: skip
    assert [code for code, _ in (told, listed, facts, checked, planned, counted)] == [0] * 6, checked[1] + planned[1]
    assert re.search(r"toy-acted +48 +4 +4 +en +CC0 1\.0", told[1]) and "(plugin" in told[1]
    line = next(line for line in json.loads(listed[1]) if line["name"] == "toy-acted")
    assert line["provider"] == "my-serbench-corpora 1.0" and line["problem"] is None
    assert "keeps its contract: facts, fates\n" in facts[1] and "give their folder as toy-acted=DIR" in facts[1]
    assert "48 utterances, as it should be" in checked[1]
    assert "keeps its contract: facts, fates, columns, ids, speakers, classes, paths, repeats, parse" in checked[1]
    assert audited[0] == 1 and "toy-acted (12)" in audited[1] and "Leaks: speaker" in audited[1]
    assert "4 cells" in planned[1]
    assert re.search(r"toy-acted +contempt +12 +dropped +-", counted[1])


# what to change in the example -> what `corpora check` says
FAULTS = {
    "no-license": (("", ""), ('license = "CC0 1.0"\n', ""), "license missing"),
    "few": (("", ""), ("angry = 12", "angry = 11"), "contract, facts: counts.emotion are 47 of 48 utterances"),
    "fateless": (
        ("", ""), ('[labels.basic6]\ndropped = ["contempt"]\n', ""),
        "contract, fates: label map basic6 does not say what becomes of contempt; write a section [labels.basic6]",
    ),
    "absolute": (('"id": path', '"id": f"/data/{path}"'), ("", ""), "contract, ids: 48 are not absolute/PATH"),
    "doubled": (('"id": path', '"id": path[:4]'), ("", ""), "two files for one utterance"),
    "numbers": (('"sentence": name["sentence"]', '"sentence": int(name["sentence"])'), ("", ""), "sentence holds int"),
    "nobody": (('"speaker": name["speaker"]', '"speaker": None'), ("", ""), "48 of 48 utterances have none"),
    "strange": (
        ('"emotion": name["emotion"]', '"emotion": name["emotion"].title()'), ("", ""),
        "contract, classes: Angry, Contempt",
    ),
    "dice": (
        ('"sentence": name["sentence"]', '"sentence": str(__import__("random").random())'), ("", ""),
        "contract, repeats: reading the folder twice gave two tables",
    ),
}  # fmt: skip


def test_faulty_corpora_are_told_what_is_wrong(toy: Path, tmp_path: Path) -> None:
    for name, ((old, new), (had, has), _) in FAULTS.items():
        module = f"faulty_{name}".replace("-", "_")
        assert old in ADAPTER and had in FACTS
        put(
            tmp_path / name, module, ADAPTER.replace(old, new).replace("toy-acted", name),
            [f"{name} = {module}:ADAPTER"], GROUP,
        )  # fmt: skip
        (tmp_path / name / f"{name}.toml").write_text(FACTS.replace(had, has).replace("toy-acted", name))
    put(
        tmp_path / "no-facts",
        "no_facts",
        ADAPTER.replace("toy-acted", "no-facts"),
        ["no-facts = no_facts:ADAPTER"],
        GROUP,
    )
    put(tmp_path / "broken", "broken", "import no_such_module_anywhere", ["odd = broken:odd"], GROUP)
    names = [*FAULTS, "no-facts", "odd"]
    checks = [["corpora", "check", f"{name}={toy}"] for name in names]
    *answers, listed = inside(
        [tmp_path / name for name in (*FAULTS, "no-facts", "broken")],
        *checks,
        ["corpora", "list", "--json"],
        folder=tmp_path,
    )
    said = {name: " ".join(text.split()) for name, (_, text) in zip(names, answers, strict=True)}
    for name, (_, _, text) in FAULTS.items():
        assert text in said[name], (name, said[name])
    assert "no facts:" in said["no-facts"] and "no-facts.toml is missing" in said["no-facts"]
    assert "its plugin does not load: ModuleNotFoundError" in said["odd"]
    codes = {name: code for name, (code, _) in zip(names, answers, strict=True)}
    assert codes == {**dict.fromkeys(names, 1), "doubled": 2}
    lines = {line["name"]: line for line in json.loads(listed[1])}
    assert "emodb" in lines and lines["emodb"]["problem"] is None  # a broken one breaks nothing
    assert "no-facts.toml is missing" in lines["no-facts"]["problem"]


def test_a_name_clash_is_an_error_that_names_both(site: Path, tmp_path: Path) -> None:
    put(tmp_path / "other", "twin", ADAPTER, ["toy-acted = twin:ADAPTER"], GROUP)
    (tmp_path / "other" / "toy-acted.toml").write_text(FACTS)
    ((code, text),) = inside([site, tmp_path / "other"], ["corpora", "list"], folder=tmp_path)
    assert code == 2 and text.count("\n") == 0
    assert "two corpora are called 'toy-acted'" in text
    assert "toy_acted (my-serbench-corpora 1.0)" in text and "twin (twin 0.1)" in text


def test_a_corpus_that_is_gone_is_unknown(toy: Path, tmp_path: Path) -> None:
    ((code, text),) = inside([tmp_path], ["corpora", "prepare", "toy-acted", "--from", toy], folder=tmp_path)
    assert code == 2 and "unknown corpus 'toy-acted'" in text
