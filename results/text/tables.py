"""Tables of scores.

Scores of one protocol, label map and set of permitted leaks share a block; a block says what it permits, what chance
is, how the intervals were made, and what failed, is pending, or was dropped.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import groupby

from rich.cells import cell_len

from ..evidence.corpora import UNKNOWN, Corpora
from ..evidence.devices import listed
from ..evidence.scores import FACTS, Score, Value, to_json, within
from ..statistics.metrics import METRICS, beside
from .boards import boards
from .grids import POINT, Document, Grid, Heading, Lines, Paragraph, Records
from .transfer import by_map, coverage, languages, matrix, place
from .words import NONE as NONE
from .words import headline, remark, sized, star, starred, unique, where
from .words import percent as percent
from .words import with_interval as with_interval

LEAK_WORDS = {
    "speaker": "speakers are shared between train and test",
    "session": "sessions or dialogues are shared between train and test",
    "audio": "the same recording may be in train and in test",
    "copy": "copies of test utterances may be in train",
    "sentence": "the same sentences are in train and test",
    "selection": "test utterances choose the epoch of models that have one",
    "order": "test utterances lie class by class and hand their state on",
    "statistics": "statistics of the test utterances are used to normalize",
}
MOST_NOTES = 12


def document(scores: Sequence[Score], notes: Sequence[str] = (), corpora: Corpora = UNKNOWN) -> Document:
    """All scores; ``notes`` are of the run as a whole."""
    return Document(
        text=lambda width: list(_paragraphs(scores, notes, width, corpora)),
        print=lambda: [tuple(boards([s for s in scores if s.n_done]))],
        records=lambda: records(scores, corpora),
        data=lambda: to_json(scores),
        ascii=True,
    )


def _paragraphs(
    scores: Sequence[Score], notes: Sequence[str], width: int | None, corpora: Corpora
) -> Iterator[Paragraph]:
    """Block by block; on a page a block has every column in one table."""
    for block in _blocks(scores):
        protocol, label_map = block[0].protocol, block[0].label_map
        facts, of_block = tuple(_facts(block)), tuple(_notes(block))
        if width is None:
            yield (
                Heading(f"{protocol}, label map {label_map}, {_seeds(block)}"),
                Lines((*facts, *of_block), POINT),
                _flat(block, corpora),
            )
        else:
            yield Heading(f"{protocol} · label map {label_map} · {_seeds(block)}"), Lines(facts)
            yield (_sections(block, corpora),)
        yield from ((grid,) for grid in _grids(block, corpora, width))
        if width is not None:
            yield (Lines(of_block, POINT),)
    sides = by_map(scores, corpora, width)
    if sides and width is None:
        yield (Heading("Several label maps side by side"),)
    yield from ((grid,) for grid in sides)
    if width is not None and not scores:
        yield (Lines(("No cell is finished or planned yet.",)),)
    yield (Lines(tuple(notes), POINT),)


def records(scores: Sequence[Score], corpora: Corpora = UNKNOWN) -> Records:
    """A row per score with every number in [0, 1]; what is unknown is empty."""
    counts = ("n_folds", "n_seeds", "n_cells", "n_done", "n_failed", "n_pending", "n_utterances", "n_speakers")
    parts = [f.name for f in fields(Value)]
    columns = [f"{name}_{part}" for name in METRICS for part in parts]
    spoken = ("train_language", "test_language")
    rows = []
    for s in scores:
        numbers = [s.chance, *(getattr(s.metrics[name], part) for name in METRICS for part in parts)]
        chance, *values = ["" if x is None else f"{x:.6f}" for x in numbers]
        facts = [" ".join(s.leaks) if name == "leaks" else getattr(s, name) for name in FACTS]
        tail = [s.interval_method or "", "; ".join(listed(s.devices)), "; ".join(s.notes)]
        facts += [s.tag, corpora.language(s.train), corpora.language(s.test)]
        rows.append((*facts, chance, *(getattr(s, name) for name in counts), *values, *tail))
    names = (*FACTS, "tag", *spoken, "chance", *counts, *columns, "interval_method", "devices", "notes")
    return Records(names, tuple(rows))


def _blocks(scores: Iterable[Score]) -> list[list[Score]]:
    """Scores of one protocol, label map and set of permitted leaks; where arms differ in leaks, those of all arms."""
    parts: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        parts.setdefault((score.protocol, score.label_map), []).append(score)
    blocks = []
    for part in parts.values():
        if len({s.arm for s in part}) > 1:
            blocks.append(sorted(part, key=lambda s: (s.test, s.train != s.test, within(s))))
        else:
            blocks += [list(same) for _, same in groupby(part, key=lambda s: s.leaks)]
    return blocks


def _grids(block: list[Score], corpora: Corpora, width: int | None) -> list[Grid]:
    """What a block has beside its scores one by one."""
    return [*_conditions(block, width), *matrix(block, corpora), *coverage(block, corpora)]


def _seeds(block: list[Score]) -> str:
    """How many trainings of each fold the scores rest on; one is what a run has without --seeds."""
    least, most = min(s.n_seeds for s in block), max(s.n_seeds for s in block)
    several = "" if least == most else f"{least} to "
    return f"{several}{most} seed{'' if most == 1 else 's'}"


def _facts(block: list[Score]) -> Iterable[str]:
    """What must be known to read the numbers of a block."""
    leaks = unique(leak for s in block for leak in s.leaks)
    for leak in leaks:
        have = unique(s.arm for s in block if leak in s.leaks)
        where = "" if all(leak in s.leaks for s in block) else f" (arms: {', '.join(have)})"
        yield f"LEAK, permitted by this protocol: {LEAK_WORDS.get(leak, leak)}{where}."
    if not leaks:
        yield "Leaks: none found in the folds."
    elif free := unique(s.arm for s in block if not s.leaks):
        yield f"Leaks: none found in the folds of {', '.join(free)}."
    done, failed, pending, cells = (
        sum(getattr(s, f"n_{n}") for s in block) for n in ("done", "failed", "pending", "cells")
    )
    if done < cells:
        yield f"NOT COMPLETE: {done} of {cells} cells are done, {failed} failed, {pending} pending."
    methods = sorted({s.interval_method for s in block if s.interval_method}, key=str.casefold)
    how = f" with its 95 % interval, {'; '.join(methods)}" if methods else ""
    yield f"In %: UAR{how}. sd: of UAR over seeds, folds and speakers."
    devices = sorted({device for s in block for device in s.devices})
    if len(devices) > 1:
        used = [f"{d} ({', '.join(unique(s.label for s in block if d in s.devices))})" for d in devices]
        yield f"MIXED devices or precisions: {'; '.join(used)}."
    elif devices:
        yield f"Device: {listed(devices)[0]}."


def _notes(block: list[Score]) -> Iterable[str]:
    """What failed, is missing or was noted, each line once, with the scores it belongs to."""
    pairs = [(s, f"failed: {error}") for s in block for error in s.errors]
    pairs += [(s, f"no test rows of {c} in {n} of {s.n_folds} folds") for s in block for c, n in s.missing.items()]
    pairs += [(s, f"no interval: {s.interval_reason}") for s in block if s.interval_reason]
    pairs += [(s, note) for s in block for note in s.notes]
    lines: dict[str, list[Score]] = {}
    for s, line in pairs:
        lines.setdefault(" ".join(line.split()), []).append(s)
    for line, owners in list(lines.items())[:MOST_NOTES]:
        yield line if len(owners) == len(block) else f"{line} ({_whose(owners, block)})"
    if len(lines) > MOST_NOTES:
        yield f"{len(lines) - MOST_NOTES} more notes are in the CSV and in the records"


def _whose(owners: list[Score], block: list[Score]) -> str:
    """The scores that a note belongs to, by what tells them from the rest of the block."""
    names: tuple[Callable[[Score], str], ...] = (lambda s: s.label, where, lambda s: s.condition)
    parts = []
    for of in names:
        own = unique(map(of, owners))
        if len(own) < len(set(map(of, block))):
            parts.append(", ".join(own) if len(own) <= 3 else f"{', '.join(own[:3])} and {len(own) - 3} more")
    return "; ".join(parts) or f"{len(owners)} of {len(block)} scores"


def _heading(section: list[Score], several: bool, corpora: Corpora) -> str:
    """Of the scores of one train, test and condition, the condition named where there are several."""
    scored = next((s for s in section if s.classes), section[0])
    condition = f", {scored.condition}" if several or scored.condition != "clean" else ""
    task = f"{len(scored.classes)} classes, chance {percent(scored.chance)}" if scored.classes else "nothing done yet"
    size = ", ".join(filter(None, (task, sized(section, "test utterances"))))
    return f"{place(scored, corpora)}{condition}: {size}"


def _numbers(s: Score) -> tuple[str, ...]:
    uar = s.metrics["uar"]
    others = (percent(s.metrics[metric.name].mean) for metric in beside())
    spread = (percent(uar.sd), percent(uar.sd_folds), percent(uar.sd_speakers))
    return (headline(s), *spread, *others, f"{s.n_folds} × {s.n_seeds}")


def _columns() -> tuple[str, ...]:
    """Heads of the columns of `_numbers`, after that of the model."""
    others = (metric.column for metric in beside())
    return ("UAR", "sd over\nseeds", "\nfolds", "\nspeakers", *others, "folds\n× seeds")


def _sections(block: list[Score], corpora: Corpora) -> Grid:
    """One section per train and test under the first condition; the other conditions have a grid of their own."""
    rows: list[tuple[str, ...]] = []
    for _, part in groupby(block, key=lambda s: (s.train, s.test)):
        every = list(part)
        section = [s for s in every if s.condition == every[0].condition]
        rows.append((_heading(section, len(section) < len(every), corpora),))
        for s in section:
            rows.append((f"  {s.label}", *_numbers(s)))
            rows += [(f"    {missing}",) for missing in [remark(s)] if missing]
    return Grid("", ("model", *_columns()), tuple(rows), left=2)


def _conditions(block: list[Score], width: int | None) -> list[Grid]:
    """UAR of every model under every condition, where there are several; as many columns as ``width`` takes."""
    grids = []
    for _, part in groupby(block, key=lambda s: (s.train, s.test)):
        section = list(part)
        conditions, labels = unique(s.condition for s in section), unique(s.label for s in section)
        if len(conditions) == 1:
            continue
        uar = {(s.condition, s.label): starred(s) for s in section}
        first = max(map(cell_len, conditions))
        step = len(labels) if width is None else max(1, (width - first) // (max(18, *map(cell_len, labels)) + 2))
        for k in range(0, len(labels), step):
            chosen = labels[k : k + step]
            rows = tuple((c, *(uar.get((c, label), NONE) for label in chosen)) for c in conditions)
            title = f"UAR by condition, {where(section[0])}, chance {percent(section[0].chance)}{star(rows)}"
            grids.append(Grid(title, ("condition", *chosen), rows, left=1 + len(chosen)))
    return grids


def _flat(block: list[Score], corpora: Corpora) -> Grid:
    spoken = any(languages(s, corpora) for s in block) and any(s.train != s.test for s in block)
    header = ("model", "train → test", *(["language"] if spoken else []), "condition", *_columns())
    rows = tuple(
        (
            s.label,
            where(s),
            *([languages(s, corpora) or NONE] if spoken else []),
            s.condition,
            *_numbers(s),
            str(s.n_utterances),
            percent(s.chance),
            remark(s) or str(s.n_cells),
        )
        for s in block
    )
    return Grid("", (*header, "utterances", "chance", "cells"), rows, left=4 + spoken)
