"""From tables to folds: identical audio, label map, split, gate. Pure: no file is read but the label maps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, get_args, get_origin, get_type_hints

import pandas as pd

from ...errors import InputError, unknown
from . import labels
from .folds import linked
from .labels import CorpusLabels, Fates, LabelledTable
from .leaks import enforce
from .names import settled, sharing
from .protocol import LEAKS, Fold, Leak, Protocol, Split
from .usable import agreeing

COLUMNS = (
    "id", "corpus", "speaker", "gender", "language", "emotion", "sentence", "session", "dialogue", "official_split",
    "audio_hash", "group",
)  # fmt: skip


@dataclass(frozen=True)
class Design:
    """A protocol applied to corpora. ``maps``: corpus -> label map; ``fold_leaks``: permitted leaks of each fold.

    ``notes`` has a line for everything that was dropped, merged or could not be done.
    """

    protocol: Protocol
    options: Any
    maps: Mapping[str, str]
    labelled: LabelledTable
    split: Split
    fold_leaks: tuple[tuple[Leak, ...], ...]
    notes: tuple[str, ...]

    @property
    def label_map(self) -> str:
        """The label map by name; corpora with another one are named: ``native,iemocap=basic4``."""
        main = self.protocol.label_map if len(set(self.maps.values())) > 1 else next(iter(self.maps.values()))
        others = [f"{corpus}={name}" for corpus, name in self.maps.items() if name != main]
        return ",".join([main, *others])

    def label_map_of(self, fold: Fold) -> str:
        """The label map of one fold: all of its corpora have the same."""
        return self.maps[fold.test_name]

    @cached_property
    def leaks(self) -> tuple[Leak, ...]:
        """The permitted leaks found in any fold."""
        kinds = {leak for leaks in self.fold_leaks for leak in leaks}
        return tuple(leak for leak in LEAKS if leak in kinds)

    @property
    def coverage(self) -> pd.DataFrame:
        """Columns corpus, emotion, n, fate (kept, merged, dropped), label."""
        return self.labelled.coverage


def design(
    protocol: Protocol,
    table: pd.DataFrame,
    label_map: str | None = None,
    options: Any = None,
    fates: Mapping[str, CorpusLabels] = {},
    distinct: bool = False,
) -> Design:
    """Folds of ``protocol`` over the utterances of one or several corpora, checked by the gate.

    ``table`` has COLUMNS. ``label_map`` None: the protocol's own; where that is ``native``, the map that the corpus
    names in ``fates``. ``options`` None: the protocol's defaults. ``distinct``: names that may be one are two. Raises
    InputError for whatever cannot be used.
    """
    table, doubted = settled(_checked(protocol, table), distinct)
    maps = maps_for(protocol, label_map, sorted(table["corpus"].unique()), fates)
    table, contradictions = agreeing(table)
    if gone := sorted(maps.keys() - set(table["corpus"])):
        raise InputError(f"{', '.join(gone)}: every utterance has identical audio under different labels")
    table, shared = sharing(table)
    labelled = _label(table, maps, fates, label_map)
    chosen = protocol.options if options is None else options
    split = protocol.split(labelled.table, chosen)
    leaks = enforce(split.folds, labelled.table, protocol)
    notes = dict.fromkeys((*doubted, *contradictions, *shared, *labelled.notes, *split.notes))
    return Design(protocol, chosen, maps, labelled, split, leaks, tuple(notes))


def maps_for(
    protocol: Protocol, label_map: str | None, corpora: list[str], fates: Mapping[str, CorpusLabels] = {}
) -> dict[str, str]:
    """Corpus -> the label map it gets: the one that is named, else the protocol's own, else the corpus's."""
    name = labels.load(label_map or protocol.label_map).name
    if label_map is not None:
        return dict.fromkeys(corpora, name)
    own = dict(protocol.label_maps)
    if name == "native":
        own = {corpus: fates[corpus].label_map for corpus in corpora if corpus in fates} | own
    return {corpus: own.get(corpus, name) for corpus in corpora}


def options_from(protocol: Protocol, values: Mapping[str, str]) -> Any:
    """The protocol's options with ``values`` (option -> text) set; numbers of a list are separated by commas.

    Raises InputError for an option that does not exist, with the nearest name, for text of the wrong type, and for an
    option without effect beside the others.
    """
    hints = get_type_hints(type(protocol.options))
    for name in values:
        if name not in hints:
            raise unknown(f"option of {protocol.name}", name, hints)
    changed = {name: _value(text, hints[name], f"{protocol.name}.{name}={text}") for name, text in values.items()}
    options = replace(protocol.options, **changed)
    protocol.check_given(options, changed.keys())
    return options


def _checked(protocol: Protocol, table: pd.DataFrame) -> pd.DataFrame:
    """The table sorted by id, identical audio of all corpora in one group."""
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise InputError(f"utterance table: no column {', '.join(missing)}; prepared corpora have them all")
    if table.empty:
        raise InputError("utterance table: no utterances; give at least one corpus")
    doubled = table.loc[table["id"].duplicated(), "id"]
    if len(doubled):
        raise InputError(f"utterance table: {doubled.iloc[0]} is there twice; give every corpus once")
    corpora = sorted(table["corpus"].unique())
    if len(corpora) < protocol.min_corpora:
        raise InputError(f"{protocol.name}: needs {protocol.min_corpora} corpora, given: {', '.join(corpora)}")
    table = table.sort_values("id", ignore_index=True)
    sets = linked(table["group"].fillna(table["id"]), table["audio_hash"])
    return table.assign(group=table.groupby(sets)["id"].transform("first"))


def _label(table: pd.DataFrame, maps: Mapping[str, str], fates: Fates, chosen: str | None) -> LabelledTable:
    """Label maps applied, each to its corpora; ``chosen`` is the user's, of all."""
    by_map = {name: table[table["corpus"].map(maps) == name] for name in dict.fromkeys(maps.values())}
    parts = [labels.apply(part, chosen or name, fates) for name, part in by_map.items()]
    return LabelledTable(
        pd.concat([part.table for part in parts]).sort_values("id", ignore_index=True),
        pd.concat([part.coverage for part in parts]).sort_values(["corpus", "emotion"], ignore_index=True),
        tuple(note for part in parts for note in part.notes),
    )


def _value(text: str, kind: Any, where: str) -> Any:
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return tuple(_value(part.strip(), item, where) for part in text.split(",") if part.strip())
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise InputError(f"{where}: write true or false")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(f"{where}: '{text}' is no {'whole number' if kind is int else 'number'}") from error
