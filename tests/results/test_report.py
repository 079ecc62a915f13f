import re
import subprocess
import sys
from csv import DictReader
from dataclasses import replace
from io import StringIO
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from serbench.errors import InputError
from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.files import StoreError
from serbench.results.evidence.members import members
from serbench.results.evidence.scores import scores
from serbench.results.evidence.store import create
from serbench.results.papers.claims import published
from serbench.results.papers.comparisons import claim_lines
from serbench.results.papers.verdicts import MEANING, ClaimVerdict, Prediction
from serbench.results.questions.answer_lines import Question
from serbench.results.questions.descriptions import spread_lines
from serbench.results.questions.ladder import ladders
from serbench.results.reports import answer_views, claim_views, pair_views, views
from serbench.results.reports.condition_views import condition_rows
from serbench.results.reports.pictures import pictures
from serbench.results.reports.ranking import order_of_members, without_twins
from serbench.results.reports.report import report
from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.two_models import holm
from serbench.results.text import spread_text
from serbench.tests.support.report_runs import EVIL, cells, complete, plan
from serbench.tests.support.tiny import serbench


def evidence_of(*runs):
    evidence = open_evidence(runs)
    found = scores(evidence.records, evidence.predictions, evidence.plan)
    return evidence, found, members(found, evidence)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return complete(tmp_path_factory.mktemp("report") / "run")


def test_what_is_read_is_what_lies_in_the_folder(run):
    evidence, found, _ = evidence_of(run)
    assert [s.label for s in found] == ["majority", "strong", "weak"] and evidence.notes == ("one <b> note",)
    for k, record in enumerate(evidence.records.itertuples()):
        stored = pd.read_parquet(run.predictions_path(record.key))
        mine = evidence.scored.iloc[evidence.start[k] : evidence.start[k + 1]].reset_index(drop=True)
        assert set(mine["key"]) == {record.key} and (mine["guess"].astype(object) == stored["guess"]).all()
        for one, other in zip(mine["log_probability"], stored["log_probability"], strict=True):
            assert (one is None and other is None) or np.array_equal(one, other)


def test_spread_over_speakers_is_that_of_the_scores(run):
    _, _, known = evidence_of(run)
    for member in known:
        assert member.by_speaker.std(ddof=1) == pytest.approx(member.score.metrics["uar"].sd_speakers)
        assert len(member.speakers) == 6 and len(member.at) == 3 * 72
        assert np.array_equal(
            np.bincount(member.truth * 3 + member.guess, minlength=9).reshape(3, 3), member.score.confusion
        )


def test_tied_groups_join_what_the_paired_test_cannot_tell_apart(run):
    _, found, known = evidence_of(run)
    (section,) = views.sections(found, known)
    letters = {s.label: text for s, text in section.lines}
    assert letters["strong"] == "a" and "a" not in letters["weak"] and section.remark == views.TIED_RULE
    twin, _ = views.tied([known[1], replace(known[1], score=replace(known[1].score, model="twin"))])
    assert set(twin.values()) == {"a"}


def test_tied_groups_are_refused_where_speakers_are_in_training_or_too_few(run, tmp_path):
    leaky = complete(tmp_path / "leaky", protocol="random", leaks=["speaker"])
    _, found, known = evidence_of(leaky)
    (section,) = views.sections(found, known)
    assert section.remark.startswith("No tied groups: speakers are in training") and not section.lines[0][1]
    assert views.tied(evidence_of(run)[2][:1])[1] == "No tied groups: fewer than two models are complete."


