"""`--blind`: nothing in a run folder or report says who made it and where."""

import getpass
import json
import platform
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serbench.results.evidence import blinding
from serbench.results.evidence.blinding import blind, blind_text
from serbench.tests.support.sounds import tone, write
from serbench.tests.support.tiny import serbench, tiny_corpus

MODEL = """
from serbench.baselines.registry import model

@model(min_seconds=0.1)
def fails(settings, task):
    raise OSError(13, "jane.doe may not read", __file__)
"""


@pytest.fixture
def jane(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user jane.doe of the machine labhost77."""
    monkeypatch.setattr(getpass, "getuser", lambda: "jane.doe")
    monkeypatch.setattr(platform, "node", lambda: "labhost77.example.org")
    blinding._names.cache_clear()
    yield
    blinding._names.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mine: left out: /gone/for good/x.wav", "mine: left out: …/x.wav"),
        ("/gone/jane doe/x y.wav: empty", "…/x y.wav: empty"),
        ('File "/usr/lib/python3/foo/x.py", line 3', 'File "…/x.py", line 3'),
        (r"C:\Users\Jane\x.wav: damaged", "…/x.wav: damaged"),
        (r"\\server\share\jane\x.wav", "…/x.wav"),
        ("~/data/x", "…/x"),
        ("~jane/y/z", "…/z"),
        ("file:///gone/jane/x.wav", "…/x.wav"),
        ("ssh://jane@somewhere/x/y", "ssh:…/y"),
        ("../../jane/x.wav", "…/x.wav"),
        ("A=/a/b:/c/d/e", "A=…/b:…/e"),
        ("copied /a/b to /c/d", "copied …/b to …/d"),
        ("one\n/x/y/z\nthree", "one\n…/z\nthree"),
        ("by jane.doe on LABHOST77 and labhost77.example.org", "by … on … and …"),
        ("/home/jane.doe", "…/…"),
        ("janet doe on labhost776", "janet doe on labhost776"),
    ],
)
def test_places_and_names_are_cut(jane: None, text: str, expected: str) -> None:
    assert blind_text(text) == expected
    assert blind_text(expected) == expected


@pytest.mark.parametrize(
    "text",
    ["48/50 and A/B", "</td></a> <br/>", "20 dB / 10 dB, 1.7 /s", r"\d+ \n", "https://example.org/a/b", "/data", "…/x"],
)
def test_what_names_no_place_stays(text: str) -> None:
    assert blind_text(text) == text


def test_folders_that_are_there_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "of jane, doe; (old) = new: all"
    folder.mkdir()
    assert blind_text(f"left out: {folder}/x y.wav: empty") == "left out: …/x y.wav: empty"


@given(st.lists(st.text("ab .", min_size=1).filter(lambda part: part.strip(" .") != ""), min_size=2, max_size=5))
def test_of_any_path_the_last_part_is_left(parts: list[str]) -> None:
    path = "/" + "/".join(part.strip() for part in parts)
    assert blind_text(path).removeprefix("…/") == path.rpartition("/")[2]


def test_lists_and_dictionaries_are_walked() -> None:
    assert blind({"a": ["/x/y/z", 1, None], "b": ("/x/y",)}) == {"a": ["…/z", 1, None], "b": ("…/y",)}


def everything(folder: Path) -> str:
    """All text in a folder: names of files, texts, and what Parquet files hold."""
    texts = []
    for path in sorted(folder.rglob("*")):
        texts.append(str(path.relative_to(folder)))
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            texts += [str(table.schema.metadata), json.dumps(table.to_pylist(), default=str)]
        elif path.suffix not in (".png", ".safetensors") and path.is_file():
            texts.append(path.read_text())
    return "\n".join(texts)


def test_a_blind_run_and_its_report_name_neither_place_nor_user(
    tmp_path: Path, jane: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "of jane.doe"
    table = tiny_corpus(own, speakers=4, takes=4)
    lines = pd.read_csv(table)
    lines["path"] = [str(own / name) for name in lines["path"]]  # some lists name the whole path
    lines.loc[len(lines)] = [str(own / "gone.wav"), "s1", "male", "sad", "t0"]
    lines.to_csv(table, index=False)
    for i in range(4):
        write(own / "noises" / f"{i}.wav", tone(300 + 100 * i, 0.2))
    model = own / "fails_when_built.py"  # a name of its own: one process takes a name once
    model.write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    settings = ("noise.kinds=recorded", "noise.snr=10", f"noise.dir={own / 'noises'}")
    asked = ("--protocol", "noise", "--corpus", f"mine={table}", *(p for text in settings for p in ("--set", text)))
    models = ("--model", "majority", "--model", f"{model}:fails")
    code, _, err = serbench("run", *asked, *models, "--blind", "--keep-weights", "--jobs", "1")
    assert code == 1 and "Failed: " in err, err  # the model that cannot read its file, and no other
    (run,) = (tmp_path / "runs").iterdir()
    assert serbench("report", run, "--open", "no")[0] == 0
    text = everything(run)
    for word in (str(tmp_path), str(tmp_path.parent), "jane.doe", "labhost77", "serbench run", "--corpus"):
        assert word.lower() not in text.lower(), text[max(0, text.lower().index(word.lower()) - 300) :][:400]
    assert "…/gone.wav" in text and "may not read" in text
    assert serbench("verify", run)[0] == 0
    assert serbench("run", *asked, *models[:2], "--jobs", "1", "--out", run)[0] == 0  # stays blind
    assert str(tmp_path) not in everything(run)


def test_only_what_began_blind_is_blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tiny_corpus(tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    asked = ("run", "--protocol", "speaker-independent", "--corpus", f"mine={table}", "--model", "majority")
    assert serbench(*asked, "--jobs", "1")[0] == 0
    (run,) = (tmp_path / "runs").iterdir()
    code, _, err = serbench(*asked, "--blind", "--out", run)
    assert code == 2 and f"{run}: was not made blind" in err
    assert serbench("report", run, "--blind", "--open", "no", "--out", tmp_path / "blind")[0] == 0
    assert str(tmp_path) in everything(run)
    assert str(tmp_path) not in everything(tmp_path / "blind") and "blind report" in everything(tmp_path / "blind")
    assert serbench(*asked, "--blind")[0] == 0  # not the folder that is there
    assert len(list((tmp_path / "runs").iterdir())) == 2
