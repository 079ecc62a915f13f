"""Scores in words and numbers, as every table prints them."""

from collections.abc import Iterable

from .scores import Score, Value

NONE = "–"


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


def starred(score: Score) -> str:
    """UAR and interval, starred where cells are missing."""
    return with_interval(score.metrics["uar"]) + ("*" if remark(score) else "")


def star(rows: Iterable[tuple[str, ...]]) -> str:
    """What the star means, where any cell of these rows has one."""
    return "; * not all cells" if any("*" in text for row in rows for text in row[1:]) else ""


def unique(values: Iterable[str]) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(values))
