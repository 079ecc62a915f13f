"""The Python interface: what the command line does, as functions that return values and print nothing."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..planning.summary import Preview
    from .experiments import RunResults, freeze, plan, predict, prepare, run
    from .questions import audit, compare, report, score
    from .results import Results, load, verify
    from .tables import Table

__all__ = [
    "Preview", "Results", "RunResults", "Table", "audit", "compare", "freeze", "load", "plan", "predict", "prepare",
    "report", "run", "score", "verify",
]  # fmt: skip

_HOMES = {
    "Preview": "..planning.summary", "Table": ".tables",
    **dict.fromkeys(("RunResults", "freeze", "plan", "predict", "prepare", "run"), ".experiments"),
    **dict.fromkeys(("audit", "compare", "report", "score"), ".questions"),
    **dict.fromkeys(("Results", "load", "verify"), ".results"),
}  # fmt: skip


def __getattr__(name: str) -> object:
    """What is asked for, imported then: who reads results needs nothing of what trains."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
