"""Two models or arms on several corpora: their difference on each, and the mean over corpora like these.

A test corpus counts once, as the mean over what it was trained on. A training that is tested on several corpora moves
all of them at once; the interval has that part too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from ..evidence.results import Setup
from ..evidence.sides import Side
from ..statistics.metrics import Metric
from ..statistics.random_effects import LEAST_CORPORA, RANDOM_EFFECTS, Summary, random_effects, with_luck
from ..statistics.speakers import OVER_BOTH, paired_of, refused_of
from ..statistics.uncertainty import Term, Uncertainty, contrast
from .answer_lines import AnswerLine, Question, of_test, of_trained
from .compare import Comparison, compare_sides
from .pair_tests import chosen, named

SHARED = "one training is tested on several corpora: what it does to all of them at once is in the interval"
SAME_DATA = "trainings have corpora in common: about these training data"


@dataclass(frozen=True, eq=False)
class Meeting:
    """Two sides on one set-up."""

    a: Side
    b: Side
    comparison: Comparison

    @property
    def terms(self) -> list[Term]:
        """The difference of their scores."""
        return [(1.0, self.a.parts), (-1.0, self.b.parts)]


@dataclass(frozen=True, eq=False)
class CorpusDifference:
    """The difference on one test corpus, the mean over its set-ups that are compared; or the reason for none."""

    corpus: str
    meetings: tuple[Meeting, ...]
    metric: Metric

    @cached_property
    def terms(self) -> list[Term]:
        """The difference as a contrast."""
        valid = [m for m in self.meetings if m.comparison.reason is None]
        return [(factor / len(valid), parts) for m in valid for factor, parts in m.terms]

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """Of the algorithms; with the reason where that cannot be had."""
        valid = [m.comparison for m in self.meetings if m.comparison.reason is None]
        if not valid:
            first = self.meetings[0].comparison
            estimate = first.main.mean if first.main.mean is not None else float("nan")
            return Uncertainty(estimate, None, None, n_clusters=first.main.n, reason=first.reason)
        u = valid[0].uncertainty if len(valid) == 1 else contrast(self.terms, self.metric)
        assert u is not None  # of a test that is made
        if u.about == "trained models":
            return Uncertainty(u.estimate, None, None, n_clusters=u.n_clusters, reason=refused_of(OVER_BOTH, u).reason)
        if not u.reason and not u.error:
            return Uncertainty(u.estimate, None, None, n_clusters=u.n_clusters, reason="no spread to weigh it by")
        return u

    @property
    def trainings(self) -> set[object]:
        """The trainings that have luck."""
        sides = [side.parts for m in self.meetings for side in (m.a, m.b)]
        return {name for parts in sides if not parts.fixed for name in parts.training}

    @property
    def trained_on(self) -> set[str]:
        """The corpora that are trained on."""
        return {name for m in self.meetings for name in m.a.result.setup.train.split("+")}

    @property
    def notes(self) -> Iterator[str]:
        """What must be known of it beside the reason."""
        u = self.meetings[0].comparison.uncertainty
        if self.uncertainty.reason and u is not None and u.about == "trained models":
            yield of_trained(u, self.meetings[0].comparison.level)
        trains = [m.a.result.setup.train for m in self.meetings if m.comparison.reason is None]
        if len(trains) > 1:
            yield f"mean after training on {', '.join(trains)}"
        lost = [m.a.result.setup.train for m in self.meetings if m.comparison.reason is not None]
        if trains and lost:
            yield f"left out: trained on {', '.join(lost)}"


@dataclass(frozen=True, eq=False)
class OverCorpora:
    """Two models or arms (``what``) on several corpora."""

    setup: Setup  # the first
    what: str
    aside: str  # what all are of
    metric: Metric
    corpora: tuple[CorpusDifference, ...]

    @cached_property
    def kept(self) -> tuple[CorpusDifference, ...]:
        """The corpora whose difference holds of the algorithms."""
        return tuple(one for one in self.corpora if one.uncertainty.reason is None)

    @property
    def where(self) -> str:
        """The corpora, and what all are of."""
        names = ", ".join(one.corpus for one in self.corpora)
        own = self.setup.train == self.setup.test
        return "; ".join(filter(None, (names if own else f"trained on others: {names}", self.aside)))

    @property
    def reason(self) -> str:
        """Why there are too few corpora for a summary, or nothing."""
        n = len(self.kept)
        if n >= LEAST_CORPORA:
            return ""
        lost = [one.corpus for one in self.corpora if one not in self.kept]
        out = f" (left out: {', '.join(lost)})" if lost else ""
        return f"{n} {'corpus' if n == 1 else 'corpora'}{out}, {LEAST_CORPORA} are needed"

    @cached_property
    def shares(self) -> bool:
        """Whether a training with luck is tested on several of the corpora."""
        return any(a.trainings & b.trainings for a, b in combinations(self.kept, 2))

    @cached_property
    def summary(self) -> Summary | None:
        """The mean over corpora; None where there are too few."""
        if self.reason:
            return None
        found = [one.uncertainty for one in self.kept]
        errors = np.array([u.error for u in found], float)
        summary = random_effects(np.array([u.estimate for u in found]), errors)
        if not self.shares:
            return summary
        terms = [(w * x, p) for w, one in zip(summary.weights, self.kept, strict=True) for x, p in one.terms]
        without = [(factor, replace(parts, fixed=True)) for factor, parts in terms]
        return with_luck(summary, contrast(terms, self.metric), contrast(without, self.metric))

    @property
    def notes(self) -> Iterator[str]:
        """How the summary is made, how much corpora differ, and what its corpora have in common."""
        if self.summary is None:
            return
        s = self.summary
        yield f"{RANDOM_EFFECTS}; tau {100 * s.tau:.1f} points, I² {100 * s.i2:.0f} %"
        lost = [one.corpus for one in self.corpora if one not in self.kept]
        if lost:
            yield f"left out: {', '.join(lost)}"
        if self.shares:
            yield SHARED
        if any(a.trained_on & b.trained_on for a, b in combinations(self.kept, 2)):
            yield SAME_DATA
        yield from dict.fromkeys(note for one in self.kept for m in one.meetings for note in m.comparison.notes)


def over_corpora(question: Question) -> list[AnswerLine]:
    """A line for each corpus, and one for the mean over corpora, which alone is tested."""
    return [line for one in differences(question) for line in _lines(one, question.level)]


def differences(question: Question) -> list[OverCorpora]:
    """Every two that are compared, on all test corpora that have both; those with one corpus only are left out."""
    of: dict[tuple[object, ...], dict[str, list[Meeting]]] = {}
    for group in question.groups():
        t = group.setup
        sides = [question.side(result) for result in group.members]
        aside = ", ".join(filter(None, ("" if t.condition == "clean" else t.condition, group.about)))
        for one, two in chosen(group):
            a, b = sides[one], sides[two]
            key = (t.protocol, t.label_map, t.leaks, t.train == t.test, aside, named(group, one, two))
            meeting = Meeting(a, b, compare_sides(a, b, question.level, question.margin))
            of.setdefault(key, {}).setdefault(t.test, []).append(meeting)
    found = []
    for (*_, about, what), parts in of.items():
        corpora = tuple(CorpusDifference(name, tuple(m), question.metric) for name, m in sorted(parts.items()))
        first = corpora[0].meetings[0].a.result.setup
        found.append(OverCorpora(first, str(what), str(about), question.metric, corpora))
    return [one for one in found if len(one.corpora) > 1]


def _lines(x: OverCorpora, level: float) -> Iterator[AnswerLine]:
    for one in x.corpora:
        test = paired_of(OVER_BOTH, one.uncertainty, level)
        yield replace(of_test(x.where, f"{x.what}: {one.corpus}", test, note="; ".join(one.notes)), p=None)
    note = "; ".join(x.notes)
    if x.summary is None:
        yield AnswerLine(x.where, x.what, n=len(x.kept), units="corpora", reason=x.reason, note=note)
        return
    yield of_test(x.where, x.what, paired_of(RANDOM_EFFECTS, x.summary.uncertainty, level), note=note)
