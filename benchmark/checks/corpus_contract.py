"""What every corpus must hold, built in or a stranger's: rules about its facts, and about the table of its files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from ...errors import InputError, at_home, named
from ...plugins import let_interruptions_pass
from ...protocols.parts import labels
from ..corpora.registry import CorpusCard
from ..corpora.table import COLUMNS, REQUIRED

#: what is broken, in words; nothing where the rule holds
FactRule = Callable[[CorpusCard], Iterator[str]]
TableRule = Callable[[CorpusCard, Path, pd.DataFrame], Iterator[str]]
_NOBODY = 0.1  # share of utterances that may have no speaker, since nobody knows or several speak
_TEXTS = ("title", "language", "license", "homepage", "obtain", "citation")


def of_facts(card: CorpusCard) -> list[tuple[str, str]]:
    """The rules about its facts that a corpus breaks, and how."""
    return [(rule, text) for rule, broken in FACT_RULES.items() for text in broken(card)]


@dataclass(frozen=True)
class ContractReading:
    """The table of a folder and its notes, and the rules it breaks; no table where nothing more can be asked of it."""

    table: pd.DataFrame | None
    notes: tuple[str, ...]
    broken: list[tuple[str, str]]


def read_twice(card: CorpusCard, source: Path) -> ContractReading:
    """Read a folder and ask its table for the rules. Raises InputError for a folder that is not the corpus's."""
    try:
        table, notes = card.adapter.read(source)
    except InputError:
        raise
    except BaseException as error:  # whatever a stranger's adapter does
        let_interruptions_pass(error)
        text = f"the adapter fails: {type(error).__name__}: {' '.join(str(error).split())}"
        return ContractReading(None, (), [("columns", text)])
    if texts := list(columns(card, source, table)):
        return ContractReading(None, (), [("columns", text) for text in texts])  # the others need them
    return ContractReading(table, notes, of_table(card, source, table))


def of_table(card: CorpusCard, source: Path, table: pd.DataFrame) -> list[tuple[str, str]]:
    """The rules that the table of a folder breaks, and how."""
    return [(rule, text) for rule, broken in TABLE_RULES.items() for text in broken(card, source, table)]


def complete_facts(card: CorpusCard) -> Iterator[str]:
    """Texts are there, each in one line; the counts of a column are all utterances, or none where they vary."""
    facts = card.facts
    for name in _TEXTS:
        text = getattr(facts, name)
        if not text.strip() or "\n" in text:
            yield f"{name} is empty or has several lines"
    if not facts.homepage.startswith("http"):
        yield f"homepage {facts.homepage} is no address that begins with http"
    for column, counts in facts.counts.items():
        total = sum(counts.values())
        if column not in COLUMNS:
            yield f"counts.{column}: no column of the utterance table; these are {', '.join(COLUMNS)}"
        if total > facts.utterances or (column == "emotion" and total != facts.utterances):
            yield f"counts.{column} are {total} of {facts.utterances} utterances"
        if column == "speaker" and total in (0, facts.utterances) and len(counts) != facts.n_speakers:
            yield f"counts.speaker names {len(counts)} of {facts.n_speakers} speakers"


def fates(card: CorpusCard) -> Iterator[str]:
    """Every class has a fate in every label map."""
    for name in labels.names():
        fates = labels.load(name).of(card.facts.labels)
        if missing := [emotion for emotion in card.facts.labels.classes if emotion not in fates]:
            yield f"label map {name} does not say what becomes of {named(missing)}; write a section [labels.{name}]"


def columns(card: CorpusCard, source: Path, table: pd.DataFrame) -> Iterator[str]:
    """Exactly the columns of `COLUMNS`; texts or nothing, and in `REQUIRED` texts."""
    if tuple(table.columns) != COLUMNS:
        yield f"they are {', '.join(map(str, table.columns))}; must be {', '.join(COLUMNS)} (see utterance_table)"
        return
    for name in COLUMNS:
        odd = sorted({type(value).__name__ for value in table[name].dropna() if not isinstance(value, str)})
        if odd:
            yield f"{name} holds {', '.join(odd)}; must be texts, or None"
        if name in REQUIRED and name != "speaker" and table[name].isna().any():
            yield f"{table[name].isna().sum()} of {len(table)} utterances have no {name}"
    if table.empty:
        yield "the table is empty"


