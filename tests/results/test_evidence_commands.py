"""`compare`, `gate` and `query` on run folders, and the detectable difference that `plan` prints."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.query import TABLES
from serbench.results.statistics.power import PILOT_LUCK, PILOT_SD, over_both, over_folds
from serbench.tests.support.paired import cells, run_folder
from serbench.tests.support.tiny import serbench, tiny_corpus


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders: two models; the second one broken; the leaky protocol."""
    root = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    about = {"seeds": 2, "folds": 8}
    good = [*cells(rng, "a", skill=0.8, **about), *cells(rng, "b", skill=0.7, **about)]
    run_folder(root / "base", good)
    run_folder(root / "broken", [*cells(rng, "a", skill=0.8, **about), *cells(rng, "b", skill=0.35, **about)])
    run_folder(root / "leaky", cells(rng, "c", crossed=True, protocol="random", leaks=["speaker"]))
    run_folder(root / "small", [*cells(rng, "a", speakers=2, folds=2), *cells(rng, "b", speakers=2, folds=2)])
    table = pd.DataFrame({"id": ["a/0-000"], "corpus": "a", "gender": "female", "label": "angry"})
    from serbench.results.evidence.files import write_json
    from serbench.results.evidence.store import open_run

    open_run(root / "base").add_utterances("a-print-native", table)
    story = {"fitted": {"epoch": 2, "history": [{"epoch": 1.0, "loss": 1.5}, {"epoch": 2.0, "loss": 1.2}]}, "facts": {}}
    (root / "base" / "trainings").mkdir()
    write_json(root / "base" / "trainings" / "a-0-0.json", story)
    return root


def test_compare_prints_and_gives_json(runs):
    code, text, _ = serbench("compare", runs / "base", "a", "b")
    assert (
        code == 0
        and text.startswith("A: a\nB: b\n")
        and "main test: t over speakers and trainings (n = 8 speakers)" in " ".join(text.split())
    )
    code, out, _ = serbench("compare", runs / "base", "a", "b", "--json", "--metric", "WF1")
    (found,) = json.loads(out)
    assert found["metric"] == "weighted_f1" and 0 <= found["main"]["p"] <= 1 and found["n_seeds"] == [2, 2]


def test_compare_gives_csv_and_latex(runs):
    code, out, _ = serbench("compare", runs / "base", "a", "b", "--csv")
    (line,) = list(csv.DictReader(io.StringIO(out)))
    found = json.loads(serbench("compare", runs / "base", "a", "b", "--json")[1])[0]
    assert code == 0 and float(line["p"]) == pytest.approx(found["main"]["p"], rel=1e-5) and line["reason"] == ""
    assert float(line["difference"]) == pytest.approx(found["main"]["mean"], rel=1e-5)
    code, out, _ = serbench("compare", runs / "base", "a", "b", "--latex")
    assert code == 0 and out.count(r"\begin{table}") == out.count(r"\bottomrule") == 1 and "McNemar" in out
    refused = serbench("compare", runs / "base", runs / "leaky", "a", "c", "--csv")[1]
    assert "are not compared" in refused
    assert "refused" in serbench("compare", runs / "base", runs / "leaky", "a", "c", "--latex")[1]


def test_compare_reads_several_runs_as_one_and_refuses_leaking_with_honest(runs):
    said = "32 of them have different predictions: one of these is taken, by their content"
    assert said in serbench("compare", runs / "base", runs / "broken", "a", "b")[2]
    code, text, err = serbench("compare", runs / "base", runs / "leaky", "a", "c")
    assert said not in err
    assert code == 0 and "REFUSED" in text and "are not compared" in " ".join(text.split())
    code, _, err = serbench("compare", runs / "base", "a", "z")
    assert code == 2 and "unknown model 'z'" in err
    assert serbench("compare", runs / "nowhere", "a", "b")[0] == 2


def test_gate_lets_the_same_pass_and_stops_the_worse(runs):
    code, text, _ = serbench("gate", runs / "base", runs / "base")
    assert code == 0 and text.count("not worse") == 2
    code, text, _ = serbench("gate", runs / "base", runs / "broken")
    assert code == 1 and text.count("  worse") >= 1 and max(map(len, text.splitlines())) <= 80
    code, out, _ = serbench("gate", runs / "base", runs / "broken", "--json")
    answers = {line["a"]: line["answer"] for line in json.loads(out)}
    assert code == 1 and answers["b"] == "worse" and answers["a"] != "worse"
    assert serbench("gate", runs / "base", runs / "broken", "--model", "a")[0] == 0
    assert serbench("gate", runs / "broken", runs / "base")[0] == 0  # better is not worse
    assert serbench("gate", runs / "base", runs / "broken", "--margin", "0.6")[0] == 0


