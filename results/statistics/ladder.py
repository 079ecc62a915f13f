"""What a leak is worth: the same model on the same utterances under two protocols.

The one comparison over protocols that is made, always under the name "effect of protocol".
"""

from dataclasses import dataclass
from itertools import permutations

import pandas as pd

from ..metrics import Metric
from ..pools import paired_rows
from .entries import Entry, entries
from .speakers import PairedTest, paired_t, refused, speaker_differences

NAME = "effect of protocol: paired t over speakers"


@dataclass(frozen=True)
class ProtocolEffect:
    """Score under ``leaky`` minus score under ``honest``, by speaker, on the utterances that both test.

    ``left_out`` counts utterances that only one of the two protocols tests.
    """

    model: str
    train: str
    test: str
    leaky: str
    honest: str
    n_utterances: int
    left_out: int
    score_leaky: float | None
    score_honest: float | None
    difference: PairedTest


def protocol_effects(
    records: pd.DataFrame, predictions: pd.DataFrame, metric: Metric, level: float = 0.95
) -> list[ProtocolEffect]:
    """Every model under every two protocols of which one permits leaks that the other does not."""
    found = [e for e in entries(records) if len(e.records) and e.mixed is None]
    return [
        _effect(x, y, predictions, metric, level)
        for x, y in permutations(found, 2)
        if x.label == y.label and x.task[1:5] == y.task[1:5] and set(x.task.leaks) > set(y.task.leaks)
    ]


def _effect(leaky: Entry, honest: Entry, predictions: pd.DataFrame, metric: Metric, level: float) -> ProtocolEffect:
    a, b = (_rows(entry, predictions) for entry in (leaky, honest))
    common = set(a["utterance"]) & set(b["utterance"])
    left_out = len(set(a["utterance"]) | set(b["utterance"])) - len(common)
    a, b = (frame[frame["utterance"].isin(common)] for frame in (a, b))
    test, scores = _difference(leaky, honest, (a, b), metric, level)
    return ProtocolEffect(
        leaky.label, leaky.task.train, leaky.task.test, leaky.task.protocol, honest.task.protocol, len(common),
        left_out, *scores, test,
    )  # fmt: skip


def _rows(entry: Entry, predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of whole utterances, each under its utterance."""
    rows = paired_rows(entry.records, predictions[predictions["key"].isin(entry.records["key"])])
    name, _, copy = rows["row"].str.rpartition("#").to_numpy().T
    return rows.assign(utterance=name)[copy == "0"]


def _difference(
    leaky: Entry, honest: Entry, rows: tuple[pd.DataFrame, pd.DataFrame], metric: Metric, level: float
) -> tuple[PairedTest, tuple[float | None, float | None]]:
    a, b = rows
    reason = None
    if leaky.basis["data"] != honest.basis["data"] or leaky.classes != honest.classes:
        reason = "different data or classes"
    elif not len(a):
        reason = "no utterance is tested under both protocols"
    elif a["speaker"].isna().any() or b["speaker"].isna().any():
        reason = "the speaker of some rows is unknown"
    elif leaky.basis["settings"] != honest.basis["settings"]:
        reason = "the model has different settings under the two protocols"
    if reason:
        return refused(NAME, 0, reason), (None, None)
    of = [metric.score(frame["truth"].tolist(), frame["guess"].tolist(), leaky.classes) for frame in (a, b)]
    differences = speaker_differences(a, b, leaky.classes, metric)
    return paired_t(differences, NAME, level), (of[0], of[1])
