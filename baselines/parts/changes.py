"""Changes of settings: by value (profiles, variants) and from text (the command line), checked against the types."""

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ...errors import InputError, unknown


def hints(settings: Any) -> dict[str, Any]:
    """Field name -> type, in the order of the dataclass."""
    kind: Any = type(settings)
    return _hints(kind)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    types_of = get_type_hints(kind)
    return {f.name: types_of[f.name] for f in fields(kind)}


def change(settings: Any, values: Mapping[str, Any], where: str) -> Any:
    """The settings with ``values``; an unknown name or a value of another type is an InputError."""
    typed = _each(settings, values, where, _value)
    try:
        return replace(settings, **typed)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def parse(settings: Any, texts: Mapping[str, str], where: str) -> dict[str, Any]:
    """Setting -> value from setting -> text, as the types of the settings say.

    Lists are written ``1,3,10``; ``none`` is None where the type allows it.
    """
    return _each(settings, texts, where, lambda text, hint: _text(text.strip(), hint))


def words(hint: Any) -> str:
    """A type in words: "a whole number", "one of adam, sgd"."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin is tuple:
        return f"a list, each {words(inner[0])}"
    if origin in (Union, types.UnionType):
        return " or ".join(words(option) for option in inner)
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", types.NoneType: "none"}
    return names.get(hint, str(hint))


def _each(settings: Any, values: Mapping[str, Any], where: str, read: Callable[[Any, Any], Any]) -> dict[str, Any]:
    types_of = hints(settings)
    typed = {}
    for name, value in values.items():
        if name not in types_of:
            raise InputError(f"{where}: {unknown('setting', name, types_of)}")
        try:
            typed[name] = read(value, types_of[name])
        except ValueError:
            raise InputError(f"{where}: setting '{name}': {value!r} is not {words(types_of[name])}") from None
    return typed


def _value(value: Any, hint: Any) -> Any:
    """The value, whole numbers made float where the type is float, so that equal settings are equal bytes."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value if value in inner else _refuse()
    if origin is tuple:
        return _list(value, inner, _value) if isinstance(value, tuple) else _refuse()
    if origin in (Union, types.UnionType):
        return _first(value, inner, _value)
    if hint is float:
        return float(value) if type(value) in (int, float) and math.isfinite(value) else _refuse()
    return value if type(value) is hint else _refuse()


def _text(text: str, hint: Any) -> Any:
    """The value that a text means; ValueError where it means none of this type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {str(option): option for option in inner}[text] if text in map(str, inner) else _refuse()
    if origin is tuple:
        return _list([part.strip() for part in text.split(",")] if text else [], inner, _text)
    if origin in (Union, types.UnionType):
        return _first(text, inner, _text)
    if hint is types.NoneType:
        return None if text.lower() == "none" else _refuse()
    if hint is bool:
        return text.lower() == "true" if text.lower() in ("true", "false") else _refuse()
    return _value(hint(text), hint)


def _list(parts: Any, inner: tuple[Any, ...], read: Callable[[Any, Any], Any]) -> tuple[Any, ...]:
    each = inner[:1] * len(parts) if inner[-1] is Ellipsis else inner
    return tuple(map(read, parts, each)) if len(each) == len(parts) else _refuse()


def _first(value: Any, options: tuple[Any, ...], read: Callable[[Any, Any], Any]) -> Any:
    """Read as the first type that takes it; None before text."""
    for option in sorted(options, key=lambda option: option is not types.NoneType):
        try:
            return read(value, option)
        except ValueError:
            continue
    return _refuse()


def _refuse() -> Any:
    raise ValueError
