"""`leak-ladder`: one model on the same utterances, under splits that leak less and less: what every leak is worth.

Steps, each an arm: rows split after augmentation (scored as rows, and once per utterance) - copies kept on one side -
random by utterance - new sentences - new speakers - new speakers and sentences - new corpus. From the second on, every
step scores the same original utterances once each, under one label map. Training sets are drawn to the size of the
smallest step, counted in utterances and stratified by class; copies (noise, pitch, both, as Lee and Nadeem 2025 make
them) come on top, in the steps that have them, in training only.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..errors import InputError, unknown
from ..seeds import stream
from .cross_corpus import circles
from .parts.folds import Circle, dev_speakers, in_turn, linked, make_fold, stratified
from .parts.protocol import ROW_LEAKS, Arm, Fold, Leak, Protocol, Split, copy_of, row_id, utterance_of
from .published_mfcc_attention import recipes

VERSION = 1
ROWS, LEAKED, TOGETHER, RANDOM, SENTENCES, SPEAKERS, BOTH, CORPUS = (
    "row-scored", "rows split after augmentation", "copies kept on one side", "random by utterance", "new sentences",
    "new speakers", "new speakers and sentences", "new corpus",
)  # fmt: skip
STEPS = (ROWS, LEAKED, TOGETHER, RANDOM, SENTENCES, SPEAKERS, BOTH, CORPUS)
#: what the folds of a step must not have; the protocol as a whole permits everything
PROMISES: Mapping[str, frozenset[Leak]] = {
    TOGETHER: frozenset({"audio", "copy"}),
    RANDOM: frozenset({"audio", "copy"}),
    SENTENCES: frozenset({"audio", "copy", "sentence"}),
    SPEAKERS: frozenset({"audio", "copy", "speaker"}),
    BOTH: frozenset({"audio", "copy", "speaker", "sentence"}),
    CORPUS: frozenset({"audio", "copy", "speaker"}),
}
#: number of a copy -> how it is made, as published for EMO-DB
COPIES = recipes("emodb", "augmented")


@dataclass(frozen=True, slots=True)
class Options:
    """``folds``: of the random steps; ``sentences``: folds of sentences, at most; ``only``: corpora that get a ladder.

    The corpora that are not among ``only`` are trained on in the last step.
    """

    folds: int = 10
    sentences: int = 3
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse folds without training rows."""
        for name, value, least in (("folds", self.folds, 3), ("sentences", self.sentences, 2)):
            if value < least:
                raise InputError(f"leak-ladder.{name}={value}: at least {least} are needed")


def arms(options: Options) -> tuple[Arm, ...]:
    """The steps, from the one that leaks most."""
    return tuple(Arm(step) for step in STEPS)


def split(table: pd.DataFrame, options: Options) -> Split:
    """The ladder of each corpus; the last step where there are several corpora."""
    ready, notes = circles(table)
    labels = dict(zip(table["id"], table["label"], strict=True))
    folds: list[Fold] = []
    if strangers := [name for name in options.only if name not in {c.corpus for c in ready}]:
        raise unknown("corpus of leak-ladder.only", strangers[0], [c.corpus for c in ready])
    for target in (c for c in ready if not options.only or c.corpus in options.only):
        steps = _steps(target, [c for c in ready if c is not target], options, notes)
        folds += _matched(target.corpus, steps, labels, notes)
    if len(ready) == 1:
        notes.append(f"{ready[0].corpus}: no step '{CORPUS}': give another corpus too")
    return Split(tuple(folds), tuple(dict.fromkeys(notes)))


def _steps(target: Circle, others: Sequence[Circle], options: Options, notes: list[str]) -> dict[str, list[Fold]]:
    """The folds of each step with all of their training rows, but for the steps that are made of others."""
    corpus, table, k = target.corpus, target.table, options.folds
    if len(target.folds) < 2:
        raise InputError(f"{corpus}: one speaker only: new speakers need at least two")
    steps = {LEAKED: list(_row_folds(corpus, table, k))}
    number = stratified(table, k, stream("split", corpus, VERSION, "utterances"))
    steps[RANDOM] = [
        _fold(corpus, RANDOM, i, table, parts == "test", parts == "dev") for i, parts in enumerate(in_turn(number, k))
    ]
    who = [table["speaker"].isin([s for unit in fold for s in unit.speakers]).to_numpy() for fold in target.folds]
    dev = [table["speaker"].isin(dev_speakers(target, i)).to_numpy() for i in range(len(who))]
    steps[SPEAKERS] = [_fold(corpus, SPEAKERS, i, table, who[i], dev[i]) for i in range(len(who))]
    if what := _sentence_parts(target, options.sentences, notes):
        alone = [(sentence, (number == i % k) & ~sentence, ~sentence) for i, sentence in enumerate(what)]
        pairs = list(itertools.product(range(len(who)), range(len(what))))
        both = [(who[i] & what[j], dev[i] & ~what[j], ~who[i] & ~what[j]) for i, j in pairs]
        for step, parts in ((SENTENCES, alone), (BOTH, [part for part in both if part[0].any()])):
            try:
                steps[step] = [_fold(corpus, step, i, table, *part) for i, part in enumerate(parts)]
            except InputError as error:
                notes.append(f"{corpus}: no step '{step}': {error}")
    if others and (fold := _from_others(target, others, notes)):
        steps[CORPUS] = [fold]
    return steps


def _fold(
    corpus: str,
    step: str,
    number: int,
    table: pd.DataFrame,
    test: np.ndarray,
    dev: np.ndarray,
    train: np.ndarray | None = None,
) -> Fold:
    """One fold of a step. Train is what is not tested, or ``train``, without dev; other rows are left out."""
    train = ~test if train is None else train
    parts = np.where(test, "test", np.where(dev, "dev", np.where(train, "train", "")))
    used = parts != ""
    fold = make_fold(f"{corpus}/{step}/{number + 1:02}", (corpus, corpus), table[used], parts[used])
    return replace(fold, arm=step, promises=PROMISES.get(step, frozenset()))


