"""Scores of parts of the rows: per speaker, gender, language, corpus, intensity, with the worst part named."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..statistics.metrics import Metric, counts
from ..statistics.score_intervals import score_interval
from ..statistics.speakers import Interval, mean_known, unknown_speakers
from .parts import codes_of_pairs, parts_of

#: what utterances can be grouped by, beside the speaker
GROUPS = ("gender", "language", "corpus", "intensity")
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Groups:
    """Scores by the values of one column, and which is worst.

    ``table``: ``group, n`` (utterances), ``n_speakers, classes`` (with rows), ``score, low, high, reason``; the
    score is the mean over seeds and repeats, the interval over the test speakers of the group, without one the
    ``reason`` (otherwise empty). ``worst`` is the known group with the lowest score, ``gap`` best minus worst; both
    None with fewer than two known groups.
    """

    column: str
    table: pd.DataFrame
    worst: str | None
    gap: float | None


def by_group(rows: pd.DataFrame, column: str, classes: Sequence[str], metric: Metric) -> Groups:
    """Scores by the values of ``column``; rows have it and ``seed, repeat, row, speaker, truth, guess``.

    The metric is taken over the classes with rows in the group. A null value is the group ``unknown``.
    """
    lines = []
    for name, part in rows.groupby(rows[column].astype(object).fillna(UNKNOWN), sort=True):
        confusions = confusions_by_speaker(part, classes)  # (runs, speakers, C, C)
        interval = interval_of(part, classes, metric)
        of_runs = metric.of(confusions.sum(1))
        lines.append(
            (
                str(name), part["row"].nunique(), part["speaker"].nunique(), part["truth"].nunique(),
                float(mean_known(of_runs, 0)), interval.low, interval.high, interval.reason or "",
            )
        )  # fmt: skip
    table = pd.DataFrame(lines, columns=["group", "n", "n_speakers", "classes", "score", "low", "high", "reason"])
    groups = table[table["group"] != UNKNOWN]
    if len(groups) < 2:
        return Groups(column, table, None, None)
    worst = groups.loc[groups["score"].idxmin()]
    return Groups(column, table, str(worst["group"]), float(groups["score"].max() - worst["score"]))


def by_speaker(rows: pd.DataFrame, classes: Sequence[str], metric: Metric) -> pd.DataFrame:
    """One line per speaker, worst first: ``speaker, n, score, sd``; mean and deviation over seeds and repeats."""
    spoken = rows[rows["speaker"].notna()]
    confusions = confusions_by_speaker(spoken, classes)
    scores = metric.of(confusions)  # (runs, speakers)
    table = pd.DataFrame(
        {
            "speaker": sorted(spoken["speaker"].unique()),
            "n": spoken.groupby("speaker")["row"].nunique().sort_index().to_numpy(),
            "score": mean_known(scores, 0),
            "sd": scores.std(0, ddof=1) if len(scores) > 1 else np.nan,
        }
    )
    return table.sort_values(["score", "speaker"], ignore_index=True)


def confusions_by_speaker(rows: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Counts (runs, speakers, C, C + 1): runs are pairs (seed, repeat), speakers by name, unknown ones last.

    The last column as in `metrics.counts`.
    """
    run, runs = codes_of_pairs(*(pd.factorize(rows[name], sort=True)[0] for name in ("seed", "repeat")))
    speaker, speakers = pd.factorize(rows["speaker"], sort=True, use_na_sentinel=False)
    n = len(speakers)
    confusions = counts(run * n + speaker, rows["truth"], rows["guess"], len(runs) * n, classes)
    return confusions.reshape(len(runs), n, *confusions.shape[1:])


def interval_of(rows: pd.DataFrame, classes: Sequence[str], metric: Metric, level: float = 0.95) -> Interval:
    """The interval of the score of these rows, as in the tables; none where a speaker is unknown."""
    if unknown := int(rows["speaker"].isna().sum()):
        return unknown_speakers(unknown)
    return score_interval(parts_of(rows, classes), metric, level)


def with_utterances(rows: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """Rows (with ``utterance``) and the columns of `GROUPS` of their utterance; unknown ones are null.

    ``utterances`` has ``id`` and any of `GROUPS`; an utterance may be there several times (under several label maps).
    """
    columns = [c for c in GROUPS if c in utterances.columns]
    facts = utterances[["id", *columns]].drop_duplicates("id").rename(columns={"id": "utterance"})
    kept = rows.drop(columns=[c for c in columns if c in rows.columns])
    return kept.merge(facts, on="utterance", how="left", validate="many_to_one")