def test_pictures_and_the_reason_for_each_that_is_not_there(run, tmp_path):
    leaky = complete(tmp_path / "leaky", protocol="random", leaks=["speaker"])
    noisy = create(tmp_path / "noisy", "0")
    plan(
        noisy, [r for c in ("clean", "white 0 dB") for r in cells(noisy, {"weak": 1.0}, protocol="noise", condition=c)]
    )
    swept = create(tmp_path / "swept", "0")
    plan(swept, [r for a in ("base", "l=1") for r in cells(swept, {"weak": 1.0}, protocol="sweep", arm=a)])
    alone, reasons = pictures(*_turned(evidence_of(run)))
    assert {p.section for p in alone} == {"leaderboard", "speakers", "order", "probabilities"}
    assert set(reasons) == {"ladder", "matrix", "noise", "sweeps", "over-corpora", "training"}
    evidence, found, known = evidence_of(run, leaky, noisy, swept)
    steps = ladders(evidence.records, evidence.predictions, METRICS["uar"])
    all_of_them, reasons = pictures(found, known, evidence, ladders=steps)
    assert {p.section for p in all_of_them} >= {"ladder", "noise", "sweeps"}
    assert set(reasons) == {"matrix", "over-corpora", "training"}
    assert len({p.name for p in all_of_them}) == len(all_of_them)
    nothing, reasons = pictures([], [], evidence_of(create(tmp_path / "empty", "0"))[0])
    assert not nothing and len(reasons) == 10


def test_an_order_names_what_it_leaves_out(run):
    known = evidence_of(run)[2]
    order, where, missing = order_of_members(known)
    shown = {m.score.label: m.score.metrics["uar"].mean for m in known}
    assert (order.models, where, missing) == (tuple(sorted(shown, key=lambda m: -shown[m])), "c", [])
    assert order.scores == pytest.approx(sorted(shown.values(), reverse=True), abs=1e-12)
    late = replace(known[0], score=replace(known[0].score, model="late", n_done=1))
    elsewhere = [replace(m, score=replace(m.score, train="d", test="d")) for m in known[:2]]
    rows = [replace(m, score=replace(m.score, train="e", test="e"), basis=k) for k, m in enumerate(known)]
    again, where, missing = order_of_members([*known, late, *elsewhere, *rows])
    names = [m.score.label for m in known]
    assert (again.models, again.scores, where) == (order.models, order.scores, "c")
    assert missing == [
        "Not in it, incomplete: late on c.",
        f"Not in it, not all corpora have the same models: {names[0]} on d, {names[1]} on d.",
        f"Not in it, tested on other rows: {', '.join(f'{name} on e' for name in names)}.",
    ]
    assert order_of_members([late]) == (None, "", ["Not in it, incomplete: late on c."])


def _turned(three):
    evidence, found, known = three
    return found, known, evidence


def test_what_noise_costs_is_the_paired_difference_over_speakers(tmp_path):
    noisy = create(tmp_path / "noisy", "0")
    levels = {"clean": 2.5, "white 10 dB": 1.0, "white 0 dB": 0.0}
    facts = {"protocol": "noise"}
    made = [r for name, skill in levels.items() for r in cells(noisy, {"m": skill}, condition=name, **facts)]
    plan(noisy, made)
    _, _, known = evidence_of(noisy)
    (row,) = condition_rows(known)
    by = {m.score.condition: m.score.metrics["uar"].mean for m in known}
    drop = 100 * (by["white 0 dB"] - by["clean"])
    assert (row.kind, row.strongest, row.model) == ("white", "0 dB", "m") and row.loss.startswith(f"{drop:+.1f} [")
    uar = [100 * m.score.metrics["uar"].mean for m in known if m.score.condition != "clean"]
    assert row.mean.startswith(f"{np.mean(uar):.1f} [")
    assert condition_rows([m for m in known if m.score.condition != "clean"]) == []


def test_every_form_is_written_and_agrees(run, tmp_path):
    made = report([str(run.folder)], tmp_path / "out")
    assert {p.name for p in made.folder.iterdir()} == {
        "report.html", "report.md", "scores.csv", "speakers.csv", "claims.csv", "answers.csv", "pairs.csv",
        "tables.tex", "tables", "figures",
    }  # fmt: skip
    assert made.notes == ()
    lines = list(DictReader(StringIO((made.folder / "scores.csv").read_text())))
    uar = {line["model"]: f"{100 * float(line['uar_mean']):.1f}" for line in lines}
    for name in ("report.html", "report.md", "tables.tex"):
        text = (made.folder / name).read_text()
        assert all(value in text for value in uar.values()), name
    speakers = pd.read_csv(made.folder / "speakers.csv")
    assert len(speakers) == 18 and speakers["uar"].between(0, 1).all()
    text = (made.folder / "report.md").read_text()
    images = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert images and all((made.folder / image).with_suffix(s).exists() for image in images for s in (".png", ".svg"))
    assert "serbench run --set 'a b'" in text and "strong a, weak b" in text


