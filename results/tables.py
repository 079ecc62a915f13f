"""Score tables as text: for the terminal, as Markdown, as CSV. Pure string builders.

Scores of one protocol, label map and set of permitted leaks share a block; a block says what it permits, what chance
is, how the intervals were made, and what failed, is pending, or was dropped.
"""

import io
import textwrap
from collections.abc import Callable, Iterable, Sequence
from csv import writer
from dataclasses import fields
from itertools import groupby

from rich.cells import cell_len

from .grids import Grid, aligned, pipes
from .metrics import METRICS
from .scores import IDENTITY, Score, Value

LEAK_WORDS = {
    "speaker": "speakers are shared between train and test",
    "session": "sessions or dialogues are shared between train and test",
    "audio": "the same recording may be in train and in test",
    "copy": "copies of test utterances may be in train",
    "sentence": "the same sentences are in train and test",
}
NONE = "–"
MOST_NOTES = 12


def percent(value: float | None) -> str:
    """In percent with one decimal; unknown is a dash.

    >>> percent(0.4534), percent(None)
    ('45.3', '–')
    """
    return NONE if value is None else f"{100 * value:.1f}"


def with_interval(value: Value) -> str:
    """Mean and interval.

    >>> with_interval(Value(mean=0.453, low=0.41, high=0.496))
    '45.3 [41.0, 49.6]'
    """
    if value.low is None or value.high is None:
        return percent(value.mean)
    return f"{percent(value.mean)} [{percent(value.low)}, {percent(value.high)}]"


def terminal(scores: Sequence[Score], notes: Sequence[str] = (), width: int = 100) -> str:
    """All scores as aligned text, made for ``width`` columns; ``notes`` are of the run as a whole."""
    blocks = [_terminal_block(block, width) for block in _blocks(scores)] or [["No cell is finished or planned yet."]]
    if notes:
        blocks.append(_wrapped(notes, width, "· "))
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def markdown(scores: Sequence[Score], notes: Sequence[str] = ()) -> str:
    """All scores with every column, as Markdown; ``notes`` are of the run as a whole."""
    parts = []
    for block in _blocks(scores):
        parts.append(f"### {block[0].protocol}, label map {block[0].label_map}")
        parts.append("\n".join(f"- {line}" for line in (*_facts(block), *_notes(block))))
        parts += [pipes(grid) for grid in (_flat(block), *_conditions(block, None), *_matrix(block))]
    parts += ["\n".join(f"- {note}" for note in notes)] if notes else []
    return "\n\n".join(parts) + "\n"


def csv(scores: Sequence[Score]) -> str:
    """One line per score with every number in [0, 1]; what is unknown is empty."""
    counts = ("n_folds", "n_seeds", "n_cells", "n_done", "n_failed", "n_pending", "n_utterances", "n_speakers")
    parts = [f.name for f in fields(Value)]
    text = io.StringIO()
    out = writer(text, lineterminator="\n")
    columns = [f"{name}_{part}" for name in METRICS for part in parts]
    out.writerow([*IDENTITY, "tag", "chance", *counts, *columns, "interval_method", "devices", "notes"])
    for s in scores:
        numbers = [s.chance, *(getattr(s.metrics[name], part) for name in METRICS for part in parts)]
        chance, *values = ["" if x is None else f"{x:.6f}" for x in numbers]
        facts = [" ".join(s.leaks) if name == "leaks" else getattr(s, name) for name in IDENTITY]
        tail = [s.interval_method or "", "; ".join(s.devices), "; ".join(s.notes)]
        out.writerow([*facts, s.tag, chance, *(getattr(s, name) for name in counts), *values, *tail])
    return text.getvalue()


def _blocks(scores: Iterable[Score]) -> list[list[Score]]:
    return [list(part) for _, part in groupby(scores, key=lambda s: (s.protocol, s.label_map, s.leaks))]


def _wrapped(lines: Iterable[str], width: int, mark: str = "") -> list[str]:
    """Lines of at most ``width`` columns where words allow; names are not broken at their hyphens."""
    after = " " * len(mark)
    wrap = textwrap.TextWrapper(width, subsequent_indent=after, break_on_hyphens=False, break_long_words=False)
    return [part for line in lines for part in wrap.wrap(mark + line)]


