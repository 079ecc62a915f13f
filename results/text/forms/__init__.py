"""The forms of what commands print: each file here is one, with ``write(document, width)``, named as its option."""

from importlib import import_module
from pkgutil import iter_modules

from ..grids import Document

SCREEN = "terminal"


def names() -> list[str]:
    """All forms, found by where they lie."""
    return sorted(module.name for module in iter_modules(__path__))


def summary(form: str) -> str:
    """What a form is, in a sentence."""
    return (import_module(f"{__name__}.{form}").__doc__ or "").partition("\n")[0]


def render(document: Document, form: str | None = None, width: int = 100) -> str:
    """A document in a form; of None, as text for a terminal of ``width`` columns."""
    text: str = import_module(f"{__name__}.{form or SCREEN}").write(document, width)
    return text