def _row_folds(corpus: str, table: pd.DataFrame, k: int) -> Iterator[Fold]:
    """Rows, copies among them, in random folds, whatever they are copies of; dev has clips themselves only.

    The test rows hold all rows of the fold: as rows they are scored in step `ROWS`, the clips among them in `LEAKED`.
    """
    copies = [0, *(number for number, _ in COPIES)]
    rows = pd.concat([table.assign(row=[row_id(u, copy) for u in table["id"]], copy=copy) for copy in copies])
    rows = rows.sort_values("row", ignore_index=True)
    rng = stream("split", corpus, VERSION, "rows")
    original = (rows["copy"] == 0).to_numpy()
    number = np.empty(len(rows), dtype=int)
    number[original] = stratified(rows[original], k, rng)
    number[~original] = rng.permutation(int((~original).sum())) % k
    for i, parts in enumerate(in_turn(number, k)):
        fold = _fold(corpus, LEAKED, i, rows, parts == "test", (parts == "dev") & original)
        yield replace(fold, copies=COPIES)


def _sentence_parts(target: Circle, most: int, notes: list[str]) -> list[np.ndarray]:
    """Which rows each fold of sentences tests; none, and a note, where the corpus has fewer than two sentences.

    Sentences with identical audio stay together.
    """
    sentences = linked(target.table["sentence"], target.table["group"])
    names = np.unique(sentences)
    if target.table["sentence"].isna().any() or len(names) < 2:
        notes.append(f"{target.corpus}: no steps with new sentences: its utterances do not name at least two")
        return []
    order = stream("split", target.corpus, VERSION, "sentences").permutation(len(names))
    k = min(most, len(names))
    return [np.isin(sentences, names[order[i::k]]) for i in range(k)]


def _from_others(target: Circle, others: Sequence[Circle], notes: list[str]) -> Fold | None:
    """Trained on all other corpora, whose dev speakers choose; None, and a note, where they lack a class."""
    here = pd.concat([other.table[~other.table["elsewhere"]] for other in others])
    here = here[here["label"].isin(set(target.table["label"]))]
    if lacking := sorted(set(target.table["label"]) - set(here["label"])):
        notes.append(f"{target.corpus}: no step '{CORPUS}': the others have no {', '.join(lacking)}")
        return None
    dev = here["speaker"].isin(frozenset().union(*(dev_speakers(other) for other in others)))
    both = pd.concat([here, target.table])
    parts = np.concatenate([np.where(dev, "dev", "train"), np.full(len(target.table), "test")])
    names = ("+".join(other.corpus for other in others), target.corpus)
    fold = make_fold(f"{target.corpus}/{CORPUS}/01", names, both, parts)
    return replace(fold, arm=CORPUS, promises=PROMISES[CORPUS])


def _matched(corpus: str, steps: dict[str, list[Fold]], labels: Mapping[str, str], notes: list[str]) -> Iterator[Fold]:
    """All folds with as many training utterances as the smallest has, and the steps that are made of others."""
    n = min(len({utterance_of(row) for row in fold.train}) for folds in steps.values() for fold in folds)
    notes.append(f"{corpus}: every step trains on {n} utterances, as many as the smallest has; copies come on top")
    for step, folds in steps.items():
        for fold in (drawn(fold, n, labels) for fold in folds):
            if step == LEAKED:
                yield replace(fold, arm=ROWS, name=fold.name.replace(LEAKED, ROWS))
                yield replace(fold, test=tuple(row for row in fold.test if copy_of(row) == 0))
            else:
                yield fold
            if step == RANDOM:
                yield _with_copies(fold)


def drawn(fold: Fold, n: int, labels: Mapping[str, str]) -> Fold:
    """The fold with the training rows of ``n`` drawn utterances, classes in the proportions that they have."""
    by_class: dict[str, list[str]] = {}
    for clip in sorted({utterance_of(row) for row in fold.train}):
        by_class.setdefault(labels[clip], []).append(clip)
    rng = stream("split", VERSION, fold.name, n)
    places = []
    for label, clips in sorted(by_class.items()):
        mixed = [clips[i] for i in rng.permutation(len(clips))]
        places += [((k + 0.5) / len(clips), label, clip) for k, clip in enumerate(mixed)]
    kept = {clip for *_, clip in sorted(places)[:n]}
    if lacking := sorted(set(by_class) - {labels[clip] for clip in kept}):
        raise InputError(
            f"fold '{fold.name}': of {len(places)} training utterances {n} are drawn, as many as the smallest step "
            f"has; none of them is {lacking[0]}; drop that class with a label map, or use more of the corpora"
        )
    return replace(fold, train=tuple(row for row in fold.train if utterance_of(row) in kept))


def _with_copies(fold: Fold) -> Fold:
    """The fold with the copies of its training clips; those of test and dev clips stay away."""
    copies = [row_id(utterance_of(row), number) for row in fold.train for number, _ in COPIES]
    name = fold.name.replace(RANDOM, TOGETHER)
    train = tuple(sorted([*fold.train, *copies]))
    return replace(fold, name=name, train=train, copies=COPIES, arm=TOGETHER, promises=PROMISES[TOGETHER])


PROTOCOL = Protocol(
    name="leak-ladder",
    version=VERSION,
    summary="the same utterances under splits that leak less and less, from rows after augmentation to new corpora",
    split=split,
    promises=frozenset(),
    permits=frozenset(ROW_LEAKS),
    null="either",
    label_map="basic4",
    options=Options(),
    arms=arms,
)