def test_a_gate_names_what_it_did_not_compare(runs):
    assert "not compared" not in serbench("gate", runs / "base", runs / "base")[2]
    from serbench.results.evidence.store import open_run
    from serbench.results.questions.gate import left_out

    whole = open_evidence([open_run(runs / "base")])
    lost = whole.only(whole.records.model == "a")
    assert left_out(whole, lost) == ["only in base, not compared: b (speaker-independent, a, clean)"]
    assert left_out(lost, whole) == ["only in candidate, not compared: b (speaker-independent, a, clean)"]
    assert left_out(whole, lost, ["a"]) == []


def test_a_gate_that_cannot_test_does_not_pass(runs):
    code, _, err = serbench("gate", runs / "small", runs / "small")
    assert code == 2 and "no test is possible: 2 test speakers, 3 are needed" in err
    code, _, err = serbench("gate", runs / "base", runs / "leaky")
    assert code == 2 and "share no model" in err
    assert serbench("gate", runs / "base", runs / "base", "--model", "z")[0] == 2
    assert serbench("gate", runs / "base", runs / "base", "--margin", "1.5")[0] == 2


def test_gate_of_files(runs, tmp_path):
    from serbench.results.evidence.store import open_run

    frames = open_evidence([open_run(runs / "base")])
    rows = frames.predictions[frames.predictions.key.isin(frames.records[frames.records.seed == 0].key)]
    rows = rows.rename(columns={"utterance": "id"})[["key", "id", "truth", "guess", "speaker"]]
    model = rows.key.str[0]
    rows = rows.assign(fold=rows["speaker"])
    for name in "ab":
        rows[model == name].drop(columns="key").to_csv(tmp_path / f"{name}.csv", index=False)
    shuffled = rows[model == "a"].drop(columns="key").assign(guess="sad")
    shuffled.to_csv(tmp_path / "bad.csv", index=False)
    assert serbench("gate", tmp_path / "a.csv", tmp_path / "a.csv")[0] == 0
    assert serbench("gate", tmp_path / "a.csv", tmp_path / "bad.csv")[0] == 1
    for name in ("a", "bad"):  # one training for all speakers, and one seed
        pd.read_csv(tmp_path / f"{name}.csv").drop(columns="fold").to_csv(tmp_path / f"{name}.csv", index=False)
    code, _, err = serbench("gate", tmp_path / "a.csv", tmp_path / "bad.csv")
    assert code == 2 and "3 seeds allow a test of the algorithms" in err


