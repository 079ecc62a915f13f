"""Grids for what is trained on one corpus and tested on another, and for scores under several label maps."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from rich.cells import cell_len

from ..evidence.corpora import Corpora, Coverage
from ..evidence.scores import Score
from .grids import Grid
from .words import NONE, percent, star, starred, unique, where

MAP_COLUMNS = 39  # of a terminal, that the three columns of a label map take


def languages(score: Score, corpora: Corpora) -> str:
    """Of what was trained and tested on: ``de → it``, or one where they are the same corpus; empty where unknown."""
    train, test = corpora.language(score.train), corpora.language(score.test)
    return test if score.train == score.test else f"{train or NONE} → {test or NONE}" if train or test else ""


def place(score: Score, corpora: Corpora) -> str:
    """What was trained and tested on, with the languages where they may differ: ``emodb → emovo (de → it)``."""
    spoken = languages(score, corpora) if score.train != score.test else ""
    return f"{where(score)} ({spoken})" if spoken else where(score)


def matrix(block: Sequence[Score], corpora: Corpora) -> list[Grid]:
    """UAR by train and test corpus under the first condition, where one training corpus is tested on several."""
    scores = {(s.label, s.train, s.test): s for s in block if s.condition == block[0].condition}
    trains, tests, labels = (unique(getattr(s, n) for s in scores.values()) for n in ("train", "test", "label"))
    if len({(s.train, s.test) for s in scores.values()}) == len(trains):
        return []
    chances = {s.chance for s in scores.values()}
    rows: list[tuple[str, ...]] = []
    for label in labels:
        rows.append((label, *("" for _ in tests)))
        for train in trains:
            row = [scores.get((label, train, test)) for test in tests]
            cells = (_cell(s, len(chances) > 1) if s else NONE for s in row)
            rows.append((f"  trained on {_named(train, corpora)}", *cells))
    chance = f"chance {percent(*chances)}" if len(chances) == 1 else "chance in parentheses"
    title = f"UAR by corpus trained on (down) and tested on (across), {chance}{star(rows)}"
    return [Grid(title, ("", *(_named(test, corpora) for test in tests)), tuple(rows), left=1 + len(tests))]


def _cell(s: Score, chance: bool) -> str:
    return f"{starred(s)} ({percent(s.chance)})" if chance else starred(s)


def _named(names: str, corpora: Corpora) -> str:
    language = corpora.language(names)
    return f"{names} ({language})" if language else names


def coverage(block: Sequence[Score], corpora: Corpora) -> list[Grid]:
    """What the label map of a block keeps, merges and drops of each of its corpora, where it changes any."""
    used = {name for s in block for names in (s.train, s.test) for name in names.split("+")}
    lines = [c for c in corpora.coverage if c.label_map == block[0].label_map and c.corpus in used]
    return shares(lines, corpora)


def shares(lines: Sequence[Coverage], corpora: Corpora) -> list[Grid]:
    """A row per corpus under one label map; nothing where it changes none of them."""
    if not any(c.merged or c.dropped for c in lines):
        return []
    classes = sorted({name for c in lines for name in c.classes})
    rows = []
    for c in lines:
        fates = (f"{n} ({percent(n / c.n)})" if n else "0" for n in (c.kept, c.merged, c.dropped))
        counts = (str(c.classes[name]) if name in c.classes else NONE for name in classes)
        rows.append((c.corpus, corpora.language(c.corpus) or NONE, str(c.n), *fates, *counts))
    title = f"Utterances that label map {lines[0].label_map} keeps, merges and drops (% of the corpus), and its classes"
    return [Grid(title, ("corpus", "language", "all", "kept", "merged", "dropped", *classes), tuple(rows), left=2)]


def by_map(scores: Iterable[Score], corpora: Corpora, width: int | None = None) -> list[Grid]:
    """Scores of one protocol under several label maps side by side; as many maps as ``width`` takes, at least two.

    With each its chance, and how far it lies above it of how far a perfect model would. Of conditions the first.
    """
    grids = []
    for protocol, part in groupby(scores, key=lambda s: s.protocol):
        lines = _lines(part)
        maps = sorted({name for line in lines for name in line})
        names = [next(iter(line.values())).label for line in lines]
        room = len(maps) * MAP_COLUMNS if width is None else width - max(map(cell_len, names), default=0)
        step = max(2, room // MAP_COLUMNS)
        grids += [_side_by_side(protocol, lines, maps[k : k + step], corpora) for k in range(0, len(maps), step)]
    return grids


def _lines(scores: Iterable[Score]) -> list[Mapping[str, Score]]:
    """Scores that differ in nothing but the label map, by it; in the order of train, test and model."""
    by_pair: dict[tuple[str, str], dict[str, dict[str, Score]]] = {}
    for s in scores:
        by_pair.setdefault((s.train, s.test), {}).setdefault(s.label, {}).setdefault(s.label_map, s)
    return [maps for _, of in sorted(by_pair.items()) for maps in of.values() if len(maps) > 1]


def _side_by_side(protocol: str, lines: Sequence[Mapping[str, Score]], maps: Sequence[str], corpora: Corpora) -> Grid:
    rows: list[tuple[str, ...]] = []
    for pair, part in groupby(lines, key=lambda line: place(next(iter(line.values())), corpora)):
        rows.append((pair,))
        for line in part:
            label = next(iter(line.values())).label
            rows.append((f"  {label}", *(text for name in maps for text in _above(line.get(name)))))
    leaks = unique(leak for line in lines for s in line.values() for leak in s.leaks)
    leak = f"; LEAK, permitted by this protocol: {', '.join(leaks)}" if leaks else ""
    title = (
        f"{protocol} by label map: UAR, chance, and points above chance / those of a perfect model{star(rows)}{leak}"
    )
    header = ("", *(text for name in maps for text in (f"{name}\nUAR", "\nchance", "\nabove")))
    return Grid(title, header, tuple(rows))


def _above(s: Score | None) -> tuple[str, str, str]:
    """UAR, chance, and the points between them of those that there are."""
    if s is None:
        return NONE, NONE, NONE
    uar = s.metrics["uar"].mean
    if uar is None or s.chance is None:
        return starred(s), percent(s.chance), NONE
    return starred(s), percent(s.chance), f"{100 * (uar - s.chance):+.1f}/{percent(1 - s.chance)}"