def test_a_run_still_going_on(tmp_path):
    run = create(tmp_path / "run", "0")
    records = cells(run, {"weak": 0.5, "strong": 2.0})
    plan(run, records)
    done, failed, gone = records[0], records[-1], records[1]
    error = f"Traceback\nValueError: {EVIL}"
    run.append(replace(failed, status="failed", error=error, predictions_sha256=None), None)
    run.record_path(gone.key).unlink()
    made = report([str(run.folder)], tmp_path / "out")
    assert made.notes == ("not complete: 10 of 12 cells are done, 1 failed, 1 pending",)
    text = made.page.read_text()
    assert "<b>Not complete.</b> 10 of 12 cells are done" in text and EVIL not in text
    assert "ValueError: &lt;script&gt;" in text and done.model in text


def test_nothing_done_yet(tmp_path):
    run = create(tmp_path / "run", "0")
    made = report([str(run.folder)], tmp_path / "out")
    text = made.page.read_text()
    assert "0 of 0 cells are done" in text and "No cell is finished yet." in text
    assert "\\begin{table}" not in (made.folder / "tables.tex").read_text()


def test_several_runs_together_count_a_cell_once(run, tmp_path):
    again = complete(tmp_path / "again")
    other = complete(tmp_path / "other", protocol="random", leaks=["speaker"])
    evidence, found, _ = evidence_of(run, again, other)
    assert len(evidence.records) == 36 and len(found) == 6
    assert "18 cells are in several of the runs; each counts once" in evidence.notes
    made = report([str(run.folder), str(other.folder), str(run.folder)], tmp_path / "out")
    text = made.page.read_text()
    assert text.count("serbench run --set") == 2 and "LEAK" in text


def test_damage_and_wrong_folders_are_named(tmp_path):
    run = complete(tmp_path / "run")
    path = next((run.folder / "predictions").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match=path.name):
        report([str(run.folder)], tmp_path / "out")
    with pytest.raises(InputError, match="not a run folder"):
        report([str(tmp_path)], tmp_path / "out")


def test_the_command_says_where_the_page_is(run, tmp_path):
    code, out, err = serbench("report", run.folder, "--out", tmp_path / "out", "--open", "no")
    assert (code, out, err) == (0, f"{tmp_path / 'out' / 'report.html'}\n", "")
    code, _, err = serbench("report", tmp_path / "nowhere", "--open", "no")
    assert code == 2 and "nowhere" in err
    assert serbench("report")[0] == 2