def ids(card: CorpusCard, source: Path, table: pd.DataFrame) -> Iterator[str]:
    """Unique, sorted, NAME/path below the folder: the same wherever the folder lies."""
    prefix, ids = f"{card.facts.name}/", table["id"]
    odd = [id for id in ids if not _is_inside(id.removeprefix(prefix)) or not id.startswith(prefix)]
    if odd:
        yield f"{len(odd)} are not {prefix}PATH with a path below the folder: {named(odd, 3)}"
    if twice := sorted(set(ids[ids.duplicated()])):
        yield f"{len(twice)} are there more than once: {named(twice, 3)}"
    elif not ids.is_monotonic_increasing:
        yield "they are not sorted"
    if set(table["corpus"]) != {card.facts.name}:
        yield f"the column corpus holds {named(sorted(set(table['corpus'])), 3)}, not {card.facts.name}"


def _is_inside(path: str) -> bool:
    return bool(path) and not path.startswith(("/", "~")) and "\\" not in path and ".." not in PurePosixPath(path).parts


def speakers(card: CorpusCard, source: Path, table: pd.DataFrame) -> Iterator[str]:
    """Nearly all are known; each is NAME/label, and one of those in the facts, where these count all utterances."""
    prefix = f"{card.facts.name}/"
    names = set(table["speaker"].dropna())
    nobody = int(table["speaker"].isna().sum())
    if nobody > _NOBODY * len(table):
        yield f"{nobody} of {len(table)} utterances have none; nobody can be kept out of training who is not known"
    if odd := sorted(name for name in names if not name.startswith(prefix) or name == prefix):
        yield f"{len(odd)} are not {prefix}LABEL: {named(odd, 3)}"
    counts = card.facts.counts.get("speaker", {})
    strange = sorted(names - {prefix + label for label in counts})
    if counts and strange and (sum(counts.values()) in (0, card.facts.utterances)):
        yield f"{len(strange)} are not in counts.speaker of the facts: {named(strange, 3)}"


def classes(card: CorpusCard, source: Path, table: pd.DataFrame) -> Iterator[str]:
    """Those of the facts, and no others."""
    if odd := sorted(set(table["emotion"]) - set(card.facts.labels.classes)):
        yield f"{named(odd)} not in counts.emotion of the facts, so no label map knows what becomes of them"


def paths(card: CorpusCard, source: Path, table: pd.DataFrame) -> Iterator[str]:
    """Absolute, each a file of its own."""
    if odd := [path for path in table["path"] if not Path(path).is_absolute() or not Path(path).is_file()]:
        yield f"{len(odd)} are no files by absolute path: {named(odd, 3)}"
    if twice := sorted(set(table.loc[table["path"].duplicated(), "path"])):
        yield f"{len(twice)} files are several utterances: {named(twice, 3)}"


def repeats(card: CorpusCard, source: Path, table: pd.DataFrame) -> Iterator[str]:
    """ContractReading the folder again gives the same table."""
    again, _ = card.adapter.read(source)
    if not again.equals(table):
        yield "reading the folder twice gave two tables"


def names_of_files(card: CorpusCard, source: Path, table: pd.DataFrame) -> Iterator[str]:
    """Where the adapter tells a row from the path of a clip, it tells the id and speaker of the table."""
    parse = card.adapter.parse
    if parse is None:
        return
    root = at_home(source).resolve()
    name, odd = card.facts.name, []
    for id, speaker, path in zip(table["id"], table["speaker"], map(Path, table["path"]), strict=True):
        row = parse(path.relative_to(root).with_suffix("").as_posix()) if path.is_relative_to(root) else None
        words = row if isinstance(row, dict) else {}
        if f"{name}/{words.get('id')}" != id or ("speaker" in words and f"{name}/{words['speaker']}" != speaker):
            odd.append(id)
    if odd:
        yield f"parse tells another id or speaker than the table, or none, from {len(odd)} paths: {named(odd, 3)}"


FACT_RULES: dict[str, FactRule] = {"facts": complete_facts, "fates": fates}
TABLE_RULES: dict[str, TableRule] = {
    "columns": columns, "ids": ids, "speakers": speakers, "classes": classes, "paths": paths, "repeats": repeats,
    "parse": names_of_files,
}  # fmt: skip
