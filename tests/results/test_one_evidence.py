"""Several folders as one: every command says the same, whatever the order and whatever the folders share."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serbench.errors import InputError
from serbench.results.evidence.evidence import Evidence, open_evidence
from serbench.results.evidence.replays import replays
from serbench.results.evidence.scores import scores, to_json
from serbench.results.evidence.store import Run, create
from serbench.results.papers.claims import published
from serbench.results.papers.paper_data import to_json as paper_to_json
from serbench.results.papers.paper_tables import build
from serbench.results.questions import gate as gates
from serbench.results.questions.compare import compare
from serbench.results.statistics.metrics import METRICS
from serbench.tests.support import report_runs
from serbench.tests.support.records import cell
from serbench.tests.support.tiny import serbench

#: of the cells of a model: which folders hold them, and how
State = st.sampled_from(["absent", "failed", "done", "other"])


Stored = dict[str, tuple[object, object]]


def stored_cells(folder: Path, skill: dict[str, float], **facts: object) -> Stored:
    """Key -> record and predictions of four cells per model, two folds under two seeds."""
    whole = create(folder / "run", "0")
    records = [record for record in report_runs.cells(whole, skill) if record.seed < 2]
    evidence = open_evidence([whole])
    parts = dict(tuple(evidence.scored.groupby("key", observed=True)))
    return {
        r.key: (replace(r, **facts), parts[r.key].drop(columns="key").astype(object).reset_index(drop=True))
        for r in records
    }


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Of two models."""
    return stored_cells(tmp_path_factory.mktemp("whole"), {"weak": 0.8, "strong": 2.5})


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Of a published model on its corpus: two complete runs of two folds."""
    facts = {"protocol": "published-sigwavnet", "train": "emodb", "test": "emodb", "data": {"emodb": "0" * 64}}
    return stored_cells(tmp_path_factory.mktemp("replayed"), {"sigwavnet:released": 0.8}, **facts)


@pytest.fixture(scope="module")
def base(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """All cells of the two models, finished, in one folder."""
    run = create(tmp_path_factory.mktemp("base") / "run", "0")
    fill(run, stored, ["done"] * 8)
    return open_evidence([run])


def fill(run: Run, stored: Stored, states: list[str]) -> None:
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
    stored: Stored,
    tmp_path_factory: pytest.TempPathFactory,
    states: list[list[str]],
    order: list[int],
) -> None:
    runs = folders(tmp_path_factory.mktemp("runs"), stored, states)
    shuffled = [runs[k] for k in order if k < len(runs)]
    evidence = open_evidence(runs)
    assert said(evidence) == said(open_evidence([*shuffled, shuffled[0]]))
    for k, key in enumerate(stored):
        here = {of_run[k] for of_run in states} - {"absent"}
        status = evidence.records.loc[evidence.records["key"] == key, "status"].tolist()
        assert status == ([] if not here else ["failed"] if here == {"failed"} else ["done"])


def folders(root: Path, stored: Stored, states: list[list[str]]) -> list[Run]:
    """A folder for each list of states."""
    runs = [create(root / str(k), "0") for k in range(len(states))]
    for run, of_run in zip(runs, states, strict=True):
        fill(run, stored, of_run)
    return runs


def verdicts(base: Evidence, candidate: Evidence) -> str:
    """What a gate says of them, also where it cannot."""
    try:
        answers = gates.gate(base, candidate, METRICS["uar"], 0.01)
    except InputError as error:
        return str(error)
    values = [(v.answer, v.p, v.reason, v.comparison.score_a, v.comparison.score_b) for v in answers]
    return json.dumps([values, gates.left_out(base, candidate)])


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.lists(st.lists(State, min_size=8, max_size=8), min_size=2, max_size=3),
    order=st.permutations(range(3)),
)
def test_a_gate_answers_the_same_whatever_the_order_of_folders(
    stored: Stored,
    base: Evidence,
    tmp_path_factory: pytest.TempPathFactory,
    states: list[list[str]],
    order: list[int],
) -> None:
    runs = folders(tmp_path_factory.mktemp("runs"), stored, states)
    shuffled = [runs[k] for k in order if k < len(runs)]
    one, two = open_evidence(runs), open_evidence([*shuffled, shuffled[0]])
    assert verdicts(base, one) == verdicts(base, two)
    assert verdicts(one, base) == verdicts(two, base)


def test_a_gate_over_overlapping_folders_is_that_over_the_whole(stored: Stored, base: Evidence, tmp_path: Path) -> None:
    states = [["failed", "done"] * 4, ["done", "failed"] * 4]
    a, b = folders(tmp_path, stored, states)
    answers = {verdicts(base, open_evidence(runs)) for runs in ([a, b], [b, a], [b, a, b])}
    assert answers == {verdicts(base, base)}
    alone = verdicts(base, open_evidence([a]))
    assert alone not in answers  # half of the cells have failed there


def test_a_gate_takes_a_folder_that_was_repaired(stored: Stored, base: Evidence, tmp_path: Path) -> None:
    """A folder in which cells failed and then finished is that in which they finished at once."""
    repaired = create(tmp_path / "repaired", "0")
    fill(repaired, stored, ["failed"] * 8)
    assert "refused" in verdicts(base, open_evidence([repaired]))
    fill(repaired, stored, ["done"] * 8)
    whole = base.runs[0].folder
    assert serbench("gate", whole, repaired.folder) == serbench("gate", whole, whole)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.lists(st.lists(State, min_size=4, max_size=4), min_size=2, max_size=3),
    order=st.permutations(range(3)),
)
def test_tables_of_papers_are_the_same_whatever_the_order_of_folders(
    replayed: Stored, tmp_path_factory: pytest.TempPathFactory, states: list[list[str]], order: list[int]
) -> None:
    runs = folders(tmp_path_factory.mktemp("runs"), replayed, states)
    shuffled = [runs[k] for k in order if k < len(runs)]
    one, two = (
        json.dumps(paper_to_json(build(published("sigwavnet"), replays(open_evidence(each)), set(), set())))
        for each in (runs, [*shuffled, shuffled[0]])
    )
    assert one == two


def _numbers(value: object) -> list[float]:
    """All numbers with a decimal point, in their order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, float) else []


def test_tables_of_papers_over_overlapping_folders_are_those_of_the_whole(replayed: Stored, tmp_path: Path) -> None:
    states = [["failed", "done", "done", "absent"], ["done", "failed", "absent", "done"], ["done"] * 4]
    a, b, whole = (run.folder for run in folders(tmp_path, replayed, states))
    one, *others, alone = (
        serbench("tables", "--paper", "sigwavnet", *order, "--json")[:2]
        for order in ((a, b), (b, a), (b, a, b), (whole,))
    )
    assert others == [one] * 2
    # where the runs come from differs, what they score does not
    assert _numbers(json.loads(one[1])) == _numbers(json.loads(alone[1]))
    ((code, text),) = {serbench("tables", "--paper", "sigwavnet", *order)[:2] for order in ((a, b), (b, a))}
    assert code == 0 and "2 runs" in text and "2 of 2 runs" not in text
    assert "2 of 2 runs of sigwavnet:released" in serbench("tables", "--paper", "sigwavnet", a)[1]  # none is complete


def test_a_finished_cell_wins_in_every_command(stored: Stored, tmp_path: Path) -> None:
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
