"""How often two equal models are called different, and how often intervals hold the truth, design by design.

    python tests/measure/validity.py --cells FILE [--corpora DIR] [--run DIR] > results/measured/validity.md

Simulations whose truth is known, through the product's own functions, beside the paired t over speakers that was there
before. What is finished stands in FILE and is not done again; cells near a bound are done again with more experiments.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

import click
import numpy as np

from serbench.tests.measure.validity_text import LUCKS, page
from serbench.tests.support.cells import Cells
from serbench.tests.support.designs import Design, Luck, alarms, bounds, even, fixed, holes, lognormal, summary
from serbench.tests.support.retrained import retrained

FEW, SHORT, LONG = 5, 400, 1_200  # experiments of a cell that is refused, of any other, of one that is near a bound
NEAR_ONE = (
    (0.9, 0.0, 0.0), (0.9, 0.04, 0.01), (0.97, 0.0, 0.0), (0.97, 0.015, 0.005), (0.99, 0.0, 0.0), (0.99, 0.005, 0.002),
)  # fmt: skip  # recall, its deviation over speakers, and over trainings
RAVDESS = (4, *(8,) * 7)  # clips of a speaker by class, neutral first


@dataclass(frozen=True)
class Cell:
    """A design with seeds and luck: a line of the tables."""

    table: str
    design: Design
    luck: Luck

    @property
    def facts(self) -> dict[str, object]:
        """What names it."""
        return {"table": self.table, "design": self.design.name, "seeds": self.design.seeds, **asdict(self.luck)}


def meld(folder: Path) -> np.ndarray:
    """MELD's test clips (speakers, emotions)."""
    path = next(iter(sorted(folder.rglob("test_sent_emo.csv"))), None)
    if path is None:
        raise click.UsageError(f"--corpora {folder}: no test_sent_emo.csv of MELD in it")
    with path.open(encoding="utf-8", errors="replace") as file:
        pairs = [(line["Speaker"], line["Emotion"]) for line in csv.DictReader(file)]
    (speaker, emotion), names = zip(*pairs, strict=True), [sorted(set(column)) for column in zip(*pairs, strict=True)]
    table = np.zeros((len(names[0]), len(names[1])), int)
    np.add.at(table, ([names[0].index(s) for s in speaker], [names[1].index(e) for e in emotion]), 1)
    return table


def designs() -> list[Design]:
    """Those of the main table, without seeds."""
    return [
        even("leave one of 6 speakers out", 6, 6),
        even("leave one of 10 speakers out", 10, 10),
        even("RAVDESS, 6 folds of 4", 24, 6, RAVDESS),
        *(even(f"one training, {n} speakers", n, 1) for n in (6, 10, 24, 91)),
    ]


def further() -> list[tuple[Design, tuple[tuple[int, ...], ...]]]:
    """Other corpora, with seeds."""
    return [
        (holes("class holes, leave one of 10 out", 10, 10), ((1,), (3,))),
        (holes("class holes, one training, 10 speakers", 10), ((3,), (5,))),
        (holes("class holes, one training, 24 speakers", 24), ((3,),)),
        (lognormal("lognormal clips, leave one of 10 out", 10, 10), ((1,), (3,))),
        (lognormal("lognormal clips, one training, 10 speakers", 10), ((3,), (5,))),
        (lognormal("lognormal clips, one training, 24 speakers", 24), ((3,),)),
        (even("5 dyads, leave one dyad out", 10, 5, pairs=True), ((1,), (3,))),
        (even("6 dyads, leave one dyad out", 12, 6, pairs=True), ((1,), (3,))),
        (even("5 dyads, one training", 10, 1, pairs=True), ((3,),)),
        (even("10 speakers, 5 folds of 2", 10, 5), ((1,), (3,))),
        (even("unequal seeds, one training, 24 speakers", 24, 1), ((2, 10), (3, 5), (3, 10))),
        (even("unequal seeds, RAVDESS, 6 folds of 4", 24, 6, RAVDESS), ((1, 3), (3, 10))),
    ]


