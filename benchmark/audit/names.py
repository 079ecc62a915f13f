"""What the name of a file tells by itself: corpus, speaker, sentence, and of which clip it is a copy."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import product
from typing import NamedTuple

from ...identities import place, whole
from ..corpora.folder import ENDINGS, LeftOutClip, Parse, Row
from ..corpora.registry import cards, find
from .segments import utterance_marks

_FEATURES = (".npy", ".npz", ".pt", ".pth", ".pkl", ".h5", ".json", ".png")
_PROBES = 64  # names that are searched for those of any corpus, where no name is a corpus's own
_DEPTH = 3  # folders and name that adapters look at
_AHEAD, _BEHIND = 3, 6  # words around a name that may have been added to it
_DONE = (
    r"noise|noisy|noised|aug|augm|augment|augmented|augmentation|pitch|pitched|pitch_?shift(?:ed)?|time_?shift(?:ed)?"
    r"|shift|shifted|time_?stretch(?:ed)?|stretch|stretched|speed|speed_?perturb(?:ed)?|perturb|perturbed|tempo|reverb"
    r"|reverberated|rir|echo|gain|volume|snr|awgn|spec_?aug(?:ment)?|resampled|copy|dup|duplicate"
)
_AMOUNT = r"(?:[_\-. ]*[+-]?\d+(?:\.\d+)?(?:db|st|x|hz|khz|ms)?)*"
_AFTER = re.compile(rf"(?P<name>.+?)(?P<mark>(?:[_\-. +]+(?:{_DONE}){_AMOUNT})+)", re.IGNORECASE)
_BEFORE = re.compile(rf"(?P<mark>(?:(?:{_DONE}|sp){_AMOUNT}[_\-. +]+)+)(?P<name>.+)", re.IGNORECASE)
_MADE = re.compile(rf"(?:{_DONE}){_AMOUNT}(?:[_\-](?:data|audio|wavs?|clips|files))?", re.IGNORECASE)
_PLAIN = re.compile("orig|originals?|clean|raw", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<name>.+?)(?P<mark>[_\-. ]\(?\d{1,3}\)?)")
_NEARLY_ALL = 0.9
_PARTS = re.compile(
    r"(?i)(?:^|[\W_]+)(?:train(?:ing)?|dev(?:el(?:opment)?)?|val(?:id(?:ation)?)?|test(?:ing)?|eval|set|split|fold|\d)+\d*"
    r"(?=$|[\W_])"
)
_ROW = re.compile(r"(?P<name>.+)(?P<mark>#\d+)")


class NameReading(NamedTuple):
    """Of one file: the corpus whose names look like this (empty: none), its row there, the clip, and what was added.

    ``original`` is the same for all copies of a clip; ``mark`` is empty where the name is a clip's own.
    """

    corpus: str
    row: Row
    original: str
    mark: str


def tell(paths: Iterable[str], corpus: str | None = None, declared: Mapping[str, str] = {}) -> dict[str, NameReading]:
    """What the name of each file tells; ``corpus`` is the only one whose names are looked for.

    ``declared``: path -> the corpus that the list names, which wins over what a name looks like, unless nearly all
    names of that corpus look so. Raises InputError for a corpus that does not exist.
    """
    chosen = cards().values() if corpus is None else [find(corpus)]
    every = {card.adapter.name: card.adapter.parse for card in chosen if card.adapter.parse is not None}
    names = list(paths)
    readings = _tell(dict.fromkeys(whole(name)[0] for name in names), every)
    if corpus is None and declared:
        readings |= _as_declared(readings, {whole(name)[0]: word for name, word in declared.items()}, every)
    marks = utterance_marks(names)
    by_name = {name: readings[whole(name)[0]] for name in names}
    return {n: t._replace(original=t.original + marks[n]) if n in marks else t for n, t in by_name.items()}


def _as_declared(
    readings: Mapping[str, NameReading], declared: Mapping[str, str], every: Mapping[str, Parse]
) -> dict[str, NameReading]:
    """Other readings of files whose names look like another corpus than the list says."""
    strange = _strange(readings, declared)
    by_path: dict[str, list[str]] = {}
    for path in strange:
        by_path.setdefault(known_corpus(declared[path]), []).append(path)
    others: dict[str, NameReading] = {}
    for name, some in by_path.items():
        others |= _tell(some, {name: every[name]} if name in every else {})
    return others


def known_corpus(word: str) -> str:
    """The corpus that a word of a list names: one that is known (``EMO-DB_train``: emodb), else the word, plainly."""
    plain = _plain_corpus(_PARTS.sub("", word))
    return next((name for name in cards() if _plain_corpus(name) == plain), plain)


def _plain_corpus(word: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", word).casefold() if sign.isalnum())


def _strange(readings: Mapping[str, NameReading], declared: Mapping[str, str]) -> list[str]:
    """Files whose names look like another corpus than the list says."""
    told: dict[str, Counter[str]] = {}
    for path, word in declared.items():
        told.setdefault(known_corpus(word), Counter())[readings[path].corpus] += 1
    wins = {
        (corpus, looks)
        for corpus, counts in told.items()
        for looks, n in counts.items()
        if corpus not in cards() and n >= _NEARLY_ALL * counts.total()
    }
    strange = []
    for path, word in declared.items():
        corpus, looks = known_corpus(word), readings[path].corpus
        if looks and looks != corpus and (corpus, looks) not in wins:
            strange.append(path)
    return strange


def _tell(paths: Iterable[str], every: Mapping[str, Parse]) -> dict[str, NameReading]:
    readings, others = _direct(paths, every)
    seen = {reading.corpus for reading in readings.values()} or {
        reading.corpus for path in others[:_PROBES] if (reading := _copy(path, every))
    }
    rules = {name: parse for name, parse in every.items() if name in seen}
    readings |= {path: _copy(path, rules) or _unknown(path) for path in others}
    listed = {reading.original for reading in readings.values() if not reading.corpus}
    return {path: reading if reading.corpus else _numbered(reading, listed) for path, reading in readings.items()}


def untold(readings: Mapping[str, NameReading]) -> set[str]:
    """Copies of which no name tells the clip: what is left of theirs is neither listed nor a corpus's own.

    ``aug_7`` would be a copy of ``7``; where there is no such file, the number counts the copies.
    """
    listed = {one.original for one in readings.values() if not one.mark}
    return {path for path, one in readings.items() if one.mark and not one.corpus and one.original not in listed}


def _direct(paths: Iterable[str], rules: Mapping[str, Parse]) -> tuple[dict[str, NameReading], list[str]]:
    """Files whose names are a corpus's own, and all others."""
    readings: dict[str, NameReading] = {}
    others = []
    for path in paths:
        name, copy = plain_name(path)
        for corpus, parse in rules.items():
            if (row := _parsed(name, parse)) is not None:
                readings[path] = NameReading(corpus, row, f"{corpus}/{row['id']}", copy)
                if next(iter(rules)) != corpus:  # most likely the next is of the same corpus
                    rules = {corpus: parse, **rules}
                break
        else:
            others.append(path)
    return readings, others


