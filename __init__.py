"""serbench: speech emotion recognition, evaluated under named protocols.

What the command line does, as functions with the names of its commands and options: `run`, `plan`, `freeze`, `load`,
`compare`, `score`, `audit`, `report`, `prepare`, `predict`, `verify`. They return values, raise `InputError`, and
print nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .baselines.registry import model
    from .benchmark.api.experiments import RunResults, freeze, plan, predict, prepare, run
    from .benchmark.api.questions import audit, compare, report, score
    from .benchmark.api.results import Results, load, verify
    from .benchmark.api.tables import Table
    from .benchmark.planning.summary import Preview
    from .errors import InputError
    from .protocols.parts.protocol import Protocol

__all__ = [
    "InputError", "Preview", "Protocol", "Results", "RunResults", "Table", "audit", "compare", "freeze", "load",
    "model", "plan", "predict", "prepare", "report", "run", "score", "verify",
]  # fmt: skip

#: module -> the public names that live there
_MODULES = {
    ".baselines.registry": ("model",),
    ".benchmark.api.experiments": ("RunResults", "freeze", "plan", "predict", "prepare", "run"),
    ".benchmark.api.questions": ("audit", "compare", "report", "score"),
    ".benchmark.api.results": ("Results", "load", "verify"),
    ".benchmark.api.tables": ("Table",),
    ".benchmark.planning.summary": ("Preview",),
    ".errors": ("InputError",),
    ".protocols.parts.protocol": ("Protocol",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """A public name, imported from where it lives on its first use: `import serbench` alone imports nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """What is there, with the public names that are not imported yet."""
    return sorted({*globals(), *__all__})
