"""What did not learn its own training rows is named in every table, and no verdict rests on it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serbench.results.evidence.evidence import open_evidence
from serbench.results.evidence.old_records import LACKING
from serbench.results.evidence.record import FORMAT, Record
from serbench.results.evidence.store import Run
from serbench.results.evidence.untrained import not_trained, untrained
from serbench.results.papers.claims import published
from serbench.results.papers.paper_tables import build
from serbench.tests.results.test_paper_tables import HERE, honest, line, replay
from serbench.tests.support.records import BASE
from serbench.tests.support.tiny import serbench

MODEL = replace(BASE, role="model")


@pytest.mark.parametrize(
    ("facts", "bad"),
    [
        ({"train_uar": 0.299, "train_guesses": 4}, True),
        ({"train_uar": 0.301, "train_guesses": 4}, False),
        ({"train_uar": 0.5, "train_guesses": 1}, True),
        ({"train_uar": 0.25, "train_guesses": 1, "role": "floor"}, False),
        ({"train_uar": None, "train_guesses": None}, False),
        ({"train_uar": 0.25, "train_guesses": 1, "status": "failed"}, False),
    ],
)
def test_the_rule(facts: dict[str, Any], bad: bool) -> None:
    """Below 1 / C + 0.05, or one class for all; neither the floor nor what is unknown."""
    assert untrained(replace(MODEL, classes=list("abcd"), **facts)) is bad


def test_trainings_are_counted_once() -> None:
    at = {"classes": list("abcd"), "train_guesses": 1, "train_uar": 0.25}
    cells = [replace(MODEL, training=t, condition=c, **at) for t in "xy" for c in ("clean", "white 0 dB")]
    cells.append(replace(MODEL, training="z", classes=list("abcd"), train_uar=0.9, train_guesses=4))
    assert not_trained(cells) == (
        "not trained: 2 of 3 trainings, UAR 25.0 % on their own training rows, where guessing gives 25.0; "
        "2 of them give every row one class"
    )
    assert not_trained(cells[-1:]) == ""


def test_records_of_older_formats_do_not_know() -> None:
    assert {"train_uar", "train_guesses"} <= {name for n in range(1, FORMAT) for name in LACKING[n]}
    old = {k: v for k, v in MODEL.to_json().items() if k not in LACKING[3]} | {"format": 3}
    assert Record.from_json(old, "here").train_uar is None


def test_a_run_names_what_did_not_train(tmp_path: Path) -> None:
    """A learning rate of nearly 0 in one run, a usual one beside it."""
    run = tmp_path / "run"
    settings = ("mfcc-attention.lr=1e-9", "mfcc-attention.epochs=1", "random.folds=3")
    words = [word for text in settings for word in ("--set", text)]
    models = ("--model", "majority", "--model", "mfcc-attention:tiny", "--model", "functionals-svm")
    code, _, err = serbench("run", "--protocol", "random", "--corpus", "synth-a", *models, *words, "--out", str(run))
    assert code == 0, err
    records = open_evidence([Run(run)]).records.set_index("model")
    bad = records[[untrained(cell) for cell in records.itertuples()]]
    assert set(bad.index) == {"mfcc-attention:tiny"}
    assert (records.loc["functionals-svm", "train_uar"] > 0.8).all()
    note = f"not trained: {len(bad)} of 3 trainings, UAR "
    _, shown, _ = serbench("show", str(run))
    assert note in " ".join(shown.split()) and "†" in shown
    assert shown.count("†") == 1
    _, compared, _ = serbench("compare", str(run), "functionals-svm", "mfcc-attention:tiny")
    assert note in " ".join(compared.split())
    _, printed, _ = serbench("show", str(run), "--latex")
    assert r"$^\dagger$" in printed and "Not trained" in printed


def test_no_verdict_rests_on_it() -> None:
    why = "not trained: 5 of 5 trainings, UAR 25.0 %"
    for accuracy in (0.9, 0.25):
        tables = build(published("sigwavnet"), [replay(accuracy, not_trained=why), honest(0.6)], *HERE)
        verdict = line(tables).verdict
        assert (verdict.word, verdict.reason) == ("not trained", "5 of 5 trainings, UAR 25.0 %")
