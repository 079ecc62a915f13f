"""What may be one in a list and is not spelled so: persons, sessions, texts, and files listed from other folders."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ...identities import Place, doubts, place, question, whole
from ...protocols.parts.names import NAMES
from .names import plain_name

_LEAST = 2  # folder and name: what two absolute paths must share


def alike(names: Sequence[str | None]) -> list[str | None]:
    """Per name the one that stands for all names that may be one with it."""
    found = doubts(name for name in dict.fromkeys(names) if name is not None)
    return [None if name is None else found.of(name) for name in names]


def questions(columns: Mapping[str, Sequence[str | None]]) -> list[str]:
    """A line for each kind of name of which several may be one."""
    lines = []
    for role, names in columns.items():
        found = doubts(name for name in dict.fromkeys(names) if name is not None)
        if found.sets:
            lines.append(question(NAMES[role], found.sets))
    return lines


def same_places(paths: Iterable[str]) -> dict[str, str]:
    """Path -> what files have in common that may be one: names without regard to capitals, below other folders.

    A relative path may lie below the folder of an absolute one that ends in it; absolute paths of two kinds (``D:``,
    ``/``) may be of one folder on two machines. Where several would fit, none is taken.
    """
    cuts = {path: whole(path) for path in paths}
    places = {path: Place(place(of).root, place(plain_name(of)[0].casefold()).parts) for path, (of, _) in cuts.items()}
    kinds: dict[str, set[tuple[str, ...]]] = {}
    for one in places.values():
        kinds.setdefault(one.root, set()).add(one.parts)
    keys: dict[Place, str] = {}
    for one in dict.fromkeys(places.values()):
        keys[one] = one.text
    if len(kinds) > 1:
        keys |= _below_other_folders(kinds)
    return {path: f"{keys[one]} {cuts[path][1] or ''}".rstrip() for path, one in places.items()}


def _below_other_folders(kinds: Mapping[str, set[tuple[str, ...]]]) -> dict[Place, str]:
    """By place the text of the shorter path that it ends in, or of the end that it shares with another kind."""
    keys: dict[Place, str] = {}
    ends: dict[str, Counter[tuple[str, ...]]] = {}
    rest: list[Place] = []
    for kind, paths in kinds.items():
        shorter = {place: _shorter(place, kinds) for place in (Place(kind, parts) for parts in paths)}
        several = Counter(shorter.values())
        for one, end in shorter.items():
            if end is not None and several[end] == 1:
                keys[one] = end.text
            elif kind not in ("", ".."):
                rest.append(one)
                ends.setdefault(kind, Counter())[one.parts[-_LEAST:]] += 1
    for one in rest:
        last = one.parts[-_LEAST:]
        if len(last) == _LEAST and ends[one.root][last] == 1 and sum(last in of for of in ends.values()) > 1:
            keys[one] = "…/" + "/".join(last)
    return keys


def _shorter(one: Place, kinds: Mapping[str, set[tuple[str, ...]]]) -> Place | None:
    """The longest relative path that a longer one may be; None where there is none."""
    for kind in {"": (), "..": ("",)}.get(one.root, ("", "..")):
        for start in range(len(one.parts)):
            if one.parts[start:] in kinds.get(kind, ()):
                return Place(kind, one.parts[start:])
    return None
