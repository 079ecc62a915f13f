"""The one error that means: what the user gave cannot be used (exit code 2)."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Wrong usage or input. The message is one line: what, where, which values, what to do."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Error for a name that does not exist, with the nearest one that does.

    >>> str(unknown("model", "majorty", ["majority", "functionals-svm"]))
    "unknown model 'majorty'; did you mean 'majority'? Known: functionals-svm, majority"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return InputError(f"unknown {kind} '{name}'{hint} Known: {', '.join(names) or 'none'}")


#: what a terminal obeys instead of showing it: control characters, and those that turn the direction of a line
_CONTROLS = {c: "\ufffd" for c in (*range(32), *range(127, 160), 0x061C, *range(0x200E, 0x2010), *range(0x202A, 0x202F),
                                   *range(0x2066, 0x206A)) if c not in (9, 10)}  # fmt: skip


def printable(text: str) -> str:
    """Text from somebody else without what a terminal would obey.

    >>> printable("red \x1b[31m"), printable("two\\nlines")
    ('red \ufffd[31m', 'two\\nlines')
    """
    return text.translate(_CONTROLS)
