"""Lists to audit in every form they may have, and one line for what is none."""

import json
from pathlib import Path

import pandas as pd
import pytest

from serbench.benchmark.audit.lists import Columns, read_parts
from serbench.errors import InputError
from serbench.tests.support.audits import RAVDESS, audit, by_actor, refused, table

PARTS = ("train", "val", "test")
FORMS = {
    "a.csv": lambda rows: "path,split\n" + "".join(f"{p},{s}\n" for p, s in rows),
    "a.tsv": lambda rows: "file\tset\n" + "".join(f"{p}\t{s}\n" for p, s in rows),
    "b.csv": lambda rows: "\ufeffwav;subset\r\n" + "".join(f'"{p}";{s}\r\n' for p, s in rows),
    "a.jsonl": lambda rows: "".join(json.dumps({"audio": p, "split": s}) + "\n" for p, s in rows),
    "list.json": lambda rows: json.dumps([{"path": p, "partition": s, "more": [1]} for p, s in rows]),
    "parts.json": lambda rows: json.dumps({part: [p for p, s in rows if s == part] for part in PARTS}),
    "columns.json": lambda rows: json.dumps({"path": [p for p, _ in rows], "split": [s for _, s in rows]}),
    "pandas.json": lambda rows: pd.DataFrame(rows, columns=["path", "split"]).to_json(),
    "map.json": lambda rows: json.dumps(dict(rows)),
    "cells.json": lambda rows: json.dumps({p: {"split": s} for p, s in rows}),
    "folds.json": lambda rows: json.dumps([{part: [p for p, s in rows if s == part] for part in PARTS}]),
    "named.json": lambda rows: json.dumps(
        {"fold1": {part: [{"file": p} for p, s in rows if s == part] for part in PARTS}}
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_says_the_same(name: str, tmp_path: Path) -> None:
    rows = [(path, by_actor(path)) for path in RAVDESS[::7]]
    rows[0] = (rows[0][0], "test")
    (tmp_path / name).write_text(FORMS[name](rows), encoding="utf-8")
    if name == "named.json":
        with_path = json.loads((tmp_path / name).read_text())
        with_path["fold1"] = {part: [{"path": f["file"]} for f in files] for part, files in with_path["fold1"].items()}
        (tmp_path / name).write_text(json.dumps(with_path))
    code, found, rules = audit(tmp_path / name)
    assert code == 1 and found["leaks"] == ["speaker"] and rules["speaker"]["n_test"] == 1
    assert sum(found["parts"].values()) == len(rows) and found["corpora"] == {"ravdess": len(rows)}


FAULTS = {
    "no such file": (None, "no such file"),
    "empty": ("", "the file is empty"),
    "only a head": ("path,split\n", "the list has no lines"),
    "no path": ("a,split\n1,train\n", "no column of paths (it has a, split); name it with --path-column"),
    "no part": ("path,a\n1,train\n", "no column that says train or test (it has path, a)"),
    "two parts": ("path,split,set\nx,train,a\n", "columns split and set may say the part; choose with --split-column"),
    "unknown part": ("path,split\nx,train\ny,holdback\n", "column split: 'holdback' is no part"),
    "mixed": ("path,split\nx,train\ny,3\n", "mixes numbers of folds with train"),
    "one fold": ("path,fold\nx,3\ny,3\n", "one fold only (3)"),
    "no test": ("path,split\nx,train\ny,train\n", "no file is in test (train 2 is there)"),
    "uneven": ("path,split\nx,train\ny\n", "line 3 does not have 2 cells"),
    "doubled column": ("path,split,split\nx,train,test\n", "column 'split' stands there twice"),
    "no name": ("path,split\nx,train\n,test\n", "a line without path"),
    "binary": ("path\0split\n", "not a text file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_list_is_one_line(fault: str, tmp_path: Path) -> None:
    text, message = FAULTS[fault]
    if text is not None:
        (tmp_path / "a.csv").write_text(text)
    assert message in refused(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "line 1: not JSON"),
        ("a.json", "3", "neither a list nor an object with lists"),
        ("a.json", "[3]", "item 1: '3' is no object"),
        ("a.json", '{"path": ["a"], "split": ["train", "test"]}', "are no lists of one length"),
        ("a.jsonl", '{"path": "a", "split": "train"}\n[1]\n', "line 2: '[1]' is no object"),
        ("a.jsonl", '{"path": "a", "split": "train"}\n{\n', "line 2: not JSON"),
    ],
)
def test_what_is_no_json_is_one_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert message in refused(tmp_path / name)


def test_other_encodings_folders_and_corpora(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("path,split,speaker\nMüller1.wav,train,Müller\nMüller2.wav,test,Müller\n".encode("cp1252"))
    code, _, rules = audit(file)
    assert code == 1 and rules["speaker"]["examples"][0]["shared"] == "Müller"
    assert "a folder; give a CSV" in refused(tmp_path)
    assert "no column 'wer'; it has path, split, speaker" in refused(file, "--speaker-column", "wer")
    assert "did you mean 'ravdess'" in refused(file, "--corpus", "ravdes")
    names = table(tmp_path / "b.csv", [(path, by_actor(path)) for path in RAVDESS])
    assert audit(names, "--corpus", "emodb")[2]["speaker"]["state"] == "unchecked"
    twice = tmp_path / "c.csv"
    twice.write_text("path,split\na.wav,train\na.wav,train\nb.wav,test\nc.wav,\n")
    notes = audit(twice)[1]["notes"]
    assert notes == [
        "1 of 4 files are in no part: column split is empty there",
        "1 files are listed more than once in train: a.wav",
    ]


def test_a_manifest_of_fairseq_has_its_root_first(tmp_path):
    for part, session in (("train", 1), ("valid", 5)):
        lines = [f"Session{session}/sentences/wav/a/Ses0{session}F_impro01_F00{k}.wav\t{30000 + k}" for k in range(4)]
        (tmp_path / f"{part}.tsv").write_text("\n".join(["/data/IEMOCAP", *lines]) + "\n")
    listing = read_parts({"train": tmp_path / "train.tsv", "test": tmp_path / "valid.tsv"}, Columns())
    assert [len(listing.splits[0].parts[part]) for part in ("train", "test")] == [4, 4]
    assert listing.splits[0].parts["test"][0].startswith("/data/IEMOCAP/Session5/")


def test_meta_data_of_s3prl_are_read_and_errors_are_short(tmp_path):
    turns = [{"path": f"a/{k}.wav", "label": "ang", "speaker": "Ses01F"} for k in range(300)]
    for part in ("train", "test"):
        (tmp_path / f"{part}.json").write_text(json.dumps({"labels": {"ang": 0}, "meta_data": turns}))
    listing = read_parts({part: tmp_path / f"{part}.json" for part in ("train", "test")}, Columns())
    assert len(listing.splits[0].parts["train"]) == 300
    (tmp_path / "test.json").write_text(json.dumps({"a": 1, "b": [turns, turns]}))
    with pytest.raises(InputError) as error:
        read_parts({part: tmp_path / f"{part}.json" for part in ("train", "test")}, Columns())
    assert len(str(error.value)) < 400
