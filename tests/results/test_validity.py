"""False alarms, power and coverage, short; the long form is marked slow, the page is made by measure/validity.py.

A share of n experiments may be off its bound by two Monte-Carlo errors: of 7 % in 300, by 2 × 1.5 = 2.9 points; of
92 % in 300, by 3.1 points; of 7 % in 1,000, by 1.6.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serbench.tests.measure.validity import designs, further
from serbench.tests.measure.validity_runs import groups_of_seeds
from serbench.tests.support.cells import Cells
from serbench.tests.support.designs import Alarms, Design, Luck, alarms, bounds, even, fixed, summary
from serbench.tests.support.records import BASE
from serbench.tests.support.retrained import retrained

#: clips by speaker and class as in a series: six leads, guests with a line or two
SERIES = np.array([[60, 9, 4, 25, 6, 12]] * 6 + [[3, 1, 0, 1, 0, 0]] * 6 + [[1, 0, 0, 0, 0, 0]] * 12)
NOT_REFUSED = [
    *(d.of(1) for d in designs() if d.folds.max()),
    *(d.of(3) for d in designs() if len(d.folds) in (10, 24, 91)),
    fixed("a series", SERIES).of(3),
]
SPREAD, MOST = Luck(0.02, 0.08), Luck(0.04, 0.0)


def off(share: float, n: int) -> float:
    """Two Monte-Carlo errors."""
    return float(2 * np.sqrt(share * (1 - share) / n))


def check(found: Alarms) -> None:
    """Bounds of false alarms, power and coverage of the score."""
    assert not found.untold, found.refusal
    assert found.alarms / found.n <= 0.07 + off(0.07, found.n)
    assert found.power / found.ideal >= 0.8 - off(0.6, found.n) / found.ideal
    assert 0.92 - off(0.92, found.n) <= found.covered / found.scored <= 0.98 + off(0.98, found.n)


def named(design: Design) -> str:
    return f"{design.name}, {design.seeds[0]} seeds"


@pytest.mark.parametrize("design", [d for d in NOT_REFUSED if len(d.folds) < 90], ids=named)
def test_equal_models_are_seldom_called_different(design: Design) -> None:
    check(alarms(300, 1, design, SPREAD))


def test_luck_of_training_is_no_difference_between_models() -> None:
    found = alarms(300, 2, even("one training", 24, 1).of(3), MOST)
    check(found)
    assert found.before / found.n > 0.2, "the test of speakers alone takes luck for a difference"


def test_being_good_at_frequent_classes_is_no_difference_of_uar() -> None:
    found = alarms(200, 3, fixed("a series", SERIES).of(3), Luck(0.02, 0.08, profile=0.2))
    assert found.alarms / found.n <= 0.07 + off(0.07, found.n)
    assert found.before / found.n > 0.5, "the means of speakers' own scores differ where UAR does not"


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("speakers", [6, 10, 24, 91])
def test_one_training_with_fewer_than_three_seeds_says_nothing_of_algorithms(speakers: int, seeds: int) -> None:
    found = alarms(2, 4, even("one training", speakers, 1).of(seeds), SPREAD)
    assert (found.untold, found.scored) == (2, 0)
    assert found.refusal == f"trained models only: {seeds} seeds"


def test_dyads_count_as_one() -> None:
    design = even("dyads", 12, 6, pairs=True).of(1)
    check(alarms(300, 5, design, SPREAD))
    apart = alarms(300, 5, replace(design, folds=np.arange(12), clusters=None), SPREAD)
    assert apart.df > 10, "twelve speakers with trainings of their own are twelve clusters"


@pytest.mark.parametrize("folds", [6, 10])
def test_a_classifier_that_is_retrained_each_time(folds: int) -> None:
    found = summary(list(retrained(40, np.random.default_rng(6), range(folds))))
    assert not found.untold
    assert found.alarms / found.n <= 0.07 + off(0.07, found.n)


@pytest.mark.parametrize("base", [0.97, 0.99])
def test_the_lower_bound_holds_where_nearly_all_is_right(base: float) -> None:
    found = bounds(200, 7, even("RAVDESS", 24, 6, (4, *(8,) * 7)), Luck(0.002, 0.0, 0.005, base=base))
    assert found.lower / found.n >= 0.975 - 2 * off(0.975, found.n)
    assert found.width <= 1.5 * found.wilson


def test_groups_of_seeds_are_compared_as_models() -> None:
    text = groups_of_seeds(*seeds_of_one(np.random.default_rng(8)), n=3)
    assert text[-1].startswith("| a → b | ")
    assert text[-1].count("of 3 |") == 3
    assert "refused in 3" in text[-1]


def seeds_of_one(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nine seeds of one network, trained on a, tested on the 8 speakers of b."""
    facts = replace(BASE, protocol="cross-corpus", train="a", test="b", fold="b", model="net", n_test=160, role="model")
    truth = np.tile(["happy", "sad"], 80)
    records, predictions = [], []
    for seed in range(9):
        record = replace(facts, key=f"{seed:032d}", trial=f"t{seed}", training=f"n{seed}", seed=seed)
        right = rng.random(160) < 0.7 + rng.normal(0, 0.06)
        table = pd.DataFrame({"row": [f"b/{k}#0" for k in range(160)], "utterance": [f"b/{k}" for k in range(160)]})
        guess = np.where(right == (truth == "sad"), "sad", "happy")
        speaker = [f"b/{k // 20}" for k in range(160)]
        records.append(record.to_json())
        predictions.append(table.assign(key=record.key, speaker=speaker, truth=truth, guess=guess))
    return pd.DataFrame(records), pd.concat(predictions, ignore_index=True)


def test_what_was_measured_is_kept(tmp_path: Path) -> None:
    store, facts = Cells(tmp_path / "cells"), {"table": "main", "design": "one"}
    for n, count in ((400, 40), (1_200, 60)):
        store.add(
            facts, n, {"n": n, "alarms": count, "untold": 0, "covered": 380, "scored": 400, "power": 1, "ideal": 1}
        )
    again = Cells(tmp_path / "cells")
    assert again.has(facts, 1_200)
    assert not again.near(facts)
    assert [values["alarms"] for _, values in again.table("main")] == [60]


@pytest.mark.slow
@pytest.mark.parametrize("luck", [Luck(), MOST, SPREAD], ids=["no luck", "luck 4", "luck 2, tilt 8"])
@pytest.mark.parametrize("design", [*NOT_REFUSED, *(d.of(*n[0]) for d, n in further() if n[0] != (2, 10))], ids=named)
def test_equal_models_long(design: Design, luck: Luck) -> None:
    found = alarms(1_000, 9, design, luck)
    assert found.alarms / found.n <= 0.07 + off(0.07, found.n)
    assert 0.92 - off(0.92, found.n) <= found.covered / found.scored
