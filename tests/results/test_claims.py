"""Claims: complete, unique, sourced, and about models and classes that exist."""

import dataclasses
import re
from importlib.resources import files

import numpy as np
import pytest

from serbench.baselines.registry import cards, choose
from serbench.benchmark.corpora.registry import find
from serbench.errors import InputError
from serbench.protocols.parts import catalog, labels
from serbench.results.papers import claims
from serbench.results.papers.claims import STATUSES, check_unique, names, published
from serbench.results.papers.publication import Matrix
from serbench.results.statistics.metrics import METRICS, PER_CLASS

PAPERS = ("sigwavnet", "mfcc-attention", "cnn-n-gru", "wavfusion")
ALL = [claim for name in PAPERS for claim in published(name).claims]
MATRICES = [matrix for name in PAPERS for matrix in published(name).matrices]


def test_the_four_systems_are_there() -> None:
    assert names() == PAPERS
    assert {name: len(published(name).claims) for name in PAPERS} == {
        "sigwavnet": 73, "mfcc-attention": 26, "cnn-n-gru": 6, "wavfusion": 34,
    }  # fmt: skip
    assert len(MATRICES) == 12
    assert sum(m.counts.size for m in MATRICES) == 537


def test_an_unknown_paper_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'sigwavnet'"):
        published("sigwavenet")


def test_every_task_names_protocols_that_are_here() -> None:
    here = catalog.protocols()
    for name in PAPERS:
        tasks = published(name).paper.tasks.values()
        assert any(task.protocols for task in tasks)
        for task in tasks:
            for protocol in (*task.protocols, *([task.honest] if task.honest else [])):
                assert protocol in here, (name, task.title, protocol)
            arms = [a.name for p in task.protocols if callable(here[p].arms) for a in here[p].arms(here[p].options)]
            assert {*task.readings} <= {*arms}
            leaky = [p for p in task.protocols if p.startswith("published-")]
            assert leaky or not task.protocols


@pytest.mark.parametrize("name", PAPERS)
def test_every_claim_can_be_read(name: str) -> None:
    for claim in published(name).claims:
        assert 0 < claim.number <= 1
        assert re.fullmatch(r"\d+(\.\d{1,4})?", claim.value), claim.value
        assert claim.source.status in STATUSES
        assert claim.source.cite
        if not claim.not_comparable:
            assert claim.metric in (PER_CLASS if claim.label else METRICS)
            assert claim.models


def test_values_keep_their_digits() -> None:
    values = {(c.paper, c.task.title, c.metric, *c.places): (c.value, c.digits) for c in ALL}
    assert values["cnn-n-gru", "TESS", "weighted_f1", "headline"] == ("99.0", 1)
    assert values["wavfusion", "MELD", "weighted_f1", "headline"] == ("66.10", 2)
    assert {c.rounding for c in ALL if c.value == "99.0"} == {0.0005}


def test_a_value_of_several_tables_is_one_claim() -> None:
    (full,) = [c for c in published("wavfusion").claims if c.metric == "weighted_f1" and c.value == "70.60"]
    assert full.places == {
        "headline": "", "modality": "A+T+V", "visual": "with", "lambda": "λ = 1", "layers": "9 / 3",
    }  # fmt: skip
    sweep = [c.places["lambda"] for c in published("wavfusion").table("lambda")]
    assert sweep == ["λ = 0", "λ = 0.01", "λ = 0.1", "λ = 1", "λ = 10"]


def test_what_is_there_twice_is_refused() -> None:
    one = published("cnn-n-gru").claims[0]
    with pytest.raises(InputError, match=r"TESS wa  99.2 is there twice"):
        check_unique((one, one))
    with pytest.raises(InputError, match="twice"):  # the same number under another name
        check_unique((one, dataclasses.replace(one, places={"headline": "again"})))
    check_unique((one, dataclasses.replace(one, label="sad", metric="recall")))


@pytest.mark.parametrize("name", PAPERS)
def test_models_and_settings_exist(name: str) -> None:
    about = [*published(name).claims, *published(name).matrices]
    specs = {spec for x in about if not x.not_comparable for spec in (*x.models, *x.ours)}
    assert specs
    for spec in specs:
        if spec.partition(":")[0].partition("+")[0] in cards():
            assert choose(spec).spec == spec
    for claim in published(name).claims:
        for setting in claim.settings:
            if not claim.not_comparable and claim.ours[0] in cards():
                assert hasattr(choose(claim.ours[0]).settings, setting), setting


