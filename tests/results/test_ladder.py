from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from serbench.results.evidence.pools import ByCell
from serbench.results.evidence.scores import scores
from serbench.results.evidence.siblings import by_sibling
from serbench.results.questions.ladder import NAME, ladders
from serbench.results.statistics.metrics import METRICS
from serbench.results.text import ladder_table
from serbench.results.text.forms import render
from serbench.tests.support.paired import CLASSES, cells, frames, run_folder
from serbench.tests.support.tiny import serbench
from serbench.tests.support.two_way import pooled_uar, two_way

UAR = METRICS["uar"]
STEPS = ("rows", "random", "speakers", "corpus")
LEAKS = {"rows": ["copy", "speaker"], "random": ["speaker"], "speakers": [], "corpus": []}
SKILL = {"rows": 0.95, "random": 0.8, "speakers": 0.6, "corpus": 0.4}


def ladder_cells(rng, copies=2, seeds=3, **about):
    """The same utterances under four arms; the first also scores ``copies`` of each."""
    made = []
    for step in STEPS:
        facts = {"protocol": "leak-ladder", "arm": step, "leaks": LEAKS[step], "skill": SKILL[step], **about}
        if step == "corpus":
            facts |= {"train": "b", "data": {"a": "print", "b": "other"}}
        for record, predictions in cells(rng, "m", seeds=seeds, crossed=step != "speakers", **facts):
            if step == "rows":
                more = [predictions.assign(row=predictions["utterance"] + f"#{k}") for k in range(1, copies + 1)]
                predictions = pd.concat([predictions, *more], ignore_index=True)
            made.append((record, predictions))
    return made


def rows_of(records, predictions, keep=None, **facts):
    """Rows of the records with these facts, of the utterances to keep."""
    for name, value in facts.items():
        records = records[records[name] == value]
    rows = ByCell(predictions).rows(records.reset_index(drop=True))
    return rows if keep is None else rows[rows["row"].str.partition("#")[0].isin(keep)]


def check(test, score, other, one, two):
    """The difference is that of the scores, and its p that of the definition."""
    estimate, error, df = two_way([(1, one), (-1, two)])
    assert test.mean == pytest.approx(score - other, abs=1e-12) == pytest.approx(estimate, abs=1e-12)
    assert test.p == pytest.approx(2 * stats.t.sf(abs(estimate) / error, df), rel=1e-3)
    half = stats.t.ppf(0.975, df) * error
    assert (test.low, test.high) == pytest.approx((estimate - half, estimate + half), rel=1e-3)


def test_steps_are_held_against_the_one_before_by_utterance_and_speaker():
    records, predictions = frames(ladder_cells(np.random.default_rng(0)))
    (found,) = ladders(records, predictions, UAR, order=STEPS)
    assert [s.name for s in found.steps] == list(STEPS) and found.consecutive and found.chance == 1 / 3
    assert (found.model, found.test, found.protocols) == ("m", "a", ("leak-ladder",))
    assert found.steps[0].drop is None and [s.train for s in found.steps] == ["a", "a", "a", "b"]
    for before, step in zip(STEPS, found.steps[1:], strict=False):
        one, two = (rows_of(records, predictions, arm=arm) for arm in (step.name, before))
        check(step.drop.test, step.drop.score, step.drop.other, one, two)
        shown = {s.name: s.score for s in found.steps}
        assert (step.drop.score, step.drop.other) == pytest.approx((shown[step.name], shown[before]), abs=1e-12)
        assert step.drop.against == before and step.drop.test.name == NAME and step.drop.n_utterances == 240
        assert step.drop.left_out == 0 and step.drop.test.mean < 0 and step.n == 240
    shown = {s.arm: s.metrics["uar"] for s in scores(records, predictions)}
    for step in found.steps:  # the numbers and intervals of the tables
        assert step.score == pytest.approx(shown[step.name].mean)
        assert (step.interval.low, step.interval.high) == pytest.approx((shown[step.name].low, shown[step.name].high))


def test_utterances_that_one_step_lacks_are_left_out_and_counted():
    records, predictions = frames(ladder_cells(np.random.default_rng(1)))
    speakers = set(records.loc[records.arm == "speakers", "key"])
    lost = predictions[~(predictions["key"].isin(speakers) & predictions["utterance"].str.endswith("-000"))]
    (found,) = ladders(records, lost, UAR, order=STEPS)
    step = found.steps[2]
    assert (step.drop.n_utterances, step.drop.left_out) == (232, 8)
    keep = set(predictions["utterance"][~predictions["utterance"].str.endswith("-000")])
    one, two = (rows_of(records, lost, keep, arm=arm) for arm in ("speakers", "random"))
    check(step.drop.test, step.drop.score, step.drop.other, one, two)
    assert step.drop.other == pytest.approx(pooled_uar(two), abs=1e-12)


def test_arms_with_a_base_are_held_against_it():
    rng = np.random.default_rng(2)
    made = [
        *cells(rng, "m", protocol="oracle-epoch"),
        *cells(rng, "m", protocol="oracle-epoch", arm="last"),
        *cells(rng, "m", protocol="oracle-epoch", arm="best on test", leaks=["selection"], skill=0.9),
    ]
    (found,) = ladders(*frames(made), UAR)
    assert not found.consecutive and found.steps[0].name == "base"
    assert [s.drop.against for s in found.steps[1:]] == ["base", "base"]


def test_arms_that_leak_alike_are_no_ladder():
    rng = np.random.default_rng(3)
    assert ladders(*frames([*cells(rng, "m"), *cells(rng, "m", arm="x")]), UAR) == []


