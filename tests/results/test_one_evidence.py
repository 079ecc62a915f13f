"""Several folders as one: every command says the same, whatever the order and whatever the folders share."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serbench.results.evidence.evidence import Evidence, open_evidence
from serbench.results.evidence.replays import replays
from serbench.results.evidence.scores import scores, to_json
from serbench.results.evidence.store import Run, create
from serbench.results.questions.compare import compare
from serbench.results.statistics.metrics import METRICS
from serbench.tests.support import report_runs
from serbench.tests.support.records import cell
from serbench.tests.support.tiny import serbench

#: of the cells of a model: which folders hold them, and how
State = st.sampled_from(["absent", "failed", "done", "other"])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, object]]:
    """Key -> record and predictions of eight cells of two models."""
    whole = create(tmp_path_factory.mktemp("whole") / "run", "0")
    records = report_runs.cells(whole, {"weak": 0.8, "strong": 2.5})
    evidence = open_evidence([whole])
    parts = dict(tuple(evidence.scored.groupby("key", observed=True)))
    return {r.key: (r, parts[r.key].drop(columns="key").astype(object).reset_index(drop=True)) for r in records}


def fill(run: Run, stored: dict[str, tuple[object, object]], states: list[str]) -> None:
    """A folder with every cell as it is said; ``other``: finished with other predictions."""
    report_runs.plan(run, [record for record, _ in stored.values()])
    for (record, predictions), state in zip(stored.values(), states, strict=True):
        if state == "failed":
            run.append(replace(record, status="failed", error="Traceback\nValueError: no"), None)
        elif state == "other":
            run.append(record, predictions.assign(guess=predictions["truth"], log_probability=None))
        elif state == "done":
            run.append(record, predictions)


def said(evidence: Evidence) -> object:
    """What all that is asked of it says."""
    table = to_json(scores(evidence.records, evidence.predictions, evidence.plan))
    tests = (
        compare(evidence.records, evidence.predictions, "strong", "weak", METRICS["uar"])
        if len(set(evidence.records["model"])) == 2
        else []
    )
    runs = [(r.model, r.by_run.tolist(), r.n_open) for r in replays(evidence)]
    return json.dumps([table, [(c.score_a, c.score_b, c.main.p, c.reason) for c in tests], runs, evidence.notes])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.lists(st.lists(State, min_size=8, max_size=8), min_size=2, max_size=3),
    order=st.permutations(range(3)),
)
def test_neither_order_nor_overlap_of_folders_matters(
    stored: dict[str, tuple[object, object]],
    tmp_path_factory: pytest.TempPathFactory,
    states: list[list[str]],
    order: list[int],
) -> None:
    root = tmp_path_factory.mktemp("runs")
    runs = [create(root / str(k), "0") for k in range(len(states))]
    for run, of_run in zip(runs, states, strict=True):
        fill(run, stored, of_run)
    shuffled = [runs[k] for k in order if k < len(runs)]
    evidence = open_evidence(runs)
    assert said(evidence) == said(open_evidence([*shuffled, shuffled[0]]))
    for k, key in enumerate(stored):
        here = {of_run[k] for of_run in states} - {"absent"}
        status = evidence.records.loc[evidence.records["key"] == key, "status"].tolist()
        assert status == ([] if not here else ["failed"] if here == {"failed"} else ["done"])


def test_a_finished_cell_wins_in_every_command(stored: dict[str, tuple[object, object]], tmp_path: Path) -> None:
    runs = [create(tmp_path / name, "0") for name in "ab"]
    fill(runs[0], stored, ["failed", *["done"] * 7])
    fill(runs[1], stored, ["done", *["absent"] * 7])
    a, b = (str(run.folder) for run in runs)
    for command in (["show"], ["show", "--json"], ["show", "--csv"]):
        one, two = serbench(*command, a, b), serbench(*command, b, a)
        assert one == two and one[0] == 0
    lines = json.loads(serbench("show", a, b, "--json")[1])
    assert [line["n_failed"] for line in lines] == [0, 0]
    one, two = serbench("compare", a, b, "weak", "strong"), serbench("compare", b, a, "weak", "strong")
    assert one == two and one[0] == 0 and "not made" not in one[1]
    sql = "SELECT count(*) AS n FROM predictions JOIN records USING (key) WHERE status = 'done'"
    assert serbench("query", a, b, sql)[1] == serbench("query", b, a, sql)[1]
    assert json.loads(serbench("query", a, b, sql, "--json")[1]) == [{"n": 8 * len(report_runs.rows(0))}]
    code, page, err = serbench("report", a, b, "--out", tmp_path / "out", "--open", "no")
    assert code == 0, err
    assert "8 of 8" in Path(page.strip()).read_text()
    (uar,) = {line["metrics"]["uar"]["mean"] for line in lines if line["model"] == "weak"}
    assert f"{100 * uar:.1f}" in (tmp_path / "out" / "report.md").read_text()


def test_of_different_predictions_the_same_are_taken_in_every_order(tmp_path: Path) -> None:
    runs = [create(tmp_path / name, "0") for name in "abc"]
    record, predictions = cell("0" * 32)
    for run, guesses in zip(runs, (["happy", "happy"], ["sad", "sad"], ["happy", "sad"]), strict=True):
        run.append(record, predictions.assign(guess=guesses))
    taken = {
        tuple(open_evidence(order).predictions["guess"]) for order in (runs, runs[::-1], [runs[1], runs[0], runs[2]])
    }
    assert len(taken) == 1
    (tmp_path / "b").rename(tmp_path / "z")  # by content, whatever the folders are called
    assert tuple(open_evidence([runs[0], Run(tmp_path / "z"), runs[2]]).predictions["guess"]) in taken
    assert "1 of them have different predictions" in open_evidence([runs[0], Run(tmp_path / "z")]).notes[1]
