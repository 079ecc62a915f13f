"""Differences on several corpora put together: the mean over corpora like these, and how much corpora differ.

Sources: DerSimonian and Laird 1986, "Meta-Analysis in Clinical Trials", Control. Clin. Trials 7, 177-188; Hartung and
Knapp 2001, "A Refined Method for the Meta-Analysis of Controlled Clinical Trials with Binary Outcome", Stat. Med. 20,
3875-3889; Higgins and Thompson 2002, "Quantifying Heterogeneity in a Meta-Analysis", Stat. Med. 21, 1539-1558 (I²).
"""

from dataclasses import dataclass, replace

import numpy as np

from .uncertainty import Uncertainty

LEAST_CORPORA = 3
RANDOM_EFFECTS = "random effects, DerSimonian-Laird with Hartung-Knapp"


@dataclass(frozen=True, slots=True)
class Summary:
    """The mean over corpora; ``weights`` (corpora,) add up to 1.

    ``tau``: deviation of the true differences over corpora. ``i2``: the share of the variance between corpora that is
    not error. ``luck``: the variance of the mean over trainings, where one is tested on several corpora.
    """

    uncertainty: Uncertainty
    weights: np.ndarray
    tau: float
    i2: float
    luck: float = 0.0


def random_effects(estimates: np.ndarray, errors: np.ndarray) -> Summary:
    """Independent differences (corpora,) with their standard errors. Three corpora are needed, and errors above 0.

    Where corpora differ by less than their errors, tau is 0. Hartung-Knapp's scale of the error is 1 at least (Knapp
    and Hartung 2003, Stat. Med. 22, 2693-2710): without that, false alarms at 5 % reach 10 % with corpora of unequal
    size.
    """
    from statsmodels.stats.meta_analysis import combine_effects

    n = len(estimates)
    with np.errstate(invalid="ignore", divide="ignore"):  # where their tau² falls below 0
        found = combine_effects(estimates, errors**2, method_re="dl", use_t=True)
    tau2 = max(float(found.tau2), 0.0)
    kind = "re" if tau2 else "fe"  # with a tau of 0 the weights are those of fixed effects
    mean = float(getattr(found, f"mean_effect_{kind}"))
    scale = max(float(getattr(found, f"scale_hksj_{kind}")), 1.0)
    error = float(np.sqrt(scale * getattr(found, f"var_eff_w_{kind}")))
    weights = np.asarray(getattr(found, f"weights_rel_{kind}"), float)
    i2 = max(1 - (n - 1) / float(found.q), 0.0) if found.q > 0 else 0.0
    effective = float(1 / (weights**2).sum())
    u = Uncertainty(mean, error, n - 1, n_clusters=n, effective=effective, unit="corpora")
    return Summary(u, weights, float(np.sqrt(tau2)), i2)


def with_luck(summary: Summary, total: Uncertainty, without: Uncertainty) -> Summary:
    """The summary where one training is tested on several corpora, whose luck moves all of them at once.

    ``total``: the weighted mean of the differences as one contrast; ``without``: the same with trainings that have no
    luck, which tells its degrees of freedom apart from those of the speakers. Hartung-Knapp sees only what differs
    between corpora: the variance over trainings comes on top, as `uncertainty` adds it to that over speakers.
    """
    u, luck = summary.uncertainty, total.trainings
    if total.error is None or total.df is None or not without.df or u.error is None or u.df is None:
        return replace(summary, uncertainty=replace(u, error=None, df=None, reason=total.reason or without.reason))
    if luck == 0:
        return summary
    between = u.error**2
    of_luck = (total.speakers + luck) ** 2 / total.df - without.speakers**2 / without.df  # luck² by its own degrees
    variance = between + luck
    df = variance**2 / (between**2 / u.df + max(of_luck, 0.0))
    return replace(summary, uncertainty=replace(u, error=float(np.sqrt(variance)), df=df), luck=luck)