def test_protocols_are_a_ladder_where_one_leaks_and_one_does_not():
    rng = np.random.default_rng(4)
    made = [
        *cells(rng, "a", skill=0.5, seeds=3),
        *cells(rng, "a", skill=0.9, seeds=3, crossed=True, protocol="random", leaks=["speaker"]),
        *cells(rng, "b"),
    ]
    records, predictions = frames(made)
    (found,) = ladders(records, predictions, UAR)
    assert [s.name for s in found.steps] == ["random", "speaker-independent"] and found.model == "a"
    one, two = (rows_of(records, predictions, model="a", protocol=p) for p in ("speaker-independent", "random"))
    check(found.steps[1].drop.test, found.steps[1].score, found.steps[0].score, one, two)
    other = [*cells(rng, "a"), *cells(rng, "a", crossed=True, protocol="random", leaks=["speaker"], data={"a": "x"})]
    (refused,) = ladders(*frames(other), UAR)
    assert refused.steps[1].drop.test.reason == "different data or classes" and refused.steps[1].drop.test.p is None
    settings = [(replace(r, settings={"c": 2}), p) for r, p in made[:12]]
    (refused,) = ladders(*frames([*settings, *made[12:24]]), UAR)
    assert "different settings" in refused.steps[1].drop.test.reason


def test_rows_with_and_without_a_sibling_in_training():
    records, predictions = frames(ladder_cells(np.random.default_rng(5)))
    rng = np.random.default_rng(6)
    names = sorted(predictions["utterance"].unique())
    having = set(rng.choice(names, 150, replace=False))
    facts = records.loc[records.arm == "rows", ["key", "fold_hash"]]
    rows = predictions.merge(facts, on="key")
    siblings = rows.assign(siblings=rows["utterance"].isin(having).astype(int))[["fold_hash", "row", "siblings"]]
    (found,) = ladders(records, predictions, UAR, siblings, STEPS)
    first, second = found.steps[:2]
    part = first.siblings
    assert part.having.n == 150 * 3 and part.lacking.n == 90 * 3 and part.having.n_speakers == 8
    one, two = (rows_of(records, predictions, keep, arm="rows") for keep in (having, set(names) - having))
    check(part.difference, part.having.score, part.lacking.score, one, two)
    assert part.having.score == pytest.approx(pooled_uar(one))
    single = records[records.seed == 0].reset_index(drop=True)
    (found_once,) = ladders(single, predictions, UAR, siblings, STEPS)
    once = found_once.steps[0].siblings.difference
    assert once.p is None and once.mean is not None and "3 seeds allow a test of the algorithms" in once.reason
    again = found_once.steps[1].drop.test
    assert again.p is None and again.low is None and again.reason == once.reason
    # the row #0 of the second step has the same folds here, so that it has siblings too; the third has none
    assert second.siblings.having.n == 150 and found.steps[2].siblings is None


def test_without_siblings_there_is_no_split():
    rng = np.random.default_rng(7)
    records, predictions = frames(cells(rng, "m"))
    rows = ByCell(predictions).rows(records)
    nothing = pd.DataFrame(columns=["fold_hash", "row", "siblings"])
    assert by_sibling(rows, nothing, CLASSES, UAR) is None
    every = rows[["fold_hash", "row"]].assign(siblings=1)
    found = by_sibling(rows, every, CLASSES, UAR)
    assert found.lacking.n == 0 and found.lacking.score is None and found.difference.reason is not None


def test_unknown_speakers_and_single_speakers_are_refused_with_the_reason():
    records, predictions = frames(ladder_cells(np.random.default_rng(8)))
    (found,) = ladders(records, predictions.assign(speaker=None), UAR, order=STEPS)
    assert found.steps[1].drop.test.reason == "the speaker of some rows is unknown"
    assert "is unknown" in found.steps[0].interval.reason and found.steps[0].score is not None
    records, predictions = frames(ladder_cells(np.random.default_rng(9), speakers=2, folds=2))
    (found,) = ladders(records, predictions, UAR, order=STEPS)
    assert found.steps[1].drop.test.p is None
    assert found.steps[1].drop.test.reason == "2 test speakers, 3 are needed"


def test_the_table_below_the_scores_has_a_line_per_step(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    made = ladder_cells(np.random.default_rng(10))
    run = run_folder(tmp_path / "run", made)
    rows = made[0][1]["row"]
    run.add_siblings(
        made[0][0].fold_hash, pd.DataFrame({"row": rows, "siblings": [1 - k % 2 for k in range(len(rows))]})
    )
    code, out, _ = serbench("show", run.folder)
    records, predictions = frames(made)
    (one,) = ladder_table.found(records, predictions, records[:0], run.siblings())
    text = render(ladder_table.document([one]))
    assert code == 0 and out.endswith(text) and "none, in speakers; corpus" in text
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert lines["rows"].split("]")[1].split()[0] == "–" and "[" in lines["random"].split("]")[1]
    d = one.steps[3].drop.test
    assert f"{100 * d.mean:+.1f} [{100 * d.low:+.1f}, {100 * d.high:+.1f}]" in lines["corpus (trained on b)"]
    half = one.steps[0].siblings
    assert (
        f"{100 * half.having.score:.1f} ({half.having.n})" in lines["rows"]
        and half.having.n == len(rows) // 2 + len(rows) % 2
    )
    assert (
        "| speakers |" in render(ladder_table.document([one]), "markdown") and render(ladder_table.document([])) == ""
    )
    _, again, _ = serbench("show", run.folder, run.folder)
    assert again == out  # several runs are read as one
    _, latex, _ = serbench("show", run.folder, "--latex")
    assert latex.count(r"\toprule") == len({tuple(v) for v in LEAKS.values()})
