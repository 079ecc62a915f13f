"""What is said of clips that cannot be used, and of odd ones, by every command that hears files."""

from collections.abc import Iterator, Sequence

import pandas as pd

from ..audio.decode import INTEGER_PEAK
from ..audio.longest import longest_s, spoken
from .clips import PreparedClip

#: why nothing is heard of a clip, in words that go on after "a clip" or "clips"
SILENCES = {
    "silent": "without sound",
    "cancelled": "whose channels cancel each other (one is the other inverted)",
    "other track": "whose first sound track is silent (only that one is heard)",
}
LACKING = "whose header promises a few bytes more than there are"
INTEGERS = "with samples far beyond full scale (integers in a file of floats?)"


def fault_of(clip: PreparedClip, file: str, rate_hz: int) -> str:
    """Why a file cannot be used, in a line; empty where it can."""
    if clip.problem in SILENCES:
        return f"{file}: a clip {SILENCES[clip.problem]}"
    return f"{file}: shorter than a sample at {rate_hz} Hz" if clip.problem == "short" else clip.reason


def oddities(lacking: int, peak: float) -> Iterator[tuple[str, str]]:
    """What is odd about a file that can be used all the same: the kind, and how much of it."""
    if lacking:
        yield LACKING, f"{lacking} {'byte' if lacking == 1 else 'bytes'}"
    if peak > INTEGER_PEAK:
        yield INTEGERS, f"peak {peak:.5g}"


def remarks(
    bad: Sequence[PreparedClip], odd: dict[str, list[str]], table: pd.DataFrame, rate_hz: int
) -> dict[str, tuple[int, list[str]]]:
    """What happened to clips -> how many, which."""
    by_problem: dict[str, list[PreparedClip]] = {}
    for clip in bad:
        by_problem.setdefault(clip.problem, []).append(clip)
    unreadable = [f"{clip.id} ({clip.reason})" for clip in by_problem.get("unreadable", ())]
    words = SILENCES | {"long": f"longer than {spoken(longest_s())}", "short": f"shorter than a sample at {rate_hz} Hz"}
    names = {
        "left out, they cannot be read": unreadable,
        **{f"left out, {why}": [clip.id for clip in by_problem.get(what, ())] for what, why in words.items()},
        "of several channels, averaged to one": list(table.loc[table["channels"] > 1, "id"]),
        "with clipped samples": [
            f"{id} ({count})" for id, count in zip(table["id"], table["clipped"], strict=True) if count
        ],
        **odd,
    }
    return {what: (len(ids), ids) for what, ids in names.items() if ids}


def none_usable(corpus: str, bad: Sequence[PreparedClip], rate_hz: int) -> str:
    """The error for a corpus of which nothing is left."""
    read = [clip for clip in bad if clip.problem in ("unreadable", "long")]
    first = next(iter(read or bad), None)
    if first is None:
        return f"{corpus}: no clips"
    why = fault_of(first, first.id, rate_hz)
    return f"{corpus}: none of {len(bad)} clips can be used, " + (
        f"{len(read)} cannot be read: {why}" if read else f"the first: {why}"
    )
