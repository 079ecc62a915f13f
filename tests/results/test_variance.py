import numpy as np
import pytest

from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.variance import components, nested, spread, two_way
from serbench.tests.support.paired import model_rows

# Shrout and Fleiss 1979, table 2: ratings of 6 targets by 4 judges
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def test_mean_squares_and_components_of_the_published_example():
    targets, judges, rest = two_way(RATINGS)
    assert (targets, judges, rest) == pytest.approx((11.24, 32.49, 1.02), abs=5e-3)
    found = components(RATINGS)
    total = found.speaker + found.seed + found.rest
    assert found.speaker / total == pytest.approx(0.29, abs=5e-3)  # their ICC(2,1)
    assert found.speaker / (found.speaker + found.rest) == pytest.approx(0.71, abs=6e-3)  # ICC(3,1)


def test_components_are_found_again_in_simulated_scores():
    rng = np.random.default_rng(0)
    fold, speaker = rng.normal(0, 0.05, (60, 1, 1)), rng.normal(0, 0.08, (60, 4, 1))
    scores = 0.6 + fold + speaker + rng.normal(0, 0.03, (1, 1, 40)) + rng.normal(0, 0.02, (60, 4, 40))
    found = components(scores.reshape(240, 40), np.repeat(np.arange(60), 4).astype(str))
    assert found.fold == pytest.approx(0.05**2, rel=0.5)
    assert found.speaker == pytest.approx(0.08**2, rel=0.2)
    assert found.seed == pytest.approx(0.03**2, rel=0.5)
    assert found.rest == pytest.approx(0.02**2, rel=0.05) and found.notes == ()


def test_nested_components_by_hand():
    # groups (1, 3) and (5, 7, 9): within 2 + 8 over df 3; between 2·(2 − 5)² + 3·(7 − 5)² = 30 over df 1
    between, within = nested(np.array([1.0, 3, 5, 7, 9]), np.array([0, 0, 1, 1, 1]))
    assert within == pytest.approx(10 / 3)
    assert between == pytest.approx((30 - 10 / 3) / (5 - 13 / 5))


def test_what_cannot_be_told_is_null_and_said():
    rng = np.random.default_rng(1)
    one_seed = components(rng.random((8, 1)), list("aabbccdd"))
    assert one_seed.seed is None and one_seed.rest is None and one_seed.speaker is not None
    assert "one seed: seed and rest cannot be told from speaker" in one_seed.notes
    alone = components(rng.random((8, 3)), list("abcdefgh"))
    assert alone.fold is None and "one speaker a fold: fold and speaker are one component" in alone.notes
    assert "speakers are in several folds" in components(rng.random((8, 3))).notes[-1]
    assert components(rng.random((8, 3)), ["a"] * 8).notes[-1] == "one fold: no component of folds"
    assert components(rng.random((1, 3))).speaker is None
    flat = components(np.array([[0.5, 0.6, 0.4], [0.6, 0.4, 0.5], [0.4, 0.5, 0.6]]), list("abc"))
    assert flat.speaker == 0 and "speaker: the estimate is below 0, given as 0" in flat.notes


def test_report_of_a_model():
    rows = model_rows(np.random.default_rng(2), seeds=3, speakers=8)
    found = spread(rows, ("angry", "happy", "sad"), METRICS["uar"])
    assert (found.n_seeds, found.n_folds, found.n_speakers) == (3, 4, 8)
    uar = METRICS["uar"]
    by_seed = [uar.score(part.truth, part.guess, ("angry", "happy", "sad")) for _, part in rows.groupby("seed")]
    assert found.mean == pytest.approx(np.mean(by_seed)) and found.sd_seeds == pytest.approx(np.std(by_seed, ddof=1))
    assert found.components.fold is not None and found.components.rest > 0
    one = spread(rows[rows.seed == 0], ("angry", "happy", "sad"), uar)
    assert one.sd_seeds is None and one.components.seed is None
    lacking = rows[~((rows.seed == 1) & (rows.speaker == "a/0"))]
    assert spread(lacking, ("angry", "happy", "sad"), uar).components.notes == (
        "1 speakers lack a seed: no components",
    )
