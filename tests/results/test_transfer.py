"""What tables and pictures say of transfer between corpora: coverage, languages, chance, and two maps side by side."""

import json
from csv import DictReader
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
import soundfile

from serbench.results.evidence.corpora import UNKNOWN, Corpora, Coverage, corpora_of
from serbench.results.evidence.plans import PLAN_COLUMNS
from serbench.results.evidence.scores import Score, Value, order
from serbench.results.evidence.store import Run, create
from serbench.results.reports import figures
from serbench.results.reports.matrices import REST, matrix
from serbench.results.reports.style import RC
from serbench.results.text.forms import render
from serbench.results.text.tables import document
from serbench.results.text.transfer import by_map, coverage, languages, shares
from serbench.tests.support.made_scores import score
from serbench.tests.support.records import BASE
from serbench.tests.support.tiny import RATE_HZ, serbench, tiny_corpus

pytestmark = pytest.mark.usefixtures("four_metrics")

SPOKEN = {"emodb": "de", "emovo": "it", "ravdess": "en"}
CORPORA = Corpora(
    SPOKEN,
    (
        Coverage("arousal2", "emodb", 0, 489, 46, {"high": 267, "low": 222}),
        Coverage("basic4", "emodb", 339, 0, 196, {"angry": 127, "happy": 71, "neutral": 79, "sad": 62}),
        Coverage("basic4", "iemocap", 4490, 1041, 4508, {"angry": 1103, "happy": 1636, "neutral": 1708, "sad": 1084}),
        Coverage("native", "emodb", 535, 0, 0, {"angry": 127}),
    ),
)


def terminal(scores, notes=(), width=100, corpora=UNKNOWN):
    return render(document(scores, notes, corpora), None, width)


def markdown(scores, notes=(), corpora=UNKNOWN):
    return render(document(scores, notes, corpora), "markdown")


def csv(scores, corpora=UNKNOWN):
    return render(document(scores, (), corpora), "csv")


def crossed(uar: float, **facts: Any) -> Score:
    defaults: dict[str, Any] = {"protocol": "cross-corpus", "model": "svm", "train": "emodb", "test": "emovo"}
    value = Value(uar, None, uar - 0.05, uar + 0.05)
    return score(**{**defaults, "n_speakers": 6, "chance": 0.25, "metrics": dict.fromkeys(METRICS, value), **facts})


METRICS = ("uar", "wa", "macro_f1", "weighted_f1")
ALL = [("emodb", "emodb"), ("emodb", "emovo"), ("emovo", "emodb"), ("emovo", "emovo")]


def both_maps() -> list[Score]:
    """A matrix of two corpora under two maps, one cell of which is missing under the second."""
    found = [crossed(0.4, train=a, test=b) for a, b in ALL]
    found += [crossed(0.7, train=a, test=b, label_map="arousal2", chance=0.5) for a, b in ALL[:3]]
    return sorted(found, key=order)


SIDES = """\
cross-corpus by label map: UAR, chance, and points above chance / those of a perfect model
                arousal2                                 basic4
                     UAR  chance       above                UAR  chance       above
───────────────────────────────────────────────────────────────────────────────────
emodb
  svm  70.0 [65.0, 75.0]    50.0  +20.0/50.0  40.0 [35.0, 45.0]    25.0  +15.0/75.0
emodb → emovo (de → it)
  svm  70.0 [65.0, 75.0]    50.0  +20.0/50.0  40.0 [35.0, 45.0]    25.0  +15.0/75.0
emovo → emodb (it → de)
  svm  70.0 [65.0, 75.0]    50.0  +20.0/50.0  40.0 [35.0, 45.0]    25.0  +15.0/75.0
"""


def test_two_label_maps_stand_side_by_side() -> None:
    text = terminal(both_maps(), ["a note"], corpora=CORPORA)
    assert text.count("cross-corpus · label map") == 2  # and both blocks
    assert text[text.index("cross-corpus by label map") :] == SIDES + "\n· a note\n"
    marked = markdown(both_maps(), corpora=CORPORA)
    assert "\n### Several label maps side by side\n\n**cross-corpus by label map" in marked
    assert "| emodb → emovo (de → it) |  |  |  |  |  |  |\n| svm | 70.0 [65.0, 75.0] | 50.0 | +20.0/50.0 |" in marked


def test_one_label_map_and_maps_of_other_corpora_are_not_set_side_by_side() -> None:
    assert not by_map([crossed(0.4)], UNKNOWN)
    apart = [crossed(0.4, protocol="random", train="a", test="a"), crossed(0.4, protocol="noise", label_map="native")]
    assert not by_map(sorted(apart, key=order), UNKNOWN)
    mixed = [crossed(0.4, train="a", test="a"), crossed(0.4, train="b", test="b", label_map="native")]
    assert not by_map(sorted(mixed, key=order), UNKNOWN)


