"""Conditions in the report: lines for every kind, panels in their order, and answers that stay the same."""

from pathlib import Path

import pytest

from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.members import members
from serbench.results.evidence.scores import order, scores
from serbench.results.evidence.store import create
from serbench.results.reports import curves
from serbench.results.reports.condition_views import condition_rows
from serbench.results.reports.report import report
from serbench.results.reports.stability_views import stability_rows
from serbench.tests.support.made_scores import score
from serbench.tests.support.report_runs import cells, plan

SKILLS = {
    "clean": 2.5, "room 0.2 s": 2.0, "room 1 s": 0.5, "telephone": 1.0, "gain 20 dB": 2.4, "gain -20 dB": 0.0,
    "white 10 dB": 1.5, "white 0 dB": 0.5,
}  # fmt: skip


def test_every_kind_has_a_line_with_its_own_strongest_level(tmp_path: Path) -> None:
    run = create(tmp_path / "run", "0")
    plan(run, [r for name, skill in SKILLS.items() for r in cells(run, {"m": skill}, condition=name, protocol="p")])
    evidence = open_evidence([run])
    known = members(scores(evidence.records, evidence.predictions, evidence.plan), evidence)
    rows = condition_rows(known)
    lines = [(row.kind, row.strongest) for row in rows]
    assert lines == [
        ("gain", "20 dB"), ("gain", "-20 dB"), ("room", "1 s"), ("telephone", "–"), ("white", "0 dB"),
    ]  # fmt: skip
    by = {m.score.condition: m.by_speaker for m in known}
    for row, name in zip(rows, ("gain 20 dB", "gain -20 dB", "room 1 s", "telephone", "white 0 dB"), strict=True):
        assert row.loss.startswith(f"{100 * (by[name] - by['clean']).mean():+.1f}")
        assert (row.mean == "–") == (row.kind != "white")  # an area is that of an SNR curve alone
    assert stability_rows(evidence) == []  # of perturb alone


@pytest.mark.parametrize("arm", ["base", "train_snr=5..20"])
def test_panels_go_from_mild_to_strong_and_gain_in_two_ways(arm: str) -> None:
    names = [*SKILLS, "shift 10 ms", "header-rate 8000 Hz", "header-rate 22050 Hz"]
    figure = curves.noise(sorted((score(condition=name, arm=arm) for name in names), key=order))
    text = {a.get_title(): [tick.get_text() for tick in a.get_xticklabels()] for a in figure.axes}
    assert text == {
        "gain": ["-20", "clean", "20"],
        "header-rate": ["clean", "22050", "8000"],
        "room": ["clean", "0.2", "1"],
        "white": ["clean", "10", "0"],
        "other conditions": ["clean", "shift 10 ms", "telephone"],
    }
    below = {a.get_title(): a.get_xlabel() for a in figure.axes}
    assert below == {
        "gain": "gain (dB)", "header-rate": "header-rate (Hz)", "room": "room (s)", "white": "SNR (dB)",
        "other conditions": "",
    }  # fmt: skip
    joined = {a.get_title(): a.lines[0].get_linestyle() != "None" for a in figure.axes}
    assert [title for title, line in joined.items() if not line] == ["header-rate", "other conditions"]
    said = " ".join(part.get_text() for part in figure.texts).replace("\n", " ")
    assert ("but for those with train_snr" in said) == (arm != "base")


def test_the_report_tells_which_answers_stay_the_same(tmp_path: Path) -> None:
    run = create(tmp_path / "run", "0")
    names = {"clean": 1.0, "inverted": 1.0, "gain 3 dB": 0.2}
    plan(
        run, [r for name, skill in names.items() for r in cells(run, {"m": skill}, condition=name, protocol="perturb")]
    )
    rows = {row.condition: row for row in stability_rows(open_evidence([run]))}
    assert list(rows) == ["gain 3 dB", "inverted"]
    assert 20 < float(rows["gain 3 dB"].share.split()[0]) < 95 and "[" in rows["gain 3 dB"].share
    made = report([str(run.folder)], tmp_path / "out")
    for name in ("report.html", "report.md"):
        text = (made.folder / name).read_text()
        assert "Answers that stay the same" in text and rows["gain 3 dB"].share in text
