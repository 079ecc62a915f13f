"""Which speakers are one cluster: those of a session, where sessions have speakers of their own (IEMOCAP)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ...errors import unknown
from .files import read_table

Cluster = Literal["auto", "speaker", "session"]
COLUMNS = ["corpus", "speaker", "session", "dialogue"]
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
        stored = read_table(path)
        if not {*COLUMNS} <= {*stored.column_names}:  # a table of predictions made elsewhere, or an old one
            continue
        table = stored.select(COLUMNS).to_pandas()
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
    sessions, speakers = part.groupby("speaker")["session"].nunique(), part.groupby("session")["speaker"].nunique()
    return bool(sessions.max() == 1 and speakers.max() > 1)


def with_clusters(predictions: pd.DataFrame, sessions: dict[str, str]) -> pd.DataFrame:
    """The predictions with a column ``cluster`` of categories, where any speaker has a session."""
    speaker = predictions["speaker"]
    names = [sessions.get(str(name), str(name)) for name in speaker.cat.categories]
    if not sessions or names == list(speaker.cat.categories):
        return predictions
    every = sorted(set(names))
    code = np.array([every.index(name) for name in names] + [-1])[speaker.cat.codes.to_numpy()]
    return predictions.assign(cluster=pd.Categorical.from_codes(code, every))
