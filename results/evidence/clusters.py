"""Which speakers are one cluster: those of a session where all its dialogues are held by speakers of its own (IEMOCAP)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from ...errors import unknown

Cluster = Literal["auto", "speaker", "session"]
CLUSTERS: tuple[str, ...] = get_args(Cluster)


def clusters_of(tables: Sequence[Path], cluster: str = "auto") -> dict[str, str]:
    """Speaker -> the session that it is a cluster with, of labelled tables; speakers that are not there stand alone.

    ``auto``: sessions where all speakers have one and dialogues are held within it; ``session``: wherever every speaker
    has one session; ``speaker``: none. Raises InputError for another word.
    """
    if cluster not in CLUSTERS:
        raise unknown("cluster", cluster, CLUSTERS)
    sessions: dict[str, str] = {}
    for path in tables if cluster != "speaker" else ():
        table = pd.read_parquet(path, columns=["corpus", "speaker", "session", "dialogue"])
        for corpus, part in table.groupby("corpus"):
            if _nests(part, cluster):
                first = part.dropna(subset=["speaker"]).drop_duplicates("speaker")
                names = f"{corpus}/session " + first["session"].astype(str)
                sessions.update(zip(first["speaker"].astype(str), names, strict=True))
    return sessions


def _nests(part: pd.DataFrame, cluster: str) -> bool:
    """Whether every speaker belongs to one session, and some sessions have several."""
    needed = ["session", "speaker", *(["dialogue"] if cluster == "auto" else [])]
    if not len(part) or part[needed].isna().any(axis=None):
        return False
    return bool(
        part.groupby("speaker")["session"].nunique().max() == 1
        and part.groupby("session")["speaker"].nunique().max() > 1
    )


def with_clusters(predictions: pd.DataFrame, sessions: dict[str, str]) -> pd.DataFrame:
    """The predictions with a column ``cluster`` of categories, where any speaker has a session."""
    speaker = predictions["speaker"]
    names = [sessions.get(str(name), str(name)) for name in speaker.cat.categories]
    if not sessions or names == list(speaker.cat.categories):
        return predictions
    return predictions.assign(
        cluster=speaker.cat.rename_categories(range(len(names))).map(dict(enumerate(names))).astype("category")
    )
