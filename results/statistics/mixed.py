"""A mixed model of scores for factors (model, arm, condition, corpus), speaker and seed random."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class MixedModel:
    """Fixed effects against the first level of every factor, with speaker and seed as random effects.

    ``effects``: columns ``effect, estimate, low, high, p`` (Wald: too sure with few speakers). Variances of the
    random effects. ``reason`` when the model is not fitted or did not converge.
    """

    effects: pd.DataFrame | None
    speaker: float | None
    seed: float | None
    rest: float | None
    reason: str | None = None


def mixed_model(scores: pd.DataFrame, factors: Sequence[str], level: float = 0.95) -> MixedModel:
    """REML fit of ``score ~ factors + (1 | speaker) + (1 | seed)``; columns ``score, speaker, seed`` and factors.

    A random effect with one level is left out, its variance is null. Main effects only.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    if reason := _not_fittable(scores, factors):
        return MixedModel(None, None, None, None, reason)
    random = [name for name in ("speaker", "seed") if scores[name].nunique() > 1]
    formula = "score ~ " + " + ".join(f"C(Q('{name}'))" for name in factors)
    parts = {name: f"0 + C({name})" for name in random}
    data = scores.assign(everything=1)
    model = MixedLM.from_formula(formula, data, groups="everything", vc_formula=parts, re_formula="0")
    with warnings.catch_warnings():
        # an estimate at 0 is on the border of what is possible: said by the variance itself
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        fitted = model.fit(reml=True, method=["lbfgs", "powell"])
    if not fitted.converged:
        return MixedModel(None, None, None, None, "the fit did not converge")
    bounds = fitted.conf_int(1 - level)
    names = [name for name in fitted.fe_params.index if name != "Intercept"]
    effects = pd.DataFrame(
        {
            "effect": [name.replace("C(Q('", "").replace("'))[T.", " = ").rstrip("]") for name in names],
            "estimate": fitted.fe_params[names].to_numpy(),
            "low": bounds.loc[names, 0].to_numpy(),
            "high": bounds.loc[names, 1].to_numpy(),
            "p": fitted.pvalues[names].to_numpy(),
        }
    )
    found = {name: float(value) for name, value in zip(model.exog_vc.names, fitted.vcomp, strict=True)}
    return MixedModel(effects, found.get("speaker"), found.get("seed"), float(fitted.scale))


def _not_fittable(scores: pd.DataFrame, factors: Sequence[str]) -> str | None:
    if flat := [name for name in factors if scores[name].nunique() < 2]:
        return f"one level only of {', '.join(flat)}"
    if scores["speaker"].nunique() < 3:
        return f"{scores['speaker'].nunique()} speakers, 3 are needed"
    if scores[["score", "speaker", "seed", *factors]].isna().any(axis=None):
        return "some scores, speakers or factors are unknown"
    return None
