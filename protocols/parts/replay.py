"""What replays of published protocols share: orders, seeds and splits as the authors' code makes them.

A replay draws with the published seed from NumPy's legacy generator, whose numbers never change, not from the streams
of serbench: only so does it find the published test rows. Further draws, with the seeds after it, are for where these
rows cannot be had: they show how much a score depends on the draw.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...errors import InputError
from .folds import dropped
from .protocol import Fold

SEED = 42  # of every published split; a further draw has the next
ORDER = (
    "which clips of a class are tested depends on the order in which the files lay before they were shuffled: "
    "unknown there, by name here"
)


@dataclass(frozen=True, slots=True)
class PaperCorpus:
    """A corpus as a paper used it: so many utterances, and what keeps a replay from being exact."""

    utterances: int
    remarks: tuple[str, ...] = ()


def remarks(corpus: str, n: int, used: Mapping[str, PaperCorpus]) -> list[str]:
    """What is to be said of a replay on ``n`` utterances of a corpus; ``used``: the corpora of the paper."""
    if corpus not in used:
        return [f"{corpus}: not a corpus of the paper"]
    lines = list(used[corpus].remarks)
    if n != used[corpus].utterances:
        lines.append(f"{n} utterances instead of {used[corpus].utterances}: its supports are not the published ones")
    return [f"{corpus}: {line}" for line in lines]


def check_repeats(protocol: str, repeats: int) -> None:
    """Raises InputError for less than the published draw."""
    if repeats < 1:
        raise InputError(f"{protocol}.repeats={repeats}: at least 1 is needed")


def folder(corpus: str, repeat: int) -> str:
    """What the names of a draw's folds begin with.

    >>> folder("emodb", 0), folder("emodb", 1)
    ('emodb', 'emodb/draw-2')
    """
    return f"{corpus}/draw-{repeat + 1}" if repeat else corpus


def permutation(n: int, repeat: int = 0) -> np.ndarray:
    """0 ... n - 1 in the published random order: that of ``train_test_split`` and of ``DataFrame.sample(frac=1)``."""
    return np.random.RandomState(SEED + repeat).permutation(n)


def by_file_name(table: pd.DataFrame) -> pd.DataFrame:
    """Utterances in the order of their file names, whatever folders they lie in."""
    named = table.assign(file=table["id"].str.rpartition("/")[2])
    return named.sort_values(["file", "id"], ignore_index=True).drop(columns="file")


def shuffled_classes(table: pd.DataFrame, repeat: int = 0) -> dict[str, np.ndarray]:
    """Class -> the places of its rows in the table, in the published random order; classes by name."""
    order = permutation(len(table), repeat)
    labels = table["label"].to_numpy()[order]
    return {label: order[labels == label] for label in sorted(set(labels))}


def class_parts(table: pd.DataFrame, cuts: Sequence[float], repeat: int = 0) -> np.ndarray:
    """The part (n,) of each row: of each shuffled class, the share up to ``cuts[0]`` is part 0, and so on."""
    part = np.zeros(len(table), dtype=int)
    for places in shuffled_classes(table, repeat).values():
        for number, some in enumerate(np.split(places, [int(cut * len(places)) for cut in cuts])):
            part[some] = number
    return part


def unshuffled_folds(sizes: Sequence[int], k: int) -> Iterator[np.ndarray]:
    """The fold (n,) of the rows of each class, for classes of ``sizes`` that lie one after another.

    As ``StratifiedKFold(k)`` has them: all rows are dealt out in turn, and what a fold gets of a class lies together.
    """
    start = 0
    for n in sizes:
        yield np.repeat(np.arange(k), np.bincount(np.arange(start, start + n) % k, minlength=k))
        start += n


def without_last_batches(
    folds: Sequence[Fold], labels: Mapping[str, str], batch: int, arm: str
) -> tuple[list[Fold], list[str]]:
    """Folds of one corpus as released code scores them in ``arm``, each without its last incomplete batch; and a note.

    Test rows lie class by class. InputError where no batch of a fold is full.
    """
    kept = [dropped(fold, labels, batch, arm) for fold in folds]
    lost = sum((Counter(of) for _, of in kept), Counter[str]())
    rows, scored = (sum(len(fold.test) for fold in some) for some in (folds, [fold for fold, _ in kept]))
    which = ", ".join(f"{label} {n}" for label, n in sorted(lost.items()))
    note = (
        f"{folds[0].test_name}, arm '{arm}': {scored} of {rows} test rows fill batches of {batch}; dropped: {which}, "
        "which the released code counts as errors in its accuracy"
    )
    return [fold for fold, _ in kept], [note] if lost else []