def _terminal_block(block: list[Score], width: int) -> list[str]:
    lines = [f"{block[0].protocol} · label map {block[0].label_map}"]
    lines += [*_wrapped(_facts(block), width), "", *_sections(block)]
    for grid in (*_conditions(block, width), *_matrix(block)):
        lines += ["", *aligned(grid)]
    notes = _wrapped(_notes(block), width, "· ")
    return [*lines, "", *notes] if notes else lines


def _facts(block: list[Score]) -> Iterable[str]:
    """What must be known to read the numbers of a block."""
    leaks = block[0].leaks
    yield from (f"LEAK, permitted by this protocol: {LEAK_WORDS.get(leak, leak)}." for leak in leaks)
    if not leaks:
        yield "Leaks: none found in the folds."
    done, failed, pending, cells = (
        sum(getattr(s, f"n_{n}") for s in block) for n in ("done", "failed", "pending", "cells")
    )
    if done < cells:
        yield f"NOT COMPLETE: {done} of {cells} cells are done, {failed} failed, {pending} pending."
    methods = sorted({s.interval_method for s in block if s.interval_method}, key=str.casefold)
    how = f": {'; '.join(methods)}" if methods else ""
    yield f"In %: UAR with its 95 % interval over test speakers{how}. sd: of UAR over seeds, folds and speakers."
    devices = sorted({device for s in block for device in s.devices})
    if len(devices) > 1:
        used = [f"{d} ({', '.join(_unique(s.label for s in block if d in s.devices))})" for d in devices]
        yield f"MIXED devices or precisions: {'; '.join(used)}."
    elif devices:
        yield f"Device: {devices[0]}."


def _notes(block: list[Score]) -> Iterable[str]:
    """What failed, is missing or was noted, each line once, with the scores it belongs to."""
    found = [(s, f"failed: {error}") for s in block for error in s.errors]
    found += [(s, f"no test rows of {c} in {n} of {s.n_folds} folds") for s in block for c, n in s.missing.items()]
    found += [(s, f"no interval: {s.interval_reason}") for s in block if s.interval_reason]
    found += [(s, note) for s in block for note in s.notes]
    lines: dict[str, list[Score]] = {}
    for s, line in found:
        lines.setdefault(" ".join(line.split()), []).append(s)
    for line, those in list(lines.items())[:MOST_NOTES]:
        yield line if len(those) == len(block) else f"{line} ({_whose(those, block)})"
    if len(lines) > MOST_NOTES:
        yield f"{len(lines) - MOST_NOTES} more notes are in the CSV and in the records"


def _whose(those: list[Score], block: list[Score]) -> str:
    """The scores that a note belongs to, by what tells them from the rest of the block."""
    names: tuple[Callable[[Score], str], ...] = (lambda s: s.label, _where, lambda s: s.condition)
    parts = []
    for of in names:
        mine = _unique(map(of, those))
        if len(mine) < len(set(map(of, block))):
            parts.append(", ".join(mine) if len(mine) <= 3 else f"{', '.join(mine[:3])} and {len(mine) - 3} more")
    return "; ".join(parts) or f"{len(those)} of {len(block)} scores"


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _where(s: Score) -> str:
    return s.test if s.train == s.test else f"{s.train} → {s.test}"


def _heading(section: list[Score], several: bool) -> str:
    """Of the scores of one train, test and condition, the condition named where there are several."""
    known = next((s for s in section if s.classes), section[0])
    condition = f", {known.condition}" if several or known.condition != "clean" else ""
    task = f"{len(known.classes)} classes, chance {percent(known.chance)}" if known.classes else "nothing done yet"
    n, speakers = max(s.n_utterances for s in section), max(s.n_speakers for s in section)
    size = f", {n} test utterances of {speakers or 'unknown'} speakers" if n else ""
    return f"{_where(known)}{condition}: {task}{size}"


def _remark(s: Score) -> str:
    """Which cells are missing from a score; nothing for a complete one."""
    causes = ", ".join(f"{n} {word}" for n, word in ((s.n_failed, "failed"), (s.n_pending, "pending")) if n)
    return "" if s.n_done == s.n_cells else f"{s.n_done} of {s.n_cells} cells" + (f" ({causes})" if causes else "")


