"""What is known about each corpus: how much of what it holds, where it comes from, and what is wrong with it."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from ...errors import unknown

_DATA = files("serbench.benchmark.corpora") / "data"


@dataclass(frozen=True)
class Facts:
    """The complete corpus as released.

    ``counts`` maps a column of the utterance table to utterances per value (0: not known): always ``emotion``, mostly
    ``speaker``. ``rate_hz`` and ``channels`` are those of the released files, 0 where they vary. ``identical`` are
    groups of ids with the same audio; ``silent``, ``damaged`` (cannot be read) and ``several_channels`` are ids;
    ``absent`` are labeled utterances (id and columns) without audio. ``other_releases`` are named by their number of
    utterances.
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
    defects: tuple[str, ...] = ()
    identical: tuple[tuple[str, ...], ...] = ()
    silent: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    several_channels: tuple[str, ...] = ()
    absent: tuple[dict[str, str], ...] = ()
    other_releases: dict[str, str] = field(default_factory=dict)


@cache
def names() -> tuple[str, ...]:
    """All corpora with facts, sorted."""
    return tuple(sorted(path.name.removesuffix(".toml") for path in _DATA.iterdir() if path.name.endswith(".toml")))


@cache
def facts(name: str) -> Facts:
    """The facts of one corpus. Raises InputError for an unknown name."""
    if name not in names():
        raise unknown("corpus", name, names())
    values = tomllib.loads((_DATA / f"{name}.toml").read_text(encoding="utf-8"))
    values["identical"] = tuple(tuple(group) for group in values.get("identical", ()))
    for key in ("defects", "silent", "damaged", "several_channels", "absent"):
        values[key] = tuple(values.get(key, ()))
    return Facts(name=name, **values)
