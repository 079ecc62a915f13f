"""The one error that means: what the user gave cannot be used (exit code 2)."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MOST = 1_600  # characters of a message: who reads on through a list of thousands?
_HEAD, _TAIL = 1_200, 300
_KNOWN = 40  # names that an error lists where one is unknown
_ITEM = 160  # characters of one name


class InputError(ValueError):
    """Wrong usage or input. The message is one line: what, where, which values, what to do. Long ones are cut."""

    def __init__(self, message: object = "") -> None:
        super().__init__(cut(str(message)))


def cut(message: str) -> str:
    """A message of `MOST` characters at most: its middle is counted only.

    >>> len(cut("x" * 100_000)) <= MOST, cut("short")
    (True, 'short')
    """
    if len(message) <= MOST:
        return message
    left = len(message) - _HEAD - _TAIL
    return f"{message[:_HEAD]} … ({left:,} characters left out) … {message[-_TAIL:]}"


def named(names: Iterable[object], most: int = 6, between: str = ", ") -> str:
    """Names in one line; beyond ``most`` they are only counted, and a long one is cut.

    >>> named("abcdefgh", 3), named(["x" * 1000])[-3:]
    ('a, b, c and 5 more', 'xx…')
    """
    texts = [str(name) for name in names]
    shown = [text if len(text) <= _ITEM else f"{text[: _ITEM - 1]}…" for text in texts[:most]]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return between.join(shown) + more


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Error for a name that does not exist, with the nearest one that does.

    >>> str(unknown("model", "majorty", ["majority", "functionals-svm"]))
    "unknown model 'majorty'; did you mean 'majority'? Known: functionals-svm, majority"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return InputError(f"unknown {kind} '{named([name])}'{hint} Known: {named(names, _KNOWN) or 'none'}")


def at_home(path: Path) -> Path:
    """A path whose ``~`` or ``~user`` is that user's folder. InputError where there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise InputError(f"{path}: there is no home folder of '{path.parts[0]}'; write the whole path") from None


def toml_of(content: str | bytes, where: str) -> dict[str, Any]:
    """What a TOML text says; ``where`` begins the InputError for one that is damaged, not UTF-8 or too deep."""
    import tomllib

    try:
        return tomllib.loads(content if isinstance(content, str) else content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except ValueError as error:
        raise InputError(f"{where}: not TOML: {error}") from error
    except RecursionError:
        raise InputError(f"{where}: lists within lists, too deep to be read") from None


#: what a terminal obeys instead of showing it: control characters, and those that turn the direction of a line
_CONTROLS = {c: "\ufffd" for c in (*range(32), *range(127, 160), 0x061C, *range(0x200E, 0x2010), *range(0x202A, 0x202F),
                                   *range(0x2066, 0x206A)) if c not in (9, 10)}  # fmt: skip


def printable(text: str) -> str:
    """Text from somebody else without what a terminal would obey.

    >>> printable("red \x1b[31m"), printable("two\\nlines")
    ('red \ufffd[31m', 'two\\nlines')
    """
    return text.translate(_CONTROLS)
