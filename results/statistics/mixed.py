"""A mixed model of scores for factors (model, arm, condition, corpus), speaker and seed random."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, optimize, stats


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


def mixed_model(
    scores: pd.DataFrame, factors: Sequence[str], level: float = 0.95, crossed: Sequence[str] = ()
) -> MixedModel:
    """REML fit of ``score ~ factors + (1 | speaker) + (1 | seed)``; columns ``score, speaker, seed`` and factors.

    A random effect with one level is left out, its variance is null. The products of the two ``crossed`` factors come
    too. The reference of a categorical column is its first category. The deviance is profiled over effects and rest
    (Bates et al. 2015, J. Stat. Softw. 67, section 3.4) and works on sums over rows, so that the time of a step grows
    with the numbers of speakers, seeds and effects, not of scores.
    """
    if reason := _not_fittable(scores, factors):
        return MixedModel(None, None, None, None, reason)
    names, fixed = _fixed_effects(scores, factors, crossed)
    if len(scores) <= fixed.shape[1]:
        return MixedModel(None, None, None, None, f"{len(scores)} scores for {fixed.shape[1]} effects")
    if np.linalg.matrix_rank(fixed.T @ fixed, hermitian=True) < fixed.shape[1]:
        return MixedModel(None, None, None, None, "some levels only come together: their effects cannot be told apart")
    random = [name for name in ("speaker", "seed") if scores[name].nunique() > 1]
    sums = _Sums.of(fixed, [pd.factorize(scores[name])[0] for name in random], scores["score"].to_numpy(float))
    starts = itertools.product((0.1, 1.0, 5.0), repeat=len(random))
    smallest = dict.fromkeys(random, (0.0, None)).values()
    fits = [optimize.minimize(sums.deviance, start, method="L-BFGS-B", bounds=smallest) for start in starts]
    best = min(fits, key=lambda fit: float(fit.fun)).x
    exact = {"xatol": 1e-9, "fatol": 1e-11}
    ratios = optimize.minimize(sums.deviance, best, method="Nelder-Mead", bounds=smallest, options=exact).x
    estimates, covariance, rest = sums.solution(ratios)
    deviations = np.sqrt(np.diag(covariance))
    reach = stats.norm.isf((1 - level) / 2) * deviations
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(deviations > 0, 2 * stats.norm.sf(abs(estimates) / deviations), np.nan)
    effects = pd.DataFrame(
        {"effect": names, "estimate": estimates, "low": estimates - reach, "high": estimates + reach, "p": p}
    )
    variance = {name: float(ratio**2 * rest) for name, ratio in zip(random, ratios, strict=True)}
    return MixedModel(effects.iloc[1:].reset_index(drop=True), variance.get("speaker"), variance.get("seed"), rest)


def _fixed_effects(
    scores: pd.DataFrame, factors: Sequence[str], crossed: Sequence[str]
) -> tuple[list[str], np.ndarray]:
    """Names and columns (n, p): the intercept, every level but the first of each factor, the products of two."""
    names, columns = ["intercept"], [np.ones(len(scores))]
    of: dict[str, list[tuple[str, np.ndarray]]] = {}
    for factor in factors:
        levels = scores[factor].astype("category").cat.remove_unused_categories()
        of[factor] = [(f"{factor} = {level}", (levels == level).to_numpy(float)) for level in levels.cat.categories[1:]]
    products = [of[factor] for factor in crossed]
    for name, column in itertools.chain(*of.values()):
        names.append(name)
        columns.append(column)
    for pair in itertools.product(*products) if products else ():
        names.append(" with ".join(name for name, _ in pair))
        columns.append(np.prod([column for _, column in pair], axis=0))
    return names, np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over n rows: X (n, p) fixed, Z (n, q) one column per level of each random effect, y centered."""

    n: int
    sizes: tuple[int, ...]  # levels of each random effect
    zz: np.ndarray
    zx: np.ndarray
    zy: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: float
    center: float

    @staticmethod
    def of(x: np.ndarray, codes: Sequence[np.ndarray], y: np.ndarray) -> "_Sums":
        """Of fixed effects, whose first column is the intercept, and the level of every row in each random effect."""
        sizes = tuple(int(code.max()) + 1 for code in codes)
        z = np.concatenate([np.eye(size)[code] for size, code in zip(sizes, codes, strict=True)], axis=1)
        center = float(y.mean())
        y = y - center
        return _Sums(len(y), sizes, z.T @ z, z.T @ x, z.T @ y, x.T @ x, x.T @ y, float(y @ y), center)

    def _solved(self, ratios: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Cholesky factors of the random and of the fixed part, effects (before the center), sum of squares."""
        scale = np.repeat(ratios, self.sizes)
        lower = linalg.cholesky(scale[:, None] * self.zz * scale + np.eye(len(scale)), lower=True)
        zx = linalg.solve_triangular(lower, scale[:, None] * self.zx, lower=True)
        zy = linalg.solve_triangular(lower, scale * self.zy, lower=True)
        fixed = linalg.cholesky(self.xx - zx.T @ zx, lower=True)
        y = linalg.solve_triangular(fixed, self.xy - zx.T @ zy, lower=True)
        effects = linalg.solve_triangular(fixed, y, lower=True, trans="T")
        return lower, fixed, effects, max(self.yy - float(zy @ zy) - float(y @ y), np.finfo(float).tiny)

    def deviance(self, ratios: Sequence[float]) -> float:
        """Minus twice the restricted log-likelihood, for deviations of random effects as parts of that of the rest."""
        lower, fixed, _, squares = self._solved(ratios)
        free = self.n - len(self.xy)
        logs = np.log(np.diag(lower)).sum() + np.log(np.diag(fixed)).sum()
        return float(2 * logs + free * (1 + np.log(2 * np.pi * squares / free)))

    def solution(self, ratios: Sequence[float]) -> tuple[np.ndarray, np.ndarray, float]:
        """Effects (p,), their covariance (p, p), and the variance of the rest."""
        _, fixed, effects, squares = self._solved(ratios)
        rest = squares / (self.n - len(self.xy))
        inverse = linalg.solve_triangular(fixed, np.eye(len(fixed)), lower=True)
        effects[0] += self.center
        return effects, rest * inverse.T @ inverse, rest


def _not_fittable(scores: pd.DataFrame, factors: Sequence[str]) -> str | None:
    if flat := [name for name in factors if scores[name].nunique() < 2]:
        return f"one level only of {', '.join(flat)}"
    if scores["speaker"].nunique() < 3:
        return f"{scores['speaker'].nunique()} speakers, 3 are needed"
    if scores[["score", "speaker", "seed", *factors]].isna().any(axis=None):
        return "some scores, speakers or factors are unknown"
    return None
