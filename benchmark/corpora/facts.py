"""What is known about a corpus: how much of what it holds, where it comes from, and what is wrong with it."""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from ...errors import InputError, toml_of
from ...protocols.parts.labels import CorpusLabels, corpus_labels


@dataclass(frozen=True)
class Facts:
    """The complete corpus as released.

    ``counts`` maps a column of the utterance table to utterances per value (0: not known): always ``emotion``, mostly
    ``speaker``. ``rate_hz`` and ``channels`` are those of the released files, 0 where they vary. ``identical`` are
    groups of ids with the same audio; ``silent``, ``damaged`` (cannot be read) and ``several_channels`` are ids;
    ``unknown_speakers`` are names that it gives to whom nobody knows. ``absent`` are labeled utterances (id and
    columns) without audio. ``other_releases`` are named by their number of utterances. ``labels`` says what becomes of
    the classes in label maps: a section ``[labels.MAP]`` for each map in which they do not have the fate that the map
    gives to their names, and ``label_map``, if not ``native``.
    """

    name: str
    title: str
    utterances: int
    n_speakers: int
    rate_hz: int
    channels: int
    language: str
    license: str
    homepage: str
    obtain: str
    citation: str
    counts: dict[str, dict[str, int]]
    labels: CorpusLabels
    defects: tuple[str, ...] = ()
    identical: tuple[tuple[str, ...], ...] = ()
    silent: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    several_channels: tuple[str, ...] = ()
    absent: tuple[dict[str, str], ...] = ()
    unknown_speakers: tuple[str, ...] = ()
    other_releases: dict[str, str] = field(default_factory=dict)


_DERIVED = ("name", "labels")  # fields that are not in the file as they are
_LISTS = ("defects", "silent", "damaged", "several_channels", "absent", "unknown_speakers")


def read_facts(name: str, folder: Path) -> Facts:
    """The facts of one corpus, from ``NAME.toml``. Raises InputError for what is missing or does not fit."""
    file = folder / f"{name}.toml"
    if not file.is_file():
        raise InputError(f"no facts: {file} is missing; write what is known about the corpus there")
    values = toml_of(file.read_bytes(), str(file))
    sections, label_map = values.pop("labels", {}), values.pop("label_map", "native")
    needed = {f.name for f in fields(Facts) if f.default is MISSING and f.default_factory is MISSING} - {*_DERIVED}
    if missing := sorted(needed - values.keys()):
        raise InputError(f"{file}: {', '.join(missing)} missing")
    if odd := sorted(values.keys() - {f.name for f in fields(Facts)} | values.keys() & {*_DERIVED}):
        raise InputError(f"{file}: {', '.join(odd)} unknown; facts are {', '.join(sorted(needed))} and some more")
    if "emotion" not in values["counts"]:
        raise InputError(f"{file}: no [counts.emotion]: the classes of the corpus, and how many utterances of each")
    values["identical"] = tuple(tuple(group) for group in values.get("identical", ()))
    values |= {key: tuple(values.get(key, ())) for key in _LISTS}
    labels = corpus_labels(list(values["counts"]["emotion"]), sections, label_map, str(file))
    return Facts(name=name, labels=labels, **_typed(values, file))


def _typed(values: dict[str, Any], file: Path) -> dict[str, Any]:
    """The values, if they are texts and numbers where these are needed."""
    for f in fields(Facts):
        if f.type in (str, int) and f.name in values and type(values[f.name]) is not f.type:
            kind = "text" if f.type is str else "whole number"
            raise InputError(f"{file}: {f.name} = {values[f.name]!r} is no {kind}")
    return values
