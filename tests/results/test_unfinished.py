"""Evidence of a run that goes on: seeds that cover other folds. Warnings are errors, here as everywhere."""

import json

import pytest

from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.store import create
from serbench.results.questions.answers import TESTS, answer
from serbench.results.questions.compare import compare
from serbench.results.reports.report import report
from serbench.results.statistics.metrics import METRICS
from serbench.tests.support import report_runs
from serbench.tests.support.edited import rewrite
from serbench.tests.support.tiny import serbench


@pytest.fixture(params=[4, 6])  # speakers: intervals are of Student's t, or of a bootstrap
def run(request, tmp_path, monkeypatch):
    monkeypatch.setattr(report_runs, "SPEAKERS", request.param)
    made = create(tmp_path / "run", "0")
    records = report_runs.cells(made, {"majority": 0.0, "weak": 0.8, "strong": 2.5})
    report_runs.plan(made, records)
    for model, fold in (("weak", 0), ("strong", 1)):
        (made.folder / "records" / f"{model}-{fold}-1-.json").unlink()
    return made


def test_every_test_takes_it(run):
    frames = open_evidence([run])
    assert len(frames.records) == 16 and len(frames.plan) == 18
    for name in sorted(set(TESTS) - {"binomial"}):  # which wants an arm of its own
        found = answer(frames, test=name)
        assert found.lines or found.notes
        assert all(line.estimate is None or line.estimate == line.estimate for line in found.lines), name
        assert any(note.startswith("not complete: ") and ": 5 of 6 cells" in note for note in found.notes), name


def test_metrics_of_probabilities_have_intervals(run):
    lines = answer(open_evidence([run]), test="probabilities", metric="brier").lines
    known = {line.what: line for line in lines if line.estimate is not None}
    assert set(known) == {"strong: Brier", "weak: Brier"}
    assert all(line.low < line.estimate < line.high for line in known.values())


def test_the_report_and_two_models_take_it(run, tmp_path):
    made = report([str(run.folder)], tmp_path / "out")
    assert "16 of 18" in made.page.read_text()
    frames = open_evidence([run])
    (found,) = compare(frames.records, frames.predictions, "weak", "strong", METRICS["uar"])
    assert found.main.p is None and "lacks" in found.reason


def test_a_query_says_how_much_is_there(run):
    code, out, err = serbench("query", run.folder, "SELECT count(*) AS n FROM records")
    assert code == 0 and err == "Note: not complete: 16 of 18 cells are done, 0 failed, 2 pending\n" and "16" in out


def fail(run, *names):
    for name in names:
        path = run.folder / "records" / f"{name}-.json"
        rewrite(path, status="failed", error="no", predictions_sha256=None)


def test_a_fold_that_failed_in_both_models_is_said(tmp_path):
    made = create(tmp_path / "run", "0")
    report_runs.plan(made, report_runs.cells(made, {"weak": 0.8, "strong": 2.5}))
    (whole,) = json.loads(serbench("compare", made.folder, "weak", "strong", "--json")[1])
    fail(made, *(f"{model}-1-{seed}" for model in ("weak", "strong") for seed in range(report_runs.SEEDS)))
    code, out, _ = serbench("compare", made.folder, "weak", "strong", "--json")
    (found,) = json.loads(out)
    note = "not complete: weak has 3 of 6 cells, strong has 3 of 6 cells"
    assert code == 0 and note in found["notes"] and not any("not complete" in text for text in whole["notes"])
    assert note in " ".join(serbench("compare", made.folder, "weak", "strong")[1].split())
    notes = serbench("gate", made.folder, made.folder)[2]
    for side in ("base", "candidate"):
        assert f"Note: {side} not complete: strong, c, clean: 3 of 6 cells; weak, c, clean: 3 of 6 cells" in notes
    for path in sorted((made.folder / "records").glob("*-1-?-.json")):
        path.unlink()  # not begun: the plan alone knows
    (found,) = json.loads(serbench("compare", made.folder, "weak", "strong", "--json")[1])
    assert note in found["notes"]
