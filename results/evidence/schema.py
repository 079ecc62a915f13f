"""Whether stored values are of the types that a schema names: for files that have no seal, or that somebody made."""

from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def faults(values: Mapping[str, Any], kind: type) -> list[str]:
    """A text for each field of a dataclass whose value is of another type, or not one of those that are named."""
    return [
        f"{name} is {_short(values[name])}" for name, hint in _hints(kind).items()
        if name in values and not fits(values[name], hint)
    ]  # fmt: skip


def fits(value: Any, hint: Any) -> bool:
    """Whether a value of JSON is of this type; a whole number is a float too, but true is no number.

    >>> fits(3, float), fits(True, int), fits(["a"], list[str]), fits({"a": 1}, dict[str, str]), fits(None, int | None)
    (True, False, True, False, True)
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, each) for each in arguments)
    if origin is Literal:
        return any(value == each and type(value) is type(each) for each in arguments)
    if origin is list:
        return isinstance(value, list) and all(fits(each, arguments[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(name, arguments[0]) and fits(each, arguments[1]) for name, each in value.items()
        )
    if hint in (int, float):
        return isinstance(value, (int, float) if hint is float else int) and not isinstance(value, bool)
    return value is None if hint is NoneType else isinstance(value, hint)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
