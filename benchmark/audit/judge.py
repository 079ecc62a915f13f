"""A list of files, held against the leak checks: what test shares with the rest, per rule."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from ...protocols.parts.leaks import EXAMPLES, LeakFinding, Rules, check_all
from ...protocols.parts.protocol import Fold, row_id, utterance_of
from ..audio.allowed import NONE, AllowedPairs
from .files import file_table
from .lists import DEV, TEST, TRAIN, Listing
from .names import tell, untold

if TYPE_CHECKING:
    from .sound import SoundGroups

#: rule -> what files share when they break it; ``named_``: by their names, beside a column
RULES: Rules = {
    "speaker": (("speaker",), ("named_speaker",)),
    "session": (("corpus", "session"), ("corpus", "dialogue"), ("named_session",), ("named_dialogue",)),
    "audio": (("audio_hash",),),
    "near-audio": (("near",),),
    "copy": (("original",),),
    "sentence": (("corpus", "sentence"), ("named_sentence",)),
}
#: rule -> what files share when they may break it
DOUBTS: Rules = {
    "speaker": (("speaker_alike",),),
    "session": (("corpus", "session_alike"), ("corpus", "dialogue_alike")),
    "copy": (("place",),),
    "sentence": (("corpus", "sentence_alike"),),
}
SELECTION = "selection"  # files that are in dev and in test: the leak checks say so by themselves
#: rules that acted corpora break by design: a note, unless they are promised
NOTED = frozenset({"sentence"})
State = Literal["leak", "doubt", "note", "clean", "part", "unchecked"]


@dataclass(frozen=True, slots=True)
class SharedPair:
    """Two files and what they share; ``first`` lies in ``part``, the other in train or dev."""

    value: str
    first: str
    second: str
    part: str


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule over all splits: files of test and dev that are touched.

    ``share``: of the files for which it could be asked; where that is not all of them, nothing found is ``part``,
    not ``clean``. Most files have no session or dialogue, so there a few that do are enough.
    """

    rule: str
    state: State
    n_test: int
    n_dev: int
    share: float
    examples: tuple[SharedPair, ...] = ()


@dataclass(frozen=True)
class Audit:
    """What was found in one listing. ``counts`` maps part -> files, over all splits.

    ``untold``: copies whose names do not tell their clip.
    """

    listing: Listing
    counts: Mapping[str, int]
    n_files: int
    corpora: Mapping[str, int]
    marks: Mapping[str, int]
    untold: int
    verdicts: tuple[RuleVerdict, ...]
    notes: tuple[str, ...]

    @property
    def leaks(self) -> tuple[str, ...]:
        """The rules that are broken."""
        return tuple(verdict.rule for verdict in self.verdicts if verdict.state == "leak")

    @property
    def doubts(self) -> tuple[str, ...]:
        """The rules that are broken if names in doubt are one."""
        return tuple(verdict.rule for verdict in self.verdicts if verdict.state == "doubt")


def judge(
    listing: Listing,
    corpus: str | None,
    recordings: Path | None,
    promised: frozenset[str],
    distinct: bool = False,
    allowed: AllowedPairs = NONE,
) -> Audit:
    """All rules on all splits of a listing; ``promised`` rules of NOTED count as leaks.

    ``corpus`` is the only one whose names are understood; ``recordings`` is the folder to hear the files in;
    ``distinct``: names that may be one are two; ``allowed`` pairs are no copies by sound. Raises InputError for an
    unknown corpus, and where nothing can be heard.
    """
    paths = dict.fromkeys(path for s in listing.splits for paths in s.parts.values() for path in paths)
    readings = tell(paths, corpus, {path: word for path in paths if (word := listing.cells[path].get("corpus"))})
    sound = _hear(readings, recordings, allowed) if recordings else None
    lost = len(untold(readings))
    table, notes = file_table(listing, readings, sound, distinct)
    folds = [_fold(split.name, split.parts) for split in listing.splits]
    every = check_all(folds, table, promises=RULES, rules=RULES)
    doubted = check_all(folds, table, promises=RULES, rules={} if distinct else DOUBTS)
    shares = {rule: _known(rule, table, sound, lost) for rule in RULES}
    shares[SELECTION] = float(any(fold.dev for fold in folds))
    return Audit(
        listing,
        {part: sum(len(split.parts[part]) for split in listing.splits) for part in (TRAIN, DEV, TEST)},
        len(table),
        dict(Counter(t.corpus for t in readings.values()).most_common()),
        dict(Counter(t.mark for t in readings.values() if t.mark).most_common()),
        lost,
        tuple(_verdict(rule, every, doubted, folds, shares[rule], promised) for rule in shares),
        (*listing.notes, *notes, *(sound.notes if sound else ())),
    )


def _hear(paths: Iterable[str], recordings: Path, allowed: AllowedPairs) -> "SoundGroups":
    from .sound import listen  # with what decodes, only where there is something to hear

    return listen(paths, recordings, allowed)


def _fold(name: str, parts: Mapping[str, Sequence[str]]) -> Fold:
    train, dev, test = (tuple(map(row_id, parts[part])) for part in (TRAIN, DEV, TEST))
    return Fold(name, "", "", (), train, dev, test)


def _known(rule: str, table: pd.DataFrame, sound: "SoundGroups | None", n_untold: int) -> float:
    """The share of the files for which a rule could be asked."""
    if rule == "copy":
        return 1 - n_untold / len(table)
    if rule in ("audio", "near-audio"):
        return 0.0 if sound is None else float(table["audio_hash"].notna().mean())
    return float(table[[columns[-1] for columns in RULES[rule]]].notna().any(axis=1).mean())


def _verdict(
    rule: str,
    every: Sequence[Sequence[LeakFinding]],
    doubted: Sequence[Sequence[LeakFinding]],
    folds: Sequence[Fold],
    share: float,
    promised: frozenset[str],
) -> RuleVerdict:
    sure = [(f, fold) for findings, fold in zip(every, folds, strict=True) for f in findings if f.leak == rule]
    broken_by = sure or [
        (f, fold) for findings, fold in zip(doubted, folds, strict=True) for f in findings if f.leak == rule
    ]
    nothing: State = "unchecked" if not share else "clean" if share == 1 or rule == "session" else "part"
    broken: State = "note" if rule in NOTED - promised else "leak" if sure else "doubt"
    return RuleVerdict(
        rule,
        broken if broken_by else nothing,
        sum(finding.n_test for finding, _ in broken_by),
        sum(finding.n_dev for finding, _ in broken_by),
        share,
        tuple(
            SharedPair(e.value, utterance_of(e.row), utterance_of(e.other), TEST if e.row in set(fold.test) else DEV)
            for finding, fold in broken_by[:1]
            for e in finding.examples[:EXAMPLES]
        ),
    )
