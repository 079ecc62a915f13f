"""When two names are one: of speakers, sessions, sentences, classes and files, the same wherever names are read.

Spellings that no program tells apart by intent are one name (`spelled`). Names that differ only in capitals, leading
zeros, width or blanks are in doubt (`doubts`): they are named, and count as one wherever a promise depends on it.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

_BLANK = dict.fromkeys(map(ord, "\u00a0\u2007\u202f"), " ")
_UNSEEN = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))
_ZEROS = re.compile(r"(?<!\d)(?<!\d[.,])0+(?=\d)")
_WHOLE = re.compile(r"(\d+)\.0+")
_UNKNOWN = frozenset({
    "", "-", "--", "?", "-1", "unknown", "unk", "<unk>", "[unk]", "unknown speaker", "speaker unknown",
    "unknown_speaker", "nan", "none", "null", "n/a", "#n/a", "<na>", "undefined", "not known",
})  # fmt: skip
_DRIVE = re.compile(r"(?:file:)?/*([A-Za-z]):(?=/|$)")
_SCHEME = re.compile(r"file:/*(?=/)")
_ELSEWHERE = re.compile(r"([a-z][a-z0-9+.-]+:)/+|(~)[^/]*(?=/)", re.IGNORECASE)  # s3://, https://, ~/, ~user/


class Doubts(NamedTuple):
    """Names that may be one: ``sets`` of spellings, and by spelling the name that stands for its set."""

    sets: tuple[tuple[str, ...], ...]
    one: Mapping[str, str]

    def of(self, name: str) -> str:
        """The name that stands for ``name``: its own where there is no doubt."""
        return self.one.get(name, name)


def spelled(name: str) -> str:
    """A name as it is compared: composed (NFC), no-break spaces as spaces, without unseen signs and outer blanks.

    >>> spelled("Jose\\u0301\\u00a0") == "Jos\\u00e9", spelled("\\ufeff03 ")
    (True, '03')
    """
    return unicodedata.normalize("NFC", name).translate(_UNSEEN).translate(_BLANK).strip()


def is_unknown(name: str | None) -> bool:
    """Whether a word says that nobody knows the name: then it names nobody, and two of them are not one person.

    >>> [is_unknown(name) for name in ("Unknown", "-1", " ", None, "na", "1")]
    [True, True, True, True, False, False]
    """
    return name is None or spelled(name).casefold() in _UNKNOWN


def doubt_key(name: str) -> str:
    """What names that may be one have in common.

    >>> [doubt_key(name) for name in ("03", "3", "3.0", "Spk 01", "spk1", "1.05")]
    ['3', '3', '3', 'spk 1', 'spk1', '1.05']
    """
    text = " ".join(unicodedata.normalize("NFKC", spelled(name)).casefold().split())
    if whole := _WHOLE.fullmatch(text):
        text = whole[1]
    return unicodedata.normalize("NFC", _ZEROS.sub("", text))


def doubts(names: Iterable[str]) -> Doubts:
    """Which of the names may be one.

    >>> doubts(["03", "3", "4"])
    Doubts(sets=(('03', '3'),), one={'03': '03 = 3', '3': '03 = 3'})
    """
    by_key: dict[str, set[str]] = {}
    for name in names:
        by_key.setdefault(doubt_key(name), set()).add(name)
    sets = tuple(sorted(tuple(sorted(several)) for several in by_key.values() if len(several) > 1))
    return Doubts(sets, {name: " = ".join(several) for several in sets for name in several})


def question(what: str, sets: Sequence[Sequence[str]], most: int = 3) -> str:
    """The question that names in doubt raise, in words.

    >>> question("speakers", [("03", "3")])
    'speakers 03 and 3: one person?'
    """
    shown = ", ".join(" and ".join(several) for several in sets[:most])
    more = f", and {len(sets) - most} more" if len(sets) > most else ""
    return f"{what} {shown}{more}: {'one person' if what == 'speakers' else 'one'}?"


class Place(NamedTuple):
    """A path as it is compared: ``parts`` without ``.``, ``..`` and doubled slashes; ``root``: of which kind it is.

    ``root`` is empty for a relative path, ``/`` for an absolute one, ``//`` for a share of Windows, else a drive
    (``d:``), a scheme (``https:``), ``~``, or ``..`` where the path leads out of where it starts.
    """

    root: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a path."""
        return "/".join((*([self.root.rstrip("/")] if self.root else []), *self.parts))


def place(path: str) -> Place:
    """A path in any spelling, as it is compared.

    >>> place("D:\\\\a\\\\x.wav"), place("./a//b/../x.wav"), place("../a/x.wav").root
    (Place(root='d:', parts=('a', 'x.wav')), Place(root='', parts=('a', 'x.wav')), '..')
    >>> [place(path).root for path in ("/a", "//a", "\\\\\\\\srv\\\\a", "file:///a", "S3://b/a", "~me/a", "file:///C:/a")]
    ['/', '/', '//', '/', 's3:', '~', 'c:']
    """
    text = spelled(path)
    shared = text.startswith("\\\\")
    text = _SCHEME.sub("", text.replace("\\", "/"))
    start = _DRIVE.match(text) or _ELSEWHERE.match(text)
    letter = start and next(group for group in start.groups() if group).lower()
    root = f"{letter}:" if letter and len(letter) == 1 and letter != "~" else letter or ""
    root = root or ("//" if shared else "/" if text.startswith("/") else "")
    parts: list[str] = []
    for part in text[start.end() if start else 0 :].split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part == "..":
            root = root or ".."
        elif part not in ("", "."):
            parts.append(part)
    return Place(root, tuple(parts))


Span = tuple[float, float]
_SPAN = re.compile(r"(?P<path>.+?)(?:#t=(?P<start>[\d.]+),(?P<end>[\d.]+|end))?(?:#by=.+)?", re.DOTALL)


def segment(path: str, start: float, end: float | None) -> str:
    """The name of an utterance that is a part of a recording, from ``start`` to ``end`` in seconds (None: to its end).

    >>> segment("calls/1.wav", 0, 4.5), whole("calls/1.wav#t=0,4.5"), whole("calls/1.wav")
    ('calls/1.wav#t=0,4.5', ('calls/1.wav', (0.0, 4.5)), ('calls/1.wav', None))
    """
    return f"{path}#t={round(start, 6):.10g},{'end' if end is None else f'{round(end, 6):.10g}'}"


def spoken_by(name: str, speaker: str) -> str:
    """The name of what one of several speakers says in a recording, or in a segment of it.

    >>> spoken_by("calls/1.wav", "agent"), whole(spoken_by("calls/1.wav", "agent"))
    ('calls/1.wav#by=agent', ('calls/1.wav', None))
    """
    return f"{name}#by={speaker}"


def whole(name: str) -> tuple[str, Span | None]:
    """The recording of an utterance, and the seconds of its segment; None where it is all of it."""
    found = _SPAN.fullmatch(name)
    if not found or not found["start"]:
        return found["path"] if found else name, None
    return found["path"], (float(found["start"]), float("inf") if found["end"] == "end" else float(found["end"]))