def held_out(skill, seed):
    """Predictions on three test sets of two folds that share rows and speakers, as no cross-validation has them."""
    rng = np.random.default_rng(seed)
    at = [(repeat, k) for repeat in range(3) for k in range(40 * repeat, 40 * repeat + 60)]
    truth = [("angry", "happy", "sad")[k % 3] for _, k in at]
    guess = [t if rng.random() < skill else "angry" for t in truth]
    speaker = [f"s{k % 8}" for _, k in at]
    repeat, fold = [r for r, _ in at], [k // 8 % 2 for _, k in at]
    facts = {"id": [k for _, k in at], "repeat": repeat, "fold": fold, "speaker": speaker}
    return pd.DataFrame({**facts, "truth": truth, "guess": guess})


def test_gate_of_files_passes_nothing_that_the_main_test_refuses(tmp_path):
    for name, skill, seed in (("base", 0.6, 0), ("better", 0.9, 1), ("worse", 0.2, 2)):
        held_out(skill, seed).to_csv(tmp_path / f"{name}.csv", index=False)
        held_out(skill, seed).assign(n_train=60).to_csv(tmp_path / f"{name}-sized.csv", index=False)
    for name in ("better", "worse"):
        code, text, err = serbench("gate", tmp_path / "base.csv", tmp_path / f"{name}.csv")
        assert code == 2 and "refused, " in text and "the size of the training sets is unknown" in err
        assert "not worse" not in text
        assert serbench("gate", tmp_path / "base-sized.csv", tmp_path / f"{name}-sized.csv")[0] != 2


def test_a_gate_of_one_training_each_judges_the_trained_models_where_asked(tmp_path):
    for name, skill, seed in (("base", 0.8, 0), ("worse", 0.2, 2)):
        held_out(skill, seed).drop(columns=["repeat", "fold"]).drop_duplicates("id").to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    files = (tmp_path / "base.csv", tmp_path / "worse.csv")
    code, text, err = serbench("gate", *files)
    assert code == 2 and "3 seeds allow a test of the algorithms; --trained judges the trained models" in err
    code, text, err = serbench("gate", *files, "--trained")
    assert code == 1 and "of these trained models, not of the algorithms" in err and "refused, " not in text
    assert serbench("gate", *files[::-1], "--trained")[0] == 0


def test_a_gate_decides_equal_differences_by_their_mean(tmp_path):
    rng = np.random.default_rng(1)
    for name, skill in (("right", 1.0), ("wrong", 0.0)):
        run_folder(tmp_path / name, cells(rng, "a", skill=skill, folds=8))
    code, text, _ = serbench("gate", tmp_path / "wrong", tmp_path / "right")
    assert (
        code == 0
        and "not worse" in text
        and "all 8 speakers differ by the same" in " ".join(text.split())
        and "refused" not in text
    )
    code, text, _ = serbench("gate", tmp_path / "right", tmp_path / "wrong")
    assert code == 1 and "refused" not in text
    assert "not worse" in serbench("gate", tmp_path / "right", tmp_path / "right", "--margin", "0")[1]


def test_a_gate_counts_what_it_refuses(tmp_path):
    rng = np.random.default_rng(2)
    few = [*cells(rng, "b", speakers=2, folds=2), *cells(rng, "c", speakers=2, folds=2)]
    run_folder(tmp_path / "one", [*cells(rng, "a", folds=8), *few[:2]])
    run_folder(tmp_path / "two", [*cells(rng, "a", folds=8), *few])
    code, text, err = serbench("gate", tmp_path / "one", tmp_path / "one")
    assert code == 2 and text.count("not worse") == 1
    assert "gate: no test is possible in 1 of 2 comparisons, b on a: 2 test speakers, 3 are needed" in err
    err = serbench("gate", tmp_path / "two", tmp_path / "two")[2]
    assert "gate: no test is possible in 2 of 3 comparisons, first b on a: 2 test speakers, 3 are needed" in err


def test_query_answers_from_all_tables(runs):
    sql = "SELECT model, count(*) AS n FROM predictions JOIN records USING (key) GROUP BY model ORDER BY model"
    code, out, _ = serbench("query", runs / "base", sql, "--json")
    assert code == 0 and json.loads(out) == [{"model": "a", "n": 480}, {"model": "b", "n": 480}]
    code, _, err = serbench("query", runs / "base")
    assert code == 2 and "give RUN, and after it the statement in quotes" in err
    code, out, _ = serbench("query", runs / "base", runs / "leaky", "SELECT DISTINCT model FROM records", "--csv")
    assert sorted(out.split()) == ["a", "b", "c", "model"]
    joined = "SELECT gender, count(*) n FROM predictions p JOIN utterances u ON u.id = p.utterance GROUP BY gender"
    assert json.loads(serbench("query", runs / "base", joined, "--json")[1]) == [{"gender": "female", "n": 4}]
    curve = "SELECT min(loss) AS loss FROM trainings JOIN records USING (training) WHERE model = 'a'"
    assert json.loads(serbench("query", runs / "base", curve, "--json")[1]) == [{"loss": 1.2}]
    assert "1.2" in serbench("query", runs / "base", curve)[1]
    assert "no rows" in serbench("query", runs / "base", "SELECT key FROM records WHERE seed > 9")[1]
    assert serbench("query", runs / "leaky", "SELECT * FROM trainings")[0] == 0  # a run without curves


@pytest.mark.parametrize(
    "sql",
    [
        "COPY records TO '{file}'", "SELECT * FROM read_csv('{file}')", "DROP TABLE records", "ATTACH '{file}'",
        "SELECT 1; DROP TABLE records", "SET enable_external_access = true", "SELECT nothing FROM records", "",
        "INSTALL httpfs",
    ],
)  # fmt: skip
def test_query_reads_and_nothing_else(runs, tmp_path, sql):
    file = tmp_path / "x.csv"
    code, _, err = serbench("query", runs / "base", sql.format(file=file))
    assert code == 2 and err.startswith("Error: query: ") and err.count("\n") == 1
    assert not file.exists()


def test_help_documents_every_table_and_column(runs):
    help_text = " ".join(serbench("query", "--help")[1].split())
    for table, (what, _) in TABLES.items():
        assert f"{table}: {what}" in help_text
        out = serbench("query", runs / "base", f"SELECT * FROM {table} LIMIT 0", "--csv")[1]
        listed = help_text.partition(f"{table}: {what}")[2].partition(": a line")[0]
        if table != "records":  # of these the help names the main ones
            assert not [c for c in out.strip().split(",") if c not in listed], table
        else:
            columns = out.strip().split(",")
            named = TABLES["records"][1].partition(", error")[0].split(", ")
            assert not [c for c in named if c not in columns]


def test_two_models_are_sent_on_with_a_metric_of_probabilities(runs):
    code, _, err = serbench("compare", runs / "base", "a", "b", "--metric", "AUC")
    assert code == 2 and "--test probabilities --metric auc --base 'b'" in err
    assert serbench("compare", runs / "base", "--test", "probabilities", "--metric", "auc", "--base", "b")[0] == 0
    code, _, err = serbench("compare", runs / "base", "a", "b", "--blocks", "corpus")
    assert code == 2 and "--blocks belong to --test" in err
    _, out, _ = serbench("compare", runs / "base", "--test", "friedman", "--blocks", "corpus")
    assert "1 corpus" in out


def test_another_level_is_that_of_intervals_and_of_what_is_refused(runs):
    def asked(*more):
        return json.loads(serbench("compare", runs / "base", *more, "--json")[1])

    usual, strict = asked("a", "b"), asked("a", "b", "--level", "0.99")
    for one, other in zip(usual, strict, strict=True):
        m, w = one["main"], other["main"]
        ratio = stats.t.ppf(0.995, m["df"]) / stats.t.ppf(0.975, m["df"])
        assert (w["high"] - w["low"]) / (m["high"] - m["low"]) == pytest.approx(ratio)
        assert (one["level"], other["level"], w["p"]) == (0.95, 0.99, m["p"])
    (sure, strict) = (asked("--test", "wilcoxon", "--level", level) for level in ("0.9", "0.999"))
    assert sure["level"] == 0.9 and sure["lines"][0]["p"] is not None
    assert strict["lines"][0]["p"] is None and "no signed-rank test can be below p = " in strict["lines"][0]["reason"]
    assert "A − B [99 %]" in serbench("compare", runs / "base", "a", "b", "--level", "0.99")[1]
    assert "estimate [90 %]" in serbench("compare", runs / "base", "--test", "main", "--level", "0.9")[1]
    code, _, err = serbench("compare", runs / "base", "--test", "groups", "--level", "0.9")
    assert code == 2 and "groups: its intervals are at 95 %; --level 0.9 goes with main, " in err


def test_plan_says_what_difference_could_be_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = tiny_corpus(tmp_path / "corpus")
    asked = ("--protocol", "speaker-independent", "--corpus", f"mine={table}", "--model", "majority")
    code, out, _ = serbench("plan", *asked, "--json")
    (line,) = json.loads(out)["folds"]
    least = line["detectable"]
    assert code == 0 and line["speakers"] == 6 and (least["sd"], least["luck"]) == (PILOT_SD, PILOT_LUCK)
    assert least["difference"] == pytest.approx(PILOT_SD * 1.4347, rel=1e-3)  # every speaker has trainings of their own
    assert least["difference"] == over_both(6, 6, 1, PILOT_SD, PILOT_LUCK).difference
    _, text, _ = serbench("plan", *asked)
    assert "mine -> mine: 16.5 (6 speakers)" in text and "pilot" in text
    rng = np.random.default_rng(1)
    run_folder(tmp_path / "run", [*cells(rng, "a"), *cells(rng, "b")])
    _, out, _ = serbench("plan", *asked, "--out", "run", "--json")
    (line,) = json.loads(out)["folds"]
    assert line["detectable"]["source"] == "models of the run folder" and line["detectable"]["sd"] != PILOT_SD
    random = ("--protocol", "random", "--set", "random.folds=3", *asked[2:])
    assert "none: the deviation of folds' differences" in " ".join(serbench("plan", *random)[1].split())
    _, out, _ = serbench("plan", *random, "--out", "run", "--json")
    (line,) = json.loads(out)["folds"]
    least, share = line["detectable"], 1 / 3 + line["test_rows"] / sum(line["train_rows"])
    assert least["n"] == 3 and least["difference"] == over_folds(3, share, least["sd"]).difference
    assert "(3 folds, Nadeau-Bengio: speakers are in several folds)" in serbench("plan", *random, "--out", "run")[1]
