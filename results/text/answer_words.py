"""What an answer says in plain words: sentences that follow from its numbers alone."""

from collections.abc import Callable, Sequence

from ..questions.answer_lines import Answer, AnswerLine
from .answer_text import value
from .comparison_text import p_value, points_of

ALPHA = 0.05
MOST = 4  # comparisons that a sentence lists
MINUS = " − "
SIBLING = "without a sibling in training"
#: tests whose small p says that two are equal, not that they differ
EQUAL = frozenset({"tost"})
#: tests of which some lines are estimates without p
ESTIMATES = frozenset(
    {"unchanged", "improvement", "interquartile-mean", "snr-curve", "groups", "probabilities", "detectable", "bayes"}
)


def words(answer: Answer) -> list[str]:
    """Sentences; the reason where nothing can be said."""
    lines = [line for line in answer.lines if line.estimate is not None or line.p is not None]
    if not lines:
        reasons = list(dict.fromkeys(line.reason for line in answer.lines if line.reason)) or list(answer.notes)
        return [f"Nothing can be said: {'; '.join(reasons) or 'there is nothing to test'}."]
    if answer.test == "spread":
        return _spread(lines)
    if answer.test == "protocol-effect":
        return [*_steps(lines), *_tested(_with_p(lines), _difference, "comparison")]
    if answer.test == "friedman":
        return _ranks(lines)
    if answer.test in ESTIMATES:
        return _estimates(lines)
    if answer.test in EQUAL:
        return _equal(_with_p(lines), points_of(answer.margin))
    if answer.test == "binomial":
        return _errors(_with_p(lines))
    if answer.test == "order":
        return [*_scores(lines), *_tested(_with_p(lines), _difference, "comparison")]
    if answer.test == "factors":  # their levels; a factor as a whole says no more
        return _tested([line for line in _with_p(lines) if line.estimate is not None], _effect, "effect")
    if answer.test in TRENDS:
        return _tested(_with_p(lines), TRENDS[answer.test], "trend")
    return _tested(_with_p(lines), _difference, "comparison")


def _with_p(lines: Sequence[AnswerLine]) -> list[AnswerLine]:
    return [line for line in lines if line.p is not None]


def _several(lines: Sequence[AnswerLine]) -> bool:
    return len({line.where for line in lines}) > 1


def _corrected(line: AnswerLine) -> float:
    return 1.0 if line.p is None else line.p if line.holm is None else line.holm


def _tested(lines: Sequence[AnswerLine], say: Callable[[AnswerLine, str], str], what: str) -> list[str]:
    """Which tests hold after the correction, the surest first; or that none does."""
    if not lines:
        return []
    several = _several(lines)
    sure = sorted((line for line in lines if _corrected(line) <= ALPHA), key=_corrected)
    if not sure:
        least = min(lines, key=_corrected)
        many = f"None of {len(lines)} {what}s holds" if len(lines) > 1 else f"The {what} does not hold"
        return [
            f"{many} at 5 %: the least corrected p is {p_value(_corrected(least))} ({least.what}). That does not show "
            "that nothing is there."
        ]
    sentences = [
        f"{len(sure)} of {len(lines)} {what}s hold{'s' * (len(sure) == 1)} at 5 % after correction."
        if len(lines) > 1
        else f"The {what} holds at 5 %."
    ]
    sentences += [say(line, line.where if several else "") for line in sure[:MOST]]
    return [*sentences, *([f"And {len(sure) - MOST} more."] if len(sure) > MOST else [])]


def _difference(line: AnswerLine, where: str) -> str:
    """One thing more or less than another."""
    one, minus, other = line.what.partition(MINUS)
    place = f", {where}" if where else ""
    p = f"corrected p {p_value(_corrected(line))}{place}"
    if line.estimate is None:
        return f"{line.what}: {p}."
    if not minus or MINUS in other or line.unit != "points":
        return f"{line.what}: {value(line)}{' points' * (line.unit == 'points')}; {p}."
    if other == SIBLING:
        step = one.removesuffix(": with")
        one, other = f"with a sibling in training, '{step}'", "without one"
    else:
        one, other = f"'{one}'", f"'{other}'"
    much = f"{abs(100 * line.estimate):.1f} points {'more' if line.estimate > 0 else 'less'}"
    between = "" if line.low is None or line.high is None else f" ({100 * line.low:+.1f} to {100 * line.high:+.1f})"
    return f"{one[:1].upper()}{one[1:]} scores {much} than {other}{between}; {p}."


def _effect(line: AnswerLine, where: str) -> str:
    """One level of a factor minus its first, or a product of two factors."""
    return f"{line.what}: {value(line)} points; corrected p {p_value(_corrected(line))}{f', {where}' if where else ''}."


def _rise(line: AnswerLine, where: str) -> str:
    """From the first level, or fold, to the last."""
    ends = "fold" if line.what.count(MINUS) else "level"
    change = f"changes by {100 * (line.estimate or 0):+.1f} points from the first {ends} to the last"
    what = line.what if line.what.count(MINUS) else f"The score ({line.what})"
    return f"{what} {change}; p {p_value(_corrected(line))}{f', {where}' if where else ''}."


def _ranked(line: AnswerLine, where: str) -> str:
    return f"Scores follow the order: {line.what}; p {p_value(_corrected(line))}{f', {where}' if where else ''}."


