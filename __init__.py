"""serbench: speech emotion recognition, evaluated under named protocols."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .baselines.registry import model
    from .errors import InputError
    from .protocols.parts.protocol import Protocol

__all__ = ["InputError", "Protocol", "model"]

_HOMES = {"InputError": ".errors", "Protocol": ".protocols.parts.protocol", "model": ".baselines.registry"}


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
