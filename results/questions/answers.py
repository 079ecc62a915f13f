"""The tests by name: what a study, or `serbench compare --test`, asks of a run.

Every test takes a `Question` and gives lines of plain data; what it cannot say has the reason. All p of an answer are
one family, corrected by Holm.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from ...errors import InputError, unknown
from ..evidence.contestants import without_copies
from ..evidence.evidence import Evidence
from ..evidence.results import FLOOR, Result
from ..statistics.metrics import METRICS, Metric
from ..statistics.probabilities import find_any
from ..statistics.two_models import ROPE
from .answer_lines import OF_INTERVALS, Answer, AnswerLine, Block, Question, corrected
from .unfinished import incomplete


@dataclass(frozen=True, slots=True)
class Test:
    """A test: a line that says what it does, and where its function is."""

    summary: str
    module: str
    function: str
    probabilities: bool = False  # whether it takes a metric of probabilities
    takes: str = "two or more arms, models or conditions"  # what there is to be
    of: str | None = None  # what its estimates are of, where that is not the metric asked for; empty: shares
    names_leaks: bool = False  # whether its lines do
    has_base: bool = False  # whether --base says what the others are held against
    has_blocks: bool = False  # whether its blocks may be corpora
    has_level: bool = False  # whether its intervals, and what it refuses, follow another level than 0.95
    note: str = ""  # what must be known of every answer of it

    def lines(self, question: Question) -> list[AnswerLine]:
        """Its lines, p not yet corrected."""
        function: Callable[[Question], list[AnswerLine]] = getattr(
            import_module(f".{self.module}", __package__), self.function
        )
        return function(question)


def _paired(how: str, module: str, function: str, has_level: bool = True) -> Test:
    summary = f"each arm or model minus the base, or every pair{how}"
    return Test(summary, module, function, has_base=True, has_level=has_level)


TESTS: dict[str, Test] = {
    "main": _paired(", by the main test of the protocol", "pair_tests", "main"),
    "two-way-t": _paired(": t over speakers and trainings, of the printed scores", "pair_tests", "over_both"),
    "speaker-t": _paired(": paired t of speakers' own scores, the typical speaker's", "pair_tests", "speaker_t"),
    "corrected-t": _paired(": Nadeau-Bengio corrected t over folds", "pair_tests", "corrected_t"),
    "bayes": _paired(": chances of better, equal within the margin, worse, flat priors", "pair_tests", "bayes"),
    "tost": _paired(": two one-sided tests of no difference beyond the margin", "pair_tests", "equivalence"),
    "wilcoxon": _paired(": signed ranks of speakers' own scores, exact", "pair_tests", "signed_rank"),
    "plain-t": Test("as papers print it: plain paired t over folds and seeds, too sure of itself", "pair_tests",
                    "plain_t", has_base=True, has_level=True),
    "mcnemar": Test("as papers print it: exact McNemar on the answers of one seed, rows taken as independent",
                    "pair_tests", "mcnemar", of="WA", has_base=True),
    "unchanged": Test("share of answers that are those of the base (or of clean audio), clip by clip, with interval",
                      "pair_tests", "unchanged", takes="several conditions, an arm base, or --base", of=""),
    "improvement": _paired(": chance that a run beats a run on a test speaker, with interval", "block_tests",
                           "improvement", has_level=False),
    "interquartile-mean": Test("mean of the middle half of all scores of speakers and seeds, with interval",
                               "block_tests", "middle_means"),
    "order": Test("scores in their order, which are not told apart, and every pair, corrected by Holm", "block_tests",
                  "order", has_blocks=True, has_level=True),
    "friedman": Test("mean ranks on blocks (--blocks); Friedman and Nemenyi where blocks share no luck of training",
                     "block_tests", "friedman", has_blocks=True, has_level=True),
    "over-corpora": Test("each arm or model minus the base, or every pair: its mean over corpora like these (random "
                         "effects), and on each corpus", "corpus_tests", "over_corpora",
                         takes="two or more arms or models on several test corpora", has_base=True, has_level=True),
    "trend": Test("rise of scores along levels: those named, those of a sweep, or noise levels", "trend_tests",
                  "trend", has_level=True),
    "page": Test("Page's trend test on blocks (--blocks) that share no luck of training, along the same levels",
                 "trend_tests", "page", has_blocks=True, has_level=True),
    "factors": Test("each factor of all that varies, at equal levels of all else; two full factors with their products",
                    "factor_tests", "factors", has_level=True),
    "degradation": Test("each condition minus clean, of the same trainings", "condition_tests", "degradations",
                        takes="clean and other conditions", has_level=True),
    "snr-curve": Test("mean score over the levels of each noise, and SNR50", "condition_tests", "curves",
                      takes="noises at several levels"),
    "interaction": Test("differences of differences: arm by condition, or four arms of two factors",
                        "condition_tests", "interactions", has_level=True),
    "protocol-effect": Test("effect of protocol: each step of a ladder minus the one before, of the utterances that "
                            "both test; rows with and without a sibling in training", "protocol_tests",
                            "protocol_effect", takes="one model under arms or protocols that leak differently",
                            names_leaks=True, has_level=True),
    "fold-trend": Test("whether a difference of two arms grows from fold to fold, a seed being one chain of trainings",
                       "protocol_tests", "fold_trend", takes="two arms of one model", has_level=True),
    "binomial": Test("share of errors that name the class whose block stands before, exact binomial test",
                     "protocol_tests", "preceding_class", of=""),
    "spread": Test("mean with its interval, deviations over seeds, folds and speakers, their components",
                   "descriptions", "spreads"),
    "groups": Test("scores by gender, language, corpus and intensity with intervals, the worst group marked",
                   "descriptions", "by_groups"),
    "recalls": Test("recall of every class with its interval, and minus that of the base where one is named",
                    "descriptions", "recalls", has_level=True),
    "probabilities": Test("AUC, Brier, ECE and area under the risk-coverage curve with intervals over speakers",
                          "descriptions", "probabilities", probabilities=True),
    "detectable": Test("least difference that the main test finds at 80 % power", "descriptions",
                       "detectable"),
}  # fmt: skip


def answer(
    evidence: Evidence,
    metric: str = "uar",
    test: str = "main",
    base: str = "",
    levels: Sequence[str] = (),
    rng_for: Callable[..., np.random.Generator] = OF_INTERVALS,
    blocks: Block = "speaker",
    level: float = 0.95,
    margin: float = ROPE,
) -> Answer:
    """What a test says of what runs hold.

    ``base``: the arm, model or label that the others are held against; by default arm ``base`` where models have
    several, and nothing where there are only models. ``levels``: arms, models or conditions, in their order; by
    default all in the order of the plan. ``blocks``: what friedman and page rank within, test speakers or test corpora.
    ``level``: of intervals, and what a test must be able to reach, or it is refused. ``margin``: within it differences
    are taken as none. Raises InputError for a test,
    metric, base or level that is not there, and for blocks or a level that a test does not have.
    """
    if test not in TESTS:
        raise unknown("test", test, TESTS)
    chosen, measure = TESTS[test], find_any(metric)
    if not isinstance(measure, Metric) and not chosen.probabilities:
        raise InputError(
            f"metric {measure.name}: of probabilities; take the test 'probabilities', or {', '.join(METRICS)}"
        )
    if blocks != "speaker" and not chosen.has_blocks:
        tests = ", ".join(name for name, other in TESTS.items() if other.has_blocks)
        raise InputError(f"{test}: it has no blocks of corpora; --blocks {blocks} goes with {tests}")
    if level != 0.95 and not chosen.has_level:
        tests = ", ".join(name for name, other in TESTS.items() if other.has_level)
        raise InputError(f"{test}: its intervals are at 95 %; --level {level:g} goes with {tests}")
    counts, probability = (measure, None) if isinstance(measure, Metric) else (METRICS["uar"], measure)
    question = Question(
        evidence, counts, base, tuple(levels), probability, rng_for, level=level, blocks=blocks, margin=margin
    )
    return answer_to(question, test)


def answer_to(question: Question, test: str) -> Answer:
    """What a test says to a question that was put already."""
    chosen, measure = TESTS[test], question.probability or question.metric
    lines = corrected(chosen.lines(question))
    family = sum(line.p is not None for line in lines)
    notes = tuple(_notes(question, chosen, lines))
    return Answer(test, chosen.summary, measure.name, lines, notes, question.level, family, question.margin)


def _notes(question: Question, test: Test, lines: Sequence[AnswerLine]) -> Iterator[str]:
    """What must be known beside the lines: why there is none, which leaks there are, and what was left out."""
    if lines and test.note:
        yield test.note
    if not lines:
        yield f"nothing here to test: it takes {test.takes}"
    every = question.results
    if not test.names_leaks:
        yield from _leaks(every)
    text = " ".join(f"{line.where} {line.what} {line.reason}" for line in lines)
    mixed = {e.mixed: f"{e.setup.protocol}, {e.setup.where}" for e in every if e.mixed and e.mixed not in text}
    yield from (f"left out: {reason} ({where}); ask of one run at a time" for reason, where in mixed.items())
    kept = {id(e) for e in without_copies(every)}
    if not question.levels and (copies := list(dict.fromkeys(e.label for e in every if id(e) not in kept))):
        yield f"left out, the base over again: {'; '.join(copies)}"
    if note := incomplete(every, question.plan):
        yield note
    models = {e.model for e in every if e.role != FLOOR}
    for floor in sorted({e.model for e in every if e.role == FLOOR}) if lines and models else ():
        if floor not in text:
            yield f"left out: {floor}" + (f"; --base {floor} holds the others against it" if test.has_base else "")


def _leaks(every: Sequence[Result]) -> Iterator[str]:
    """A line per protocol and set of leaks, with the arms where they differ in them."""
    for protocol in dict.fromkeys(e.setup.protocol for e in every):
        arms: dict[tuple[str, ...], dict[str, None]] = {}
        for e in every:
            if e.setup.protocol == protocol:
                arms.setdefault(e.setup.leaks, {})[e.arm] = None
        for leaks, names in arms.items():
            if leaks:
                where = f" (arms: {'; '.join(names)})" if len(arms) > 1 else ""
                yield f"LEAK, permitted by {protocol}: {', '.join(leaks)}{where}"