@pytest.mark.parametrize("name", PAPERS)
def test_tasks_are_what_the_label_maps_make(name: str) -> None:
    for task in published(name).paper.tasks.values():
        if not task.protocols:
            continue
        fates = labels.load(task.label_map).of(find(task.corpus).facts.labels)
        counts = find(task.corpus).facts.counts["emotion"]
        assert {fates[name] for name in counts} - {None} == set(task.classes)
        assert sum(n for name, n in counts.items() if fates[name]) == task.utterances


def test_the_ablation_is_that_of_the_model() -> None:
    """The model's variants name the published line that they are."""
    if "sigwavnet" not in cards():
        pytest.skip("no sigwavnet")
    card = cards()["sigwavnet"]
    for claim in published("sigwavnet").table("ablation"):
        variant = claim.models[0].partition("+")[2]
        if variant:
            assert claim.places["ablation"].replace("−", "-") in card.variants[variant].summary


@pytest.mark.parametrize("matrix", MATRICES, ids=lambda m: f"{m.paper} {m.title}")
def test_matrices_are_of_their_task(matrix: Matrix) -> None:
    assert matrix.counts.shape == (len(matrix.classes),) * 2
    assert (matrix.counts.sum(1) > 0).all()
    assert set(matrix.classes) == set(matrix.task.classes)


def test_percentages_are_not_taken_for_counts() -> None:
    paper = published("cnn-n-gru").paper
    values = {"task": "iemocap", "source": "iemocap-figure", "classes": ["angry", "happy", "neutral", "sad"]}
    rows = [[77, 0, 0, 23], [35, 60, 0, 5], [0, 12, 88, 0], [0, 0, 0, 100]]
    counts = [[85, 0, 0, 25], [57, 98, 0, 9], [0, 21, 150, 0], [0, 0, 0, 108]]
    for fault, change in (
        ("its rows are percentages", {"counts": rows, "printed": "counts"}),
        ("its rows are percentages", {"counts": [[float(x) for x in row] for row in counts], "printed": "counts"}),
        ("553 counts; 'row percentages; counts that give them, 554 in all'",
         {"counts": counts, "printed": "row percentages; counts that give them, 554 in all"}),
        ("printed as 'row percentages'", {"counts": counts, "printed": "row percentages"}),
    ):  # fmt: skip
        with pytest.raises(InputError, match=re.escape(fault)):
            claims._matrix(paper, values | change)
    printed = {m.source.cite.partition(" of ")[0].rpartition("/")[2]: m.printed for m in MATRICES}
    for figure in ("iemocap_cfm.png", "emodb_cfm.png", "iemocap_cnn18gru_confusion_matrix_1.png", "ravdess_cfm.png"):
        assert printed[figure].startswith("row percentages; counts "), figure


def test_numbers_stand_in_the_source_that_is_cited() -> None:
    """A text that was read lists its numbers; the loader refuses others. The ablation figure has all of its table."""
    known = published("sigwavnet")
    assert {c.source.cite.partition(" of ")[0] for c in known.table("ablation")} == {"figures/ablation_study.png"}
    assert {c.value for c in known.table("class")} == set(known.paper.sources["readme"].numbers)
    line = dict.fromkeys(claims.COLUMNS, "") | {"tables": "headline", "task": "emodb", "metric": "accuracy"}
    with pytest.raises(InputError, match=r"90\.1 does not stand in README of the authors' code, commit 507ee12"):
        claims._claim(known.paper, line | {"value": "90.1", "source": "readme"}, "here")
    gains = [c for c in published("wavfusion").table("gains") if c.value in ("0.84", "0.43")]
    assert len(gains) == 2 and all("summary" in c.source.cite and c.source.status != "authors" for c in gains)


def test_recipes_of_the_authors_and_ours_are_told_apart() -> None:
    """No verdict rests on the default profile, which is ours."""
    for name in PAPERS:
        paper = published(name).paper
        assert paper.models and paper.ours and not {*paper.models} & {*paper.ours}
        theirs = {model for task in paper.tasks.values() for model in (task.models or paper.models)}
        assert not theirs & {*paper.ours}
        for model in (*theirs, *paper.ours):
            if model.partition(":")[0] in cards():
                assert choose(model).profile != "clean" or model in paper.ours, model
        assert all(model in paper.ours for model in {model.partition(":")[0] for model in theirs}), name


