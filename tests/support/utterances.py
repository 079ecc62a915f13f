"""Small utterance tables for the tests of protocols, and what is always asked of folds."""

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from serbench.benchmark.checks import protocol_check
from serbench.benchmark.corpora import synthetic
from serbench.benchmark.corpora.registry import fates
from serbench.protocols.parts.catalog import find
from serbench.protocols.parts.design import COLUMNS, Design, design, options_from
from serbench.protocols.parts.protocol import Fold, utterance_of

CLASSES = ("angry", "happy", "neutral", "sad")
built_in, fingerprint = protocol_check.built_in_table, protocol_check.fingerprint

EMODB = "m03 f08 f09 m10 m11 m12 f13 f14 m15 f16"


def make(
    corpus: str, speakers: str, classes: tuple[str, ...] = CLASSES, n: int = 4, session: str | None = None
) -> pd.DataFrame:
    """A table of ``n`` clips per speaker and class; ``speakers`` like "f1 m1": the letter is the gender."""
    lines = [
        {
            "id": f"{corpus}/{speaker}-{emotion}-{i:02d}",
            "corpus": corpus,
            "speaker": f"{corpus}/{speaker}",
            "gender": {"f": "female", "m": "male"}.get(speaker[0]),
            "emotion": emotion,
            "sentence": f"s{i}",
            "session": session,
        }
        for speaker in speakers.split()
        for emotion in classes
        for i in range(n)
    ]
    return finish(pd.DataFrame(lines))


def finish(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that are missing; every clip has its own audio unless the table says otherwise."""
    for column in ("audio_hash", "group"):
        if column not in table:
            table[column] = table["id"]
    for column in COLUMNS:
        if column not in table:
            table[column] = None
    return table.sort_values("id", ignore_index=True)


def run(name: str, *tables: pd.DataFrame, label_map: str | None = None, **options: str) -> Design:
    protocol = find(name)
    return design(protocol, pd.concat(tables), label_map, options_from(protocol, options), fates())


def who(made: Design, rows: tuple[str, ...]) -> set[str]:
    speaker = dict(zip(made.labelled.table["id"], made.labelled.table["speaker"], strict=True))
    return {speaker[utterance_of(row)] for row in rows}


def same_audio(table: pd.DataFrame, *ids: str) -> pd.DataFrame:
    shared = table["id"].isin(ids)
    assert shared.sum() == len(ids)
    return table.assign(audio_hash=table["audio_hash"].mask(shared, ids[0]), group=table["group"].mask(shared, ids[0]))


def iemocap(sessions: int = 5, turns: int = 3) -> pd.DataFrame:
    parts = [
        make("iemocap", f"f{i} m{i}", ("angry", "excited", "neutral", "sad"), turns, f"Ses0{i}")
        for i in range(1, sessions + 1)
    ]
    table = pd.concat(parts)
    return finish(table.assign(dialogue=table["session"] + "_impro01"))


def official(corpus: str = "meld") -> pd.DataFrame:
    table = make(corpus, "f1 f2 m1 m2", n=10)
    part = table["id"].str[-1].map(lambda i: "test" if i in "01" else "dev" if i == "2" else "train")
    return table.assign(official_split=part)


def check_partition(folds: tuple[Fold, ...], table: pd.DataFrame) -> None:
    """Parts are disjoint, sorted, together the table; every utterance is tested once per repeat; groups stay whole."""
    everything = {f"{utterance}#0" for utterance in table["id"]}
    group = dict(zip(table["id"], table["group"], strict=True))
    tested: Counter[tuple[int, str]] = Counter()
    for fold in folds:
        parts = [fold.train, fold.dev, fold.test]
        assert all(list(part) == sorted(part) for part in parts)
        assert sum(map(len, parts)) == len(set().union(*parts))
        assert set().union(*parts) == everything
        groups = [{group[utterance_of(row)] for row in part} for part in parts]
        assert sum(map(len, groups)) == len(set().union(*groups))
        tested.update((fold.repeat, row) for row in fold.test)
    assert tested == Counter({(repeat, row): 1 for repeat in {f.repeat for f in folds} for row in everything})


@dataclass(frozen=True, eq=False)
class Opened:
    """A corpus without its audio, as far as plans and run folders ask for it."""

    name: str
    table: pd.DataFrame
    fingerprint: str = "f" * 64
    notes: tuple[str, ...] = ()
    rate_hz: int = 16_000


def without_audio() -> dict[str, Opened]:
    """The built-in corpora by name."""
    return {name: Opened(name, finish(synthetic.table(name))) for name in synthetic.NAMES}