def cells(corpora: Path | None) -> Iterator[Cell]:
    """All of them."""
    known = designs()
    if corpora is not None:
        known.append(fixed("MELD's test clips, one training", meld(corpora)))
    for count in (1, 3, 2, 5, 10):
        for design in known:
            yield from lucks("main", design.of(count))
    special = [(d, 1 if d.folds.max() else 3) for d in known] + [(d, n[0][0]) for d, n in further()[:6]]
    for design, count in special:
        for base, level, training in NEAR_ONE:
            yield Cell("bounds", design.of(count), Luck(training, 0.0, level, base=base))
        if len(design.folds) >= 10:
            yield Cell("skewed", design.of(count), Luck(0.02, 0.08, skewed=True))
            yield Cell("sampled", design.of(count), Luck(0.02, 0.08, sampled=True))
        yield Cell("classes", design.of(count), Luck(0.02, 0.08, classes=0.04))
        yield Cell("profile", design.of(count), Luck(0.02, 0.08, profile=0.2))
    for design, seeds in further():
        for n in seeds:
            yield from lucks("further", design.of(*n))


def lucks(table: str, design: Design) -> Iterator[Cell]:
    """A design with every luck and tilt."""
    for tilt in (0.0, 0.08):
        for training in LUCKS:
            yield Cell(table, design, Luck(training, tilt))


def measure(cell: Cell, n: int) -> dict[str, object]:
    """``n`` experiments of a cell, a few where it is refused."""
    seed = crc32(repr(sorted(cell.facts.items())).encode()) + n
    if cell.table == "bounds":
        return asdict(bounds(n, seed, cell.design, cell.luck))
    few = alarms(FEW, seed, cell.design, cell.luck)
    return asdict(few if few.untold == FEW else alarms(n, seed, cell.design, cell.luck))


def measure_retrained(store: Cells, n: int) -> None:
    """The classifier that is retrained, design by design."""
    for name, speakers, folds, certain in (
        ("leave one of 6 speakers out", 6, 6, False),
        ("leave one of 10 speakers out", 10, 10, False),
        ("24 speakers, 6 folds of 4", 24, 6, False),
        ("24 speakers, 6 folds of 4, card says deterministic", 24, 6, True),
    ):
        for far, suffix in ((0.2, ", speakers near each other"), (0.6, "")):
            facts = {"table": "retrained", "design": name + suffix}
            if not store.has(facts, n):
                rng = np.random.default_rng(crc32(name.encode()))
                of_speaker = np.arange(speakers) * folds // speakers
                store.add(facts, n, asdict(summary(list(retrained(n, rng, of_speaker, certain, far)))))


@click.command(help=__doc__)
@click.option("--cells", "path", type=click.Path(path_type=Path), required=True, help="Where finished cells are kept.")
@click.option("--corpora", type=click.Path(path_type=Path), default=lambda: os.environ.get("SERBENCH_CORPORA"))
@click.option("--run", type=click.Path(path_type=Path, exists=True), help="24 seeds of one model, cross-corpus.")
@click.option("--only", default="", help="Only tables or designs whose name has this in it.")
@click.option("--print", "text_only", is_flag=True, help="Only print what is finished.")
def main(path: Path, corpora: Path | None, run: Path | None, only: str, text_only: bool) -> None:
    store = Cells(path)
    if not text_only:
        every = [c for c in cells(corpora) if only in c.table or only in c.design.name]
        for n in (SHORT, LONG):
            for cell in every:
                if not store.has(cell.facts, n) and (n == SHORT or store.near(cell.facts)):
                    store.add(cell.facts, n, measure(cell, n))
            if n == SHORT and only in "retrained":
                measure_retrained(store, SHORT)
    lines = page(store)
    if run is not None:
        from serbench.tests.measure.validity_runs import groups_of_seeds, read

        lines += groups_of_seeds(*read(run))
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
