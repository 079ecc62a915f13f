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