def test_what_is_not_done_leaks_or_does_not_fit_is_said() -> None:
    nothing = dict.fromkeys(METRICS, Value())
    part = crossed(0.4, label_map="b", n_done=1, leaks=("speaker",))
    found = [crossed(0.2, label_map="a"), part, crossed(0.3, label_map="c", metrics=nothing, n_done=0)]
    found += [crossed(0.3, label_map="a", model="z"), crossed(0.3, label_map="c", model="z", condition="white 0 dB")]
    (grid,) = by_map(sorted(found, key=order), UNKNOWN)
    assert grid.title.endswith("* not all cells; LEAK, permitted by this protocol: speaker")
    lines = {row[0].strip(): row[1:] for row in grid.rows}
    assert lines["svm"][2] == "-5.0/75.0" and lines["svm"][3].endswith("*") and lines["svm"][6:] == ("–*", "25.0", "–")
    assert lines["z"][3:6] == ("–", "–", "–")
    assert [len(g.header) for g in by_map(sorted(found, key=order), UNKNOWN, 60)] == [7, 4]  # two maps, then the third


COVERED = """\
Utterances that label map basic4 keeps, merges and drops (% of the corpus), and its classes
corpus   language    all         kept       merged      dropped  angry  happy  neutral   sad
────────────────────────────────────────────────────────────────────────────────────────────
emodb    de          535   339 (63.4)            0   196 (36.6)    127     71       79    62
iemocap  –         10039  4490 (44.7)  1041 (10.4)  4508 (44.9)   1103   1636     1708  1084
"""


def test_coverage_is_of_the_corpora_of_the_block_and_its_label_map() -> None:
    block = [crossed(0.4, train="emodb+emovo", test="iemocap")]
    assert COVERED in terminal(block, corpora=CORPORA)
    (grid,) = coverage([crossed(0.4, label_map="arousal2")], CORPORA)
    assert [row[0] for row in grid.rows] == ["emodb"] and grid.header[-2:] == ("high", "low")
    assert not coverage([crossed(0.4, label_map="native")], CORPORA)  # where all is kept there is nothing to say
    assert not coverage([crossed(0.4)], UNKNOWN) and not shares([], UNKNOWN)
    odd = (*CORPORA.coverage[1:2], Coverage("basic4", "tess", 2, 0, 1, {"angry": 2}))
    (grid,) = shares(odd, UNKNOWN)
    assert grid.rows[1] == ("tess", "–", "3", "2 (66.7)", "0", "1 (33.3)", "2", "–", "–", "–")


def test_languages_of_train_and_test_are_columns() -> None:
    found = sorted([crossed(0.4), crossed(0.4, train="emovo"), crossed(0.4, train="a+emodb")], key=order)
    text = markdown(found, corpora=CORPORA)
    assert "| model | train → test | language | condition |" in text
    assert "| svm | emodb → emovo | de → it | clean |" in text and "| svm | emovo | it | clean |" in text
    assert "| svm | a+emodb → emovo | – → it | clean |" in text  # of a nothing is known
    lines = list(DictReader(StringIO(csv(found, CORPORA))))
    assert [row["train_language"] for row in lines] == ["", "de", "it"]
    assert {row["test_language"] for row in lines} == {"it"}
    assert "language" not in markdown(found) and "\nemodb → emovo: " in terminal(found)
    assert "language" not in markdown([crossed(0.4, train="emovo")], corpora=CORPORA)  # one corpus has one language
    assert languages(crossed(0.4, train="emodb+ravdess"), CORPORA) == "de+en → it"


def folder(path: Path, plans: list[list[dict[str, Any]]], tables: dict[str, pd.DataFrame]) -> Run:
    run = create(path, "1")
    for k, lines in enumerate(plans):
        cells = pd.DataFrame([{**{name: getattr(BASE, name) for name in PLAN_COLUMNS if hasattr(BASE, name)}}])
        run.add_plan(cells.assign(key=f"{k:032d}", settings="0"), {"coverage": lines})
    for name, table in tables.items():
        run.add_utterances(name, table)
    return run


def line(label_map: str, emotion: str, n: int, fate: str, label: str | None) -> dict[str, Any]:
    return {"label_map": label_map, "corpus": "c", "emotion": emotion, "n": n, "fate": fate, "label": label}