def _starred(s: Score) -> str:
    """UAR and interval, starred where cells are missing."""
    return with_interval(s.metrics["uar"]) + ("*" if _remark(s) else "")


def _numbers(s: Score) -> tuple[str, ...]:
    uar = s.metrics["uar"]
    others = (percent(s.metrics[name].mean) for name in ("wa", "macro_f1", "weighted_f1"))
    spread = (percent(uar.sd), percent(uar.sd_folds), percent(uar.sd_speakers))
    return (with_interval(uar), *spread, *others, f"{s.n_folds} × {s.n_seeds}")


_COLUMNS = (
    "model",
    "UAR",
    "sd over\nseeds",
    "\nfolds",
    "\nspeakers",
    "WA",
    "macro\nF1",
    "weighted\nF1",
    "folds\n× seeds",
)


def _sections(block: list[Score]) -> list[str]:
    """One section per train and test under the first condition; the other conditions have a grid of their own."""
    rows: list[tuple[str, ...]] = []
    for _, part in groupby(block, key=lambda s: (s.train, s.test)):
        every = list(part)
        section = [s for s in every if s.condition == every[0].condition]
        rows.append((_heading(section, several=len(section) < len(every)),))
        for s in section:
            rows.append((f"  {s.label}", *_numbers(s)))
            rows += [(f"    {remark}",) for remark in [_remark(s)] if remark]
    return aligned(Grid("", _COLUMNS, tuple(rows), left=2))


def _conditions(block: list[Score], width: int | None) -> list[Grid]:
    """UAR of every model under every condition, where there are several; as many columns as ``width`` takes."""
    grids = []
    for _, part in groupby(block, key=lambda s: (s.train, s.test)):
        section = list(part)
        conditions, labels = _unique(s.condition for s in section), _unique(s.label for s in section)
        if len(conditions) == 1:
            continue
        uar = {(s.condition, s.label): _starred(s) for s in section}
        first = max(map(cell_len, conditions))
        step = len(labels) if width is None else max(1, (width - first) // (max(18, *map(cell_len, labels)) + 2))
        for k in range(0, len(labels), step):
            chosen = labels[k : k + step]
            rows = tuple((c, *(uar.get((c, label), NONE) for label in chosen)) for c in conditions)
            title = f"UAR by condition, {_where(section[0])}, chance {percent(section[0].chance)}{_star(rows)}"
            grids.append(Grid(title, ("condition", *chosen), rows, left=1 + len(chosen)))
    return grids


def _matrix(block: list[Score]) -> list[Grid]:
    """UAR by train and test corpus under the first condition, where one training corpus is tested on several."""
    scores = {(s.label, s.train, s.test): s for s in block if s.condition == block[0].condition}
    trains, tests, labels = (_unique(getattr(s, n) for s in scores.values()) for n in ("train", "test", "label"))
    if len({(s.train, s.test) for s in scores.values()}) == len(trains):
        return []
    rows: list[tuple[str, ...]] = []
    for label in labels:
        rows.append((label, *("" for _ in tests)))
        for train in trains:
            found = [scores.get((label, train, test)) for test in tests]
            rows.append((f"  trained on {train}", *(_starred(s) if s else NONE for s in found)))
    chances = {s.chance for s in scores.values()}
    chance = f"chance {percent(*chances)}" if len(chances) == 1 else "chance as above"
    title = f"UAR by corpus trained on (down) and tested on (across), {chance}{_star(rows)}"
    return [Grid(title, ("", *tests), tuple(rows), left=1 + len(tests))]


def _star(rows: Iterable[tuple[str, ...]]) -> str:
    return "; * not all cells" if any(text.endswith("*") for row in rows for text in row[1:]) else ""


def _flat(block: list[Score]) -> Grid:
    header = ("model", "train → test", "condition", *_COLUMNS[1:], "utterances", "chance", "cells")
    rows = tuple(
        (
            s.label,
            _where(s),
            s.condition,
            *_numbers(s),
            str(s.n_utterances),
            percent(s.chance),
            _remark(s) or str(s.n_cells),
        )
        for s in block
    )
    return Grid("", header, rows, left=4)
