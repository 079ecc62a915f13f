"""`published-mfcc-attention`: copies first, then rows at random, as the notebooks of Lee and Nadeem (2025) split them.

A withdrawn preprint (arXiv 2507.03251). Every utterance gives several rows; a fifth of the rows is tested, whatever
they are copies of, and scored as rows. The notebooks use the test rows for validation too, but nothing is chosen on
them: the last epoch counts, so there is no dev set here. Copies are made of whole clips, there of the 2.5 s they use.
Sound is at 22,050 Hz, from the rate of the files, as librosa loads it; version 1 had 16,000 Hz.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..errors import unknown
from .parts.augment import Step
from .parts.folds import by_corpus, make_fold
from .parts.protocol import ROW_LEAKS, Fold, Protocol, Split, copy_of, row_id, utterance_of
from .parts.replay import PaperCorpus, by_file_name, check_repeats, folder, permutation, remarks
from .parts.usable import enough_utterances

TEST = 0.2  # of the rows
_NOISE = Step("noise", 0.035, 0.035, scaled=True)
_ALTERED = "how the copy was altered that lies between two equal rows is not known; here it gets noise"
_NO_ORDER = "the published order of its files is not known, so its test rows are not the published ones"
_IMAGES = "the published figures are of 256 spectrogram rows of each clip; their supports cannot be obtained"
_NONE = "the paper has no such figure"
#: rows -> the corpora; without a remark the published class supports are obtained
USED: Mapping[str, Mapping[str, PaperCorpus]] = {
    "augmented": {
        "emodb": PaperCorpus(535),
        "emovo": PaperCorpus(588),
        "tess": PaperCorpus(2800, (_NO_ORDER,)),
        "savee": PaperCorpus(480, (_IMAGES,)),
        "ravdess": PaperCorpus(1440, (f"{_IMAGES}, and calm counts as neutral there, 7 classes in all",)),
        "crema-d": PaperCorpus(
            7442, ("no output for it was published; the matrix in its notebook is of 192 rows of another corpus",)
        ),
    },
    "duplicated": {
        "emodb": PaperCorpus(535, (f"{_ALTERED}; the class supports were not published",)),
        "emovo": PaperCorpus(588, (_ALTERED,)),
        "tess": PaperCorpus(2800, (_NO_ORDER,)),
        "savee": PaperCorpus(480, (_NO_ORDER,)),
        "ravdess": PaperCorpus(1440, (_NONE,)),
        "crema-d": PaperCorpus(7442, (_NONE,)),
    },
}
#: of copies that are moved up; other corpora: `SEMITONES`
HIGHER = {"emodb": 2.0, "emovo": 2.0}
SEMITONES = 0.7

Recipes = tuple[tuple[int, tuple[Step, ...]], ...]


@dataclass(frozen=True, slots=True)
class Options:
    """``rows``: augmented, four of every utterance; duplicated, the "no augmentation" of the notebooks.

    ``repeats``: how often rows are drawn, the first time as the notebooks draw them.
    """

    rows: str = "augmented"
    repeats: int = 1

    def __post_init__(self) -> None:
        """Refuse other rows, and less than one draw."""
        check_repeats("published-mfcc-attention", self.repeats)
        if self.rows not in USED:
            raise unknown("published-mfcc-attention.rows", self.rows, USED)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Test rows of a fold and what training has of them: ``siblings`` and ``identical`` count test rows.

    ``utterances`` lie behind the test rows, ``unseen`` of them are never trained on.
    """

    rows: int
    utterances: int
    unseen: int
    siblings: int
    identical: int


def recipes(corpus: str, rows: str) -> Recipes:
    """Number of a copy -> how it is made; every row beside the clip itself."""
    if rows == "duplicated":
        return ((1, (_NOISE,)), (2, ())) if corpus in HIGHER else ((1, ()),)
    semitones = HIGHER.get(corpus, SEMITONES)
    pitch = Step("pitch", semitones, semitones)
    # in the stored table of TESS the last row is the second once more
    last = (replace(_NOISE, like=1),) if corpus == "tess" else (pitch, _NOISE)
    return ((1, (_NOISE,)), (2, (pitch,)), (3, last))


def split(table: pd.DataFrame, options: Options) -> Split:
    """One fold for each corpus and draw."""
    folds: list[Fold] = []
    notes: list[str] = []
    for corpus, part in by_corpus(table):
        rest, dropped = enough_utterances(part)
        drawn = [row_fold(corpus, rest, recipes(corpus, options.rows), n) for n in range(options.repeats)]
        folds += drawn
        notes += [*dropped, *remarks(corpus, len(rest), USED[options.rows]), _note(corpus, overlap(drawn[0]))]
    return Split(tuple(folds), tuple(notes))


def row_fold(corpus: str, table: pd.DataFrame, copies: Recipes, repeat: int = 0) -> Fold:
    """All rows of the utterances, in the order of their files, split at random."""
    utterances = by_file_name(table)
    numbers = np.array([0, *(number for number, _ in copies)])
    rows = utterances.loc[utterances.index.repeat(len(numbers))]
    rows = rows.assign(row=list(map(row_id, rows["id"], np.tile(numbers, len(utterances)).tolist())))
    parts = np.full(len(rows), "train", dtype=object)
    parts[permutation(len(rows), repeat)[: math.ceil(TEST * len(rows))]] = "test"
    fold = make_fold(f"{folder(corpus, repeat)}/rows", (corpus, corpus), rows, parts, repeat)
    return replace(fold, copies=copies)


def overlap(fold: Fold) -> Overlap:
    """What the training rows of a fold have of its test rows."""
    copies = {0: (), **dict(fold.copies)}
    trained = {utterance_of(row) for row in fold.train}
    tested = {utterance_of(row) for row in fold.test}
    same = {copy: _sound(copy, steps) for copy, steps in copies.items()}
    sounds = {(utterance_of(row), same[copy_of(row)]) for row in fold.train}
    return Overlap(
        rows=len(fold.test),
        utterances=len(tested),
        unseen=len(tested - trained),
        siblings=sum(utterance_of(row) in trained for row in fold.test),
        identical=sum((utterance_of(row), same[copy_of(row)]) in sounds for row in fold.test),
    )


def _sound(copy: int, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """What decides how a copy sounds: its steps, those that draw with the copy whose draws they take."""
    return tuple(replace(step, like=step.like or copy) if step.kind == "noise" else step for step in steps)


def _note(corpus: str, shared: Overlap) -> str:
    parts = [f"{100 * shared.siblings / shared.rows:.2f} % have a sibling in training"]
    if shared.identical:
        parts.append(f"{100 * shared.identical / shared.rows:.2f} % are identical to a training row")
    return (
        f"{corpus}: {shared.rows} test rows of {shared.utterances} utterances are scored as rows; {', '.join(parts)}; "
        f"never trained on: {shared.unseen} of the utterances"
    )


PROTOCOL = Protocol(
    name="published-mfcc-attention",
    version=2,
    summary="replay: several rows of each utterance, a random fifth of the rows is tested; copies lie on both sides",
    split=split,
    promises=frozenset(),
    permits=frozenset(ROW_LEAKS),
    null="above",
    options=Options(),
    rate_hz=22_050,
)
