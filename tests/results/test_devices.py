"""A score stands on one kind of device: cells of several are refused by every command, and pooled where asked."""

import doctest

import pandas as pd
import pytest

import serbench as api
from serbench.errors import InputError
from serbench.results.evidence import devices
from serbench.results.evidence.devices import check_devices, kind_of
from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.record import Record
from serbench.results.evidence.store import create, open_run
from serbench.tests.support import report_runs
from serbench.tests.support.edited import rewrite
from serbench.tests.support.records import BASE, cell
from serbench.tests.support.tiny import serbench

H200 = {"device": "cuda:0", "environment": {"device_name": "H200"}}


def test_doctests_hold():
    assert doctest.testmod(devices).failed == 0 and doctest.testmod(devices).attempted >= 1


@pytest.fixture
def run(tmp_path):
    """Two models with two folds and three seeds each, all on a processor without a name."""
    made = create(tmp_path / "run", "0")
    report_runs.plan(made, report_runs.cells(made, {"weak": 0.8, "strong": 2.5}))
    return made


def change(run, names, **facts):
    for name in names:
        rewrite(run.folder / "records" / f"{name}-.json", **facts)


def commands(folder, out):
    """Every command that reads runs."""
    return {
        "show": ("show", folder, "--json"),
        "report": ("report", folder, "--out", out, "--open", "no"),
        "compare": ("compare", folder, "weak", "strong", "--json"),
        "test": ("compare", folder, "--test", "spread", "--json"),
        "gate": ("gate", folder, folder, "--json"),
        "query": ("query", folder, "SELECT count(*) AS n FROM records", "--json"),
        "tables": ("tables", "--paper", "sigwavnet", folder, "--json"),
    }


OTHERS = {
    "device": (H200, "cuda (H200), fp32"),
    "precision": ({"precision": "bf16"}, "cpu, bf16"),
    "name": ({"environment": {"device_name": "another"}}, "cpu (another), fp32"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_every_command_refuses_a_score_on_several_kinds_alike(run, tmp_path, other):
    facts, kind = OTHERS[other]
    whole = {name: serbench(*words) for name, words in commands(run.folder, tmp_path / "out").items()}
    change(run, ("weak-0-1", "weak-1-1"), **facts)
    groups = sorted([("cpu, fp32", 0), (kind, 1)])
    cells_of = {
        0: "4 cells (fold c/0 seed 0, fold c/1 seed 0, fold c/0 seed 2 and 1 more)",
        1: "2 cells (fold c/0 seed 1, fold c/1 seed 1)",
    }
    listed = "; on ".join(f"{k}: {cells_of[seed]}" for k, seed in groups)
    reason = f"weak (speaker-independent, c, clean) was run on {listed}; a score is of one kind of device"
    for name, words in commands(run.folder, tmp_path / "out").items():
        code, out, err = serbench(*words)
        assert (code, out) == (2, "") and reason in err and "--mixed" in err and err.count("\n") == 1, name
        code, out, err = serbench(*words, "--mixed")
        assert code == whole[name][0] == 0, (name, err)
        if name not in ("tables", "report"):
            assert out == whole[name][1], name
    assert f"MIXED devices or precisions: {'; '.join(f'{k} (' for k, _ in groups[:1])}" in serbench(
        "show", run.folder, "--mixed"
    )[1].replace("\n", " ")


def test_python_takes_mixed_too(run, tmp_path):
    change(run, ("weak-0-1",), **H200)
    for refused in (
        lambda **how: api.load(run.folder, **how),
        lambda **how: api.compare(run.folder, "weak", "strong", **how),
        lambda **how: api.compare(run.folder, test="spread", **how),
        lambda **how: api.report(run.folder, tmp_path / "out", **how),
    ):
        with pytest.raises(InputError, match=r"cuda \(H200\), fp32: 1 cell "):
            refused()
        assert refused(mixed=True)


def test_what_is_of_one_kind_is_never_refused(run):
    for k, (model, fold, seed) in enumerate((m, f, s) for m in ("weak", "strong") for f in range(2) for s in range(3)):
        change(run, (f"{model}-{fold}-{seed}",), **{**H200, "device": f"cuda:{k % 2}"})
    code, text, _ = serbench("show", run.folder)
    assert code == 0 and "Device: cuda (H200), fp32." in text and "MIXED" not in text
    for seed in range(3):  # the other model on another device: two scores, each of one kind
        change(run, (f"weak-0-{seed}", f"weak-1-{seed}"), device="cpu", environment={"device_name": "EPYC"})
    code, text, _ = serbench("show", run.folder)
    assert code == 0 and "MIXED devices or precisions: cpu (EPYC), fp32 (weak)" in " ".join(text.split())
    change(run, ("strong-1-1",), status="failed", error="no", predictions_sha256=None, device="cpu")
    assert open_evidence([open_run(run.folder)]).records["status"].eq("failed").sum() == 1


def test_many_faults_are_counted_and_cells_without_facts_are_of_one_kind():
    def frame(*changes):
        records = [cell(str(k), **facts)[0] for k, facts in enumerate(changes)]
        return pd.DataFrame([r.to_json() for r in records], columns=list(Record.__dataclass_fields__))

    every = [{"model": m, "seed": s, "precision": p} for m in "ab" for s in range(4) for p in ("fp32", "bf16")]
    with pytest.raises(InputError, match=r"4 cells \(.*, .*, .* and 1 more\).* \(and 1 more score\)"):
        check_devices(frame(*every))
    check_devices(frame({"code": "5"}, {"code": "6", "precision": "bf16"}))  # other code: never one score
    check_devices(frame({"environment": {}}, {"environment": {"device_name": ""}, "seed": 1}))
    check_devices(frame())
    assert kind_of(BASE) == "cpu, fp32"
