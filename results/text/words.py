"""Scores in words and numbers, as every table prints them."""

from collections.abc import Collection, Iterable, Sequence

from ..evidence.scores import Score, Value

NONE = "–"
DAGGER = "†"  # behind the score of a model that did not train


def percent(value: float | None) -> str:
    """In percent with one decimal; unknown is a dash.

    >>> percent(0.4534), percent(None)
    ('45.3', '–')
    """
    return NONE if value is None else f"{100 * value:.1f}"


def with_interval(value: Value) -> str:
    """Mean and interval.

    >>> with_interval(Value(mean=0.453, low=0.41, high=0.496))
    '45.3 [41.0, 49.6]'
    """
    if value.low is None or value.high is None:
        return percent(value.mean)
    return f"{percent(value.mean)} [{percent(value.low)}, {percent(value.high)}]"


def where(score: Score) -> str:
    """What was trained on and tested on."""
    return score.test if score.train == score.test else f"{score.train} → {score.test}"


def remark(score: Score) -> str:
    """Which cells are missing from a score; nothing for a complete one."""
    causes = ", ".join(f"{n} {word}" for n, word in ((score.n_failed, "failed"), (score.n_pending, "pending")) if n)
    done = f"{score.n_done} of {score.n_cells} cells" + (f" ({causes})" if causes else "")
    return "" if score.n_done == score.n_cells else done


def headline(score: Score) -> str:
    """UAR and interval, with a dagger where a model did not train; a note of the score says what that means."""
    return with_interval(score.metrics["uar"]) + (DAGGER if score.not_trained else "")


def starred(score: Score) -> str:
    """The same, starred where cells are missing."""
    return headline(score) + ("*" if remark(score) else "")


def star(rows: Iterable[tuple[str, ...]]) -> str:
    """What star and dagger mean, where any cell of these rows has one."""
    marks = {"*": "* not all cells", DAGGER: f"{DAGGER} not trained"}
    cells = [text for row in rows for text in row[1:]]
    return "".join(f"; {meaning}" for mark, meaning in marks.items() if any(mark in text for text in cells))


def sized(scores: Sequence[Score], what: str) -> str:
    """Rows and speakers of scores on one test, ``what`` is counted; from the least to the most where they differ.

    Scores differ where cells are missing, and where arms are tested on other utterances. Empty where none has any.
    """
    utterances = {s.n_utterances for s in scores if s.n_utterances}
    speakers = {s.n_speakers for s in scores if s.n_utterances and s.n_speakers}
    if not utterances:
        return ""
    return f"{_span(utterances)} {what} of {_span(speakers) if speakers else 'unknown'} speakers"


def _span(counts: Collection[int]) -> str:
    least, most = min(counts), max(counts)
    return str(most) if least == most else f"{least} to {most}"


def unique(values: Iterable[str]) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(values))