def plain_name(path: str) -> tuple[str, str]:
    """A path in its plainest spelling, without its ending and the number of a copy, and that number."""
    row = _ROW.fullmatch(path)
    mark = row["mark"] if row and row["mark"] != "#0" else ""
    path = place(row["name"] if row else path).text
    stem, dot, ending = path.rpartition(".")
    return (stem if dot and f".{ending.lower()}" in (*ENDINGS, *_FEATURES) else path), mark


def _copy(path: str, rules: Mapping[str, Parse]) -> NameReading | None:
    """A file with a name of a corpus within its own."""
    name, copy = plain_name(path)
    for corpus, parse in rules.items():
        if (inner := _inside(name, parse)) is not None:
            return NameReading(corpus, inner[0], f"{corpus}/{inner[0]['id']}", inner[1] + copy)
    return None


def _unknown(path: str) -> NameReading:
    name, copy = plain_name(path)
    original, mark = _unmarked(name)
    return NameReading("", {}, original, mark + copy)


def _parsed(path: str, parse: Parse) -> Row | None:
    """The row of the name, with as many of its folders as the rule knows."""
    parts = path.split("/")
    for depth in range(min(_DEPTH, len(parts)), 0, -1):
        row = parse("/".join(parts[-depth:]))
        if isinstance(row, LeftOutClip):
            return row.row
        if isinstance(row, dict):
            return row
    return None


def _inside(path: str, parse: Parse) -> tuple[Row, str] | None:
    """The row of a name with words added before or behind, and these."""
    folder, slash, stem = path.rpartition("/")
    cuts = [gap.span() for gap in re.finditer(r"[_\-. +()]+", stem)]
    ends = [len(stem), *(start for start, _ in reversed(cuts))][: _BEHIND + 1]
    starts = [0, *(end for _, end in cuts)][: _AHEAD + 1]
    for start, end in product(starts, ends):
        if start < end and (row := _parsed(f"{folder}{slash}{stem[start:end]}", parse)) is not None:
            return row, "…".join(added for added in (stem[:start], stem[end:]) if added)
    return None


def _unmarked(path: str) -> tuple[str, str]:
    """A path without words that augmentation leaves in names, and those words."""
    *folders, stem = path.split("/")
    marks = []
    for pattern in (_BEFORE, _AFTER):
        if match := pattern.fullmatch(stem):
            stem = match["name"]
            marks.append(match["mark"])
    mark = "…".join(marks)
    kept = [folder for folder in folders if not _MADE.fullmatch(folder) and not _PLAIN.fullmatch(folder)]
    mark = mark or next((f"{folder}/" for folder in folders if _MADE.fullmatch(folder)), "")
    return "/".join([*kept, stem]), mark


def _numbered(reading: NameReading, listed: set[str]) -> NameReading:
    """A number behind a name makes a copy only where the name itself is listed."""
    match = _NUMBERED.fullmatch(reading.original)
    if match and match["name"] in listed:
        return reading._replace(original=match["name"], mark=match["mark"] + reading.mark)
    return reading
