"""Is a candidate worse than a base? One-sided, by the main test of the protocol, corrected over the family."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError, unknown
from ..evidence.evidence import Evidence
from ..evidence.results import Result, by_name, results_of
from ..statistics.metrics import Metric
from ..statistics.two_models import holm
from .compare import Comparison, compare_results


@dataclass(frozen=True)
class Verdict:
    """Candidate minus base on one setup.

    ``p`` is of: worse by more than the margin; corrected by Holm. ``answer``: ``worse`` (p below 1 - level), ``not
    worse`` (the interval lies above -margin), ``undecided``, or ``refused``, where the comparison is.
    """

    comparison: Comparison
    p: float | None
    answer: str

    @property
    def trained(self) -> bool:
        """Whether it is of the trained models alone."""
        u = self.comparison.uncertainty
        return self.p is not None and self.reason is not None and u is not None and u.about == "trained models"

    @property
    def reason(self) -> str | None:
        """Why the main test is refused; equal differences, which it refuses too, the gate decides by their mean."""
        return self.comparison.reason


def match(base: Evidence, candidate: Evidence, models: Sequence[str] = ()) -> list[tuple[Result, Result]]:
    """(candidate, base) results of the same set-up and model; of different ones where each side has one model only.

    ``models`` limits them, by label. Raises InputError when nothing can be matched.
    """
    one, two = (
        {(e.setup, e.label): e for e in by_name(results_of(f.records)) if not models or e.label in models}
        for f in (candidate, base)
    )
    labels = {label for _, label in (*one, *two)}
    for name in models:
        if name not in labels:
            raise unknown("model", name, {e.label for f in (base, candidate) for e in by_name(results_of(f.records))})
    shared = [key for key in one if key in two]
    if shared:
        return [(one[key], two[key]) for key in shared]
    ours, theirs = ({label for _, label in side} for side in (one, two))
    if len(ours) == len(theirs) == 1:
        pairs = [(x, y) for (s, _), x in one.items() for (t, _), y in two.items() if s == t]
        if pairs:
            return pairs
    names = [", ".join(sorted(side)) or "no model" for side in (theirs, ours)]
    raise InputError(
        f"gate: base ({names[0]}) and candidate ({names[1]}) share no model on the same protocol, corpora, condition "
        "and label map; run both alike"
    )


def left_out(base: Evidence, candidate: Evidence, models: Sequence[str] = ()) -> list[str]:
    """A note for each side that has what the other lacks, so that a candidate does not pass by what it lost."""
    chosen = {(x.setup, y.setup, x.label, y.label) for x, y in match(base, candidate, models)}
    notes = []
    for name, frames, setup, label in (("base", base, 1, 3), ("candidate", candidate, 0, 2)):
        taken = {(pair[setup], pair[label]) for pair in chosen}
        lost = [
            e
            for e in by_name(results_of(frames.records))
            if (not models or e.label in models) and (e.setup, e.label) not in taken
        ]
        named = dict.fromkeys(f"{e.label} ({e.setup.protocol}, {e.setup.where}, {e.setup.condition})" for e in lost)
        if named:
            more = f" and {len(named) - 4} more" if len(named) > 4 else ""
            notes.append(f"only in {name}, not compared: {', '.join(list(named)[:4])}{more}")
    return notes


def gate(
    base: Evidence,
    candidate: Evidence,
    metric: Metric,
    margin: float,
    models: Sequence[str] = (),
    level: float = 0.95,
    trained: bool = False,
) -> list[Verdict]:
    """A verdict for every setup and model that both runs have."""
    comparisons = [
        compare_results(x, y, candidate.predictions, metric, level, base.predictions)
        for x, y in match(base, candidate, models)
    ]
    return judge(comparisons, margin, level, trained)


def judge(
    comparisons: Sequence[Comparison], margin: float, level: float = 0.95, trained: bool = False
) -> list[Verdict]:
    """Verdicts of comparisons of a candidate (``a``) with a base (``b``), one family.

    ``trained``: of the trained models where nothing can be said of the algorithms.
    """
    raw = [_p_worse(c, margin, trained) for c in comparisons]
    return [Verdict(c, p, _answer(c, p, margin, level)) for c, p in zip(comparisons, holm(raw), strict=True)]


def _p_worse(c: Comparison, margin: float, trained: bool) -> float | None:
    """One-sided p; equal differences have no spread, then their mean alone decides. Else refused as the main test."""
    u = c.uncertainty
    if u is None or not (c.reason is None or u.error == 0 or (trained and u.about == "trained models")):
        return None
    return u.above(-margin)


def _answer(c: Comparison, p: float | None, margin: float, level: float) -> str:
    if p is None or c.uncertainty is None:
        return "refused"
    if p < 1 - level:
        return "worse"
    low, _ = c.uncertainty.interval(level)
    return "not worse" if low is not None and low >= -margin else "undecided"


def refusal(verdicts: Sequence[Verdict]) -> str | None:
    """How many comparisons were refused, and why the first; None where all were made."""
    refused = [v for v in verdicts if v.answer == "refused"]
    if not refused:
        return None
    if len(refused) == len(verdicts):
        return f"no test is possible: {refused[0].reason}"
    c = refused[0].comparison
    first = "first " if len(refused) > 1 else ""
    place = f"{first}{c.a} on {c.where}"
    return f"no test is possible in {len(refused)} of {len(verdicts)} comparisons, {place}: {c.reason}"