def test_facts_of_corpora_come_from_what_runs_stored(tmp_path: Path) -> None:
    one = [
        line("m", "sad", 3, "kept", "sad"),
        line("m", "blue", 2, "merged", "sad"),
        line("m", "x", 1, "dropped", None),
    ]
    two = [line("l", "sad", 3, "kept", "sad"), line("l", "fear", 0, "kept", "fear")]
    old = [{"corpus": "c", "emotion": "sad", "n": 3, "fate": "kept", "label": "sad"}]  # from before maps were named
    spoken = pd.DataFrame({"id": ["1", "2", "3"], "corpus": ["c", "d", "d"], "language": ["de", "it", "en"]})
    tables = {"a": spoken, "b": spoken.assign(corpus="e", language=None), "c": spoken.drop(columns="language")}
    run = folder(tmp_path / "run", [one, two, old], tables)
    found = corpora_of([run, folder(tmp_path / "again", [one], {})])
    assert found.languages == {"c": "de", "d": "en+it"}
    assert found.coverage == (
        Coverage("l", "c", 3, 0, 0, {"fear": 0, "sad": 3}),
        Coverage("m", "c", 3, 2, 1, {"sad": 5}),
    )
    assert (found.coverage[1].n, found.language("c+e"), found.language("e")) == (6, "", "")
    assert corpora_of([]) == UNKNOWN


def test_shade_is_room_above_chance_whatever_the_classes() -> None:
    four = [crossed(0.625, train="emodb", test="emodb"), crossed(0.2), crossed(0.25, train="emovo", test="emodb")]
    two = [replace(s, chance=0.5, metrics={"uar": Value(u)}) for s, u in zip(four, (0.75, 0.4, 0.5), strict=True)]
    shades = []
    with matplotlib.rc_context(RC):
        for found in (four, two):
            (mesh,) = matrix(found, CORPORA).axes[0].collections
            shades.append(mesh.get_array().filled(-1).ravel().tolist())
    assert shades[0] == shades[1] == [0.5, 0, 0, -1]


def test_corpora_left_out_share_a_row_and_ticks_name_the_language() -> None:
    left = [crossed(0.4, train=a, test=b) for a, b in (("emodb+emovo", "ravdess"), ("emodb+ravdess", "emovo"))]
    with matplotlib.rc_context(RC):
        whole = matrix([*left, crossed(0.4, train="emovo+ravdess", test="emodb")], CORPORA).axes[0]
        square = matrix([left[0], crossed(0.4, train="emodb")], CORPORA).axes[0]
    assert [t.get_text() for t in whole.get_yticklabels()] == [REST]
    assert [t.get_text() for t in whole.get_xticklabels()] == ["emodb\n(de)", "emovo\n(it)", "ravdess\n(en)"]
    assert [t.get_text() for t in square.get_yticklabels()] == ["emodb\n(de)", "emodb+emovo\n(de+it)"]


def test_a_run_under_two_maps_shows_both_and_draws_its_matrices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "draw", lambda *given: [])  # confusion matrices have tests of their own
    classes = ("angry", "calm", "happy", "neutral", "sad")
    given: list[str] = []
    for name, gain in (("one", 1.0), ("two", 0.5)):
        table = tiny_corpus(tmp_path / name, speakers=3, classes=classes)
        pd.read_csv(table).assign(language=name[:2]).to_csv(table, index=False)
        for path in table.parent.glob("*.wav"):  # other audio
            soundfile.write(path, gain * soundfile.read(path)[0], RATE_HZ)
        given += ["--corpus", f"{name}={table}"]
    out = tmp_path / "run"
    ask = ("--protocol", "cross-corpus", "--model", "functionals-svm", *given, "--set", "label_map=basic4,arousal2")
    plans = json.loads(serbench("plan", *ask, "--json")[1])
    code, text, err = serbench("run", *ask, "--out", out)
    assert code == 0, err
    assert len(list((out / "records").iterdir())) == sum(plan["cells"] for plan in plans)
    code, _, err = serbench("run", *ask[:-1], "label_map=basic4,basic4")
    assert code == 2 and "basic4: given twice" in err
    code, _, err = serbench("run", *ask[:-1], "label_map=basic4,")
    assert code == 2 and "with a comma between two" in err
    lines = [" ".join(row.split()) for row in text.splitlines()]
    assert "one on 60 48 (80.0) 0 12 (20.0) 12 12 12 12" in lines  # basic4: calm is dropped
    assert "one on 60 0 60 (100.0) 0 24 36" in lines  # arousal2: all have a side
    assert "one → two (on → tw)" in lines and "cross-corpus by label map" in text
    assert text.startswith(serbench("show", out)[1][:200])
    assert (out / "tables" / "table.md").read_text() == serbench("show", out, "--markdown")[1]
    drawn = sorted(p.name for p in (out / "figures").glob("matrix*.png"))
    assert [name.split("_")[1:4] for name in drawn] == [
        ["cross-corpus", "arousal2", "functionals-svm"],
        ["cross-corpus", "basic4", "functionals-svm"],
    ]