def test_a_report_loads_neither_torch_nor_models():
    code = (
        "import sys, serbench.results.reports.report, serbench.benchmark.commands.report;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'sklearn', 'librosa', 'matplotlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_claims_stand_beside_ours_with_their_verdicts(run, tmp_path, monkeypatch):
    paper = published("mfcc-attention")
    claim = next(c for c in paper.claims if not c.not_comparable)
    (line,) = claim_lines(next(iter(claim.places)), claim, [])
    judged = replace(line, replayed=Prediction(0.5, 0.452, 0.548, 5), verdict=ClaimVerdict("above", f"because {EVIL}"))
    row = claim_views._row(paper.paper.title, judged)
    assert (row.published, row.replayed, row.honest) == (claim.value, "50.0 [45.2, 54.8] (5 runs)", "–")
    assert row.judged and not claim_views._row("", line).judged
    assert claim_views._row("", replace(line, replayed=Prediction(0.5, None, None, 1))).replayed == "50.0 (1 run)"
    made = claim_views.Claims((row,), 3, (("above", MEANING["above"]),))
    monkeypatch.setattr(claim_views, "claims", lambda *_: made)
    written = report([str(run.folder)], tmp_path / "out")
    text = written.page.read_text()
    assert "50.0 [45.2, 54.8] (5 runs)" in text and "3 more published values" in text and EVIL not in text
    assert "50.0 [45.2, 54.8] (5 runs)" in (written.folder / "report.md").read_text()
    (stored,) = DictReader(StringIO((written.folder / "claims.csv").read_text()))
    assert stored["verdict"] == "above" and stored["published"] == claim.value


def test_models_without_claims_say_so_and_those_with_wait_for_runs(run, tmp_path):
    assert claim_views.claims(evidence_of(run)[0]).reason.startswith("No claims: none of these models")
    other = create(tmp_path / "other", "0")
    plan(other, cells(other, {"mfcc-attention": 1.0}))
    found = claim_views.claims(evidence_of(other)[0])
    assert not found.rows and found.n_open > 10 and "wait for complete runs" in found.reason


def test_answers_stand_in_their_sections_and_are_those_of_the_command(run, tmp_path):
    swept = create(tmp_path / "swept", "0")
    facts = {"protocol": "sweep"}
    arms = {"base": 0.5, "noise=1 pitch=0": 0.8, "noise=1 pitch=2": 1.0, "noise=0 pitch=2": 0.7}
    plan(
        swept,
        [
            r
            for arm, s in arms.items()
            for r in cells(swept, {"m": s}, arm=arm, settings={"noise": 0, "pitch": 0}, **facts)
        ],
    )
    leaky = complete(tmp_path / "leaky", protocol="random", leaks=["speaker"])
    noisy = create(tmp_path / "noisy", "0")
    facts = {"protocol": "noise"}
    plan(noisy, [r for c in ("clean", "white 0 dB") for r in cells(noisy, {"m": 1.0, "k": 2.0}, condition=c, **facts)])
    made = report([str(r.folder) for r in (run, swept, leaky, noisy)], tmp_path / "out")
    lines = pd.read_csv(made.folder / "answers.csv")
    assert set(lines["test"]) == {
        "protocol-effect", "main", "trend", "degradation", "interaction", "spread", "probabilities",
    }  # fmt: skip
    _, out, _ = serbench("compare", swept.folder, "--test", "main", "--csv")
    theirs = pd.read_csv(StringIO(out))
    mine = lines[lines["test"] == "main"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine[theirs.columns], theirs, check_dtype=False)
    text, page = ((made.folder / name).read_text() for name in ("report.md", "report.html"))
    assert "### Each arm against its base" in text and "noise=1 pitch=2 − base" in page
    assert list((made.folder / "figures").glob("sweeps_sweep_*_m_*.svg"))  # two factors: a map
    names = {p.name.split("_")[0] for p in (made.folder / "figures").glob("*.png")}
    assert names >= {"ladder", "probabilities", "sweeps", "noise"}


def test_what_takes_long_is_left_to_the_command(run, tmp_path, monkeypatch):
    monkeypatch.setattr(answer_views, "MANY", 100)
    made = report([str(run.folder)], tmp_path / "out")
    text = (made.folder / "report.md").read_text()
    assert "serbench compare RUN --test probabilities" in text and "serbench compare RUN --test groups" in text
    assert "probabilities" not in set(pd.read_csv(made.folder / "answers.csv")["test"])


def test_every_pair_of_models_is_held_against_each_other_as_compare_does(run, tmp_path, monkeypatch):
    three = create(tmp_path / "three", "0")
    plan(three, cells(three, {"majority": 0.0, "strong": 2.0, "weak": 0.5, "middle": 1.0}))
    made = report([str(three.folder)], tmp_path / "out")
    pairs = pd.read_csv(made.folder / "pairs.csv")
    assert {frozenset(pair) for pair in zip(pairs["a"], pairs["b"], strict=True)} == {
        frozenset(pair) for pair in combinations(("middle", "strong", "weak"), 2)
    }
    assert pairs["holm_p"].tolist() == pytest.approx(holm(pairs["p"].tolist()), rel=1e-4)
    for mine in pairs.to_dict("records"):
        _, out, _ = serbench("compare", three.folder, mine["a"], mine["b"], "--csv")
        (theirs,) = pd.read_csv(StringIO(out)).to_dict("records")
        for name in ("score_a", "score_b", "difference", "low", "high", "p", "d_z", "p_plain_t", "p_mcnemar"):
            assert mine[name] == theirs[name]
    page, text, latex = ((made.folder / name).read_text() for name in ("report.html", "report.md", "tables.tex"))
    assert '<section id="pairs">' in page and "Holm of 3" in page and "Holm of 3" in text
    assert r"\label{tab:pairs-speaker-independent-native}" in latex
    monkeypatch.setattr(pair_views, "MOST", 2)
    many = (report([str(three.folder)], tmp_path / "many").folder / "report.md").read_text()
    assert "Not made for 3 models" in many and "--test main" in many
    alone = create(tmp_path / "alone", "0")
    plan(alone, cells(alone, {"majority": 0.0, "weak": 0.5}))
    page = (report([str(alone.folder)], tmp_path / "one").folder / "report.html").read_text()
    assert '<section id="pairs">' not in page and "No pairs: it needs two models" in page


def test_the_spread_is_a_line_per_model(run, tmp_path):
    made = report([str(run.folder)], tmp_path / "out")
    text = (made.folder / "report.md").read_text()
    part = text[text.index("### Where the spread comes from") :].partition("\n## ")[0]
    rows = [line.split(" | ") for line in part.splitlines() if line.startswith("| speaker-independent")]
    assert [row[1] for row in rows] == ["majority", "strong", "weak"]
    lines = pd.read_csv(made.folder / "answers.csv")
    each = lines[lines["test"] == "spread"].set_index("what")["estimate"]
    for row in rows:
        assert row[2].startswith(f"{100 * each[f'{row[1]}: mean']:.1f} [")
        assert row[5] == f"{100 * each[f'{row[1]}: deviation over speakers']:.1f}"
        assert row[6] == f"{100 * each[f'{row[1]}: component of speakers, as a deviation']:.1f}"


def test_what_is_true_of_all_models_lists_none_of_them(run):
    lines = spread_lines(Question(evidence_of(run)[0], METRICS["uar"]))
    one = replace(lines[0].spread, components=replace(lines[0].spread.components, notes=("common", "own")))
    alike = [
        replace(line, spread=replace(one, components=replace(one.components, notes=("common",)))) for line in lines
    ]
    notes = spread_text.notes([replace(alike[0], spread=one), *alike[1:]])
    assert notes == ["common", f"own ({lines[0].result.label} on c)"]


def test_sections_with_nothing_in_them_are_left_out_and_say_why(run, tmp_path):
    page = (report([str(run.folder)], tmp_path / "out").folder / "report.html").read_text()
    assert 'id="training"' not in page and 'href="#training"' not in page
    assert "sections are left out" in page and "No training curves" in page


def test_the_point_of_a_sweep_that_is_its_base_is_ranked_once(tmp_path):
    swept = create(tmp_path / "swept", "0")
    settings = {"l": 1}
    both = [
        r for arm in ("base", "l=1") for r in cells(swept, {"m": 1.0}, arm=arm, settings=settings, protocol="lambda")
    ]
    plan(swept, [*both, *cells(swept, {"m": 2.0}, arm="l=2", settings={"l": 2}, protocol="lambda")])
    evidence, _, known = evidence_of(swept)
    training = dict(zip(evidence.records["key"], evidence.records["training"], strict=True))
    assert len(known) == 3 and training
    twins = evidence.records["training"].str.replace("l=1", "base", regex=False)
    alike = replace(evidence, records=evidence.records.assign(training=twins))
    assert [m.score.label for m in without_twins(known, alike)] == ["m", "m [l=2]"]
