"""`learning-curve`: trained on 5 to 100 % of the training clips, in nested subsets that keep every speaker."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ..errors import InputError
from ..seeds import stream
from .parts.folds import by_corpus, circle
from .parts.protocol import BASE, Arm, Fold, Split, utterance_of
from .speaker_independent import PROTOCOL as NEW_SPEAKERS
from .speaker_independent import join, speaker_folds

VERSION = 1


@dataclass(frozen=True, slots=True)
class Options:
    """``shares`` of each training set, all of it is the base; ``draws``: how often subsets are drawn anew."""

    shares: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75)
    draws: int = 3

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        if not self.shares or len(set(self.shares)) < len(self.shares) or not all(0 < s < 1 for s in self.shares):
            raise InputError(f"learning-curve.shares: different shares between 0 and 1, given {self.shares}")
        if self.draws < 1:
            raise InputError(f"learning-curve.draws={self.draws}: at least 1 is needed")


def name_of(share: float) -> str:
    """The arm of a share."""
    return f"share={share:g}"


def arms(options: Options) -> tuple[Arm, ...]:
    """Everything, then the shares."""
    return (BASE, *(Arm(name_of(share), factors=(("share", f"{share:g}"),)) for share in sorted(options.shares)))


def split(table: pd.DataFrame, options: Options) -> Split:
    """Speaker folds of each corpus on its own, each with its subsets; a draw is a repeat."""
    whole = join(speaker_folds(circle(corpus, part)) for corpus, part in by_corpus(table))
    labels = dict(zip(table["id"], table["label"], strict=True))
    speakers = dict(zip(table["id"], table["speaker"], strict=True))
    folds = [replace(fold, arm=BASE.name) for fold in whole.folds]
    for fold in whole.folds:
        for draw in range(options.draws):
            ranked = ranks(fold, labels, speakers, draw)
            folds += [_part(fold, ranked, share, draw, labels) for share in options.shares]
    return Split(tuple(folds), whole.notes)


def ranks(fold: Fold, labels: dict[str, str], speakers: dict[str, str], draw: int) -> dict[str, list[str]]:
    """Speaker -> training rows in the order in which they join: classes in turn, so that any beginning is stratified.

    The rows of a class are spread evenly from a begin of its own, which differs from speaker to speaker: so the
    smallest subsets, of a row or two of each, hold the classes in their proportions too.
    """
    of_speaker: dict[str, dict[str, list[str]]] = {}
    for row in fold.train:
        clip = utterance_of(row)
        of_speaker.setdefault(speakers[clip], {}).setdefault(labels[clip], []).append(row)
    rng = stream("learning curve", VERSION, fold.name, draw)
    mixed = sorted(of_speaker)
    names = [mixed[i] for i in rng.permutation(len(mixed))]
    places: dict[str, list[tuple[float, str, str]]] = {speaker: [] for speaker in names}
    for j, label in enumerate(fold.classes):
        having = [speaker for speaker in names if label in of_speaker[speaker]]
        for turn, speaker in enumerate(having):
            begin = ((turn + 0.5) / len(having) + j / len(fold.classes)) % 1
            rows = of_speaker[speaker][label]
            drawn = [rows[i] for i in rng.permutation(len(rows))]
            places[speaker] += [((k + begin) / len(rows), label, row) for k, row in enumerate(drawn)]
    return {speaker: [row for *_, row in sorted(places[speaker])] for speaker in names}


def _part(fold: Fold, ranked: dict[str, list[str]], share: float, draw: int, labels: dict[str, str]) -> Fold:
    """The fold with that share of every speaker's training rows, at least one. InputError where a class is missing."""
    rows = [row for own in ranked.values() for row in own[: math.ceil(round(share * len(own), 9))]]
    _complete(fold, rows, share, labels)
    return replace(fold, arm=name_of(share), train=tuple(sorted(rows)), repeat=draw)


def _complete(fold: Fold, rows: Sequence[str], share: float, labels: dict[str, str]) -> None:
    missing = sorted(set(fold.classes) - {labels[utterance_of(row)] for row in rows})
    if missing:
        raise InputError(
            f"learning-curve: a share of {share:g} of fold '{fold.name}', {len(rows)} rows, lacks {missing[0]}; "
            "leave it out with learning-curve.shares=..."
        )


PROTOCOL = replace(
    NEW_SPEAKERS,
    name="learning-curve",
    version=VERSION,
    summary="5 to 100 % of the training clips: nested, stratified, every speaker in each subset, drawn 3 times",
    split=split,
    options=Options(),
    arms=arms,
)
