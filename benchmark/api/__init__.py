"""The Python interface: what the command line does, as functions that return values and print nothing."""

from ..planning.summary import Preview
from .experiments import RunResults, freeze, plan, predict, prepare, run
from .questions import audit, compare, report, score
from .results import Results, load, verify
from .tables import Table

__all__ = [
    "Preview", "Results", "RunResults", "Table", "audit", "compare", "freeze", "load", "plan", "predict", "prepare",
    "report", "run", "score", "verify",
]  # fmt: skip
