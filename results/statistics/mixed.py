"""A mixed model of scores for factors (model, arm, condition, corpus), speaker and seed random."""

import re
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


def mixed_model(scores: pd.DataFrame, factors: Sequence[str], level: float = 0.95, crossed: bool = False) -> MixedModel:
    """REML fit of ``score ~ factors + (1 | speaker) + (1 | seed)``; columns ``score, speaker, seed`` and factors.

    A random effect with one level is left out, its variance is null. Main effects only, or, ``crossed``, all
    products of the factors too. The reference of a categorical column is its first category.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    if reason := _not_fittable(scores, factors):
        return MixedModel(None, None, None, None, reason)
    random = [name for name in ("speaker", "seed") if scores[name].nunique() > 1]
    formula = "score ~ " + (" * " if crossed else " + ").join(f"C(Q('{name}'))" for name in factors)
    parts = {name: f"0 + C({name})" for name in random}
    data = scores.assign(everything=1)
    model = MixedLM.from_formula(formula, data, groups="everything", vc_formula=parts, re_formula="0")
    with warnings.catch_warnings():
        # an estimate at 0 is on the border of what is possible: said by the variance itself
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        # one way down may stop early, and calls that converged: the most likely of two is taken
        fits = [model.fit(reml=True, method=[method]) for method in ("bfgs", "powell")]
    found = [fit for fit in fits if fit.converged]
    if not found:
        return MixedModel(None, None, None, None, "the fit did not converge")
    fitted = max(found, key=lambda fit: fit.llf)
    bounds = fitted.conf_int(1 - level)
    names = [name for name in fitted.fe_params.index if name != "Intercept"]
    effects = pd.DataFrame(
        {
            "effect": [re.sub(r"C\(Q\('(.*?)'\)\)\[T\.(.*?)\]", r"\1 = \2", name) for name in names],
            "estimate": fitted.fe_params[names].to_numpy(),
            "low": bounds.loc[names, 0].to_numpy(),
            "high": bounds.loc[names, 1].to_numpy(),
            "p": fitted.pvalues[names].to_numpy(),
        }
    )
    parts_of = {name: float(value) for name, value in zip(model.exog_vc.names, fitted.vcomp, strict=True)}
    return MixedModel(effects, parts_of.get("speaker"), parts_of.get("seed"), float(fitted.scale))


def _not_fittable(scores: pd.DataFrame, factors: Sequence[str]) -> str | None:
    if flat := [name for name in factors if scores[name].nunique() < 2]:
        return f"one level only of {', '.join(flat)}"
    if scores["speaker"].nunique() < 3:
        return f"{scores['speaker'].nunique()} speakers, 3 are needed"
    if scores[["score", "speaker", "seed", *factors]].isna().any(axis=None):
        return "some scores, speakers or factors are unknown"
    return None