#: what is said of each test of a trend
TRENDS: dict[str, Callable[[AnswerLine, str], str]] = {"page": _ranked, "trend": _rise, "fold-trend": _rise}


def _scores(lines: Sequence[AnswerLine]) -> list[str]:
    """Of each body of data, the scores, best first."""
    of: dict[str, list[str]] = {}
    for line in lines:
        if line.unit == "%":
            of.setdefault(line.where, []).append(f"{line.what} {value(line)} %")
    return [f"{where}, best first: {', '.join(names)}." for where, names in of.items()]


def _ranks(lines: Sequence[AnswerLine]) -> list[str]:
    """Of each body of data: whether all are equal, and who ranks first and last."""
    sentences = []
    for where in dict.fromkeys(line.where for line in lines):
        here = [line for line in lines if line.where == where]
        ranks = sorted((line for line in here if line.unit == "rank" and line.p is None), key=lambda x: x.estimate or 0)
        whole = next((line for line in here if line.what == "all are equal"), None)
        if whole is None or not ranks:
            continue
        verdict = "They are not all equal" if _corrected(whole) <= ALPHA else "No difference among them is shown"
        first, last = ranks[0], ranks[-1]
        sentences.append(
            f"{where}: {verdict} (p {p_value(_corrected(whole))}); best {first.what} ({value(first)}), "
            f"worst {last.what} ({value(last)})."
        )
    return [*sentences, *_tested([line for line in lines if MINUS in line.what and line.p], _rank, "comparison")]


def _rank(line: AnswerLine, where: str) -> str:
    return f"{line.what}: ranks differ by {value(line)}; p {p_value(_corrected(line))}{f', {where}' if where else ''}."


def _equal(lines: Sequence[AnswerLine], margin: str) -> list[str]:
    same = [line.what for line in lines if _corrected(line) <= ALPHA]
    other = [line.what for line in lines if _corrected(line) > ALPHA]
    sentences = [f"Shown to be equal within {margin}: {_some(same)}."] if same else []
    return [*sentences, *([f"Not shown to be equal within {margin}: {_some(other)}."] if other else [])]


def _some(names: Sequence[str]) -> str:
    return "; ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def _errors(lines: Sequence[AnswerLine]) -> list[str]:
    """Shares of errors that name the class before, and of those of arms that hand nothing on."""
    sentences = []
    for where in dict.fromkeys(line.where for line in lines):
        here = {line.what.partition(":")[0]: line for line in lines if line.where == where}
        shares = ", ".join(f"{value(line)} % in '{arm}'" for arm, line in here.items())
        sentences.append(f"{where}: of the errors that could, these name the class before: {shares}.")
        still = [line for arm, line in here.items() if arm.startswith("zero")]
        if still and still[0].estimate is not None:
            sentences.append(
                f"Without a state to hand on it is {100 * still[0].estimate:.1f} % already, by the likeness of the "
                "classes: only what goes beyond can come from the order, or from training with a state that goes on."
            )
    return sentences


def _steps(lines: Sequence[AnswerLine]) -> list[str]:
    """From the first step of each ladder to the last; where all are held against one, the highest and the lowest."""
    sentences = []
    for where in dict.fromkeys(line.where for line in lines):
        here = [line for line in lines if line.where == where]
        steps = [line for line in here if line.p is None and line.unit == "%"]
        if len(steps) < 2:
            continue
        first, others = steps[0], sorted(steps[1:], key=lambda line: line.estimate or 0.0)
        against = {line.what.rpartition(MINUS)[2] for line in _with_p(here) if not line.what.endswith(SIBLING)}
        chain = against != {first.what} or len(steps) == 2
        shown = [steps[-1]] if chain else [others[-1], others[0]] if len(others) > 1 else others
        scores = ", ".join(f"{value(line)} % in '{line.what}'" for line in (first, *shown))
        sentences.append(f"{where}: {scores}.")
    return sentences


def _estimates(lines: Sequence[AnswerLine]) -> list[str]:
    """The highest and the lowest of each kind of number."""
    sentences = []
    for unit in dict.fromkeys(line.unit for line in lines):
        ordered = sorted((line for line in lines if line.unit == unit), key=lambda line: line.estimate or 0.0)
        several = _several(ordered)

        def said(line: AnswerLine, several: bool = several) -> str:
            mark = {"%": " %", "points": " points"}.get(line.unit, "")
            return f"{line.what}{f' ({line.where})' if several else ''}: {value(line)}{mark}"

        if len(ordered) == 1:
            sentences.append(f"{said(ordered[0])}.")
        elif ordered[0].estimate == ordered[-1].estimate:
            sentences.append(f"All {len(ordered)} are the same: {said(ordered[0]).rpartition(': ')[2]}.")
        else:
            sentences.append(f"Highest: {said(ordered[-1])}. Lowest: {said(ordered[0])}.")
    return sentences


def _spread(lines: Sequence[AnswerLine]) -> list[str]:
    """Mean and deviations of each model, in one sentence each."""
    sentences = []
    for head in [line for line in lines if line.what.endswith(": mean")]:
        name = head.what.removesuffix(": mean")
        parts = [
            f"{100 * (line.estimate or 0):.1f} points over {line.units}"
            for line in lines
            if line.where == head.where and line.what.startswith(f"{name}: deviation")
        ]
        sentences.append(f"{name} ({head.where}): {value(head)} %; deviations {', '.join(parts) or 'unknown'}.")
    return sentences
