import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import mixedlm

from serbench.results.statistics.metrics import METRICS
from serbench.results.statistics.mixed import mixed_model
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


def balanced(rng, speakers=12, seeds=4, gain=0.05):
    lines = []
    of_speaker, of_seed = rng.normal(0, 0.08, speakers), rng.normal(0, 0.03, seeds)
    for s in range(speakers):
        for k in range(seeds):
            for m, name in enumerate(("base", "new")):
                score = 0.6 + gain * m + of_speaker[s] + of_seed[k] + rng.normal(0, 0.02)
                lines.append((name, f"s{s}", k, score))
    return pd.DataFrame(lines, columns=["model", "speaker", "seed", "score"])


def test_mixed_model_of_balanced_data_is_the_analysis_of_variance():
    scores = balanced(np.random.default_rng(3))
    found = mixed_model(scores, ["model"])
    table = scores.pivot_table("score", ["speaker", "seed"], "model")
    effect = found.effects.iloc[0]
    assert effect.effect == "model = new"
    assert effect.estimate == pytest.approx((table["new"] - table["base"]).mean(), abs=1e-6)
    assert effect.low < effect.estimate < effect.high and effect.p < 1e-6
    # three-way without interactions: lines speaker, seed and model; REML equals the moment estimates
    y = scores.set_index(["speaker", "seed", "model"]).score
    grand = y.mean()
    sums = {
        n: ((y.groupby(n).mean() - grand) ** 2).sum() * len(y) / y.index.get_level_values(n).nunique()
        for n in y.index.names
    }
    rest = (((y - grand) ** 2).sum() - sum(sums.values())) / (len(y) - 1 - 11 - 3 - 1)
    assert found.rest == pytest.approx(rest, rel=1e-3)
    assert found.speaker == pytest.approx((sums["speaker"] / 11 - rest) / 8, rel=1e-2)
    assert found.seed == pytest.approx((sums["seed"] / 3 - rest) / 24, rel=1e-2)


def test_mixed_model_refuses_with_the_reason_and_leaves_out_a_single_seed():
    scores = balanced(np.random.default_rng(4), seeds=1)
    one = mixed_model(scores, ["model"])
    assert one.seed is None and one.speaker > 0 and one.reason is None
    assert mixed_model(scores.assign(model="x"), ["model"]).reason == "one level only of model"
    assert mixed_model(scores[scores.speaker < "s10"], ["model"]).reason == "2 speakers, 3 are needed"
    scores.loc[0, "score"] = np.nan
    assert "unknown" in mixed_model(scores, ["model"]).reason


@pytest.mark.filterwarnings("ignore:The MLE may be on the boundary")  # of statsmodels, where variances are small
def test_mixed_model_of_unbalanced_data_is_that_of_statsmodels():
    rng = np.random.default_rng(8)
    scores = balanced(rng, speakers=7, seeds=3).sample(frac=0.8, random_state=1).reset_index(drop=True)
    scores["corpus"] = np.where(scores.speaker < "s3", "a", "b")
    found = mixed_model(scores, ["model", "corpus"], 0.9)
    formula = "score ~ C(model) + C(corpus)"
    parts = {"speaker": "0 + C(speaker)", "seed": "0 + C(seed)"}
    fit = mixedlm(formula, scores.assign(g=1), groups="g", vc_formula=parts, re_formula="0").fit(method=["nm"])
    theirs = fit.conf_int(0.1).iloc[1:3]
    assert found.effects.effect.tolist() == ["model = new", "corpus = b"]
    assert found.effects.estimate.to_numpy() == pytest.approx(fit.fe_params.iloc[1:].to_numpy(), abs=1e-5)
    assert found.effects[["low", "high"]].to_numpy() == pytest.approx(theirs.to_numpy(), abs=1e-4)
    assert found.effects.p.to_numpy() == pytest.approx(fit.pvalues.iloc[1:3].to_numpy(), rel=1e-3)
    ours = (found.speaker, found.seed, found.rest)
    both = dict(zip(fit.model.exog_vc.names, fit.vcomp, strict=True))
    assert ours == pytest.approx((both["speaker"], both["seed"], fit.scale), rel=2e-3)


def test_mixed_model_of_many_scores_is_fitted_and_finds_what_was_put_in():
    rng = np.random.default_rng(9)
    shape = (40, 60, 8)  # arms, speakers, seeds: 19,200 scores
    arms, speakers, seeds = (k.ravel() for k in np.indices(shape))
    y = 0.5 + 0.01 * (arms % 4) + rng.normal(0, 0.1, 60)[speakers] + rng.normal(0, 0.02, 8)[seeds]
    y += rng.normal(0, 0.05, len(y))
    scores = pd.DataFrame({"a": arms % 4, "b": arms // 4, "speaker": speakers, "seed": seeds, "score": y})
    found = mixed_model(scores, ["a", "b"], crossed=["a", "b"])
    by = scores.groupby(["a", "b"])["score"].mean()
    effects = found.effects.set_index("effect").estimate
    assert len(effects) == 39 and effects["a = 3"] == pytest.approx(by[3, 0] - by[0, 0])
    assert effects["a = 1 with b = 2"] == pytest.approx(by[1, 2] - by[1, 0] - by[0, 2] + by[0, 0])
    assert found.rest == pytest.approx(0.05**2, rel=0.03) and found.speaker == pytest.approx(0.1**2, rel=0.4)


def test_levels_that_only_come_together_are_not_told_apart():
    scores = balanced(np.random.default_rng(4))
    assert "only come together" in mixed_model(scores.assign(arm=scores.model + "!"), ["model", "arm"]).reason


@pytest.mark.parametrize("seed", range(4))
def test_mixed_model_finds_the_speakers_whatever_the_size_of_the_effects(seed):
    # two crossed factors with large effects, speakers that differ little: one optimizer alone stops far from the best
    rng = np.random.default_rng(seed)
    speaker = rng.normal(0, 0.045, 10)
    lines = [
        (m, c, f"s{s}", 0, 0.8 - 0.09 * m - 0.11 * c + speaker[s] + rng.normal(0, 0.09))
        for m in range(2)
        for c in range(7)
        for s in range(10)
    ]
    scores = pd.DataFrame(lines, columns=["model", "condition", "speaker", "seed", "score"]).astype(
        {"model": str, "condition": str}
    )
    found = mixed_model(scores, ["model", "condition"], crossed=["model", "condition"])
    table = scores.pivot_table("score", "speaker", ["model", "condition"]).to_numpy()
    lines_, _, rest = two_way(table)
    expected = max((lines_ - rest) / 14, 0)
    assert found.speaker == pytest.approx(expected, rel=1e-2, abs=1e-6)
    assert found.rest == pytest.approx(rest, rel=1e-2) if expected else found.rest < rest
    cells = table.mean(0).reshape(2, 7)
    effects = found.effects.set_index("effect")["estimate"]
    product = cells[1, 6] - cells[1, 0] - cells[0, 6] + cells[0, 0]
    assert effects["model = 1 with condition = 6"] == pytest.approx(product, abs=1e-6)