SUPPORTS = {
    ("mfcc-attention", "EMO-DB, augmented"): [96, 55, 66, 33, 62, 72, 44],
    ("mfcc-attention", "EMOVO, augmented"): [64, 69, 60, 79, 60, 69, 70],
    ("mfcc-attention", "EMOVO, zero crossings"): [42, 47, 47, 56, 48, 57, 56],
    ("cnn-n-gru", "RAVDESS"): [52, 52, 51, 49, 78, 54, 53, 52],
    ("sigwavnet", "EMO-DB"): [39, 21, 24, 15, 24, 21, 18],
    ("sigwavnet", "IEMOCAP"): [110, 164, 171, 108],
}


def test_supports_are_the_published_ones() -> None:
    found = {(m.paper, m.title): m.counts.sum(1).tolist() for m in MATRICES}
    assert {key: found[key] for key in SUPPORTS} == SUPPORTS


def test_what_the_figures_give() -> None:
    """Accuracy, UAR, macro-F1 and weighted F1 in percent, computed once by hand from the published figures."""
    four = ("wa", "uar", "macro_f1", "weighted_f1")
    found = {(m.paper, m.title): [round(100 * float(METRICS[k].of(m.counts)), 2) for k in four] for m in MATRICES}
    assert found["sigwavnet", "IEMOCAP"] == [84.81, 85.30, 84.02, 85.06]
    assert found["sigwavnet", "EMO-DB"] == [90.12, 90.07, 89.16, 90.34]
    assert found["cnn-n-gru", "TESS"] == [98.90, 98.84, 98.80, 98.90]
    assert found["cnn-n-gru", "IEMOCAP"] == [79.75, 81.19, 79.14, 79.73]
    assert found["cnn-n-gru", "RAVDESS"] == [86.62, 86.46, 86.64, 86.70]
    assert found["mfcc-attention", "EMOVO, augmented"] == [96.39, 96.58, 96.52, 96.37]


def test_withdrawn_is_said_of_every_number_of_its_authors() -> None:
    known = published("mfcc-attention")
    assert known.paper.status == "withdrawn preprint" and known.paper.withdrawn
    own = [c for c in known.claims if "others" not in c.places]
    assert {c.source.status for c in own} == {"withdrawn preprint"}
    assert {m.source.status for m in known.matrices} == {"withdrawn preprint"}


def test_derived_numbers_are_no_claims() -> None:
    derived = [d for name in PAPERS for d in published(name).derived]
    assert len(derived) == 21 and all(d.how for d in derived)
    assert not {(c.paper, c.task.title, c.value) for c in ALL} & {
        (d.paper, d.task.title, d.value) for d in derived if d.quantity == "accuracy"
    }


def test_the_bounds_follow_from_stored_accuracy_and_identical_rows() -> None:
    """All identical rows right: (accuracy - share) / (1 - share)."""
    known = published("mfcc-attention")
    share = {(d.task.title, d.setting): float(d.value) for d in known.derived if "identical to" in d.quantity}
    bounds = [d for d in known.derived if d.quantity.startswith("accuracy")]
    assert len(bounds) == 4
    for bound in bounds:
        stored = next(
            c for c in known.table("stored")
            if c.task.title == bound.task.title and c.places["stored"] == f"{bound.setting}, last epoch"
        )  # fmt: skip
        s = share[bound.task.title, bound.setting]
        assert (float(stored.value) - s) / (100 - s) * 100 == pytest.approx(float(bound.value), abs=0.06)


def test_files_hold_no_words_of_judgement() -> None:
    words = re.compile(r"\b(fake|fraud|cheat\w*|dishonest|ridiculous|sloppy|flawed|suspicious|bogus|wrong\w*)\b", re.I)
    for path in (files("serbench.results") / "published").iterdir():
        assert not words.search(path.read_text("utf-8")), path.name


def test_faults_in_the_data_are_named() -> None:
    paper = published("cnn-n-gru").paper
    line = dict.fromkeys(claims.COLUMNS, "") | {
        "tables": "headline", "task": "tess", "metric": "accuracy", "value": "1", "source": "readme",
    }  # fmt: skip
    for change, message in (
        ({"task": "tes"}, "unknown task 'tes'"),
        ({"source": "x"}, "unknown source 'x'"),
        ({"tables": "x"}, "unknown table 'x'"),
        ({"class": "joy"}, "class 'joy' is not among"),
        ({"class": "sad"}, "unknown metric of a class 'accuracy'"),
        ({"metric": "acuracy"}, "unknown metric 'acuracy'"),
    ):
        with pytest.raises(InputError, match=message):
            claims._claim(paper, line | change, "here")
    assert np.isclose(claims._claim(paper, line, "here").number, 0.01)
